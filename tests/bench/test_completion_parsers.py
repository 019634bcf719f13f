"""The languages' own parsers tell which shown text adds a syntax error, and whose fault it is."""

import completion_parsers
import pytest
from completion_parsers import PARSERS, File, Judge, ParserMissing
from completion_tasks import Task

SUFFIXES = {"Python": ".py", "TypeScript": ".ts", "Rust": ".rs", "Go": ".go"}
FILES = {
    "Python": "def load(path):\n    total = 0\n    <|>\n    return total\n",
    "TypeScript": "export function load(path: string) {\n  let total = 0;\n  <|>\n  return total;\n}\n",
    "Rust": "//! Loads.\n#![allow(dead_code)]\nmod other;\nfn load() -> u32 {\n    <|>\n    total()\n}\n",
    "Go": "package load\n\nfunc load() int {\n\ttotal := 0\n\t<|>\n\treturn total\n}\n",
}
FITTING = {
    "Python": [
        "total += unknown(path)",
        "for entry in path:\n        total += entry",
        "match path:\n        case _: pass",
    ],
    "TypeScript": ["total += unknown(path);", "for (const each of path) {\n    total += each;\n  }", "total++"],
    "Rust": ["let total = unknown(1);", "if let Some(x) = a && let Some(y) = b {}", 'let s = r#"}"#;', "// }"],
    "Go": ["total += unknown(1)", "for range 3 {\n\t\ttotal++\n\t}", "_ = load[int]"],
}
BROKEN = {
    "Python": ["total += (", "for entry in path:", "  total += 1", "total += 'a", "return)"],
    "TypeScript": ["total += (;", "for (const each of path) {", "}", "total += 'a", "const = 1;"],
    "Rust": ["let total = (;", "for each in path {", "}", 'let s = "a;', "let = 1;", "#[derive(Debug)] }"],
    "Go": ["total += (", "for range 3 {", "}", 'total += "a', "total :="],
}


def task(language, marked, hole, suffix=""):
    text, offset = marked.replace("<|>", ""), marked.index("<|>")
    path = f"load{suffix or SUFFIXES[language]}"
    return Task("one", "repo", language, "tune", "line", path, "", text, offset, hole, repeated=False)


def judged(language, shown, marked="", hole="", suffix=""):
    one = task(language, marked or FILES[language], hole or FITTING[language][0], suffix)
    return Judge().verdicts([(one, shown)])["one"]


@pytest.mark.parametrize(("language", "shown"), [(name, text) for name, texts in FITTING.items() for text in texts])
def test_what_parses_introduces_nothing(language, shown):
    verdict = judged(language, shown)
    assert (verdict.shown, verdict.empty, verdict.truth) == ("", "", "")
    assert not verdict.introduced
    assert not verdict.left


@pytest.mark.parametrize(("language", "shown"), [(name, text) for name, texts in BROKEN.items() for text in texts])
def test_an_error_that_was_not_there_is_introduced(language, shown):
    verdict = judged(language, shown)
    assert verdict.introduced
    assert verdict.shown.startswith("line ")
    assert not verdict.left


@pytest.mark.parametrize(
    ("language", "error"),
    [
        ("Python", "line 3: invalid syntax"),
        ("TypeScript", "line 3: Expression expected."),
        ("Rust", "line 5: expected expression, found `;`"),
        ("Go", "line 5: expected operand, found ';'"),
    ],
)
def test_the_first_error_is_told_with_its_line(language, error):
    assert judged(language, "total = ;").shown == error


@pytest.mark.parametrize(
    ("language", "marked", "hole"),
    [
        ("Python", "def load(path):\n    <|>\n", "return path"),
        ("TypeScript", "const total = <|>;\n", "1"),
        ("Rust", "fn load() { let total = <|>; }\n", "1"),
        ("Go", "package load\n\nvar total = <|>\n", "1"),
    ],
)
def test_where_nothing_does_not_parse_either_the_error_is_left(language, marked, hole):
    assert not judged(language, hole, marked, hole).left
    verdict = judged(language, "(", marked, hole)
    assert verdict.left
    assert not verdict.introduced


def test_a_right_beginning_of_several_lines_is_excused():
    hole = "for (const each of path) {\n    total += each;\n  }"
    right, wrong, half = "for (const each of path) {", "for (const every of path) {", "for (const each of"
    assert judged("TypeScript", right, hole=hole).shown
    found = [judged("TypeScript", shown, hole=hole).introduced for shown in (right, f"{right}\n", wrong, half)]
    assert found == [False, False, True, True]


def test_half_a_line_is_not_excused():
    assert judged("Go", "total += unknown(", hole="total += unknown(1)").introduced


def test_a_file_that_does_not_parse_with_the_truth_tells_nothing():
    verdict = judged("Python", ")", hole="total += (")
    assert verdict.shown
    assert not verdict.introduced
    assert not verdict.left


def test_the_suffix_decides_whether_angle_brackets_are_elements():
    assert judged("TypeScript", "return <b>{total}</b>;").introduced
    assert not judged("TypeScript", "return <b>{total}</b>;", suffix=".tsx").introduced
    assert judged("TypeScript", "return <number>total;", suffix=".tsx").introduced


def test_each_file_has_its_own_verdict():
    for language, parser in PARSERS.items():
        texts = [*FITTING[language], *BROKEN[language]] * 2
        files = [File(language, SUFFIXES[language], FILES[language].replace("<|>", text)) for text in texts]
        expected = ([False] * len(FITTING[language]) + [True] * len(BROKEN[language])) * 2
        assert list(map(bool, parser(files))) == expected


def test_what_was_read_is_not_read_again(monkeypatch):
    judge = Judge()
    one = task("Python", FILES["Python"], FITTING["Python"][0])
    first = judge.verdicts([(one, "total += (")])
    monkeypatch.setattr(completion_parsers, "PARSERS", {})
    assert judge.verdicts([(one, "total += (")]) == first


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("TypeScript", "`node` is not on PATH: install Node.js"),
        ("Rust", "`rustc` is not on PATH: install Rust"),
        ("Go", "`gofmt` is not on PATH: install Go"),
    ],
)
def test_a_parser_that_is_not_there_says_what_to_install(language, message, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ParserMissing, match=message):
        judged(language, "1")


@pytest.mark.parametrize(("language", "program"), [("TypeScript", "node"), ("Rust", "rustc"), ("Go", "gofmt")])
def test_a_parser_that_does_not_run_is_no_verdict(language, program, monkeypatch, tmp_path):
    (tmp_path / program).write_text("#!/bin/sh\necho no toolchain >&2\nexit 1\n")
    (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(ParserMissing, match=r"does not run.*: no toolchain"):
        judged(language, "1")
