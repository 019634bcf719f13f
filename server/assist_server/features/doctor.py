"""What is there, what is missing and how to mend it: what `assist doctor` says."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass

from assist_server.backends.base import ModelInfo
from assist_server.backends.ollama_answers import LoadedModel
from assist_server.backends.ollama_models import OllamaModels
from assist_server.backends.probe import Found
from assist_server.config.resolve import Resolved
from assist_server.config.settings import Settings
from assist_server.core.errors import AssistError, ConfigError
from assist_server.core.folders import Folders
from assist_server.core.hardware import Machine, machine
from assist_server.engine.status import engine_statuses
from assist_server.features.fim import FimChoice
from assist_server.features.first_steps import HOST_VARIABLE, FirstSteps
from assist_server.features.installation import (
    Check,
    check_configuration,
    check_disk,
    check_engine,
    check_folders,
)
from assist_server.features.models import list_models
from assist_server.features.selection import Role, Selector, Target
from assist_server.features.servers import WELL_KNOWN_PORTS, find_servers
from assist_server.models.store import ModelStore
from assist_server.privacy.audit import AuditLog
from assist_server.privacy.egress import policy_from

_ROLES: tuple[tuple[Role, str], ...] = (("completion", "completions"), ("chat", "answers"), ("review", "reviews"))


@dataclass(frozen=True, slots=True)
class KnownModel:
    """A model of our own store (`server` is None, `state` tells what there is of it) or of the server in use."""

    name: str
    server: str | None
    state: str
    size: int | None
    context_length: int | None
    remote_host: str | None = None


@dataclass(frozen=True, slots=True)
class FimReport:
    """How the completion model fills in and what tells; format is the id of its row in the table, None without one."""

    model: str
    mode: str
    format: str | None
    why: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that was found; fim is None where no model answers."""

    checks: tuple[Check, ...]
    machine: Machine
    servers: tuple[Found, ...]
    models: tuple[KnownModel, ...]
    fim: FimReport | None

    @property
    def failed(self) -> bool:
        """Whether something needs mending before assist can work."""
        return any(check.state == "fail" for check in self.checks)


async def diagnose(
    *,
    resolved: Resolved,
    folders: Folders,
    environ: Mapping[str, str],
    selector: Selector,
    store: ModelStore,
    ollama: OllamaModels | None = None,
    ports: tuple[int, ...] = WELL_KNOWN_PORTS,
) -> Diagnosis:
    """Look at everything; starts the embedded engine where that is what would answer. Raises no AssistError.

    ollama: asked for what it has in memory, where it is what answers. ports: where servers are looked for on this
    machine if the settings name none.
    """
    settings = resolved.settings
    audit = AuditLog(folders.log / "audit.log")
    here, servers = await asyncio.gather(
        asyncio.to_thread(machine, folders.data), find_servers(settings, environ, audit=audit, ports=ports)
    )
    targets, chosen = await _targets(selector, resolved)
    others = {target.backend.name for target in targets.values()} - {"embedded"}
    needed = not others and not _ollama_is_nearer(selector.first_steps, chosen)
    installed = await asyncio.to_thread(_installation, resolved, folders, store, here, needed=needed)
    completion = targets.get("completion")
    fim, filling = await _fim(selector, completion) if completion else (None, [])
    served = await _served(targets)
    about_ollama = [
        *_ollama(selector.first_steps, settings, servers, targets),
        *[check async for check in _in_memory(ollama, targets)],
    ]
    checks = (*installed, *_servers(servers, settings), *about_ollama, *chosen, *filling, *_privacy(settings, served))
    models = await asyncio.to_thread(_models, store, served)
    return Diagnosis(checks, here, servers, models, fim)


def _installation(
    resolved: Resolved, folders: Folders, store: ModelStore, here: Machine, *, needed: bool
) -> list[Check]:
    settings = resolved.settings
    checks = [*check_configuration(resolved, folders), *check_folders(folders)]
    try:
        running = bool(engine_statuses(folders.cache))
        checks += check_disk(settings, folders, store, here)
        if settings.backend.name in ("auto", "embedded"):
            checks += check_engine(settings, store, here, running=running, needed=needed)
    except AssistError as error:
        checks.append(Check("engine", "fail", error.message, error.hint))
    return checks


def _servers(servers: tuple[Found, ...], settings: Settings) -> Iterator[Check]:
    for server in servers:
        what = f"{server.product}{f' {server.version}' if server.version else ''} answers at {server.url}"
        use = f"backend.name = {server.backend} with backend.url = {server.url}"
        named = settings.backend.name not in ("auto", server.backend)
        if server.backend is None:
            fix = "name the address of another server in backend.url" if named else None
            yield Check("server", "warn" if named else "ok", f"{what}, which assist does not speak to", fix)
        elif named:
            yield Check("server", "warn", f"{what}, but backend.name is {settings.backend.name}", f"set {use}")
        elif settings.backend.name == "auto" and server.backend != "ollama":
            yield Check("server", "ok", f"{what}; to use it set {use}")
        else:
            yield Check("server", "ok", what)
    if not servers and settings.backend.name == "auto":
        yield Check("server", "ok", "no other model server runs on the usual ports of this machine")


def _ollama(
    first_steps: FirstSteps, settings: Settings, servers: tuple[Found, ...], targets: Mapping[Role, Target]
) -> Iterator[Check]:
    """Say where Ollama is looked for, and what keeps `auto` from taking it; where it was named, its error says that."""
    name = settings.backend.name
    if first_steps.named_by == HOST_VARIABLE and name in ("auto", "ollama"):
        yield Check("ollama", "ok", f"OLLAMA_HOST is set: Ollama is looked for at {first_steps.url}")
    completion = targets.get("completion")
    if name != "auto" or (completion is not None and completion.backend.name == "ollama"):
        return
    try:
        policy_from(settings.privacy).check_url(first_steps.url)
    except ConfigError as error:
        yield Check("ollama", "ok", f"Ollama is not asked: {error.message}")
        return
    if not any(server.backend == "ollama" for server in servers):
        missing = first_steps.unreachable()
        use = f"; to use it {missing.hint}" if first_steps.can_start() else ""
        yield Check("ollama", "ok", f"{missing.message}{use}")
    elif not (settings.completion.model or settings.backend.model):
        yield Check("ollama", "ok", f"Ollama has no code model; to use it run `{first_steps.pull()}`")


def _ollama_is_nearer(first_steps: FirstSteps, chosen: list[Check]) -> bool:
    """Tell whether the one command that helps is about Ollama; what the embedded engine lacks is no fault then."""
    steps = {f"run `{first_steps.pull()}`"}
    if first_steps.can_start():
        steps.add(first_steps.unreachable().hint or "")
    return any(check.state == "fail" and check.fix in steps for check in chosen)


async def _in_memory(ollama: OllamaModels | None, targets: Mapping[Role, Target]) -> AsyncIterator[Check]:
    """Tell of each of Ollama's models that would answer whether it is loaded, and where it runs."""
    names = {target.model: None for target in targets.values() if target.backend.name == "ollama"}
    if ollama is None or not names:
        return
    try:
        loaded = await ollama.loaded()
    except AssistError:
        return  # it answered a moment ago; its health has been told
    for name in names:
        now = loaded.get(name)
        if now is None:
            yield Check("ollama", "ok", f"{name} is not in memory; it is loaded when an editor starts, or on demand")
        else:
            yield Check("ollama", "ok", f"{name} is in memory, {_where(now)}, {now.context_length} tokens of context")


def _where(loaded: LoadedModel) -> str:
    if not loaded.size_vram:
        return "on the CPU"
    part = min(1.0, loaded.size_vram / max(1, loaded.size))
    return "on the GPU" if part == 1.0 else f"{part:.0%} of it on the GPU"


async def _targets(selector: Selector, resolved: Resolved) -> tuple[dict[Role, Target], list[Check]]:
    """Choose for every role, as a request would; a failure that all share is said once."""
    targets: dict[Role, Target] = {}
    checks: list[Check] = []
    for role, purpose in _ROLES:
        try:
            target = targets[role] = await selector.target(role)
        except AssistError as error:
            failure = Check("backend", "fail", error.message, error.hint)
            if failure not in checks:
                checks.append(failure)
            continue
        message = f"{purpose}: {target.model} on {target.backend.name}, {target.context_length} tokens of context"
        checks.append(Check("backend", "ok", f"{message} ({_why(target, resolved)})"))
    checks.extend([check async for check in _health(targets)])
    return targets, checks


def _why(target: Target, resolved: Resolved) -> str:
    named = resolved.value("backend.name")
    if named.value != "auto":
        return f"backend.name from {named.source}"
    if target.backend.name == "ollama":
        return "backend.name is auto, and Ollama has a code model"
    return "backend.name is auto, and no Ollama with a code model answers"


async def _health(targets: Mapping[Role, Target]) -> AsyncIterator[Check]:
    for backend in {target.backend.name: target.backend for target in targets.values()}.values():
        health = await backend.health()
        if not health.ok:
            yield Check("backend", "fail", health.message, health.hint)


async def _fim(selector: Selector, target: Target) -> tuple[FimReport | None, list[Check]]:
    try:
        choice = await selector.fim(target)
    except AssistError as error:
        return None, [Check("fim", "fail", error.message, error.hint)]
    name = choice.format.id if choice.format else None
    report = FimReport(target.model, choice.mode, name, choice.why)
    if choice.mode == "chat":
        advice = selector.first_steps.asked_in_words(target.model, selector.named_in()).hint
        other = "choose a code model that can fill in, or give its template in completion.fimTemplate"
        fix = advice if target.backend.name == "ollama" else other
        return report, [Check("fim", "warn", f"{target.model} is asked in words: {choice.why}", fix)]
    return report, [Check("fim", "ok", f"{target.model} fills in {_how(choice, target)}: {choice.why}")]


def _how(choice: FimChoice, target: Target) -> str:
    ollama = target.backend.name == "ollama"
    if choice.format is None:
        return "with the server's own template" + (" (`suffix`)" if ollama else "")
    what = "your own template" if choice.format.id == "custom" else f"the {choice.format.id} format"
    return f"with {what}" + (", sent raw" if ollama else "")


async def _served(targets: Mapping[Role, Target]) -> dict[str, tuple[ModelInfo, ...]]:
    served = {}
    for target in targets.values():
        if target.backend.name not in served:
            try:
                served[target.backend.name] = await target.backend.models()
            except AssistError:
                served[target.backend.name] = ()  # it answered a moment ago; its health has been told
    return served


def _privacy(settings: Settings, served: Mapping[str, tuple[ModelInfo, ...]]) -> Iterator[Check]:
    hosts = ", ".join(settings.privacy.allow_hosts)
    if hosts:
        yield Check("privacy", "ok", f"you allow code to be sent to {hosts}; nothing else leaves this machine")
    else:
        yield Check("privacy", "ok", "nothing leaves this machine")
    remote = sorted({model.name for models in served.values() for model in models if model.remote_host})
    if remote and settings.privacy.allow_remote_models:
        yield Check("privacy", "warn", f"these models run on other machines and you allow them: {', '.join(remote)}")
    elif remote:
        yield Check("privacy", "ok", f"these models run on other machines and are refused: {', '.join(remote)}")


def _models(store: ModelStore, served: Mapping[str, tuple[ModelInfo, ...]]) -> tuple[KnownModel, ...]:
    try:
        own = [
            KnownModel(entry.model.name, None, entry.state, entry.size, entry.model.context_length)
            for entry in list_models(store)
        ]
    except AssistError:
        own = []  # the folder cannot be read, which the checks have told
    others = [
        KnownModel(info.name, server, "installed", info.size_bytes, info.context_length, info.remote_host)
        for server, infos in served.items()
        if server != "embedded"  # whose models are those of our own store
        for info in infos
    ]
    return (*own, *others)
