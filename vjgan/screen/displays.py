"""The displays of this machine: found by number or name, and known again when they come back."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import glfw

from vjgan.errors import DeviceError

log = logging.getLogger("vjgan")

Rectangle = tuple[int, int, int, int]  # x, y, width, height in pixels of the desktop


@dataclass(frozen=True, slots=True)
class Display:
    """A monitor; ``number`` counts from 1. Size and position in pixels of the desktop, the glass
    itself in mm, (0, 0) where it does not tell. Also what is remembered of one that is away."""

    number: int
    name: str
    size: tuple[int, int]
    position: tuple[int, int]
    refresh_hz: int
    size_mm: tuple[int, int] = (0, 0)

    def __str__(self) -> str:
        (width, height), (x, y) = self.size, self.position
        return f"{self.number} '{self.name}' {width}x{height} at {x},{y}, {self.refresh_hz} Hz"

    @property
    def place(self) -> Rectangle:
        """Where it is on the desktop."""
        return (*self.position, *self.size)


def displays() -> list[Display]:
    """The monitors of this machine. Raises DeviceError where there is no display at all."""
    reach()
    found = [read_display(number, one) for number, one in enumerate(glfw.get_monitors(), start=1)]
    return [one for one in found if one is not None]


def find(wanted: int | str, among: Sequence[Display]) -> Display:
    """The display of that number, or whose name has these words in it.

    Raises DeviceError, which lists what there is, when none fits or several do."""
    text = str(wanted).strip()
    number = int(text) if text.lstrip("-").isdecimal() else None
    exact = [one for one in among if one.name.lower() == text.lower()]
    fits = exact or [one for one in among if text and text.lower() in one.name.lower()]
    if number is not None:
        fits = [one for one in among if one.number == number] or exact
    if len(fits) == 1:
        return fits[0]
    listed = "; ".join(map(str, among)) or "none"
    shown = str(number) if number is not None else f"'{text}'"
    fault = "could be several" if fits else "is unknown"
    raise DeviceError(f"display {shown} {fault}; there are: {listed}")


def again(known: Display, among: Sequence[Display]) -> Display | None:
    """The display that ``known`` was, if it is there: of those with its name the ones with its
    glass, of these the one nearest to where it stood."""
    named = [one for one in among if one.name == known.name]
    sized = [one for one in named if one.size_mm == known.size_mm] or named
    x, y = known.position
    return min(
        sized, default=None, key=lambda one: abs(one.position[0] - x) + abs(one.position[1] - y)
    )


def most_of(place: Rectangle, among: Sequence[Display]) -> Display | None:
    """The display on which most of a rectangle lies."""
    return max(among, default=None, key=lambda one: shared(place, one))


def shared(place: Rectangle, one: Display) -> int:
    """How many pixels of a rectangle lie on a display."""
    x, y, width, height = one.place
    wide = min(place[0] + place[2], x + width) - max(place[0], x)
    high = min(place[1] + place[3], y + height) - max(place[1], y)
    return max(0, wide) * max(0, high)


def around(among: Sequence[Display]) -> Rectangle:
    """The smallest rectangle with all of these displays in it; there must be one."""
    left, top = (min(one.position[axis] for one in among) for axis in (0, 1))
    right, low = (max(one.position[axis] + one.size[axis] for one in among) for axis in (0, 1))
    return left, top, right - left, low - top


def reach() -> None:
    """Reach the desktop. Raises DeviceError where there is none."""
    glfw.set_error_callback(_complain)
    if not glfw.init():
        raise DeviceError(f"no display: {complaint()}; --headless does without one")


def complaint() -> str:
    """What glfw last complained of."""
    return _complaints[-1] if _complaints else "no reason given"


def monitor_of(display: Display) -> Any:
    """glfw's monitor of a display that is there; None when it has just gone."""
    for one in glfw.get_monitors():
        if name_of(one) == display.name and _position(one) == display.position:
            return one
    return None


def read_display(number: int, monitor: Any) -> Display | None:
    """A display, of glfw's monitor; None when it is just being unplugged."""
    try:
        mode = glfw.get_video_mode(monitor)
    except ValueError:  # of ctypes, of a null pointer
        return None
    wide_mm, high_mm = glfw.get_monitor_physical_size(monitor)
    return Display(
        number,
        name_of(monitor),
        (int(mode.size.width), int(mode.size.height)),
        _position(monitor),
        int(mode.refresh_rate),
        (int(wide_mm), int(high_mm)),
    )


def name_of(monitor: Any) -> str:
    """The name of glfw's monitor."""
    name = glfw.get_monitor_name(monitor)
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)


# It would otherwise print or raise from the middle of glfw's calls.
_complaints: list[str] = []


def _complain(_code: int, message: str | bytes) -> None:
    text = message.decode(errors="replace") if isinstance(message, bytes) else message
    _complaints[:] = [text]
    log.debug("glfw: %s", text)


def _position(monitor: Any) -> tuple[int, int]:
    x, y = glfw.get_monitor_pos(monitor)
    return int(x), int(y)
