"""Where assist keeps its files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs


@dataclass(frozen=True, slots=True)
class Folders:
    """The folders of one user; none of them need exist yet.

    cache: what can be made again (the engine's state, indexes). data: models. config: the user's `config.toml`.
    """

    cache: Path
    data: Path
    config: Path
    log: Path

    @property
    def config_file(self) -> Path:
        """The user's settings."""
        return self.config / "config.toml"

    @property
    def models(self) -> Path:
        """The model files that assist fetched."""
        return self.data / "models"


def folders(environ: Mapping[str, str]) -> Folders:
    """Choose the folders: `ASSIST_CACHE_DIR`, `ASSIST_DATA_DIR` and `ASSIST_CONFIG_DIR`, else the platform's own.

    Whoever moves the cache moves the log with it. Where all four are deleted nothing called `assist` is left.
    """
    chosen = platformdirs.PlatformDirs("assist", appauthor=False)
    whole = platformdirs.PlatformDirs("assist", appauthor=False, opinion=False)  # no `log` within a folder of ours
    cache = _named(environ, "ASSIST_CACHE_DIR")
    return Folders(
        cache=cache or chosen.user_cache_path,
        data=_named(environ, "ASSIST_DATA_DIR") or chosen.user_data_path,
        config=_named(environ, "ASSIST_CONFIG_DIR") or chosen.user_config_path,
        log=cache / "log" if cache else whole.user_log_path,
    )


def make_private(folder: Path) -> Path:
    """Create a folder, and its missing parents, that only its owner can enter; an existing one is left as it is.

    Raises OSError.
    """
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        new.mkdir(mode=0o700, exist_ok=True)
        folder = new
    return folder


def _named(environ: Mapping[str, str], variable: str) -> Path | None:
    value = environ.get(variable, "")
    return Path(value).expanduser().absolute() if value else None
