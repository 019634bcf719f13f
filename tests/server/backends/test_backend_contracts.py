"""The contract of all backends, over a real loopback server that speaks each server's dialect."""

import pytest

from support.backend_contract import FaultContract
from support.dialects import Dialect, EmbeddedDialect, LlamaServerDialect, OllamaDialect, OpenAIDialect


class TestOllama(FaultContract):
    @pytest.fixture
    def dialect(self) -> Dialect:
        return OllamaDialect()


class TestLlamaServer(FaultContract):
    @pytest.fixture
    def dialect(self) -> Dialect:
        return LlamaServerDialect()


class TestEmbedded(FaultContract):
    @pytest.fixture
    def dialect(self) -> Dialect:
        return EmbeddedDialect()


class TestOpenAICompatible(FaultContract):
    @pytest.fixture
    def dialect(self) -> Dialect:
        return OpenAIDialect()
