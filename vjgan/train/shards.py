"""Portraits with their sitters' vectors, a file of some hundreds: a shard.

A shard says whose numbers its vectors are, since what a number does has changed and may again; one
of other sitters would be learnt without a word, wrongly.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vjgan.errors import VjganError
from vjgan.files import replacing
from vjgan.train import sitter
from vjgan.types import ByteArray, FloatArray

HELD = 900_000  # shards from this number on are never trained on
NAMES = "names"  # of the numbers, in the file
RENDERER = "tools.portraits shards"  # makes shards in a folder


@dataclass(frozen=True, slots=True)
class Shard:
    """Vectors [n, 32], pictures [n, h, h, 3], and where the eyes and the mouth are in them, as
    shares of the picture [n, 3, 2]."""

    p: FloatArray
    pictures: ByteArray
    marks: FloatArray


def shard_paths(folder: Path, held: bool = False, maker: str = RENDERER) -> list[Path]:
    """Those that are learnt from, in order; with ``held`` those that are not. Raises VjganError
    where there are none, and says which module makes them."""
    paths = sorted(folder.glob("[0-9]*[0-9].npz"))
    found = [path for path in paths if (int(path.stem) >= HELD) == held]
    if not found:
        these = f" --first {HELD} --count 1" if held else ""
        raise VjganError(f"{folder}: no portraits; render some: python -m {maker} {folder}{these}")
    return found


def read_shard(path: Path) -> Shard:
    """Raises VjganError where it cannot be read, or is of other sitters."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            check_names(path, kept)
            rows = {name: kept[name] for name in Shard.__slots__}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as reason:
        raise VjganError(f"{path}: not a shard of portraits: {reason}") from None
    return Shard(**rows)


def write_shard(path: Path, shard: Shard) -> None:
    """Write it whole or not at all."""
    with replacing(path) as part, part.open("wb") as file:
        rows = {name: getattr(shard, name) for name in Shard.__slots__}
        np.savez(file, allow_pickle=False, names=np.array(sitter.NAMES), **rows)


def check_names(path: Path, kept: Mapping[str, NDArray[Any]]) -> None:
    """Raises VjganError unless what is ``kept`` in a file is of vectors of these sitters."""
    names = tuple(str(name) for name in kept[NAMES]) if NAMES in kept else ()
    if names == sitter.NAMES:
        return
    unknown = [name for name in sitter.NAMES if name not in names]
    lacks = f" without {', '.join(unknown)}" if names and unknown else ""
    raise VjganError(
        f"{path} is of sitters whose numbers were others than these{lacks}; delete it, and make it "
        "again"
    )
