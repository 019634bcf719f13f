"""A tree that is kept up to date is the tree of the text, whatever was typed; it is parsed and read in slices."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from assist_context.syntax.grammars import parser
from assist_context.syntax.incremental import DocumentTree, Edit, Parsed, edit_between, syntax_steps
from assist_context.syntax.parse import parse
from assist_context.syntax.symbols import FileSyntax, file_syntax

TEXTS = {
    "python": (
        'import os\n\n\nclass K:\n    """Doc é."""\n\n    def m(self, a=(1, [2])):\n'
        '        if a:\n            return f"{a}漢"\n'
    ),
    "typescript": (
        "import { a } from 'b';\n"
        "export class K<T> { x = `é${a}`; m(p?: T): void { if (p) { return; } } }\nconst f = () => [1];\n"
    ),
    "go": (
        'package a\n\nimport "fmt"\n\nfunc (s *S) M(n int) (string, error) {\n'
        '\tif n > 1 {\n\t\treturn "é漢", nil\n\t}\n\treturn `x`, nil\n}\n'
    ),
    "rust": (
        "use a::b;\nimpl<'a> K<'a> {\n    fn m(&self) -> u8 { let s = r#\"é\"#; match s { _ => f::<u8>('x') } }\n}\n"
    ),
    "cpp": (
        "#include <a>\nnamespace n {\n"
        'template <class T> class K : B { int m(T a) { return a < 1 ? "é"[0] : f<T>(a); } };\n}\n'
    ),
}
PIECES = st.one_of(
    st.sampled_from([*"(){}[]\"'`\n;,#<$\\", "    ", "/*", "*/", "//"]),
    st.sampled_from(["é", "漢", "😀", "x", "0", " = ", "f(x)", "if x:\n", '"""', "\r\n", "return ", "class A {", "'a"]),
    st.text(max_size=3),
)
# Where and how much is cut out, as parts of the text so far, and what is put in.
CHANGES = st.lists(
    st.tuples(st.integers(0, 400), st.one_of(st.just(0), st.integers(0, 30)), PIECES), min_size=1, max_size=6
)
LANGUAGES = pytest.mark.parametrize("language", sorted(TEXTS))


@LANGUAGES
@settings(max_examples=150, deadline=None)
@given(changes=CHANGES)
def test_a_tree_after_changes_is_that_of_a_fresh_parse(language: str, changes: list[tuple[int, int, str]]):
    """It is wherever the text has no error or the tree says that it is exact; after errors, too, once they are gone."""
    document = DocumentTree(language, TEXTS[language])
    for text in typed(TEXTS[language], changes):
        document.change(text)
        assert_is_of(document, text)
    document.change(TEXTS[language])
    parsed = assert_is_of(document, TEXTS[language])
    assert parsed.exact


@LANGUAGES
@settings(max_examples=50, deadline=None)
@given(changes=CHANGES)
def test_a_tree_that_was_forgotten_is_that_of_a_fresh_parse_even_with_errors(
    language: str, changes: list[tuple[int, int, str]]
):
    document = DocumentTree(language, TEXTS[language])
    for text in typed(TEXTS[language], changes):
        document.change(text)
        document.parse_for(10)
    document.forget()
    parsed = assert_is_of(document, text)
    assert parsed.exact


@LANGUAGES
def test_a_parse_that_is_stopped_goes_on_where_it_was(language: str):
    text = repeated(language, 60)
    document = DocumentTree(language, text)
    stops = 0
    while not document.parse_for(0):
        assert document.parsed is None
        stops += 1
    assert stops > 10
    parsed = document.parsed
    assert parsed is not None
    assert parsed.exact
    assert shape(parsed) == shape_of(language, text)


def test_a_parse_of_errors_in_slices_ends_and_says_that_it_may_differ():
    text = repeated("go", 60)
    document = DocumentTree("python", text)
    while not document.parse_for(0):
        pass
    parsed = document.parsed
    assert parsed is not None
    assert parsed.source == text.encode()
    assert parsed.tree.root_node.end_byte <= len(parsed.source)
    assert not parsed.exact


def test_typing_does_not_keep_a_parse_from_its_end():
    text = repeated("python", 60)
    document = DocumentTree("python", text)
    assert not document.parse_for(0)
    typed_so_far = ""
    while document.parsed is None:
        typed_so_far += "x"
        document.change(f"{typed_so_far} = 1\n{text}")
        assert not document.parse_for(0)
    assert document.parsed.source == text.encode()
    assert not document.is_current
    assert document.parse_for(10)
    assert_is_of(document, f"{typed_so_far} = 1\n{text}")


def test_the_tree_before_a_change_stays_as_it_was():
    document = DocumentTree("python", "def f(): pass\n")
    assert document.parse_for(10)
    before = document.parsed
    assert before is not None
    document.change("x = 1\ndef f(): pass\n")
    assert document.parse_for(10)
    assert before.tree.root_node.children[0].byte_range == (0, 13)
    assert before.tree.root_node.children[0].text == b"def f(): pass"


def test_a_document_that_did_not_change_is_not_parsed_again():
    document = DocumentTree("python", "a = 1\n")
    assert not document.is_current
    document.parse_for(10)
    parsed = document.parsed
    document.change("a = 1\n")
    assert document.is_current
    assert document.parse_for(0)
    assert document.parsed is parsed


def test_half_a_character_is_parsed_as_something_else():
    document = DocumentTree("python", 'a = "\ud83d"\n')
    assert document.parse_for(10)
    assert document.parsed is not None
    assert document.parsed.source == b'a = "?"\n'


@LANGUAGES
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(changes=CHANGES, times=st.integers(0, 40))
def test_what_is_read_in_steps_is_what_is_read_at_once(language: str, changes: list[tuple[int, int, str]], times: int):
    *_, text = typed(TEXTS[language] + repeated(language, times), changes)
    source = text.encode()
    parsed = Parsed(source, parse(language, source), exact=True)
    assert last_of(language, parsed) == file_syntax(language, source, parsed.tree)


def test_a_large_definition_is_read_in_steps():
    body = "".join(f"    def m{n}(self, a):\n        import b{n}\n        return c{n}(a)\n" for n in range(1500))
    source = f"class K(B):\n{body}".encode()
    parsed = Parsed(source, parse("python", source), exact=True)
    assert sum(step is None for step in syntax_steps("python", parsed)) > 4
    read = last_of("python", parsed)
    assert read == file_syntax("python", source, parsed.tree)
    assert read.symbols[-1].parent == "K"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("", "a", Edit(0, 0, 1, (0, 0), (0, 0), (0, 1))),
        ("a", "", Edit(0, 1, 0, (0, 0), (0, 1), (0, 0))),
        ("ab", "axb", Edit(1, 1, 2, (0, 1), (0, 1), (0, 2))),
        ("aa", "aaa", Edit(2, 2, 3, (0, 2), (0, 2), (0, 3))),
        ("a\nb\nc", "a\nx\ny\nc", Edit(2, 3, 5, (1, 0), (1, 1), (2, 1))),
        ("x = é\n", "x = è\n", Edit(4, 6, 6, (0, 4), (0, 6), (0, 6))),
        ("漢字", "漢學字", Edit(3, 3, 6, (0, 3), (0, 3), (0, 6))),
        ("ém", "im", Edit(0, 2, 1, (0, 0), (0, 2), (0, 1))),
        ("ǩ", "é", Edit(0, 2, 2, (0, 0), (0, 2), (0, 2))),  # their last bytes are one
        ("a\r\nb", "a\nb", Edit(1, 2, 1, (0, 1), (0, 2), (0, 1))),
    ],
)
def test_the_edit_between_two_texts(old: str, new: str, expected: Edit):
    assert edit_between(old.encode(), new.encode()) == expected


@given(st.text(), st.text(), st.text(), st.text())
def test_an_edit_makes_the_new_text_and_cuts_no_character(start: str, cut: str, put: str, end: str):
    old, new = (start + cut + end).encode(), (start + put + end).encode()
    assume(old != new)
    edit = edit_between(old, new)
    assert edit is not None
    assert old[: edit.start] + new[edit.start : edit.new_end] + old[edit.old_end :] == new
    assert edit.old_end - edit.start <= len(cut.encode()) + 3
    for text, places in ((old, (edit.start, edit.old_end)), (new, (edit.start, edit.new_end))):
        for offset in places:
            text[:offset].decode()
    for text, offset, place in (
        (old, edit.start, edit.start_place),
        (old, edit.old_end, edit.old_end_place),
        (new, edit.new_end, edit.new_end_place),
    ):
        assert place == (text.count(b"\n", 0, offset), offset - text.rfind(b"\n", 0, offset) - 1)


def test_equal_texts_have_no_edit():
    assert edit_between(b"a", b"a") is None


def test_another_tree_is_noticed():
    document = DocumentTree("python", "a = 1\n")
    with pytest.raises(AssertionError):
        assert_is_of(document, "a = b\n")
    assert shape_of("python", "a = 1\n") != shape_of("python", "a = 10\n")


def assert_is_of(document: DocumentTree, text: str) -> Parsed:
    """Parse to the end; the tree must be of the text, and the tree of a fresh parse where it is told to be."""
    assert document.parse_for(10)
    parsed = document.parsed
    assert parsed is not None
    assert parsed.source == text.encode()
    fresh = parser(document.language).parse(parsed.source)
    assert parsed.exact or fresh.root_node.has_error
    if parsed.exact or not fresh.root_node.has_error:
        assert shape(parsed) == shape_of(document.language, text)
    return parsed


def typed(text: str, changes: list[tuple[int, int, str]]) -> list[str]:
    """Give the text after each change."""
    texts = []
    for place, cut, piece in changes:
        start = place % (len(text) + 1)
        text = text[:start] + piece + text[start + cut :]
        texts.append(text)
    return texts


def repeated(language: str, times: int) -> str:
    """Give a text and its definitions many times over; a file of Go has one package clause and imports first."""
    text = TEXTS[language]
    start = text.index("func") if language == "go" else 0
    return text[:start] + text[start:] * (times + 1)


def shape_of(language: str, text: str) -> list[tuple[object, ...]]:
    source = text.encode()
    return shape(Parsed(source, parser(language).parse(source), exact=True))


def shape(parsed: Parsed) -> list[tuple[object, ...]]:
    """Write a tree down, all nodes with their fields and places."""
    cursor, nodes = parsed.tree.walk(), []
    while True:
        node = cursor.node
        assert node is not None
        places = (node.byte_range, node.start_point, node.end_point)
        nodes.append((cursor.depth, cursor.field_name, node.type, node.is_missing, *places))
        if cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return nodes


def last_of(language: str, parsed: Parsed) -> FileSyntax:
    *_, last = syntax_steps(language, parsed)
    assert last is not None
    return last
