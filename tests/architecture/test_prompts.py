"""Every prompt is a Markdown file, filled in with exactly the variables it declares, and used."""

import ast
from collections.abc import Iterator

import pytest

from assist_context.errors import TemplateError
from assist_context.prompt.templates import Template, load, parse
from support.checkout import ROOT, product_trees

PROMPTS = tuple(sorted(path.stem for path in (ROOT / "context/assist_context/prompts").iterdir()))


def faults(template: Template) -> Iterator[str]:
    """Say what is wrong with a prompt."""
    values = {name: f"<{name}>" for name in template.variables}
    rendered = template.render(**values)
    if "{{" in rendered or "}}" in rendered:
        yield "a variable that is none"
    if not all(value in rendered for value in values.values()):
        yield "a variable that does not appear"
    if rendered != rendered.rstrip(" \t"):
        yield "blanks at its end"


def uses(tree: ast.AST) -> Iterator[tuple[str, frozenset[str]]]:
    """Give every prompt that a module renders by name, with the variables it gives."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"render", "templates.render"} and node.args:
            name = node.args[0]
            if isinstance(name, ast.Constant):
                yield str(name.value), frozenset(str(keyword.arg) for keyword in node.keywords)


USES = tuple(use for _, tree in product_trees() for use in uses(tree))


@pytest.mark.parametrize("name", PROMPTS)
def test_a_prompt_is_filled_in_with_its_variables_and_no_other(name: str) -> None:
    template = load(name)
    assert not list(faults(template))
    values = dict.fromkeys(template.variables, "x")
    with pytest.raises(TemplateError, match="no place for unknown"):
        template.render(**values, unknown="x")
    for variable in template.variables:
        with pytest.raises(TemplateError, match=f"needs {variable}"):
            template.render(**{key: value for key, value in values.items() if key != variable})


@pytest.mark.parametrize("name", PROMPTS)
def test_a_prompt_is_used(name: str) -> None:
    assert name in {used for used, _ in USES}


@pytest.mark.parametrize(("name", "given"), USES, ids=[name for name, _ in USES])
def test_every_use_gives_what_the_prompt_declares(name: str, given: frozenset[str]) -> None:
    assert load(name).variables == given


@pytest.mark.parametrize("text", ["{{Name}}", "{{ name", "{{a-b}}", "text  "])
def test_a_faulty_prompt_is_seen(text: str) -> None:
    assert list(faults(parse("faulty", text)))
    assert not list(faults(parse("good", "{{name}} and {{ other }}\n")))


def test_a_use_is_seen() -> None:
    code = "render('explain', path=p, code=c)\nrender(name)\ntemplates.render('review')"
    assert list(uses(ast.parse(code))) == [("explain", frozenset({"path", "code"})), ("review", frozenset())]
