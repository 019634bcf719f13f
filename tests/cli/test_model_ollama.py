"""`assist model` with an Ollama, as a user or a script sees it: output, JSON and exit status."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from assist_server.cli.run import run
from support.gguf_files import VALUES, gguf
from support.loopback_server import LoopbackServer, Received, Reply, json_reply
from support.ollama_files import MODEL, put_model

CHATML = "{% for m in messages %}<|im_start|>{{ m.role }}{% endfor %}"
TOKENS = ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|im_start|>"]
QWEN = gguf({**VALUES, "tokenizer.ggml.tokens": TOKENS * 500, "tokenizer.chat_template": CHATML})
DIGEST = f"sha256:{sha256(QWEN).hexdigest()}"
DONE = Reply((b'{"status":"success"}\n',), content_type="application/x-ndjson")

Assist = Callable[..., Any]


class PlayedOllama:
    """An Ollama of two models that keeps what it is given."""

    def __init__(self, server: LoopbackServer) -> None:
        self.server = server
        facts = {"general.architecture": "qwen2", "qwen2.context_length": 32768}
        self.shown: dict[str, dict[str, Any]] = {
            "coder:1b": {
                "template": "{{ if .Suffix }}<PRE> {{ .Prompt }} <SUF>{{ .Suffix }} <MID>{{ end }}",
                "model_info": facts,
                "capabilities": ["completion", "insert"],
            },
            "nomic-embed-text:latest": {"capabilities": ["embedding"]},
        }
        server.on("GET", "/api/tags", lambda _: json_reply({"models": [self.entry(name) for name in self.shown]}))
        loaded = {"name": "coder:1b", "model": "coder:1b", "context_length": 4096}
        server.on("GET", "/api/ps", json_reply({"models": [loaded]}))
        server.on("POST", "/api/show", self.show)
        server.on("POST", "/api/create", self.create)
        server.on("POST", "/api/copy", self.copy)
        server.on("POST", "/api/pull", DONE)
        server.on("HEAD", f"/api/blobs/{DIGEST}", Reply(status=404))
        server.on("POST", f"/api/blobs/{DIGEST}", Reply(status=201))

    def entry(self, name: str) -> dict[str, Any]:
        details = {"parameter_size": "1B", "quantization_level": "Q8_0"}
        return {"name": name, "model": name, "size": 1_000_000, "details": details}

    def show(self, request: Received) -> Reply:
        found = self.shown.get(request.json["model"])
        return json_reply({"error": "model 'x' not found"}, 404) if found is None else json_reply(found)

    def create(self, request: Received) -> Reply:
        given = request.json
        template = given.get("template", "jinja")
        capabilities = ["completion", "insert"] if ".Suffix" in template else ["completion"]
        self.shown[given["model"]] = {
            "template": template,
            "license": given["license"],
            "capabilities": capabilities,
        }
        return DONE

    def copy(self, request: Received) -> Reply:
        self.shown[request.json["destination"]] = self.shown[request.json["source"]]
        return Reply()


@pytest.fixture
async def ollama(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PlayedOllama]:
    async with LoopbackServer() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.place)
        yield PlayedOllama(server)


@pytest.fixture
def own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OLLAMA_MODELS", str(tmp_path / "ollama"))
    return tmp_path / "ollama"


@pytest.fixture
def assist(capsys: pytest.CaptureFixture[str]) -> Assist:
    async def call(*arguments: str) -> tuple[int, Any]:
        capsys.readouterr()
        status = await asyncio.to_thread(run, [*arguments])
        out, err = capsys.readouterr()
        return status, json.loads(out) if "--json" in arguments else out + err

    return call


async def test_lists_both_kinds(assist: Assist, ollama: PlayedOllama) -> None:
    status, answer = await assist("model", "list", "--json")
    models = {model["name"]: model for model in answer["models"]}
    assert status == 0
    assert all(model.keys() == models["coder:1b"].keys() for model in models.values())
    ours, theirs, other = models["qwen2.5-coder-0.5b"], models["coder:1b"], models["nomic-embed-text:latest"]
    assert (ours["backend"], ours["quantization"], ours["loaded"]) == ("embedded", "Q4_K_M", False)
    assert (ours["fim"]["mode"], ours["fim"]["format"]) == ("tokens", "qwen-coder")
    assert (theirs["backend"], theirs["quantization"], theirs["loaded"]) == ("ollama", "Q8_0", True)
    assert (theirs["size_bytes"], theirs["context_length"]) == (1_000_000, 4096)
    assert (theirs["fim"]["mode"], theirs["fim"]["format"]) == ("tokens", "codellama")
    assert (other["fim"], other["roles"]) == (None, [])
    _, table = await assist("model", "list")
    assert "coder:1b" in table
    assert "loaded" in table


async def test_lists_one_kind(assist: Assist, ollama: PlayedOllama) -> None:
    _, theirs = await assist("model", "list", "--json", "--backend", "ollama")
    assert [model["name"] for model in theirs["models"]] == ["coder:1b", "nomic-embed-text:latest"]
    ollama.server.requests.clear()
    _, ours = await assist("model", "list", "--json", "--backend", "embedded")
    assert {model["backend"] for model in ours["models"]} == {"embedded"}
    assert ollama.server.requests == []


async def test_a_template_of_the_users_own_is_told(
    assist: Assist, ollama: PlayedOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSIST_COMPLETION_FIM_TEMPLATE", "<P>{prefix}<S>{suffix}<M>")
    _, table = await assist("model", "list", "--backend", "ollama")
    assert "your template" in table


async def test_no_ollama_is_no_matter_unless_it_was_named(assist: Assist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:1")
    status, answer = await assist("model", "list", "--json")
    assert (status, {model["backend"] for model in answer["models"]}) == (0, {"embedded"})
    assert "Ollama" not in (await assist("model", "list"))[1]
    status, answer = await assist("model", "list", "--json", "--backend", "ollama")
    assert (status, answer["error"]["code"]) == (4, "backend-unavailable")


@pytest.mark.parametrize("action", [["list"], ["pull", "x"], ["remove", "x"], ["path", "x"]], ids=" ".join)
async def test_no_ollama_is_met_by_the_one_command_that_helps(
    assist: Assist, own_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: list[str]
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:1")
    (tmp_path / "ollama").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    status, answer = await assist("model", *action, "--backend", "ollama", "--json")
    assert (status, answer["error"]["code"]) == (4, "backend-unavailable")
    assert answer["error"]["message"].startswith("Ollama is installed but does not run at 127.0.0.1:1")
    assert answer["error"]["hint"] == "run `ollama serve`"


async def test_a_damaged_vocabulary_hides_nothing(assist: Assist, ollama: PlayedOllama) -> None:
    plain = {"template": "{{ .Prompt }}", "capabilities": ["completion"]}
    ollama.shown["odd:1b"] = plain

    def show(request: Received) -> Reply:
        verbose = request.json.get("verbose")
        return json_reply({"error": "invalid file magic"}, 500) if verbose else ollama.show(request)

    ollama.server.on("POST", "/api/show", show)
    status, answer = await assist("model", "list", "--json", "--backend", "ollama")
    models = {model["name"]: model for model in answer["models"]}
    assert (status, models.keys()) == (0, ollama.shown.keys())
    assert (models["odd:1b"]["fim"], models["odd:1b"]["roles"]) == (None, ["chat", "review"])
    _, table = await assist("model", "list", "--backend", "ollama")
    assert "unknown" in table
    status, told = await assist("model", "pull", "odd:1b", "--backend", "ollama")
    assert (status, "Ollama has odd:1b" in told, "filling in" in told) == (0, True, False)


async def test_an_ollama_elsewhere_is_not_asked(assist: Assist, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_HOST", "box.example")
    assert (await assist("model", "list", "--json"))[0] == 0
    status, answer = await assist("model", "list", "--json", "--backend", "ollama")
    assert (status, answer["error"]["code"]) == (3, "egress-refused")


async def test_pulls_through_ollama(assist: Assist, ollama: PlayedOllama) -> None:
    status, answer = await assist("model", "pull", "coder:1b", "--backend", "ollama", "--json")
    assert status == 0
    assert (answer["name"], answer["backend"], answer["source"]) == ("coder:1b", "ollama", "registry.ollama.ai")
    assert answer["path"] is None
    assert answer["fim"]["mode"] == "tokens"
    status, told = await assist("model", "pull", "coder:1b", "--backend", "ollama")
    assert (status, "Ollama has coder:1b" in told) == (0, True)
    assert len(ollama.server.received("/api/pull")) == 2
    assert {request.json["model"] for request in ollama.server.received("/api/show")} == {"coder:1b"}


async def test_a_pull_that_ended_well_is_no_error_whatever_is_said_of_the_model(
    assist: Assist, ollama: PlayedOllama
) -> None:
    ollama.server.on("GET", "/api/tags", json_reply({"error": "busy"}, 500))
    status, answer = await assist("model", "pull", "coder:1b", "--backend", "ollama", "--json")
    assert (status, answer["name"]) == (0, "coder:1b")


async def test_a_bad_template_of_the_users_own_undoes_no_pull(
    assist: Assist, ollama: PlayedOllama, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSIST_COMPLETION_FIM_TEMPLATE", "no fields")
    assert (await assist("model", "pull", "coder:1b", "--backend", "ollama"))[0] == 0


BAD: list[tuple[list[str], int, str]] = [
    (["pull", "qwen2.5-coder:7b"], 4, "assist model pull qwen2.5-coder:7b --backend ollama"),
    (["pull", "someone/model"], 4, "--backend ollama"),
    (["pull", "none.gguf"], 4, "--into ollama"),
    (["pull", "two words:1", "--backend", "ollama"], 2, "is no name"),
    (["pull", "gpt-oss:20b-cloud", "--backend", "ollama"], 3, "privacy.allowRemoteModels"),
    (["pull", "x", "--backend", "ollama", "--source", "huggingface"], 2, "--source"),
    (["pull", "x", "--backend", "ollama", "--into", "ollama"], 2, "exclude each other"),
    (["pull", "qwen2.5-coder-0.5b", "--as", "mine"], 2, "--into ollama"),
    (["pull", "nothing", "--into", "ollama"], 4, "the catalogue has"),
    (["pull", "none.gguf", "--into", "ollama"], 4, "none.gguf cannot be read"),
    (["pull", "~nobody-of-that-name/x.gguf", "--into", "ollama"], 4, "no model file"),
    (["remove", "nothing", "--backend", "ollama"], 4, "does not have the model"),
    (["path", "nothing", "--backend", "ollama"], 4, "ollama pull nothing"),
    (["path", "gpt-oss:20b-cloud", "--backend", "ollama"], 4, "another machine runs it"),
]


@pytest.mark.parametrize("case", BAD, ids=lambda case: " ".join(case[0]))
async def test_bad_input_gives_one_clear_message(
    assist: Assist, ollama: PlayedOllama, own_store: Path, case: tuple[list[str], int, str]
) -> None:
    arguments, status, message = case
    ollama.server.on("DELETE", "/api/delete", json_reply({"error": "model 'nothing' not found"}, 404))
    got, answer = await assist("model", *arguments, "--json")
    assert got == status
    assert message in f"{answer['error']['message']} {answer['error']['hint']}"
    got, told = await assist("model", *arguments)
    assert (got, message in told, "Traceback" in told) == (status, True, False)


class TestInto:
    @pytest.fixture
    def mine(self, tmp_path: Path) -> Path:
        path = tmp_path / "My Coder.Q8_0.gguf"
        path.write_bytes(QWEN)
        return path

    async def test_a_file_gets_its_templates(self, assist: Assist, ollama: PlayedOllama, mine: Path) -> None:
        status, answer = await assist("model", "pull", str(mine), "--into", "ollama", "--json")
        assert status == 0
        assert answer == {
            "name": "my-coder.q8_0:latest",
            "backend": "ollama",
            "path": str(mine),
            "source": "file",
            "created": True,
            "insert": True,
            "sent_bytes": len(QWEN),
        }
        given = ollama.server.received("/api/create")[0].json
        assert "<|fim_prefix|>{{ .Prompt }}<|fim_suffix|>{{ .Suffix }}<|fim_middle|>" in given["template"]
        assert "<|im_start|>{{ .Role }}" in given["template"]
        assert "<|im_end|>" in given["parameters"]["stop"]

    async def test_a_second_time_does_nothing(self, assist: Assist, ollama: PlayedOllama, mine: Path) -> None:
        arguments = ("model", "pull", str(mine), "--into", "ollama", "--as", "mine:1")
        await assist(*arguments)
        status, answer = await assist(*arguments, "--json")
        assert (status, answer["created"], answer["insert"], answer["sent_bytes"]) == (0, False, True, 0)
        assert len(ollama.server.received("/api/create")) == 1
        assert "was in Ollama already and fills in" in (await assist(*arguments))[1]

    async def test_another_name_for_what_is_there_is_a_copy(
        self, assist: Assist, ollama: PlayedOllama, mine: Path
    ) -> None:
        await assist("model", "pull", str(mine), "--into", "ollama")
        status, answer = await assist("model", "pull", str(mine), "--into", "ollama", "--as", "mine:1", "--json")
        assert (status, answer["created"], answer["insert"], answer["sent_bytes"]) == (0, True, True, 0)
        assert len(ollama.server.received("/api/create")) == 1
        (copied,) = ollama.server.received("/api/copy")
        assert copied.json == {"source": "my-coder.q8_0:latest", "destination": "mine:1"}

    async def test_an_older_template_of_ours_is_replaced(
        self, assist: Assist, ollama: PlayedOllama, mine: Path
    ) -> None:
        arguments = ("model", "pull", str(mine), "--into", "ollama", "--as", "mine:1", "--json")
        await assist(*arguments)
        ollama.shown["mine:1"]["template"] = "{{ .Prompt }}"
        assert (await assist(*arguments))[1]["created"]

    async def test_another_model_of_the_name_is_left_alone(
        self, assist: Assist, ollama: PlayedOllama, mine: Path
    ) -> None:
        status, answer = await assist("model", "pull", str(mine), "--into", "ollama", "--as", "coder:1b", "--json")
        assert (status, answer["error"]["code"]) == (4, "model")
        assert "--as NAME" in answer["error"]["hint"]
        assert ollama.server.received("/api/create") == []

    async def test_a_model_of_the_cloud_is_no_name_for_it(
        self, assist: Assist, ollama: PlayedOllama, mine: Path
    ) -> None:
        assert (await assist("model", "pull", str(mine), "--into", "ollama", "--as", "x:1b-cloud"))[0] == 2

    async def test_a_model_of_another_kind_keeps_its_own_template(
        self, assist: Assist, ollama: PlayedOllama, tmp_path: Path
    ) -> None:
        (tmp_path / "m.gguf").write_bytes(gguf())
        digest = sha256(gguf()).hexdigest()
        ollama.server.on("HEAD", f"/api/blobs/sha256:{digest}", Reply())
        status, answer = await assist("model", "pull", str(tmp_path / "m.gguf"), "--into", "ollama", "--json")
        assert (status, answer["insert"], answer["sent_bytes"]) == (0, False, 0)
        assert not {"template", "parameters"} & ollama.server.received("/api/create")[0].json.keys()

    async def test_a_part_of_a_model_is_refused(self, assist: Assist, ollama: PlayedOllama, tmp_path: Path) -> None:
        part = tmp_path / "m-00001-of-00002.gguf"
        part.write_bytes(QWEN)
        status, answer = await assist("model", "pull", str(part), "--into", "ollama", "--json")
        assert (status, "one part of a model" in answer["error"]["message"]) == (4, True)


async def test_removes_and_finds_models_of_ollama(assist: Assist, ollama: PlayedOllama, own_store: Path) -> None:
    ollama.server.on("DELETE", "/api/delete", Reply())
    status, answer = await assist("model", "remove", "coder:1b", "--backend", "ollama", "--json")
    assert (status, answer["name"], answer["path"]) == (0, "coder:1b", None)
    assert "removed" in (await assist("model", "remove", "coder:1b", "--backend", "ollama"))[1]
    put_model(own_store, "coder:1b", (MODEL, QWEN))
    status, answer = await assist("model", "path", "coder:1b", "--backend", "ollama", "--json")
    assert (status, answer["path"]) == (0, str(own_store / "blobs" / DIGEST.replace(":", "-")))
    assert answer["path"] in (await assist("model", "path", "coder:1b", "--backend", "ollama"))[1]


async def test_the_file_of_a_model_that_no_store_here_has(
    assist: Assist, ollama: PlayedOllama, own_store: Path
) -> None:
    status, answer = await assist("model", "path", "coder:1b", "--backend", "ollama", "--json")
    assert (status, "OLLAMA_MODELS" in answer["error"]["hint"]) == (4, True)
    url = ("--url", ollama.server.url)
    _, answer = await assist("model", "path", "none:1", "--backend", "ollama", *url, "--json")
    command = f"assist model pull none:1 --backend ollama --url {ollama.server.url}"
    assert answer["error"]["hint"] == f"run `{command}`"
    status, _ = await assist(*command.replace("none:1", "coder:1b").split()[1:])
    assert status == 0


@pytest.mark.parametrize(
    "awkward",
    [{"ALL_PROXY": "socks5://127.0.0.1:9"}, {"OLLAMA_HOST": "127.0.0.1:notaport"}, {"SSL_CERT_FILE": "/nowhere.pem"}],
    ids=lambda awkward: next(iter(awkward)),
)
@pytest.mark.parametrize(
    "arguments", [["doctor"], ["model", "list"], ["model", "path", "x"], ["model", "remove", "x"]], ids=" ".join
)
def test_no_environment_makes_a_traceback(awkward: dict[str, str], arguments: list[str], tmp_path: Path) -> None:
    environment = {"OLLAMA_HOST": "127.0.0.1:1", **os.environ, **awkward, "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "assist_server", *arguments, "--json"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stdout + done.stderr
    assert isinstance(json.loads(done.stdout), dict)


def test_a_key_that_is_not_set_is_one_of_the_doctors_checks(tmp_path: Path) -> None:
    environment = os.environ | {"HOME": str(tmp_path), "ASSIST_BACKEND_API_KEY_ENV": "NO_SUCH_KEY"}
    command = [sys.executable, "-m", "assist_server", "doctor", "--backend", "ollama", "--json"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    failed = [check for check in json.loads(done.stdout)["checks"] if check["state"] == "fail"]
    assert [check["message"] for check in failed] == ["backend.apiKeyEnv names NO_SUCH_KEY, which is not set"]
    assert "NO_SUCH_KEY" in failed[0]["fix"]
