"""The composition root: from settings to an App. Everything is passed in, nothing is global."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from assist_server.backends.base import Backend
from assist_server.backends.ollama_url import ollama_url
from assist_server.backends.registry import USUAL_URLS, BackendConfig, OllamaWishes, backend_names, make_backend
from assist_server.config.resolve import Resolved
from assist_server.config.settings import Settings
from assist_server.core.clock import SystemClock
from assist_server.core.errors import ConfigError, ModelError
from assist_server.core.folders import Folders
from assist_server.core.notices import Notify, unheard
from assist_server.engine.engine import Engine
from assist_server.features.actions.explain import ExplainService
from assist_server.features.completion.rates import RATES
from assist_server.features.completion.service import CompletionService
from assist_server.features.first_steps import HOST_VARIABLE, URL_SETTING, FirstSteps
from assist_server.features.models import engine_model, is_embedded_model
from assist_server.features.selection import Selector
from assist_server.models.catalogue import load_catalogue
from assist_server.models.store import ModelStore
from assist_server.net.address import Address, AddressGetter
from assist_server.net.client import Timeouts
from assist_server.privacy.audit import AuditLog
from assist_server.privacy.egress import leads_here, parse_url, policy_from


@dataclass(frozen=True, slots=True)
class App:
    """What a command or an editor works with."""

    settings: Settings
    resolved: Resolved
    folders: Folders
    store: ModelStore
    selector: Selector
    completion: CompletionService
    explain: ExplainService
    engine: "EmbeddedEngine"
    urls: Mapping[str, str]

    def place(self, backend: str) -> str:
        """Say where a backend's answers come from, in a word: `offline`, a host, or nothing where it is not known."""
        if backend == "ollama" and self.settings.privacy.allow_remote_models:
            return ""
        url = parse_url(self.urls[backend]) if self.urls.get(backend) else None
        return "offline" if url is None or url.is_here else url.host

    async def aclose(self) -> None:
        """Close the connections and give up the share in the engine, which goes on for others until it is idle."""
        await self.completion.aclose()
        await self.selector.aclose()
        await self.engine.release()


class EmbeddedEngine:
    """The embedded engine of one App, made when first asked for."""

    def __init__(self, settings: Settings, folders: Folders, store: ModelStore) -> None:
        self._settings = settings
        self._folders = folders
        self._store = store
        self._engine: Engine | None = None

    def missing(self) -> ModelError | None:
        """Say why the engine cannot serve, or None where its model is here."""
        try:
            engine_model(self._settings.engine, self._store)
        except ModelError as error:
            return error
        return None

    async def address(self) -> Address:
        """Start or find the engine and give its address."""
        if self._engine is None:
            model = engine_model(self._settings.engine, self._store)
            self._engine = Engine(
                cache=self._folders.cache, settings=self._settings.engine, model_path=model.path, alias=model.alias
            )
        return await self._engine.address()

    async def release(self) -> None:
        """Give up this client's lease."""
        if self._engine is not None:
            await self._engine.release()


def build_app(resolved: Resolved, folders: Folders, environ: Mapping[str, str], *, notify: Notify = unheard) -> App:
    """Put the product together. Opens no connection and starts nothing.

    notify: hears what a person may want to know while work goes on.
    """
    store = ModelStore(folders.models, load_catalogue())
    settings = _coherent(resolved.settings, store)
    engine = EmbeddedEngine(settings, folders, store)

    urls = {name: _url(name, settings, environ) for name in backend_names()}

    def make(name: str) -> Backend:
        address = engine.address if name == "embedded" else None
        # The key belongs to the server that the user named, not to whatever else answers on this machine.
        key = _api_key(settings.backend.api_key_env, environ) if name == settings.backend.name else None
        return make_backend(name, _backend_config(urls[name], key, settings, folders, address=address, notify=notify))

    first_steps = ollama_steps(settings, environ)
    selector = Selector(settings, make, embedded_missing=engine.missing, first_steps=first_steps, notify=notify)
    return App(
        settings=settings,
        resolved=resolved,
        folders=folders,
        store=store,
        selector=selector,
        completion=CompletionService(
            selector,
            settings,
            SystemClock(),
            rates=folders.cache / RATES,
            is_here=lambda backend: _is_here(backend.name, urls, settings),
        ),
        explain=ExplainService(selector, settings),
        engine=engine,
        urls=urls,
    )


def _is_here(backend: str, urls: Mapping[str, str], settings: Settings) -> bool:
    """Tell whether a model is sure to run here: another machine is not asked for what nobody waits for."""
    url = urls.get(backend, "")
    return backend == "embedded" or (bool(url) and leads_here(url) and not settings.privacy.allow_remote_models)


def _coherent(settings: Settings, store: ModelStore) -> Settings:
    """Bring together what depends on each other; raises ConfigError for an address without a program."""
    backend = settings.backend
    if backend.url and backend.name == "auto":
        raise ConfigError(
            f"{backend.url} is given, but not which program answers there",
            hint="say so by --backend or backend.name: ollama, llama-server or openai",
        )
    if backend.model and (
        backend.name == "embedded" or (backend.name == "auto" and is_embedded_model(backend.model, store))
    ):
        # The embedded engine has one model, so naming a model for it means that one.
        return replace(settings, engine=replace(settings.engine, model=backend.model))
    return settings


def ollama_config(settings: Settings, folders: Folders, environ: Mapping[str, str]) -> BackendConfig:
    """Give what it takes to speak to the user's Ollama, whichever server answers otherwise."""
    key = _api_key(settings.backend.api_key_env, environ) if settings.backend.name == "ollama" else None
    return _backend_config(_url("ollama", settings, environ), key, settings, folders)


def ollama_steps(settings: Settings, environ: Mapping[str, str]) -> FirstSteps:
    """Give what helps with the user's Ollama."""
    return FirstSteps(_url("ollama", settings, environ), _names_ollama(settings, environ))


def _backend_config(
    url: str,
    api_key: str | None,
    settings: Settings,
    folders: Folders,
    *,
    address: AddressGetter | None = None,
    notify: Notify = unheard,
) -> BackendConfig:
    backend = settings.backend
    timeouts = Timeouts(
        connect=backend.connect_timeout_ms / 1000,
        first_byte=backend.first_token_timeout_ms / 1000,
        idle=backend.idle_timeout_ms / 1000,
    )
    return BackendConfig(
        url=url,
        api_key=api_key,
        policy=policy_from(settings.privacy),
        timeouts=timeouts,
        audit=AuditLog(folders.log / "audit.log"),
        keep_alive=backend.keep_alive,
        ollama=OllamaWishes(**asdict(settings.ollama)),
        allow_remote_models=settings.privacy.allow_remote_models,
        script=Path(backend.script) if backend.script else None,
        notify=notify,
        address=address,
    )


def _url(name: str, settings: Settings, environ: Mapping[str, str]) -> str:
    if settings.backend.url and settings.backend.name == name:
        return settings.backend.url
    if name == "ollama":
        return ollama_url(environ.get("OLLAMA_HOST", ""))
    return USUAL_URLS.get(name, "")


def _names_ollama(settings: Settings, environ: Mapping[str, str]) -> str | None:
    """Tell what says where Ollama is, None where nothing does."""
    if settings.backend.url and settings.backend.name == "ollama":
        return URL_SETTING
    return HOST_VARIABLE if environ.get(HOST_VARIABLE, "").strip() else None


def _api_key(variable: str, environ: Mapping[str, str]) -> str | None:
    if not variable:
        return None
    if not environ.get(variable):
        raise ConfigError(
            f"backend.apiKeyEnv names {variable}, which is not set", hint=f"set {variable} in the environment of assist"
        )
    return environ[variable]
