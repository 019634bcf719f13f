"""Names of models are read as Ollama reads them."""

import pytest

from assist_server.core.errors import UsageError
from assist_server.core.ollama_name import REGISTRY, OllamaName, names_cloud, parse_ollama_name


@pytest.mark.parametrize(
    ("text", "name", "shown"),
    [
        ("mistral", (REGISTRY, "library", "mistral", "latest"), "mistral:latest"),
        ("qwen2.5-coder:7b", (REGISTRY, "library", "qwen2.5-coder", "7b"), "qwen2.5-coder:7b"),
        ("library/mistral:7b", (REGISTRY, "library", "mistral", "7b"), "mistral:7b"),
        ("someone/model", (REGISTRY, "someone", "model", "latest"), "someone/model:latest"),
        ("hf.co/Org/M-GGUF:Q4_K_M", ("hf.co", "Org", "M-GGUF", "Q4_K_M"), "hf.co/Org/M-GGUF:Q4_K_M"),
        ("127.0.0.1:5000/library/x:t", ("127.0.0.1:5000", "library", "x", "t"), "127.0.0.1:5000/library/x:t"),
        ("http://box:5000/a/x", ("box:5000", "a", "x", "latest"), "box:5000/a/x:latest"),
        (f" {REGISTRY}/library/x:1 ", (REGISTRY, "library", "x", "1"), "x:1"),
    ],
)
def test_reads_a_name(text: str, name: tuple[str, str, str, str], shown: str) -> None:
    parsed = parse_ollama_name(text)
    assert parsed == OllamaName(*name)
    assert str(parsed) == shown
    assert parse_ollama_name(shown) == parsed


@pytest.mark.parametrize(
    "text",
    ["", " ", "two words", "x:", ":x", "/x", "a//x", "x/", "../x", "a/../x", "x:../../y", "a.b/x", ".x", "x" * 81],
)
def test_refuses_what_is_no_name(text: str) -> None:
    with pytest.raises(UsageError, match="is no name of a model") as wrong:
        parse_ollama_name(text)
    assert "qwen2.5-coder:7b" in (wrong.value.hint or "")


def test_knows_the_host_of_a_registry() -> None:
    assert parse_ollama_name("127.0.0.1:5000/library/x").host == "127.0.0.1"
    assert parse_ollama_name("x").host == REGISTRY


@pytest.mark.parametrize(
    ("text", "cloud"),
    [
        ("gpt-oss:120b-cloud", True),
        ("x:cloud", True),
        ("x:CLOUD", True),
        ("cloud:7b", False),
        ("my-cloud", False),  # a model of that name: of a tag it would be Ollama's mark
        ("box:5000/a/my-cloud", False),
        ("box:5000/a/x:1b-cloud", True),
    ],
)
def test_knows_a_name_of_the_cloud(text: str, cloud: bool) -> None:
    assert parse_ollama_name(text).is_cloud is cloud
    assert names_cloud(f" {text} ") is cloud
