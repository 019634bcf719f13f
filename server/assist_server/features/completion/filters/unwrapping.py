"""What a model writes around the text that belongs at the cursor."""

import re

from assist_context.prompt.chat import MARKER
from assist_context.syntax.lexing import OPENERS
from assist_server.features.completion.filters.frame import Frame
from assist_server.features.completion.filters.vocabulary import KEY_WORDS

_CONTROL = re.compile(r"<\|[\w\u2581-]{1,40}\|>|<\uff5c[\w\u2581-]{1,40}\uff5c>")
_CURSOR = re.compile(r"<\|(?:user_)?cursor(?:_is_here)?\|>")
_FENCE = re.compile(
    r"(?P<fence>`{3,})[^\n`]*\n(?P<code>.*?)(?:\n?^[ \t]*(?P=fence)[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
_FENCE_LINE = re.compile(r"^[ \t]*`{3,}\w*[ \t]*$", re.MULTILINE)
_WITH_FENCES = frozenset({"", "markdown", "restructuredtext", "latex", "html", "vue", "svelte"})
_DOUBLE = 2
_LEAST_ECHO, _LEAST_ECHO_IN_WORDS = 8, 2
_OPENING = (*OPENERS, "<")
_LAST_WORD = re.compile(r"[^\W\d]\w*\Z")
_IN_ANY_LANGUAGE = frozenset[str]().union(*KEY_WORDS.values())
_FIRST_WORD = re.compile(r"[^\W\d]\w*")


def control_tokens_in(text: str, control: frozenset[str] = frozenset()) -> frozenset[str]:
    """Collect what looks like a control token in a document, and which of a model's own strings it spells."""
    spelled = frozenset(own for own in control if own in text)
    if "<|" not in text and "<\uff5c" not in text:
        return spelled
    return spelled.union(_CONTROL.findall(text))


def unify_newlines(text: str, _: Frame) -> str:
    r"""Take ``\r`` out; the editor knows how its lines end."""
    return text.replace("\r", "")


def unwrap_fence(text: str, frame: Frame) -> str:
    """Take the code out of a Markdown answer, and the mark of the place out of that."""
    if not frame.from_chat:
        return _without_fences(text, frame)
    text = text.replace(MARKER, "")
    if found := _FENCE.search(text):
        return found["code"]
    inline = text.strip()
    if len(inline) > 2 and inline[0] == inline[-1] == "`" and "`" not in inline[1:-1]:
        return inline[1:-1]
    return text


def _without_fences(text: str, frame: Frame) -> str:
    """Cut code at a line with a fence, behind which a model that fills in explains it."""
    if frame.hole.language in _WITH_FENCES or frame.hole.inside != "code" or "```" not in text:
        return text
    found = _FENCE_LINE.search(text)
    if found is None:
        return text
    if text[: found.start()].strip():
        return text[: found.start()].rstrip()
    inner = text[found.end() :].lstrip("\n")
    end = _FENCE_LINE.search(inner)
    return inner[: end.start()].rstrip() if end else inner


def cut_control_tokens(text: str, frame: Frame) -> str:
    """Drop cursor marks and cut at the first control token that the document does not spell out itself."""
    kept = _CURSOR.sub(lambda found: found[0] if found[0] in frame.literals else "", text)
    ends = [kept.find(token) for token in frame.control if token not in frame.literals]
    ends += [found.start() for found in _CONTROL.finditer(kept) if found[0] not in frame.literals]
    return kept[: min((end for end in ends if end >= 0), default=len(kept))]


def drop_echo(text: str, frame: Frame) -> str:
    """Drop a repetition of what is already typed on the line, or of the word that is being typed."""
    typed = frame.hole.before
    if frame.from_chat and typed and text.startswith(typed):
        return text[len(typed) :]
    typed = typed.lstrip()
    # Filling in, a model repeats the line rarely, and a short match is more likely meant.
    least = _LEAST_ECHO_IN_WORDS if frame.from_chat else _LEAST_ECHO
    # Behind an opening bracket, the same again is an argument: `copy(copy(`, `list<list<`.
    is_nested = typed.rstrip().endswith(_OPENING) and not frame.from_chat
    if len(typed) >= least and text.lstrip().startswith(typed) and not is_nested:
        return text.lstrip()[len(typed) :]
    return _without_typed_word(text, frame)


def _without_typed_word(text: str, frame: Frame) -> str:
    """Drop the typed part of a word where the text begins with the whole word: `ret` and then `return`.

    Behind a key word or a built-in type, as `int` before `internal`, it is the blank between two words that is missing;
    no part of the text can mend that, so nothing is left of it.
    """
    typed, first = _LAST_WORD.search(frame.hole.before), _FIRST_WORD.match(text)
    if typed is None or first is None or frame.hole.after[:1].isalnum():
        return text
    word, whole = typed[0], first[0]
    if len(word) < 2 or len(whole) <= len(word) or not whole.startswith(word):
        return text
    doubled = re.compile(rf"\b{re.escape(word + whole)}\b")
    if frame.place is not None and doubled.search(frame.place.text):
        return text
    return "" if word in KEY_WORDS.get(frame.hole.language, _IN_ANY_LANGUAGE) else text[len(word) :]


def drop_double_space(text: str, frame: Frame) -> str:
    """Drop a space where the line already ends with one."""
    before = frame.hole.before
    bare = text.lstrip(" \t")
    # More than that aligns columns.
    if before.strip() and before[-1:] == " " and before[-2:-1] != " " and len(text) - len(bare) <= _DOUBLE:
        return bare
    return text
