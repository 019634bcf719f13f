import pytest

from assist_context.languages import LANGUAGES, comment_token, human_name, language_of, language_of_text


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("a.py", "python"),
        ("src/deep/a.PY", "python"),
        ("a.pyi", "python"),
        ("a.js", "javascript"),
        ("a.mjs", "javascript"),
        ("a.jsx", "javascriptreact"),
        ("a.ts", "typescript"),
        ("a.d.ts", "typescript"),
        ("a.tsx", "typescriptreact"),
        ("a.go", "go"),
        ("a.rs", "rust"),
        ("A.java", "java"),
        ("a.c", "c"),
        ("a.h", "c"),
        ("a.cpp", "cpp"),
        ("a.hpp", "cpp"),
        ("A.cs", "csharp"),
        ("a.rb", "ruby"),
        ("Gemfile", "ruby"),
        ("a.php", "php"),
        ("a.sh", "shellscript"),
        (".bashrc", "shellscript"),
        ("a.lua", "lua"),
        ("A.kt", "kotlin"),
        ("a.swift", "swift"),
        ("A.scala", "scala"),
        ("a.json", "json"),
        ("a.yml", "yaml"),
        ("a.toml", "toml"),
        ("a.html", "html"),
        ("a.css", "css"),
        ("README.md", "markdown"),
        ("Makefile", "makefile"),
        ("sub/Makefile.am", "makefile"),
        ("Dockerfile", "dockerfile"),
        ("Dockerfile.dev", "dockerfile"),
        ("CMakeLists.txt", "cmake"),
        ("C:\\code\\a.rs", "rust"),
        ("notes.txt", ""),
        ("LICENSE", ""),
        (".env", ""),
        ("", ""),
        ("py", ""),
        ("a.py.orig", ""),
    ],
)
def test_language_by_name(path, language):
    assert language_of(path) == language


@pytest.mark.parametrize(
    ("first_line", "language"),
    [
        ("#!/usr/bin/python3", "python"),
        ("#!/usr/bin/env python3.12", "python"),
        ("#!/usr/bin/env -S python3 -u", "python"),
        ("#!/usr/bin/env PYTHONPATH=. python", "python"),
        ("#! /bin/sh -e", "shellscript"),
        ("#!/usr/bin/env node", "javascript"),
        ("#!/usr/bin/awk -f", ""),
        ("#!/usr/bin/env", ""),
        ("#!", ""),
        ("import os", ""),
    ],
)
def test_language_by_first_line(first_line, language):
    assert language_of("bin/tool", first_line) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("#ifndef A_H\nint add(int a);\n", "c"),
        ('#ifdef __cplusplus\nextern "C" {\n#endif\nstruct s { int x; };\n', "c"),
        ("/* The size of a\n   class of objects, using\n   namespace tricks. Private: */\nenum e { A };\n", "c"),
        ("struct Shape {\n  virtual int area() const = 0;\n};\n", "cpp"),
        ("class Shape : public Base {\n};\n", "cpp"),
        ("class API_EXPORT Shape;\n", "cpp"),
        ("enum class Color { Red };\n", "cpp"),
        ("namespace a::b {\n}\n", "cpp"),
        ("namespace a\r\n{\r\n}\r\n", "cpp"),
        ("using std::string;\n", "cpp"),
        ("  template <class T> T max(T a);\n", "cpp"),
        ("struct S {\n private:\n  int x;\n};\n", "cpp"),
        ("", "c"),
    ],
)
def test_a_header_is_of_the_language_that_is_in_it(text, language):
    assert language_of_text("src/a.h", text.encode()) == language
    assert language_of_text("a.c", text.encode()) == "c"


def test_language_of_a_text():
    assert language_of_text("bin/tool", b"#!/bin/sh\nclass A;\n") == "shellscript"
    assert language_of_text("a.py", b"") == "python"
    assert language_of_text("notes", b"class A {") == ""


def test_the_name_counts_more_than_the_first_line():
    assert language_of("a.rb", "#!/usr/bin/python3") == "ruby"


@pytest.mark.parametrize("field", ["extensions", "filenames", "interpreters"])
def test_no_two_languages_claim_the_same_file(field):
    claims = [claim for language in LANGUAGES.values() for claim in getattr(language, field)]
    assert len(claims) == len(set(claims))


def test_the_table_is_well_formed():
    assert len(LANGUAGES) >= 30
    for identifier, language in LANGUAGES.items():
        assert language.id == identifier
        assert language.name
        assert language.extensions or language.filenames
        assert all(ext.startswith(".") and ext == ext.lower() for ext in language.extensions)


def test_comments_and_names():
    assert comment_token("python") == "#"
    assert comment_token("css") == ""
    assert comment_token("klingon") == ""
    assert LANGUAGES["go"].commented("a.go") == "// a.go"
    assert LANGUAGES["css"].commented("a.css") == "/* a.css */"
    assert LANGUAGES["json"].commented("a.json") == "a.json"
    assert [human_name(name) for name in ("csharp", "klingon", "")] == ["C#", "klingon", "text"]
