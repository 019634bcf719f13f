"""What is read out of a whole sample of a language: `samples/LANGUAGE.*`, with what is expected in a golden file."""

from pathlib import Path

import pytest

from assist_context.languages import language_of
from assist_context.syntax.grammars import scope_query
from assist_context.syntax.parse import parse
from assist_context.syntax.scope import visible_names
from assist_context.syntax.symbols import file_syntax
from support.golden import check_golden
from support.syntax import scopes_text, syntax_text

SAMPLES = sorted(Path(__file__).with_name("samples").iterdir())
PLACES = {  # a place in each sample, inside a function of a class where there are classes
    "csharp": "return Scale",
    "lua": "return json",
    "php": "return Scale",
    "ruby": "Point.new(1)",
    "scala": "new Point(1).value",
    "shellscript": "read answer",
    "swift": "return Scale",
}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_reads_a_sample(sample: Path) -> None:
    language, source = sample.stem, sample.read_bytes()
    assert language_of(sample.name) == language
    tree = parse(language, source)
    scopes = scope_query(language)
    assert scopes is not None
    place = PLACES[language]
    visible = visible_names(language, source, tree, source.index(place.encode()))
    text = "\n".join(
        [
            syntax_text(file_syntax(language, source, tree)),
            scopes_text(scopes, tree),
            f"visible at {place}",
            *(f"{one.kind} {one.name}" for one in visible),
            "",
        ]
    )
    check_golden(f"syntax/{language}.txt", text)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_a_sample_is_right_in_its_language(sample: Path) -> None:
    assert not parse(sample.stem, sample.read_bytes()).root_node.has_error
