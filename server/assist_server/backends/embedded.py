"""Our own engine: llama.cpp's server in a process of its own, found through `BackendConfig.address`."""

from assist_server.backends.llama_server import LlamaServerBackend
from assist_server.backends.registry import BackendConfig
from assist_server.core.errors import ConfigError


class EmbeddedBackend(LlamaServerBackend):
    """Ask the embedded engine. Asking for its address may start it, so `health` is only for who wants it running."""

    name = "embedded"
    product = "the embedded engine"
    one_slot_each = True

    def __init__(self, config: BackendConfig) -> None:
        if config.address is None:
            raise ConfigError("the embedded engine has no address", hint="the application gives it one")
        super().__init__(config)
