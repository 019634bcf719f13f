import pytest

from assist_server.config.toml import TomlError, parse

TEXT = '''\
# a comment = 1
log.level = "debug"

[completion] # here
maxTokens = 5
"debounceMs" = 6
note = """
maxTokens = 7
[backend]
"""
other = \'\'\'
url = 1\'\'\'
  suffix_tokens=8
exclude = [
  "a = b",
]

[ "backend" . 'x' ]
url = "a"  # = """
last = 1
'''


def test_every_key_has_its_line() -> None:
    assert parse(TEXT).lines == {
        "log.level": 2,
        "completion": 4,
        "completion.maxTokens": 5,
        "completion.debounceMs": 6,
        "completion.note": 7,
        "completion.other": 11,
        "completion.suffix_tokens": 13,
        "completion.exclude": 14,
        "backend.x": 18,
        "backend.x.url": 19,
        "backend.x.last": 20,
    }


def test_windows_line_ends() -> None:
    assert parse(TEXT.replace("\n", "\r\n")).lines == parse(TEXT).lines


def test_values_are_those_of_the_parser() -> None:
    assert parse(TEXT).values["completion"]["maxTokens"] == 5


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("a = 1\nb = = 2\n", 2, "Invalid value"),
        ("a = 1\n\n[x\n", 3, "Expected ']'"),
        ('a = 1\nb = "open', 2, "Unterminated string"),
        ("a = 1\na = 2", 2, "overwrite"),
        ("a = " + "[" * 20_000, 1, "nested too deeply"),
        ("\n\na = " + "9" * 5000, 3, "digits"),
        ("", 1, ""),
    ],
)
def test_what_is_not_toml_says_the_line(text: str, line: int, part: str) -> None:
    if not text:
        assert parse(text).values == {}
        return
    with pytest.raises(TomlError) as caught:
        parse(text)
    assert caught.value.line == line
    assert part in caught.value.message
    assert "at line" not in caught.value.message
