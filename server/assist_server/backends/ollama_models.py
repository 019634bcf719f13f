"""The models of an Ollama: list them, have them pulled, make them from a file, copy and delete them.

The `ollama` package speaks for us where its answers leave nothing out that matters; `/api/tags` and `/api/show` are
our own calls, because its types drop `remote_host`. Blobs too: its upload hashes the file anew and tells no progress.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from assist_server.backends.base import FimEvidence, ModelInfo
from assist_server.backends.connection import Connection
from assist_server.backends.fields import field
from assist_server.backends.ollama_answers import (
    LoadedModel,
    ShownModel,
    Vocabulary,
    loaded_as,
    shown_model,
)
from assist_server.backends.ollama_client import package_client
from assist_server.backends.ollama_questions import in_memory, listed, show, vocabulary
from assist_server.backends.ollama_remote import CLOUD, check_remote
from assist_server.backends.ollama_url import USUAL_URL
from assist_server.backends.registry import BackendConfig
from assist_server.backends.rejection import one_line, rejection
from assist_server.core.errors import (
    AssistError,
    BackendError,
    BackendRejected,
    ModelError,
    ModelMissing,
)
from assist_server.core.ollama_name import OllamaName
from assist_server.net.client import Timeouts, translated
from assist_server.privacy.egress import is_loopback

if TYPE_CHECKING:
    from ollama import ProgressResponse

Progress = Callable[[int, int], None]
"""Takes the bytes that are there and the bytes of all."""

_BLOCK = 1 << 20
# Checking or rewriting a file of many gigabytes takes minutes in which Ollama says nothing.
_SILENCE = 900.0
_NO_ROOM = re.compile(r"no space left|not enough space|disk full|quota exceeded", re.IGNORECASE)
_UNKNOWN = re.compile(r"file does not exist|manifest unknown|\b404\b|not found", re.IGNORECASE)
_NO_NETWORK = re.compile(
    r"dial tcp|lookup |no such host|connection (?:refused|reset)|timeout|deadline exceeded|unreachable|proxyconnect"
    r"|\bEOF\b|x509|tls:",
    re.IGNORECASE,
)
_TOO_OLD = re.compile(r"newer version of ollama", re.IGNORECASE)
_LIST_HINT = "run `assist model list --backend ollama`, which shows what it has"


@dataclass(frozen=True, slots=True)
class OllamaModel:
    """A model that an Ollama has.

    info: its context length is the one that it was trained for. shown: None for a model of another machine, which
    Ollama would ask, and for one that it cannot describe. loaded: None where it is not in memory.
    """

    info: ModelInfo
    shown: ShownModel | None
    loaded: LoadedModel | None

    @property
    def evidence(self) -> FimEvidence:
        """What is known of its filling in without reading its vocabulary."""
        if self.shown is None:
            return FimEvidence()
        return FimEvidence(template=self.shown.template or None, inserts="insert" in self.shown.capabilities)


@dataclass(frozen=True, slots=True)
class Described:
    """What an Ollama says of one model: how it is asked and what its licence layers say."""

    shown: ShownModel
    licence: str


@dataclass(frozen=True, slots=True)
class NewModel:
    """What a model is made of. template: a Go template, None for the file's own. stops: strings that end an answer."""

    file: Path
    size: int
    sha256: str
    template: str | None
    stops: tuple[str, ...]
    licence: str


class OllamaModels:
    """Manage the models of one Ollama. All methods raise only `AssistError`s."""

    def __init__(self, config: BackendConfig) -> None:
        patient = Timeouts(connect=config.timeouts.connect, first_byte=_SILENCE, idle=_SILENCE)
        self._config = config
        self._connection = Connection("Ollama", replace(config, timeouts=patient), usual_url=USUAL_URL)

    @property
    def server(self) -> str:
        """The server in words, `Ollama at 127.0.0.1:11434`."""
        return self._connection.server

    async def models(self) -> tuple[OllamaModel, ...]:
        """List all models, as Ollama orders them."""
        infos, loaded = await listed(self._connection)
        # Nothing is left running where one of them fails.
        shown = await asyncio.gather(*(self._shown(info) for info in infos), return_exceptions=True)
        return tuple(_model(info, known, loaded) for info, known in zip(infos, shown, strict=True))

    async def model(self, name: OllamaName) -> OllamaModel | None:
        """Give what is known of one model, None where there is none of that name."""
        infos, loaded = await listed(self._connection)
        info = next((info for info in infos if info.name == str(name)), None)
        return None if info is None else _model(info, await self._shown(info), loaded)

    async def describe(self, name: str) -> Described | None:
        """Ask what a model is, None where there is none of that name."""
        try:
            answer = await show(self._connection, name)
        except ModelMissing:
            return None
        return Described(shown_model(name, answer), field(answer, "license", str) or "")

    async def vocabulary(self, name: str) -> Vocabulary:
        """Ask for a model's vocabulary, an answer of 4 MB."""
        return await vocabulary(self._connection, name, quick=True)  # of many it is one; it may stay unknown

    async def loaded(self) -> dict[str, LoadedModel]:
        """Tell what is in memory, by name."""
        return await in_memory(self._connection)

    async def pull(self, name: OllamaName, progress: Progress) -> None:
        """Have a model downloaded; what an earlier attempt brought is kept by Ollama. Cancelling stops the download.

        Raises EgressRefused for a model that another machine would run.
        """
        model = str(name)
        if name.is_cloud:
            check_remote(self._config, model, CLOUD)
        if self._config.audit is not None:
            self._config.audit.record(host=name.host, purpose="model download by Ollama")
        failure = partial(self._pull_failure, name)
        async with package_client(self._connection, model=model, failure=failure) as client:
            stream = await client.pull(model, insecure=is_loopback(name.host), stream=True)
            await self._follow(stream, _Sum(progress))
        try:
            described = await self.describe(model)
        except BackendError:
            return  # it is there, and whoever asks it is told what is wrong with it
        if described is not None and described.shown.remote_host is not None:
            check_remote(self._config, model, described.shown.remote_host)

    async def create(self, name: OllamaName, new: NewModel, progress: Progress) -> int:
        """Make a model from a file, or make it anew under its name; give how many bytes had to be sent."""
        digest = f"sha256:{new.sha256}"
        sent = 0 if await self._has_blob(digest) else await self._upload(new, digest, progress)
        failure = partial(self._failure, f"could not make {name}")
        async with package_client(self._connection, model=str(name), failure=failure) as client:
            stream = await client.create(
                model=str(name),
                files={"model.gguf": digest},
                template=new.template,
                parameters={"stop": list(new.stops)} if new.stops else None,
                license=new.licence,
                stream=True,
            )
            await self._follow(stream, _Sum(lambda _done, _total: None))
        return sent

    async def copy(self, source: OllamaName, target: OllamaName) -> None:
        """Give a model a second name; raises ModelMissing where there is no such model."""
        async with package_client(self._connection, model=str(source), missing_hint=_LIST_HINT) as client:
            await client.copy(str(source), str(target))

    async def delete(self, name: OllamaName) -> None:
        """Delete a name, and its files where no other name needs them; raises ModelMissing."""
        async with package_client(self._connection, model=str(name), missing_hint=_LIST_HINT) as client:
            await client.delete(str(name))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._connection.aclose()

    async def _shown(self, info: ModelInfo) -> ShownModel | None:
        if info.remote_host is not None:
            return None
        try:
            described = await self.describe(info.name)
        except BackendError:
            return None  # a damaged model must not hide the others
        return described.shown if described else None

    async def _follow(self, stream: AsyncIterator["ProgressResponse"], summed: "_Sum") -> None:
        """Read a stream of progress to its end; closing it is what stops Ollama."""
        status = None
        async with aclosing(cast("AsyncGenerator[ProgressResponse, None]", stream)) as lines:
            async for line in lines:
                status = line.status
                summed.take(line)
        if status != "success":
            raise self._connection.cut_short()

    async def _has_blob(self, digest: str) -> bool:
        client = await self._connection.client()
        with translated(self.server):
            return (await client.head(f"/api/blobs/{digest}")).status_code == 200

    async def _upload(self, new: NewModel, digest: str, progress: Progress) -> int:
        client = await self._connection.client()
        headers = {"content-length": str(new.size), "content-type": "application/octet-stream"}
        with translated(self.server):
            response = await client.post(f"/api/blobs/{digest}", content=_blocks(new, progress), headers=headers)
        if response.status_code not in (200, 201):
            raise self._failure(f"did not take {new.file.name}", response.text, response.status_code)
        return new.size

    def _pull_failure(self, name: OllamaName, text: str, status: int) -> AssistError:
        if _UNKNOWN.search(text) and not _NO_NETWORK.search(text):
            return ModelMissing(
                f"{name.registry} has no model {name}",
                status=404,
                hint="look for its name and tag at https://ollama.com/library, or `assist model list` for ours",
            )
        if _NO_NETWORK.search(text) and not _NO_ROOM.search(text):
            return BackendRejected(
                f"Ollama could not reach {name.registry}: {self._words(text)}",
                status=status,
                hint="it downloads by itself, so its own environment must name your proxy; a model of assist's own "
                "goes there by `assist model pull qwen2.5-coder-0.5b --into ollama`",
            )
        return self._failure(f"could not pull {name}", text, status)

    def _failure(self, what: str, text: str, status: int) -> AssistError:
        if _NO_ROOM.search(text):
            return BackendRejected(
                f"{self.server} {what}: its disk is full",
                status=status,
                hint="make room where it keeps its models (OLLAMA_MODELS), then run the command again",
            )
        if _TOO_OLD.search(text):
            return BackendRejected(
                f"{self.server} is too old for this model", status=status, hint="install a newer Ollama"
            )
        if status >= 400:
            return rejection(self._connection.asked(), status, {}, text)
        return BackendRejected(f"{self.server} {what}: {self._words(text)}", status=status)

    def _words(self, text: str) -> str:
        return one_line(text, self._connection.asked().secret)


class _Sum:
    """Add up the progress of a model's files; a file is known once Ollama begins with it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._files: dict[str, tuple[int, int]] = {}

    def take(self, line: "ProgressResponse") -> None:
        """Read one line."""
        if line.digest and line.total:
            self._files[line.digest] = (line.completed or 0, line.total)
            self._progress(sum(done for done, _ in self._files.values()), sum(all_ for _, all_ in self._files.values()))


async def _blocks(new: NewModel, progress: Progress) -> AsyncIterator[bytes]:
    done = 0
    try:
        with new.file.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
                done += len(block)
                progress(done, new.size)
    except OSError as error:
        raise ModelError(f"{new.file} cannot be read: {error.strerror}") from error


def _model(info: ModelInfo, shown: ShownModel | BaseException | None, loaded: Mapping[str, LoadedModel]) -> OllamaModel:
    """Put together what is known; shown: what kept it from being known is raised."""
    if isinstance(shown, BaseException):
        raise shown
    return OllamaModel(_completed(info, shown), shown, loaded_as(info.name, loaded))


def _completed(info: ModelInfo, shown: ShownModel | None) -> ModelInfo:
    """Older builds tell the context length only when they are asked for the model."""
    if info.context_length is None and shown is not None:
        return replace(info, context_length=shown.context_length)
    return info
