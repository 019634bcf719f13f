"""An answer shown without any code of ours in the editor: a Markdown file that it opens, else a message."""

import logging
from pathlib import Path

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from assist_server.core.folders import make_private
from assist_server.lsp.lifecycle import Session

logger = logging.getLogger(__name__)

FOLDER = "answers"
MOST_FILES = 20
_LONGEST_MESSAGE = 4000


async def present(session: Session, folder: Path, conversation: str, heading: str, text: str) -> None:
    """Show an answer; folder is the cache, in which the newest answers are kept."""
    if session.protocol.supports("window", "showDocument", "support"):
        try:
            path = write_answer(folder / FOLDER, conversation, f"# {heading}\n\n{text.strip()}\n")
        except OSError as error:
            logger.warning("an answer could not be written: %s", error.strerror)
        else:
            if await _shown(session, path):
                return
    shortened = text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"
    params = types.ShowMessageParams(types.MessageType.Info, f"{heading}\n\n{shortened.strip()}")
    session.protocol.notify(types.WINDOW_SHOW_MESSAGE, params)


def write_answer(folder: Path, name: str, text: str) -> Path:
    """Write an answer that only its owner can read, and drop the oldest ones; raises OSError."""
    make_private(folder)
    older = sorted(folder.glob("*.md"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in older[MOST_FILES - 1 :]:
        path.unlink(missing_ok=True)
    path = folder / f"{name}.md"
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8", errors="replace")
    return path


async def _shown(session: Session, path: Path) -> bool:
    params = types.ShowDocumentParams(path.as_uri(), external=False, take_focus=True)
    try:
        result = await session.protocol.send_request_async(types.WINDOW_SHOW_DOCUMENT, params)
    except JsonRpcException as error:
        logger.warning("the client did not show a document: %s", error.code)
        return False
    return bool(result and result.success)
