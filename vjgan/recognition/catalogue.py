"""The tracks that were learnt, as numbers in one file: their peaks, a few kilobytes a minute."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vjgan.assets import config_folder
from vjgan.errors import MediaError, VjganError
from vjgan.files import replacing
from vjgan.recognition.peaks import HOP, FloatRows, Peaks
from vjgan.types import FloatArray

VERSION = 1  # of the file and of what a peak is
FEWEST = 60  # peaks by which a track can be told
TIME_UNIT = HOP / 32.0  # seconds
PITCH_UNIT = 1.0 / 64.0  # bins
_BLOCK_SECONDS = 10


@dataclass(frozen=True)
class Learnt:
    """One track: its ``title``, the ``name`` of its file and the SHA-256 of what is in it, how many
    ``seconds`` it lasts, and its ``peaks`` [n, 2], seconds and pitch bins."""

    title: str
    name: str
    sha256: str
    seconds: float
    peaks: FloatRows


def learn(path: Path, sha256: str, blocks: Iterable[FloatArray], sample_rate: int) -> Learnt:
    """What is to be remembered of a sound file whose samples come in ``blocks`` [n, channels].
    Raises MediaError where there is too little in it."""
    finder, found, count = Peaks(sample_rate), [np.zeros((0, 2))], 0
    for block in _gathered(blocks, _BLOCK_SECONDS * sample_rate):
        found.append(finder.step(block))
        count += len(block)
    peaks = np.concatenate(found)
    if len(peaks) < FEWEST:
        raise MediaError(
            f"track '{path}' cannot be learnt: {len(peaks)} landmarks were found in it; "
            f"{FEWEST} are the least"
        )
    return Learnt(path.stem, path.name, sha256, count / sample_rate, peaks)


def _gathered(blocks: Iterable[FloatArray], length: int) -> Iterator[FloatArray]:
    """Blocks mixed to mono [n], of at least a ``length`` but for the last."""
    waiting, count = list[FloatArray](), 0
    for block in blocks:
        waiting.append(block.mean(axis=1, dtype=np.float32))
        count += len(block)
        if count >= length:
            yield np.concatenate(waiting)
            waiting, count = [], 0
    if waiting:
        yield np.concatenate(waiting)


def catalogue_file() -> Path:
    """Where the tracks are kept; the file need not be there."""
    return config_folder() / "tracks.npz"


def add(known: list[Learnt], new: Learnt) -> list[Learnt]:
    """``known`` with ``new``, which takes the place of what has its contents or its file's name."""
    kept = [one for one in known if one.sha256 != new.sha256 and one.name != new.name]
    return [*kept, new]


def load(path: Path) -> list[Learnt]:
    """The tracks in a file; none where there is none. Raises VjganError: one sentence with the
    file and what is wrong with it."""
    if not path.exists():
        return []
    try:
        with path.open("rb") as whole, np.load(whole, allow_pickle=False) as file:
            version = int(file["version"])
            if version == VERSION:
                return list(_unpacked({name: file[name] for name in file.files}))
    except OSError as error:
        raise VjganError(f"tracks '{path}' cannot be read: {error.strerror or error}") from None
    except (KeyError, ValueError, TypeError, IndexError, EOFError, zipfile.BadZipFile):
        raise VjganError(
            f"tracks '{path}' is not a file of learnt tracks; remove it and learn them again"
        ) from None
    raise VjganError(
        f"tracks '{path}' has version {version}, not {VERSION}; remove it and learn them again"
    )


def save(path: Path, tracks: list[Learnt]) -> None:
    """Write the tracks to a file, all or nothing. Raises VjganError when it cannot be written."""
    peaks = [np.rint(one.peaks / (TIME_UNIT, PITCH_UNIT)).astype(np.int32) for one in tracks]
    none = np.zeros(0, np.int32)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part, part.open("wb") as file:
            np.savez_compressed(
                file,
                version=np.int32(VERSION),
                titles=np.array([one.title for one in tracks], np.str_),
                names=np.array([one.name for one in tracks], np.str_),
                sha256=np.array([one.sha256 for one in tracks], np.str_),
                seconds=np.array([one.seconds for one in tracks], np.float64),
                counts=np.array([len(one) for one in peaks], np.int64),
                # Steps from peak to peak take half the room of times.
                steps=np.concatenate([np.diff(one[:, 0], prepend=0) for one in peaks] or [none]),
                pitches=np.concatenate([one[:, 1] for one in peaks] or [none]).astype(np.uint16),
            )
    except OSError as error:
        raise VjganError(f"tracks '{path}' cannot be written: {error.strerror}") from None


def _unpacked(arrays: dict[str, NDArray[Any]]) -> Iterator[Learnt]:
    """Tracks from arrays as ``save`` writes them. Raises ValueError where they do not fit."""
    counts = arrays["counts"].astype(np.int64)
    rows = (arrays["titles"], arrays["names"], arrays["sha256"], arrays["seconds"])
    whole = len(arrays["steps"]) == len(arrays["pitches"]) == counts.sum()
    if not whole or counts.min(initial=0) < 0:
        raise ValueError
    ends = np.cumsum(counts)
    for end, count, title, name, sha256, seconds in zip(ends, counts, *rows, strict=True):
        times = np.cumsum(arrays["steps"][end - count : end].astype(np.int64))
        pitches = arrays["pitches"][end - count : end]
        peaks = np.stack((times * TIME_UNIT, pitches * PITCH_UNIT), axis=1)
        if not (np.isfinite(seconds) and np.isfinite(peaks).all()):
            raise ValueError
        yield Learnt(str(title), str(name), str(sha256), float(seconds), peaks)
