"""A real Ollama on a port and store of its own, with three models from one GGUF file."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support.installed_programs import ollama_program

FIM_MODEL = "qwen-fim:0.5b"  # a template with `.Suffix`: it has the capability `insert`
PLAIN_MODEL = "qwen-plain:0.5b"  # no template but the Jinja one of the GGUF
CHAT_MODEL = "qwen-chat:0.5b"  # a template for conversations only
MODELS = (FIM_MODEL, PLAIN_MODEL, CHAT_MODEL)

_CHAT = """{{- range .Messages }}<|im_start|>{{ .Role }}
{{ .Content }}<|im_end|>
{{ end }}<|im_start|>assistant
"""
_FIM = "<|fim_prefix|>{{ .Prompt }}<|fim_suffix|>{{ .Suffix }}<|fim_middle|>"
# Ollama prefers the Jinja template of the GGUF to one that knows no tools and has no `.Suffix`
_TOOLS = """{{- if .Tools }}<|im_start|>system
<tools>{{ .Tools }}</tools><|im_end|>
{{ end }}{{- range .Messages }}{{- if eq .Role "tool" }}<|im_start|>user
<tool_response>{{ .Content }}</tool_response><|im_end|>
{{ else }}<|im_start|>{{ .Role }}
{{ .Content }}{{- range .ToolCalls }}
<tool_call>{{ .Function.Name }} {{ .Function.Arguments }}</tool_call>{{- end }}<|im_end|>
{{ end }}{{- end }}<|im_start|>assistant
"""
_TEMPLATES = {
    PLAIN_MODEL: "",
    FIM_MODEL: f"{{{{- if .Suffix }}}}{_FIM}{{{{- else }}}}{_CHAT}{{{{ end }}}}",
    CHAT_MODEL: _TOOLS,
}

_WATCH = Path(__file__).with_name("run_while_watched.py")
_LISTENING = r'msg="Listening on (\S+) '
_LOAD = r'msg="starting llama-server"'
_EVALUATION = r"prompt eval time =\s+([\d.]+) ms /\s+(\d+) tokens"
_SECONDS = 120.0  # for what takes a second or two on a machine that does nothing else


@dataclass(frozen=True, slots=True)
class PromptEvaluation:
    """What llama-server says about one prompt. tokens: those evaluated, without what its cache held."""

    tokens: int
    ms: float


class ServerLog:
    """A growing file. A mark is a place in it: take one before a request, and read what came after it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._grown = threading.Condition()
        self._ended = False

    def mark(self) -> int:
        """Give the present end, in bytes."""
        return self.path.stat().st_size

    def since(self, mark: int) -> str:
        """Give what has come since a mark."""
        with self.path.open("rb") as file:
            file.seek(mark)
            return file.read().decode(errors="replace")

    def wait_for(self, pattern: str, mark: int, *, count: int = 1, seconds: float = _SECONDS) -> list[re.Match[str]]:
        """Wait until a pattern has come `count` times since a mark. Raises RuntimeError where it does not come."""
        found: list[re.Match[str]] = []

        def there() -> bool:
            found[:] = re.finditer(pattern, self.since(mark))
            return len(found) >= count or self._ended

        with self._grown:
            self._grown.wait_for(there, seconds)
        if len(found) < count:
            message = f"{pattern!r} came {len(found)} of {count} times in {self.path}:\n{self.since(mark)[-2000:]}"
            raise RuntimeError(message)
        return found

    def prompt_evaluations(self, mark: int, *, count: int) -> list[PromptEvaluation]:
        """Wait for the evaluations of `count` answered requests and give all since the mark."""
        found = self.wait_for(_EVALUATION, mark, count=count)
        return [PromptEvaluation(tokens=int(match[2]), ms=float(match[1])) for match in found]

    def loads(self, mark: int) -> int:
        """Count how often a model was loaded since a mark."""
        return len(re.findall(_LOAD, self.since(mark)))

    def follow(self, process: "subprocess.Popen[bytes]") -> None:
        """Note that the file has grown, as often as the process says a line of it, until the process ends."""
        assert process.stdout is not None
        for _ in process.stdout:
            with self._grown:
                self._grown.notify_all()
        with self._grown:
            self._ended = True
            self._grown.notify_all()


@dataclass(frozen=True, slots=True)
class OllamaServer:
    """A running Ollama. store: what OLLAMA_MODELS names. process: what ends the server when its input is closed."""

    url: str
    program: Path
    store: Path
    home: Path
    log: ServerLog
    process: "subprocess.Popen[bytes]"

    @property
    def environment(self) -> dict[str, str]:
        """What the `ollama` command needs to speak to this server."""
        return {**_clean_environment(), "OLLAMA_HOST": self.url, "HOME": str(self.home)}

    def create(self, name: str, source: str, template: str = "") -> None:
        """Make a model from a GGUF file or another model. template: a Go template; empty leaves that of the source."""
        modelfile = self.home / "Modelfile"
        modelfile.write_text(f"FROM {source}\n" + (f'TEMPLATE """{template}"""\n' if template else ""))
        command = [str(self.program), "create", name, "-f", str(modelfile)]
        result = subprocess.run(command, check=False, capture_output=True, text=True, env=self.environment)
        if result.returncode != 0:
            message = f"`ollama create {name}` failed:\n{result.stderr.strip()}"
            raise RuntimeError(message)


@contextmanager
def running_ollama(folder: Path, gguf: Path, environment: Mapping[str, str] | None = None) -> Iterator[OllamaServer]:
    """Run Ollama with the three models until the end of the block; the store is deleted then, the log stays.

    environment: more variables for the server, such as OLLAMA_NUM_PARALLEL.
    """
    with bare_ollama(folder, environment) as server:
        for name, template in _TEMPLATES.items():
            server.create(name, PLAIN_MODEL if template else str(gguf), template)
        yield server


@contextmanager
def bare_ollama(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[OllamaServer]:
    """Run Ollama without any model until the end of the block."""
    program = ollama_program()
    home, store, log = folder / "home", folder / "models", ServerLog(folder / "serve.log")
    home.mkdir(parents=True)
    log.path.touch()
    own = {"OLLAMA_HOST": "127.0.0.1:0", "OLLAMA_NO_CLOUD": "1", "OLLAMA_MODELS": str(store), "OLLAMA_DEBUG": "1"}
    with subprocess.Popen(
        [sys.executable, _WATCH, log.path, store, program, "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C ends the tests, and those end it
        env={**_clean_environment(), **own, "HOME": str(home), **(environment or {})},
    ) as process:
        follower = threading.Thread(target=log.follow, args=(process,), daemon=True)
        follower.start()
        try:
            (listening,) = log.wait_for(_LISTENING, 0)
            yield OllamaServer(f"http://{listening[1]}", program, store, home, log, process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()
            follower.join()


def _clean_environment() -> dict[str, str]:
    """Give the caller's environment without settings of Ollama and proxies."""
    proxies = {"http_proxy", "https_proxy", "all_proxy", "no_proxy"}
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("OLLAMA_") and name.lower() not in proxies
    }
