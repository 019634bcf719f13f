import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_server.config.resolve import Resolved
from assist_server.config.sources import MAX_FILE_BYTES, load_settings
from assist_server.core.errors import ConfigError


class Place:
    """A config folder and a workspace to load settings from."""

    def __init__(self, folder: Path) -> None:
        self.config = folder / "config"
        self.workspace = folder / "workspace"
        self.config.mkdir()
        self.workspace.mkdir()

    def user(self, text: str | bytes) -> Path:
        return self._write(self.config / "config.toml", text)

    def repository(self, text: str | bytes) -> Path:
        return self._write(self.workspace / ".assist.toml", text)

    def load(self, environ: Mapping[str, str] | None = None, **given: Any) -> Resolved:
        given.setdefault("workspace", self.workspace)
        return load_settings(environ=environ or {}, config_folder=self.config, **given)

    @staticmethod
    def _write(path: Path, text: str | bytes) -> Path:
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def the_problem(resolved: Resolved) -> tuple[str, str]:
    """Give the message and place of the only problem."""
    (problem,) = resolved.problems
    return problem.message, problem.where


def test_each_source_wins_over_the_one_below(place: Place) -> None:
    user = place.user("[completion]\nmaxTokens = 1\n")
    given: dict[str, Any] = {}

    def now() -> tuple[int, str]:
        value = place.load(**given).value("completion.maxTokens")
        return value.value, value.source

    assert now() == (1, f"{user}:2")
    repository = place.repository("completion.maxTokens = 2")
    assert now() == (2, f"{repository}:1")
    given["environ"] = {"ASSIST_COMPLETION_MAX_TOKENS": "3"}
    assert now() == (3, "environment (ASSIST_COMPLETION_MAX_TOKENS)")
    given["editor"] = {"completion": {"maxTokens": 4}}
    assert now() == (4, "editor")
    given["editor_workspace"] = {"completion": {"maxTokens": 5}}
    assert now() == (5, "editor (its workspace settings)")
    given["command_line"] = {"completion.maxTokens": "6"}
    assert now() == (6, "command line")
    given["command_line"] = {"completion.maxTokens": None}
    assert now() == (5, "editor (its workspace settings)")


def test_nothing_there_is_the_defaults(place: Place, tmp_path: Path) -> None:
    resolved = place.load(workspace=tmp_path / "nowhere")
    assert resolved.problems == ()
    assert place.load(workspace=None).settings == resolved.settings


@pytest.mark.parametrize(
    "text",
    [
        "[completion]\nmaxTokens = 5\nfim_template = 'x'",
        "[completion]\nmax_tokens = 5\nfimTemplate = 'x'",
        "completion = { maxTokens = 5, fimTemplate = 'x' }",
        "completion.maxTokens = 5\ncompletion.fimTemplate = 'x'",
        '"completion.maxTokens" = 5\n"completion.fimTemplate" = "x"',
        "\ufeff[completion]\r\nmaxTokens = 5\r\nfimTemplate = 'x'\r\n",
    ],
)
def test_toml_in_every_form(place: Place, text: str) -> None:
    place.user(text)
    resolved = place.load()
    assert resolved.problems == ()
    assert (resolved.settings.completion.max_tokens, resolved.settings.completion.fim_template) == (5, "x")
    assert resolved.value("completion.maxTokens").origin.line in {1, 2}


@pytest.mark.parametrize(
    "sent",
    [
        {"completion": {"maxTokens": 5}},
        {"completion.maxTokens": 5},
        {"assist": {"completion": {"maxTokens": 5}}},
        {"assist": {"completion.maxTokens": 5}},
        {"assist.completion.maxTokens": 5},
        {"assist.completion": {"maxTokens": 5}},
        {"assist": None, "completion": {"max_tokens": 5, "model": None}},
        {"assist": [], "completion": {"maxTokens": 5.0}},
    ],
)
def test_an_editors_settings_in_every_form(place: Place, sent: Mapping[str, object]) -> None:
    for argument in ("editor", "editor_workspace", "command_line"):
        resolved = place.load(**{argument: sent})
        assert resolved.problems == ()
        assert resolved.settings.completion.max_tokens == 5


@pytest.mark.parametrize("sent", [{"assist": 5}, {"assist": "x"}, {"assist": {"assist": {}}}, {"": 1}, {5: 1}])
def test_what_an_editor_sends_by_mistake_is_one_problem(place: Place, sent: Any) -> None:
    assert the_problem(place.load(editor=sent))[1] == "editor"


def test_a_bad_value_is_said_with_file_and_line(place: Place) -> None:
    user = place.user("# mine\n[chat]\nmaxTokens = 64\n\n[completion]\nmaxTokens = 'many'\n")
    resolved = place.load()
    assert the_problem(resolved) == (
        'completion.maxTokens takes a whole number from 1 to 2048, not "many"',
        f"{user}:6",
    )
    assert resolved.problems[0].hint == "96 is used instead"
    assert resolved.settings.chat.max_tokens == 64


def test_a_key_of_an_inline_table_is_where_the_table_is(place: Place) -> None:
    user = place.user("\ncompletion = { maxTokens = 0 }")
    assert the_problem(place.load())[1] == f"{user}:2"


def test_an_unknown_key_is_said_with_file_and_line(place: Place) -> None:
    user = place.user("[completion]\nenable = true\nmaxTokns = 5\n")
    resolved = place.load()
    assert the_problem(resolved) == ("there is no setting completion.maxTokns", f"{user}:3")
    assert resolved.problems[0].hint == "did you mean completion.maxTokens?"


def test_an_unknown_group_is_one_problem(place: Place) -> None:
    user = place.user("[completions]\nmaxTokens = 5\nenable = false\n")
    assert the_problem(place.load()) == ("there is no setting completions", f"{user}:1")


def test_a_syntax_error_is_one_problem_with_its_line(place: Place) -> None:
    user = place.user("[completion]\nmaxTokens = 5\nenable == true\n")
    message, where = the_problem(place.load())
    assert message == "config.toml is not valid TOML: Invalid value"
    assert where == f"{user}:3"


def test_text_that_is_not_utf_8_is_one_problem_with_its_line(place: Place) -> None:
    repository = place.repository(b"[completion]\nmaxTokens = 5 # caf\xe9\n")
    assert the_problem(place.load()) == (".assist.toml is not UTF-8", f"{repository}:2")


def test_a_workspace_may_say_how_but_not_where_to(place: Place) -> None:
    repository = place.repository('[completion]\nmaxTokens = 5\n[backend]\nurl = "http://evil.example"\n')
    resolved = place.load()
    assert the_problem(resolved) == ("backend.url may not be set by a workspace", f"{repository}:4")
    assert str(place.config / "config.toml") in str(resolved.problems[0].hint)
    assert resolved.settings.backend.url == ""
    assert resolved.settings.completion.max_tokens == 5


def test_nor_may_an_editors_workspace_settings(place: Place) -> None:
    resolved = place.load(
        editor_workspace={"privacy": {"allowHosts": ["evil.example"]}, "completion": {"enable": False}}
    )
    assert the_problem(resolved) == (
        "privacy.allowHosts may not be set by a workspace",
        "editor (its workspace settings)",
    )
    assert resolved.settings.privacy.allow_hosts == ()
    assert resolved.settings.completion.enable is False


def test_initialization_options_are_the_users_own(place: Place) -> None:
    resolved = place.load(editor={"privacy": {"allowHosts": ["gpu.example"]}})
    assert resolved.problems == ()
    assert resolved.settings.privacy.allow_hosts == ("gpu.example",)


def test_a_huge_workspace_file_is_left_alone(place: Place) -> None:
    repository = place.repository("completion.enable = false\n#" + "x" * MAX_FILE_BYTES)
    resolved = place.load()
    assert the_problem(resolved) == (".assist.toml is larger than 64 KiB", str(repository))
    assert resolved.settings.completion.enable is True


def test_a_full_workspace_file_of_unknown_names_is_soon_read(place: Place) -> None:
    place.repository("\n".join(f"k{number} = 1" for number in range(6000)))
    assert len(place.load().problems) == 21


def test_a_link_out_of_the_workspace_is_left_alone(place: Place, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("password = 'x'")
    link = place.workspace / ".assist.toml"
    link.symlink_to("../secret")
    assert the_problem(place.load()) == (".assist.toml leads out of the workspace", str(link))


def test_a_link_within_the_workspace_and_a_workspace_that_is_a_link_are_fine(place: Place, tmp_path: Path) -> None:
    (place.workspace / "settings.toml").write_text("completion.enable = false")
    (place.workspace / ".assist.toml").symlink_to("settings.toml")
    (tmp_path / "alias").symlink_to(place.workspace)
    for workspace in (place.workspace, tmp_path / "alias"):
        resolved = place.load(workspace=workspace)
        assert resolved.problems == ()
        assert resolved.settings.completion.enable is False


def test_links_that_lead_nowhere(place: Place) -> None:
    link = place.workspace / ".assist.toml"
    link.symlink_to("missing")
    assert place.load().problems == ()
    link.unlink()
    link.symlink_to(".assist.toml")
    message, where = the_problem(place.load())
    assert message.startswith(".assist.toml cannot be read: ")
    assert where == str(link)


def test_a_pipe_does_not_hold_up_the_program(place: Place) -> None:
    os.mkfifo(place.workspace / ".assist.toml")
    assert the_problem(place.load())[0] == ".assist.toml is not a file"


def test_a_folder_of_that_name(place: Place) -> None:
    (place.workspace / ".assist.toml").mkdir()
    (place.config / "config.toml").mkdir()
    messages = [problem.message for problem in place.load().problems]
    assert messages == ["config.toml cannot be read: Is a directory", ".assist.toml cannot be read: Is a directory"]


def test_a_named_file_takes_the_place_of_the_users(place: Place, tmp_path: Path) -> None:
    place.user("chat.maxTokens = 20")
    named = tmp_path / "named.toml"
    named.write_text("chat.maxTokens = 30")
    assert place.load(config_file=named).settings.chat.max_tokens == 30
    assert place.load({"ASSIST_CONFIG": str(named)}).settings.chat.max_tokens == 30
    assert place.load({"ASSIST_CONFIG": ""}).settings.chat.max_tokens == 20
    named.write_text("chat.maxTokens = 'x'")
    assert the_problem(place.load(config_file=named))[1] == f"{named}:1"


def test_a_named_file_must_be_there(place: Place, tmp_path: Path) -> None:
    missing = tmp_path / "missing.toml"
    with pytest.raises(ConfigError, match=r"there is no file .*missing\.toml"):
        place.load(config_file=missing)
    with pytest.raises(ConfigError, match=r"there is no file .*missing\.toml") as caught:
        place.load({"ASSIST_CONFIG": str(missing)})
    assert caught.value.hint
    with pytest.raises(ConfigError, match="Is a directory"):
        place.load(config_file=tmp_path)


def test_the_short_variable_wins_over_the_long_one(place: Place) -> None:
    environ = {
        "ASSIST_BACKEND": "ollama",
        "ASSIST_BACKEND_NAME": "openai",
        "ASSIST_BACKEND_MODEL": "m",
        "ASSIST_URL": "",
    }
    backend = place.load(environ).settings.backend
    assert (backend.name, backend.model, backend.url) == ("ollama", "m", "")


def test_a_bad_variable_is_one_problem(place: Place) -> None:
    assert the_problem(place.load({"ASSIST_BACKEND": "olama"})) == (
        'backend.name takes one of auto, ollama, embedded, llama-server, openai, scripted, not "olama"',
        "environment (ASSIST_BACKEND)",
    )


def test_an_unknown_variable_of_a_section_is_reported_without_its_value(place: Place) -> None:
    resolved = place.load({"ASSIST_COMPLETION_MAX_TOKEN": "hush", "ASSIST_TEST_MODEL": "/m", "ASSIST_SOMETHING": "1"})
    assert the_problem(resolved) == (
        "there is no setting for ASSIST_COMPLETION_MAX_TOKEN",
        "environment (ASSIST_COMPLETION_MAX_TOKEN)",
    )
    assert resolved.problems[0].hint == "did you mean ASSIST_COMPLETION_MAX_TOKENS?"
    assert "hush" not in repr(resolved)


def test_the_variable_of_the_key_is_no_mistake(place: Place) -> None:
    environ = {"ASSIST_BACKEND_KEY": "hush", "ASSIST_BACKEND_API_KEY_ENV": "ASSIST_BACKEND_KEY"}
    resolved = place.load(environ)
    assert resolved.problems == ()
    assert "hush" not in repr(resolved)


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are POSIX's")
def test_files_that_may_not_be_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.user("")
    place.repository("")

    def refuse(*_: object, **__: object) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    monkeypatch.setattr(os, "open", refuse)
    messages = [problem.message for problem in place.load().problems]
    assert messages == [f"{name} cannot be read: Permission denied" for name in ("config.toml", ".assist.toml")]
    with pytest.raises(ConfigError, match="Permission denied"):
        place.load(config_file=place.config / "config.toml")


json_objects = st.dictionaries(
    st.sampled_from(["assist", "completion", "backend", "completion.maxTokens", "assist.log"]) | st.text(max_size=5),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
        max_leaves=5,
    ),
    max_size=5,
)


@given(json_objects, json_objects, st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_load_settings_never_raises(
    tmp_path_factory: pytest.TempPathFactory,
    editor: dict[str, object],
    editor_workspace: dict[str, object],
    content: bytes,
) -> None:
    place = Place(tmp_path_factory.mktemp("place"))
    place.user(content)
    place.repository(content)
    settings = place.load(editor=editor, editor_workspace=editor_workspace).settings
    assert 1 <= settings.completion.max_tokens <= 2048
