"""Which model the embedded engine runs, which there are, and which fit this machine."""

from pathlib import Path

import pytest

from assist_server.config.settings import EngineSettings
from assist_server.core.errors import ModelError
from assist_server.features.models import engine_model, is_embedded_model, list_models, memory_need, recommend
from assist_server.models.catalogue import load_catalogue
from support.gguf_files import gguf
from support.models import DATA, store_of
from support.ollama_files import MODEL, put_model

GIB = 1024**3
CATALOGUE = load_catalogue()


def named(model: str) -> EngineSettings:
    return EngineSettings(model=model)


def test_a_model_of_the_catalogue(tmp_path):
    (tmp_path / "tiny.gguf").write_bytes(DATA)
    model = engine_model(named("tiny"), store_of(tmp_path))
    assert (model.path, model.alias, model.name) == (tmp_path / "tiny.gguf", "tiny", "tiny")


def test_a_file_of_the_users_own(tmp_path, monkeypatch):
    path = tmp_path / "My Model.Q8_0.gguf"
    path.write_bytes(gguf())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name in (str(path), "~/My Model.Q8_0.gguf", "My Model.Q8_0.gguf", "./My Model.Q8_0.gguf"):
        model = engine_model(named(name), store_of(tmp_path))
        assert (model.path, model.alias) == (path, "My Model.Q8_0")


@pytest.mark.parametrize("name", ["/none.gguf", "none.gguf", "~nobody-of-that-name/x", "a/b"])
def test_a_file_that_is_not_there(tmp_path, name):
    with pytest.raises(ModelError, match="there is no model file"):
        engine_model(named(name), store_of(tmp_path))


def test_a_file_that_is_cut(tmp_path):
    (tmp_path / "cut.gguf").write_bytes(gguf()[:-1])
    with pytest.raises(ModelError, match="is not whole"):
        engine_model(named(str(tmp_path / "cut.gguf")), store_of(tmp_path))


def test_a_model_that_is_not_installed_says_the_command(tmp_path):
    with pytest.raises(ModelError, match="tiny is not installed") as missing:
        engine_model(named("tiny"), store_of(tmp_path))
    assert missing.value.hint == "run `assist model pull tiny`"


def test_a_model_that_is_damaged_says_the_command(tmp_path):
    (tmp_path / "tiny.gguf").write_bytes(DATA[:-1])
    with pytest.raises(ModelError, match="the file of tiny is damaged") as damaged:
        engine_model(named("tiny"), store_of(tmp_path))
    assert damaged.value.hint == "run `assist model pull tiny`"


@pytest.mark.parametrize("name", ["", "gpt-9", "../tiny"])
def test_a_name_that_nobody_knows(tmp_path, name):
    with pytest.raises(ModelError) as unknown:
        engine_model(named(name), store_of(tmp_path))
    assert unknown.value.hint


def test_the_list(tmp_path):
    store = store_of(tmp_path)
    (entry,) = list_models(store)
    assert (entry.model.name, entry.state, entry.path, entry.size) == ("tiny", "absent", None, len(DATA))
    (tmp_path / "tiny.gguf").write_bytes(DATA)
    (entry,) = list_models(store)
    assert (entry.state, entry.path) == ("installed", tmp_path / "tiny.gguf")


@pytest.mark.parametrize(
    ("total", "available", "best"),
    [(64 * GIB, 60 * GIB, "1.5b"), (16 * GIB, 8 * GIB, "1.5b"), (4 * GIB, 2 * GIB, "0.5b"), (2 * GIB, GIB // 2, "0.5b"),
     (GIB // 2, GIB // 4, None)],
)  # fmt: skip
def test_what_fits(total, available, best):
    rows = recommend(CATALOGUE, total=total, available=available)
    assert [row.model.name.removeprefix("qwen2.5-coder-") for row in rows if row.best] == ([best] if best else [])
    assert all(row.fit == "none" for row in rows if row.need > total)


def test_the_estimate_lies_above_what_was_measured():
    small = CATALOGUE.model("qwen2.5-coder-0.5b")
    size, kv = small.file.size, small.kv_bytes_per_token
    assert 661 << 20 < memory_need(size, kv, 4096) < 1.4 * (661 << 20)
    assert 1005 << 20 < memory_need(size, kv, 32_768) < 1.4 * (1005 << 20)


def test_a_context_longer_than_the_model_is_cut_to_the_models_own():
    by_name = {row.model.name: row for row in recommend(CATALOGUE, total=GIB, available=GIB, context_length=100_000)}
    assert by_name["smollm2-135m"].context_length == 8192
    assert by_name["qwen2.5-coder-0.5b"].context_length == 32_768


@pytest.mark.model
def test_the_real_model_by_its_path(tmp_path: Path, test_model: Path):
    assert engine_model(named(str(test_model)), store_of(tmp_path)).path == test_model


def test_a_model_of_ollamas_store(tmp_path: Path):
    put_model(tmp_path / "ollama", "qwen2.5-coder:1.5b", (MODEL, gguf()))
    environ = {"OLLAMA_MODELS": str(tmp_path / "ollama")}
    model = engine_model(named("ollama:qwen2.5-coder:1.5b"), store_of(tmp_path), environ)
    assert (model.alias, model.name) == ("qwen2.5-coder:1.5b", "qwen2.5-coder:1.5b")
    assert model.path.read_bytes() == gguf()
    with pytest.raises(ModelError, match="does not have the model other:latest") as missing:
        engine_model(named("ollama:other"), store_of(tmp_path), environ)
    assert missing.value.hint == "run `ollama pull other:latest`"
    with pytest.raises(ModelError, match="is no name of a model"):
        engine_model(named("ollama:../x"), store_of(tmp_path), environ)


def test_a_model_of_ollamas_store_that_is_cut(tmp_path: Path):
    put_model(tmp_path, "cut:1b", (MODEL, gguf()[:-1]))
    with pytest.raises(ModelError, match="is not whole"):
        engine_model(named("ollama:cut:1b"), store_of(tmp_path), {"OLLAMA_MODELS": str(tmp_path)})


@pytest.mark.parametrize(
    ("name", "ours"),
    [("tiny", True), ("./m.gguf", True), ("ollama:qwen2.5-coder:7b", True), ("qwen2.5-coder:7b", False)],
)
def test_which_names_can_only_mean_the_embedded_engine(tmp_path: Path, name: str, ours: bool):
    assert is_embedded_model(name, store_of(tmp_path)) is ours
