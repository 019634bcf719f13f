"""The folder of model files: what is there, whole, damaged, begun or removed."""

import os

import pytest

from assist_server.core.errors import ModelError
from assist_server.models import store as store_module
from support.models import DATA, left_in, store_of


def test_an_empty_store(tmp_path):
    store = store_of(tmp_path / "none")
    (model,) = store.catalogue.models
    assert (store.path_of("tiny"), store.installed(), store.state(model)) == (None, (), "absent")
    with pytest.raises(ModelError, match="there is no model called 'other'"):
        store.path_of("other")


def test_a_file_that_a_person_put_there(tmp_path):
    store = store_of(tmp_path)
    (tmp_path / "tiny.gguf").write_bytes(DATA)
    assert store.path_of("tiny") == tmp_path / "tiny.gguf"
    assert store.installed() == store.catalogue.models


def test_a_file_is_hashed_once_until_it_changes(tmp_path, monkeypatch):
    path = tmp_path / "tiny.gguf"
    path.write_bytes(DATA)
    assert store_of(tmp_path).path_of("tiny")
    hash_of = store_module.hash_of
    monkeypatch.setattr(store_module, "hash_of", lambda _: pytest.fail("hashed again"))
    assert store_of(tmp_path).path_of("tiny")
    monkeypatch.setattr(store_module, "hash_of", hash_of)
    path.write_bytes(b"!" + DATA[1:])
    os.utime(path, ns=(1, 1))
    assert store_of(tmp_path).path_of("tiny") is None
    store = store_of(tmp_path)
    assert store.state(store.catalogue.models[0]) == "damaged"
    monkeypatch.setattr(store_module, "hash_of", lambda _: pytest.fail("a damaged file hashed again"))
    assert store_of(tmp_path).path_of("tiny") is None


def test_where_no_marker_can_be_written_a_store_hashes_once_until_the_file_changes(tmp_path, monkeypatch):
    store, path = store_of(tmp_path), tmp_path / "tiny.gguf"
    path.write_bytes(DATA)
    (tmp_path / "tiny.gguf.sha256.json").mkdir()
    hash_of, hashed = store_module.hash_of, []
    monkeypatch.setattr(store_module, "hash_of", lambda path: hashed.append(path) or hash_of(path))
    assert [store.path_of("tiny"), store.path_of("tiny")] == [path, path]
    assert hashed == [path]
    path.write_bytes(b"!" + DATA[1:])
    os.utime(path, ns=(1, 1))
    assert store.path_of("tiny") is None
    assert hashed == [path, path]
    assert store == store_of(tmp_path)


@pytest.mark.parametrize("marker", ["", "{}", "[]", '{"size": 1, "mtime_ns": 2, "sha256": "x"}', "\udcff"])
def test_a_marker_that_says_nothing_is_not_believed(tmp_path, marker):
    (tmp_path / "tiny.gguf").write_bytes(DATA)
    (tmp_path / "tiny.gguf.sha256.json").write_bytes(marker.encode("utf-8", "surrogateescape"))
    assert store_of(tmp_path).path_of("tiny")


@pytest.mark.parametrize("data", [DATA[:-1], DATA + b"x", b""])
def test_a_file_of_another_size_is_damaged(tmp_path, data):
    (tmp_path / "tiny.gguf").write_bytes(data)
    store = store_of(tmp_path)
    assert store.path_of("tiny") is None
    assert store.state(store.catalogue.models[0]) == "damaged"


def test_what_was_begun(tmp_path):
    (tmp_path / "tiny.gguf.part").write_bytes(b"x")
    store = store_of(tmp_path)
    assert store.state(store.catalogue.models[0]) == "partial"


def test_removing_leaves_nothing(tmp_path):
    store = store_of(tmp_path)
    (tmp_path / "tiny.gguf").write_bytes(DATA)
    (tmp_path / "tiny.gguf.part").write_bytes(b"12345")
    assert store.path_of("tiny")
    assert store.remove("tiny") > len(DATA) + 5
    assert left_in(tmp_path) == set()
    with pytest.raises(ModelError, match="tiny is not installed"):
        store.remove("tiny")


def test_one_at_a_time(tmp_path):
    with store_of(tmp_path).locked(), pytest.raises(ModelError, match="another assist"):
        store_of(tmp_path).remove("tiny")
    with store_of(tmp_path).locked():
        pass


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot be written"), store_of(tmp_path / "file" / "models").locked():
        pass


def test_a_damaged_file_can_be_removed_even_if_it_is_empty(tmp_path):
    path = tmp_path / "tiny.gguf"
    path.touch()
    store = store_of(tmp_path)
    assert store.state(store.catalogue.models[0]) == "damaged"
    assert store.remove("tiny") == 0
    assert not path.exists()
