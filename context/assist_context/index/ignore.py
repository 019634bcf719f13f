"""Why a file is left out of the index, by its name or by what is in it."""

import re
from enum import Enum
from fnmatch import translate

from assist_context.secrets import is_secret_path

LARGEST = 1_000_000  # bytes


class Reason(Enum):
    """Why a file is left out; the value is what people read."""

    OUTSIDE = "outside the workspace"
    NAME = "its name is not UTF-8"
    MISSING = "there is no such file"
    FOLDER = "a folder; ask about a file in it"
    NOT_A_FILE = "not a regular file"
    BEHIND_LINK = "behind a symbolic link"
    UNREADABLE = "cannot be read"
    GIT_IGNORED = "ignored by git"
    ASSIST_IGNORED = "ignored by .assistignore"
    OTHER_REPOSITORY = "in a repository of its own"
    MADE_BY_TOOLS = "in a folder that tools fill"
    PRIVATE = "may hold secrets"
    LARGE = "larger than 1 MB"
    BINARY = "binary"
    MINIFIED = "minified"
    GENERATED = "generated"
    QUARANTINED = "stopped the parser"


IGNORE_FILE = ".assistignore"

# Folders of these names are installed, cached or kept by tools, whoever the project belongs to.
_TOOL_FOLDERS = frozenset(
    {".git", ".hg", ".svn", ".jj", "CVS", "node_modules", "bower_components", "jspm_packages", ".pnpm-store", ".yarn"}
    | {"__pycache__", "__pypackages__", "site-packages", ".venv", ".tox", ".nox", ".eggs", ".ipynb_checkpoints"}
    | {".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis", ".cache", ".parcel-cache", ".turbo", ".sass-cache"}
    | {".gradle", ".bundle", ".dart_tool", ".terraform", ".next", ".nuxt", ".svelte-kit", ".angular", "elm-stuff"}
    | {"DerivedData", ".vs", ".bloop", ".metals", ".stack-work", "dist-newstyle", ".aws-sam", ".serverless"}
)
# A folder with one of these in it is a virtual environment or a cache, whatever its name is.
FOLDER_MARKS = ("pyvenv.cfg", "CACHEDIR.TAG")

_BINARY_ENDINGS = frozenset(
    {"png", "jpg", "jpeg", "gif", "bmp", "ico", "icns", "webp", "avif", "tif", "tiff", "psd", "heic", "exr", "dds"}
    | {"mp3", "mp4", "m4a", "wav", "ogg", "flac", "mov", "avi", "mkv", "webm", "ttf", "otf", "woff", "woff2", "eot"}
    | {"zip", "gz", "tgz", "bz2", "xz", "zst", "7z", "rar", "tar", "jar", "war", "whl", "egg", "nupkg", "deb", "rpm"}
    | {"exe", "dll", "so", "dylib", "o", "a", "obj", "lib", "class", "pyc", "pyo", "pyd", "wasm", "node", "rlib", "pdb"}
    | {"pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "odt", "db", "sqlite", "sqlite3", "parquet", "npy", "npz"}
    | {"pt", "pth", "onnx", "gguf", "safetensors", "h5", "hdf5", "pkl", "pickle", "bin", "dat", "swf", "blend", "dmg"}
)  # fmt: skip

_LOCKS = (
    "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "deno.lock", "cargo.lock",
    "poetry.lock", "pdm.lock", "uv.lock", "pylock.toml", "pylock.*.toml", "pipfile.lock", "conda-lock.yml", "pixi.lock",
    "gemfile.lock", "composer.lock", "go.sum", "go.work.sum", "flake.lock", "mix.lock", "rebar.lock", "pubspec.lock",
    "podfile.lock", "package.resolved", "packages.lock.json", "project.assets.json", "gradle.lockfile",
    "buildscript-gradle.lockfile", "module.bazel.lock", ".terraform.lock.hcl", "cabal.project.freeze",
)  # fmt: skip
_GENERATED = (
    "*.min.js", "*.min.mjs", "*.min.cjs", "*.min.css", "*-min.js", "*-min.css", "*.bundle.js", "*.chunk.js", "*.js.map",
    "*.css.map", "*.mjs.map", "*.cjs.map", "*.ts.map", "*.tsbuildinfo", "*.snap", "*.generated.*", "zz_generated.*",
    "*_generated.go", "*_generated.h", "*_generated.rs", "*_generated.ts", "*_generated.dart",
    "*.pb.go", "*.pb.gw.go", "*.pb.validate.go", "*.pb.h", "*.pb.c", "*.pb.cc", "*.pb.swift", "*.grpc.swift",
    "*.pb.dart", "*.pbenum.dart", "*.pbgrpc.dart", "*.pbjson.dart", "*_pb.js", "*_pb.d.ts", "*_pb.ts", "*_pb.rb",
    "*_pb2.py", "*_pb2.pyi", "*_pb2_grpc.py", "*_pb2_grpc.pyi", "*.g.dart", "*.freezed.dart", "*.gr.dart",
    "*.g.cs", "*.g.i.cs", "*.designer.cs", "*.designer.vb", "lex.yy.c", "moc_*.cpp", "qrc_*.cpp",
)  # fmt: skip
_GENERATED_NAME = re.compile("|".join(translate(pattern) for pattern in (*_LOCKS, *_GENERATED)))

_HEAD = 8000  # bytes that tell what a file is; git looks at as many
_TOP = 2000  # bytes in which a generator says that it was here
_TEXT_BYTES = bytes({*range(0x20, 0x100), 0x07, 0x08, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x1B} - {0x7F})
_ODD_BYTES = 0.1  # more of them than this share, and it is no text
_LONGEST_LINES = 1000  # bytes a line in the mean: no person wrote that
_LONGEST_SCRIPT_LINES = 250
_SMALL = 5000
_SCRIPTS = (".js", ".mjs", ".cjs", ".css")

_COMMENT = rb"^[ \t]*(?://+!?|/\*+!?|\*+|#+|;+|--+|%+|<!--|\{-|\(\*|\"{1,3}|'{3}|dnl\b|rem\b)[ \t=#*/-]*"
_BY_MACHINE = rb"(?:auto[- ]?|automatically[ -]|machine[ -])generated"
_SAYS_GENERATED = re.compile(
    _COMMENT
    + rb"(?:@generated\b|.{0,80}\s@generated\b"
    + rb"|code[ ]generated\b.{0,200}do[ ]not[ ]edit"
    + rb"|(?:this|the)[ ](?:\w+[ ]){1,3}(?:is|was|has[ ]been)[ ](?:" + _BY_MACHINE + rb"|generated)\b"
    + rb"|(?:\w+[ :]+){0,3}" + _BY_MACHINE + rb"(?:[ ]file|[ ]code)?(?:[ ](?:by|from|with|using|on)\b|[.!,:;-]|[ \t]*$)"
    + rb"|(?-i:Generated|GENERATED)[ ](?:automatically[ ])?(?:by|from|with|using)[ ](?!django\b)"
    + rb"|generated[ ]by[ ][\w.-]+:"
    + rb"|<auto-generated\b|this[ ]is[ ]an?[ ](?:" + _BY_MACHINE + rb"|generated)\b"
    + rb"|.{0,60}\bgenerated\b.{0,160}(?:do[ ]not|don't|not[ ]be)[ ](?:edit|modif|change)"
    + rb"|.{0,40}do[ ]not[ ](?:edit|modify|change)\b.{0,160}\bgenerated\b)",
    re.IGNORECASE | re.MULTILINE,
)  # fmt: skip
# A header ends where the code starts; what comes later may be what a generator writes into its files.
_CODE = re.compile(
    rb"^(?:export |public |static |local |pub )?(?:[\w.:]+ *=|(?:import|from|package|def|class|const|let|var|use|func"
    rb"|function|fn|namespace|struct|enum|interface|type|module|mod|require)\b)",
    re.MULTILINE,
)


def is_utf8(path: str) -> bool:
    """Tell whether a path is text; the bytes of one that is none are lone surrogates in it, which no index holds."""
    if path.isascii():
        return True
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def why_not_name(path: str) -> Reason | None:
    """Tell by its name why a file is left out, None where the name is no reason; the path is below the workspace."""
    folders, _, name = path.rpartition("/")
    if folders and not _TOOL_FOLDERS.isdisjoint(folders.split("/")):
        return Reason.MADE_BY_TOOLS
    lowered = name.lower()
    if lowered.rpartition(".")[2] in _BINARY_ENDINGS and "." in lowered:
        return Reason.BINARY
    if _GENERATED_NAME.match(lowered):
        return Reason.GENERATED
    return Reason.PRIVATE if is_secret_path(path) else None


def is_tool_folder(name: str) -> bool:
    """Tell whether nothing in a folder of this name is indexed."""
    return name in _TOOL_FOLDERS


def why_not_content(path: str, content: bytes) -> Reason | None:
    """Tell by its bytes why a file is left out, None where they are no reason.

    Only the beginning is looked at, and how many lines there are. Text is UTF-8, or UTF-16 with a byte order mark;
    bytes that are not UTF-8 (Latin-1, Shift JIS) are allowed for, because the names in such files are ASCII.
    """
    if len(content) > LARGEST:
        return Reason.LARGE
    content = as_utf8(content) if _is_utf16(content) else content
    head = content[:_HEAD]
    if b"\0" in head or len(head.translate(None, _TEXT_BYTES)) > _ODD_BYTES * len(head):
        return Reason.BINARY
    longest = _LONGEST_SCRIPT_LINES if path.lower().endswith(_SCRIPTS) else _LONGEST_LINES
    if len(content) > _SMALL and len(content) > longest * (content.count(b"\n") + 1):
        return Reason.MINIFIED
    top = head[:_TOP]
    if b"enerated" in top or b"GENERATED" in top:
        code = _CODE.search(top)
        return Reason.GENERATED if _SAYS_GENERATED.search(top, 0, code.start() if code else len(top)) else None
    return None


def as_utf8(content: bytes) -> bytes:
    """Give a text as UTF-8: UTF-16 with a byte order mark is decoded, bytes that are not UTF-8 become U+FFFD."""
    if _is_utf16(content):
        return content.decode("utf-16", "replace").encode("utf-8", "replace")
    try:
        content.decode()
    except UnicodeDecodeError:
        return content.decode("utf-8", "replace").encode()
    return content


def _is_utf16(content: bytes) -> bool:
    return content.startswith((b"\xff\xfe", b"\xfe\xff"))
