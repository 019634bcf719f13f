"""Ignore files mean what they mean to git."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from assist_context.index.patterns import IgnoreFile, Level, Rule
from support.repositories import new_repository

_ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull,
}  # fmt: skip

_PIECES = (
    "a", "b", "ab", "aa", "A", "9", ".", "-", " ", "\t", "é", "ü", "漢", "!", "#", "]", "*", "**", "***", "?", "/", "/",
    "\\", "\\\\", "\\*", "\\ ", "\\/", "\\a", "[ab]", "[!a]", "[^b]", "[a-b]", "[b-a]", "[]a]", "[a", "[", "[\\]a]",
    "[a\\-b]", "[-a]", "[a-]", "[[:]", "[/]", "[é]", "[[:alpha:]]", "[[:foo:]]", "[[:upper:][:digit:]]",
    "[![:alnum:]]", "**/", "/**/", "/**", "\r", "[[:space:]]", "[[:punct:]]",
)  # fmt: skip
_NAMES = (
    "a", "b", "ab", "aab", "aa", "abab", "aé", "é", "漢", "a b", "a ", " b", "[a", "*", "a*", "-", ".a", "!a", "#a",
    "]", "A", "A9", "a-b", "ü", "a\tb", "\\", "a\\", "**", "a\r",
)  # fmt: skip

patterns = st.builds(
    "{}{}{}".format, st.sampled_from(["", "", "", "!"]), st.lists(st.sampled_from(_PIECES), max_size=6).map("".join),
    st.sampled_from(["", "", "/", " "]),
)  # fmt: skip
ignore_files = st.lists(patterns, min_size=1, max_size=5).map("\n".join)
paths = st.lists(st.sampled_from(_NAMES), min_size=1, max_size=5).map("/".join)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_repository(tmp_path_factory.mktemp("patterns"))


def _git_says(root: Path, content: bytes, asked: list[str]) -> list[Rule | None]:
    (root / ".gitignore").write_bytes(content)
    command = ["git", "check-ignore", "--no-index", "-v", "-n", "-z", "--stdin"]
    paths = "".join(f"{path}\0" for path in asked).encode()
    done = subprocess.run(command, cwd=root, env=_ENVIRONMENT, input=paths, capture_output=True, check=False)
    out = done.stdout.decode().split("\0")
    rules = zip(out[0::4], out[1::4], out[2::4], strict=False)
    return [Rule(file, int(line), pattern) if file else None for file, line, pattern in rules]


def _we_say(content: bytes, path: str) -> Rule | None:
    """Give the rule that decides, also one that includes, as `git check-ignore -v` does."""
    level = Level(b"").having(".gitignore", content)
    *folders, name = path.encode().split(b"/")
    for folder in folders:
        if ignored := level.rule(folder, folder=True):
            return ignored
        level = level.below(folder)
    decided = [file.last_match((level.path + name)[start:], folder=False) for start, file in level.files]
    return decided[0][0] if decided and decided[0] else None


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(content="\ufeff*a\n", asked=["a", "aa/b"])
@example(content="a**/b\nx", asked=["ab", "a/b", "ax/y/b"])
@example(content="a\\ \n b \nb\\  ", asked=["a ", " b", "b ", "b"])
@example(content="*\n!*/\n!a*", asked=["a", "b/ab", "b/b"])
@example(content="/a\n/\n//\n!\n#a\n\\#a\n\\!a", asked=["a", "b/a", "#a", "!a"])
@example(content="a\0b\nb\r\n", asked=["a", "b"])
@given(content=ignore_files, asked=st.lists(paths, min_size=1, max_size=30, unique=True))
def test_the_rule_that_decides_is_gits(repository: Path, content: str, asked: list[str]) -> None:
    raw = content.encode()
    assert [_we_say(raw, path) for path in asked] == _git_says(repository, raw, asked)


@pytest.mark.parametrize(
    ("content", "path", "ignored"),
    [
        ("*.log", "a/b.log", True),
        ("*.log\n!b.log", "a/b.log", False),
        ("/build", "build", True),
        ("/build", "a/build", False),
        ("docs/*.txt", "docs/a/b.txt", False),
        ("docs/**/b.txt", "docs/a/c/b.txt", True),
        ("a/\n!a/keep", "a/keep", True),
        ("a/*\n!a/keep", "a/keep", False),
        ("?", "é", False),
        ("??", "é", True),
    ],
)
def test_usual_and_odd_patterns(content: str, path: str, ignored: bool) -> None:
    rule = _we_say(content.encode(), path)
    assert (rule is not None and not rule.pattern.startswith("!")) is ignored


def test_the_nearest_ignore_file_decides_first() -> None:
    top = Level(b"").having(".gitignore", b"*.log\nout/\n")
    inner = top.below(b"src").having(".gitignore", b"!keep.log\n")
    assert inner.rule(b"a.log", folder=False) == Rule(".gitignore", 1, "*.log")
    assert inner.rule(b"keep.log", folder=False) is None
    ignored = inner.below(b"out").having(".gitignore", b"!*\n")
    assert ignored.ignored == ignored.rule(b"a", folder=False) == Rule(".gitignore", 2, "out/")


@pytest.mark.parametrize("pattern", ["*a" * 40 + "b", "**/" + "*a" * 20 + "b/**/c", "x/" + "**/a/" * 40 + "b"])
def test_no_pattern_takes_for_ever(pattern: str) -> None:
    file = IgnoreFile(".gitignore", pattern.encode())
    for path in (b"a" * 255, b"/".join([b"a" * 255] * 15), b"x/" + b"a/" * 2000 + b"a"):
        assert file.last_match(path, folder=False) is None
