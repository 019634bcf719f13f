"""Review a diff: one structured question a hunk to the model, and an honest account of the answers."""

from collections.abc import Sequence

from assist_context.diff import FileDiff, parse_diff
from assist_server.backends.base import ModelInfo
from assist_server.config.settings import ReviewSettings
from assist_server.core.clock import Clock, SystemClock
from assist_server.core.errors import AssistError
from assist_server.features.path_patterns import is_excluded
from assist_server.features.review.ask import SEED, TEMPERATURE
from assist_server.features.review.rank import ranked
from assist_server.features.review.reading import Progress, Reading
from assist_server.features.review.report import Report, Reviewer, Skipped, sendable
from assist_server.features.review.static import masked, static_findings
from assist_server.features.review.units import plan
from assist_server.features.selection import Target


async def review(
    patch: str | Sequence[FileDiff],
    *,
    target: Target,
    settings: ReviewSettings,
    base: str | None = None,
    head: str | None = None,
    unread: Sequence[tuple[str, str]] = (),
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> Report:
    """Review a diff with one model.

    base, head: what was compared, for the report.
    unread: paths that belong to the change but not to the patch, and why.
    progress: called with the units done, the units known, and the path that comes next ("" at the end).
    Raises DiffError for text that is no diff, and the backend's error where it has gone before anything was reviewed;
    any later error is a failed hunk in the report.
    """
    clock = clock or SystemClock()
    began = clock.monotonic()
    files = parse_diff(sendable(patch)) if isinstance(patch, str) else tuple(patch)
    read = [file for file in files if not is_excluded(file.path, settings.exclude)]
    found = [finding for file in read for finding in static_findings(file)]
    reading = Reading(plan([masked(file) for file in files], settings.exclude), target, clock)
    await reading.run(progress or (lambda _done, _known, _path: None))
    paths = [file.path for file in files]
    findings, dropped = ranked([*found, *reading.findings], paths, settings.max_findings)
    return Report(
        model=await _reviewer(target),
        base=base,
        head=head,
        coverage=reading.ledger.coverage(_skipped(unread, settings.exclude)),
        findings=findings,
        suppressed=(*reading.suppressed, *dropped),
        tokens=reading.tokens,
        wall_ms=round((clock.monotonic() - began) * 1000),
    )


def _skipped(unread: Sequence[tuple[str, str]], exclude: Sequence[str]) -> list[Skipped]:
    return [Skipped(path, None, reason, expected=is_excluded(path, exclude)) for path, reason in unread]


async def _reviewer(target: Target) -> Reviewer:
    try:
        infos = await target.backend.models()
    except AssistError:
        infos = ()  # only for what else is known of the model
    info = next((info for info in infos if info.name == target.model), ModelInfo(target.model))
    return Reviewer(
        name=target.model,
        backend=target.backend.name,
        context_length=target.context_length,
        digest=info.digest,
        quantization=info.quantization,
        seed=SEED,
        temperature=TEMPERATURE,
    )
