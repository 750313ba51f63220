"""Checkpoints of other programs, read without running what they carry.

Plain pickles (StyleGAN2-ada and StyleGAN3 in PyTorch, StyleGAN2-ada in TensorFlow) and files of
torch.save (rosinality's) are Python programs in disguise. Here they meet a machine that knows a few
instructions and a few names, makes plain values of them, and puts an inert record wherever a class
would stand. Sizes are checked against the file before anything is allocated, time and memory are
bounded by a meter, and what is not known is refused in one sentence.
"""

from __future__ import annotations

import stat
import struct
from pathlib import Path

import numpy as np

from vjgan.errors import ModelError
from vjgan.generator.archive import STREAM_MARK, ZIP_MARK, read_stream, read_zip
from vjgan.generator.calls import CALLS
from vjgan.generator.opcodes import Call, Machine
from vjgan.generator.records import Meter, Record, RefusedError

__all__ = ["Record", "read"]

MARKS = (ZIP_MARK, b"\x80", b"c", b"(")  # the last two begin gadgets of protocol 0
LARGEST_BYTES = 8 * 2**30
DEPTH = 100  # of containers in containers; the deepest real model has 20
NODES = 2_000_000  # of the tree with everything shared counted wherever it appears


def read(path: Path) -> object:
    """What a checkpoint holds, as plain values: dict, list, tuple, set, str, bytes (long ones as
    memoryviews), int, float, bool, None, numpy arrays and Records in place of class instances.

    Arrays are read-only views of the file's bytes in memory, unaligned at times: copy what is kept.
    bfloat16 stays as it lies there, see `arrays.widened`.
    What the file shares stays shared; nothing contains itself. Raises ModelError.
    """
    value, reason = _tried(path)
    if reason:  # raised here, where nothing of the file is left for the error to hold on to
        raise ModelError(f"model '{path}' {reason}")
    return value


def _tried(path: Path) -> tuple[object, str]:
    """What a file holds, or why it is not read."""
    try:
        data = _content(path)
        meter = Meter(len(data))
        value = _parsed(data, meter)
        _check_tree(value, meter)
    except RefusedError as refused:
        return None, str(refused)
    except OSError as error:
        return None, f"cannot be read: {error.strerror}"
    except (IndexError, KeyError, TypeError, ValueError, OverflowError, struct.error):
        return None, "is damaged or cut short; nothing was run"
    except MemoryError:
        return None, "needs more memory than there is"
    return value, ""


def _content(path: Path) -> memoryview:
    """The whole file, if it begins like a checkpoint; a map of it in place of a copy would end the
    show if the file shrank meanwhile."""
    about = path.stat()
    if not stat.S_ISREG(about.st_mode):
        raise RefusedError("cannot be read: it is not a file")
    if about.st_size > LARGEST_BYTES:
        raise RefusedError(f"has {about.st_size:,} bytes; up to 8 GiB are read")
    with path.open("rb") as file:
        if not file.peek(len(ZIP_MARK)).startswith(MARKS):
            raise RefusedError("is neither a pickle nor a file of torch.save")
        return memoryview(file.read(about.st_size))


def _parsed(data: memoryview, meter: Meter) -> object:
    if bytes(data[: len(ZIP_MARK)]) == ZIP_MARK:
        return read_zip(data, meter)
    if bytes(data[: len(STREAM_MARK)]) == STREAM_MARK:
        return read_stream(data, meter)
    return Machine(data, meter, PLAIN).run()


def _nested(meter: Meter, args: tuple[object, ...]) -> object:
    """torch.storage._load_from_bytes(bytes): a stream of torch.save inside a plain pickle."""
    data = args[0] if len(args) == 1 else None
    if not isinstance(data, (bytes, memoryview)):
        raise RefusedError("holds tensors without their bytes")
    return read_stream(memoryview(data), meter)


PLAIN: dict[str, Call | None] = {**CALLS, "torch.storage._load_from_bytes": _nested}


def _check_tree(root: object, meter: Meter) -> None:
    """Refuse what would trap those who walk it: cycles, great depth, sharing that multiplies, and
    things left unfinished."""
    sizes: dict[int, tuple[int, int]] = {}  # id -> nodes in it, depth; (0, 0) while inside
    stack: list[tuple[object, bool]] = [] if type(root) in LEAVES else [(root, False)]
    inside = 0
    while stack:
        node, done = stack.pop()
        if done:
            inside -= 1
            parts = [sizes.get(id(part), (1, 0)) for part in _below(node)]
            sizes[id(node)] = (
                1 + sum(n for n, _ in parts),
                1 + max((d for _, d in parts), default=0),
            )
        elif id(node) not in sizes:
            inside += 1
            below = _below(node)
            meter.charge(200 + 80 * len(below))
            sizes[id(node)] = 0, 0
            stack.append((node, True))
            stack.extend((part, False) for part in below if type(part) not in LEAVES)
        elif sizes[id(node)] == (0, 0):
            raise RefusedError("contains itself")
        if inside > DEPTH or sizes[id(node)] > (NODES, 0) or sizes[id(node)][1] > DEPTH:
            raise RefusedError("nests its contents deeper or wider than any model")


LEAVES = {str, bytes, memoryview, int, float, bool, type(None), np.ndarray}


def _below(node: object) -> list[object]:
    """What lies directly inside a container."""
    match node:
        case dict():
            return list(node.values())
        case list() | tuple():
            return list(node)
        case Record():
            return [*node.args, node.state]
        case set():
            return []
    raise RefusedError("names a class or an array that it never makes")
