"""What a refusal means, in whatever shape a server gives it."""

import json
from typing import Any

import pytest

from assist_server.backends.rejection import Asked, Refusal, names_parameter, read_refusal, rejection, stream_failure
from assist_server.core.errors import BackendRejected, BadResponse, PromptTooLong, RateLimited

ASKED = Asked("Ollama at 127.0.0.1:11434", "m", secret="sk-secret")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"error": "model 'x' not found"}, "model 'x' not found"),
        ({"error": {"message": "Invalid API Key", "type": "authentication_error", "code": 401}}, "Invalid API Key"),
        ({"error": json.dumps({"error": {"code": 400, "message": "deep"}})}, "deep"),
        ({"error": "{not json after all"}, "{not json after all"),
        ({"detail": "Not authenticated"}, "Not authenticated"),
        ({"detail": {"msg": "Server is busy", "type": "service_unavailable"}}, "Server is busy"),
        ({"detail": {"error": "Unauthorized"}}, "Unauthorized"),
        ({"detail": [{"type": "missing", "loc": ["body"], "msg": "Field required"}]}, "Field required"),
        ({"object": "error", "message": "flat"}, "flat"),
        ({"error": {"message": "bad", "param": "seed"}}, "bad (parameter 'seed')"),
        ({}, ""),
        ([], ""),
        (None, ""),
        ("a JSON string", "a JSON string"),
    ],
)
def test_finds_the_words(body: Any, text: str) -> None:
    assert read_refusal(json.dumps(body)).text == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("404 page not found", "404 page not found"),
        ("", ""),
        ("<!doctype html><p>no", ""),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_takes_plain_text_as_it_is_and_a_page_as_nothing(body: str, text: str) -> None:
    assert read_refusal(body) == Refusal(text)


@pytest.mark.parametrize(
    ("said", "counts"),
    [
        ("This model's maximum context length is 4096 tokens. However, you requested 5000 tokens", (5000, 4096)),
        (
            "This model's maximum context length is 4096 tokens. However, your request has 5000 tokens in the messages",
            (5000, 4096),
        ),
        ("the prompt is longer than the context length currently available to the model; shorten it", (None, None)),
        ("Trying to keep the first 4096 tokens when context the overflows. However, the model is loaded", (None, None)),
        ("prompt is too long: 9 tokens > 8 maximum", (None, None)),
    ],
)
def test_knows_a_prompt_that_is_too_long_by_its_words(said: str, counts: tuple[int | None, int | None]) -> None:
    for error in (rejection(ASKED, 400, {}, {"error": said}), stream_failure(ASKED, {"error": {"message": said}})):
        assert isinstance(error, PromptTooLong)
        assert (error.prompt_tokens, error.context_length) == counts
        assert error.hint


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("soon", None), ("", None), ("Mon, 01 Jan 2001 00:00:00 GMT", 0.0)],
)
def test_reads_how_long_to_wait(header: str, seconds: float | None) -> None:
    error = rejection(ASKED, 429, {"retry-after": header}, "")
    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 422, 429, 500, 501, 502, 503])
@pytest.mark.parametrize("said", ["", "no sk-secret here.\nsecond line", "x" * 5000])
def test_makes_one_short_sentence_without_the_key(status: int, said: str) -> None:
    error = rejection(ASKED, status, {}, {"error": said})
    assert isinstance(error, BackendRejected)
    assert error.status == status
    for text in (error.message, error.hint or ""):
        assert "sk-secret" not in text
        assert "\n" not in text
        assert not text.endswith(".")
        assert len(text) < 500


def test_hides_the_key_in_a_failed_stream() -> None:
    error = stream_failure(ASKED, {"error": "bad key sk-secret"})
    assert isinstance(error, BadResponse)
    assert error.message == "Ollama at 127.0.0.1:11434 failed in the middle of its answer: bad key ***"


@pytest.mark.parametrize(
    ("text", "name", "names"),
    [
        ("'stop' is not supported", "stop", True),
        ("Invalid 'stop': array too long", "stop", True),
        ("`stop[0]` is empty", "stop", True),
        ("stop: too many", "stop", True),
        ("the server will stop", "stop", False),
        ("Unrecognized request argument supplied: seed", "seed", True),
        ("use 'max_completion_tokens'", "max_tokens", False),
        ("max_tokens is unknown", "max_tokens", True),
        ("'response_format.type' must be 'json_schema'", "response_format", True),
    ],
)
def test_knows_which_parameter_a_refusal_is_about(text: str, name: str, names: bool) -> None:
    assert names_parameter(text, name) is names
