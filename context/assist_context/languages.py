"""What is known of each language without parsing it: its names, its files and its comments."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Language:
    """One language.

    id: the identifier that editors use for it (LSP ``languageId``). name: what people call it.
    extensions: lower-case, with the dot; filenames: whole base names; interpreters: names in a ``#!`` line.
    comment: what starts a comment to the end of the line, or "". block_comment: start and end, or None.
    """

    id: str
    name: str
    extensions: tuple[str, ...] = ()
    filenames: tuple[str, ...] = ()
    interpreters: tuple[str, ...] = ()
    comment: str = ""
    block_comment: tuple[str, str] | None = None

    def commented(self, line: str) -> str:
        """Give one line of text as a comment of this language, or as it is where there are no comments."""
        if self.comment:
            return f"{self.comment} {line}"
        if self.block_comment:
            return f"{self.block_comment[0]} {line} {self.block_comment[1]}"
        return line


_C = ("/*", "*/")
_MARKUP = ("<!--", "-->")

_TABLE = (
    Language("python", "Python", (".py", ".pyi", ".pyw"), ("SConstruct", "SConscript"), ("python", "pypy"), "#"),
    Language("javascript", "JavaScript", (".js", ".mjs", ".cjs"), ("Jakefile",), ("node", "bun", "deno"), "//", _C),
    Language("javascriptreact", "JavaScript with JSX", (".jsx",), comment="//", block_comment=_C),
    Language(
        "typescript",
        "TypeScript",
        (".ts", ".mts", ".cts"),
        interpreters=("ts-node", "tsx"),
        comment="//",
        block_comment=_C,
    ),
    Language("typescriptreact", "TypeScript with JSX", (".tsx",), comment="//", block_comment=_C),
    Language("go", "Go", (".go",), comment="//", block_comment=_C),
    Language("rust", "Rust", (".rs",), comment="//", block_comment=_C),
    Language("java", "Java", (".java",), comment="//", block_comment=_C),
    Language("c", "C", (".c", ".h"), comment="//", block_comment=_C),
    Language(
        "cpp", "C++", (".cpp", ".cc", ".cxx", ".hpp", ".hh", ".hxx", ".ipp", ".inl"), comment="//", block_comment=_C
    ),
    Language("csharp", "C#", (".cs", ".csx"), comment="//", block_comment=_C),
    Language(
        "ruby", "Ruby", (".rb", ".rake", ".gemspec", ".ru"), ("Rakefile", "Gemfile", "Vagrantfile"), ("ruby",), "#"
    ),
    Language("php", "PHP", (".php", ".phtml"), interpreters=("php",), comment="//", block_comment=_C),
    Language(
        "shellscript",
        "shell script",
        (".sh", ".bash", ".zsh", ".ksh"),
        (".bashrc", ".bash_profile", ".profile", ".zshrc", "PKGBUILD"),
        ("sh", "bash", "zsh", "dash", "ksh"),
        "#",
    ),
    Language("lua", "Lua", (".lua",), interpreters=("lua", "luajit"), comment="--", block_comment=("--[[", "]]")),
    Language("kotlin", "Kotlin", (".kt", ".kts"), comment="//", block_comment=_C),
    Language("swift", "Swift", (".swift",), comment="//", block_comment=_C),
    Language("scala", "Scala", (".scala", ".sc", ".sbt"), comment="//", block_comment=_C),
    Language("json", "JSON", (".json", ".webmanifest", ".ipynb"), (".prettierrc", "composer.lock")),
    Language("jsonc", "JSON with comments", (".jsonc", ".code-workspace"), comment="//", block_comment=_C),
    Language("yaml", "YAML", (".yaml", ".yml"), (".clang-format", ".clang-tidy"), comment="#"),
    Language("toml", "TOML", (".toml",), ("Cargo.lock", "Pipfile", "poetry.lock", "uv.lock"), comment="#"),
    Language("ini", "INI", (".ini", ".cfg", ".conf"), (".editorconfig", ".gitconfig"), comment=";"),
    Language("html", "HTML", (".html", ".htm", ".xhtml"), block_comment=_MARKUP),
    Language("xml", "XML", (".xml", ".xsd", ".xsl", ".svg", ".csproj", ".plist"), block_comment=_MARKUP),
    Language("vue", "Vue", (".vue",), block_comment=_MARKUP),
    Language("svelte", "Svelte", (".svelte",), block_comment=_MARKUP),
    Language("css", "CSS", (".css",), block_comment=_C),
    Language("scss", "SCSS", (".scss",), comment="//", block_comment=_C),
    Language("less", "Less", (".less",), comment="//", block_comment=_C),
    Language("markdown", "Markdown", (".md", ".markdown"), block_comment=_MARKUP),
    Language("restructuredtext", "reStructuredText", (".rst",), comment=".."),
    Language("latex", "LaTeX", (".tex", ".sty", ".cls"), comment="%"),
    Language("sql", "SQL", (".sql",), comment="--", block_comment=_C),
    Language("dockerfile", "Dockerfile", (".dockerfile",), ("Dockerfile", "Containerfile"), comment="#"),
    Language("makefile", "Makefile", (".mk", ".mak"), ("Makefile", "makefile", "GNUmakefile"), ("make",), "#"),
    Language("cmake", "CMake", (".cmake",), ("CMakeLists.txt",), comment="#"),
    Language("perl", "Perl", (".pl", ".pm", ".t"), interpreters=("perl",), comment="#"),
    Language("r", "R", (".r",), interpreters=("Rscript",), comment="#"),
    Language("dart", "Dart", (".dart",), comment="//", block_comment=_C),
    Language("elixir", "Elixir", (".ex", ".exs"), interpreters=("elixir",), comment="#"),
    Language("erlang", "Erlang", (".erl", ".hrl"), interpreters=("escript",), comment="%"),
    Language("haskell", "Haskell", (".hs",), interpreters=("runghc",), comment="--", block_comment=("{-", "-}")),
    Language("ocaml", "OCaml", (".ml", ".mli"), interpreters=("ocaml",), block_comment=("(*", "*)")),
    Language("fsharp", "F#", (".fs", ".fsi", ".fsx"), comment="//", block_comment=("(*", "*)")),
    Language("clojure", "Clojure", (".clj", ".cljs", ".cljc", ".edn"), comment=";"),
    Language("zig", "Zig", (".zig",), comment="//"),
    Language("julia", "Julia", (".jl",), interpreters=("julia",), comment="#", block_comment=("#=", "=#")),
    Language("groovy", "Groovy", (".groovy", ".gradle"), ("Jenkinsfile",), ("groovy",), "//", _C),
    Language("objective-c", "Objective-C", (".m", ".mm"), comment="//", block_comment=_C),
    Language("powershell", "PowerShell", (".ps1", ".psm1", ".psd1"), interpreters=("pwsh",), comment="#"),
    Language("bat", "batch file", (".bat", ".cmd"), comment="rem"),
    Language("terraform", "Terraform", (".tf", ".hcl"), comment="#", block_comment=_C),
    Language("proto", "Protocol Buffers", (".proto",), comment="//", block_comment=_C),
    Language("graphql", "GraphQL", (".graphql", ".gql"), comment="#"),
    Language("nix", "Nix", (".nix",), comment="#", block_comment=_C),
    Language("vim", "Vim script", (".vim",), (".vimrc",), comment='"'),
)

LANGUAGES: Mapping[str, Language] = MappingProxyType({language.id: language for language in _TABLE})

_BY_EXTENSION = MappingProxyType({ext: language.id for language in _TABLE for ext in language.extensions})
_BY_FILENAME = MappingProxyType({name: language.id for language in _TABLE for name in language.filenames})
_BY_INTERPRETER = MappingProxyType({name: language.id for language in _TABLE for name in language.interpreters})
# What begins a line of C++ and none of C. Its words begin lines of comments too, so the signs after them count.
_CPP = re.compile(
    rb"^[ \t]*(?:(?:class|enum[ \t]+(?:class|struct))[ \t]+(?:\w+[ \t]+){0,2}\w+[ \t]*(?:[{;]|:[^:])"
    rb"|(?:inline[ \t]+)?namespace(?:[ \t]+[\w:]+)?[ \t]*(?:\{|\r?$)"
    rb"|using[ \t]+(?:namespace[ \t]+)?[\w:]+[ \t]*[=;]"
    rb"|template[ \t]*<|virtual[ \t][^;{\n]*\(|(?:public|private|protected)[ \t]*:)",
    re.MULTILINE,
)
_SHEBANG = re.compile(r"#!\s*(?P<command>\S+)(?P<arguments>.*)")
_VERSION = re.compile(r"[\d.]+$")


def language_of(path: str, first_line: str = "") -> str:
    """Tell the language of a file by its name, else by the ``#!`` of its first line; "" where neither tells.

    A ``.h`` file counts as C, a ``.m`` file as Objective-C.
    """
    name = PurePosixPath(path.replace("\\", "/")).name
    if name in _BY_FILENAME:
        return _BY_FILENAME[name]
    stem = name.split(".", 1)[0]
    if stem in {"Dockerfile", "Containerfile", "Makefile"}:  # Dockerfile.dev, Makefile.am
        return _BY_FILENAME[stem]
    found = _BY_EXTENSION.get(PurePosixPath(name.lower()).suffix, "")
    return found or _by_shebang(first_line)


def language_of_text(path: str, source: bytes) -> str:
    """Tell the language of a file as `language_of` does, but that a `.h` file with C++ in it is C++; from UTF-8."""
    first_line = source[: source.find(b"\n")][:200].decode("utf-8", "replace") if source.startswith(b"#!") else ""
    found = language_of(path, first_line)
    return "cpp" if found == "c" and path.lower().endswith(".h") and _CPP.search(source) else found


def human_name(language: str) -> str:
    """Give the name that people, and so models, use for a language; "text" where it is unknown."""
    return LANGUAGES[language].name if language in LANGUAGES else language or "text"


def comment_token(language: str) -> str:
    """Give what starts a comment to the end of the line, or ""."""
    return LANGUAGES[language].comment if language in LANGUAGES else ""


def _by_shebang(first_line: str) -> str:
    shebang = _SHEBANG.match(first_line)
    if not shebang:
        return ""
    words = [shebang["command"], *shebang["arguments"].split()]
    if PurePosixPath(words[0]).name == "env":
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    if not words:
        return ""
    program = PurePosixPath(words[0]).name
    return _BY_INTERPRETER.get(program) or _BY_INTERPRETER.get(_VERSION.sub("", program), "")
