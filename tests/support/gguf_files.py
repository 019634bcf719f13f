"""Tiny GGUF files written by hand."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

VALUES: Mapping[str, Any] = {
    "general.architecture": "qwen2",
    "general.name": "Tiny",
    "general.file_type": 15,
    "qwen2.context_length": 32768,
    "qwen2.block_count": 24,
    "qwen2.embedding_length": 896,
    "qwen2.attention.head_count": 14,
    "qwen2.attention.head_count_kv": 2,
    "tokenizer.ggml.tokens": [f"token {number}" for number in range(2000)],
    "tokenizer.ggml.scores": [0.5] * 2000,
    "tokenizer.chat_template": "{{ messages }}",
    "some.flag": True,
    "some.lists": [[1, 2], [3]],
}
F32, Q4_K = 0, 12


def text(value: str) -> bytes:
    """Write a string: its length, then its bytes."""
    return struct.pack("<Q", len(value.encode())) + value.encode()


def gguf(
    values: Mapping[str, Any] = VALUES,
    tensors: Sequence[tuple[str, tuple[int, ...], int]] = (("a", (256, 2), Q4_K), ("b", (3,), F32)),
    *,
    version: int = 3,
) -> bytes:
    """Write a whole file; a tensor is its name, shape and type (F32 or Q4_K)."""
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(values))
    head += b"".join(text(key) + _typed(value) for key, value in values.items())
    offset = 0
    for name, shape, kind in tensors:
        head += text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, kind, offset)
        offset += -(-_bytes(shape, kind) // 32) * 32
    last = offset - (-(-_bytes(*tensors[-1][1:]) // 32) * 32 - _bytes(*tensors[-1][1:])) if tensors else 0
    return head + bytes(-len(head) % 32 if tensors else 0) + bytes(last)


def _typed(value: Any) -> bytes:
    kind, data = _value(value)
    return struct.pack("<I", kind) + data


def _value(value: Any) -> tuple[int, bytes]:
    if isinstance(value, bool):
        return 7, struct.pack("<?", value)
    if isinstance(value, int):
        return 4, struct.pack("<I", value)
    if isinstance(value, float):
        return 6, struct.pack("<f", value)
    if isinstance(value, str):
        return 8, text(value)
    kinds = [_value(item) for item in value]
    return 9, struct.pack("<IQ", kinds[0][0] if kinds else 4, len(value)) + b"".join(data for _, data in kinds)


def _bytes(shape: tuple[int, ...], kind: int) -> int:
    elements = 1
    for length in shape:
        elements *= length
    return elements // 256 * 144 if kind == Q4_K else elements * 4
