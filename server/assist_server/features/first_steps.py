"""What a person still has to do before Ollama can answer: the one command that helps.

With `backend.name` on `ollama` the errors are about Ollama alone. On `auto` the embedded engine serves where Ollama
does not, and nothing is said; where neither is ready, the shortest way is told. Whoever has an Ollama has chosen it
and it may know a GPU, so it is started, or given a model; to all others one download gives the embedded engine.
An address that the user gave may lead into a container or to another machine: whether Ollama is installed there,
nobody here can tell, so the message names the address.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from assist_server.backends.ollama_url import USUAL_URL
from assist_server.core.errors import BackendUnavailable
from assist_server.core.hardware import memory_total
from assist_server.core.notices import Notice
from assist_server.core.programs import find_program
from assist_server.net.address import Address
from assist_server.privacy.egress import leads_here

HOST_VARIABLE, URL_SETTING = "OLLAMA_HOST", "backend.url"

_MODEL, _SMALL_MODEL = "qwen2.5-coder:1.5b", "qwen2.5-coder:0.5b"
_ENOUGH_MEMORY = 4 * 1024**3  # 1.6 GiB for the larger of the two with 8192 tokens of context, the rest for all else
_UNITS = ("etc/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system", "lib/systemd/system")


def find_ollama(*, root: Path = Path("/")) -> str | None:
    """Give the command that starts the Ollama of this machine, None where none is installed.

    An editor that was started from a desktop may lack the PATH of a shell, so its usual places are looked at too.
    """
    if (root / "run/systemd/system").is_dir() and any((root / unit / "ollama.service").is_file() for unit in _UNITS):
        return "systemctl start ollama"
    if find_program("ollama") is not None or any(place.is_file() for place in _usual_places(root)):
        return "ollama serve"
    return "open -a Ollama" if (root / "Applications/Ollama.app").is_dir() else None


@dataclass(frozen=True, slots=True)
class FirstSteps:
    """Say what helps with one Ollama.

    url: where it is looked for. named_by: the setting or variable that says so, None for the usual address.
    start: gives the command that starts it on this machine, None where it is not installed. memory: gives bytes.
    """

    url: str = USUAL_URL
    named_by: str | None = None
    start: Callable[[], str | None] = find_ollama
    memory: Callable[[], int] = memory_total

    def can_start(self) -> bool:
        """Tell whether one command on this machine starts the Ollama that is looked for."""
        return self._start() is not None

    def unreachable(self) -> BackendUnavailable:
        """Make the error for an Ollama that does not answer at all."""
        place, start = Address(self.url).place, self._start()
        there = f" at {place}, which {self.named_by} names" if self.named_by else ""
        if start is not None:
            return BackendUnavailable(f"Ollama is installed but does not run{there}", hint=f"run `{start}`")
        if self.named_by:
            return BackendUnavailable(
                f"no Ollama answers{there}", hint=f"start it there, or correct {self.named_by} (`assist doctor` helps)"
            )
        return BackendUnavailable(
            f"Ollama is not installed on this machine, and nothing answers at {place}", hint=f"run `{_installer()}`"
        )

    def pull(self, model: str | None = None) -> str:
        """Give the command that brings a model, without one a code model of a size for this machine."""
        if model is None:
            model = _SMALL_MODEL if leads_here(self.url) and self.memory() < _ENOUGH_MEMORY else _MODEL
        if self.named_by == URL_SETTING:
            # Ollama's own command finds a server by its variable alone, which each shell sets in another way.
            return f"assist model pull {model} --backend ollama --url {self.url}"
        return f"ollama pull {model}"

    def asked_in_words(self, model: str, setting: str | None) -> Notice:
        """Advise a better model than one that cannot fill in. setting: what names the model now, None if nothing."""
        then = f" and name that model in {setting}" if setting else ""
        return Notice(
            "advice",
            f"{model} cannot fill in at the cursor; it is asked in words, which is slower and less often right",
            f"run `{self.pull()}`{then}",
        )

    def _start(self) -> str | None:
        """Give the command that starts it where it is looked for."""
        if self.named_by is None:
            return self.start()
        if self.named_by != HOST_VARIABLE or not leads_here(self.url) or self.start() is None:
            return None
        return "ollama serve"  # which reads the variable; a service has an environment of its own


def _usual_places(root: Path) -> tuple[Path, ...]:
    if sys.platform == "win32":
        return (Path(os.environ.get("LOCALAPPDATA", "C:\\"), "Programs", "Ollama", "ollama.exe"),)
    return tuple(root / folder / "ollama" for folder in ("usr/local/bin", "opt/homebrew/bin", "usr/bin"))


def _installer() -> str:
    if sys.platform == "win32":
        return "winget install Ollama.Ollama"
    return "brew install ollama" if sys.platform == "darwin" else "curl -fsSL https://ollama.com/install.sh | sh"
