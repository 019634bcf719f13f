"""Latest wins: of one person's requests, only the newest is worth a model's time."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Keystroke:
    """What a request is about; ghost text and completion items that are about the same share one generation.

    selected: the text of the item that the editor's own list has selected.
    """

    version: int
    offset: int
    invoked: bool = False
    selected: str = ""

    def serves(self, other: "Keystroke") -> bool:
        """Tell whether the answer to this one answers the other; who asks gets more than an automatic request."""
        same = (self.version, self.offset, self.selected) == (other.version, other.offset, other.selected)
        return same and (self.invoked or not other.invoked)


@dataclass(eq=False, slots=True)
class _Generation(Generic[Result]):
    keystroke: Keystroke
    task: "asyncio.Task[Result]"
    superseded: "asyncio.Future[None]"
    waiting: int = field(default=0)

    def supersede(self) -> None:
        if not self.superseded.done():
            self.superseded.set_result(None)
            self.task.cancel()


class Latest(Generic[Result]):
    """The newest generation of each (document, feature group).

    A person types in one place at a time: a newer request gives up the automatic ones of all other documents too, for
    the model answers one after the other. What was asked for by hand is only given up for its own document.
    """

    def __init__(self) -> None:
        self._running: dict[Key, _Generation[Result]] = {}
        self._tasks: set[asyncio.Task[Result]] = set()

    async def run(
        self, key: Key, keystroke: Keystroke, generate: Callable[[], Coroutine[Any, Any, Result]]
    ) -> Result | None:
        """Generate, or share the generation that runs for the same keystroke; None where a newer request came.

        A superseded request returns at once, however long the older generation takes to stop. When all who wait for a
        generation are cancelled, so is it.
        """
        generation = self._running.get(key)
        if generation is None or not generation.keystroke.serves(keystroke):
            generation = self._start(key, keystroke, generate)
        generation.waiting += 1
        try:
            either: set[asyncio.Future[Any]] = {generation.task, generation.superseded}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            generation.waiting -= 1
            if not generation.waiting and not generation.task.done():
                self._drop(key, generation)
        # Not awaited: the framework would take the task's cancellation for one of the request.
        if generation.superseded.done() or generation.task.cancelled():
            return None
        return generation.task.result()

    def forget(self, key: Key) -> None:
        """Give up what runs for a document that is closed."""
        if (generation := self._running.get(key)) is not None:
            self._drop(key, generation)

    def cancel(self) -> frozenset["asyncio.Task[Result]"]:
        """Give up everything; gives what takes its time to stop, superseded generations too."""
        for key in list(self._running):
            self.forget(key)
        return frozenset(self._tasks)

    def _start(
        self, key: Key, keystroke: Keystroke, generate: Callable[[], Coroutine[Any, Any, Result]]
    ) -> _Generation[Result]:
        self._supersede_for(key)
        loop = asyncio.get_running_loop()
        generation = _Generation(keystroke, loop.create_task(generate()), loop.create_future())
        self._running[key] = generation
        self._tasks.add(generation.task)
        generation.task.add_done_callback(lambda task: self._finished(key, generation, task))
        return generation

    def _supersede_for(self, key: Key) -> None:
        """Give up what a newer request of a document and feature group takes the place of."""
        for other, generation in list(self._running.items()):
            if other == key or (other[1] == key[1] and not generation.keystroke.invoked):
                self._drop(other, generation)

    def _drop(self, key: Key, generation: _Generation[Result]) -> None:
        generation.supersede()
        if self._running.get(key) is generation:
            del self._running[key]

    def _finished(self, key: Key, generation: _Generation[Result], task: "asyncio.Task[Result]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # read, or asyncio complains of an error that nobody waited for
        if self._running.get(key) is generation:
            del self._running[key]
