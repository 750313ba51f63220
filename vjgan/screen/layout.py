"""Where the light comes out, as the rig's file has it in ``[display]``; see docs/displays.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from vjgan.errors import VjganError
from vjgan.screen.displays import Display

WAYS = ("full", "borderless", "span", "mirror")
FITS = ("fit", "fill", "crop")
ROTATIONS = (0, 90, 180, 270)
LARGEST_PX = 16384
WINDOW, SPAN = "window", "span"  # names of outputs that are no display
Point = tuple[float, float]
# Top left, top right, bottom right, bottom left; 0..1 of the output from its top left.
SQUARE: tuple[Point, ...] = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


@dataclass(frozen=True)
class Output:
    """How the picture is laid onto one output. ``feather`` is the width of the soft edge at the
    left, top, right and bottom, 0..0.5 of the picture; ``mask`` a picture: its black stays dark."""

    rotate: int = 0  # degrees clockwise
    fit: str = "fit"  # all of it; "fill": stretched; "crop": covering, what is over is cut off
    corners: tuple[Point, ...] = SQUARE
    feather: tuple[float, ...] = (0.0,) * 4
    mask: Path | None = None
    gamma: float = 1.0
    brightness: float = 1.0


@dataclass(frozen=True)
class Layout:
    """All that ``[display]`` says. ``known`` is the display on which the last show was, None when
    the show stays in a window; ``canvas`` the size in pixels at which the light is drawn, None
    that of the output."""

    known: Display | None = None
    way: str = "full"
    canvas: tuple[int, int] | None = None
    operator: bool = False
    outputs: Mapping[str, Output] = field(default_factory=dict)


def at_place(display: Display) -> str:
    """A name that tells a display from others of the same name."""
    return f"{display.name} at {display.position[0]},{display.position[1]}"


def is_convex(corners: Sequence[Point]) -> bool:
    """Whether four corners, clockwise as seen, span a picture that is not folded."""
    for at in range(4):
        (ax, ay), (bx, by), (cx, cy) = (corners[(at + k) % 4] for k in range(3))
        if (bx - ax) * (cy - by) - (by - ay) * (cx - bx) < 1e-4:
            return False
    return True


def read_layout(place: str, table: Mapping[str, Any]) -> Layout:
    """The checked layout of a table; ``place`` is what an error calls it.

    Raises VjganError: one sentence with the place, the key, the value and what is allowed."""
    _known_keys(
        place, table, ("name", "size_mm", "position", "layout", "canvas", "operator", "outputs")
    )
    known = None
    if "name" in table:
        if not isinstance(table["name"], str) or not table["name"]:
            raise VjganError(f"{place}.name {table['name']!r} must be the name of a display")
        wide_mm, high_mm = _whole_numbers(place, table, "size_mm", 0, 10**5) or (0, 0)
        x, y = _whole_numbers(place, table, "position", -(10**6), 10**6) or (0, 0)
        known = Display(0, table["name"], (0, 0), (x, y), 0, (wide_mm, high_mm))
    outputs = table.get("outputs", {})
    if not isinstance(outputs, Mapping):
        raise VjganError(f"{place}.outputs must be a table of outputs")
    operator = table.get("operator", False)
    if not isinstance(operator, bool):
        raise VjganError(f"{place}.operator {operator!r} must be true or false")
    return Layout(
        known,
        _one_of(place, table, "layout", WAYS, "full"),
        _whole_numbers(place, table, "canvas", 1, LARGEST_PX),
        operator,
        {name: read_output(f"{place}.outputs.{name}", row) for name, row in outputs.items()},
    )


def read_output(place: str, table: Any) -> Output:
    """The checked settings of one output. Raises VjganError as `read_layout` does."""
    if not isinstance(table, Mapping):
        raise VjganError(f"{place} must be a table")
    _known_keys(place, table, tuple(row.name for row in fields(Output)))
    mask = table.get("mask")
    if mask is not None and not isinstance(mask, str):
        raise VjganError(f"{place}.mask {mask!r} must be the path of a picture")
    return Output(
        _one_of(place, table, "rotate", ROTATIONS, 0),
        _one_of(place, table, "fit", FITS, "fit"),
        _corners(place, table.get("corners", SQUARE)),
        _feather(place, table.get("feather", 0.0)),
        Path(mask).expanduser() if mask else None,
        _number(f"{place}.gamma", table.get("gamma", 1.0), 0.2, 5.0),
        _number(f"{place}.brightness", table.get("brightness", 1.0), 0.0, 1.0),
    )


def _corners(place: str, rows: Any) -> tuple[Point, ...]:
    allowed = "must be four [x, y], top left first and clockwise, each 0..1, and not folded"
    if not isinstance(rows, Sequence) or len(rows) != 4:
        raise VjganError(f"{place}.corners {rows!r} {allowed}")
    corners = []
    for row in rows:
        if not isinstance(row, Sequence) or len(row) != 2:
            raise VjganError(f"{place}.corners {rows!r} {allowed}")
        x, y = (_number(f"{place}.corners", value, 0.0, 1.0) for value in row)
        corners.append((x, y))
    if not is_convex(corners):
        raise VjganError(f"{place}.corners {rows!r} {allowed}")
    return tuple(corners)


def _feather(place: str, value: Any) -> tuple[float, ...]:
    """One width for all sides, or four: left, top, right, bottom."""
    rows = value if isinstance(value, Sequence) and not isinstance(value, str) else [value] * 4
    if len(rows) != 4:
        raise VjganError(
            f"{place}.feather {value!r} must be a number, or four: left, top, right, bottom"
        )
    return tuple(_number(f"{place}.feather", row, 0.0, 0.5) for row in rows)


def _known_keys(place: str, table: Mapping[str, Any], keys: Sequence[str]) -> None:
    if unknown := set(table) - set(keys):
        raise VjganError(f"{place}.{min(unknown)} is unknown; there are: {', '.join(keys)}")


def _one_of(place: str, table: Mapping[str, Any], name: str, allowed: Any, plain: Any) -> Any:
    value = table.get(name, plain)
    if isinstance(value, bool) or value not in allowed:
        words = ", ".join(map(str, allowed))
        raise VjganError(f"{place}.{name} {value!r} is unknown; there are: {words}")
    return value


def _number(place: str, value: Any, low: float, high: float) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high:
        raise VjganError(f"{place} {value!r} must be a number, {low:g}..{high:g}")
    return float(value)


def _whole_numbers(
    place: str, table: Mapping[str, Any], name: str, low: int, high: int
) -> tuple[int, int] | None:
    if name not in table:
        return None
    value = table[name]
    pair = isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2
    if not pair or not all(type(one) is int and low <= one <= high for one in value):
        raise VjganError(f"{place}.{name} {value!r} must be two whole numbers, {low}..{high}")
    return value[0], value[1]
