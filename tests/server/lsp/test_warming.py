"""A model that is loaded before it is needed, and what a backend lets a person know; in memory, as a test says."""

import asyncio
from dataclasses import replace

import pytest

from assist_server.core.errors import BackendUnavailable, BadResponse, ModelMissing
from assist_server.core.notices import Notice
from support.lsp_memory import PYGLS_WARNINGS, WITHOUT_INDEX, FakeApp, Loads, MemoryClient
from support.lsp_session import OWN, ready, settings

pytestmark = pytest.mark.filterwarnings(PYGLS_WARNINGS)

LOADING = Notice("loading", "Ollama loads qwen")
WAITING = Notice("waiting", "Ollama answers another request first")
EVICTED = Notice("evicted", "Ollama has put llama out of memory", "take a smaller model")
ADVICE = Notice("advice", "llama cannot fill in", "run `ollama pull qwen`")
RELOAD = Notice("reload", "Ollama loads qwen anew", "share it")


async def messages(client):
    return [(told["type"], told["message"]) for told in await client.told("window/showMessage")]


async def states(client):
    return [(told["state"], told["message"]) for told in await client.told("assist/status")]


async def test_the_model_is_loaded_when_the_editor_has_started():
    loads = Loads(notices=(LOADING,), hold=asyncio.Event())
    client, _ = await ready(FakeApp(loads=loads), capabilities=OWN)
    await client.wait_for(lambda m: (m.get("params") or {}).get("message") == "Ollama loads qwen")
    client.open("abc")
    assert len(await client.items(3)) == 1, "nothing waits for it"
    assert (await states(client))[-1][0] == "busy"
    loads.hold.set()
    await client.wait_for(lambda m: (m.get("params") or {}).get("state") == "idle" and loads.loaded == ["qwen"])
    assert (await states(client))[:3] == [("idle", None), ("busy", None), ("busy", "Ollama loads qwen")]
    assert (await states(client))[-1] == ("idle", None)
    assert await messages(client) == []


async def test_nothing_is_loaded_where_completions_are_off():
    loads = Loads()
    client, _ = await ready(FakeApp(settings(enable=False), loads=loads), capabilities=OWN)
    assert await states(client) == [("off", "completions are off (completion.enable)")]
    assert loads.app is None


async def test_the_model_is_loaded_once_after_the_settings_of_the_client_are_known():
    first, second = Loads(), Loads()
    client, _ = MemoryClient.of(FakeApp(loads=first), FakeApp(loads=second))
    await client.begin({"workspace": {"configuration": True}})
    asked = await client.wait_for(lambda m: m.get("method") == "workspace/configuration")
    assert first.app is None
    client.give({"id": asked["id"], "result": [{"completion": {"maxTokens": 9}}]})
    await client.told("assist/status")
    await asyncio.sleep(0)
    assert (first.loaded, second.loaded) == ([], ["qwen"])


@pytest.mark.parametrize("level", [BackendUnavailable, ModelMissing])
async def test_a_first_step_is_told_at_the_start_and_not_again(level):
    more = {"status": 404} if level is ModelMissing else {}
    error = level("Ollama is installed but does not run", hint="run `ollama serve`", **more)
    client, _ = await ready(FakeApp(error=error, loads=Loads(error=error)), capabilities=OWN)
    client.open("abc")
    assert await client.items(3) == []
    text = "Ollama is installed but does not run (run `ollama serve`)"
    assert await messages(client) == [(2, f"assist: {text}")]
    assert (await states(client))[-1] == ("error", text)


async def test_another_failure_of_the_load_is_told_by_the_status_until_somebody_asks():
    error = BadResponse("Ollama failed to load the model", hint="look at its log")
    client, _ = await ready(FakeApp(error=error, loads=Loads(failure=error)), capabilities=OWN)
    await client.wait_for(lambda m: (m.get("params") or {}).get("state") == "error")
    assert await messages(client) == []
    client.open("abc")
    assert await client.items(3) == []
    assert await messages(client) == [(2, "assist: Ollama failed to load the model (look at its log)")]


async def test_what_passes_is_told_by_the_status_while_requests_are_in_the_making():
    app = FakeApp(hold=asyncio.Event())
    client, _ = await ready(app, capabilities=OWN)
    app.notify(LOADING)
    client.open("abc")
    asked = client.inline(3)
    await client.request("assist/trace")
    app.notify(WAITING)
    app.hold.set()
    await client.answer(asked)
    assert await states(client) == [
        ("idle", None),
        ("busy", None),
        ("busy", "Ollama answers another request first"),
        ("idle", None),
    ]
    app.hold.clear()
    client.inline(2)
    assert (await states(client))[-1] == ("busy", None), "that was another request"


async def test_what_may_need_a_choice_is_told_once_by_a_message():
    apps = [FakeApp(), FakeApp()]
    client, _ = await ready(*apps)
    for notice in (EVICTED, ADVICE, RELOAD, EVICTED, ADVICE, RELOAD):
        apps[0].notify(notice)
    said = [
        (2, "assist: Ollama has put llama out of memory (take a smaller model)"),
        (3, "assist: llama cannot fill in (run `ollama pull qwen`)"),
        (2, "assist: Ollama loads qwen anew (share it)"),
    ]
    assert await messages(client) == said
    client.notify("workspace/didChangeConfiguration", {"settings": {"assist": {"completion": {"maxTokens": 9}}}})
    await client.request("assist/trace")
    assert apps[0].closed == 1
    apps[0].notify(replace(ADVICE, message="late"))
    apps[1].notify(ADVICE)
    assert await messages(client) == [*said, (3, "assist: late (run `ollama pull qwen`)")]


def with_ollama(*, model="", **values):
    base = WITHOUT_INDEX
    return replace(base, ollama=replace(base.ollama, **values), completion=replace(base.completion, model=model))


async def changed(after, loads):
    """Let a session with a loaded model go on with other settings; the second App has these loads."""
    first = Loads()
    apps = FakeApp(loads=first), FakeApp(after, loads=loads)
    client, _ = await ready(*apps)
    await client.told("x")
    assert first.loaded == ["qwen"]
    client.notify("workspace/didChangeConfiguration", {"settings": {"assist": {"any": "thing"}}})
    await client.told("x")
    return client, apps[1]


@pytest.mark.parametrize(
    ("after", "model", "names"),
    [
        (with_ollama(context_length=4096), "qwen", "`ollama.contextLength`"),
        (with_ollama(batch_size=64, threads=2), "qwen", "`ollama.batchSize` and `ollama.threads`"),
        (with_ollama(context_length=4096, model="star"), "star", None),
        (with_ollama(model="qwen"), "qwen", None),
        (with_ollama(parallel=2), "qwen", None),
    ],
)
async def test_a_reload_names_the_setting_that_was_changed(after, model, names):
    loads = Loads(model, notices=(LOADING, RELOAD))
    client, _ = await changed(after, loads)
    assert loads.loaded == [model]
    said = "Ollama loads qwen anew"
    told = (3, f"assist: {names} changed: {said}") if names else (2, f"assist: {said} (share it)")
    assert await messages(client) == [told]


async def test_a_reload_after_that_of_a_changed_setting_is_told_by_itself():
    client, _ = await changed(with_ollama(threads=2), Loads(notices=(RELOAD, RELOAD)))
    said = "Ollama loads qwen anew"
    assert await messages(client) == [
        (3, f"assist: `ollama.threads` changed: {said}"),
        (2, f"assist: {said} (share it)"),
    ]


@pytest.mark.parametrize("failure", [None, BadResponse("Ollama failed to load the model")])
async def test_a_changed_setting_that_loads_nothing_anew_is_not_told(failure):
    client, app = await changed(with_ollama(batch_size=128), Loads(notices=(LOADING,), failure=failure))
    assert await messages(client) == []
    app.notify(RELOAD)
    assert await messages(client) == [(2, "assist: Ollama loads qwen anew (share it)")], "it has another cause"


async def test_a_reload_of_the_app_before_is_not_taken_for_that_of_the_change():
    first, second = FakeApp(loads=Loads()), FakeApp(with_ollama(threads=2), loads=Loads(hold=asyncio.Event()))
    client, _ = await ready(first, second)
    await client.told("x")
    client.notify("workspace/didChangeConfiguration", {"settings": {"assist": {"any": "thing"}}})
    await client.told("x")
    first.notify(RELOAD)
    second.notify(RELOAD)
    second.loads.hold.set()
    assert await messages(client) == [
        (2, "assist: Ollama loads qwen anew (share it)"),
        (3, "assist: `ollama.threads` changed: Ollama loads qwen anew"),
    ]


async def test_the_first_load_has_no_changed_setting():
    client, _ = await ready(FakeApp(), FakeApp(with_ollama(threads=2), loads=Loads(notices=(RELOAD,))))
    client.notify("workspace/didChangeConfiguration", {"settings": {"assist": {"any": "thing"}}})
    await client.told("x")
    assert await messages(client) == [(2, "assist: Ollama loads qwen anew (share it)")]
