"""The built-in engine: llama.cpp's own server inside the host process, through xllamacpp."""

import importlib
import secrets
from pathlib import Path
from typing import Any

from assist_server.core.errors import EngineError
from assist_server.engine.failure import last_words
from assist_server.engine.folder import EngineFolder
from assist_server.engine.spec import EngineSpec

# warnings and errors only: from 3 on it tells of every request, which costs and helps nobody
_VERBOSITY = 2
_PROMPT_CACHE_MIB = 256
_INSTALL = "install it with `pip install 'assist-lsp[embedded]'`, or use Ollama"


class BuiltinServer:
    """A running server; raises EngineError where it cannot run.

    Two slots share one cache of the whole context length: one for filling in, one for chat.
    """

    def __init__(self, spec: EngineSpec, folder: EngineFolder) -> None:
        library = _library()
        self.api_key = secrets.token_urlsafe(32)
        self.version = f"xllamacpp {library.__version__}"
        self.context_length = spec.context_length
        try:
            self._server = library.Server(_parameters(library, spec, self.api_key))
        except RuntimeError as error:
            reason = last_words(folder.log) or str(error)
            raise EngineError(
                f"the model {Path(spec.model_path).name} cannot be loaded: {reason.rstrip('.')}",
                hint=f"pull it again with `assist model pull` or name another in `engine.model`; log: {folder.log}",
            ) from error
        self.url: str = self._server.listening_address

    def ended(self) -> bool:
        """Tell whether the server is gone; here it lives as long as its process."""
        return False

    def close(self) -> None:
        """End running requests and free the model."""
        del self._server


def _library() -> Any:
    try:
        return importlib.import_module("xllamacpp")
    except ModuleNotFoundError as error:
        if error.name != "xllamacpp":
            raise EngineError(f"the built-in engine cannot be loaded: {error}", hint=_INSTALL) from error
        raise EngineError("the built-in engine is not installed", hint=_INSTALL) from error
    except ImportError as error:
        raise EngineError(f"the built-in engine cannot be loaded: {error}", hint=_INSTALL) from error


def _parameters(library: Any, spec: EngineSpec, api_key: str) -> Any:
    wanted = library.CommonParams()
    wanted.model.path = spec.model_path
    wanted.model_alias = {spec.alias}
    wanted.hostnames = ["127.0.0.1"]
    wanted.port = 0
    wanted.api_keys = [api_key]
    wanted.cors_origins = "localhost"
    wanted.ui = False
    wanted.server_tools = []
    wanted.offline = True
    wanted.endpoint_slots = True
    wanted.n_parallel = 2
    wanted.kv_unified = True
    wanted.n_ctx = spec.context_length
    wanted.n_batch = wanted.n_ubatch = spec.batch_size
    wanted.cache_ram_mib = _PROMPT_CACHE_MIB
    wanted.n_gpu_layers = spec.gpu_layers
    wanted.warmup = True
    wanted.verbosity = _VERBOSITY
    if spec.threads:
        wanted.cpuparams.n_threads = wanted.cpuparams_batch.n_threads = spec.threads
    return wanted
