"""The catalogue that comes with assist, and that a wrong entry is named."""

import json
from copy import deepcopy
from importlib.resources import files

import pytest

from assist_server.core.errors import ModelError
from assist_server.models.catalogue import load_catalogue, parse_catalogue

TEXT = (files("assist_server.models") / "catalogue.json").read_text("utf-8")


def test_the_models_that_can_be_pulled():
    catalogue = load_catalogue()
    assert [model.name for model in catalogue.models] == ["qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b", "smollm2-135m"]
    small = catalogue.model("qwen2.5-coder-0.5b")
    assert (small.file.size, small.fim, small.licence) == (491_400_064, "qwen-coder", "Apache-2.0")
    assert small.file.sha256.startswith("1d961463")
    assert catalogue.model("smollm2-135m").roles == ("chat",)


def test_every_download_is_encrypted_and_its_hosts_are_named_one_by_one():
    for model in load_catalogue().models:
        if model.huggingface:
            assert model.huggingface.url.startswith("https://huggingface.co/Qwen/")
            assert not any("*" in host for host in model.huggingface.hosts)


def test_an_unknown_model_is_answered_with_those_that_exist():
    assert load_catalogue().find("gpt") is None
    with pytest.raises(ModelError, match="'gpt'") as unknown:
        load_catalogue().model("gpt")
    assert "qwen2.5-coder-0.5b" in (unknown.value.hint or "")


@pytest.mark.parametrize(
    ("path", "value"),
    [("name", "Upper"), ("name", "../x"), ("file.name", "../x.gguf"), ("file.name", "x.bin"), ("file.sha256", "abc"),
     ("file.size", 0), ("context_length", -1), ("roles", []), ("roles", ["painting"]), ("fim", None),
     ("huggingface.url", "http://huggingface.co/x"), ("huggingface.url", "https://other.example/x"),
     ("huggingface.url", "no url"), ("package_index.parts", 5), ("package_index.parts", 7),
     ("package_index.part_size", 1), ("surprise", 1), ("file.size", "big"), ("huggingface.hosts", None)],
)  # fmt: skip
def test_a_wrong_entry_is_named(path, value):
    data = deepcopy(json.loads(TEXT))
    entry = data["models"][0]
    *outer, last = path.split(".")
    for key in outer:
        entry = entry[key]
    entry[last] = value
    with pytest.raises(ModelError, match=r"entry '.+' is not right"):
        parse_catalogue(json.dumps(data))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"models": 3}', '{"models": [1]}', '{"models": [{}]}'])
def test_what_is_no_catalogue(text):
    with pytest.raises(ModelError):
        parse_catalogue(text)


def test_two_models_of_one_name():
    data = json.loads(TEXT)
    data["models"].append(data["models"][0])
    with pytest.raises(ModelError, match="two models of one name"):
        parse_catalogue(json.dumps(data))
