"""JSON lines and server-sent events, cut by the network wherever it likes."""

import json
from itertools import pairwise

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_server.core.errors import BadResponse
from assist_server.net.streams import SentEvent, ndjson, server_sent_events


def response(body: bytes, cuts: list[int] | None = None) -> httpx.Response:
    places = sorted({min(cut, len(body)) for cut in cuts or []} | {0, len(body)})

    async def pieces():
        for start, end in pairwise(places):
            yield body[start:end]

    return httpx.Response(200, content=pieces())


async def lines_of(body: bytes, cuts: list[int] | None = None) -> list[dict[str, object]]:
    return [line async for line in ndjson(response(body, cuts))]


async def events_of(body: bytes, cuts: list[int] | None = None) -> list[SentEvent]:
    return [event async for event in server_sent_events(response(body, cuts))]


CUTS = st.lists(st.integers(0, 400), max_size=30)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(st.lists(st.dictionaries(TEXT, TEXT, max_size=3), max_size=5), CUTS, st.booleans(), st.booleans())
async def test_json_lines_are_the_same_however_they_are_cut(values, cuts, crlf, ended):
    end = b"\r\n" if crlf else b"\n"
    body = end.join(json.dumps(value, ensure_ascii=False).encode() for value in values) + (end if ended else b"")
    assert await lines_of(body, cuts) == values


@given(st.lists(st.tuples(st.sampled_from(["", "message", "error"]), TEXT), max_size=5), CUTS, st.booleans())
async def test_events_are_the_same_however_they_are_cut(values, cuts, crlf):
    end = "\r\n" if crlf else "\n"
    values = [(event, data.replace("\r", " ")) for event, data in values]
    blocks = []
    for event, data in values:
        head = [f"event: {event}"] if event else []
        blocks.append(end.join([*head, *(f"data: {line}" for line in data.split("\n")), "", ""]))
    expected = [SentEvent(event or "message", data) for event, data in values]
    assert await events_of("".join(blocks).encode(), cuts) == expected


async def test_a_long_line_has_no_limit():
    body = json.dumps({"context": list(range(300_000))}).encode()
    (line,) = await lines_of(body + b"\n", list(range(0, len(body), 4096)))
    assert line["context"][-1] == 299_999


async def test_blank_lines_and_a_last_line_without_an_end():
    assert await lines_of(b'\n{"a":1}\r\n\r\n \n{"b":2}') == [{"a": 1}, {"b": 2}]


@pytest.mark.parametrize("body", [b"<html>\n", b'{"a":1', b"[1]\n", b'"text"\n', b'{"a":"\xff"}\n', b"[" * 100_000])
async def test_a_line_that_is_no_json_object(body):
    with pytest.raises(BadResponse) as bad:
        await lines_of(b'{"ok":1}\n' + body)
    assert "html" not in bad.value.message


async def test_events_as_servers_write_them():
    body = (
        b"\xef\xbb\xbf: a comment\n\ndata: one\n\ndata:two\ndata: lines\nid: 4\nretry: 5\nunknown\n\n"
        b'event: message\ndata: {"token": "x"}\n\nevent: only a name\n\ndata\n\ndata: [DONE]'
    )
    assert await events_of(body) == [
        SentEvent("message", "one"),
        SentEvent("message", "two\nlines"),
        SentEvent("message", '{"token": "x"}'),
        SentEvent("message", ""),
        SentEvent("message", "[DONE]"),
    ]


async def test_several_events_in_one_piece_and_one_event_in_many():
    body = b"data: 1\n\ndata: 2\n\n"
    assert await events_of(body) == await events_of(body, list(range(len(body))))


async def test_text_that_is_no_utf_8():
    with pytest.raises(BadResponse, match="UTF-8"):
        await events_of(b"data: \xc3\n\n")


async def test_nothing_at_all():
    assert await lines_of(b"") == []
    assert await events_of(b"") == []
