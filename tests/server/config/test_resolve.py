import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_server.config.names import all_settings
from assist_server.config.resolve import (
    MOST_UNKNOWN_NAMES,
    Entry,
    Layer,
    Origin,
    Problem,
    Resolved,
    printable,
    resolve,
)
from assist_server.config.settings import Settings

FILE = Origin("user file", "/home/me/config.toml", 3)
KNOWN = {s.name: s for s in all_settings()}


def check(name: str, raw: object, *, expect: Any = None, problem: str | None = None, textual: bool = False) -> Resolved:
    """Resolve one value, expecting either what it becomes or the beginning of the one problem."""
    resolved = resolve([Layer((Entry(name, raw, FILE),), textual=textual)])
    if problem is None:
        assert resolved.problems == ()
        value = next(v for v in resolved.values if v.origin == FILE)
        assert value.value == expect
        assert type(value.value) is type(expect)
    else:
        (found,) = resolved.problems
        assert found.message.startswith(problem)
        assert found.origin == FILE
        assert resolved.settings == Settings()
    return resolved


def test_nothing_given_is_the_defaults() -> None:
    resolved = resolve([])
    assert resolved.settings == Settings()
    assert resolved.problems == ()
    assert {v.source for v in resolved.values} == {"default"}
    assert [v.name for v in resolved.values] == list(KNOWN)


@pytest.mark.parametrize("name", ["completion.maxTokens", "completion.max_tokens"])
def test_both_spellings(name: str) -> None:
    assert check(name, 5, expect=5).settings.completion.max_tokens == 5


@pytest.mark.parametrize(
    ("name", "raw", "expect"),
    [
        ("completion.enable", False, False),
        ("completion.maxTokens", 2048, 2048),
        ("completion.maxTokens", 1.0, 1),
        ("engine.idleMinutes", 5, 5.0),
        ("engine.idleMinutes", 0.01, 0.01),
        ("engine.gpuLayers", -1, -1),
        ("completion.items", "never", "never"),
        ("completion.fimTemplate", "<a>\n{prefix}", "<a>\n{prefix}"),
        ("completion.exclude", ["python", "é漢😀"], ("python", "é漢😀")),
        ("completion.exclude", (), ()),
    ],
)
def test_good_values(name: str, raw: object, expect: object) -> None:
    check(name, raw, expect=expect)


@pytest.mark.parametrize(
    ("name", "raw", "problem"),
    [
        ("completion.maxTokens", "5", 'completion.maxTokens takes a whole number from 1 to 2048, not "5"'),
        ("completion.maxTokens", True, "completion.maxTokens takes a whole number from 1 to 2048, not true"),
        ("completion.maxTokens", 0, "completion.maxTokens takes a whole number from 1 to 2048, not 0"),
        ("completion.maxTokens", 2049, "completion.maxTokens takes"),
        ("completion.maxTokens", 5.5, "completion.maxTokens takes"),
        ("completion.maxTokens", float("nan"), "completion.maxTokens takes"),
        ("completion.maxTokens", float("inf"), "completion.maxTokens takes"),
        ("engine.idleMinutes", 10**400, "engine.idleMinutes takes a number from 0.01 to 10080, not a huge number"),
        pytest.param("completion.maxTokens", 10**6000, "completion.maxTokens takes", id="6000 digits"),
        ("completion.enable", 1, "completion.enable takes true or false, not 1"),
        ("completion.enable", "true", "completion.enable takes"),
        ("completion.items", "sometimes", 'completion.items takes one of auto, always, never, not "sometimes"'),
        ("completion.items", {}, "completion.items takes one of auto, always, never, not a table"),
        ("backend.url", 5, "backend.url takes text, not 5"),
        ("backend.url", "a\0b", 'backend.url takes text, not "a?b"'),
        ("backend.url", "\ud800", "backend.url takes text"),
        ("completion.exclude", "python", 'completion.exclude takes a list of texts, not "python"'),
        ("completion.exclude", ["a", 1], "completion.exclude takes a list of texts, not a list"),
        ("completion.maxTokens", {"a": 1}, "completion.maxTokens takes a whole number from 1 to 2048, not a table"),
        ("maxTokens", 5, "there is no setting maxTokens"),
        ("completion", 5, "completion is a group of settings, not a value"),
        ("evil\x1b[31m" + "x" * 100, 5, "there is no setting evil?[31mxxx"),
    ],
)
def test_a_bad_value_is_one_problem_and_keeps_the_default(name: str, raw: object, problem: str) -> None:
    check(name, raw, problem=problem)


@pytest.mark.parametrize(
    ("name", "raw", "expect"),
    [
        ("completion.enable", "off", False),
        ("completion.enable", " YES ", True),
        ("completion.maxTokens", "12", 12),
        ("engine.idleMinutes", "0.5", 0.5),
        ("backend.model", "12", "12"),
        ("completion.exclude", "python, lua,", ("python", "lua")),
        ("completion.exclude", '["a,b"]', ("a,b",)),
        ("completion.exclude", ["a"], ("a",)),
        ("completion.maxTokens", 12, 12),
    ],
)
def test_text_that_stands_for_a_value(name: str, raw: object, expect: object) -> None:
    check(name, raw, expect=expect, textual=True)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("completion.enable", "perhaps"),
        ("completion.maxTokens", "12.5"),
        ("completion.maxTokens", "9" * 5000),
        ("engine.idleMinutes", "nan"),
        ("completion.exclude", "[" * 100_000),
        ("completion.exclude", "[1]"),
    ],
)
def test_text_that_does_not(name: str, raw: str) -> None:
    check(name, raw, problem=f"{name} takes ", textual=True)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("completion.maxToken", "did you mean completion.maxTokens?"),
        ("completions.maxTokens", "did you mean completion.maxTokens?"),
        ("maxTokens", "did you mean completion.maxTokens?"),
        ("model", "did you mean backend.model?"),
        ("log.lvel", "did you mean log.level?"),
        ("privacy.ALLOWHOSTS", "did you mean privacy.allowHosts?"),
        ("zzz", "docs/settings.md lists all settings"),
        ("", "docs/settings.md lists all settings"),
    ],
)
def test_an_unknown_name_gets_the_nearest_one(name: str, hint: str) -> None:
    (problem,) = resolve([Layer((Entry(name, 1, FILE),))]).problems
    assert problem.hint == hint


def test_a_bad_value_keeps_the_lower_layers_and_says_which() -> None:
    lower = Layer((Entry("completion.maxTokens", 7, Origin("user file", "/c.toml", 1)),))
    upper = Layer((Entry("completion.maxTokens", "x", FILE),))
    resolved = resolve([lower, upper])
    assert resolved.settings.completion.max_tokens == 7
    assert resolved.value("completion.maxTokens").source == "/c.toml:1"
    (problem,) = resolved.problems
    assert problem.hint == "7 is used instead"
    assert problem.where == "/home/me/config.toml:3"


def test_the_last_layer_wins_and_null_asks_for_nothing() -> None:
    layers = [Layer((Entry("chat.maxTokens", n, Origin("editor", str(n))),)) for n in (20, 30)]
    resolved = resolve([*layers, Layer((Entry("chat.maxTokens", None, Origin("command line")),))])
    assert resolved.value("chat.maxTokens").source == "editor (30)"


def test_an_empty_list_for_a_group_is_an_empty_table() -> None:
    assert resolve([Layer((Entry("completion", [], FILE), Entry("chat", None, FILE)))]).problems == ()


@pytest.mark.parametrize("name", [s.name for s in all_settings() if s.spec.scope == "machine"])
def test_machine_settings_are_refused_where_a_repository_speaks(name: str) -> None:
    for value in (KNOWN[name].default, "x", 5, None):
        resolved = resolve([Layer((Entry(name, value, FILE),), refusal="set it elsewhere")])
        assert resolved.settings == Settings()
        refused = [Problem(f"{name} may not be set by a workspace", FILE, "set it elsewhere")]
        assert list(resolved.problems) == ([] if value is None else refused)


def test_an_editor_that_sends_its_manifests_defaults_asks_for_nothing() -> None:
    editor = Origin("editor", "its workspace settings")
    own = Layer((Entry("backend.name", "ollama", FILE),))

    def sent(raw: object) -> Resolved:
        return resolve([own, Layer((Entry("backend.name", raw, editor),), refusal="no")])

    assert sent("auto").problems == sent("ollama").problems == ()
    assert len(sent("openai").problems) == len(sent(5).problems) == 1
    assert {sent(raw).settings.backend.name for raw in ("auto", "ollama", "openai", 5)} == {"ollama"}


def test_a_flood_of_unknown_names_is_cut() -> None:
    entries = tuple(Entry(f"nothing{number}", 1, FILE) for number in range(5000))
    problems = resolve([Layer(entries)]).problems
    assert len(problems) == MOST_UNKNOWN_NAMES + 1
    assert problems[-1].message == f"{5000 - MOST_UNKNOWN_NAMES} more names are not settings"


@pytest.mark.parametrize(
    ("origin", "text"),
    [
        (Origin("default"), "default"),
        (Origin("user file", "/a/b.toml", 4), "/a/b.toml:4"),
        (Origin("workspace file", "/a/.assist.toml"), "/a/.assist.toml"),
        (Origin("environment", "ASSIST_MODEL"), "environment (ASSIST_MODEL)"),
        (Origin("editor"), "editor"),
        (Origin("command line"), "command line"),
    ],
)
def test_origins_in_words(origin: Origin, text: str) -> None:
    assert str(origin) == text


def test_text_from_a_file_is_made_printable() -> None:
    assert printable("a\x1b[0m\n\u202eb") == "a?[0m??b"
    assert printable("x" * 61) == "x" * 59 + "…"
    assert printable("x" * 60) == "x" * 60


def test_an_unknown_value_name_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        resolve([]).value("nothing")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from([*KNOWN, *(f"{s.section}.{s.key}" for s in all_settings()), "completion", "log"])
entries = st.builds(Entry, names | st.text(), json_values, st.just(FILE) | st.just(Origin("editor")))
layers = st.builds(
    Layer,
    st.lists(entries, max_size=8).map(tuple),
    refusal=st.none() | st.just("elsewhere"),
    textual=st.booleans(),
)


def assert_within_bounds(resolved: Resolved) -> None:
    """Every value is of its type, within its bounds and one of its choices."""
    types = {"boolean": bool, "integer": int, "number": float, "string": str, "strings": tuple}
    for value in resolved.values:
        setting = KNOWN[value.name]
        assert type(value.value) is types[setting.kind], value
        assert not setting.spec.choices or value.value in setting.spec.choices, value
        assert setting.spec.minimum is None or value.value >= setting.spec.minimum, value
        assert setting.spec.maximum is None or value.value <= setting.spec.maximum, value
        assert getattr(getattr(resolved.settings, setting.section), setting.key) == value.value


@given(st.lists(layers, max_size=4))
def test_resolve_never_raises_and_stays_within_bounds(given_layers: list[Layer]) -> None:
    resolved = resolve(given_layers)
    assert_within_bounds(resolved)
    for problem in resolved.problems:
        assert problem.message.isprintable()
        assert len(problem.message) < 300


@pytest.mark.parametrize(
    ("name", "value"),
    [("completion.maxTokens", 0), ("completion.maxTokens", True), ("completion.items", "x"), ("log.level", 5)],
)
def test_the_check_of_bounds_rejects_what_is_out_of_bounds(name: str, value: object) -> None:
    resolved = resolve([])
    values = tuple(dataclasses.replace(v, value=value) if v.name == name else v for v in resolved.values)
    with pytest.raises(AssertionError):
        assert_within_bounds(dataclasses.replace(resolved, values=values))


def test_check_rejects_a_wrong_expectation() -> None:
    with pytest.raises(AssertionError):
        check("completion.maxTokens", 5, expect=6)
    with pytest.raises(AssertionError):
        check("engine.idleMinutes", 5, expect=5)
    with pytest.raises(ValueError, match="unpack"):
        check("completion.maxTokens", 5, problem="completion.maxTokens takes")
