"""Which server and which model answer, and that neither is asked for on every key."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from assist_context.prompt.fim import by_name
from assist_context.prompt.segments import Prompt
from assist_server.backends.base import ChatRequest, EventStream, FillRequest, FimEvidence, Health, ModelInfo
from assist_server.backends.ollama_url import USUAL_URL
from assist_server.config.settings import (
    BackendSettings,
    ChatSettings,
    CompletionSettings,
    EngineSettings,
    PrivacySettings,
    Settings,
)
from assist_server.core.errors import (
    AssistError,
    BackendTimeout,
    BackendUnavailable,
    ConfigError,
    EgressRefused,
    ModelError,
    ModelMissing,
    PromptTooLong,
)
from assist_server.core.notices import Notice
from assist_server.features.fim import choose_fim
from assist_server.features.first_steps import FirstSteps
from assist_server.features.selection import PULL_HINT, Role, Selector, best_model
from support.completion import StillClock

QWEN = ModelInfo("qwen2.5-coder:1.5b", 8192, parameters="1.5B")
LLAMA = ModelInfo("llama3.2:3b", 8192, parameters="3.2B")
EMBEDDED = ModelInfo("qwen2.5-coder-0.5b", None)


class Server:
    """A model server that lists models, or is down."""

    def __init__(self, name: str, *models: ModelInfo, evidence: FimEvidence | None = None) -> None:
        self.name = name
        self.listed: tuple[ModelInfo, ...] = models
        self.down: AssistError | None = None
        self.evidence = evidence or FimEvidence()
        self.asked: list[str] = []
        self.closed = False

    def fill(self, request: FillRequest) -> EventStream:
        raise NotImplementedError

    def chat(self, request: ChatRequest) -> EventStream:
        raise NotImplementedError

    async def models(self) -> tuple[ModelInfo, ...]:
        self.asked.append("models")
        await asyncio.sleep(0)
        if self.down is not None:
            raise self.down
        return self.listed

    async def health(self) -> Health:
        raise NotImplementedError

    async def count_tokens(self, prompt: Prompt, model: str) -> int | None:
        return None

    async def fim_evidence(self, model: str, candidates: Sequence[str]) -> FimEvidence:
        self.asked.append("evidence")
        assert "<|fim_prefix|>" in candidates
        return self.evidence

    async def aclose(self) -> None:
        self.closed = True


class World:
    """The servers of one machine and a selector over them.

    start: the command that starts its Ollama. url: the address that the settings give of it.
    """

    def __init__(
        self,
        *servers: Server,
        settings: Settings | None = None,
        missing: ModelError | None = None,
        start: str | None = None,
        url: str | None = None,
    ) -> None:
        self.servers = {server.name: server for server in servers}
        self.missing = missing
        self.clock = StillClock()
        self.notices: list[Notice] = []
        self.selector = Selector(
            settings or Settings(),
            self.make,
            embedded_missing=lambda: self.missing,
            first_steps=FirstSteps(
                url or USUAL_URL, "backend.url" if url else None, start=lambda: start, memory=lambda: 8 * 1024**3
            ),
            notify=self.notices.append,
            clock=self.clock,
        )

    def make(self, name: str) -> Server:
        if name not in self.servers:
            raise ConfigError(f"there is no backend called {name!r}")
        return self.servers[name]

    async def chosen(self, role: Role = "completion") -> tuple[str, str, int]:
        target = await self.selector.target(role)
        return target.backend.name, target.model, target.context_length


def down(name: str) -> Server:
    server = Server(name)
    server.down = BackendUnavailable(f"nothing answers as {name}")
    return server


def named(backend: str = "auto", model: str = "") -> Settings:
    return Settings(backend=BackendSettings(name=backend, model=model))


NOT_PULLED = ModelError("the model qwen2.5-coder-0.5b is not here", hint=PULL_HINT)


async def test_auto_takes_an_ollama_that_has_a_code_model() -> None:
    assert await World(Server("ollama", LLAMA, QWEN), Server("embedded", EMBEDDED)).chosen() == (
        "ollama",
        QWEN.name,
        8192,
    )


async def test_auto_takes_a_model_of_any_name_that_ollama_lists_as_inserting() -> None:
    world = World(Server("ollama", LLAMA, ModelInfo("my-own:3b", 8192, inserts=True)), Server("embedded", EMBEDDED))
    assert await world.chosen() == ("ollama", "my-own:3b", 8192)


@pytest.mark.parametrize(
    "ollama",
    [
        down("ollama"),
        Server("ollama"),
        Server("ollama", LLAMA),
        Server("ollama", replace(QWEN, remote_host="ollama.com")),
        Server("ollama", ModelInfo("nomic-embed-code")),
    ],
    ids=["down", "empty", "no code model", "remote", "embedding model"],
)
async def test_auto_takes_the_embedded_engine_where_ollama_has_nothing_for_code(ollama: Server) -> None:
    settings = Settings(engine=EngineSettings(context_length=2048))
    assert await World(ollama, Server("embedded", EMBEDDED), settings=settings).chosen() == (
        "embedded",
        EMBEDDED.name,
        2048,
    )


async def test_auto_with_nothing_is_one_error_with_the_command_that_helps() -> None:
    world = World(Server("ollama", LLAMA), Server("embedded"), missing=NOT_PULLED)
    with pytest.raises(BackendUnavailable) as caught:
        await world.chosen()
    assert caught.value.message == (
        "no model is ready: the model qwen2.5-coder-0.5b is not here; ollama has no code model; it has llama3.2:3b"
    )
    assert caught.value.hint == "run `ollama pull qwen2.5-coder:1.5b`"
    assert world.servers["embedded"].asked == [], "an engine without a model is not started"


@pytest.mark.parametrize(
    ("ollama", "start", "model", "hint"),
    [
        (down("ollama"), None, "", PULL_HINT),
        (down("ollama"), "ollama serve", "", "run `ollama serve`"),
        (down("ollama"), "systemctl start ollama", "", "run `systemctl start ollama`"),
        (Server("ollama"), "ollama serve", "", "run `ollama pull qwen2.5-coder:1.5b`"),
        (Server("ollama", LLAMA), "ollama serve", "other:7b", "run `ollama pull other:7b`"),
        (Server("ollama", LLAMA), "ollama serve", EMBEDDED.name, PULL_HINT),
    ],
)
async def test_auto_with_nothing_tells_the_shortest_way(
    ollama: Server, start: str | None, model: str, hint: str
) -> None:
    world = World(ollama, Server("embedded"), missing=NOT_PULLED, start=start, settings=named("auto", model))
    for ask in (world.selector.target, world.selector.loadable):
        with pytest.raises(BackendUnavailable, match="no model is ready") as caught:
            await ask("completion")
        assert caught.value.hint == hint
    assert world.servers["embedded"].asked == []


async def test_an_ollama_that_has_gone_is_told_as_the_next_request_tells_it() -> None:
    world = World(Server("ollama", QWEN), settings=named("ollama"), start="ollama serve")
    target = await world.selector.target("completion")
    told = world.selector.failed(target, BackendUnavailable("cannot be reached"))
    assert (told.message, told.hint) == ("Ollama is installed but does not run", "run `ollama serve`")
    world.servers["ollama"].down = BackendUnavailable("cannot be reached")
    with pytest.raises(BackendUnavailable) as caught:
        await world.chosen()
    assert (caught.value.message, caught.value.hint) == (told.message, told.hint)
    busy = PromptTooLong("x", status=400)
    assert world.selector.failed(target, busy) is busy


@pytest.mark.parametrize("backend", ["auto", "ollama"])
async def test_a_model_of_ollama_can_be_loaded_ahead(backend: str) -> None:
    world = World(Server("ollama", QWEN), Server("embedded", EMBEDDED), settings=named(backend))
    target = await world.selector.loadable("completion")
    assert target is await world.selector.target("completion")
    assert await world.selector.loadable("completion") is target
    assert world.servers["ollama"].asked == ["models"], "a choice is one for both"


@pytest.mark.parametrize("ollama", [down("ollama"), Server("ollama", LLAMA)])
async def test_no_embedded_engine_is_started_ahead(ollama: Server) -> None:
    world = World(ollama, Server("embedded", EMBEDDED))
    assert await world.selector.loadable("completion") is None
    assert world.servers["embedded"].asked == []
    assert (await world.chosen())[0] == "embedded"
    assert await world.selector.loadable("completion") is None
    world = World(ollama, Server("openai", QWEN), settings=named("openai"))
    assert await world.selector.loadable("completion") is None
    assert world.servers["openai"].asked == []


@pytest.mark.parametrize(
    ("settings", "then"),
    [
        (named("ollama"), ""),
        (named("ollama", LLAMA.name), " and name that model in backend.model"),
        (
            replace(named("ollama"), completion=CompletionSettings(model=LLAMA.name)),
            " and name that model in completion.model",
        ),
    ],
)
async def test_a_model_of_ollama_that_cannot_fill_in_is_a_notice_once(settings: Settings, then: str) -> None:
    world = World(Server("ollama", LLAMA, evidence=FimEvidence(frozenset())), settings=settings)
    target = await world.selector.target("completion")
    for _ in range(2):
        assert (await world.selector.fim(target)).mode == "chat"
    (notice,) = world.notices
    assert notice.kind == "advice"
    assert notice.message.startswith("llama3.2:3b cannot fill in")
    assert notice.hint == f"run `ollama pull qwen2.5-coder:1.5b`{then}"


async def test_auto_goes_on_where_the_address_of_ollama_is_not_allowed() -> None:
    refused = Server("ollama")
    refused.down = EgressRefused("10.0.0.1 is not this machine")
    assert (await World(refused, Server("embedded", EMBEDDED)).chosen())[0] == "embedded"


async def test_a_named_backend_is_used_or_fails_with_its_own_message() -> None:
    world = World(down("ollama"), Server("embedded", EMBEDDED), settings=named("ollama"))
    with pytest.raises(BackendUnavailable, match=r"^Ollama is not installed .* nothing answers at 127\.0\.0\.1:11434"):
        await world.chosen()
    with pytest.raises(BackendUnavailable, match="nothing answers as openai"):
        await World(down("openai"), settings=named("openai")).chosen()
    with pytest.raises(ConfigError, match="no backend called"):
        await World(settings=named("unheard-of")).chosen()
    with pytest.raises(ModelError, match="is not here"):
        await World(Server("embedded", EMBEDDED), settings=named("embedded"), missing=NOT_PULLED).chosen()


async def test_a_named_server_may_answer_with_a_model_that_is_not_for_code() -> None:
    assert (await World(Server("openai", LLAMA), settings=named("openai")).chosen())[1] == LLAMA.name


async def test_a_model_that_the_server_has_not_is_missing_with_what_it_has() -> None:
    with pytest.raises(ModelMissing, match=r"does not have the model x; it has llama3.2:3b, qwen") as caught:
        await World(Server("ollama", QWEN, LLAMA), settings=named("ollama", "x")).chosen()
    assert caught.value.hint == "run `ollama pull x`"
    with pytest.raises(ModelMissing) as caught:
        await World(Server("ollama", QWEN), settings=named("ollama", "x"), url="http://127.0.0.1:9").chosen()
    assert caught.value.hint == "run `assist model pull x --backend ollama --url http://127.0.0.1:9`"
    for nonsense in ("x; reboot", "x:1b-cloud"):
        with pytest.raises(ModelMissing) as caught:
            await World(Server("ollama", QWEN), settings=named("ollama", nonsense)).chosen()
        assert caught.value.hint == "name one that it has, or leave backend.model empty"
    with pytest.raises(ModelMissing, match="it has none"):
        await World(Server("ollama"), settings=named("ollama")).chosen()


async def test_a_model_is_found_without_its_latest_tag_and_a_server_without_a_list_is_believed() -> None:
    latest = ModelInfo("codellama:latest", 4096)
    assert (await World(Server("ollama", latest), settings=named("ollama", "codellama")).chosen())[1] == latest.name
    assert await World(Server("openai"), settings=named("openai", "mine")).chosen() == ("openai", "mine", 4096)


async def test_auto_looks_for_a_named_model_on_both_servers() -> None:
    world = World(Server("ollama", LLAMA), Server("embedded", EMBEDDED), settings=named("auto", LLAMA.name))
    assert (await world.chosen())[:2] == ("ollama", LLAMA.name)
    world = World(Server("ollama", LLAMA), Server("embedded", EMBEDDED), settings=named("auto", EMBEDDED.name))
    assert (await world.chosen())[:2] == ("embedded", EMBEDDED.name)


async def test_a_remote_model_is_refused_unless_the_owner_allows_it() -> None:
    remote = replace(QWEN, name="qwen3-coder:480b-cloud", remote_host="ollama.com")
    with pytest.raises(EgressRefused, match=r"passes the prompt on to ollama\.com"):
        await World(Server("ollama", remote), settings=named("ollama", remote.name)).chosen()
    for hosts, allowed in (((), False), (("ollama.com",), True)):
        privacy = PrivacySettings(allow_remote_models=True, allow_hosts=hosts)
        world = World(Server("ollama", remote), settings=replace(named("ollama", remote.name), privacy=privacy))
        if allowed:
            assert (await world.chosen())[1] == remote.name
            continue
        with pytest.raises(EgressRefused) as caught:
            await world.chosen()
        assert "privacy.allowHosts" in (caught.value.hint or "")


async def test_a_model_that_went_while_it_was_used_is_brought_back_by_one_command() -> None:
    world = World(Server("ollama", QWEN), settings=named("ollama"), url="http://127.0.0.1:9")
    target = await world.selector.target("completion")
    error = world.selector.failed(target, ModelMissing("gone", status=404, hint="look"))
    assert isinstance(error, ModelMissing)
    assert (error.message, error.status) == ("gone", 404)
    assert error.hint == f"run `assist model pull {QWEN.name} --backend ollama --url http://127.0.0.1:9`"


async def test_each_role_may_have_a_model_of_its_own() -> None:
    settings = Settings(completion=CompletionSettings(model=QWEN.name), chat=ChatSettings(model=LLAMA.name))
    world = World(Server("ollama", QWEN, LLAMA), settings=settings)
    assert [(await world.chosen(role))[1] for role in ("completion", "chat", "review")] == [
        QWEN.name,
        LLAMA.name,
        QWEN.name,
    ]


async def test_use_overrides_one_role_for_the_session() -> None:
    world = World(Server("ollama", QWEN, LLAMA), Server("embedded", EMBEDDED), settings=named("auto", QWEN.name))
    world.selector.use("chat", model=LLAMA.name)
    assert (await world.chosen("chat"))[1] == LLAMA.name
    assert (await world.chosen("completion"))[1] == QWEN.name
    world.selector.use("completion", backend="embedded")
    assert (await world.chosen("completion"))[0] == "embedded"
    world.selector.use("completion")
    assert (await world.chosen("completion"))[0] == "ollama"


@pytest.mark.parametrize(
    ("names", "role", "best"),
    [
        (["qwen2.5-coder:7b", "qwen2.5-coder:1.5b", "qwen2.5-coder:0.5b"], "completion", "qwen2.5-coder:1.5b"),
        (["qwen2.5-coder:0.5b", "smollm-coder:135m"], "completion", "qwen2.5-coder:0.5b"),
        (["opencoder:1.5b", "qwen2.5-coder:7b"], "completion", "qwen2.5-coder:7b"),
        (["starcoder2:3b", "qwen2.5-coder:7b"], "chat", "qwen2.5-coder:7b"),
        (["qwen2.5-coder:1.5b-base", "qwen2.5-coder:3b"], "review", "qwen2.5-coder:3b"),
        (["llama3.2:1b", "qwen2.5-coder:0.5b"], "chat", "qwen2.5-coder:0.5b"),
        (["nomic-embed-text:137m", "llama3.2:3b"], "completion", "llama3.2:3b"),
        (["codeqwen:7b-q4_0", "codegemma:7b"], "completion", "codegemma:7b"),
    ],
)
def test_the_best_model(names: list[str], role: Role, best: str) -> None:
    infos = [ModelInfo(name) for name in names]
    assert best_model(infos, role, server="ollama").name == best
    assert best_model(infos[::-1], role, server="ollama").name == best


def test_size_is_known_from_the_server_the_name_or_the_file() -> None:
    infos = [
        ModelInfo("a-coder", parameters="494.03M"),
        ModelInfo("b-coder", parameters="8x7B"),
        ModelInfo("c-coder", size_bytes=1_000_000_000),
        ModelInfo("d-coder-4bit"),
        ModelInfo("e-coder-3B-Instruct.gguf"),
    ]
    assert best_model(infos, "chat", server="openai").name == "c-coder"
    assert best_model(infos[:2], "chat", server="openai").name == "b-coder"
    assert best_model(infos[3:], "chat", server="openai").name == "e-coder-3B-Instruct.gguf"


async def test_a_choice_is_made_once_even_for_ten_at_once() -> None:
    world = World(Server("ollama", QWEN))
    await asyncio.gather(*(world.chosen() for _ in range(10)))
    world.clock.now += 10_000
    await world.chosen()
    assert world.servers["ollama"].asked == ["models"]


async def test_a_failure_is_kept_for_two_seconds_then_looked_at_again() -> None:
    world = World(down("ollama"), settings=named("ollama"))
    for _ in range(5):
        with pytest.raises(BackendUnavailable):
            await world.chosen()
    assert world.servers["ollama"].asked == ["models"]
    world.servers["ollama"].down, world.servers["ollama"].listed = None, (QWEN,)
    world.clock.now += 2.1
    assert (await world.chosen())[1] == QWEN.name


async def test_a_server_that_fails_is_looked_for_again_and_found_when_it_is_back() -> None:
    world = World(Server("ollama", QWEN), Server("embedded", EMBEDDED))
    ollama = world.servers["ollama"]
    target = await world.selector.target("completion")
    world.selector.failed(target, PromptTooLong("x", status=400))
    assert ollama.asked == ["models"], "a request that was wrong says nothing of the server"
    await world.chosen()
    assert ollama.asked == ["models"]
    ollama.down = BackendTimeout("too late")
    world.selector.failed(target, ollama.down)
    assert (await world.chosen())[0] == "embedded"
    ollama.down = None
    assert (await world.chosen())[0] == "embedded", "a second choice holds for a minute"
    world.clock.now += 61
    assert (await world.chosen())[0] == "ollama"


async def test_closing_closes_the_backends() -> None:
    world = World(down("ollama"), Server("embedded", EMBEDDED))
    await world.chosen()
    await world.selector.aclose()
    assert all(server.closed for server in world.servers.values())


TEMPLATE = "{{ if .Suffix }}<|fim_prefix|>{{ .Prompt }}<|fim_suffix|>{{ .Suffix }}<|fim_middle|>{{ else }}x{{ end }}"
VOCABULARY = frozenset({"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"})
STAR_SPM = "{{ if .Suffix }}<fim_suffix>{{ .Suffix }}<fim_prefix>{{ .Prompt }}<fim_middle>{{ end }}"
STAR = frozenset({"<fim_prefix>", "<fim_suffix>", "<fim_middle>"})


@pytest.mark.parametrize(
    ("evidence", "model", "mode", "form", "why"),
    [
        (FimEvidence(VOCABULARY), "mine", "tokens", "qwen-coder", "its vocabulary has <|fim_middle|>"),
        (FimEvidence(STAR), "qwen2.5-coder", "tokens", "codeqwen", "its vocabulary has <fim_middle>"),
        (FimEvidence(VOCABULARY, "{{ .Prompt }}", inserts=True), "mine", "tokens", "qwen-coder", "its vocabulary"),
        (FimEvidence(STAR, STAR_SPM, inserts=True), "mine", "tokens", "mellum", "template for it is that of mellum"),
        (FimEvidence(STAR, STAR_SPM), "starcoder2:3b", "tokens", "starcoder2", "its vocabulary has"),
        (FimEvidence(VOCABULARY, STAR_SPM), "mine", "tokens", "qwen-coder", "its vocabulary has <|fim_middle|>"),
        (FimEvidence(VOCABULARY - {"<|fim_middle|>"}, inserts=True), "mine", "suffix", None, "the server inserts"),
        (FimEvidence(VOCABULARY - {"<|fim_suffix|>"}), "qwen2.5-coder", "chat", None, "no control tokens"),
        (FimEvidence(template=TEMPLATE, inserts=True), "mine", "tokens", "qwen-coder", "the server's template"),
        (FimEvidence(template="{{ .Prompt }}", inserts=True), "mine", "suffix", None, "the server inserts"),
        (FimEvidence(inserts=True), "qwen2.5-coder", "suffix", None, "the server inserts"),
        (FimEvidence(frozenset()), "qwen2.5-coder", "chat", None, "no control tokens"),
        (FimEvidence(inserts=False), "qwen2.5-coder", "tokens", "qwen-coder", "its name is like qwen-coder"),
        (FimEvidence(), "llama3.2", "chat", None, "nothing tells"),
    ],
)
def test_filling_in_is_chosen_by_evidence(
    evidence: FimEvidence, model: str, mode: str, form: str | None, why: str
) -> None:
    choice = choose_fim(evidence, model)
    assert (choice.mode, choice.format and choice.format.id) == (mode, form)
    assert why in choice.why


async def test_evidence_is_collected_once_for_each_model_and_again_after_a_failure() -> None:
    world = World(Server("ollama", QWEN, evidence=FimEvidence(VOCABULARY)))
    target = await world.selector.target("completion")
    first = await world.selector.fim(target)
    assert await world.selector.fim(target) is first
    assert first.format is by_name("qwen2.5-coder")
    assert world.servers["ollama"].asked == ["models", "evidence"]
    world.selector.failed(target, BackendUnavailable("gone"))
    await world.selector.fim(await world.selector.target("completion"))
    assert world.servers["ollama"].asked == ["models", "evidence"] * 2


async def test_the_users_own_template_goes_before_all_evidence() -> None:
    settings = Settings(completion=CompletionSettings(fim_template="<P>{prefix}<S>{suffix}<M>"))
    world = World(Server("ollama", QWEN, evidence=FimEvidence(VOCABULARY)), settings=settings)
    choice = await world.selector.fim(await world.selector.target("completion"))
    assert choice.format is not None
    assert choice.format.render("a", "b").as_string() == "<P>a<S>b<M>"
    assert "completion.fimTemplate" in choice.why
    assert "evidence" not in world.servers["ollama"].asked


async def test_a_template_of_the_user_without_its_fields_is_a_configuration_error() -> None:
    world = World(Server("ollama", QWEN), settings=Settings(completion=CompletionSettings(fim_template="{prefix}")))
    with pytest.raises(ConfigError, match=r"completion.fimTemplate: .* has no \{suffix\}"):
        await world.selector.fim(await world.selector.target("completion"))
