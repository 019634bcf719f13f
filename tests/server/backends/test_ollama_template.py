"""The Go template that we write is one that we read again as the same family."""

import pytest

from assist_context.prompt.fim import FIM_FORMATS, FimFormat, by_template
from assist_server.backends.ollama_template import go_template, stop_strings


@pytest.mark.parametrize("fim", FIM_FORMATS, ids=lambda fim: fim.id)
@pytest.mark.parametrize("chat", ["chatml", "none"])
def test_a_template_is_read_back(fim: FimFormat, chat: str) -> None:
    template = go_template(fim, chat)
    found = by_template(template, fim.id)
    assert found is not None
    assert found.pieces == fim.pieces
    assert template.count("{{ .Suffix }}") == template.count("{{ .Prompt }}") - (chat == "none") == 1


def test_fills_in_as_the_table_says() -> None:
    qwen = next(fim for fim in FIM_FORMATS if fim.id == "qwen-coder")
    assert go_template(qwen, "none") == (
        "{{- if .Suffix }}<|fim_prefix|>{{ .Prompt }}<|fim_suffix|>{{ .Suffix }}<|fim_middle|>"
        "{{ else }}{{ .Prompt }}{{ end }}"
    )


@pytest.mark.parametrize("fim", FIM_FORMATS, ids=lambda fim: fim.id)
def test_ends_an_answer_at_control_tokens_only(fim: FimFormat) -> None:
    stops = stop_strings(fim, "chatml")
    assert {"<|im_start|>", "<|im_end|>"} <= set(stops) <= fim.all_tokens() | {"<|im_start|>", "<|im_end|>"}
    assert len(set(stops)) == len(stops)
