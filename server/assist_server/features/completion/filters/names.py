"""Names that exist nowhere: of what a small model gets wrong, what a person sees last."""

import builtins
import keyword
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from assist_context.syntax.lexing import masked
from assist_server.features.completion.filters.frame import Frame

_NAME = re.compile(r"(?<!\w)[^\W\d]\w*")
_LAST_WORD = re.compile(r"(?<!\w)[^\W\d]\w*\Z")
_SHORTEST = 3
_OWN_MEMBER = re.compile(r"(?<![\w.])(?:self|this)\s*(?:\.|->)\s*\Z")
# Lines that declare what they name, or that name what is elsewhere.
_DECLARES = re.compile(
    r"\b(?:def|class|lambda|function|func|fn|fun|import|from|use|using|require|include|package|namespace|module|mod|type"
    r"|interface|enum|struct|trait|impl|catch|except|global|nonlocal|typedef|template|macro_rules|define|goto|label)\b"
    r"|=>|:=|^\s*[#@]|\|[\w\s,&:]+\|"
)
_BINDS = re.compile(
    r"\b(?:let|const|var|val|auto|mut)\b\s*[^=;]*|\b(?:for|foreach)\b[^;]*?\b(?:in|of)\b|\bas\s+\(?[\w, ]+"
    r"|^\s*[\w\s,*()\[\]]+=(?!=)"
)
_BINDS_IN_C = re.compile(r"\b(?!return|else|case|throw|new|delete|goto)\w+(?:<[^;]*>)?[\s*&]+\w+\s*[=;,)\[({]")
_BEFORE_MEMBERS = (".", "->", "::", "#", "@", "$", "'")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_C = _words(
    "auto bool break case char class const const_cast constexpr continue decltype default delete do double"
    " dynamic_cast else enum explicit extern false final float for friend goto if inline int long mutable"
    " namespace new noexcept nullptr NULL operator override private protected public register reinterpret_cast"
    " return short signed sizeof static static_assert static_cast struct switch template this throw true try"
    " typedef typename union unsigned using virtual void volatile while int8_t int16_t int32_t int64_t uint8_t"
    " uint16_t uint32_t uint64_t size_t ssize_t ptrdiff_t std string vector map malloc free calloc realloc"
    " memcpy memset memmove memcmp strlen strcmp strncmp strcpy printf fprintf snprintf sprintf assert exit"
    " abort FILE stdin stdout stderr errno defined ifdef ifndef endif"
)
_ECMASCRIPT = _words(
    "any arguments Array ArrayBuffer as async await BigInt bigint Boolean boolean break case catch class"
    " clearInterval clearTimeout console const constructor continue crypto Date debugger declare default delete"
    " do document else Error eval export extends false fetch finally Float32Array Float64Array for from"
    " function Function get globalThis if implements import in Infinity infer instanceof Int32Array Intl is"
    " isFinite isNaN JSON keyof let Map Math module NaN never new null number Number object Object of Omit"
    " parseFloat parseInt Partial performance Pick private process Promise protected Proxy public"
    " queueMicrotask RangeError readonly Readonly Record Reflect RegExp require Required return ReturnType"
    " satisfies set Set setInterval setTimeout static string String structuredClone super switch Symbol symbol"
    " SyntaxError this throw true try type TypeError typeof Uint8Array undefined unknown URL URLSearchParams"
    " var void WeakMap WeakSet while window with yield Awaited Parameters Exclude Extract NonNullable Buffer"
    " AbortController AbortSignal Event Headers Request Response TextDecoder TextEncoder exports"
)
_GO = _words(
    "any append bool break byte cap case chan clear close comparable complex complex64 complex128 const"
    " continue copy default defer delete else error fallthrough false float32 float64 for func goto imag import"
    " int int8 int16 int32 int64 interface iota len make map max min new nil package panic print println range"
    " real recover return rune select string struct switch true type uint uint8 uint16 uint32 uint64 uintptr"
    " var"
)
_RUST = _words(
    "Arc Box Clone Copy Debug Default Drop Err Fn FnMut FnOnce From HashMap HashSet Into Iterator None Ok"
    " Option Ordering Rc Result Self Send Sized Some String Sync ToString Vec as assert assert_eq assert_ne"
    " async await bool break char const continue crate dbg debug_assert dyn else enum eprintln extern f32 f64"
    " false fn for format i8 i16 i32 i64 i128 if impl in isize let loop match matches mod move mut panic print"
    " println pub ref return self static str struct super todo trait true type u8 u16 u32 u64 u128"
    " unimplemented unreachable unsafe use usize vec where while write writeln core std alloc"
)
_PYTHON = frozenset((*keyword.kwlist, *keyword.softkwlist, *dir(builtins), "self", "cls", "__file__", "__all__"))

IN_ANY_FILE: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "python": _PYTHON,
        "javascript": _ECMASCRIPT,
        "javascriptreact": _ECMASCRIPT,
        "typescript": _ECMASCRIPT,
        "typescriptreact": _ECMASCRIPT,
        "go": _GO,
        "rust": _RUST,
        "c": _C,
        "cpp": _C,
    }
)
"""Key words and names that need no import; only these languages' names are judged."""


def cut_unknown_names(text: str, frame: Frame) -> str:
    """Cut an automatic suggestion before the first line that uses a name which exists nowhere.

    That is a bare name, or a member of `self` or `this`, that neither the document nor the text declares or has, that
    needs an import or a definition, and that nobody knows. Members of other things may come from anywhere.
    """
    place, known = frame.place, frame.known
    if known is None or place is None or not frame.automatic or frame.hole.language not in IN_ANY_FILE:
        return text
    typed = _LAST_WORD.search(frame.hole.before)
    start = len(typed[0]) if typed else 0
    code = masked((typed[0] if typed else "") + text, frame.hole.language, frame.hole.quote).code
    given = IN_ANY_FILE[frame.hole.language] | _declared(code, frame)
    for at, name in _used(code, frame):
        if name in given or len(name) < _SHORTEST or known(name):
            continue
        if not re.search(rf"(?<!\w){re.escape(name)}(?!\w)", _without_typed(place.text, place.offset, start)):
            return text[: max(0, text.rfind("\n", 0, max(0, at - start)))].rstrip()
    return text


def _used(code: str, frame: Frame) -> Iterator[tuple[int, str]]:
    """Give the names that must be something already, with their places."""
    before = _LAST_WORD.sub("", frame.hole.before)
    for found in _NAME.finditer(code):
        ahead = code[found.end() :].lstrip(" ")
        behind = (before + code[: found.start()]).rstrip(" ")
        is_argument = ahead.startswith("=") and not ahead.startswith("==")
        is_key = ahead.startswith(":") and not ahead.startswith("::")
        if is_argument or is_key:
            continue
        if not behind.endswith(_BEFORE_MEMBERS) or _OWN_MEMBER.search(behind):
            yield found.start(), found[0]


def _declared(code: str, frame: Frame) -> frozenset[str]:
    """Collect the names that lines of a text declare; all of a line that looks like a declaration."""
    found: set[str] = set()
    lines = code.split("\n")
    typed = _LAST_WORD.sub("", frame.hole.before)
    for number, line in enumerate(lines):
        whole = typed + line if number == 0 else line
        if _DECLARES.search(whole):
            found.update(_NAME.findall(line))
        for pattern in (_BINDS, _BINDS_IN_C) if frame.hole.language in {"c", "cpp"} else (_BINDS,):
            for bound in pattern.finditer(whole):
                found.update(_NAME.findall(bound[0]))
    return frozenset(found)


def _without_typed(text: str, offset: int, typed: int) -> str:
    """Give a document without the word that is being typed: it does not tell that its own beginning exists."""
    return text[: offset - typed] + " " + text[offset:]
