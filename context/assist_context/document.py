"""The text a feature works on, frozen at the moment of the request."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Document:
    """An immutable snapshot of one text.

    path: relative to its workspace folder with ``/`` separators, or the bare name of an untitled document;
        this is what a model sees.
    language: an identifier of `languages.LANGUAGES`, or "" for plain text.
    text: offsets into it are indices of the Python string, that is Unicode characters.
    """

    uri: str
    path: str
    language: str
    text: str
    version: int = 0
