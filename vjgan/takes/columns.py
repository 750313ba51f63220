"""Numbers that change slowly, small: whole multiples of a unit, each as its step from the last, the
bytes of equal weight together. zlib then finds almost nothing left."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vjgan.types import OCTAVES, Features, FloatArray

Table = NDArray[np.int64]  # [n, columns]

TIME = 100_000  # units of a second
FINE = 256  # units of what is 0..1
LEVEL = 64  # of a level, 1 being the mean: off by 0.4 % of a signal at most
_SCALES = {"centroid_hz": 0.1, "peak_db": 1, "bpm": 100}
_SCALES |= dict.fromkeys(("level", "low", "mid", "high"), LEVEL)


def _scale(name: str, kind: object) -> float:
    if name == "time" or name.endswith("_time"):
        return TIME
    return _SCALES.get(name, FINE if kind == "float" else 1)


# Column -> how many of its unit are 1.
FEATURES: Mapping[str, float] = {
    column: _scale(one.name, one.type)
    for one in fields(Features)
    for column in ([f"bands.{k}" for k in range(OCTAVES)] if one.name == "bands" else [one.name])
} | {f"bands.{k}": LEVEL for k in range(OCTAVES)}

# Of a frame: when its tick was, how long after it its light was expected, and the beat then.
FRAMES: Mapping[str, float] = {
    "time": TIME,
    "delay": TIME,
    "position": 100_000,
    "bpm": 1000,
    "confidence": FINE,
    "downbeat": 1,
    "source": 1,  # its place in the take's list
}


def row(features: Features) -> list[float]:
    """Features as the columns of FEATURES."""
    values: list[float] = []
    for one in fields(Features):
        value = getattr(features, one.name)
        values.extend(value if one.name == "bands" else (value,))
    return values


class Packer:
    """Rows of natural units as bytes, each by its steps from the row before."""

    def __init__(self, scales: Mapping[str, float]) -> None:
        self._scales = np.array([*scales.values()], np.float64)
        self._last = np.zeros(len(scales), np.int64)

    def pack(self, rows: Sequence[Sequence[float]]) -> bytes:
        """The next rows."""
        values = np.asarray(rows, np.float64).reshape(-1, len(self._scales))  # [n, columns]
        whole = np.rint(np.nan_to_num(values) * self._scales).astype(np.int64)
        steps = np.diff(np.vstack([self._last, whole]), axis=0)
        self._last = whole[-1] if len(whole) else self._last
        folded = (steps << 1) ^ (steps >> 63)  # the sign into the lowest bit: no bytes of ones
        planes = np.ascontiguousarray(folded.T, "<i8").view(np.uint8)  # [columns, n * 8]
        return planes.reshape(len(self._scales), -1, 8).transpose(0, 2, 1).tobytes()


def steps(data: bytes, columns: int) -> Table:
    """What was packed: each row's steps from the one before, in units [n, columns]. Raises
    ValueError when it is not so many columns."""
    planes = np.frombuffer(data, np.uint8).reshape(columns, 8, -1)
    folded = np.ascontiguousarray(planes.transpose(0, 2, 1)).view("<u8")[..., 0]  # [columns, n]
    unfolded = (folded >> np.uint64(1)).astype(np.int64) ^ -(folded & np.uint64(1)).astype(np.int64)
    return np.asarray(unfolded.T)


def in_letters(who: int | FloatArray) -> int | list[Any]:
    """A seed as it is; a w as JSON has it: its shape, and its numbers in base64."""
    if isinstance(who, int):
        return who
    return [list(who.shape), base64.b64encode(who.astype("<f4").tobytes()).decode()]


def of_letters(who: int | list[Any]) -> int | FloatArray:
    """What ``in_letters`` was given. Raises ValueError or TypeError."""
    if isinstance(who, int):
        return who
    match who:
        case [[int(), *_] as shape, str(letters)]:
            numbers = np.frombuffer(base64.b64decode(letters, validate=True), "<f4")
            return numbers.astype(np.float32).reshape([int(side) for side in shape])
    raise ValueError("no w")
