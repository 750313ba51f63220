"""An ISF file as written: its JSON header checked, its GLSL apart from it. Without a GPU."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vjgan.controls import Control
from vjgan.errors import ShaderError
from vjgan.files import MAX_BYTES
from vjgan.screen.isf.arithmetic import Sum, read_sum

PREFIX = "isf_"  # so that none of them takes the name of a pass of our own
PARTS = {
    "float": ("",),
    "bool": ("",),
    "event": ("",),
    "long": ("",),
    "point2D": (".x", ".y"),
    "color": (".r", ".g", ".b", ".a"),
}
FROM_PICTURE = ("inputImage", "startImage")  # images that are the picture so far
SECOND = "which layer is its other picture; 0: the model's own picture"
SOUNDS = ("audio", "audioFFT")
IMAGES = ("image", *SOUNDS)
MOST_INPUTS = 64
MOST_PASSES = 32
SAMPLES = 256  # of a sound, where the file does not say how many
MOST_SAMPLES = 4096

_HEADER = re.compile(r"\A\s*/\*(.*?)\*/", re.DOTALL)
_NAME = re.compile(r"(?!gl_|isf_)[A-Za-z_]\w{0,63}", re.ASCII)
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp")


@dataclass(frozen=True, slots=True)
class Input:
    """One input: its ``kind`` as ISF calls it, a range and default for each of its parts; of a
    "long" the ``values`` that it may take; of a sound how many ``samples`` wide it is. A point
    that is given no range is ``in_pixels``: 0..1 to hands, pixels of the screen to the file."""

    name: str
    kind: str
    parts: tuple[Control, ...] = ()
    values: tuple[int, ...] = ()
    samples: int = SAMPLES
    in_pixels: bool = False


@dataclass(frozen=True, slots=True)
class Target:
    """What one rendering pass draws to; without a name it is the file's own picture. ``scales``
    where its size follows that of the screen."""

    name: str = ""
    persistent: bool = False
    deep: bool = False  # 32-bit floats
    width: Sum | None = None
    height: Sum | None = None
    scales: bool = True


@dataclass(frozen=True, slots=True)
class Isf:
    """A file: its pass's ``name``, its inputs, its rendering passes, the pictures it imports, and
    its GLSL; ``vertex`` is empty where there is no .vs beside it. Lines are those of the files."""

    name: str
    path: Path
    description: str
    inputs: tuple[Input, ...]
    targets: tuple[Target, ...]
    imported: Mapping[str, Path]
    fragment: str
    vertex: str
    flickers: bool = False

    @property
    def kind(self) -> str:
        """ "filter", "transition" or "generator", by ISF's conventions."""
        names = {one.name for one in self.inputs if one.kind == "image"}
        moves = any(one.name == "progress" and one.kind == "float" for one in self.inputs)
        if {"startImage", "endImage"} <= names and moves:
            return "transition"
        return "filter" if "inputImage" in names else "generator"

    @property
    def layer(self) -> Control | None:
        """Which layer of the preset it sees besides the picture; None if it takes no other."""
        if all(one.kind != "image" or one.name in FROM_PICTURE for one in self.inputs):
            return None
        return Control(f"{self.name}.layer", 0.0, 3.0, 1.0, "", SECOND)

    @property
    def controls(self) -> dict[str, Control]:
        """Its inputs as rows of the table, by full name."""
        rows = [row for one in self.inputs for row in one.parts]
        return {row.name: row for row in ([self.layer] if self.layer else []) + rows}

    def takes(self, name: str) -> bool:
        """Whether there is an input of that name."""
        return any(one.name == name for one in self.inputs)


def pass_name(path: Path) -> str:
    """How the pass of a file is called: ``Color Bars.fs`` is ``isf_color_bars``."""
    return PREFIX + (re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_") or "unnamed")


def read_isf(path: Path) -> Isf:
    """The ISF file of a path, with the vertex shader beside it.

    Raises ShaderError: one sentence with the file and the reason."""
    text = _read(path)
    found = _HEADER.match(text)
    if found is None:
        raise _wrong(path, "it must begin with a comment that holds the JSON header")
    try:
        header = json.loads(found[1], strict=False)
    except (ValueError, RecursionError) as error:
        raise _wrong(path, f"its header is not valid JSON: {error}") from None
    if not isinstance(header, dict):
        raise _wrong(path, "its header must be a JSON object")
    beside = path.with_suffix(".vs")
    name = pass_name(path)
    try:
        inputs = tuple(_inputs(name, header))
        targets = tuple(_targets(header, inputs)) or (Target(),)
        imported = _imported(header, path.parent)
        taken = [*(one.name for one in inputs), *imported, *{one.name for one in targets} - {""}]
        for one in taken:
            if taken.count(one) > 1:
                raise ValueError(f"'{one}' is there twice")
    except ValueError as error:
        raise _wrong(path, str(error)) from None
    return Isf(
        name=name,
        path=path,
        description=str(header.get("DESCRIPTION", "")),
        inputs=inputs,
        targets=targets,
        imported=imported,
        fragment="\n" * text[: found.end()].count("\n") + text[found.end() :],
        vertex=_read(beside) if beside.is_file() else "",
        flickers=re.search("strobe|flash|flicker", path.stem.lower()) is not None,
    )


def _inputs(name: str, header: Mapping[str, Any]) -> Iterable[Input]:
    for row in _rows(header, "INPUTS", MOST_INPUTS):
        own = _name(row.get("NAME"), "an input's NAME")
        kind = row.get("TYPE")
        if not isinstance(kind, str):
            raise ValueError(f"input '{own}': TYPE must be text, not {kind!r}")
        if kind in IMAGES:
            samples = int(min(MOST_SAMPLES, max(1, _numbers(row.get("MAX", SAMPLES))[0])))
            yield Input(own, kind, samples=samples)
        elif kind in PARTS:
            yield _steered(name, own, kind, row)
        else:
            allowed = ", ".join((*PARTS, *IMAGES))
            raise ValueError(f"input '{own}': TYPE {kind!r} is unknown; there are: {allowed}")


def _steered(name: str, own: str, kind: str, row: Mapping[str, Any]) -> Input:
    """An input that a hand can move. Files are careless with ranges: those that are upside down are
    turned, and stretched to hold the default."""
    parts, does = PARTS[kind], str(row.get("LABEL") or own)
    values: tuple[int, ...] = ()
    if kind == "long":
        values = tuple(int(x) for x in _numbers(row.get("VALUES", [row.get("DEFAULT", 0)])))
        labels = row.get("LABELS")
        if isinstance(labels, list):
            does += ": " + ", ".join(
                f"{k} {label}" for k, label in zip(values, labels, strict=False)
            )
        lows, highs = [float(min(values))], [float(max(values))]
        defaults = _numbers(row.get("DEFAULT", values[0]))
        defaults = [float(min(values, key=lambda x: abs(x - defaults[0])))]
    else:
        lows, highs = ([0.0] * len(parts), [1.0] * len(parts))
        if kind in ("float", "point2D"):
            lows = _spread(row.get("MIN", 0.0), len(parts))
            highs = _spread(row.get("MAX", 1.0), len(parts))
        middle = [0.5 * (low + high) for low, high in zip(lows, highs, strict=True)]
        plain = {"color": [1.0] * 4, "float": middle, "point2D": middle}.get(kind, lows)
        defaults = _spread(row["DEFAULT"], len(parts)) if _given(row, "DEFAULT") else plain
    if kind == "event":
        defaults = [0.0]
    controls = []
    for part, low, high, default in zip(parts, lows, highs, defaults, strict=True):
        ends = (low, high, default)
        controls.append(Control(f"{name}.{own}{part}", min(ends), max(ends), default, "", does))
    return Input(
        own, kind, tuple(controls), values, in_pixels="MIN" not in row and "MAX" not in row
    )


def _targets(header: Mapping[str, Any], inputs: tuple[Input, ...]) -> Iterable[Target]:
    kept = header.get("PERSISTENT_BUFFERS") or {}  # of ISF 1
    old = kept if isinstance(kept, dict) else {str(key): {} for key in _listed(kept)}
    names = {"WIDTH", "HEIGHT", *(one.name for one in inputs if len(one.parts) == 1)}
    for row in _rows(header, "PASSES", MOST_PASSES):
        name = row.get("TARGET") or ""
        name = _name(name, "a pass's TARGET") if name else ""
        row = {**(old[name] if isinstance(old.get(name), dict) else {}), **row}
        keys = {str(key).upper(): value for key, value in row.items()}
        sizes = [str(keys.get(key, "")) for key in ("WIDTH", "HEIGHT")]
        yield Target(
            name,
            persistent=_true(keys.get("PERSISTENT")) or name in old,
            deep=_true(keys.get("FLOAT")),
            width=_size(sizes[0], names),
            height=_size(sizes[1], names),
            scales=any("$" in size or not size for size in sizes),
        )


def _size(text: str, names: set[str]) -> Sum | None:
    try:
        return read_sum(text, names) if text.strip() else None
    except ValueError as error:
        raise ValueError(f"the size '{text}' of a pass makes no sense: {error}") from None


def _imported(header: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    rows = header.get("IMPORTED") or {}
    if isinstance(rows, list):  # of ISF 1
        rows = {str(row.get("NAME")): row for row in rows if isinstance(row, dict)}
    if not isinstance(rows, dict) or len(rows) > MOST_INPUTS:
        raise ValueError(f"IMPORTED must be an object of at most {MOST_INPUTS} pictures")
    found = {}
    for name, row in rows.items():
        text = row.get("PATH") if isinstance(row, dict) else None
        if not isinstance(text, str) or not text:
            raise ValueError(f"IMPORTED '{name}' has no PATH")
        try:
            path = (folder / text).resolve()
        except (OSError, RuntimeError):  # links in a circle
            raise ValueError(f"IMPORTED '{name}': '{text}' leads nowhere") from None
        if Path(text).is_absolute() or not path.is_relative_to(folder.resolve()) or "\\" in text:
            raise ValueError(f"IMPORTED '{name}': '{text}' is not inside the file's own folder")
        if path.suffix.lower() not in _PICTURES:
            raise ValueError(f"IMPORTED '{name}': '{text}' is none of {', '.join(_PICTURES)}")
        found[_name(name, "IMPORTED")] = path
    return found


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _rows(header: Mapping[str, Any], key: str, most: int) -> list[dict[str, Any]]:
    rows = header.get(key) or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{key} must be a list of objects")
    if len(rows) > most:
        raise ValueError(f"{key} has {len(rows)} entries; at most {most} are allowed")
    return rows


def _name(name: object, what: str) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"{what} {name!r} is no name: letters, digits and _ are allowed")
    return name


def _given(row: Mapping[str, Any], key: str) -> bool:
    return row.get(key) not in (None, "", [])


def _numbers(value: object) -> list[float]:
    """The numbers of a list, or the one. Raises ValueError."""
    numbers = []
    for one in _listed(value) or [value]:
        try:
            number = float(one)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"{str(value)[:40]} is no number") from None
        if not math.isfinite(number) or abs(number) > 1e9:
            raise ValueError(f"{number} is outside -1e9..1e9")
        numbers.append(number)
    return numbers


def _spread(value: object, count: int) -> list[float]:
    """So many numbers: those given, the last of them or 1 (an alpha) for those that lack."""
    numbers = _numbers(value)
    if len(numbers) == 1:
        return numbers * count
    return (numbers + [1.0] * count)[:count]


def _true(value: object) -> bool:
    """JSON's truth, and numbers and words that files write for it."""
    return value is True or (isinstance(value, int | float) and value > 0) or value in ("1", "true")


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _wrong(path, f"it is larger than {MAX_BYTES} bytes")
        return path.read_bytes().decode("utf-8-sig", errors="replace").replace("\r\n", "\n")
    except OSError as error:
        raise _wrong(path, f"it cannot be read: {error.strerror}") from None


def _wrong(path: Path, reason: str) -> ShaderError:
    return ShaderError(f"ISF file '{path}': {reason}")
