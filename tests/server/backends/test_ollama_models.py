"""Managing the models of an Ollama: what is asked, what is told, and what may not happen."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from assist_server.backends.ollama_answers import Vocabulary
from assist_server.backends.ollama_models import NewModel, OllamaModels
from assist_server.backends.registry import BackendConfig
from assist_server.core.errors import (
    AssistError,
    BackendRejected,
    BackendUnavailable,
    BadResponse,
    ConfigError,
    EgressRefused,
    ModelError,
    ModelMissing,
)
from assist_server.core.ollama_name import parse_ollama_name
from assist_server.privacy.audit import AuditLog
from assist_server.privacy.egress import EgressPolicy
from support.dialects import VOCABULARY, OllamaDialect
from support.loopback_server import Hold, LoopbackServer, Received, Reply, json_reply, soon

DIALECT = OllamaDialect()
NAME = parse_ollama_name("qwen2.5-coder:7b")
DATA = bytes(range(256)) * 10_000
DIGEST = f"sha256:{sha256(DATA).hexdigest()}"
SUCCESS = {"status": "success"}


def lines(*values: Any) -> Reply:
    pieces = [json.dumps(value).encode() + b"\n" for value in values]
    return Reply(pieces, framing="chunked", content_type="application/x-ndjson")


def nothing(_done: int, _total: int) -> None:
    pass


@pytest.fixture
async def ollama(server: LoopbackServer) -> AsyncIterator[OllamaModels]:
    ollama = OllamaModels(BackendConfig(server.url))
    yield ollama
    await ollama.aclose()


def entry(name: str, **more: Any) -> dict[str, Any]:
    details = {"parameter_size": "7.6B", "quantization_level": "Q4_K_M"}
    return {"name": name, "model": name, "size": 4_700_000_000, "digest": "ab", "details": details, **more}


class TestList:
    async def test_tells_what_is_known_of_each(self, ollama: OllamaModels, server: LoopbackServer) -> None:
        server.on("GET", "/api/tags", json_reply({"models": [entry("a:7b"), entry("b:7b")]}))
        loaded = {"name": "b:7b", "model": "b:7b", "context_length": 8192, "size": 5, "size_vram": 5}
        server.on("GET", "/api/ps", json_reply({"models": [loaded]}))
        a, b = await ollama.models()
        assert (a.info.name, a.info.size_bytes, a.info.quantization) == ("a:7b", 4_700_000_000, "Q4_K_M")
        assert a.info.context_length == 32768  # of `/api/show`: older builds do not list it
        assert a.loaded is None
        assert b.loaded is not None
        assert (b.loaded.context_length, b.evidence.inserts) == (8192, True)
        assert b.evidence.template == DIALECT.template

    async def test_asks_nothing_about_a_model_that_another_machine_runs(
        self, ollama: OllamaModels, server: LoopbackServer
    ) -> None:
        far = [entry("big:120b-cloud"), entry("alias", remote_host="https://ollama.com:443", remote_model="big")]
        server.on("GET", "/api/tags", json_reply({"models": far}))
        assert [model.info.remote_host for model in await ollama.models()] == ["ollama.com", "ollama.com"]
        assert server.received("/api/show") == []

    async def test_a_model_that_cannot_be_described_hides_no_other(
        self, ollama: OllamaModels, server: LoopbackServer
    ) -> None:
        def show(request: Received) -> Reply:
            broken = request.json["model"] == "broken"
            return json_reply({"error": "invalid file magic"}, 500) if broken else json_reply(DIALECT.shown())

        server.on("GET", "/api/tags", json_reply({"models": [entry("broken"), entry("good")]}))
        server.on("POST", "/api/show", show)
        broken, good = await ollama.models()
        assert (broken.shown, good.shown is None) == (None, False)

    async def test_describes_one_and_asks_about_no_other(self, ollama: OllamaModels, server: LoopbackServer) -> None:
        server.on("GET", "/api/tags", json_reply({"models": [entry("other:7b"), entry(str(NAME))]}))
        model = await ollama.model(NAME)
        assert model is not None
        assert (model.info.name, model.info.size_bytes, model.evidence.inserts) == (str(NAME), 4_700_000_000, True)
        assert [request.json["model"] for request in server.received("/api/show")] == [str(NAME)]
        assert await ollama.model(parse_ollama_name("none")) is None

    async def test_a_failure_leaves_no_question_running(
        self, ollama: OllamaModels, server: LoopbackServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hold = Hold()

        async def refuse() -> None:
            raise EgressRefused("no")

        server.on("GET", "/api/tags", json_reply({"models": [entry("slow"), entry("bad")]}))
        server.on("POST", "/api/show", Reply((b"{}",), before=hold))
        describe = ollama.describe
        monkeypatch.setattr(ollama, "describe", lambda name: describe(name) if name == "slow" else refuse())
        listing = asyncio.ensure_future(ollama.models())
        await soon(hold.reached.wait())
        assert not listing.done()
        hold.release.set()
        with pytest.raises(EgressRefused):
            await soon(listing)

    @pytest.mark.parametrize("answer", [[], {}, {"models": 3}, {"models": ["x"]}, {"models": [{"size": 1}]}])
    async def test_an_answer_that_is_no_list(self, ollama: OllamaModels, server: LoopbackServer, answer: Any) -> None:
        server.on("GET", "/api/tags", json_reply(answer))
        with pytest.raises(BadResponse):
            await ollama.models()

    async def test_reads_a_vocabulary(self, ollama: OllamaModels, server: LoopbackServer) -> None:
        facts = {"tokenizer.ggml.tokens": ["a", "<|fim_prefix|>"], "tokenizer.ggml.token_type": [1, 3]}
        server.on("POST", VOCABULARY, json_reply(DIALECT.shown(model_info=facts)))
        assert await ollama.vocabulary("a") == Vocabulary(frozenset({"<|fim_prefix|>"}), frozenset({"<|fim_prefix|>"}))
        server.on("POST", VOCABULARY, json_reply(DIALECT.shown(model_info={"tokenizer.ggml.tokens": None})))
        assert await ollama.vocabulary("a") == Vocabulary(None, None)


Failure = tuple[str, type[AssistError], str, str | None]
"""What Ollama says, and the kind, the message and the hint that come of it."""

FAILURES: list[Failure] = [
    ("pull model manifest: file does not exist", ModelMissing, "registry.ollama.ai has no model", "library"),
    (
        'pull model manifest: Get "https://r/v2": dial tcp: lookup r: no such host',
        BackendRejected,
        "reach",
        "proxy",
    ),
    (
        'pull model manifest: Get "https://r/v2": net/http: TLS handshake timeout',
        BackendRejected,
        "reach",
        "proxy",
    ),
    ("write /m/blobs/x-partial: no space left on device", BackendRejected, "disk is full", "OLLAMA_MODELS"),
    ("pull model manifest: 412: requires a newer version of Ollama", BackendRejected, "too old", "newer"),
    ("digest mismatch, file must be downloaded again", BackendRejected, "digest mismatch", None),
]


class TestPull:
    async def test_adds_up_the_progress_of_all_files(self, ollama: OllamaModels, server: LoopbackServer) -> None:
        def piece(digest: str, done: int | None, total: int) -> dict[str, Any]:
            return {"status": f"pulling {digest}", "digest": digest, "total": total, "completed": done}

        server.on(
            "POST",
            "/api/pull",
            lines(
                {"status": "pulling manifest"}, piece("a", None, 100), piece("a", 60, 100), piece("b", 5, 10), SUCCESS
            ),
        )
        seen: list[tuple[int, int]] = []
        await ollama.pull(NAME, lambda *amounts: seen.append(amounts))
        assert seen == [(0, 100), (60, 100), (65, 110)]
        (request,) = server.received("/api/pull")
        assert request.json == {"model": "qwen2.5-coder:7b", "insecure": False, "stream": True}

    async def test_speaks_plainly_to_a_registry_of_this_machine_only(
        self, ollama: OllamaModels, server: LoopbackServer
    ) -> None:
        server.on("POST", "/api/pull", lines(SUCCESS))
        for name in ("127.0.0.1:5000/library/x:t", "localhost:5000/library/x", "box:5000/library/x"):
            await ollama.pull(parse_ollama_name(name), nothing)
        assert [r.json["insecure"] for r in server.received("/api/pull")] == [True, True, False]

    async def test_leaves_a_line_in_the_audit_log_and_sends_no_key(
        self, server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OLLAMA_API_KEY", "sk-of-the-environment")
        server.on("POST", "/api/pull", lines(SUCCESS))
        ollama = OllamaModels(BackendConfig(server.url, audit=AuditLog(tmp_path / "audit.log")))
        await ollama.pull(NAME, nothing)
        await ollama.aclose()
        (line,) = (tmp_path / "audit.log").read_text().splitlines()
        told = json.loads(line)
        assert (told["host"], told["purpose"]) == ("registry.ollama.ai", "model download by Ollama")
        assert all("authorization" not in request.headers for request in server.requests)

    async def test_asks_for_nothing_that_cannot_be_recorded(self, server: LoopbackServer, tmp_path: Path) -> None:
        (tmp_path / "audit.log").mkdir()
        ollama = OllamaModels(BackendConfig(server.url, audit=AuditLog(tmp_path / "audit.log")))
        with pytest.raises(ConfigError, match="audit log"):
            await ollama.pull(NAME, nothing)
        assert server.requests == []

    @pytest.mark.parametrize("name", ["gpt-oss:120b-cloud", "gpt-oss:cloud"])
    async def test_refuses_a_model_of_the_cloud_unless_both_settings_allow_it(
        self, ollama: OllamaModels, server: LoopbackServer, name: str
    ) -> None:
        with pytest.raises(EgressRefused, match=r"passes the prompt on to ollama\.com") as refused:
            await ollama.pull(parse_ollama_name(name), nothing)
        assert "privacy.allowRemoteModels" in (refused.value.hint or "")
        half = OllamaModels(BackendConfig(server.url, allow_remote_models=True))
        with pytest.raises(EgressRefused, match=r"ollama\.com") as refused:
            await half.pull(parse_ollama_name(name), nothing)
        assert "privacy.allowHosts" in (refused.value.hint or "")
        assert server.requests == []
        policy = EgressPolicy(frozenset({"ollama.com"}))
        both = OllamaModels(BackendConfig(server.url, allow_remote_models=True, policy=policy))
        server.on("POST", "/api/pull", lines(SUCCESS))
        await both.pull(parse_ollama_name(name), nothing)
        await half.aclose()
        await both.aclose()

    async def test_says_where_a_harmless_name_leads(self, ollama: OllamaModels, server: LoopbackServer) -> None:
        server.on("POST", "/api/pull", lines(SUCCESS))
        server.on("POST", "/api/show", json_reply(DIALECT.shown(remote_host="https://ollama.com:443")))
        with pytest.raises(EgressRefused, match=r"ollama\.com"):
            await ollama.pull(NAME, nothing)

    async def test_a_model_that_cannot_be_described_is_there_all_the_same(
        self, ollama: OllamaModels, server: LoopbackServer
    ) -> None:
        server.on("POST", "/api/pull", lines(SUCCESS))
        server.on("POST", "/api/show", json_reply({"error": "invalid file magic"}, 500))
        await ollama.pull(NAME, nothing)

    @pytest.mark.parametrize("case", FAILURES, ids=lambda case: case[0])
    @pytest.mark.parametrize("begun", [True, False])
    async def test_what_goes_wrong_is_said_with_what_helps(
        self, ollama: OllamaModels, server: LoopbackServer, case: Failure, begun: bool
    ) -> None:
        said, kind, message, hint = case
        error = {"error": said}
        server.on("POST", "/api/pull", lines({"status": "pulling"}, error) if begun else json_reply(error, 500))
        with pytest.raises(kind, match=message) as failed:
            await ollama.pull(NAME, nothing)
        assert hint is None or hint in (failed.value.hint or "")

    @pytest.mark.parametrize("reply", [lines({"status": "pulling manifest"}), lines(), Reply((b"<html>\n",))])
    async def test_an_answer_without_its_end_is_no_success(
        self, ollama: OllamaModels, server: LoopbackServer, reply: Reply
    ) -> None:
        server.on("POST", "/api/pull", reply)
        with pytest.raises(BadResponse):
            await ollama.pull(NAME, nothing)

    async def test_a_cancelled_pull_closes_the_connection(self, ollama: OllamaModels, server: LoopbackServer) -> None:
        hold = Hold()
        begin = b'{"status":"pulling manifest"}\n'
        server.on("POST", "/api/pull", Reply((begin, hold), framing="chunked"))
        task = asyncio.ensure_future(ollama.pull(NAME, nothing))
        await soon(hold.reached.wait())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        (request,) = server.received("/api/pull")
        await soon(request.gone.wait())

    async def test_no_ollama(self) -> None:
        ollama = OllamaModels(BackendConfig("http://127.0.0.1:1"))
        with pytest.raises(BackendUnavailable, match=r"127\.0\.0\.1:1 cannot be reached"):
            await ollama.pull(NAME, nothing)
        await ollama.aclose()


AWKWARD = {
    "OLLAMA_HOST": "127.0.0.1:notaport",
    "all_proxy": "socks5://127.0.0.1:9",
    "HTTPS_PROXY": "nonsense://x",
    "SSL_CERT_FILE": "/nowhere/x.pem",
    "SSLKEYLOGFILE": "/nowhere/keys",
    "OLLAMA_API_KEY": "sk-of-the-environment",
    "NO_PROXY": "box.example",
}
# Delete a model of the server that the first argument names; then tell whether the environment is what it was.
DELETES = """
import asyncio, os, sys
from assist_server.backends.ollama_models import OllamaModels
from assist_server.backends.registry import BackendConfig
from assist_server.core.ollama_name import parse_ollama_name
async def main():
    ollama = OllamaModels(BackendConfig(sys.argv[1]))
    await ollama.delete(parse_ollama_name("x"))
    await ollama.aclose()
before = dict(os.environ)
assert "ollama" not in sys.modules
asyncio.run(main())
assert "ollama" in sys.modules
assert dict(os.environ) == before
"""


async def test_the_package_is_imported_late_and_reads_nothing_of_the_environment(server: LoopbackServer) -> None:
    server.on("DELETE", "/api/delete", Reply())
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DELETES, server.url, env=os.environ | AWKWARD, stderr=asyncio.subprocess.PIPE
    )
    _, err = await program.communicate()
    assert (program.returncode, err.decode()) == (0, "")
    (request,) = server.requests
    assert "authorization" not in request.headers


class TestCreate:
    @pytest.fixture
    def new(self, tmp_path: Path, server: LoopbackServer) -> NewModel:
        server.on("HEAD", f"/api/blobs/{DIGEST}", Reply(status=404))
        (tmp_path / "m.gguf").write_bytes(DATA)
        return NewModel(
            tmp_path / "m.gguf", len(DATA), DIGEST.removeprefix("sha256:"), "{{ .Prompt }}", ("<s>",), "MIT"
        )

    async def test_sends_the_file_and_what_is_known_of_it(
        self, ollama: OllamaModels, server: LoopbackServer, new: NewModel
    ) -> None:
        server.on("POST", f"/api/blobs/{DIGEST}", Reply(status=201))
        server.on("POST", "/api/create", lines({"status": "parsing GGUF"}, SUCCESS))
        seen: list[tuple[int, int]] = []
        assert await ollama.create(NAME, new, lambda *amounts: seen.append(amounts)) == len(DATA)
        assert server.received(f"/api/blobs/{DIGEST}")[-1].body == DATA
        assert seen[-1] == (len(DATA), len(DATA))
        assert len(seen) > 1
        assert server.received("/api/create")[0].json == {
            "model": "qwen2.5-coder:7b",
            "stream": True,
            "files": {"model.gguf": DIGEST},
            "template": "{{ .Prompt }}",
            "parameters": {"stop": ["<s>"]},
            "license": "MIT",
        }

    async def test_sends_no_file_that_is_there(
        self, ollama: OllamaModels, server: LoopbackServer, new: NewModel
    ) -> None:
        server.on("HEAD", f"/api/blobs/{DIGEST}", Reply())
        server.on("POST", "/api/create", lines(SUCCESS))
        assert await ollama.create(NAME, new, nothing) == 0
        assert [request.method for request in server.requests] == ["HEAD", "POST"]

    async def test_leaves_the_files_own_template_alone(
        self, ollama: OllamaModels, server: LoopbackServer, new: NewModel
    ) -> None:
        server.on("HEAD", f"/api/blobs/{DIGEST}", Reply())
        server.on("POST", "/api/create", lines(SUCCESS))
        plain = NewModel(new.file, new.size, new.sha256, None, (), "MIT")
        await ollama.create(NAME, plain, nothing)
        assert not {"template", "parameters"} & server.received("/api/create")[0].json.keys()

    async def test_a_full_disk(self, ollama: OllamaModels, server: LoopbackServer, new: NewModel) -> None:
        full = json_reply({"error": "write /m/blobs/tmp: no space left on device"}, 500)
        server.on("POST", f"/api/blobs/{DIGEST}", full)
        with pytest.raises(BackendRejected, match="disk is full"):
            await ollama.create(NAME, new, nothing)
        server.on("POST", f"/api/blobs/{DIGEST}", Reply(status=201))
        server.on("POST", "/api/create", full)
        with pytest.raises(BackendRejected, match="disk is full"):
            await ollama.create(NAME, new, nothing)

    async def test_a_file_that_has_gone(self, ollama: OllamaModels, server: LoopbackServer, new: NewModel) -> None:
        new.file.unlink()
        with pytest.raises(ModelError, match="cannot be read"):
            await ollama.create(NAME, new, nothing)


class TestCopyAndDelete:
    async def test_ask_for_just_that(self, ollama: OllamaModels, server: LoopbackServer) -> None:
        server.on("POST", "/api/copy", Reply())
        server.on("DELETE", "/api/delete", Reply())
        await ollama.copy(NAME, parse_ollama_name("mine"))
        await ollama.delete(parse_ollama_name("mine"))
        copied, deleted = server.requests
        assert copied.json == {"source": "qwen2.5-coder:7b", "destination": "mine:latest"}
        assert deleted.json == {"model": "mine:latest"}

    async def test_a_model_that_is_not_there(self, ollama: OllamaModels, server: LoopbackServer) -> None:
        server.on("POST", "/api/copy", json_reply({"error": 'model "x" not found'}, 404))
        server.on("DELETE", "/api/delete", json_reply({"error": "model 'x' not found"}, 404))
        for asked in (ollama.copy(NAME, NAME), ollama.delete(NAME)):
            with pytest.raises(ModelMissing, match=r"does not have the model 'qwen2\.5-coder:7b'") as missing:
                await asked
            assert "assist model list" in (missing.value.hint or "")
