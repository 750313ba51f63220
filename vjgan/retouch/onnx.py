"""The door for ONNX files: what is in one is read here, byte by byte, before an engine sees it.

Only the graph counts, and only of the standard's own operations. The format is that of onnx.proto
(https://onnx.ai) in the wire format of protocol buffers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vjgan.errors import RetouchError

MOST_BYTES = 512 * 2**20  # of a file, and of what its constants unfold to
MOST_NODES = 5_000
MOST_SIDE = 4_096  # pixels
DOMAINS = ("", "ai.onnx")
# Those that run parts of the graph again and again, or elsewhere; no style needs them.
REFUSED = {"Loop", "Scan", "If", "SequenceMap"}
SIZE_OF = {
    1: 4,
    2: 1,
    3: 1,
    4: 2,
    5: 2,
    6: 4,
    7: 8,
    9: 1,
    10: 2,
    11: 8,
    12: 4,
    13: 8,
    16: 2,
}  # bytes
KINDS = {1: "float32", 2: "uint8", 10: "float16"}
WITHIN = (6, 11, 22, 23)  # of an AttributeProto: graphs, and sparse tensors
EXTERNAL = 1  # TensorProto.data_location

Value = int | bytes
Shape = tuple[int, ...]  # 0: any size


@dataclass(frozen=True)
class Port:
    """An input or output: its ``kind`` and ``shape``, where any size is 0."""

    name: str
    kind: str
    shape: Shape


@dataclass(frozen=True)
class Style:
    """What the file of a style network is: pictures go in by ``picture``, with the colours first or
    last, and the ``shares`` of so many styles, if it has several, by an input of their own."""

    path: Path
    data: bytes
    picture: Port
    colours_first: bool
    shares: Port | None = None
    styles: int = 1

    @property
    def side(self) -> tuple[int, int] | None:
        """Height and width of its pictures; None for any."""
        height, width = self.picture.shape[2:] if self.colours_first else self.picture.shape[1:3]
        return (height, width) if height and width else None


def read_style(path: Path) -> Style:
    """The style network in a file, checked but not yet run.

    Raises RetouchError: one sentence with what is wrong, and what is allowed."""
    name = path.name
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise _WrongError(f"{size / 2**20:.0f} MB; at most {MOST_BYTES >> 20} are allowed")
        data = path.read_bytes()
        return _style(path, data, _graph_of(data))
    except OSError as error:
        raise RetouchError(f"style '{name}' cannot be read: {error.strerror}") from None
    except _WrongError as error:
        raise RetouchError(f"style '{name}': {error}") from None
    except (ValueError, IndexError, RecursionError):
        raise RetouchError(f"style '{name}' is not an ONNX file, or a broken one") from None


class _WrongError(Exception):
    """What is wrong with a file."""


def _fields(data: bytes) -> Iterator[tuple[int, Value]]:
    """The fields of a message: number, and a whole number or bytes."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, way = key >> 3, key & 7
        value: Value
        if way == 0:
            value, at = _varint(data, at)
        else:
            if way == 2:
                length, at = _varint(data, at)
            else:
                length = {1: 8, 5: 4}[way] if way in (1, 5) else len(data)
            if number == 0 or length > len(data) - at:
                raise ValueError
            value, at = data[at : at + length], at + length
        yield number, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError


def _all(data: bytes, number: int) -> list[bytes]:
    return [value for key, value in _fields(data) if key == number and isinstance(value, bytes)]


def _word(data: bytes, number: int) -> str:
    return next((value.decode() for value in _all(data, number)), "")


def _whole(data: bytes, number: int) -> int:
    return next((v for key, v in _fields(data) if key == number and isinstance(v, int)), 0)


def _wholes(data: bytes, number: int) -> list[int]:
    """Whole numbers that are repeated, packed or one by one."""
    found: list[int] = []
    for key, value in _fields(data):
        if key != number:
            continue
        if isinstance(value, int):
            found.append(value)
            continue
        at = 0
        while at < len(value):
            one, at = _varint(value, at)
            found.append(one)
    return found


def _graph_of(data: bytes) -> bytes:
    """The graph of a ModelProto, whose operations are all the standard's."""
    graphs = _all(data, 7)
    if len(graphs) != 1 or not _all(data, 8):
        raise ValueError
    used = _foreign(graphs[0])
    if used:
        raise _WrongError(f"operation '{used}' is not allowed; only those of the ONNX standard are")
    if _all(data, 25):
        raise _WrongError("functions of its own are not allowed; only the ONNX standard's are")
    return graphs[0]


def _foreign(graph: bytes) -> str:
    """The first operation that is not allowed, if any."""
    nodes = _all(graph, 1)
    if len(nodes) > MOST_NODES:
        raise _WrongError(f"{len(nodes)} operations; at most {MOST_NODES} are allowed")
    for node in nodes:
        operation, domain = _word(node, 4), _word(node, 7)
        if domain not in DOMAINS:
            return f"{domain}.{operation}"
        if operation in REFUSED:
            return operation
        for attribute in _all(node, 5):
            if any(_all(attribute, number) for number in WITHIN):
                return operation
            for held in (*_all(attribute, 5), *_all(attribute, 10)):
                _check_tensor(held)
    return ""


def _check_tensor(data: bytes) -> int:
    """Its size in bytes; it must be in this file, and as large as it says."""
    if _whole(data, 14) == EXTERNAL or _all(data, 13):
        raise _WrongError("its numbers are in another file; all of it must be in one")
    size = math.prod(_wholes(data, 1)) * SIZE_OF.get(_whole(data, 2), 8)
    raw = _all(data, 9)
    if size > MOST_BYTES or (raw and len(raw[0]) != size):
        raise _WrongError("a constant in it is not as large as it says")
    return size


def _style(path: Path, data: bytes, graph: bytes) -> Style:
    constants = _all(graph, 5)
    if _all(graph, 15):
        raise _WrongError("sparse constants are not allowed")
    if sum(_check_tensor(row) for row in constants) > MOST_BYTES:
        raise _WrongError(f"its constants are larger than {MOST_BYTES >> 20} MB")
    known = {_word(row, 8) for row in constants}
    inputs = [port for row in _all(graph, 11) if (port := _port(row)).name not in known]
    outputs = [_port(row) for row in _all(graph, 12)]
    pictures = [port for port in inputs if len(port.shape) == 4]
    others = [port for port in inputs if len(port.shape) != 4]
    if len(pictures) != 1 or len(others) > 1 or len(outputs) != 1:
        raise _WrongError(
            f"{len(inputs)} inputs and {len(outputs)} outputs; allowed are one picture, and the "
            "shares of its styles if it has several, and one picture"
        )
    picture, shares = pictures[0], others[0] if others else None
    if picture.kind not in KINDS.values():
        raise _WrongError(f"pictures of {picture.kind}; allowed are {', '.join(KINDS.values())}")
    first = _colours_first(picture, "input")
    _colours_first(outputs[0], "output")
    if picture.shape[0] > 1:
        raise _WrongError(f"{picture.shape[0]} pictures at a time; only one is allowed")
    sides = picture.shape[2:] if first else picture.shape[1:3]
    if any(side > MOST_SIDE for side in sides) or (min(sides) == 0) != (max(sides) == 0):
        size = f"{sides[1]}x{sides[0]}"
        raise _WrongError(f"pictures of {size}; sides must be any, or 1..{MOST_SIDE}")
    return Style(path, data, picture, first, shares, _styles(shares))


def _styles(shares: Port | None) -> int:
    if shares is None:
        return 1
    sizes = [size for size in shares.shape if size != 1]
    if len(sizes) > 1 or 0 in shares.shape or shares.kind != "float32" or len(shares.shape) > 2:
        wanted = "must be the shares of its styles, float32 [styles]"
        raise _WrongError(f"input '{shares.name}' {wanted}")
    return math.prod(sizes)


def _colours_first(port: Port, side: str) -> bool:
    """Whether [1, 3, h, w] rather than [1, h, w, 3]."""
    if len(port.shape) == 4 and 3 in (port.shape[1], port.shape[3]):
        return port.shape[1] == 3
    if side == "output" and (not port.shape or (len(port.shape) == 4 and 0 in port.shape[1::2])):
        return True  # not told: what comes is checked when it has run
    shape = ", ".join(str(size or "?") for size in port.shape)
    raise _WrongError(f"{side} '{port.name}' is [{shape}]; it must be [1, 3, h, w] or [1, h, w, 3]")


def _port(data: bytes) -> Port:
    tensors = [kind for row in _all(data, 2) for kind in _all(row, 1)]
    if len(tensors) != 1:
        raise _WrongError(f"'{_word(data, 1)}' is not a tensor")
    shapes = _all(tensors[0], 2)
    told = [_whole(size, 1) for row in shapes for size in _all(row, 1)]
    sizes = tuple(size if size < 2**31 else 0 for size in told)  # below 0: any
    kind = _whole(tensors[0], 1)
    return Port(_word(data, 1), KINDS.get(kind, f"kind {kind}"), sizes)
