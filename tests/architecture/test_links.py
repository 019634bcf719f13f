"""Every link of the documents to a file of this repository leads to one."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


def dead_links(document: Path) -> list[str]:
    """Give the links of a document that lead nowhere."""
    text = document.read_text(encoding="utf-8")
    return [link for link in LINK.findall(text) if not (document.parent / link).exists()]


@pytest.mark.parametrize(
    "document", [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], ids=lambda path: str(path.relative_to(ROOT))
)
def test_links_lead_somewhere(document: Path) -> None:
    assert dead_links(document) == []


def test_a_dead_link_is_seen(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("[a](a.md) [b](nowhere.md) ![c](c.svg) [d](https://example.org) [e](#part)")
    assert dead_links(tmp_path / "a.md") == ["nowhere.md", "c.svg"]
