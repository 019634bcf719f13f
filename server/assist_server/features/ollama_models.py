"""The models of the user's Ollama beside those of our own store: what each can do, and giving it one of ours."""

import re
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from assist_context.prompt.fim import ALL_CONTROL_TOKENS, FIM_FORMATS, FimFormat, by_control_tokens
from assist_server.backends.ollama_models import Described, NewModel, OllamaModel, OllamaModels, Progress
from assist_server.backends.ollama_template import go_template, stop_strings
from assist_server.core.errors import AssistError, BackendError, ModelError, UsageError
from assist_server.core.ollama_name import OllamaName, parse_ollama_name
from assist_server.features.fim import FimChoice, choose_fim, users_choice
from assist_server.models.catalogue import Catalogue, CatalogueModel, ModelRole
from assist_server.models.gguf import GgufHeader, check_gguf, texts_in_header
from assist_server.models.store import read_through

_ONE_OF_MANY = re.compile(r"-\d{5}-of-\d{5}$")
_CHATML_MARK = "<|im_start|>"


@dataclass(frozen=True, slots=True)
class OllamaEntry:
    """A model of Ollama as it is listed.

    size: in bytes. context_length: tokens, as it runs now where it is loaded, else as it was trained.
    roles: none for a model that completes nothing or runs elsewhere. fim: how it fills in, None for such a model and
    where nothing tells.
    """

    name: str
    size: int | None
    quantization: str | None
    parameters: str | None
    context_length: int | None
    roles: tuple[ModelRole, ...]
    fim: FimChoice | None
    loaded: bool
    remote_host: str | None


@dataclass(frozen=True, slots=True)
class Given:
    """A model that Ollama now has from us. created: False where it had it already. sent: bytes that went there."""

    name: str
    inserts: bool
    created: bool
    sent: int


@dataclass(frozen=True, slots=True)
class GgufToGive:
    """A file for Ollama with what is known of its prompts, and the name that it gets if the user names none."""

    model: NewModel
    usual_name: str


async def list_ollama(ollama: OllamaModels, fim_template: str) -> tuple[OllamaEntry, ...]:
    """Describe the models of an Ollama; fim_template: the user's own, empty where there is none."""
    return tuple([await _entry(ollama, model, fim_template) for model in await ollama.models()])


async def describe_pulled(ollama: OllamaModels, name: OllamaName, fim_template: str) -> OllamaEntry | None:
    """Describe a model that has just come, None where it cannot be: it is there all the same."""
    try:
        model = await ollama.model(name)
        return None if model is None else await _entry(ollama, model, fim_template)
    except AssistError:
        return None


def to_give(path: Path, digest: str, catalogue: Catalogue) -> GgufToGive:
    """Find out how a file's model is asked: from the catalogue if it is a file of it, else from itself.

    digest: its SHA-256 in hexadecimal. Raises ModelError for a file that is no whole language model.
    """
    header = check_gguf(path)
    if _ONE_OF_MANY.search(path.stem):
        raise ModelError(
            f"{path} is one part of a model", hint="join the parts by `llama-gguf-split --merge` of llama.cpp"
        )
    known = next((model for model in catalogue.models if model.file.sha256 == digest), None)
    fim, chat = _of_catalogue(known) if known else _of_file(path, header)
    model = NewModel(
        file=path,
        size=header.size,
        sha256=digest,
        template=go_template(fim, chat) if fim and chat else None,
        stops=stop_strings(fim, chat) if fim and chat else (),
        licence=_licence(known, path, digest),
    )
    return GgufToGive(model, known.name if known else _plain_name(path))


def hash_file(path: Path, progress: Progress) -> str:
    """Give the SHA-256 of a file in hexadecimal; raises ModelError for one that cannot be read."""
    digest = sha256()
    try:
        size = path.stat().st_size
        for done in read_through(path, digest.update):
            progress(done, size)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    return digest.hexdigest()


async def give(gguf: GgufToGive, name: OllamaName, ollama: OllamaModels, progress: Progress) -> Given:
    """Make an Ollama model of a file, unless it is there; raises ModelError where the name means another model."""
    new, called = gguf.model, str(name)
    there = await ollama.describe(called)
    if there is not None and new.sha256 not in there.licence:
        raise ModelError(
            f"{ollama.server} has another model called {called}", hint="give it a name of its own by `--as NAME`"
        )
    if there is not None and _is_made_of(there, new):
        return Given(called, "insert" in there.shown.capabilities, created=False, sent=0)
    if there is None and await _is_ours(gguf.usual_name, new, ollama):
        await ollama.copy(parse_ollama_name(gguf.usual_name), name)
        sent = 0
    else:
        sent = await ollama.create(name, new, progress)
    made = await ollama.describe(called)
    inserts = made is not None and "insert" in made.shown.capabilities
    if new.template is not None and not inserts:
        raise ModelError(
            f"{ollama.server} has made {called}, but says that it cannot fill in", hint="install a newer Ollama"
        )
    return Given(called, inserts, created=True, sent=sent)


async def _is_ours(name: str, new: NewModel, ollama: OllamaModels) -> bool:
    there = await ollama.describe(name)
    return there is not None and _is_made_of(there, new)


def _is_made_of(there: Described, new: NewModel) -> bool:
    return new.sha256 in there.licence and new.template in (None, there.shown.template)


async def _entry(ollama: OllamaModels, model: OllamaModel, fim_template: str) -> OllamaEntry:
    info, loaded = model.info, model.loaded
    answers = info.remote_host is None and (model.shown is None or "completion" in model.shown.capabilities)
    fim = await _fim(ollama, model, fim_template) if answers else None
    completes = fim is not None and fim.mode != "chat"
    return OllamaEntry(
        name=info.name,
        size=info.size_bytes,
        quantization=info.quantization,
        parameters=info.parameters,
        context_length=loaded.context_length if loaded and loaded.context_length else info.context_length,
        roles=("completion", "chat", "review") if completes else ("chat", "review") if answers else (),
        fim=fim,
        loaded=loaded is not None,
        remote_host=info.remote_host,
    )


async def _fim(ollama: OllamaModels, model: OllamaModel, fim_template: str) -> FimChoice | None:
    """Choose as a completion would, but read a vocabulary (4 MB) only where nothing else tells; None if nothing does.

    A vocabulary that is slow or damaged hides neither the model nor the others.
    """
    if fim_template:
        return users_choice(fim_template)
    name, evidence = model.info.name, model.evidence
    choice = choose_fim(evidence, name)
    if choice.mode != "chat":
        return choice
    try:
        tokens = (await ollama.vocabulary(name)).known if model.shown is not None else None
    except BackendError:
        tokens = None
    return None if tokens is None else choose_fim(replace(evidence, control_tokens=tokens), name)


def _of_catalogue(model: CatalogueModel) -> tuple[FimFormat | None, str | None]:
    return next((fim for fim in FIM_FORMATS if fim.id == model.fim), None), model.chat


def _of_file(path: Path, header: GgufHeader) -> tuple[FimFormat | None, str | None]:
    """Read the prompts of a model off its vocabulary and its own chat template, which Ollama keeps if we write none."""
    vocabulary = texts_in_header(path, header, ALL_CONTROL_TOKENS)
    fim = by_control_tokens(vocabulary, f"{path.stem} {header.name or ''}")
    if header.chat_template is None:
        return fim, "none"
    return fim, "chatml" if _CHATML_MARK in header.chat_template else None


def _licence(known: CatalogueModel | None, path: Path, digest: str) -> str:
    """Say what the model was made of; by this it is known again."""
    terms = f"{known.licence}, {known.publisher}" if known else "See the publisher of the file for its licence"
    return f"{terms}\n{path.name} sha256:{digest}\n"


def _plain_name(path: Path) -> str:
    name = re.sub(r"[^a-z0-9._-]+", "-", path.stem.lower()).strip("-._")[:80]
    if not name:
        raise UsageError(f"no name for Ollama can be made of {path.name}", hint="give it one by `--as NAME`")
    return str(parse_ollama_name(name))
