"""The same loop on a fixed clock, into a film: same seed, same frames, bit for bit."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Protocol

from vjgan.clock import FixedClock
from vjgan.engine import Engine
from vjgan.people import People
from vjgan.roles import Scenes, Tempo
from vjgan.stage import Scene, Stage
from vjgan.stats import Stats
from vjgan.types import (
    GLANCE_WIDTH,
    ByteArray,
    Clock,
    Controls,
    Ear,
    Event,
    Hands,
    Painter,
    PassWeight,
    Picture,
    Screen,
    Tick,
)

NTSC = 1001  # the largest divisor of a rate that is in use
# No exponents: those of a few digits make numbers of as many as memory holds.
WRITTEN = re.compile(r"\d{0,20}(\.\d{0,20}|/\d{1,20})?", re.ASCII)
BROADCAST = {"23.976": Fraction(24000, 1001), "23.98": Fraction(24000, 1001),
             "29.97": Fraction(30000, 1001), "59.94": Fraction(60000, 1001)}  # fmt: skip


class Film(Protocol):
    """What rendering needs of ``vjgan.media.FilmWriter``."""

    def write(self, image: ByteArray) -> None: ...


class Nobody:
    """No performer and no preset changes: a film has its score."""

    def read(self) -> Sequence[Event]:
        return ()

    def request(self, number: int) -> None: ...

    def request_step(self, step: int) -> None: ...

    def finished(self) -> Scene | None:
        return None

    def close(self) -> None: ...


class FilmScreen:
    """A screen whose every picture is also written to a film."""

    def __init__(self, screen: Screen, film: Film, shown: Callable[[int], None]) -> None:
        self.size = screen.size
        self.software = screen.software
        self._screen = screen
        self._film = film
        self._shown = shown

    def show(self, picture: Picture, controls: Controls, tick: Tick) -> None:
        """Draw and write one frame."""
        self._screen.show(picture, controls, tick)
        self._film.write(self._screen.image())
        self._shown(tick.index + 1)

    def events(self) -> Sequence[Event]:
        return ()

    def image(self) -> ByteArray:
        return self._screen.image()

    def glance(self, width: int = GLANCE_WIDTH, alpha: bool = False) -> ByteArray | None:
        return self._screen.glance(width, alpha)

    def expect(self, passes: Sequence[PassWeight]) -> None:
        self._screen.expect(passes)

    def spare(self, most_pixels: int | None, passes: int) -> None:
        """Nothing is given up: a film has time."""

    def costs(self, passes: Sequence[PassWeight]) -> Sequence[float]:
        return ()

    def say(self, lines: Sequence[str]) -> None:
        self._screen.say(lines)

    def pattern(self) -> None:
        """A film is of the light."""

    def close(self) -> None:
        self._screen.close()


def frame_count(seconds: Fraction, fps: Fraction) -> int:
    """How many frames a film of a length has: the nearest whole number to length x fps, at least
    one."""
    return max(1, round(seconds * fps))


def exact(text: str) -> Fraction | None:
    """A number that is not below 0, as people write it: ``12``, ``12.5``, ``25/2``; else None."""
    try:
        return Fraction(text) if WRITTEN.fullmatch(text.strip()) else None
    except (ValueError, ZeroDivisionError):
        return None


def frame_rate(text: str) -> Fraction | None:
    """A frame rate as people write it (``30``, ``29.97``, ``30000/1001``), 1 to 240; else None."""
    rate = BROADCAST.get(text) or exact(text)
    if rate is None:
        return None
    if "/" not in text:  # as much of a broadcast rate as people write
        rate = rate.limit_denominator(NTSC)
    return rate if 1 <= rate <= 240 and rate.numerator < 2**31 else None


def render(
    scene: Scene,
    ear: Ear,
    tempo: Tempo,
    painter: Painter,
    screen: Screen,
    film: Film,
    fps: Fraction,
    start: Fraction,
    frames: int,
    shown: Callable[[int], None] = lambda count: None,
    notice: Sequence[str] = (),
    clock: Clock | None = None,
    hands: Hands | None = None,
    scenes: Scenes | None = None,
    people: People | None = None,
) -> None:
    """Play ``frames`` frames from ``start`` seconds into the track, or as long as the ``clock``
    ticks, and write each to the film; ``shown`` is told how many there are after each."""
    painter.use(scene.generator)
    Engine(
        clock=clock or FixedClock(fps, frames, start),
        ear=ear,
        hands=hands or Nobody(),
        tempo=tempo,
        scenes=scenes or Nobody(),
        stage=Stage(scene),
        painter=painter,
        screen=FilmScreen(screen, film, shown),
        stats=Stats(float(fps)),
        notice=notice,
        people=people,
    ).run()
