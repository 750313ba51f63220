"""Where ISF files lie, and what presets are told of them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from vjgan.controls import Control
from vjgan.errors import ShaderError
from vjgan.files import from_home, is_file, saved_at
from vjgan.screen.isf.header import Isf, read_isf
from vjgan.types import PassWeight

log = logging.getLogger("vjgan")

MOST_LISTED = 12  # files named in an error


class Collection:
    """The ISF files of some folders, and those that presets name by their path."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._read: dict[Path, tuple[int, Isf]] = {}

    def open(self, place: str, beside: Path) -> tuple[PassWeight, Mapping[str, Control]]:
        """The pass of a file with its controls. ``place`` is a path: whole, from the home folder
        (``~``), or to be found below ``beside`` or one of the folders; .fs may be left out.

        Raises ShaderError: one sentence with the file and the reason."""
        isf = self._isf(self._found(place, beside))
        return PassWeight(isf.name, source=isf.path), isf.controls

    def controls(self) -> dict[str, Control]:
        """The controls of every file in the folders, by full name; those that are broken or gone
        are left out."""
        rows: dict[str, Control] = {}
        for path in self._paths():
            try:
                rows |= self._isf(path).controls
            except ShaderError as error:
                log.warning("%s; it is left out", error)
        return rows

    def stamps(self) -> dict[Path, int]:
        """When each file that was read was saved; another value when one is saved again."""
        return {path: saved_at(path) for path in self._read}

    def _isf(self, path: Path) -> Isf:
        """What a file says; the last good of it while it is broken."""
        stamp, held = saved_at(path), self._read.get(path)
        if held is None or held[0] != stamp:
            self._read[path] = held = (stamp, read_isf(path))
        return held[1]

    def _found(self, place: str, beside: Path) -> Path:
        name = place if place.lower().endswith(".fs") else f"{place}.fs"
        for folder in (beside, *self._folders):
            path = folder / from_home(name)
            if is_file(path):
                return path.resolve()
        known = [path.stem for path in self._paths()]
        listed = ", ".join(known[:MOST_LISTED]) + ", ..." * (len(known) > MOST_LISTED)
        where = ", ".join(map(str, (beside, *self._folders)))
        raise ShaderError(f"ISF file '{place}' is not in {where}; there are: {listed or 'none'}")

    def _paths(self) -> list[Path]:
        return [path for folder in self._folders for path in sorted(folder.rglob("*.fs"))]
