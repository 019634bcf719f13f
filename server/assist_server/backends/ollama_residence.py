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
NOTICED = 0.5  # seconds; a model that is there takes a thousandth, and a busy machine some more
_SHARED = "where another program uses the same model with other options, Ollama loads it at every change between them"


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
        # All by the file that is run: two names can share one.
        self._chosen: dict[str, ModelOptions] = {}
        self._names: dict[str, set[str]] = {}
        self._resident: dict[str, tuple[ModelOptions, int]] = {}  # with the context length that Ollama says of them
        self._loading: dict[str, asyncio.Task[None]] = {}

    async def move_in(self, shown: ShownModel, loaded: Mapping[str, LoadedModel]) -> ModelOptions:
        """Give the options for a request, once the model is in memory with them.

        loaded: what Ollama has in memory now. A cancelled caller leaves the load to go on for the next one.
        """
        runner = shown.runner
        options = self.options(shown, loaded)
        task = self._loading.get(runner)
        if task is None and not self._is_in(runner, options, loaded):
            task = self._loading[runner] = asyncio.ensure_future(self._bring_in(shown, options, loaded))
            task.add_done_callback(lambda done: self._arrived(runner, done))
        if task is not None:
            await asyncio.shield(task)
        return self._chosen[runner]

    def options(self, shown: ShownModel, loaded: Mapping[str, LoadedModel]) -> ModelOptions:
        """Give the options for a request, wherever the model is."""
        self._names.setdefault(shown.runner, set()).add(shown.name)
        if shown.runner not in self._chosen:
            now = self._now(shown.runner, loaded)
            self._chosen[shown.runner] = choose(self._wished, shown, now, here=self._here)
        return self._chosen[shown.runner]

    def context_length(self, name: str, trained: int | None, loaded: Mapping[str, LoadedModel]) -> int:
        """Say how long a model's context is or will be, if memory does not set a limit."""
        for runner, options in self._chosen.items():
            if name in self._names[runner]:
                return options.context_length
        usual = self._wished.context_length or CONTEXT
        return _kept(loaded_as(name, loaded), min(usual, trained or usual), wished=self._wished)

    def answered(self, name: str, load_ms: float | None) -> None:
        """Look at the load time of an answer: a model that was in memory may have been pushed out of it meanwhile."""
        if load_ms is not None and load_ms > NOTICED * 1000:
            _log.info("%s was loaded once more, %.0f ms", name, load_ms)
            self._notify(Notice("reload", f"Ollama loaded {name} once more for this request", _SHARED))

    async def aclose(self) -> None:
        """Break off what is being loaded."""
        tasks = tuple(self._loading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _now(self, runner: str, loaded: Mapping[str, LoadedModel]) -> LoadedModel | None:
        """Find a file among what is in memory, by any name that we know it by."""
        found = (loaded_as(name, loaded) for name in sorted(self._names[runner]))
        return next((model for model in found if model is not None), None)

    def _is_in(self, runner: str, options: ModelOptions, loaded: Mapping[str, LoadedModel]) -> bool:
        """Tell whether nothing has to be loaded; a file in memory by a name that we do not know is asked for again,
        which takes a millisecond.
        """
        now = self._now(runner, loaded)
        return now is not None and self._resident.get(runner) == (options, now.context_length)

    async def _bring_in(self, shown: ShownModel, options: ModelOptions, loaded: Mapping[str, LoadedModel]) -> None:
        name, before = shown.name, self._now(shown.runner, loaded)
        took = await self._load_and_say(name, options)
        after = await self._in_memory()
        now = self._now(shown.runner, after)
        batch = self._right_batch(now, options)
        if batch != options.batch_size:
            options = self._chosen[shown.runner] = replace(options, batch_size=batch)
            await self._load_and_say(name, options)
        if now is not None:
            self._resident[shown.runner] = (options, now.context_length)
        if before is not None and took > NOTICED:
            self._notify(_reload(name, before, options))
        for gone in _evicted(loaded, after, keep=self._names[shown.runner]):
            self._notify(_pushed_out(gone, name))

    async def _load_and_say(self, name: str, options: ModelOptions) -> float:
        """Load a model, say so where it takes its time, and give the seconds that it took."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        late = loop.call_later(NOTICED, self._notify, Notice("loading", f"Ollama loads {name}"))
        try:
            await self._load(name, options.as_json())
        finally:
            late.cancel()
        return loop.time() - start

    def _right_batch(self, now: LoadedModel | None, options: ModelOptions) -> int:
        """Give the batch size for the processor that the model has turned out to run on."""
        if self._wished.batch_size or now is None or not now.size:
            return options.batch_size
        return _batch(gpu=now.size_vram > 0)

    def _arrived(self, runner: str, task: "asyncio.Task[None]") -> None:
        del self._loading[runner]
        if not task.cancelled() and task.exception() is not None:
            _log.info("a model could not be loaded")  # whoever waited for it has the reason; the next one asks anew


def choose(wished: OllamaWishes, shown: ShownModel, now: LoadedModel | None, *, here: bool) -> ModelOptions:
    """Choose the options of a model: what the user says, else by the limits of the model and of this machine.

    now: the model as it is in memory; its context is kept where it is long enough, as another one means to load anew.
    """
    context = wished.context_length or CONTEXT
    if shown.context_length:
        context = min(context, shown.context_length)
    if here and not wished.context_length and shown.kv_bytes_per_token:
        # What the weights take is not told, so the cache may have half of what the machine can give.
        most = _MEMORY_SHARE * memory_total() / 2
        while context > _LEAST_CONTEXT and context * shown.kv_bytes_per_token > most:
            context //= 2
    gpu = now.size_vram > 0 if now is not None and now.size else not here or has_gpu()
    return ModelOptions(_kept(now, context, wished=wished), wished.batch_size or _batch(gpu=gpu), wished.threads)


def _kept(now: LoadedModel | None, usual: int, *, wished: OllamaWishes) -> int:
    """Give the context length that a model has in memory where it is long enough and the user wishes no other."""
    if wished.context_length or now is None or now.context_length < usual:
        return usual
    return now.context_length


def _batch(*, gpu: bool) -> int:
    return _GPU_BATCH if gpu else _CPU_BATCH


def _evicted(
    before: Mapping[str, LoadedModel], after: Mapping[str, LoadedModel], *, keep: set[str]
) -> tuple[LoadedModel, ...]:
    """Find the models that are gone; those whose time was over are not told apart, which is rare enough."""
    ours = keep | {f"{name}:latest" for name in keep}
    return tuple(model for name, model in before.items() if name not in after and name not in ours)


def _reload(name: str, before: LoadedModel, options: ModelOptions) -> Notice:
    had = f", which had {before.context_length}" if before.context_length else ""
    return Notice(
        "reload",
        f"Ollama loaded {name} anew, with {options.context_length} tokens of context and the batch size of assist{had}",
        _SHARED,
    )


def _pushed_out(gone: LoadedModel, name: str) -> Notice:
    return Notice(
        "evicted",
        f"Ollama has put {gone.name} out of memory to make room for {name}",
        "a smaller model, or a larger OLLAMA_MAX_LOADED_MODELS where there is memory for both, keeps the two",
    )
