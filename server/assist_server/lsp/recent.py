"""What the editor's user did lately, for each workspace folder, as notifications and requests tell it."""

from collections.abc import Sequence
from pathlib import Path

from assist_server.features.completion.recent import RecentPlaces
from assist_server.lsp.documents import Change, Documents


class SessionRecent:
    """The recent places of one connection; documents in no folder have none."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._folders: dict[Path, RecentPlaces] = {}

    def places(self, root: Path) -> RecentPlaces:
        """Give what is known of a folder."""
        return self._folders.setdefault(root, RecentPlaces())

    def opened(self, uri: str) -> None:
        """Take note of a document that was opened."""
        if (place := self._documents.place(uri)) and (text := self._documents.text(uri)) is not None:
            self.places(place[0]).opened(place[1], text)

    def edited(self, uri: str, changes: Sequence[Change]) -> None:
        """Take note of changes that were made at once."""
        if place := self._documents.place(uri):
            self.places(place[0]).edited(place[1], [change.lines for change in changes])

    def visited(self, uri: str, line: int) -> None:
        """Take note of the line, from 0, where the cursor is."""
        if place := self._documents.place(uri):
            self.places(place[0]).visited(place[1], line)

    def closing(self, uri: str) -> None:
        """Take note of a document that is about to be closed."""
        if (place := self._documents.place(uri)) and (text := self._documents.text(uri)) is not None:
            self.places(place[0]).closed(place[1], text)

    def change_folders(self) -> None:
        """Forget folders that are gone; what is open belongs to the deepest of those that there are."""
        places = [(uri, place) for uri in self._documents.uris() if (place := self._documents.place(uri))]
        roots = {root for _, (root, _) in places}
        self._folders = {root: known for root, known in self._folders.items() if root in roots}
        for uri, (root, path) in places:
            if path not in self.places(root).open_paths():
                self.opened(uri)
