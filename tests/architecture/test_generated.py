"""The generated documents say what the code says."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from assist_server.cli.parser import EXAMPLES
from assist_server.config import toml
from assist_server.config.names import all_settings
from assist_server.config.sources import load_settings
from support.checkout import ROOT

GENERATE = [sys.executable, str(ROOT / "scripts/generate.py")]
SCHEMA: dict[str, Any] = json.loads((ROOT / "docs/settings.schema.json").read_text(encoding="utf-8"))


def generate(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*GENERATE, *options], capture_output=True, text=True, check=False)


def test_nothing_generated_is_stale() -> None:
    done = generate("--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_stale_file_is_seen_and_mended(tmp_path: Path) -> None:
    assert generate("--root", str(tmp_path)).returncode == 0
    document = tmp_path / "docs/settings.md"
    document.write_text(document.read_text(encoding="utf-8").replace("Ghost text", "Ghosts"), encoding="utf-8")
    (tmp_path / "docs/cli.md").unlink()
    done = generate("--check", "--root", str(tmp_path))
    assert done.returncode == 1
    assert done.stdout.splitlines() == [f"docs/{name} is stale: run `make docs`" for name in ("settings.md", "cli.md")]
    assert generate("--root", str(tmp_path)).returncode == 0
    assert generate("--check", "--root", str(tmp_path)).returncode == 0
    assert document.read_bytes() == (ROOT / "docs/settings.md").read_bytes()


def test_the_document_has_every_setting_and_every_variable() -> None:
    text = (ROOT / "docs/settings.md").read_text(encoding="utf-8")
    for setting in all_settings():
        assert f"| `{setting.name}` |" in text
        assert all(f"`{variable}`" in text for variable in setting.variables)


def test_the_document_has_every_command() -> None:
    text = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    for command, example in EXAMPLES.items():
        assert f"\n## {command}\n" in text
        assert f"Example: `{example}`" in text


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    with pytest.raises(jsonschema.SchemaError):
        jsonschema.Draft7Validator.check_schema({"type": "text"})


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("", True),
        ("[completion]\nmaxTokens = 5", True),
        ("completion.exclude = ['a']", True),
        ("[completion]\nmaxTokens = 0", False),
        ("[completion]\nmaxTokens = 'x'", False),
        ("[completion]\nitems = 'x'", False),
        ("[completion]\nx = 1", False),
        ("[completions]", False),
    ],
)
def test_the_schema_and_the_program_agree(tmp_path: Path, text: str, *, good: bool) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    assert jsonschema.Draft7Validator(SCHEMA).is_valid(toml.parse(text).values) is good
    assert (load_settings(environ={}, config_folder=tmp_path).problems == ()) is good


@pytest.mark.parametrize("document", ["README.md", *sorted(p.name for p in (ROOT / "docs").glob("*.md"))])
def test_every_example_of_settings_is_good(tmp_path: Path, document: str) -> None:
    path = ROOT / document if document == "README.md" else ROOT / "docs" / document
    for example in re.findall(r"```toml\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
        values = toml.parse(example).values
        if not values.keys() & SCHEMA["properties"].keys():
            continue  # another program's file
        (tmp_path / "config.toml").write_text(example)
        assert load_settings(environ={}, config_folder=tmp_path).problems == ()
        jsonschema.validate(values, SCHEMA)
