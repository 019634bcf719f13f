"""What a GGUF header tells, and that no file, however broken, is taken for a whole model."""

import os
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assist_server.core.errors import ModelError
from assist_server.models.gguf import check_gguf, texts_in_header
from support.gguf_files import F32, VALUES, gguf, text

WHOLE = gguf({key: value for key, value in VALUES.items() if not key.startswith("tokenizer.ggml")})


def checked(tmp_path, data: bytes):
    path = tmp_path / "model.gguf"
    path.write_bytes(data)
    return check_gguf(path)


def test_what_the_header_says(tmp_path):
    header = checked(tmp_path, gguf())
    assert (header.architecture, header.name, header.quantization) == ("qwen2", "Tiny", "Q4_K_M")
    assert (header.context_length, header.block_count, header.vocabulary, header.tensors) == (32768, 24, 2000, 2)
    assert header.kv_bytes_per_token == 12_288
    assert header.size == len(gguf())


@pytest.mark.parametrize(
    ("more", "kv_bytes"),
    [
        ({"qwen2.attention.head_count_kv": [2, 0, 2] * 8}, 2 * 32 * 128),
        ({"qwen2.attention.key_length": 128}, 2 * 48 * 192),
        ({"qwen2.attention.head_count": 0}, None),
        ({"qwen2.block_count": "24"}, None),
    ],
)
def test_the_memory_of_a_token(tmp_path, more, kv_bytes):
    assert checked(tmp_path, gguf({**VALUES, **more})).kv_bytes_per_token == kv_bytes


def test_a_header_that_says_little(tmp_path):
    header = checked(tmp_path, gguf({"general.architecture": "new", "general.file_type": 999}, version=2))
    assert (header.name, header.context_length, header.quantization, header.kv_bytes_per_token) == (None,) * 4


def test_a_file_cut_anywhere_is_not_whole(tmp_path):
    path = tmp_path / "cut.gguf"
    path.write_bytes(WHOLE)
    check_gguf(path)
    for length in range(len(WHOLE) - 1, -1, -1):
        os.truncate(path, length)
        with pytest.raises(ModelError, match="is not whole" if length >= 4 else "is not a GGUF file"):
            check_gguf(path)


def test_how_much_is_missing_is_said(tmp_path):
    with pytest.raises(ModelError, match=rf"has {len(gguf()) - 1:,} bytes, where its tensors need {len(gguf()):,}"):
        checked(tmp_path, gguf()[:-1])


@pytest.mark.parametrize("data", [b"", b"GGU", b"<!DOCTYPE html>", b"PK\x03\x04", b"\x7fELF" + bytes(100)])
def test_what_is_no_gguf(tmp_path, data):
    with pytest.raises(ModelError, match="is not a GGUF file") as wrong:
        checked(tmp_path, data)
    assert wrong.value.hint


@pytest.mark.parametrize("values", [{"x": 1}, {"general.architecture": "clip", "general.type": "mmproj"}])
def test_what_is_no_language_model(tmp_path, values):
    with pytest.raises(ModelError, match="holds no language model"):
        checked(tmp_path, gguf(values))


def test_no_file_a_folder_and_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "none.gguf", tmp_path, tmp_path / "pipe"):
        with pytest.raises(ModelError, match="there is no model file"):
            check_gguf(path)


HUGE = 2**63


def head(tensors: int, values: int) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, values)


def value(layout: str, *numbers: int) -> bytes:
    """One value of the key `k`: the number of its type, then what belongs to it."""
    return head(0, 1) + text("k") + struct.pack(layout, *numbers) + bytes(32_000)


def tensor(layout: str, *numbers: int) -> bytes:
    """One tensor called `a`: the count of its dimensions, each of them, its type, its offset."""
    return head(1, 0) + text("a") + struct.pack(layout, *numbers) + bytes(64)


HOSTILE = {
    "count of tensors": head(HUGE, 0),
    "count of values": head(0, HUGE),
    "very many values": head(0, 70_000) + bytes(13 * 70_000),
    "length of a key": head(0, 1) + struct.pack("<Q", HUGE) + bytes(64),
    "long key": head(0, 1) + text("k" * 70_000) + struct.pack("<IB", 0, 1),
    "length of a string": value("<IQ", 8, HUGE),
    "type of a value": value("<I", 77),
    "length of an array": value("<IIQ", 9, 4, HUGE),
    "type in an array": value("<IIQ", 9, 77, 1),
    "array of arrays": value("<IIQ", 9, 9, 2000),
    "array in an array in an array": value("<I" + "IQ" * 99, 9, *(9, 1) * 99),
    "string in a long array": value("<IIQQ", 9, 8, 2000, HUGE),
    "shape": tensor("<IQQIQ", 2, HUGE, HUGE, F32, 0),
    "many dimensions": tensor("<I", 2**31),
    "offset": tensor("<IQIQ", 1, 1, F32, 2**64 - 1),
    "offset of an unknown type": tensor("<IQIQ", 1, 1, 99, 2**40),
    "alignment": gguf({"general.architecture": "a", "general.alignment": 0}),
    "version": gguf(version=1),
    "byte order": gguf(version=3 << 24),
}


@pytest.mark.parametrize("lie", HOSTILE)
def test_a_number_that_lies(tmp_path, lie):
    with pytest.raises(ModelError, match="is not whole"):
        checked(tmp_path, HOSTILE[lie])


@given(st.data())
def test_any_damage_gives_a_header_or_an_error_of_ours(tmp_path_factory, data):
    damaged = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place : place + 4] = data.draw(st.binary(min_size=1, max_size=8))
    with suppress(ModelError):
        checked(tmp_path_factory.getbasetemp(), bytes(damaged))


@pytest.mark.model
def test_the_real_model(test_model):
    header = check_gguf(test_model)
    assert (header.architecture, header.quantization, header.context_length) == ("qwen2", "Q4_K_M", 32768)


def test_finds_tokens_in_the_vocabulary(tmp_path):
    path = tmp_path / "model.gguf"
    path.write_bytes(gguf({**VALUES, "tokenizer.ggml.tokens": ["<|fim_prefix|>", "<|fim_prefix|>x"] * 1000}))
    header = check_gguf(path)
    assert header.chat_template == "{{ messages }}"
    assert texts_in_header(path, header, ["<|fim_prefix|>", "<|fim_middle|>", "fim"]) == {"<|fim_prefix|>"}
