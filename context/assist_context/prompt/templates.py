"""The prompts: Markdown files of this package with ``{{name}}`` where a value goes."""

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from assist_context.errors import TemplateError

_VARIABLE = re.compile(r"\{\{\s*([a-z_]+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt's text: parts alternate between text and the name of a variable."""

    name: str
    parts: tuple[str, ...]

    @property
    def variables(self) -> frozenset[str]:
        """The names that must be given."""
        return frozenset(self.parts[1::2])

    def render(self, **values: str) -> str:
        """Put the values in, which are never searched for variables.

        Raises TemplateError for a missing or an unused value.
        """
        if missing := self.variables - values.keys():
            raise TemplateError(f"the prompt {self.name} needs {', '.join(sorted(missing))}")
        if unused := values.keys() - self.variables:
            raise TemplateError(f"the prompt {self.name} has no place for {', '.join(sorted(unused))}")
        return "".join(values[part] if number % 2 else part for number, part in enumerate(self.parts))


def parse(name: str, text: str) -> Template:
    """Make a template of a text; its last line ending is not part of it."""
    return Template(name, tuple(_VARIABLE.split(text.removesuffix("\n"))))


@cache
def load(name: str) -> Template:
    """Read ``prompts/NAME.md`` of this package. Raises TemplateError where there is none."""
    try:
        text = (files("assist_context") / "prompts" / f"{name}.md").read_text(encoding="utf-8")
    except FileNotFoundError:
        raise TemplateError(f"there is no prompt {name}") from None
    return parse(name, text)


def render(name: str, **values: str) -> str:
    """Fill in the prompt of that name."""
    return load(name).render(**values)
