"""Ollama's native API, as far as it answers questions; `ollama_models` manages models.

All calls are our own: the `ollama` package leaves out `remote_host`, which decides about privacy, and its `generate`
and `chat` have no `truncate` and `shift`, without which a long prompt is cut without a word.
"""

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from assist_context.prompt.segments import Prompt
from assist_context.prompt.tokens import estimate
from assist_server.backends.base import ChatRequest, Delta, Event, FillRequest, FimEvidence, Health, ModelInfo
from assist_server.backends.completion_stream import chat_messages
from assist_server.backends.connection import Connection, both
from assist_server.backends.control_text import defuse_chat, defuse_fill, fill_stops
from assist_server.backends.lane import Lane
from assist_server.backends.ollama_answers import (
    ShownModel,
    Vocabulary,
    done_of,
    milliseconds,
    shown_model,
    text_of,
)
from assist_server.backends.ollama_questions import in_memory, listed, show, vocabulary
from assist_server.backends.ollama_remote import CLOUD, check_remote, told_host
from assist_server.backends.ollama_residence import CONTEXT, ModelOptions, Residence
from assist_server.backends.ollama_url import USUAL_URL
from assist_server.backends.registry import BackendConfig
from assist_server.backends.rejection import stream_failure
from assist_server.backends.stops import apply_stops
from assist_server.core.errors import AssistError, AuthFailed, EgressRefused
from assist_server.core.notices import Notice
from assist_server.core.ollama_name import names_cloud
from assist_server.net.streams import ndjson
from assist_server.privacy.egress import leads_here

_NOT_KEPT = re.compile(r"(?:0+(?:\.0*)?(?:ns|us|µs|ms|s|m|h)?)+")
_WAITING = Notice("waiting", "Ollama answers another request first")


@dataclass(frozen=True, slots=True)
class _Looked:
    """A model as it is just before a prompt goes to it."""

    shown: ShownModel
    options: ModelOptions


class OllamaBackend:
    """Ask an Ollama server."""

    name = "ollama"

    def __init__(self, config: BackendConfig) -> None:
        self._config = config
        self._connection = Connection("Ollama", config, usual_url=USUAL_URL)
        self._keeps = not _NOT_KEPT.fullmatch(config.keep_alive.strip())
        self._residence = Residence(
            config.ollama,
            here=leads_here(config.url or USUAL_URL),
            notify=config.notify,
            in_memory=lambda: in_memory(self._connection),
            load=self._load,
        )
        self._lanes: dict[str, Lane] = {}
        self._runners: dict[str, str] = {}  # the file behind a name, as it was last
        self._vocabularies: dict[tuple[str, str], Vocabulary] = {}

    async def fill(self, request: FillRequest) -> AsyncGenerator[Event, None]:
        """Stream the text for the cursor; what looks like a control token is parted by an invisible character."""
        async with self._turn(request.model, urgent=True) as looked:
            known = await self._vocabulary(looked.shown)
            defused = defuse_fill(request, known.controls, looked.shown.template)
            body = self._body(request, looked)
            if defused.suffix is None:
                body |= {"prompt": defused.prompt, "raw": True}
                body["options"]["stop"] = list(request.stop)
            else:
                # an empty prompt counts as a load, an empty suffix as absent, and then the chat template is taken
                body |= {"prompt": defused.prompt or "\n", "suffix": defused.suffix or "\n"}
            answer = self._answer("/api/generate", body, looked.shown)
            tokens = estimate(defused.prompt + (defused.suffix or ""))
            async with aclosing(defused.clean(apply_stops(answer, fill_stops(request), tokens))) as events:
                async for event in events:
                    yield event

    async def chat(self, request: ChatRequest) -> AsyncGenerator[Event, None]:
        """Stream an answer; what looks like a control token in a message is parted by an invisible character."""
        async with self._turn(request.model, urgent=False) as looked:
            known = await self._vocabulary(looked.shown)
            defused = defuse_chat(request.messages, known.controls)
            body = self._body(request, looked)
            body["messages"] = chat_messages(defused.messages)
            if request.schema is not None:
                body["format"] = dict(request.schema)
            answer = self._answer("/api/chat", body, looked.shown)
            tokens = estimate("".join(message.content for message in defused.messages))
            stopped = apply_stops(answer, request.stop, tokens)
            async with aclosing(defused.clean(stopped, in_json=request.schema is not None)) as events:
                async for event in events:
                    yield event

    async def preload(self, model: str) -> None:
        """Have a model in memory before it is needed, with the options of all later requests."""
        await self._looked_up(model)

    async def models(self) -> tuple[ModelInfo, ...]:
        """List the models; those that another machine runs carry its name."""
        infos, loaded = await listed(self._connection)
        length = self._residence.context_length
        return tuple(replace(i, context_length=length(i.name, i.context_length, loaded)) for i in infos)

    async def health(self) -> Health:
        """Ask for the version."""
        try:
            answer = await self._connection.json("GET", "/api/version")
        except AssistError as error:
            return Health(ok=False, message=error.message, hint=error.hint or "start it with `ollama serve`")
        # Open WebUI answers here too, with a deployment_id
        if not isinstance(answer, dict) or "version" not in answer or "deployment_id" in answer:
            return Health(ok=False, message=f"{self._connection.server} is not an Ollama", hint="look at `backend.url`")
        return Health(ok=True, message=f"{self._connection.server} answers", version=str(answer["version"]))

    async def count_tokens(self, prompt: Prompt, model: str) -> int | None:  # noqa: ARG002 - the protocol's signature
        """Give None: Ollama counts only while it answers."""
        return None

    async def fim_evidence(self, model: str, candidates: Sequence[str]) -> FimEvidence:
        """Give the vocabulary's control tokens, the template, and whether it takes a suffix."""
        shown = await self._shown_model(model)
        known = (await self._vocabulary(shown)).known
        return FimEvidence(
            control_tokens=None if known is None else known & frozenset(candidates),
            template=shown.template or None,
            inserts="insert" in shown.capabilities,
        )

    async def aclose(self) -> None:
        """Break off a load and close the connections."""
        await self._residence.aclose()
        await self._connection.aclose()

    async def _shown_model(self, model: str) -> ShownModel:
        """Ask what a model is; raises EgressRefused for one that another machine runs and may not."""
        if names_cloud(model):
            check_remote(self._config, model, CLOUD)  # before Ollama is asked, which would ask its cloud
        try:
            shown = shown_model(model, await show(self._connection, model, missing_hint=_pull_hint(model)))
        except AuthFailed as error:
            if "cloud is disabled" not in error.message:
                raise
            # an Ollama that may not use its cloud says no more of a model that would be run there
            raise EgressRefused(
                f"the model {model!r} does not run on this machine, and this Ollama passes no prompt on",
                hint="take a local model: `ollama list` shows them",
            ) from None
        if shown.remote_host is not None:
            check_remote(self._config, model, shown.remote_host)
        return shown

    @asynccontextmanager
    async def _turn(self, model: str, *, urgent: bool) -> AsyncGenerator[_Looked, None]:
        """Wait until Ollama is free for a request, then look what the model is now: minutes can have gone."""
        runner = self._runners.get(model) or (await self._shown_model(model)).runner
        lane = self._lanes.setdefault(runner, Lane(self._config.ollama.parallel))
        async with lane.turn(urgent=urgent, waits=lambda: self._config.notify(_WAITING)):
            looked = await self._looked_up(model)
            self._runners[model] = looked.shown.runner
            yield looked

    async def _looked_up(self, model: str) -> _Looked:
        """Ask anew before each prompt what the model is, for its name can come to mean another; and bring it in."""
        shown, loaded = await both(self._shown_model(model), in_memory(self._connection))
        if shown.remote_host is not None:
            return _Looked(shown, ModelOptions(CONTEXT))  # nothing of it is in this machine's memory
        if not self._keeps:
            return _Looked(shown, self._residence.options(shown, loaded))  # to load it ahead would be to unload it
        return _Looked(shown, await self._residence.move_in(shown, loaded))

    async def _vocabulary(self, shown: ShownModel) -> Vocabulary:
        """Ask for the vocabulary, an answer of 4 MB and a tenth of a second, once for each model."""
        key = (shown.name, shown.version)
        if shown.remote_host is not None:
            return Vocabulary(None, None)
        if key not in self._vocabularies:
            self._vocabularies[key] = await vocabulary(
                self._connection, shown.name, missing_hint=_pull_hint(shown.name)
            )
        return self._vocabularies[key]

    async def _load(self, model: str, options: Mapping[str, Any]) -> None:
        body = {**self._common(model), "options": dict(options)}
        async with (
            self._connection.stream("/api/generate", body, model=model, missing_hint=_pull_hint(model)) as response,
            aclosing(ndjson(response)) as lines,
        ):
            async for line in lines:
                if "error" in line:
                    raise stream_failure(self._connection.asked(model), line)
                if line.get("done"):
                    return
        raise self._connection.cut_short()

    def _record(self, host: str) -> None:
        if self._config.audit is not None:
            self._config.audit.record(host=host, purpose="prompt passed on by Ollama")

    def _common(self, model: str) -> dict[str, Any]:
        """Make what all requests share, those that only load too: `shift` is one of the reasons to load anew."""
        return {
            "model": model,
            "stream": True,
            "truncate": False,
            "shift": False,
            "keep_alive": _keep_alive(self._config.keep_alive),
        }

    def _body(self, request: FillRequest | ChatRequest, looked: _Looked) -> dict[str, Any]:
        return {
            **self._common(request.model),
            "think": False,
            "options": {
                **looked.options.as_json(),
                "num_predict": max(1, request.max_tokens),  # 0 would mean no limit
                "temperature": request.temperature,
                "seed": request.seed,
                "repeat_penalty": 1.0,  # and no `stop`, which would take the place of the model's own
            },
        }

    async def _answer(self, path: str, body: Mapping[str, Any], shown: ShownModel) -> AsyncGenerator[Event, None]:
        """Stream an answer; the model's host is the only one beside this machine that may give it."""
        remote = shown.remote_host
        if remote is not None:
            self._record(remote)
        last: Mapping[str, Any] | None = None
        async with (
            self._connection.stream(path, body, model=shown.name, missing_hint=_pull_hint(shown.name)) as response,
            aclosing(ndjson(response)) as lines,
        ):
            async for line in lines:
                if "error" in line:
                    raise stream_failure(self._connection.asked(shown.name), line)
                if (host := told_host(line, unnamed=remote or CLOUD)) not in (None, remote):
                    self._record(host)  # the prompt has gone there already
                    check_remote(self._config, shown.name, host)
                    remote = host
                if text := text_of(line):
                    yield Delta(text)
                if line.get("done"):
                    last = line  # and read on to the end, after which the connection can be used again
        if last is not None:
            if remote is None and self._keeps:
                self._residence.answered(shown.name, milliseconds(last, "load_duration"))
            yield done_of(last)
            return
        # Ollama says no more than this where a model repeats one token for ever
        raise self._connection.cut_short()


def _keep_alive(value: str) -> str | int:
    """Give a bare number as a number of seconds; Ollama takes text only with a unit."""
    try:
        return int(value)
    except ValueError:
        return value


def _pull_hint(model: str) -> str:
    return f"run `ollama pull {model}`"
