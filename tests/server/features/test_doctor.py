"""What `assist doctor` says of the servers and models that would answer."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from assist_context.prompt.fim import by_name
from assist_server.backends.base import Backend, FimEvidence, Health, ModelInfo
from assist_server.backends.ollama_models import OllamaModels
from assist_server.backends.registry import BackendConfig, make_backend
from assist_server.backends.scripted import ScriptedBackend
from assist_server.config.resolve import Entry, Layer, Origin, Resolved, resolve
from assist_server.core.errors import BackendUnavailable, ModelError
from assist_server.core.folders import Folders
from assist_server.features.doctor import Check, Diagnosis, diagnose
from assist_server.features.first_steps import FirstSteps
from assist_server.features.selection import Selector
from support.dialects import VOCABULARY, OllamaDialect
from support.loopback_server import LoopbackServer, Reply, json_reply
from support.models import store_of

QWEN = ModelInfo("qwen2.5-coder:1.5b", 8192, size_bytes=10)
CLOUD = ModelInfo("qwen3-coder:480b-cloud", remote_host="https://ollama.com:443")


class Doctor:
    """Diagnose with settings by name and backends by name."""

    def __init__(self, folder: Path) -> None:
        self.folders = Folders(*(folder / name for name in ("cache", "data", "config", "log")))
        self.store = store_of(folder / "models")
        self.backends: dict[str, Backend] = {}
        self.environ: dict[str, str] = {}
        self.ports: tuple[int, ...] = ()
        self.first_steps = FirstSteps(start=lambda: None, memory=lambda: 8 * 1024**3)
        self.ollama: OllamaModels | None = None

    async def diagnose(self, **given: object) -> Diagnosis:
        resolved = self._resolved({"backend.name": "scripted"} | {k.replace("__", "."): v for k, v in given.items()})
        selector = Selector(
            resolved.settings,
            self._make,
            embedded_missing=lambda: ModelError("tiny is not installed", hint="pull it"),
            first_steps=self.first_steps,
        )
        try:
            return await diagnose(
                resolved=resolved,
                folders=self.folders,
                environ=self.environ,
                selector=selector,
                store=self.store,
                ollama=self.ollama,
                ports=self.ports,
            )
        finally:
            await selector.aclose()

    def _make(self, name: str) -> Backend:
        return self.backends.get(name) or make_backend(name, BackendConfig(url="http://127.0.0.1:9"))

    @staticmethod
    def _resolved(given: dict[str, object]) -> Resolved:
        origin = Origin("user file", "/c.toml", 1)
        return resolve([Layer(tuple(Entry(name, raw, origin) for name, raw in given.items()))])


@pytest.fixture
def doctor(tmp_path: Path) -> Doctor:
    found = Doctor(tmp_path)
    found.backends["scripted"] = ScriptedBackend(models=(QWEN,))
    return found


def said(diagnosis: Diagnosis, name: str) -> list[tuple[str, str]]:
    """Give state and message of every check of an id."""
    for check in diagnosis.checks:
        assert check.state == "ok" or check.fix or check.id == "privacy", check
    return [(check.state, check.message) for check in diagnosis.checks if check.id == name]


async def test_a_working_server(doctor: Doctor) -> None:
    diagnosis = await doctor.diagnose()
    assert not diagnosis.failed
    assert said(diagnosis, "backend") == [
        ("ok", f"{what}: qwen2.5-coder:1.5b on scripted, 8192 tokens of context (backend.name from /c.toml:1)")
        for what in ("completions", "answers", "reviews")
    ]
    (fim,) = said(diagnosis, "fim")
    assert fim[0] == "ok"
    assert fim[1].startswith("qwen2.5-coder:1.5b fills in with the qwen-coder format: its vocabulary has")
    assert said(diagnosis, "privacy") == [("ok", "nothing leaves this machine")]
    assert said(diagnosis, "engine") == []


async def test_the_report_has_the_keys_that_may_be_relied_on(doctor: Doctor) -> None:
    report = json.loads(json.dumps(asdict(await doctor.diagnose())))
    assert report.keys() == {"checks", "machine", "servers", "models", "fim"}
    assert all(check.keys() == {"id", "state", "message", "fix"} for check in report["checks"])
    assert {"completion": report["fim"]["model"]} == {"completion": "qwen2.5-coder:1.5b"}
    assert report["fim"]["format"] == "qwen-coder"
    assert report["machine"]["cores"] >= 1
    names = {(model["name"], model["server"], model["state"]) for model in report["models"]}
    assert names == {("tiny", None, "absent"), ("qwen2.5-coder:1.5b", "scripted", "installed")}


async def test_nothing_answers(doctor: Doctor) -> None:
    diagnosis = await doctor.diagnose(backend__name="auto", engine__model="tiny")
    assert diagnosis.failed
    ((state, message),) = said(diagnosis, "backend")
    assert state == "fail"
    assert "tiny is not installed" in message
    assert said(diagnosis, "server") == [("ok", "no other model server runs on the usual ports of this machine")]
    assert said(diagnosis, "model") == [("fail", "tiny is not installed")]
    assert diagnosis.fim is None


async def test_auto_says_why(doctor: Doctor) -> None:
    doctor.backends["ollama"] = _named("ollama", ScriptedBackend(models=(QWEN,)))
    diagnosis = await doctor.diagnose(backend__name="auto", engine__model="tiny")
    assert not diagnosis.failed
    assert "(backend.name is auto, and Ollama has a code model)" in said(diagnosis, "backend")[0][1]
    assert said(diagnosis, "model") == [("ok", "tiny is not installed")]
    assert said(diagnosis, "memory") == []


async def test_a_model_that_cannot_fill_in(doctor: Doctor) -> None:
    evidence = FimEvidence(control_tokens=frozenset())
    doctor.backends["scripted"] = ScriptedBackend(models=(ModelInfo("llama3.2:3b", 4096),), evidence=evidence)
    diagnosis = await doctor.diagnose()
    ((state, message),) = said(diagnosis, "fim")
    assert state == "warn"
    assert message.startswith("llama3.2:3b is asked in words: ")
    assert diagnosis.fim is not None
    assert (diagnosis.fim.mode, diagnosis.fim.format) == ("chat", None)


async def test_a_template_of_the_users_own_that_is_wrong(doctor: Doctor) -> None:
    diagnosis = await doctor.diagnose(completion__fimTemplate="no fields")
    ((state, message),) = said(diagnosis, "fim")
    assert state == "fail"
    assert message.startswith("completion.fimTemplate")
    assert diagnosis.fim is None


async def test_a_server_that_is_not_well(doctor: Doctor) -> None:
    health = Health(ok=False, message="it is loading", hint="wait")
    doctor.backends["scripted"] = ScriptedBackend(models=(QWEN,), health=health)
    diagnosis = await doctor.diagnose()
    assert diagnosis.failed
    assert Check("backend", "fail", "it is loading", "wait") in diagnosis.checks


async def test_a_server_that_goes_away_in_the_middle(doctor: Doctor) -> None:
    class Fading(ScriptedBackend):
        asked = 0

        async def models(self) -> tuple[ModelInfo, ...]:
            self.asked += 1
            if self.asked > 3:
                raise BackendUnavailable("gone")
            return (QWEN,)

    doctor.backends["scripted"] = Fading()
    diagnosis = await doctor.diagnose()
    assert [model.name for model in diagnosis.models] == ["tiny"]


async def test_problems_of_the_settings_are_problems(doctor: Doctor) -> None:
    diagnosis = await doctor.diagnose(chat__maxTokens="many")
    ((state, message),) = said(diagnosis, "configuration")
    assert (state, message.startswith("/c.toml:1: chat.maxTokens takes")) == ("fail", True)
    assert diagnosis.failed


async def test_what_may_leave_is_listed(doctor: Doctor) -> None:
    doctor.backends["scripted"] = ScriptedBackend(models=(QWEN, CLOUD))
    allowed = ["gpu.example", "10.0.0.2"]
    refused = await doctor.diagnose(privacy__allowHosts=allowed)
    assert said(refused, "privacy") == [
        ("ok", "you allow code to be sent to gpu.example, 10.0.0.2; nothing else leaves this machine"),
        ("ok", "these models run on other machines and are refused: qwen3-coder:480b-cloud"),
    ]
    let = await doctor.diagnose(privacy__allowHosts=allowed, privacy__allowRemoteModels=True)
    assert said(let, "privacy")[1][0] == "warn"


Routes = Callable[[LoopbackServer], None]


def ollama(server: LoopbackServer) -> None:
    server.on("GET", "/", Reply((b"Ollama is running",), content_type="text/plain"))
    server.on("GET", "/api/version", json_reply({"version": "0.33.0"}))


def vllm(server: LoopbackServer) -> None:
    server.on("GET", "/v1/models", json_reply({"data": [{"owned_by": "vllm"}]}))


def gpt4all(server: LoopbackServer) -> None:
    server.on("GET", "/v1/models", json_reply({"data": [{"owned_by": "humanity"}]}))


@pytest.mark.parametrize(
    ("routes", "name", "state", "message"),
    [
        (ollama, "auto", "ok", "Ollama 0.33.0 answers at {url}"),
        (vllm, "auto", "ok", "vLLM answers at {url}; to use it set backend.name = openai with backend.url = {url}"),
        (gpt4all, "auto", "ok", "GPT4All answers at {url}, which assist does not speak to"),
        (ollama, "ollama", "ok", "Ollama 0.33.0 answers at {url}"),
        (vllm, "ollama", "warn", "vLLM answers at {url}, but backend.name is ollama"),
        (gpt4all, "openai", "warn", "GPT4All answers at {url}, which assist does not speak to"),
    ],
)
async def test_servers(doctor: Doctor, routes: Routes, name: str, state: str, message: str) -> None:
    async with LoopbackServer() as server:
        routes(server)
        doctor.ports = (int(server.url.rpartition(":")[2]),)
        doctor.environ = {"OLLAMA_HOST": server.url}
        url = {} if name == "auto" else {"backend__url": server.url}
        diagnosis = await doctor.diagnose(backend__name=name, **url)
        assert said(diagnosis, "server") == [(state, message.format(url=server.url))]
        assert [found.url for found in diagnosis.servers] == [server.url]


async def test_a_folder_of_engines_that_is_not_ones_own(doctor: Doctor) -> None:
    doctor.folders.cache.mkdir()
    (doctor.folders.cache / "engine").write_text("in the way")
    diagnosis = await doctor.diagnose()
    assert len(said(diagnosis, "configuration")) == 1


async def test_the_model_of_the_settings_is_the_one_told(doctor: Doctor) -> None:
    other = replace(QWEN, name="starcoder2:3b")
    doctor.backends["scripted"] = ScriptedBackend(models=(QWEN, other))
    diagnosis = await doctor.diagnose(completion__model="starcoder2:3b")
    assert diagnosis.fim is not None
    assert diagnosis.fim.model == "starcoder2:3b"
    assert by_name("starcoder2:3b") is not None


def _named(name: str, backend: ScriptedBackend) -> Backend:
    backend.name = name
    return backend


class Ollama(OllamaDialect):
    """An Ollama whose vocabulary the doctor reads; vram: bytes of the model's thousand, None where it is not loaded."""

    def serve(self, server: LoopbackServer, vram: int | None, tokens: list[str], template: str) -> None:
        self.prepare(server)
        ollama(server)
        shown = self.shown(template=template)
        vocabulary = {"tokenizer.ggml.tokens": tokens, "tokenizer.ggml.token_type": [3] * len(tokens)}
        verbose = self.shown(template=template, model_info={**shown["model_info"], **vocabulary})
        server.on("POST", "/api/show", json_reply(shown))
        server.on("POST", VOCABULARY, json_reply(verbose))
        loaded = {"model": self.model, "context_length": 8192, "size": 1000, "size_vram": vram}
        server.on("GET", "/api/ps", json_reply({"models": [] if vram is None else [loaded]}))


QWEN_TOKENS = ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"]


@pytest.mark.parametrize(
    ("served", "fills", "where"),
    [
        (
            (None, QWEN_TOKENS, "{{ .Prompt }}"),
            "with the qwen-coder format, sent raw: its vocabulary has <|fim_middle|> <|fim_prefix|> <|fim_suffix|>",
            "is not in memory; it is loaded when an editor starts, or on demand",
        ),
        (
            (0, [], Ollama.template),
            "with the qwen-coder format, sent raw: the server's template for it is that of qwen-coder",
            "is in memory, on the CPU, 8192 tokens of context",
        ),
        (
            (1000, [], "{{ .Prompt }}"),
            "with the server's own template (`suffix`): the server inserts with a template of its own",
            "is in memory, on the GPU, 8192 tokens of context",
        ),
        ((400, QWEN_TOKENS, ""), "with the qwen-coder format", "is in memory, 40% of it on the GPU, 8192 tokens"),
    ],
)
async def test_how_ollama_fills_in_and_where_it_runs(
    doctor: Doctor, served: tuple[int | None, list[str], str], fills: str, where: str
) -> None:
    dialect = Ollama()
    async with LoopbackServer() as server:
        dialect.serve(server, *served)
        doctor.environ = {"OLLAMA_HOST": server.url}
        doctor.first_steps = FirstSteps(server.url, "OLLAMA_HOST", start=lambda: None)
        config = BackendConfig(url=server.url)
        doctor.backends["ollama"], doctor.ollama = make_backend("ollama", config), OllamaModels(config)
        diagnosis = await doctor.diagnose(backend__name="auto")
        await doctor.ollama.aclose()
    assert not diagnosis.failed
    (fim,) = said(diagnosis, "fim")
    assert fim[0] == "ok"
    assert fim[1].startswith(f"{dialect.model} fills in {fills}")
    host, memory = said(diagnosis, "ollama")
    assert host == ("ok", f"OLLAMA_HOST is set: Ollama is looked for at {server.url}")
    assert memory[1].startswith(f"{dialect.model} {where}")
    assert (
        "8192 tokens of context (backend.name is auto, and Ollama has a code model)" in said(diagnosis, "backend")[0][1]
    )


@pytest.mark.parametrize(
    ("first_steps", "message"),
    [
        (
            FirstSteps(start=lambda: None),
            "Ollama is not installed on this machine, and nothing answers at 127.0.0.1:11434",
        ),
        (
            FirstSteps(start=lambda: "ollama serve"),
            "Ollama is installed but does not run; to use it run `ollama serve`",
        ),
        (
            FirstSteps("http://10.0.0.5:11434", "OLLAMA_HOST"),
            "Ollama is not asked: 10.0.0.5 is not this machine and you have not allowed it",
        ),
    ],
)
async def test_why_auto_does_not_take_ollama(doctor: Doctor, first_steps: FirstSteps, message: str) -> None:
    doctor.first_steps = first_steps
    doctor.backends["embedded"] = _named("embedded", ScriptedBackend(models=(QWEN,)))
    diagnosis = await doctor.diagnose(backend__name="auto")
    assert said(diagnosis, "ollama")[-1] == ("ok", message)


async def test_an_ollama_without_a_code_model(doctor: Doctor) -> None:
    doctor.backends["ollama"] = _named("ollama", ScriptedBackend(models=(ModelInfo("llama3.2:3b"),)))
    async with LoopbackServer() as server:
        ollama(server)
        doctor.environ = {"OLLAMA_HOST": server.url}
        diagnosis = await doctor.diagnose(backend__name="auto")
    assert said(diagnosis, "ollama") == [
        ("ok", "Ollama has no code model; to use it run `ollama pull qwen2.5-coder:1.5b`")
    ]
    (backend,) = [check for check in diagnosis.checks if check.id == "backend"]
    assert (backend.state, backend.fix) == ("fail", "run `ollama pull qwen2.5-coder:1.5b`")
    assert [check for check in diagnosis.checks if check.state == "fail"] == [backend], "one command helps"


async def test_a_model_of_ollama_that_cannot_fill_in(doctor: Doctor) -> None:
    server = ScriptedBackend(models=(ModelInfo("llama3.2:3b", 4096),), evidence=FimEvidence(frozenset()))
    doctor.backends["ollama"] = _named("ollama", server)
    diagnosis = await doctor.diagnose(backend__name="ollama")
    (fim,) = [check for check in diagnosis.checks if check.id == "fim"]
    assert (fim.state, fim.fix) == ("warn", "run `ollama pull qwen2.5-coder:1.5b`")


async def test_every_fault_needs_a_fix(doctor: Doctor) -> None:
    diagnosis = replace(await doctor.diagnose(), checks=(Check("backend", "fail", "bad"),))
    with pytest.raises(AssertionError):
        said(diagnosis, "backend")
