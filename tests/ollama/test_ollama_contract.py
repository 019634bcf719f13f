"""The contract of the backends with a real Ollama, for each way in which it can hold the same model."""

from collections.abc import AsyncIterator

import pytest

from assist_context.prompt.segments import Prompt, Text
from assist_server.backends.base import FillRequest
from assist_server.backends.ollama import OllamaBackend
from assist_server.backends.registry import BackendConfig
from assist_server.core.errors import Unsupported
from support.backend_contract import PATIENT, BackendContract, collect
from support.ollama_server import CHAT_MODEL, FIM_MODEL, PLAIN_MODEL, OllamaServer

pytestmark = pytest.mark.model


@pytest.fixture
async def backend(ollama: OllamaServer) -> AsyncIterator[OllamaBackend]:
    backend = OllamaBackend(BackendConfig(ollama.url, timeouts=PATIENT))
    yield backend
    await backend.aclose()


class TestFimTemplate(BackendContract):
    """A model with a template that takes a suffix."""

    @pytest.fixture
    def model(self) -> str:
        return FIM_MODEL


class TestNoTemplate(BackendContract):
    """A model with nothing but the GGUF's own template."""

    @pytest.fixture
    def model(self) -> str:
        return PLAIN_MODEL


class TestChatTemplate(BackendContract):
    """A model with a template for conversations only."""

    @pytest.fixture
    def model(self) -> str:
        return CHAT_MODEL


@pytest.mark.parametrize(("model", "inserts"), [(FIM_MODEL, True), (PLAIN_MODEL, False), (CHAT_MODEL, False)])
async def test_only_a_template_with_a_suffix_fills_in(backend: OllamaBackend, model: str, inserts: bool) -> None:
    evidence = await backend.fim_evidence(model, [])
    assert evidence.inserts is inserts
    assert "<|im_start|>" in (evidence.template or "")
    prompt = Prompt((Text("def add(a, b):\n    return "),))
    stream = backend.fill(FillRequest(model, prompt, max_tokens=8, seed=7, suffix="\n", stop=("\n",)))
    if inserts:
        assert (await collect(stream))[0].strip() == "a + b"
    else:
        with pytest.raises(Unsupported, match="does not support insert"):
            await collect(stream)
