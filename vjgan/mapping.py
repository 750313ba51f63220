"""From what is heard and touched to control values: signals, LFOs and a preset's routes.

A route adds ``amount`` x the shaped source to its target; sums are clamped to the target's range.
Every source is 0..1, so that a curve means the same for each of them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from vjgan.controls import Control, by_model
from vjgan.smooth import Envelope, approach
from vjgan.types import Beat, Features, Tick

BEATS_A_BAR = 4
ONSET_SECONDS = 0.18  # an onset's light falls to 37 % in this time
SET_SECONDS = 0.02  # time constant of a fader: at once, but without a step
SET_ARRIVED = 1e-3  # share of the range within which it has arrived
TONE_HZ = (80.0, 8000.0)  # the centroid's range on a logarithmic scale

OCTAVES_HZ = (
    "below 80 Hz",
    "from 80 to 150 Hz",
    "from 150 to 350 Hz",
    "from 350 to 850 Hz",
    "from 850 Hz to 2 kHz",
    "from 2 to 4 kHz",
    "from 4 to 8 kHz",
    "above 8 kHz",
)

# What presets may write as a route's source, besides lfo.NAME and midi.SOURCE; all 0..1.
SIGNALS = {
    "level": "loudness; 0.5 is the running mean of the last seconds",
    "low": "energy below 150 Hz, likewise",
    "mid": "energy from 150 Hz to 2 kHz, likewise",
    "high": "energy above 2 kHz, likewise",
    **{f"band{k}": f"energy {where}, likewise" for k, where in enumerate(OCTAVES_HZ, start=1)},
    "tone": "spectral centroid, 0 dark (80 Hz) to 1 bright (8 kHz)",
    "noisiness": "spectral flatness, 0 a tone to 1 noise",
    "intensity": "how far the music has risen against the last minutes, 0 a breakdown to 1 a drop",
    "onset": "1 at each onset, falling to 0",
    "kick": "1 at each kick, falling to 0",
    "snare": "1 at each snare or clap, falling to 0",
    "hat": "1 at each hat or other cymbal, falling to 0",
    "beat_pulse": "1 on each beat, falling to 0",
    "bar_pulse": "1 on each bar, falling to 0",
    "beat_phase": "0..1 through each beat",
    "bar_phase": "0..1 through each bar",
    "silence": "1 when nothing is heard",
    "confidence": "how sure the tempo is",
}


def listen(features: Features, beat: Beat, tick: Tick) -> dict[str, float]:
    """Every signal of the table at the frame's present time, and ``beat``, the position in beats
    (the one value that is not 0..1; for shaders)."""
    bar = beat.bar % 1.0
    now = tick.present_time
    return {
        "level": _half(features.level),
        "low": _half(features.low),
        "mid": _half(features.mid),
        "high": _half(features.high),
        **{f"band{k}": _half(one) for k, one in enumerate(features.bands, start=1)},
        "tone": _tone(features.centroid_hz),
        "noisiness": features.flatness,
        "intensity": features.intensity,
        "onset": _fall(now - features.onset_time),
        "kick": _fall(now - features.kick_time),
        "snare": _fall(now - features.snare_time),
        "hat": _fall(now - features.hat_time),
        "beat_pulse": _pulse(beat.position % 1.0),
        "bar_pulse": _pulse(bar * BEATS_A_BAR),
        "beat_phase": beat.position % 1.0,
        "bar_phase": bar,
        "silence": 1.0 if features.silent else 0.0,
        "confidence": beat.confidence,
        "beat": beat.position,
    }


def _fall(since: float) -> float:
    return math.exp(-max(0.0, since) / ONSET_SECONDS)


def _half(value: float) -> float:
    return min(1.0, 0.5 * value)


def _tone(centroid_hz: float) -> float:
    low, high = TONE_HZ
    octaves = math.log2(max(centroid_hz, low) / low) / math.log2(high / low)
    return min(1.0, octaves)


def _pulse(beats_since: float) -> float:
    return max(0.0, 1.0 - beats_since) ** 3


CURVES: dict[str, Callable[[float], float]] = {
    "linear": lambda x: x,
    "square": lambda x: x * x,
    "cube": lambda x: x**3,
    "root": math.sqrt,
    "smooth": lambda x: x * x * (3.0 - 2.0 * x),
    "inverse": lambda x: 1.0 - x,
}


@dataclass(frozen=True, slots=True)
class Lfo:
    """A slow wave locked to the beat: one cycle every ``beats``, from 0 to 1 and back."""

    shape: str
    beats: float
    phase: float = 0.0

    def at(self, position: float) -> float:
        """Its value 0..1 at a position in beats."""
        return SHAPES[self.shape](position / self.beats + self.phase)


def _random(cycles: float) -> float:
    """A new height every cycle, moved to without a corner; the same at the same position."""
    cycle, x = math.floor(cycles), cycles % 1.0
    here, there = (random.Random(cycle + k).random() for k in (0, 1))
    return here + (there - here) * x * x * (3.0 - 2.0 * x)


SHAPES: dict[str, Callable[[float], float]] = {
    "sine": lambda cycles: 0.5 - 0.5 * math.cos(2.0 * math.pi * cycles),
    "triangle": lambda cycles: 1.0 - abs(2.0 * (cycles % 1.0) - 1.0),
    "saw": lambda cycles: cycles % 1.0,
    "square": lambda cycles: float(cycles % 1.0 < 0.5),
    "random": _random,
}


@dataclass(frozen=True, slots=True)
class Route:
    """One patch cord. ``attack`` and ``release`` are time constants in seconds."""

    source: str
    target: str
    amount: float
    curve: str = "linear"
    attack: float = 0.0
    release: float = 0.0


@dataclass
class Router:
    """A preset's routes at work. ``values`` are its own settings by control name; ``given``
    are every control's own values as the preset has them, ``own`` as the preset or a hand last set
    them, replaced when one changes."""

    table: Mapping[str, Control]
    values: Mapping[str, float]
    routes: tuple[Route, ...] = ()
    lfos: Mapping[str, Lfo] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.given = {name: row.default for name, row in self.table.items()} | dict(self.values)
        self.own: Mapping[str, float] = self.given
        self._base = dict(self.given)  # what ``own`` is being followed by
        self._moving: set[str] = set()
        self._cords = [
            (route, Envelope(route.attack, route.release), by_model(route.target))
            for route in self.routes
        ]

    def set(self, name: str, value: float | None) -> None:
        """Take a hand's value for a control, clamped, from the next step on; None gives back the
        preset's. A control that is not in the table is left out."""
        row = self.table.get(name)
        if row is not None:
            wanted = self.given[name] if value is None else row.clamp(value)
            self.own = {**self.own, name: wanted}
            self._moving.add(name)

    def reset(self) -> None:
        """Give back all the preset's values."""
        self._moving |= {name for name, value in self.own.items() if value != self.given[name]}
        self.own = self.given

    def step(
        self,
        signals: Mapping[str, float],
        moved: Mapping[str, float],
        dt: float,
        later: Mapping[str, float] | None = None,
    ) -> dict[str, float]:
        """Every control's value. ``moved`` holds what controllers last said, by MIDI source
        (``cc74``, ``3.cc74``); a knob that was never touched adds nothing. ``later`` are the
        signals of when the model's picture will be seen, for what goes through the model."""
        if self._moving:
            self._follow(dt)
        values = dict(self._base)
        for route, envelope, is_late in self._cords:
            told = later if is_late and later is not None else signals
            heard = self._source(route.source, told, moved)
            followed = envelope.step(CURVES[route.curve](heard), dt)
            values[route.target] += route.amount * followed
        for route in self.routes:
            values[route.target] = self.table[route.target].clamp(values[route.target])
        return values

    def _follow(self, dt: float) -> None:
        """Move what was set toward its new value."""
        for name in tuple(self._moving):
            row, wanted = self.table[name], self.own[name]
            value = approach(self._base[name], wanted, dt, SET_SECONDS)
            if abs(value - wanted) <= SET_ARRIVED * (row.maximum - row.minimum):
                value = wanted
                self._moving.discard(name)
            self._base[name] = value

    def _source(self, name: str, signals: Mapping[str, float], moved: Mapping[str, float]) -> float:
        kind, _, rest = name.partition(".")
        if kind == "lfo":
            return self.lfos[rest].at(signals["beat"])
        if kind == "midi":
            return moved.get(rest, 0.0)
        return signals[name]
