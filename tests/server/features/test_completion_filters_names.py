"""Which names are taken for invented: what a small model makes up, and nothing that may be there."""

from dataclasses import replace

import pytest

from support.filters import full_frame, run_one

NAMES = frozenset({"read", "Shelf", "fetchBook"})
IN_PYTHON = "def f(a):\n    <|>\n"
IN_CLASS = "class A:\n    def f(self):\n        self.rows = []\n        <|>\n\n    def last(self): ...\n"
IN_SCRIPT = "class A {\n  rows = [];\n  f() {\n    <|>\n  }\n}\n"


@pytest.mark.parametrize(
    ("language", "place", "made", "kept"),
    [
        ("python", IN_PYTHON, "return read_everything(a)", ""),
        ("python", IN_PYTHON, "return validate_user_input(a)", ""),
        ("python", IN_PYTHON, "b = read(a)\n    return open_book(b)", "b = read(a)"),
        ("python", IN_PYTHON, "b = library.books[a]", ""),
        ("python", IN_PYTHON, "while a < MAX_RETRIES:", ""),
        ("python", IN_PYTHON, "return self.unheard_of(a)\n    return read_everything(a)", "return self.unheard_of(a)"),
        ("python", "def f(a):\n    x = rea<|>\n", "lly(a)", ""),
        ("python", "class A(B):\n    f(<|>)\n", "a=unheard_of()", ""),
        ("python", IN_CLASS, "return self._cache_manager.rows", ""),
        ("python", IN_CLASS, "return self.find_rows()", ""),
        ("python", IN_CLASS.replace("A:", "A(Generic[T], B[T]):\n    pass\nclass B(object):"), "self.unheard_of", ""),
        ("python", "class B: pass\n" + IN_CLASS.replace("A:", "A(B, metaclass=M):"), "return self.unheard_of", ""),
        ("typescript", "const a = <|>;", "fetchLibrary(a)", ""),
        ("typescript", "const a = <|>;", "new Library(a)", ""),
        ("typescript", "const a = <|>;", "library?.books", ""),
        ("typescript", "<|>\n", "rows.map((row) => fetchBook(toKey(row)));", ""),
        ("typescript", "const a = x ? <|>", "fetchLibrary(a) : b", ""),
        ("typescript", IN_SCRIPT, "return this.unheardOf;", ""),
        ("typescript", IN_SCRIPT, "return this.findRows();", ""),
        ("typescriptreact", "return (\n  <p>\n    {a}\n  </p>\n);\nconst b = <|>;", "fetchLibrary(a)", ""),
        ("go", "func f() {\n\t<|>\n}", "book := fetchLibrary()", ""),
        ("go", "func f() {\n\t<|>\n}", "book := &Library{Name: 1}", ""),
        ("rust", "fn f() {\n    <|>\n}", "let a = Library::new();", ""),
        ("rust", "fn f() {\n    <|>\n}", "let a = fetch_library();", ""),
        ("rust", "fn f() {\n    <|>\n}", "let a = Library { books: 1 };", ""),
        ("rust", "struct A { rows: u8 }\nimpl A {\n    fn f(&self) {\n        <|>\n    }\n}", "self.unheard_of", ""),
        (
            "rust",
            "fn f() {\n    <|>\n}\n#[cfg(test)]\nmod tests {\n    use super::*;\n}\n",
            "let a = fetch_library();",
            "",
        ),
    ],
)
def test_names_that_exist_nowhere(language: str, place: str, made: str, kept: str) -> None:
    at = full_frame(place, language, known=NAMES)
    assert run_one("names", made, at) == kept
    assert run_one("names", made, replace(at, automatic=False)) == made, "who asks is shown it"
    assert run_one("names", made, replace(at, known=None)) == made


@pytest.mark.parametrize(
    ("language", "place", "made"),
    [
        # Known, or of the language.
        ("python", IN_PYTHON, "return read(a)"),
        ("python", "def f(a):\n    x = rea<|>\n", "d(a)"),
        ("python", "x = <|>\n", "isinstance(x, ValueError)"),
        ("python", "x = <|>\n", "0xcd"),
        ("python", "x = <|>\n", "json.loads(x)"),
        ("python", "x: <|>\n", "Optional[int] = None"),
        ("typescript", "const a = <|>;", "fetchBook(a)"),
        ("typescript", "const a = <|>;", "localStorage.getItem('a')"),
        ("typescript", "<|>\n", "test('adds', () => {\n  expect(1).toBe(1);\n});"),
        ("go", "func f() {\n\t<|>\n}", "return strings.ToUpper(fmt.Sprint(1))"),
        ("rust", "fn f() {\n    <|>\n}", "let at = Instant::now();"),
        # Bare, they may be declared by what stands elsewhere on the line.
        ("python", IN_PYTHON, "for unheard in a:\n        print(unheard.of)"),
        ("python", IN_PYTHON, "unheard = [other.of for other in a]"),
        ("python", IN_PYTHON, "with a as unheard, a as other:\n        unheard.read(other[0])"),
        ("python", "def f(a):\n    match a:\n        <|>\n", "case [first, *others]:\n            return others[0]"),
        ("python", IN_PYTHON, "return sorted(a, key=lambda row: row.unheard)"),
        ("python", IN_PYTHON, "return a.unheard_of(anything=1)"),
        ("python", "<|>\nx = 1", "import unheard_of.of_it"),
        ("python", "<|>\nx = 1", "from unheard.of import (\n    MAX_RETRIES,\n)"),
        ("python", "from unheard.of import (\n    <|>\n)", "MAX_RETRIES,\n    other"),
        ("python", "<|>\nx = 1", "def unheard(of_it):\n    return of_it.a"),
        ("python", "<|>\nx = 1", "def unheard(\n    of_it: int,\n    other,\n):\n    return of_it.a + other.b"),
        ("python", "<|>\nx = 1", "@unheard.of\nclass Unheard(Of):"),
        ("python", "<|>\nx = 1", "MAX_RETRIES = 3\nFIRST_ONE, LAST_ONE = 1, 2"),
        ("python", "x = <|>\n", "'unheard of'  # nothing()"),
        ("typescript", "<|>\n", "const { unheard, other } = fetchBook();\nunheard.of(other[0]);"),
        ("typescript", "const a = <|>;", "{ unheard: 1 }"),
        ("typescript", "const a = <|>;", "(unheard) => console.log(unheard.of)"),
        ("typescript", "<|>\n", "fetchBook((...unheard) => unheard.length);"),
        ("go", "func f() {\n\t<|>\n}", "book, err := read()\n\tif err != nil {\n\t\tbook.Close()"),
        ("rust", "fn f() {\n    <|>\n}", "let mut unheard = Vec::new();\n    unheard.push(1);"),
        ("rust", "fn f() {\n    <|>\n}", "if let Some(unheard) = read() { unheard.of() }"),
        # Members of `self` that a base, a method further down or something dynamic may have.
        ("python", IN_PYTHON, "return self.unheard_of"),
        ("python", IN_CLASS.replace("A:", "A(unittest.TestCase):"), "self.assertEqual(1, 1)"),
        ("python", IN_CLASS.replace("A:", "A(\n    Base,\n):"), "self.unheard_of"),
        ("python", "class B(C): pass\n" + IN_CLASS.replace("A:", "A(B):"), "return self.unheard_of"),
        ("python", IN_CLASS.replace("A:", "RowsMixin:"), "return self.unheard_of"),
        ("python", IN_CLASS.replace("def last", "def __getattr__"), "return self.unheard_of"),
        ("python", IN_CLASS, "self.unheard = []\n        self.unheard.append(1)"),
        ("python", IN_CLASS, "self.unheard, self.of = 1, 2"),
        ("python", IN_CLASS, "self.unheard: int = 1"),
        ("python", IN_CLASS, "return self.__class__.__name__"),
        ("python", "class A:\n    def f(self):\n        <|>\n", "return self.find_rows()"),
        ("python", IN_PYTHON, "return _find_rows(a)"),
        ("typescript", IN_SCRIPT.replace("A {", "A extends B {"), "return this.unheardOf;"),
        ("typescript", IN_SCRIPT.replace("A {", "A extends Mixed(B) {"), "return this.unheardOf;"),
        ("typescript", IN_SCRIPT.replace("f() {", "f = function () {"), "return this.unheardOf;"),
        ("typescript", IN_SCRIPT, "this.unheard = 1;\n    this.unheard.of();"),
        ("rust", "struct A {}\nimpl A {\n    fn f(&self) {\n        <|>\n    }\n}", "self.unheard_of()"),
        ("rust", "impl A {\n    fn f(&self) {\n        <|>\n    }\n}", "self.unheard_of"),
        # Declarations that begin with the name.
        ("typescript", "class A {\n  <|>\n}", "increment(): void {\n    return;\n  }"),
        ("typescript", "class A {\n  <|>\n}", "private async increment(by: number) {\n    return;\n  }"),
        ("typescript", "class A {\n  <|>\n}", "increment(\n    by: number,\n  ): void {"),
        ("typescript", "class A {\n  <|>\n}", "increment("),
        ("typescript", "abstract class A {\n  <|>\n}", "abstract increment(): void;"),
        ("typescript", "interface A {\n  <|>\n}", "email?: string;\n  increment(by: number);"),
        ("typescript", "const enum A {\n  <|>\n}", "LIGHT_BLUE,\n  DARK_BLUE,"),
        ("typescript", "import {\n  <|>\n} from 'a';", "MAX_RETRIES,"),
        ("javascript", "export {\n  <|>\n};", "MAX_RETRIES,"),
        ("javascript", "const a = {\n  <|>\n};", "unheard() {\n    return 1;\n  },"),
        ("go", "type A struct {\n\t<|>\n}", "Email string\n\tRows  []Unheard[int]"),
        ("go", "type A interface {\n\t<|>\n}", "Name() string\n\tClose()"),
        ("go", "const (\n\t<|>\n)", "Unheard Of = Of(1)"),
        ("rust", "enum A {\n    <|>\n}", "Circle(f64),\n    Rect { width: f64 },"),
        ("rust", "pub(crate) enum A {\n    <|>\n}", "Circle(f64),"),
        ("rust", "use a::{\n    <|>\n};", "MAX_RETRIES,"),
        # Text and tags in JSX.
        ("typescriptreact", "return (\n  <|>\n);", "<Unheard.Of>\n    <p>Visits (today). Rows</p>\n  </Unheard.Of>"),
        ("typescriptreact", "return (\n  <p>\n    <|>\n  </p>\n);", "Visits(s) of books.today"),
        ("javascript", "return <p><|></p>;", "Visits(s)"),
        # Anything may come by another way.
        ("python", "from tkinter import *\n\nx = <|>", "unheard_of(1)"),
        ("go", 'import . "testing"\n\nvar a = <|>', "UnheardOf(1)"),
        ("rust", "use std::collections::*;\n\nfn f() {\n    <|>\n}", "let a = LinkedList::new();"),
        ("rust", "use a::{\n    b,\n    c::*,\n};\n\nfn f() {\n    <|>\n}", "let a = Unheard::new();"),
        ("rust", "fn f() {\n    <|>\n}", "let a = serde_json::from_str(b);"),
        ("c", "#include <math.h>\n\nint f() {\n  <|>\n}", "return toupper(getchar()) + sqrt(2);"),
        ("cpp", "using namespace std;\n\nint f() {\n  <|>\n}", "cout << n << endl;"),
        ("cpp", "enum class A {\n  <|>\n};", "Red, Green"),
        ("ruby", "x = <|>", "unheard_of(1)"),
    ],
)
def test_names_that_may_exist(language: str, place: str, made: str) -> None:
    assert run_one("names", made, full_frame(place, language, known=NAMES)) == made
