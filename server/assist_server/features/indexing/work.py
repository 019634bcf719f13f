"""One workspace in the indexing process: from the wait for its lock to the last file."""

from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from assist_context.errors import IndexDamaged, IndexUnusable
from assist_context.index.ignore import is_utf8
from assist_context.index.seal import is_condemned
from assist_server.features.indexing.containment import Contained
from assist_server.features.indexing.listing import Listed, nearest_first
from assist_server.features.indexing.messages import MOST_PATHS, Event, Progress, Ready, Trouble, Updated, Waiting
from assist_server.features.indexing.open_index import OpenIndex
from assist_server.features.indexing.threads import Heard, Threads
from assist_server.features.indexing.workspace import index_folder, make_room

_PROGRESS_SECONDS = 0.1
# So many files of a listing are indexed before anything else, as those that are saved.
_FEW = 50
# After a failure of the disk a workspace is left alone for so long.
_REST_SECONDS = 30.0
# An index that nobody changes for so long is sealed.
_SEAL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Office:
    """What all workspaces of a process share. hear: for threads. tell: for the main one. most_bytes: of all indexes."""

    cache: Path
    most_bytes: int
    hear: Callable[[Heard], None]
    tell: Callable[[Event], None]
    contained: Contained


class Work:
    """What is to be done for one workspace; used by the main thread alone. Its methods raise OSError, IndexUnusable."""

    def __init__(self, root: str, office: Office, *, near: Collection[str], watch: bool) -> None:
        self.root = root
        self._office = office
        self._folder = index_folder(office.cache, Path(root))
        self._threads = Threads(root, self._folder, office.hear, office.contained)
        self._watched = watch
        self._near = tuple(near)
        self._index: OpenIndex | None = None
        self._failed_at: float | None = None
        self._pending: set[str] = set()
        self._foreign: set[str] = set()  # files that do not belong here, as of the last listing of all
        self._order: list[str] = []  # the next one is the last
        self._total = self._removed = 0
        self._began = self._changed_at = monotonic()
        self._told_at = 0.0
        self._asked = self._looking = self._tidying = self._untold = False

    def start(self) -> None:
        """Take the workspace over, or wait for whoever has it."""
        if self._threads.take_lock():
            self.own()
        else:
            self._failed_at = None
            self._office.tell(Waiting(self.root))
            self._threads.wait_for_lock()

    def own(self) -> None:
        """Begin with a workspace whose lock is held."""
        self._folder.touch()
        make_room(self._office.cache, self._office.most_bytes, keep=self._folder)
        self._index = OpenIndex(self._folder, self._office.contained)
        self.rescan()
        if self._watched:
            self._threads.watch()

    def close(self) -> None:
        """Have done with it; the index is closed in good order and the lock is free."""
        self._threads.stop()
        index, self._index = self._index, None
        try:
            if index is not None:
                index.close()
        finally:
            self._threads.join_waiter()
            self._threads.free_lock()

    def fail(self, code: str, text: str, error: BaseException) -> None:
        """Give the workspace up for a while, and say why; an index that is damaged is built anew at once."""
        damaged = isinstance(error, IndexDamaged) and self._failed_at is None
        self._failed_at = monotonic()
        self._pending, self._order = set(), []
        self._looking = self._tidying = self._untold = False
        index, self._index = self._index, None
        if index is not None:
            with suppress(OSError, IndexUnusable):
                index.abandon(error)
        if damaged:
            self.own()
        else:
            self._threads.free_lock()  # another process may have more luck
            self._office.tell(Trouble(self.root, code, text))

    @property
    def pending(self) -> bool:
        """Tell whether `step` has something to do."""
        return bool(self._pending) or self._tidying

    @property
    def busy(self) -> bool:
        """Tell whether files are being listed or read, or somebody waits for the end of that."""
        return bool(self._pending) or self._untold or self._looking or self._threads.lister.busy

    def near(self, paths: Collection[str]) -> None:
        """Take the files that are near these first from now on."""
        self._near = tuple(paths)
        self._sort()

    def rescan(self, *, asked: bool = True) -> None:
        """Look at all files again; what was asked for is answered even if nothing is new."""
        if self._open() is not None:
            self._asked = self._asked or asked
            self._looking = True
            self._threads.lister.ask()

    def changed(self, paths: Collection[str]) -> None:
        """Bring files up to date now; what is not known yet only if it belongs to the workspace."""
        index = self._open()
        if index is None:
            return
        paths = [path for path in paths if is_utf8(path)]
        # A listing tells what is a file of this workspace; for those that are known or listed the file itself does.
        known = index.has(paths) | (self._pending & set(paths))
        self._update([path for path in paths if path in known and not index.knows(path)])
        settled = known | self._foreign
        unknown = [path for path in paths if path not in settled and not index.knows(path)]
        if unknown:
            self._threads.lister.ask(unknown)

    def heard(self, heard: Heard) -> None:
        """Do what a thread of this workspace asks for."""
        if heard.what == "owned":
            self.own()
        elif heard.what == "touched":
            self.changed(heard.paths)
        elif heard.what == "again":
            self.rescan(asked=False)
        elif heard.what == "polling":
            text = f"{self.root} has more folders than the system can watch: changes from outside are found late"
            self._office.tell(Trouble(self.root, "polling", text))
        elif heard.listed is not None:
            self._listed(heard.listed)

    def idle(self) -> None:
        """See whether somebody has deleted the index, which is built anew then, and seal one that rests."""
        if self._index is None:
            return
        if not self._folder.database.is_file():
            index, self._index = self._index, None
            index.abandon(FileNotFoundError())
            self.own()
            return
        if is_condemned(self._folder.database):
            raise IndexDamaged("a reader has found the index damaged", hint="it is built anew")
        if self._watched:
            self._threads.watch()
        if monotonic() - self._changed_at > _SEAL_SECONDS:
            self._index.seal()

    def step(self, urgent: Callable[[], bool]) -> None:
        """Index the next files, until something else is urgent."""
        index = self._index
        if index is None:
            return
        if not self._pending:
            self._tidying = index.tidy()
            if self._untold and not self._tidying:
                self._tell_ready(index)
            return
        while self._order:
            path = self._order.pop()
            if path in self._pending:  # else a save was quicker
                full = index.collect(path)
                self._pending.discard(path)
                if full:
                    self._tell_updated(index.flush())
                self._tell_progress()
            if urgent():
                break
        if not self._order:
            self._tell_updated(index.flush())
            self._ready(index)

    def _open(self) -> OpenIndex | None:
        """Give the index, unless another process has it; after a failure it is tried again when some time has gone."""
        if self._failed_at is not None and self._index is None and monotonic() - self._failed_at > _REST_SECONDS:
            self.start()
        return self._index

    def _listed(self, listed: Listed) -> None:
        index = self._index
        if index is None:
            return
        if listed.failure is not None:
            raise listed.failure
        if not listed.only:
            self._looking = False
            self._foreign.clear()
        self._foreign.update(set(listed.foreign) - index.has(listed.foreign))
        new = [path for path in listed.new if not index.knows(path)]
        if not listed.there:
            # What is known of a folder that has gone is kept; it may come back.
            if not listed.only:
                self._office.tell(Trouble(self.root, "failed", f"there is no folder {self.root}"))
        elif listed.only and len(new) + len(listed.gone) <= _FEW:
            self._update([*listed.gone, *new])
        else:
            self._plan(index, listed, new)

    def _plan(self, index: OpenIndex, listed: Listed, new: Collection[str]) -> None:
        """Forget what is gone, and put what is new among what is to be done."""
        if not self._pending:
            self._began, self._total, self._removed = monotonic(), 0, 0
            index.read = 0
        if not listed.only:
            index.left_out_by_listing(Counter(dict(listed.left_out)), listed.new)
        self._removed += len(listed.gone)
        self._tell_updated(index.remove(listed.gone))
        before = len(self._pending)
        self._pending = self._pending | set(new) if listed.only else set(new)
        self._total += len(self._pending) - before
        self._sort()
        if self._pending:
            self._folder.complete.unlink(missing_ok=True)
            self._tell_progress()
        elif not listed.only and (listed.gone or self._asked or before):
            self._ready(index)

    def _update(self, paths: Collection[str]) -> None:
        index = self._index
        if index is None or not paths:
            return
        self._pending.difference_update(paths)
        self._tell_updated(index.update(paths))
        if self._order and not self._pending:
            self._order = []
            self._tell_updated(index.flush())
            self._ready(index)

    def _sort(self) -> None:
        self._order = nearest_first(self._pending, self._near)[::-1]

    def _ready(self, index: OpenIndex) -> None:
        self._folder.complete.touch(mode=0o600)
        self._failed_at, self._asked = None, False
        if self._watched or not self._tidying:
            self._tell_ready(index)
        else:
            self._untold = True  # whoever builds once leaves when it hears of the end: nobody would tidy later

    def _tell_ready(self, index: OpenIndex) -> None:
        self._untold = False
        totals = index.totals()
        self._office.tell(
            Ready(
                root=self.root,
                files=totals.files,
                symbols=totals.symbols,
                bytes=totals.bytes,
                read=index.read,
                removed=self._removed,
                seconds=monotonic() - self._began,
                skipped=index.skipped(),
            )
        )

    def _tell_progress(self) -> None:
        now = monotonic()
        if now - self._told_at >= _PROGRESS_SECONDS:
            self._told_at = now
            self._office.tell(Progress(self.root, self._total - len(self._pending), self._total))

    def _tell_updated(self, paths: Collection[str]) -> None:
        if paths:
            self._changed_at, self._tidying = monotonic(), True
            self._office.tell(Updated(self.root, tuple(paths) if len(paths) <= MOST_PATHS else ()))
