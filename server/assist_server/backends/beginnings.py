"""Grammars of llama.cpp for how a text begins; after that anything may come."""

from assist_server.backends.base import Start

_WORD = r"root ::= [^\t-/:-@[-^{-~`] .*"  # neither a blank nor an ASCII sign
_CLOSERS = r"\]\r\n)}"


def grammar_of(start: Start, avoid: str) -> str | None:
    """Give the grammar for what a request asks of a text's beginning, None where that is nothing."""
    if start == "word":
        return _WORD
    first = _CLOSERS if start == "code" else ""
    if not avoid:
        return rf"root ::= [ \t]* [^ \t{first}] .*" if first else None
    rules = [r"root ::= [ \t]* n0"]
    for number, character in enumerate(avoid):
        code = f"\\U{ord(character):08X}"
        others = f"[^{code} \\t{first}] .*" if number == 0 else f"[^{code}] .*"
        rules.append(f"n{number} ::= {others}" + (f' | "{code}" n{number + 1}' if number + 1 < len(avoid) else ""))
    return "\n".join(rules)
