"""What a frame may cost: what the governor gives up and takes back, done to screen and painter."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Protocol

from vjgan.governor import WITHOUT, Governor, ladder
from vjgan.types import PassWeight, Tick

log = logging.getLogger("vjgan")

FPS = 60.0  # frames a second on the screen
SOFTWARE_FPS = 30.0  # where the processor draws: what is left is the model's

HELD = 2.0  # s for which passes still count: some come and go with the beat
LATE = 1.5  # frame times: where only lateness tells what a frame cost


class Sparing(Protocol):
    """What a budget needs of a screen."""

    size: tuple[int, int]

    @property
    def software(self) -> bool: ...

    def spare(self, most_pixels: int | None, passes: int) -> None: ...

    def costs(self, passes: Sequence[PassWeight]) -> Sequence[float]: ...


class Drawing(Protocol):
    """What it needs of a painter."""

    def limit(self, rate: float | None) -> None: ...


class Budget:
    """Keeps the frames of a show within their time, by what the screen and the painter do."""

    def __init__(self, screen: Sparing, painter: Drawing, period: float) -> None:
        self._screen = screen
        self._painter = painter
        self._period = period
        self._told = False
        # Passes that were drawn together: what they cost, and when it was last.
        self._seen: dict[frozenset[str], tuple[Sequence[float], float]] = {}
        self._foreseen: frozenset[str] | None = None  # the dearest of them
        self._whole = True  # whether it is they that are drawn now
        self._begin()

    def foresee(self, passes: Sequence[PassWeight], presets: Sequence[str], tick: Tick) -> None:
        """Go where the frame at ``tick`` fits, which is about to be drawn with these passes while
        these presets are on."""
        if not self._screen.software:
            return
        self._changed(self._governor.accompany(frozenset(presets), tick.time))
        rows = [row for row in passes if row.weight > 0.0]
        names = frozenset(row.name for row in rows)
        self._whole = names == self._foreseen
        if self._whole:
            self._seen[names] = self._seen[names][0], tick.time
            return
        costs = self._seen[names][0] if names in self._seen else self._screen.costs(rows)
        if not costs:
            return
        self._seen[names] = costs, tick.time
        self._seen = {key: one for key, one in self._seen.items() if tick.time - one[1] < HELD}
        dearest = max(self._seen, key=lambda key: sum(self._seen[key][0]))
        if dearest != self._foreseen:
            self._foreseen = dearest
            dear = self._seen[dearest][0]
            loads = [quality.load(dear) for quality in self._governor.rungs]
            self._changed(self._governor.foresee(loads, tick.time))

    def spend(self, took: float, tick: Tick) -> None:
        """Note what a frame took (s), until its light was out."""
        if self._screen.size != self._size:
            self._begin()
        if not self._screen.software:
            # Who waits for the display cannot tell what the frame cost, only that it came late.
            took = tick.dt if tick.dt > LATE * self._period else 0.0
        self._changed(self._governor.step(took, tick.time, self._whole))

    def words(self) -> str:
        """What the picture is drawn with now, such as "320x180 inside, model 20/s"; "all" when
        nothing is given up."""
        quality = self._governor.quality
        width, height = self._size
        parts = []
        if quality.pixels is not None and quality.pixels < width * height:
            scale = (quality.pixels / (width * height)) ** 0.5
            parts.append(f"{round(width * scale)}x{round(height * scale)} inside")
        if quality.model_rate is not None:
            parts.append(f"model {quality.model_rate:g}/s")
        if quality.spared:
            parts.append(WITHOUT[quality.spared])
        return ", ".join(parts) or "all"

    def summary(self) -> dict[str, Any]:
        """For the statistics: what is given up at the end, and how far it went (rungs from 0, the
        best)."""
        governor = self._governor
        return {
            "now": self.words(),
            "rung": governor.rung,
            "start": self._start,
            "worst": governor.worst,
            "steps": governor.steps,
        }

    def _changed(self, changed: bool) -> None:
        if not changed:
            return
        self._apply()
        log.debug("quality: %s", self.words())
        if self._governor.rung > self._start and not self._told:
            self._told = True
            log.warning("to keep the pace: %s; the help (H) tells what it is now", self.words())

    def _begin(self) -> None:
        self._size = self._screen.size
        self._seen, self._foreseen = {}, None
        rungs, self._start = ladder(self._size, self._screen.software)
        self._governor = Governor(rungs, self._start, self._period)
        self._apply()

    def _apply(self) -> None:
        quality = self._governor.quality
        self._screen.spare(quality.pixels, quality.spared)
        self._painter.limit(quality.model_rate)
