import pytest

from assist_server.config.names import all_settings, camel, section_docs, snake
from assist_server.config.settings import Settings


@pytest.mark.parametrize(
    ("inside", "outside"),
    [("max_tokens", "maxTokens"), ("enable", "enable"), ("api_key_env", "apiKeyEnv"), ("fim_2_x", "fim2X")],
)
def test_names_are_converted_by_rule(inside: str, outside: str) -> None:
    assert camel(inside) == outside
    assert camel(outside) == outside
    assert inside == "fim_2_x" or snake(outside) == inside


def test_every_setting_converts_back_and_is_named_once() -> None:
    settings = all_settings()
    assert all(snake(s.name) == f"{s.section}.{s.key}" for s in settings)
    assert len({s.name for s in settings}) == len(settings)
    variables = [variable for s in settings for variable in s.variables]
    assert len(set(variables)) == len(variables)


def test_defaults_are_those_of_the_dataclasses_and_keep_to_their_own_bounds() -> None:
    for s in all_settings():
        assert getattr(getattr(Settings(), s.section), s.key) == s.default
        assert s.spec.doc.endswith((".", ")"))
        assert not s.spec.choices or s.default in s.spec.choices
        assert s.spec.minimum is None or s.spec.minimum <= s.default
        assert s.spec.maximum is None or s.default <= s.spec.maximum


def test_variables() -> None:
    by_name = {s.name: s.variables for s in all_settings()}
    assert by_name["completion.maxTokens"] == ("ASSIST_COMPLETION_MAX_TOKENS",)
    assert by_name["backend.name"] == ("ASSIST_BACKEND", "ASSIST_BACKEND_NAME")
    assert by_name["backend.url"] == ("ASSIST_URL", "ASSIST_BACKEND_URL")
    assert by_name["backend.model"] == ("ASSIST_MODEL", "ASSIST_BACKEND_MODEL")


def test_no_variable_is_one_that_means_something_else() -> None:
    others = {f"ASSIST_{name}" for name in ("CONFIG", "CACHE_DIR", "DATA_DIR", "CONFIG_DIR", "TEST_MODEL")}
    assert not others & {variable for s in all_settings() for variable in s.variables}


def test_every_section_says_what_it_is_about() -> None:
    assert set(section_docs()) == {s.name.partition(".")[0] for s in all_settings()}
    assert all(section_docs().values())
