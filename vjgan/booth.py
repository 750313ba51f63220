"""The booth: opens the audience's window as the rig has it, keeps what is set of displays, and
tells the operator how the show stands."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from vjgan.errors import VjganError
from vjgan.prompter import HELP
from vjgan.rig import Rig, keep_display, rig_file
from vjgan.roles import Onlooker
from vjgan.screen.layout import SQUARE, WAYS, Layout, Output, read_layout
from vjgan.screen.window import Window
from vjgan.standing import Standing
from vjgan.stats import LATE_FRAMES
from vjgan.types import Screen

log = logging.getLogger("vjgan")

DEFAULT_WINDOW = (1280, 720)
NO_DISPLAY = "none"
TELL_SECONDS = 0.25
MOST_FRAMES = 600  # that the operator is told of


def open_window(
    rig: Rig,
    display: str = "",
    way: str = "",
    size: tuple[int, int] | None = None,
    flash_limit: bool = True,
    operator: bool = False,
    alpha: bool = False,
) -> Window:
    """The window, on the ``display`` of that number or name, or where the last show was.

    Raises DeviceError without that display or any, VjganError when the rig's ``[display]`` or the
    ``way`` it is to be laid out is not as it must be."""
    layout = _layout(rig, way)
    if display == NO_DISPLAY:
        _remember({"name": None, "size_mm": None, "position": None, "layout": None})
        display, layout = "", replace(layout, known=None, way="full")
    elif way:
        _remember({"layout": way})
    before = layout.known is not None or layout.way != "full"
    window = Window(
        size or DEFAULT_WINDOW,
        display or None,
        fullscreen=bool(display) or (size is None and before),
        flash_limit=flash_limit,
        layout=layout,
        keep=_keep_output,
        operator=operator or layout.operator,
        alpha=alpha,
    )
    if display and window.display is not None:
        known = window.display
        _remember({"name": known.name, "size_mm": [*known.size_mm], "position": [*known.position]})
    return window


def _layout(rig: Rig, way: str) -> Layout:
    if way and way not in WAYS:
        raise VjganError(f"--layout '{way}' is unknown; there are: {', '.join(WAYS)}")
    layout = read_layout(f"rig '{rig_file()}': display", rig.display)
    return replace(layout, way=way or layout.way)


def _keep_output(name: str, output: Output) -> None:
    corners = [[round(x, 5), round(y, 5)] for x, y in output.corners]
    _remember({"corners": None if output.corners == SQUARE else corners}, name)


def _remember(values: Mapping[str, Any], output: str = "") -> None:
    try:
        keep_display(values, output)
    except VjganError as error:  # the show goes on as it is
        log.warning("%s", error)


class Watch:
    """An onlooker that tells the operator, besides the one that it stands before, how the show
    stands. ``words`` are the newest of clock and quality."""

    def __init__(
        self, onlooker: Onlooker, window: Window, period: float, words: Callable[[], Sequence[str]]
    ) -> None:
        """``period`` is the time of a frame in seconds."""
        self._onlooker = onlooker
        self._window = window
        self._period = period
        self._words = words
        self._frames: deque[float] = deque(maxlen=MOST_FRAMES)  # when the newest began
        self._told = -TELL_SECONDS
        self._wanted = False  # by the other
        window.report(("Preset     ", "Model      "), HELP)

    def due(self, time: float) -> bool:
        """Whether one of the two wants to look now; asked at every frame."""
        self._frames.append(time)
        self._wanted = self._onlooker.due(time)
        return self._wanted or self._tells(time)

    def look(self, standing: Standing, screen: Screen) -> None:
        """Take how the show stands."""
        if self._wanted:
            self._onlooker.look(standing, screen)
        if self._tells(standing.time):
            self._told = standing.time
            self._window.report(self._lines(standing), HELP)

    def keep(self) -> None:
        """Make a new preset of how the show stands, soon."""
        self._onlooker.keep()

    def save(self) -> None:
        """Write what hands set into the preset's own file, soon."""
        self._onlooker.save()

    def wish(self, name: str) -> None:
        """Do what ``child`` or ``keep`` asks for, soon."""
        self._onlooker.wish(name)

    def _tells(self, time: float) -> bool:
        return self._window.is_operated and time - self._told >= TELL_SECONDS

    def _lines(self, standing: Standing) -> list[str]:
        features = standing.features
        sound = f"level {features.level:.1f}, {features.peak_db:.0f} dB"
        states = {
            "black": standing.black,
            "panic": standing.panic,
            "frozen": standing.frozen,
            "no strobe": standing.strobe_killed,
        }
        state = ", ".join(name for name, on in states.items() if on)
        rows = {
            "Preset": f"{standing.title}   {standing.track}",
            "Model": standing.model,
            "Sound": sound if features.alive else "none arrives",
            "Light": state or "on",
            **dict(zip(("Clock", "Quality"), self._words(), strict=True)),
            "Frames": self._pace(),
        }
        return [f"{name:<10} {words}" for name, words in rows.items()]

    def _pace(self) -> str:
        """How evenly the newest frames came."""
        times = list(self._frames)
        steps = sorted(after - before for before, after in pairwise(times))
        if not steps or times[-1] <= times[0]:
            return "-"
        late = sum(step > LATE_FRAMES * self._period for step in steps)
        worst = steps[int(0.99 * (len(steps) - 1))]
        rate = len(steps) / (times[-1] - times[0])
        return f"{rate:.1f} a second, p99 {1e3 * worst:.1f} ms, {late} of {len(steps)} late"
