"""The header of a GGUF file: what model it holds, and whether the file is whole. Tensors are never read.

Every length in the file is taken for a lie until it fits into the file. Format: version 2 and 3, little-endian.
"""

import mmap
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assist_server.core.errors import ModelError
from assist_server.models.ggml import FILE_TYPES, TENSOR_TYPES

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_SMALLEST = {_STRING: 8, _ARRAY: 12}
_LONGEST_KEPT_ARRAY = 1024  # longer ones are vocabularies, of which only the length matters here
_LONGEST_NAME = 1 << 16
_DEEPEST_ARRAY = 4
_MOST_VALUES, _MOST_TENSORS = 1 << 16, 1 << 20  # far above any model, and small enough for any memory


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """What the header says; None where it does not.

    head_count_kv: the key-value heads of all layers together. key_length, value_length: of one head.
    quantization: as llama.cpp names it (`Q4_K_M`). chat_template: in Jinja. size: of the file in bytes.
    data_start: where the header ends, in bytes.
    """

    version: int
    architecture: str
    name: str | None
    context_length: int | None
    block_count: int | None
    embedding_length: int | None
    head_count_kv: int | None
    key_length: int | None
    value_length: int | None
    vocabulary: int | None
    quantization: str | None
    chat_template: str | None
    tensors: int
    size: int
    data_start: int

    @property
    def kv_bytes_per_token(self) -> int | None:
        """Memory of the key-value cache for a token in f16: an upper bound for models with a sliding window."""
        if self.head_count_kv is None or self.key_length is None or self.value_length is None:
            return None
        return 2 * self.head_count_kv * (self.key_length + self.value_length)


class _Broken(Exception):
    """The header is not what the format says; the argument says where."""


class _Reader:
    """Read forward through mapped bytes, never past their end."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self.size = len(data)
        self.position = 0

    def number(self, code: str) -> Any:
        """Read one number of a struct code."""
        layout = struct.Struct("<" + code)
        start = self.skip(layout.size)
        return layout.unpack_from(self._data, start)[0]

    def skip(self, length: int) -> int:
        """Go on by so many bytes and give where they began."""
        start = self.position
        if length > self.size - start:
            raise _Broken("it ends within its header")
        self.position = start + length
        return start

    def count(self, smallest: int) -> int:
        """Read a number of things of at least so many bytes each, all of which must fit into the rest of the file."""
        count = int(self.number("Q"))
        if count * smallest > self.size - self.position:
            raise _Broken("it ends within its header")
        return count

    def text(self, longest: int) -> str:
        """Read a string."""
        length = self.count(1)
        if length > longest:
            raise _Broken("a name in its header is too long")
        start = self.skip(length)
        return self._data[start : start + length].decode("utf-8", "replace")

    def skip_texts(self, count: int) -> None:
        """Pass over many strings; a vocabulary has 150,000 of them, hence the tight loop."""
        unpack, data, position, last = struct.Struct("<Q").unpack_from, self._data, self.position, self.size - 8
        for _ in range(count):
            if position > last:
                raise _Broken("it ends within its header")
            position += 8 + unpack(data, position)[0]
        if position > self.size:
            raise _Broken("it ends within its header")
        self.position = position


def check_gguf(path: Path) -> GgufHeader:
    """Read the header of a GGUF language model and check that all its tensors lie within the file.

    Raises ModelError for a file that is missing, not a GGUF, truncated, or no language model.
    """
    try:
        if not path.is_file():
            raise ModelError(f"there is no model file {path}", hint="name a `.gguf` file")
        with path.open("rb") as file:
            if file.read(4) != b"GGUF":
                raise ModelError(f"{path} is not a GGUF file", hint="llama.cpp reads models in the `.gguf` format only")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _header(_Reader(data), path)
    except _Broken as broken:
        raise ModelError(f"the model file {path} is not whole: {broken}", hint="download it again") from None
    except OSError as error:
        raise ModelError(f"the model file {path} cannot be read: {error.strerror}") from error


def texts_in_header(path: Path, header: GgufHeader, texts: Iterable[str]) -> frozenset[str]:
    """Give those of some texts that a checked file's header holds as whole strings: tokens of its vocabulary."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return frozenset(text for text in texts if data.find(_string(text), 0, header.data_start) >= 0)
    except OSError as error:
        raise ModelError(f"the model file {path} cannot be read: {error.strerror}") from error


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _header(reader: _Reader, path: Path) -> GgufHeader:
    reader.skip(4)
    version = reader.number("I")
    if version not in (2, 3):
        raise _Broken(f"it says to be of version {version}, where 2 and 3 are known")
    tensors, count = reader.count(24), reader.count(13)
    if tensors > _MOST_TENSORS or count > _MOST_VALUES:
        raise _Broken("its header counts more than any model has")
    values = _values(reader, count)
    alignment = values.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 0 < alignment <= 1 << 20:
        raise _Broken("its alignment is no number that makes sense")
    end = max((_tensor_end(reader) for _ in range(tensors)), default=0)
    data = -(-reader.position // alignment) * alignment
    if data + end > reader.size:
        raise _Broken(f"it has {reader.size:,} bytes, where its tensors need {data + end:,}")
    if not isinstance(values.get("general.architecture"), str) or values.get("general.type", "model") != "model":
        raise ModelError(f"{path} holds no language model", hint="an adapter or a projector cannot run by itself")
    return _described(version, values, tensors, size=reader.size, data_start=data)


def _values(reader: _Reader, count: int) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for _ in range(count):
        key = reader.text(_LONGEST_NAME)
        values[key] = _value(reader, reader.number("I"))
    return values


def _value(reader: _Reader, kind: int, depth: int = 0) -> Any:
    if kind in _SCALARS:
        return reader.number(_SCALARS[kind])
    if kind == _STRING:
        return reader.text(reader.size)
    if kind != _ARRAY or depth == _DEEPEST_ARRAY:
        raise _Broken(f"a value in its header is of an unknown type {kind}")
    return _array(reader, depth)


def _array(reader: _Reader, depth: int) -> Any:
    """Read a short array as a list, and a long one as a range of its length."""
    kind = reader.number("I")
    size = struct.calcsize(_SCALARS[kind]) if kind in _SCALARS else _SMALLEST.get(kind)
    if size is None:
        raise _Broken(f"an array in its header is of an unknown type {kind}")
    length = reader.count(size)
    if length <= _LONGEST_KEPT_ARRAY:
        return [_value(reader, kind, depth + 1) for _ in range(length)]
    if kind in _SCALARS:
        reader.skip(length * size)
    elif kind == _STRING:
        reader.skip_texts(length)
    else:
        raise _Broken("an array in its header holds too many arrays")
    return range(length)


def _tensor_end(reader: _Reader) -> int:
    """Read one tensor's description and give where its data ends, in bytes from the start of all data."""
    reader.text(_LONGEST_NAME)
    dimensions = reader.number("I")
    if dimensions > 8:
        raise _Broken("a tensor in its header has too many dimensions")
    elements = 1
    for _ in range(dimensions):
        elements *= reader.number("Q")
    block, size = TENSOR_TYPES.get(reader.number("I"), (1, 0))  # of a type of later date only the start is checked
    offset = int(reader.number("Q"))
    return offset + -(-elements // block) * size


def _described(version: int, values: Mapping[str, Any], tensors: int, *, size: int, data_start: int) -> GgufHeader:
    architecture = str(values["general.architecture"])

    def number(key: str) -> int | None:
        value = values.get(f"{architecture}.{key}")
        return value if isinstance(value, int) and value > 0 else None

    blocks, width, heads = number("block_count"), number("embedding_length"), number("attention.head_count")
    head = width // heads if width and heads else None
    file_type = values.get("general.file_type")
    return GgufHeader(
        version=version,
        architecture=architecture,
        name=_text(values.get("general.name")),
        context_length=number("context_length"),
        block_count=blocks,
        embedding_length=width,
        head_count_kv=_kv_heads(values.get(f"{architecture}.attention.head_count_kv", heads), blocks),
        key_length=number("attention.key_length") or head,
        value_length=number("attention.value_length") or head,
        vocabulary=_length(values.get("tokenizer.ggml.tokens")),
        quantization=FILE_TYPES.get(file_type) if isinstance(file_type, int) else None,
        chat_template=_text(values.get("tokenizer.chat_template")),
        tensors=tensors,
        size=size,
        data_start=data_start,
    )


def _kv_heads(heads: Any, blocks: int | None) -> int | None:
    if isinstance(heads, list):
        return sum(count for count in heads if isinstance(count, int)) or None
    return heads * blocks if isinstance(heads, int) and blocks else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _length(value: Any) -> int | None:
    return len(value) if isinstance(value, (list, range)) else None
