"""A review by the real 0.5B model: what holds of it whatever the model's taste."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import jsonschema
import pytest

from assist_context.diff import parse_diff
from assist_server.backends.embedded import EmbeddedBackend
from assist_server.backends.registry import BackendConfig
from assist_server.config.settings import EngineSettings, ReviewSettings
from assist_server.engine.engine import Engine
from assist_server.engine.status import stop_engines
from assist_server.features.review.report import to_json
from assist_server.features.review.service import review
from assist_server.features.selection import Target
from assist_server.net.address import Address
from assist_server.net.client import Timeouts
from support.reviews import file_patch, new_file_patch

pytestmark = pytest.mark.model

PATIENT = Timeouts(connect=10, first_byte=900, idle=900)
SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "review.schema.json").read_text())
TOKEN = "ghp_" + "R4nD0mQ7xVb2Lk9TzW8sYp3Hc6Jf5Ga1Ue0M"
BUG = file_patch(
    "totals.py",
    """\
 def average(values):
-    if not values:
-        return 0.0
-    return sum(values) / len(values)
+    total = 0
+    for i in range(len(values) + 1):
+        total += values[i]
+    return total / len(values)""",
)
CLEAN = file_patch(
    "area.py",
    """\
 def area(width, height):
-    return height * width
+    # A rectangle.
+    return width * height""",
)
GUARD = file_patch(
    "user.js",
    """\
 function nameOf(user) {
-  if (user === null) {
-    return "nobody";
-  }
   return user.name;
 }""",
)
SECRET = new_file_patch("deploy.py", f'GITHUB_TOKEN = "{TOKEN}"\n')
PATCH = BUG + CLEAN + GUARD + SECRET


@pytest.fixture(scope="module")
def address(test_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    cache = tmp_path_factory.mktemp("cache")

    async def start() -> Address:
        return await Engine(cache=cache, settings=EngineSettings(), model_path=test_model, alias="tiny").address()

    yield asyncio.run(start())
    asyncio.run(stop_engines(cache))


@pytest.fixture
async def target(address: Address) -> AsyncIterator[Target]:
    async def getter() -> Address:
        return address

    backend = EmbeddedBackend(BackendConfig(address=getter, timeouts=PATIENT))
    yield Target(backend, "tiny", 8192)
    await backend.aclose()


async def test_every_hunk_is_read_and_every_finding_quotes_a_changed_line(target: Target) -> None:
    report = await review(PATCH, target=target, settings=ReviewSettings())
    document = json.loads(json.dumps(to_json(report)))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)

    assert document["coverage"] == {"hunks_total": 4, "reviewed": 4, "cached": 0, "skipped": [], "failed": []}
    assert document["tokens"]["prompt"] > 400
    assert document["tokens"]["completion"] > 4
    assert document["tokens"]["exact"]
    assert document["verdict"] == "findings"

    changed = {
        (file.path, "old" if line.kind == "removed" else "new", line.old if line.kind == "removed" else line.new)
        for file in parse_diff(PATCH)
        for hunk in file.hunks
        for line in hunk.lines
        if line.kind != "context"
    }
    for finding in document["findings"]:
        assert (finding["path"], finding["side"], finding["start_line"]) in changed
        if finding["rule"] != "secret":
            assert finding["anchor_text"] in PATCH
    assert [f["path"] for f in document["findings"] if f["rule"] == "secret"] == ["deploy.py"]
    assert TOKEN not in json.dumps(document)


async def test_same_diff_gives_the_same_findings(target: Target) -> None:
    first, second = [await review(BUG, target=target, settings=ReviewSettings()) for _ in range(2)]
    assert (first.findings, first.suppressed, first.coverage) == (second.findings, second.suppressed, second.coverage)


async def test_context_that_is_too_short_is_said_and_never_clean(target: Target) -> None:
    short = Target(target.backend, target.model, 600)
    report = await review(BUG, target=short, settings=ReviewSettings())
    assert report.verdict == "incomplete"
    assert "does not fit" in report.coverage.skipped[0].reason
