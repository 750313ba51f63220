"""Writes small ONNX files (opset 17), byte by byte: no more of the format than we need.

The format is that of onnx.proto (https://onnx.ai), in the wire format of protocol buffers.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

OPSET, IR_VERSION = 17, 8
KINDS = {"float32": 1, "uint8": 2, "int64": 7, "float16": 10}
LENGTH, VARINT, FIXED32 = 2, 0, 5  # how fields are written


def varint(value: int) -> bytes:
    """A whole number, seven bits a byte; below 0 as two's complement of 64 bits."""
    value %= 2**64
    parts = []
    while True:
        value, part = value >> 7, value & 127
        parts.append(part | (128 if value else 0))
        if not value:
            return bytes(parts)


def field(number: int, value: int | float | str | bytes) -> bytes:
    """One field of a message."""
    if isinstance(value, float):
        return varint(number << 3 | FIXED32) + struct.pack("<f", value)
    if isinstance(value, int):
        return varint(number << 3 | VARINT) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | LENGTH) + varint(len(value)) + value


def fields(number: int, values: Sequence[int | float | str | bytes]) -> bytes:
    """One after the other."""
    return b"".join(field(number, value) for value in values)


def tensor(name: str, array: NDArray[np.generic]) -> bytes:
    """TensorProto: dims, data_type, name, raw_data."""
    head = fields(1, list(array.shape)) + field(2, KINDS[array.dtype.name]) + field(8, name)
    return head + field(9, np.ascontiguousarray(array).tobytes())


def value_info(name: str, shape: Sequence[str | int], kind: str = "float32") -> bytes:
    """ValueInfoProto of a tensor; a size that is a word is any."""
    sizes = [
        field(1, int(size)) if str(size).isdecimal() else field(2, str(size)) for size in shape
    ]
    inside = field(1, KINDS[kind]) + field(2, fields(1, sizes))
    return field(1, name) + field(2, field(1, inside))


def attribute(name: str, value: int | float | str | Sequence[int]) -> bytes:
    """AttributeProto: an int, a float, a word, or whole numbers."""
    if isinstance(value, str):
        return field(1, name) + field(4, value) + field(20, 3)
    if isinstance(value, float):
        return field(1, name) + field(2, value) + field(20, 1)
    if isinstance(value, int):
        return field(1, name) + field(3, value) + field(20, 2)
    return field(1, name) + fields(8, list(value)) + field(20, 7)


class Graph:
    """A graph in the making; what methods return are names of values."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodes: list[bytes] = []
        self.constants: list[bytes] = []
        self.inputs: list[bytes] = []
        self.outputs: list[bytes] = []

    def input(self, name: str, shape: Sequence[str | int], kind: str = "float32") -> str:
        """What goes in."""
        self.inputs.append(value_info(name, shape, kind))
        return name

    def output(self, name: str, shape: Sequence[str | int], kind: str = "float32") -> None:
        """What comes out."""
        self.outputs.append(value_info(name, shape, kind))

    def node(
        self,
        operation: str,
        inputs: Sequence[str],
        domain: str = "",
        **attributes: int | float | str | Sequence[int],
    ) -> str:
        """An operation with one result."""
        result = f"v{len(self.nodes)}"
        parts = fields(1, list(inputs)) + field(2, result) + field(4, operation)
        parts += fields(5, [attribute(name, value) for name, value in attributes.items()])
        self.nodes.append(parts + (field(7, domain) if domain else b""))
        return result

    def constant(self, array: NDArray[np.generic]) -> str:
        """A tensor that stays."""
        name = f"c{len(self.constants)}"
        self.constants.append(tensor(name, array))
        return name

    def numbers(self, array: NDArray[np.generic]) -> str:
        """Constants in single precision."""
        return self.constant(np.asarray(array, np.float32))

    def integers(self, values: Sequence[int]) -> str:
        """Whole constants."""
        return self.constant(np.asarray(values, np.int64))

    def half(self, array: NDArray[np.generic]) -> str:
        """Constants kept in half precision, worked with in single."""
        return self.node("Cast", [self.constant(np.asarray(array, np.float16))], to=1)

    def bytes(self) -> bytes:
        """The file."""
        graph = fields(1, self.nodes) + field(2, self.name) + fields(5, self.constants)
        graph += fields(11, self.inputs) + fields(12, self.outputs)
        opset = field(8, field(1, "") + field(2, OPSET))
        return field(1, IR_VERSION) + field(2, "vjgan") + field(7, graph) + opset
