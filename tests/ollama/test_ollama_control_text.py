"""Control tokens in a user's text stay text on a real Ollama, by its own tokens, and come back as they were."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from assist_context.prompt.fim import by_name
from assist_context.prompt.segments import Control, Prompt, Segment, Text
from assist_server.backends.base import ChatRequest, FillRequest, Message
from assist_server.backends.control_text import control_tokens, defuse_chat, defuse_fill
from assist_server.backends.ollama import OllamaBackend
from assist_server.backends.registry import BackendConfig, OllamaWishes
from support.backend_contract import PATIENT, collect
from support.ollama_server import FIM_MODEL, PLAIN_MODEL, OllamaServer

pytestmark = pytest.mark.model

QWEN = by_name("qwen2.5-coder")
SECONDS = 600.0
WISHES = OllamaWishes(context_length=4096, batch_size=512)
OPTIONS = {"num_ctx": 4096, "num_batch": 512, "num_predict": 1}  # as the backend's: another value loads the model anew
each_model = pytest.mark.parametrize("model", [FIM_MODEL, PLAIN_MODEL])


@dataclass(frozen=True)
class Vocabulary:
    """The model's control tokens and their numbers, as Ollama shows them."""

    numbers: dict[str, int]

    @property
    def tokens(self) -> frozenset[str]:
        return frozenset(self.numbers)

    @property
    def lines(self) -> str:
        """Spell each of them in a line of code."""
        return "".join(f"x = '{token}'\n" for token in self.numbers)

    @property
    def row(self) -> str:
        """Spell them one after the other."""
        return "".join(self.numbers)

    def read_in(self, tokens: list[int]) -> list[str]:
        """Give those that the server has read, in order."""
        names = {number: token for token, number in self.numbers.items()}
        return [names[number] for number in tokens if number in names]


class Tokenizer:
    """What Ollama makes of a text; of an answer to a prompt that is not raw it tells the tokens."""

    def __init__(self, url: str, model: str) -> None:
        self._url, self._model = url, model

    def read(self, prompt: str, suffix: str | None = None) -> list[int]:
        """Give the tokens of a text; with a suffix those of the model's own template around both."""
        how = {"template": "{{ .Prompt }}"} if suffix is None else {"suffix": suffix}
        answer = self._post("generate", {"prompt": prompt, **how})
        return list(answer["context"][: answer["prompt_eval_count"]])

    def rendered(self, messages: tuple[Message, ...]) -> str:
        """Give the text that the model is given for a conversation."""
        said = [{"role": message.role, "content": message.content} for message in messages]
        answer = self._post("chat", {"messages": said, "_debug_render_only": True})
        return str(answer["_debug_info"]["rendered_template"])

    def _post(self, what: str, body: dict[str, Any]) -> dict[str, Any]:
        body = {"model": self._model, "stream": False, "shift": False, "truncate": False, "options": OPTIONS, **body}
        with httpx.Client(trust_env=False, timeout=SECONDS) as client:
            answer = client.post(f"{self._url}/api/{what}", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
async def backend(ollama: OllamaServer) -> AsyncIterator[OllamaBackend]:
    backend = OllamaBackend(BackendConfig(ollama.url, timeouts=PATIENT, ollama=WISHES))
    yield backend
    await backend.aclose()


@pytest.fixture
def tokenizer(ollama: OllamaServer, model: str) -> Tokenizer:
    return Tokenizer(ollama.url, model)


@pytest.fixture(scope="module")
def vocabulary(ollama: OllamaServer) -> Vocabulary:
    with httpx.Client(trust_env=False, timeout=SECONDS) as client:
        answer = client.post(f"{ollama.url}/api/show", json={"model": PLAIN_MODEL, "verbose": True})
    facts = answer.json()["model_info"]
    tokens, types = facts["tokenizer.ggml.tokens"], facts["tokenizer.ggml.token_type"]
    found = control_tokens(tokens, types)
    return Vocabulary({token: number for number, token in enumerate(tokens) if token in found})


def prompts(vocabulary: Vocabulary) -> list[Prompt]:
    """Put the tokens before the cursor, behind it, and into the names and the text of another file."""
    assert QWEN is not None
    lines, row = vocabulary.lines, vocabulary.row
    other: tuple[Segment, ...] = (
        *[Control("<|repo_name|>"), Text("r\n"), Control("<|file_sep|>"), Text(f"{row}.py\n{row}\n")],
        *[Control("<|file_sep|>"), Text("a.py\n")],
    )
    return [QWEN.render(lines, "b\n"), QWEN.render("a", lines), Prompt((*other, *QWEN.render("a", "b\n").segments))]


@pytest.mark.parametrize("model", [PLAIN_MODEL])
def test_ollama_reads_control_tokens_out_of_text_that_is_not_parted(
    tokenizer: Tokenizer, vocabulary: Vocabulary
) -> None:
    assert len(vocabulary.numbers) == 24
    # `<unk>` and `</s>` are ordinary by the file; of the two, llama.cpp makes only the second a control token
    controls = [token for token in vocabulary.numbers if token != "<unk>"]
    read = tokenizer.read(vocabulary.lines + vocabulary.row)
    assert vocabulary.read_in(read) == [*controls, *controls]


@each_model
async def test_fills_hold_no_control_token_but_ours(
    backend: OllamaBackend, model: str, tokenizer: Tokenizer, vocabulary: Vocabulary
) -> None:
    for prompt in prompts(vocabulary):
        request = FillRequest(model, prompt, max_tokens=1)
        _, done = await collect(backend.fill(request))
        read = tokenizer.read(defuse_fill(request, vocabulary.tokens).prompt)
        assert done.usage.prompt == len(read)
        assert vocabulary.read_in(read) == [s.value for s in prompt.segments if isinstance(s, Control)]


@pytest.mark.parametrize("model", [FIM_MODEL])
async def test_what_ollama_puts_into_its_own_template_holds_no_control_token(
    backend: OllamaBackend, model: str, tokenizer: Tokenizer, vocabulary: Vocabulary
) -> None:
    request = FillRequest(model, Prompt((Text(vocabulary.lines),)), max_tokens=1, suffix=vocabulary.row)
    _, done = await collect(backend.fill(request))
    defused = defuse_fill(request, vocabulary.tokens)
    read = tokenizer.read(defused.prompt, defused.suffix)
    assert done.usage.prompt == len(read)
    assert vocabulary.read_in(read) == ["<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"]


@each_model
async def test_conversations_hold_no_control_token_but_the_templates(
    backend: OllamaBackend, model: str, tokenizer: Tokenizer, vocabulary: Vocabulary
) -> None:
    row = vocabulary.row
    diff = "--- a/a.py\n+++ b/a.py\n@@ -0,0 +1 @@\n" + "".join(f"+{line}\n" for line in vocabulary.lines.splitlines())
    messages = (Message("system", row), Message("user", diff), Message("assistant", row), Message("user", "go on"))
    _, done = await collect(backend.chat(ChatRequest(model, messages, max_tokens=1)))
    read = tokenizer.read(tokenizer.rendered(defuse_chat(messages, vocabulary.tokens).messages))
    assert done.usage.prompt == len(read)
    turn = ["<|im_start|>", "<|im_end|>"]
    assert vocabulary.read_in(read) == [*turn, *turn, *turn, *turn, "<|im_start|>"]


@each_model
@pytest.mark.parametrize("token", ["<|im_end|>", "<|endoftext|>", "<|fim_middle|>", "<tool_call>"])
async def test_a_model_writes_the_users_characters_again(backend: OllamaBackend, model: str, token: str) -> None:
    assert QWEN is not None
    line = f"'a {token} b',"
    prompt = QWEN.render(f"LINES = [\n    {line}\n    {line}\n    {line}\n    '", "\n]\n")
    text, _ = await collect(backend.fill(FillRequest(model, prompt, max_tokens=32, stop=("\n", *QWEN.stops))))
    assert text == line[1:]


@each_model
async def test_an_answer_quotes_the_users_characters(backend: OllamaBackend, model: str) -> None:
    question = "Repeat this line of code exactly, and nothing else:\n\nEND = 'x<|im_end|>y'"
    text, _ = await collect(backend.chat(ChatRequest(model, (Message("user", question),), max_tokens=32)))
    assert "END = 'x<|im_end|>y'" in text
