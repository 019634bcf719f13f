"""A stream is left at the same place, whatever the pieces it comes in; nothing that was read is read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_server.backends.base import FillRequest
from assist_server.backends.scripted import ScriptedBackend
from assist_server.features.completion.hole import hole_at
from assist_server.features.completion.stopping import End, EndFinder, find_end
from assist_server.features.completion.trigger import Extent
from support.completion import at_cursor, service_on
from support.surroundings import query_in


def streamed(marked: str, made: str, extent: Extent, language: str = "") -> tuple[str, str, str]:
    """Feed a text character by character; give what is kept, why it ended, and what was read to know."""
    finder = EndFinder(hole_at(*at_cursor(marked), language), extent)
    for length, character in enumerate(made, 1):
        if end := finder.add(character):
            return made[: end.length], end.why, made[:length]
    return made, "", made


WHY_CLOSED = "what is open is closed"
LINE, BLOCK = "the line ends", "the block ends"
DEF = "def f(\n    a,\n) -> b:\n    g(\n        c)\n    d"
ELSE = "if (a) {\n    b;\n  } else {\n    c;\n  }"
CATCH = "try {\n    a;\n  }\n  catch (b) {\n    c;\n  }"


@pytest.mark.parametrize(
    ("marked", "made", "extent", "kept", "why", "read"),
    [
        ("f(<|>)", "a, b\nc", "line", "a, b", "the line ends", "a, b\n"),
        ("<|>", "a\n\nb", "paragraph", "a", "a blank line", "a\n\n"),
        ("<|>", "\n\na\n   \nb", "paragraph", "\n\na", "a blank line", "\n\na\n   \n"),
        ("    <|>", "a\nb", "paragraph", "a", "the block ends", "a\nb"),
        ("\t<|>", "a\n\tb\nc", "paragraph", "a\n\tb", "the block ends", "a\n\tb\nc"),
        ("if a:<|>", "\n    b\nx", "paragraph", "\n    b", "the block ends", "\n    b\nx"),
        ("if a:<|>", "\n    b\nelse:", "block", "\n    b", "the block ends", "\n    b\nel"),
        ("try:<|>", "\n    b\nex", "block", "\n    b\nex", "", "\n    b\nex"),
        ("try:<|>", "\n    b\nexec = 1", "block", "\n    b", "the block ends", "\n    b\nexe"),
        ("f(<|>", "\n    a,\n)\nb", "block", "\n    a,\n)", "what is open is closed", "\n    a,\n)\n"),
        ("f(<|>", "a)\nb", "block", "a)", "what is open is closed", "a)\n"),
        ("f(g(<|>", "a)\n  , b)\nc", "block", "a)\n  , b)", "what is open is closed", "a)\n  , b)\n"),
        ("f(<|>\n)", "\n    a,\n)", "block", "\n    a,", "the block ends", "\n    a,\n)"),
        ("if (a) {<|>", "\n  b;\n} else {\n", "block", "\n  b;\n}", "what is open is closed", "\n  b;\n} else {\n"),
        ("try {<|>", "\n  b;\n} catch {\n}\n", "block", "\n  b;\n} catch {\n}", WHY_CLOSED, "\n  b;\n} catch {\n}\n"),
        ("if (<|>", "a) {\n  b;\n}\nc", "block", "a) {\n  b;\n}", WHY_CLOSED, "a) {\n  b;\n}\n"),
        (
            "if a then<|>",
            "\n  b\nelse\n  c\nend\nd",
            "block",
            "\n  b\nelse\n  c\nend",
            "the block ends",
            "\n  b\nelse\n  c\nend\n",
        ),
        ("a {\n  b\n<|>", "}\nc", "block", "}", WHY_CLOSED, "}\n"),
        ("a {\n  b\n<|>\n}", "c\n}\nd", "block", "c", WHY_CLOSED, "c\n}"),
        ("f(<|>)", "a, b).c", "line", "a, b)", "what is open is closed", "a, b)"),
        ("f(<|>)", "g(a), b", "line", "g(a), b", "", "g(a), b"),
        ("f(g(<|>)", "a))", "line", "a))", "what is open is closed", "a))"),
        ("f('<|>')", "a(b)') + 1", "line", "a(b)'", "the string ends", "a(b)'"),
        ("f(<|>)", "')', a)", "line", "')', a)", "what is open is closed", "')', a)"),
        ("  <|>\n  });", "a\n  })", "block", "a", "what is open is closed", "a\n  }"),
        ("  a<|>\n  total()", "b\n  total()\n", "block", "b", "the text that follows begins", "b\n  total()\n"),
        (
            "if a:\n    <|>\nelse:",
            "if b:\n        c\n    else:\n        d",
            "block",
            "if b:\n        c\n    else:\n        d",
            "",
            "if b:\n        c\n    else:\n        d",
        ),
        ("  <|>\n  total()", "a\n  total()\n", "block", "a", "the text that follows begins", "a\n  total()\n"),
        ("  <|>\n  total()", "a\n  totals", "block", "a\n  totals", "", "a\n  totals"),
        ("switch {<|>", "\ncase a:\n  b\n}\nc", "block", "\ncase a:\n  b\n}", WHY_CLOSED, "\ncase a:\n  b\n}\n"),
        ("if a:<|>\nreturn b", "\n    return b\nc", "block", "\n    return b", "the block ends", "\n    return b\nc"),
        ("<|>", "a\n\nb\n\n\nc", "block", "a\n\nb", "a blank line", "a\n\nb\n\n\n"),
        (
            "  def f():\n<|>",
            "    a\n\n    b\n\n  def g",
            "block",
            "    a\n\n    b",
            "the block ends",
            "    a\n\n    b\n\n  d",
        ),
        ("f() {\n<|>", "  a\n}\nb", "block", "  a\n}", WHY_CLOSED, "  a\n}\n"),
    ],
)
def test_the_end(*, marked: str, made: str, extent: Extent, kept: str, why: str, read: str) -> None:
    assert streamed(marked, made, extent) == (kept, why, read)


@pytest.mark.parametrize(
    ("language", "marked", "made", "kept"),
    [
        ("python", "def f():\n    <|>", '"""A\n\n  b\n\nc\n"""\nd', '"""A\n\n  b\n\nc\n"""'),
        ("python", "f(<|>", "'(', # (\n  b)\nc", "'(', # (\n  b)"),
        ("typescript", "f(<|>", "`(\n${a}`)\nc", "`(\n${a}`)"),
        ("rust", "fn f<'a>(<|>", "a: &'a str) {\n}\nb", "a: &'a str) {\n}"),
        ("c", "f(<|>", "/* ) */ a);\nb", "/* ) */ a);"),
    ],
)
def test_strings_and_comments_close_nothing(language: str, marked: str, made: str, kept: str) -> None:
    assert streamed(marked, made, "paragraph", language)[0] == kept


@pytest.mark.parametrize(
    ("language", "marked", "made", "kept", "why"),
    [
        ("python", "    <|>", "a = 1\n    b", "a = 1", LINE),
        ("python", "    <|>", "\n    a", "", LINE),
        ("python", "    <|>", "a[b:\n    c", "a[b:", LINE),
        ("python", "    a<|>", " = 1\n        b", " = 1", LINE),
        ("python", "    <|>", "if a: # b\n        c\n    x", "if a: # b\n        c", BLOCK),
        ("python", "    <|>", "if a:\n\n        b\n\n\nx", "if a:\n\n        b", "a blank line"),
        ("python", "<|>", "    if a:\n        b\n    x", "    if a:\n        b", BLOCK),
        (
            "python",
            "    <|>",
            "if a:\n        b\n    else:\n        c\nx",
            "if a:\n        b\n    else:\n        c",
            BLOCK,
        ),
        ("python", "    <|>\n    b()", "if a:\n        b()\n    b()", "if a:\n        b()", BLOCK),
        ("python", "<|>", "def f(\n    a,\n) -> b:\n    g(\n        c)\n    d\nx", DEF, BLOCK),
        ("python", "if f(<|>", "a):\n    b\nx", "a):\n    b", BLOCK),
        ("python", "a = f(b<|>", ", c)\n    .d(\n", ", c)", LINE),
        ("python", "a = f(b<|>", ",\n    c)\n", ",", LINE),
        ("python", "<|>", "a = [\n    b,\n]\nx", "a = [\n    b,\n]", WHY_CLOSED),
        ("typescript", "  <|>", "if (a) {\n    b;\n  }\n  x", "if (a) {\n    b;\n  }", BLOCK),
        ("typescript", "  <|>", "if (a) {\n    b;\n  }\n\n  x", "if (a) {\n    b;\n  }", "a blank line"),
        ("typescript", "  <|>", "if (a) {\n    b;\n  } else {\n    c;\n  }\n  x", ELSE, BLOCK),
        ("typescript", "  <|>", "for (;;) {\n    b;\n  }\n", "for (;;) {\n    b;\n  }", WHY_CLOSED),
        ("typescript", "  a<|>", ".map((b) => {\n    c;\n  });\n", ".map((b) => {\n    c;\n  });", WHY_CLOSED),
        ("typescript", "  a.map((b<|>", ") => {\n    c;\n  });\n", ") => {\n    c;\n  });", WHY_CLOSED),
        ("typescript", "  a = <|>", "(b) =>\n    c;\n  x", "(b) =>\n    c;", BLOCK),
        ("typescript", "<|>", "f({ a: 1,\n  b: 2 });\nx", "f({ a: 1,\n  b: 2 });", WHY_CLOSED),
        ("go", "\t<|>", "switch a {\n\tcase b:\n\t\tc()\n\t}\n", "switch a {\n\tcase b:\n\t\tc()\n\t}", WHY_CLOSED),
        ("go", "\tif err<|>", " != nil {\n\t\ta\n\t}\n\tx", " != nil {\n\t\ta\n\t}", BLOCK),
        ("cpp", "  <|>", "try {\n    a;\n  }\n  catch (b) {\n    c;\n  }\n  x", CATCH, BLOCK),
        ("cpp", "  <|>", "if (a) {\n    b;\n  }\n    .c", "if (a) {\n    b;\n  }", BLOCK),
        ("lua", "  <|>", "if a then\n    b\n  else\n    c\n  end\n", "if a then\n    b\n  else\n    c\n  end", BLOCK),
    ],
)
def test_a_statement_ends_with_its_line_or_the_block_it_opens(
    language: str, marked: str, made: str, kept: str, why: str
) -> None:
    assert streamed(marked, made, "statement", language)[:2] == (kept, why)


def test_a_word_that_may_continue_a_statement_is_waited_for() -> None:
    made = "if (a) {\n    b;\n  }\n  "
    for word, end in (("return", "ret"), ("elem", "ele"), ("x", "x")):
        assert streamed("  <|>", made + word, "statement", "cpp") == (made.rstrip(), BLOCK, made + end)


GO = "=== a.go\npackage a\n\nfunc f() error {\n\terr := g()\n\t<|>\n\treturn nil\n}\n"
PYTHON = "=== a.py\ndef f(a, b):\n    a = g()\n    <|>\n    return a\n"
TYPESCRIPT = "=== a.ts\nfunction f(b: number[]) {\n  const a = 1;\n  <|>\n  return a;\n}\n"
RUST = "=== a.rs\nfn f(b: Option<u8>) -> u8 {\n    let a = g();\n    <|>\n    a\n}\n"
CPP = "=== a.cpp\nint f(int b) {\n  int a = g();\n  <|>\n  return a;\n}\n"


@pytest.mark.parametrize(
    ("place", "typed", "made", "offered"),
    [
        (GO, "", "if err != nil {\n\t\treturn err\n\t}\n\treturn nil\n}", "if err != nil {\n\t\treturn err\n\t}"),
        (GO, "if err", " != nil {\n\t\treturn nil\n\t}\n\treturn nil\n}", " != nil {\n\t\treturn nil\n\t}"),
        (GO, "", "if err != nil {\n\t\treturn err\n\t}", "if err != nil {\n\t\treturn err\n\t}"),
        (GO, "", "h(err)\n\tif err != nil {\n", "h(err)"),
        (
            GO,
            "",
            "switch err {\n\tcase nil:\n\t\th()\n\t}\n\treturn nil",
            "switch err {\n\tcase nil:\n\t\th()\n\t}",
        ),
        (PYTHON, "", "if b is None:\n        return a\n    return a\n", "if b is None:\n        return a"),
        (PYTHON, "", "    if b is None:\n        return a\n    return a\n", "if b is None:\n        return a"),
        (PYTHON, "if b", " is None:\n        return a\n    return a\n", " is None:\n        return a"),
        (
            PYTHON,
            "",
            "try:\n        h(a)\n    except OSError:\n        a = b\n    return a\n",
            "try:\n        h(a)\n    except OSError:\n        a = b",
        ),
        (PYTHON, "a = h(", "a,\n        b,\n    )\n    return a", "a,\n        b,\n    )"),
        (PYTHON, "", "a = h(a)\n    a = h(b)\n", "a = h(a)"),
        (TYPESCRIPT, "", "if (!b) {\n    return 2;\n  }\n  return a;\n}", "if (!b) {\n    return 2;\n  }"),
        (TYPESCRIPT, "if (!b", ") {\n    return 2;\n  }\n  return a;\n}", ") {\n    return 2;\n  }"),
        (
            TYPESCRIPT,
            "",
            "b.map((x) => {\n    return x;\n  });\n  return a;\n}",
            "b.map((x) => {\n    return x;\n  });",
        ),
        (TYPESCRIPT, "b.", "map((x) => {\n    return x;\n  });\n  return a;", "map((x) => {\n    return x;\n  });"),
        (TYPESCRIPT, "b.map(", "(x) => {\n    return x;\n  });\n  return a;", "(x) => {\n    return x;\n  });"),
        (TYPESCRIPT, "b.map((x", ") => {\n    return x;\n  });\n  return a;", ") => {\n    return x;\n  });"),
        (TYPESCRIPT, "const c = ", "{\n    d: 1,\n  };\n  return a;", "{\n    d: 1,\n  };"),
        (
            RUST,
            "",
            "if let Some(x) = b {\n        return x;\n    }\n    a\n}",
            "if let Some(x) = b {\n        return x;\n    }",
        ),
        (
            RUST,
            "let c = match b",
            " {\n        Some(x) => x,\n        None => 0,\n    };\n    a\n",
            " {\n        Some(x) => x,\n        None => 0,\n    };",
        ),
        (RUST, "", "let c = a + 1;\n    h(c);\n", "let c = a + 1;"),
        (
            CPP,
            "",
            "for (int i = 0; i < b; ++i) {\n    a += i;\n  }\n  return a;\n}",
            "for (int i = 0; i < b; ++i) {\n    a += i;\n  }",
        ),
        (CPP, "if (b", " > 0) {\n    return b;\n  }\n  return a;\n}", " > 0) {\n    return b;\n  }"),
        (
            CPP,
            "",
            "if (b) {\n    return b;\n  }\n  else {\n    a = 2;\n  }\n  return a;\n",
            "if (b) {\n    return b;\n  }\n  else {\n    a = 2;\n  }",
        ),
    ],
)
async def test_a_block_is_offered_between_other_lines(place: str, typed: str, made: str, offered: str) -> None:
    backend = ScriptedBackend(fills=[list(made)])
    completion = await service_on(backend).complete(query_in(place.replace("<|>", f"{typed}<|>")))
    assert [item.text for item in completion.items] == [offered], completion.trace
    (request,) = backend.requests
    assert isinstance(request, FillRequest)
    assert "\n" not in request.stop


@pytest.mark.parametrize(
    ("place", "made", "offered"),
    [
        # Within brackets: those that the text opens itself are closed on further lines.
        ("h(\n    a,\n    <|>\n  );", "c(\n      1,\n    ),\n    d,", "c(\n      1,\n    ),"),
        ("h(\n    a,\n    <|>\n  );", "c,\n    d,", "c,"),
        ("h(\n    a,\n    <|>\n  );", "{\n      x: 1,\n    },\n    d", "{\n      x: 1,\n    },"),
        # The head of what is there: its parameters may take several lines, its body is there.
        (
            "<|>\n    return b;\n  }",
            "const g = (\n    c: number,\n  ) => {\n    return c;",
            "const g = (\n    c: number,\n  ) => {",
        ),
        ("<|>\n    return b;\n  }", "const g = (c: number) => {\n    return c;", "const g = (c: number) => {"),
        # Its arguments are there.
        ("const c = <|>\n    1,\n  );", "h(\n    2,", "h("),
        ("<|>\n    1,\n  );", "const c = h(\n    2,", "const c = h("),
        ("<|>\n    1,\n  ];", "const c = [\n    2,", "const c = ["),
    ],
)
async def test_a_line_goes_on_while_its_own_brackets_are_open(place: str, made: str, offered: str) -> None:
    backend = ScriptedBackend(fills=[list(made)])
    completion = await service_on(backend).complete(query_in(TYPESCRIPT.replace("<|>", place)))
    assert [item.text for item in completion.items] == [offered], completion.trace


@pytest.mark.parametrize("line", ["b.map(<|>)", "const c = { a: <|> };"])
async def test_before_code_the_server_ends_the_line(line: str) -> None:
    backend = ScriptedBackend(fills=["abc\n  def"])
    completion = await service_on(backend).complete(query_in(TYPESCRIPT.replace("<|>", line)))
    assert [item.text for item in completion.items] == ["abc"]
    (request,) = backend.requests
    assert isinstance(request, FillRequest)
    assert "\n" in request.stop


@given(
    before=st.sampled_from(["", "    ", "if a:", "  f(", "\tx = "]),
    below=st.sampled_from(["", "\n}", "\n    total()", "\nx"]),
    made=st.text(alphabet="ab \t\n)}:({\"'", max_size=40),
    extent=st.sampled_from(["line", "statement", "paragraph", "block"]),
)
def test_an_end_once_found_stays(before: str, below: str, made: str, extent: Extent) -> None:
    hole = hole_at(before + below, len(before))
    found: End | None = None
    for length in range(len(made) + 1):
        end = find_end(made[:length], hole, extent)
        if found is not None:
            assert end == found
        found = end
    if found is not None:
        assert find_end(made, hole, extent, final=True) == found
    finder = EndFinder(hole, extent)
    for character in made:
        finder.add(character)
    assert finder.finish() == find_end(made, hole, extent, final=True)
