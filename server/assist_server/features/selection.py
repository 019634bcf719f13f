"""Which model on which server answers, and how it fills in.

With `backend.name` on `auto`: a reachable Ollama that has a code model, else the embedded engine if its model is here,
else one error with the command that helps (`first_steps`). A server that the user named is used, or fails with its
own message.

Without a model named, the server's best one is taken, of those that run on this machine and are no embedding models:
code models first (a known FIM family, "code" in the name, or listed as one that inserts); for completions those that
can fill in, for answers in words those that are no bare base models; then the smallest of at least one billion
parameters, else the largest; then by name. Small, because a suggestion that comes late is worth nothing; not smaller,
because a poor one is worth little.
The same server gives the same choice every time.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from assist_context.prompt.fim import ALL_CONTROL_TOKENS, by_name
from assist_server.backends.base import Backend, ModelInfo
from assist_server.backends.ollama_remote import check_remote
from assist_server.backends.registry import BackendConfig
from assist_server.config.settings import Settings
from assist_server.core.clock import Clock, SystemClock
from assist_server.core.errors import (
    AssistError,
    AuthFailed,
    BackendError,
    BackendTimeout,
    BackendUnavailable,
    BadResponse,
    ConfigError,
    EngineError,
    ModelError,
    ModelMissing,
    UsageError,
)
from assist_server.core.notices import Notify, unheard
from assist_server.core.ollama_name import parse_ollama_name
from assist_server.features.fim import FimChoice, choose_fim, users_choice
from assist_server.features.first_steps import FirstSteps
from assist_server.privacy.egress import policy_from

_log = logging.getLogger(__name__)

Role = Literal["completion", "chat", "review"]

UNKNOWN_CONTEXT_LENGTH = 4096
PULL_HINT = "run `assist model pull qwen2.5-coder-0.5b`"

_OLLAMA, _EMBEDDED = "ollama", "embedded"
# Long enough that typing does not probe a server that is down, short enough that nobody waits for one that is back.
_FAILURE_SECONDS = 2.0
# A second choice (no Ollama was there) is looked at again from time to time, should the first have come up.
_FALLBACK_SECONDS = 60.0
_GONE = (BackendUnavailable, BackendTimeout, BadResponse, ModelMissing, AuthFailed, EngineError, ModelError)
_EMBEDDING = re.compile(r"embed|rerank|minilm|\bbge\b|\bgte\b|whisper", re.IGNORECASE)
_CODE = re.compile(r"code|coder|starcoder|codestral|mellum", re.IGNORECASE)
_BASE = re.compile(r"\bbase\b|starcoder|stable-code|mellum|codegemma:2b|codellama.*-code", re.IGNORECASE)
_PARAMETERS = re.compile(r"(?:(?P<experts>\d+)x)?(?P<count>\d+(?:\.\d+)?)\s*(?P<unit>[MBT])\b", re.IGNORECASE)
_UNITS = {"M": 1e6, "B": 1e9, "T": 1e12}
_QUANTIZED_BYTES = 0.6  # a parameter at four bits, tables and all


@dataclass(frozen=True, slots=True)
class Target:
    """A model that answers for a role.

    context_length: in tokens, as the server runs it. digest: None where not told. parameters: how many it has, 0 where
    nothing tells.
    """

    backend: Backend
    model: str
    context_length: int
    digest: str | None = None
    parameters: float = 0.0


@dataclass(frozen=True, slots=True)
class _Wish:
    role: Role
    backend: str
    model: str


@dataclass(frozen=True, slots=True)
class _Choice:
    """A target or the error instead of one, and until when it holds (seconds of the clock, None: until it fails)."""

    result: Target | AssistError
    until: float | None


class Selector:
    """Choose a target for each role and keep it until it fails.

    make: gives the backend of a name.
    embedded_missing: what keeps the embedded engine from starting, None where nothing does.
    first_steps: what helps with the user's Ollama.
    notify: hears of a model that cannot fill in.
    """

    def __init__(
        self,
        settings: Settings,
        make: Callable[[str], Backend],
        *,
        embedded_missing: Callable[[], ModelError | None],
        first_steps: FirstSteps | None = None,
        notify: Notify = unheard,
        clock: Clock | None = None,
    ) -> None:
        self.first_steps = first_steps or FirstSteps()
        self._settings = settings
        self._make = make
        self._embedded_missing = embedded_missing
        self._notify = notify
        self._clock = clock or SystemClock()
        self._backends: dict[str, Backend] = {}
        self._choices: dict[_Wish, _Choice] = {}
        self._fim: dict[tuple[str, str], FimChoice] = {}
        self._overrides: dict[Role, tuple[str | None, str | None]] = {}
        self._lock = asyncio.Lock()

    def use(self, role: Role, *, backend: str | None = None, model: str | None = None) -> None:
        """Take another backend or model for a role in this session; neither: what the settings say again.

        A backend without a model means its best one.
        """
        self._overrides[role] = (backend, model)
        self._choices.clear()

    async def target(self, role: Role) -> Target:
        """Give the model for a role; raise what keeps it from answering.

        A choice is made once and kept; a failure is kept for two seconds, so that typing does not probe.
        """
        wish = self._wish(role)
        async with self._lock:
            known = self._choices.get(wish)
            if known is None or (known.until is not None and self._clock.monotonic() >= known.until):
                known = self._choices[wish] = await self._choose(wish)
        if isinstance(known.result, AssistError):
            raise known.result.with_traceback(None)
        return known.result

    async def loadable(self, role: Role) -> Target | None:
        """Give the target of a role where the first request would have to load its model, which is Ollama's way.

        None for every other server. Starts no embedded engine. Raises what keeps a request from being answered.
        """
        wish = self._wish(role)
        if wish.backend not in (_OLLAMA, "auto"):
            return None
        if wish.backend == "auto" and not await self._takes_ollama(wish):
            return None
        target = await self.target(role)
        return target if target.backend.name == _OLLAMA else None

    async def fim(self, target: Target) -> FimChoice:
        """Tell how a model fills in; decided once for each model."""
        if template := self._settings.completion.fim_template:
            return users_choice(template)
        key = (target.backend.name, target.model)
        if key not in self._fim:
            evidence = await target.backend.fim_evidence(target.model, sorted(ALL_CONTROL_TOKENS))
            self._fim[key] = choose_fim(evidence, target.model)
            _log.info("%s on %s fills in by %s: %s", target.model, key[0], self._fim[key].mode, self._fim[key].why)
            if self._fim[key].mode == "chat" and target.backend.name == _OLLAMA:
                self._notify(self.first_steps.asked_in_words(target.model, self.named_in()))
        return self._fim[key]

    def failed(self, target: Target, error: AssistError) -> AssistError:
        """Forget a choice whose server has gone, so that the next request looks again; give the error to raise.

        That is the one which the next request meets, if this can be known: a person must not be told twice.
        """
        if not isinstance(error, _GONE):
            return error
        self._choices = {wish: choice for wish, choice in self._choices.items() if choice.result != target}
        self._fim.pop((target.backend.name, target.model), None)
        if isinstance(error, ModelMissing) and (hint := self._missing_hint(target.backend, target.model)):
            return ModelMissing(error.message, status=error.status, hint=hint)
        only = target.backend.name == _OLLAMA and self._settings.backend.name == _OLLAMA
        return self.first_steps.unreachable() if only and isinstance(error, BackendUnavailable) else error

    def named_in(self) -> str | None:
        """Name the setting that says which model completes, None where it was chosen."""
        settings = self._settings
        if settings.completion.model:
            return "completion.model"
        return "backend.model" if settings.backend.model else None

    async def aclose(self) -> None:
        """Close every backend that was made."""
        backends, self._backends = self._backends, {}
        self._choices.clear()
        for backend in backends.values():
            await backend.aclose()

    def _wish(self, role: Role) -> _Wish:
        settings = self._settings
        backend, model = self._overrides.get(role, (None, None))
        if backend:
            return _Wish(role, backend, model or "")  # the settings' model is one of the settings' server
        own = {"completion": settings.completion.model, "chat": settings.chat.model, "review": settings.review.model}
        return _Wish(role, settings.backend.name, model or own[role] or settings.backend.model)

    async def _choose(self, wish: _Wish) -> _Choice:
        try:
            if wish.backend != "auto":
                return _Choice(await self._from_server(wish), None)
            return await self._first_ready(wish)
        except AssistError as error:
            _log.warning("no model for %s: %s", wish.role, error.message)
            return _Choice(error, self._clock.monotonic() + _FAILURE_SECONDS)

    async def _takes_ollama(self, wish: _Wish) -> bool:
        """Tell whether `auto` is, or can only become, a matter of Ollama; choose it where it is."""
        async with self._lock:
            known = self._choices.get(wish)
            if known is not None and isinstance(known.result, Target):
                return known.result.backend.name == _OLLAMA
            found = await self._attempt(replace(wish, backend=_OLLAMA))
            if isinstance(found, Target):
                self._choices[wish] = _Choice(found, None)
                return True
        return await asyncio.to_thread(self._embedded_missing) is not None

    async def _first_ready(self, wish: _Wish) -> _Choice:
        ollama = await self._attempt(replace(wish, backend=_OLLAMA))
        if isinstance(ollama, Target):
            return _Choice(ollama, None)
        embedded = await self._attempt(replace(wish, backend=_EMBEDDED))
        if isinstance(embedded, Target):
            return _Choice(embedded, self._clock.monotonic() + _FALLBACK_SECONDS)
        raise BackendUnavailable(
            f"no model is ready: {embedded.message}; {ollama.message}", hint=self._shortest_way(wish, ollama, embedded)
        )

    def _shortest_way(self, wish: _Wish, ollama: AssistError, embedded: AssistError) -> str | None:
        runs = isinstance(ollama, ModelMissing) and wish.model != self._settings.engine.model
        starts = isinstance(ollama, BackendUnavailable) and self.first_steps.can_start()
        return ollama.hint if runs or starts else embedded.hint or PULL_HINT

    async def _attempt(self, wish: _Wish) -> Target | AssistError:
        try:
            return await self._from_server(wish, code_only=wish.backend == _OLLAMA)
        except (BackendError, EngineError, ModelError, ConfigError) as error:
            return error

    async def _from_server(self, wish: _Wish, *, code_only: bool = False) -> Target:
        embedded = wish.backend == _EMBEDDED
        # It may have to read a gigabyte to know the file.
        if embedded and (problem := await asyncio.to_thread(self._embedded_missing)):
            raise problem
        backend = self._backend(wish.backend)
        infos = await self._models(backend)
        # The model that the settings name for the embedded engine is the one it runs, whatever its server calls it.
        if wish.model and not (embedded and wish.model == self._settings.engine.model):
            info = named_model(infos, wish.model, server=backend.name, hint=self._missing_hint(backend, wish.model))
            self._refuse_remote(info)
        else:
            hint = f"run `{self.first_steps.pull()}`" if backend.name == _OLLAMA else PULL_HINT
            info = best_model(infos, wish.role, server=backend.name, hint=hint, code_only=code_only)
        length = info.context_length or (self._settings.engine.context_length if embedded else UNKNOWN_CONTEXT_LENGTH)
        _log.info("%s: %s on %s, %d tokens of context", wish.role, info.name, backend.name, length)
        return Target(backend, info.name, length, info.digest, _parameters(info))

    async def _models(self, backend: Backend) -> tuple[ModelInfo, ...]:
        try:
            return await backend.models()
        except BackendUnavailable:
            if backend.name == _OLLAMA:
                raise self.first_steps.unreachable() from None
            raise

    def _backend(self, name: str) -> Backend:
        if name not in self._backends:
            self._backends[name] = self._make(name)
        return self._backends[name]

    def _missing_hint(self, backend: Backend, model: str) -> str | None:
        """Say what helps where a server has not the model that was asked for."""
        try:
            name = parse_ollama_name(model) if backend.name == _OLLAMA else None
        except UsageError:
            return None  # which no command could bring, and a shell might read otherwise
        return f"run `{self.first_steps.pull(model)}`" if name is not None and not name.is_cloud else None

    def _refuse_remote(self, info: ModelInfo) -> None:
        if info.remote_host is not None:
            privacy = self._settings.privacy
            config = BackendConfig(policy=policy_from(privacy), allow_remote_models=privacy.allow_remote_models)
            check_remote(config, info.name, info.remote_host)


def named_model(infos: Sequence[ModelInfo], name: str, *, server: str, hint: str | None = None) -> ModelInfo:
    """Find the model that was asked for; raise ModelMissing with what there is.

    A server that lists nothing is believed to have it. hint: what brings it, None where no command does.
    """
    if not infos:
        return ModelInfo(name)
    for info in infos:
        if info.name in (name, f"{name}:latest"):
            return info
    raise ModelMissing(
        f"{server} does not have the model {name}; it has {_listed(infos)}",
        status=404,
        hint=hint or "name one that it has, or leave backend.model empty",
    )


def best_model(
    infos: Sequence[ModelInfo], role: Role, *, server: str, hint: str = PULL_HINT, code_only: bool = False
) -> ModelInfo:
    """Take the best model for a role by the rule in the module's docstring; raise ModelMissing where there is none.

    hint: what helps then. code_only: leave models alone that are not made for code.
    """
    usable = [info for info in infos if info.remote_host is None and not _EMBEDDING.search(info.name)]
    code = [info for info in usable if by_name(info.name) or _CODE.search(info.name) or info.inserts]
    pool = code if code_only else code or usable
    if not pool:
        kind = "code model" if code_only else "model that runs on this machine"
        raise ModelMissing(f"{server} has no {kind}; it has {_listed(infos)}", status=404, hint=hint)
    return min(pool, key=lambda info: _rank(info, role))


def _rank(info: ModelInfo, role: Role) -> tuple[bool, bool, float, str]:
    unfit = not (by_name(info.name) or info.inserts) if role == "completion" else bool(_BASE.search(info.name))
    parameters = _parameters(info)
    small = parameters < 1e9
    return unfit, small, -parameters if small else parameters, info.name


def _parameters(info: ModelInfo) -> float:
    """Give the number of parameters, from what the server says, its name's tag or its size; 0 where nothing tells."""
    for text in (info.parameters or "", info.name.rpartition(":")[2]):
        if found := _PARAMETERS.search(text):
            return float(found["count"]) * _UNITS[found["unit"].upper()] * int(found["experts"] or 1)
    return (info.size_bytes or 0) / _QUANTIZED_BYTES


def _listed(infos: Sequence[ModelInfo]) -> str:
    names = sorted(info.name for info in infos)
    if not names:
        return "none"
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
