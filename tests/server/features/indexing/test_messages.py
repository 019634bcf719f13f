"""What is sent through the pipes comes out as it went in."""

import os

import pytest

from assist_server.features.indexing.messages import (
    Alive,
    Event,
    Job,
    Progress,
    Ready,
    Trouble,
    Updated,
    Waiting,
    event_line,
    job_line,
    read_event,
    read_job,
)

ROOT = os.fsdecode(b"/work/\xe9\n\xe2\x80\xa8")


@pytest.mark.parametrize("job", [Job("quit"), Job("add", ROOT, (ROOT, "b"), watch=False, number=3), Job("near", "/w")])
def test_jobs_come_through(job: Job) -> None:
    line = job_line(job)
    assert read_job(line) == job
    assert line.count(b"\n") == 1


@pytest.mark.parametrize(
    "event",
    [
        Progress(ROOT, 1, 2),
        Ready(ROOT, 1, 2, 3, 4, 5, 0.5, (("binary", 2), ("minified", 1))),
        Updated(ROOT, ("a.py", ROOT)),
        Waiting(ROOT),
        Trouble(ROOT, "storage", "no space"),
        Alive(7, busy=True),
    ],
)
def test_events_come_through(event: Event) -> None:
    line = event_line(event)
    assert read_event(line) == event
    assert line.count(b"\n") == 1


@pytest.mark.parametrize("line", [b"", b"x", b"[]", b"{}", b'{"event": "waiting"}', b'{"event": "other", "root": ""}'])
def test_anything_else_is_no_event(line: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        read_event(line)


@pytest.mark.parametrize("line", [b"", b"null", b"{}", b'{"do": "add", "other": 1}'])
def test_anything_else_is_no_job(line: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        read_job(line)
