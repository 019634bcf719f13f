from importlib.resources import files

import pytest

from assist_context.errors import TemplateError
from assist_context.prompt.templates import load, parse, render

NAMES = sorted(path.name.removesuffix(".md") for path in (files("assist_context") / "prompts").iterdir())


def test_values_are_put_in():
    template = parse("t", "a {{one}} b {{ two }} {{one}}\n")
    assert template.variables == {"one", "two"}
    assert template.render(one="1", two="2") == "a 1 b 2 1"


def test_values_are_never_searched_for_variables():
    assert parse("t", "{{one}}{{two}}").render(one="{{two}}", two="{{one}}") == "{{two}}{{one}}"


def test_only_the_last_line_ending_is_taken_off():
    assert parse("t", "a\n\n").render() == "a\n"


def test_other_braces_are_text():
    assert parse("t", "{x} {{ } {{X}} {{a-b}}").render() == "{x} {{ } {{X}} {{a-b}}"


def test_missing_and_unused_values_are_refused_by_name():
    template = parse("greeting", "{{one}} {{two}}")
    with pytest.raises(TemplateError, match="greeting needs two"):
        template.render(one="")
    with pytest.raises(TemplateError, match="greeting has no place for four, three"):
        template.render(one="", two="", three="", four="")


def test_a_prompt_that_is_not_there_is_refused():
    with pytest.raises(TemplateError, match="no prompt nowhere"):
        load("nowhere")


@pytest.mark.parametrize("name", NAMES)
def test_every_prompt_can_be_filled_in(name):
    template = load(name)
    assert template.parts[0] or template.variables
    text = render(name, **dict.fromkeys(template.variables, "VALUE"))
    assert "{{" not in text
    assert text == text.rstrip("\n")


def test_the_prompts_that_the_code_asks_for_are_there():
    assert {"complete_chat", "explain", "explain_system", "review", "review_system"} <= set(NAMES)
