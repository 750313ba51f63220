"""Numbers in checkpoints: numpy's and torch's ways to write an array, read as views of the file.

Every array is read-only and lies within its storage; nothing is allocated by a declared size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vjgan.generator.records import Meter, Name, Record, RefusedError, quoted

DIMENSIONS = 16
EXTENT = 2**40  # of one dimension

CODES = {"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"}  # numpy's
BFLOAT16 = np.dtype([("bfloat16", "<u2")])  # numpy has none: see `widened`
STORAGES: dict[str, np.dtype[Any]] = {
    "torch.DoubleStorage": np.dtype("<f8"),
    "torch.FloatStorage": np.dtype("<f4"),
    "torch.HalfStorage": np.dtype("<f2"),
    "torch.BFloat16Storage": BFLOAT16,
    "torch.LongStorage": np.dtype("<i8"),
    "torch.IntStorage": np.dtype("<i4"),
    "torch.ShortStorage": np.dtype("<i2"),
    "torch.CharStorage": np.dtype("i1"),
    "torch.ByteStorage": np.dtype("u1"),
    "torch.BoolStorage": np.dtype("?"),
}


@dataclass(slots=True, eq=False)
class Empty:
    """An array whose numbers the pickle gives later, and where the memo holds it."""

    places: list[int] = field(default_factory=list)


def dtype(meter: Meter, args: tuple[object, ...]) -> object:
    """numpy.dtype(code, align, copy): a record until an array asks what it means."""
    code = args[0] if args else None
    if not isinstance(code, str) or code.lstrip("<|=") not in CODES:
        raise RefusedError(f"holds numpy numbers of kind {quoted(code)}; plain numbers are read")
    return Record("numpy", "dtype", (code.lstrip("<|="),))


def empty(meter: Meter, args: tuple[object, ...]) -> object:
    """numpy's _reconstruct(ndarray, (0,), b"b")."""
    kind = args[0] if args else None
    if not isinstance(kind, Name) or kind.text != "numpy.ndarray":
        raise RefusedError("holds a numpy array of an unknown class")
    return Empty()


def filled(meter: Meter, state: object) -> np.ndarray:
    """ndarray.__setstate__((version, shape, dtype, fortran, bytes)): shaped as the file says."""
    if not isinstance(state, tuple) or len(state) != 5:
        raise RefusedError("holds a numpy array without numbers")
    _, shape, kind, fortran, data = state
    return _numpy(meter, data, kind, shape, fortran is True)


def from_buffer(meter: Meter, args: tuple[object, ...]) -> object:
    """numpy's _frombuffer(bytes, dtype, shape, order), which protocol 5 uses."""
    if len(args) != 4:
        raise RefusedError("holds a numpy array without numbers")
    data, kind, shape, order = args
    return _numpy(meter, data, kind, shape, isinstance(order, str) and order == "F")


def scalar(meter: Meter, args: tuple[object, ...]) -> object:
    """numpy's scalar(dtype, bytes): a plain number."""
    if len(args) != 2:
        raise RefusedError("holds a numpy number without its bytes")
    return _numpy(meter, args[1], args[0], (), False).item()


def storage(kind: object, data: memoryview, count: object) -> np.ndarray:
    """A torch storage, one-dimensional: ``count`` numbers that ``data`` begins with."""
    numbers = STORAGES.get(kind.text) if isinstance(kind, Name) else None
    if numbers is None:
        raise RefusedError("holds a tensor of an unknown kind of storage")
    if type(count) is not int or not 0 <= count <= len(data) // numbers.itemsize:
        raise RefusedError("declares more numbers for a tensor than its bytes hold")
    return np.frombuffer(data, numbers, count)


def tensor(meter: Meter, args: tuple[object, ...]) -> object:
    """torch._utils._rebuild_tensor_v2(storage, offset, size, stride, ...): a view."""
    if len(args) < 4 or not isinstance(args[0], np.ndarray) or args[0].ndim != 1:
        raise RefusedError("holds a tensor without a storage")
    store, offset = args[0], args[1]
    count, shape = _shape(args[2])
    _, stride = _shape(args[3])
    if type(offset) is not int or not 0 <= offset <= store.size or len(stride) != len(shape):
        raise RefusedError("holds a tensor whose offset or stride is wrong")
    last = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=True))
    if count > store.size - offset or (count and last >= store.size):
        raise RefusedError(
            f"holds a tensor {list(shape)} that its storage of {store.size} numbers cannot fill"
        )
    width = store.dtype.itemsize
    meter.tensor(count * width)
    view: np.ndarray = np.ndarray(
        shape, store.dtype, store, offset * width, [step * width for step in stride]
    )
    return _plain(meter, view)


def parameter(meter: Meter, args: tuple[object, ...]) -> object:
    """torch._utils._rebuild_parameter(tensor, requires_grad, hooks): the tensor."""
    if not args or not isinstance(args[0], np.ndarray):
        raise RefusedError("holds a parameter without a tensor")
    return args[0]


def _numpy(meter: Meter, data: object, kind: object, shape: object, fortran: bool) -> np.ndarray:
    if not isinstance(kind, Record) or (kind.module, kind.name) != ("numpy", "dtype"):
        raise RefusedError("holds a numpy array of an unknown kind")
    match kind.state:
        case None | (int(), str("<" | "|" | "="), None, None, None, *_):
            pass
        case _:
            raise RefusedError("holds numpy numbers that are not little-endian and plain")
    numbers = np.dtype("<" + str(kind.args[0]))
    count, sizes = _shape(shape)
    if not isinstance(data, (bytes, memoryview)) or len(data) != count * numbers.itemsize:
        raise RefusedError(f"holds a numpy array {list(sizes)} that its bytes do not fill")
    meter.tensor(len(data))
    flat = np.frombuffer(data, numbers)
    return _plain(meter, flat.reshape(sizes, order="F" if fortran else "C"))


def _shape(shape: object) -> tuple[int, tuple[int, ...]]:
    """How many numbers, and the sizes, if they are sizes."""
    if not isinstance(shape, tuple) or len(shape) > DIMENSIONS:
        raise RefusedError(f"holds an array whose shape is no shape of up to {DIMENSIONS} sizes")
    if not all(type(n) is int and 0 <= n <= EXTENT for n in shape):
        raise RefusedError("holds an array with a size that is no size")
    return math.prod(shape), shape


def _plain(meter: Meter, view: np.ndarray) -> np.ndarray:
    """The view itself, unless of bools, which a file makes of whatever bytes."""
    if view.dtype != np.dtype("?"):
        return view
    meter.charge(view.size)
    made = np.asarray(view.view(np.uint8) != 0)
    made.flags.writeable = False
    return made


def widened(array: np.ndarray) -> np.ndarray:
    """bfloat16 as float32, which takes twice the memory; anything else as it is."""
    if array.dtype != BFLOAT16:
        return array
    return (array["bfloat16"].astype(np.uint32) << np.uint32(16)).view(np.float32)
