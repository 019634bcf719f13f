"""The backend that tests and demonstrations play."""

import asyncio
import json
from pathlib import Path

import pytest

from assist_context.prompt.segments import Control, Prompt, Text
from assist_server.backends.base import Delta, Done, FimEvidence, ModelInfo, Usage
from assist_server.backends.registry import BackendConfig, make_backend
from assist_server.backends.scripted import ScriptedBackend, ScriptStep, scripted_backend, scripted_error
from assist_server.core.errors import (
    AssistError,
    BackendTimeout,
    BadResponse,
    ConfigError,
    EngineError,
    RateLimited,
    ServerBusy,
)
from support.backend_contract import BackendContract, chat_request, collect, fill_request, gather
from support.loopback_server import soon


class TestContract(BackendContract):
    """A script keeps the promises of a server."""

    @pytest.fixture
    def model(self) -> str:
        return "scripted"

    @pytest.fixture
    def backend(self) -> ScriptedBackend:
        return ScriptedBackend(
            [ScriptStep("fill", ("a", " + b"), repeat=True), ScriptStep("chat", ('{"answer": ', '"yes"}'), repeat=True)]
        )


async def test_plays_answers_in_order_and_notes_the_requests() -> None:
    backend = ScriptedBackend(fills=["one", ("t", "wo")], chats=["three"])
    request = fill_request("scripted")
    assert await gather(backend.fill(request)) == (["one"], Done("stop", Usage(prompt=18, generated=1)))
    assert (await gather(backend.fill(request)))[0] == ["t", "wo"]
    assert (await collect(backend.chat(chat_request("scripted"))))[0] == "three"
    with pytest.raises(BadResponse, match="no step left for this fill"):
        await collect(backend.fill(request))
    assert backend.requests == [request, request, chat_request("scripted"), request]
    assert [played.ended for played in backend.played] == ["done", "done", "done", "error"]
    assert backend.closed == 0


async def test_waits_for_events_and_notes_a_closed_stream() -> None:
    hold = asyncio.Event()
    backend = ScriptedBackend(fills=[("a", hold, "b")])
    stream = backend.fill(fill_request("scripted"))
    assert await anext(stream) == Delta("a")
    rest = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    assert not rest.done()
    hold.set()
    assert await soon(rest) == Delta("b")
    await stream.aclose()
    await soon(backend.played[0].finished.wait())
    assert backend.closed == 1


async def test_notes_a_cancelled_request() -> None:
    backend = ScriptedBackend(chats=[(asyncio.Event(),)])
    task = asyncio.ensure_future(collect(backend.chat(chat_request("scripted"))))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert backend.closed == 1


async def test_chooses_a_step_by_what_the_prompt_holds() -> None:
    steps = [
        ScriptStep("fill", ("sub",), when="def sub"),
        ScriptStep("fill", ("any",), repeat=True),
        ScriptStep("chat", ("why",), when="commute"),
    ]
    backend = ScriptedBackend(steps)
    texts = [(await collect(backend.fill(fill_request("s", f"def {name}"))))[0] for name in ("add", "sub", "sub")]
    assert texts == ["any", "sub", "any"]
    assert (await collect(backend.chat(chat_request("s"))))[0] == "why"


async def test_raises_after_its_text() -> None:
    backend = ScriptedBackend([ScriptStep("fill", ("so", " far"), error=scripted_error("backend-timeout", "too late"))])
    seen: list[str] = []
    with pytest.raises(BackendTimeout, match="too late"):
        await gather(backend.fill(fill_request("s")), seen)
    assert seen == ["so", " far"]
    assert backend.played[0].ended == "error"


async def test_applies_stops_as_servers_do() -> None:
    backend = ScriptedBackend(fills=["one\n\ntwo"])
    assert (await collect(backend.fill(fill_request("s", stop=("\n\n",)))))[0] == "one"


async def test_counts_and_tells_what_it_is_told() -> None:
    backend = ScriptedBackend(
        count=len, models=(ModelInfo("m", 512),), evidence=FimEvidence(inserts=True), fills=["x"], chats=["y"]
    )
    prompt = Prompt((Control("<|fim_prefix|>"), Text("abcde")))
    assert await backend.count_tokens(prompt, "m") == 6
    assert await ScriptedBackend().count_tokens(prompt, "m") == 3
    assert (await backend.models())[0].context_length == 512
    assert await backend.fim_evidence("m", ["<|fim_prefix|>"]) == FimEvidence(inserts=True)
    assert (await ScriptedBackend().fim_evidence("m", ["<|fim_prefix|>", "<PRE>"])).control_tokens == {"<|fim_prefix|>"}
    await backend.aclose()
    assert backend.is_closed


def script(folder: Path, text: str) -> Path:
    path = folder / "script.json"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("form", ["list", "lines"])
async def test_plays_a_file_and_records(tmp_path: Path, form: str) -> None:
    entries = [
        {"model": "demo", "contextLength": 2048, "record": "record.jsonl"},
        {"on": "fill", "text": "é😀", "usage": {"prompt": 5, "generated": 2, "cached": 4}},
        {"on": "chat", "chunks": ["a", {"pause": 0}, "b"], "reason": "length"},
        {"on": "chat", "chunks": ["c"], "error": "engine", "message": "gone"},
        {"on": "chat", "chunks": ["d", {"hold": True}]},
    ]
    text = json.dumps(entries) if form == "list" else "\n".join(map(json.dumps, entries))
    backend = make_backend("scripted", BackendConfig(script=script(tmp_path, text)))
    assert await backend.models() == (ModelInfo("demo", 2048),)
    assert await gather(backend.fill(fill_request("demo"))) == (["é😀"], Done("stop", Usage(5, 2, 4)))
    deltas, done = await gather(backend.chat(chat_request("demo")))
    assert deltas == ["a", "b"]
    assert done is not None
    assert done.reason == "length"
    with pytest.raises(EngineError, match="gone"):
        await gather(backend.chat(chat_request("demo")))
    stream = backend.chat(chat_request("demo"))
    assert await anext(stream) == Delta("d")
    await stream.aclose()
    lines = [json.loads(line) for line in (tmp_path / "record.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line.get("ended") for line in lines] == [None, "done", None, "done", None, "error", None, "closed"]
    assert "def add" in lines[0]["text"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1]",
        '[{"on": "guess"}]',
        '[{"on": "fill", "chunks": [1]}]',
        '[{"on": "fill", "chunks": [{"pause": "long"}]}]',
        '[{"on": "fill", "error": "nonsense"}]',
        '[{"on": "fill", "reason": "tired"}]',
        '[{"on": "fill", "usage": {"tokens": 1}}]',
    ],
)
def test_says_what_is_wrong_with_a_script(tmp_path: Path, text: str) -> None:
    path = script(tmp_path, text)
    if not text:
        path.unlink()
    with pytest.raises(ConfigError, match="script") as caught:
        scripted_backend(BackendConfig(script=path))
    assert caught.value.hint


def test_needs_a_script() -> None:
    with pytest.raises(ConfigError, match="no script"):
        make_backend("scripted", BackendConfig())


@pytest.mark.parametrize(
    ("code", "kind"), [("rate-limited", RateLimited), ("server-busy", ServerBusy), ("engine", EngineError)]
)
def test_names_every_error_by_its_code(code: str, kind: type[AssistError]) -> None:
    assert type(scripted_error(code)) is kind
