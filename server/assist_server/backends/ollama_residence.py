"""Keep a model in Ollama's memory with one set of options for everything that is asked of it.

Ollama loads a model anew, for seconds, whenever a request comes with another context length, batch size or number of
threads. So they are chosen once for a model and sent with every request, whatever it is for. A load is a request of
its own, which no cancelled completion takes with it: closing the only request that waits for a model breaks its load
off.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from assist_server.backends.ollama_answers import LoadedModel, ShownModel, loaded_as
from assist_server.backends.registry import OllamaWishes
from assist_server.core.hardware import has_gpu, memory_total
from assist_server.core.notices import Notice, Notify

_log = logging.getLogger(__name__)

CONTEXT = 8192
"""The context length where the model has it and the machine holds it: room for several files, more than Ollama's own
4096 tokens."""
_LEAST_CONTEXT = 2048
# A cancelled prompt stops at the end of a batch: on a CPU that has to come soon, on a GPU it does anyway.
_CPU_BATCH, _GPU_BATCH = 128, 512
_MEMORY_SHARE = 0.7  # the rest is for the editor, its other servers and the system
_LOAD_NOTICED_MS = 500.0  # a model that is there needs one, and a busy machine some more


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """What must be the same in all requests to a model; 0 leaves the choice to Ollama."""

    context_length: int
    batch_size: int = 0
    threads: int = 0

    def as_json(self) -> dict[str, int]:
        """Write them as Ollama's options."""
        named = {"num_ctx": self.context_length, "num_batch": self.batch_size, "num_thread": self.threads}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True, slots=True)
class _Arrived:
    """A model that was brought in: what Ollama said of it then.

    context_length: None where its name is not among those in memory, as another name of the same file is. beside: the
    names that were.
    """

    options: ModelOptions
    context_length: int | None
    beside: frozenset[str]


class Residence:
    """Choose the options of each model, load it, and say what that does to models of other programs.

    in_memory: asks Ollama what is loaded. load: sends the request that loads a model and ends when it is there.
    here: whether Ollama runs on this machine, whose hardware is known.
    """

    def __init__(
        self,
        wished: OllamaWishes,
        *,
        here: bool,
        notify: Notify,
        in_memory: Callable[[], Awaitable[dict[str, LoadedModel]]],
        load: Callable[[str, Mapping[str, Any]], Awaitable[None]],
    ) -> None:
        self._wished = wished
        self._here = here
        self._notify = notify
        self._in_memory = in_memory
        self._load = load
        self._chosen: dict[str, ModelOptions] = {}
        self._resident: dict[str, _Arrived] = {}
        self._loading: dict[str, asyncio.Task[None]] = {}

    async def move_in(self, shown: ShownModel, loaded: Mapping[str, LoadedModel]) -> ModelOptions:
        """Give the options for a request, once the model is in memory with them.

        loaded: what Ollama has in memory now. A cancelled caller leaves the load to go on for the next one.
        """
        name = shown.name
        options = self._chosen.get(name)
        if options is None:
            options = self._chosen[name] = choose(self._wished, shown, loaded_as(name, loaded), here=self._here)
        task = self._loading.get(name)
        if task is None and not self._is_in(name, options, loaded):
            task = self._loading[name] = asyncio.ensure_future(self._bring_in(shown, options, loaded))
            task.add_done_callback(lambda done: self._arrived(name, done))
        if task is not None:
            await asyncio.shield(task)
        return self._chosen[name]

    def context_length(self, name: str, trained: int | None, loaded: Mapping[str, LoadedModel]) -> int:
        """Say how long a model's context is or will be."""
        if name in self._chosen:
            return self._chosen[name].context_length
        return _context(self._wished, trained, loaded_as(name, loaded))

    def answered(self, name: str, load_ms: float | None) -> None:
        """Look at the load time of an answer: a model that was in memory may have been pushed out of it meanwhile."""
        if load_ms is not None and load_ms > _LOAD_NOTICED_MS:
            _log.info("%s was loaded once more, %.0f ms", name, load_ms)
            self._notify(
                Notice(
                    "reload",
                    f"Ollama loaded {name} once more: another program uses it with other options, or took its memory",
                    "give one of them a model of its own, or the same options (`ollama.contextLength`)",
                )
            )

    async def aclose(self) -> None:
        """Break off what is being loaded."""
        tasks = tuple(self._loading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _is_in(self, name: str, options: ModelOptions, loaded: Mapping[str, LoadedModel]) -> bool:
        arrived, now = self._resident.get(name), loaded_as(name, loaded)
        if arrived is None or arrived.options != options:
            return False
        if now is None:
            return arrived.context_length is None and arrived.beside <= loaded.keys()
        return arrived.context_length in (None, now.context_length)

    async def _bring_in(self, shown: ShownModel, options: ModelOptions, loaded: Mapping[str, LoadedModel]) -> None:
        name = shown.name
        now = loaded_as(name, loaded)
        if now is None:
            self._notify(Notice("loading", f"Ollama loads {name}"))
        elif now.context_length != options.context_length:
            self._notify(_reload(name, now, options))
        await self._load(name, options.as_json())
        after = await self._in_memory()
        batch = self._right_batch(loaded_as(name, after), options)
        if batch != options.batch_size:
            options = self._chosen[name] = replace(options, batch_size=batch)
            await self._load(name, options.as_json())
        now = loaded_as(name, after)
        if now is not None or after:
            self._resident[name] = _Arrived(options, now.context_length if now else None, frozenset(after))
        for gone in _evicted(loaded, after, keep=name):
            self._notify(_pushed_out(gone, name))

    def _right_batch(self, now: LoadedModel | None, options: ModelOptions) -> int:
        """Give the batch size for the processor that the model has turned out to run on."""
        if self._wished.batch_size or now is None or not now.size:
            return options.batch_size
        return _batch(gpu=now.size_vram > 0)

    def _arrived(self, name: str, task: "asyncio.Task[None]") -> None:
        del self._loading[name]
        if not task.cancelled() and task.exception() is not None:
            _log.info("%s could not be loaded", name)  # whoever waited for it has the reason; the next one asks anew


def choose(wished: OllamaWishes, shown: ShownModel, now: LoadedModel | None, *, here: bool) -> ModelOptions:
    """Choose the options of a model: what the user says, else by the limits of the model and of this machine.

    now: the model as it is in memory; its context is kept where it is long enough, as another one means to load anew.
    """
    context = _context(wished, shown.context_length, now)
    cache = shown.kv_bytes_per_token
    if here and now is None and not wished.context_length and cache:
        # What the weights take is not told, so the cache may have half of what the machine can give.
        while context > _LEAST_CONTEXT and context * cache > _MEMORY_SHARE * memory_total() / 2:
            context //= 2
    gpu = now.size_vram > 0 if now is not None and now.size else not here or has_gpu()
    return ModelOptions(context, wished.batch_size or _batch(gpu=gpu), wished.threads)


def _context(wished: OllamaWishes, trained: int | None, now: LoadedModel | None) -> int:
    longest = trained or CONTEXT
    if wished.context_length:
        return min(wished.context_length, trained or wished.context_length)
    usual = min(CONTEXT, longest)
    return now.context_length if now is not None and now.context_length >= usual else usual


def _batch(*, gpu: bool) -> int:
    return _GPU_BATCH if gpu else _CPU_BATCH


def _evicted(
    before: Mapping[str, LoadedModel], after: Mapping[str, LoadedModel], *, keep: str
) -> tuple[LoadedModel, ...]:
    """Find the models that are gone; those whose time was over are not told apart, which is rare enough."""
    return tuple(model for name, model in before.items() if name not in after and name not in (keep, f"{keep}:latest"))


def _reload(name: str, now: LoadedModel, options: ModelOptions) -> Notice:
    return Notice(
        "reload",
        f"Ollama loads {name} anew: it was in memory with {now.context_length} tokens of context, "
        f"and assist uses {options.context_length}",
        f"set `ollama.contextLength` to {now.context_length} to share it as it was",
    )


def _pushed_out(gone: LoadedModel, name: str) -> Notice:
    return Notice(
        "evicted",
        f"Ollama has put {gone.name} out of memory to make room for {name}",
        "a smaller model, or a larger OLLAMA_MAX_LOADED_MODELS where there is memory for both, keeps the two",
    )
