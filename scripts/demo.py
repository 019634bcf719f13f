"""Show the main job: complete, explain and review real code of this repository with the embedded model."""

import difflib
import json
import random
import shutil
import string
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ASSIST = [sys.executable, "-m", "assist_server"]
EMBEDDED = ["--backend", "embedded"]
SOURCE = "context/assist_context/positions.py"
WIDTH = min(shutil.get_terminal_size().columns, 100)


def heading(text: str) -> None:
    """Print a title."""
    print(f"\n{text}\n{'─' * min(len(text), WIDTH)}", flush=True)


def complete() -> None:
    """Cut a hole into a real file and let the model fill it."""
    text = (ROOT / SOURCE).read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    number = next(n for n, line in enumerate(lines) if "return " in line and "(" in line)
    cut = lines[number].index("return ") + len("return ")
    expected = lines[number][cut:].rstrip("\n")
    holed = "".join([*lines[:number], lines[number][:cut] + "\n", *lines[number + 1 :]])
    place = f"-:{number + 1}:{cut + 1}"
    heading(f"assist complete {SOURCE}:{number + 1}:{cut + 1}")
    print("".join(lines[max(0, number - 6) : number]) + lines[number][:cut] + "▏")
    answer = run_json(["complete", place, "--path", SOURCE], holed)
    item = answer["items"][0]["text"] if answer["items"] else f"(nothing: {answer['why_empty']})"
    print(f"\nthe model says   {item}\nthe file had     {expected}")
    print(timing(answer))


def explain() -> None:
    """Explain a real function, streamed."""
    lines = (ROOT / SOURCE).read_text(encoding="utf-8").splitlines()
    first = next(n for n, line in enumerate(lines, 1) if line.startswith("    def "))
    last = next((n for n, line in enumerate(lines[first:], first) if line.strip() == ""), len(lines))
    place = f"{SOURCE}:{first}-{last}"
    heading(f"assist explain {place}")
    print("\n".join(lines[first - 1 : last]) + "\n", flush=True)
    begun = time.monotonic()
    subprocess.run([*ASSIST, "explain", place, *EMBEDDED], cwd=ROOT, check=True)
    print(f"[{time.monotonic() - begun:.1f} s]")


def review() -> None:
    """Review a change with two mistakes in it: a wrong bound, and a key that should not be there."""
    patch = mistaken_change()
    heading("assist review --patch -")
    print(patch, flush=True)
    status = subprocess.run(
        [*ASSIST, "review", "--patch", "-", "--fail-on", "never", *EMBEDDED],
        cwd=ROOT, input=patch, text=True, check=False,
    ).returncode  # fmt: skip
    if status:
        sys.exit(status)


def mistaken_change() -> str:
    """Make the diff of a change to a real file; the key is made up here, so that none stands in this repository."""
    key = "AKIA" + "".join(random.Random(1).choices(string.ascii_uppercase + string.digits, k=16))  # noqa: S311 - no key
    before = (ROOT / SOURCE).read_text(encoding="utf-8")
    after = before.replace("0 <= line < self.line_count", "0 <= line <= self.line_count")
    after = after.replace("import re\n", f'import re\n\nACCESS_KEY = "{key}"\n', 1)
    lines = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{SOURCE}", f"b/{SOURCE}", n=2
    )
    return "".join(lines)


def run_json(arguments: list[str], text: str) -> dict:
    """Run one command with text on its standard input and read its JSON."""
    done = subprocess.run(
        [*ASSIST, *arguments, *EMBEDDED, "--json"], cwd=ROOT, input=text, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
        sys.exit(done.returncode)
    return json.loads(done.stdout)


def timing(answer: dict) -> str:
    """Say how long an answer took."""
    tokens, milliseconds = answer["tokens"] or {}, answer["ms"]
    return (
        f"[{answer['model']}, {tokens.get('prompt')} prompt tokens, first token {milliseconds['first_token']:.0f} ms, "
        f"{milliseconds['total']:.0f} ms in all]"
    )


if __name__ == "__main__":
    complete()
    explain()
    review()
    print("\nThe engine stays for 15 minutes without work; `assist engine stop` gives its memory back at once.")
