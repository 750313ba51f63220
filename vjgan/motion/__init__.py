"""Controls in, latent out: a continuous way through w, as docs/motion.md derives it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vjgan.controls import CONTROLS, INSIDE
from vjgan.errors import PresetError
from vjgan.motion.curve import Anchor, Array, Ring, Walk, is_same, make_ring, seeded
from vjgan.motion.glide import Cast, Casting, Glide
from vjgan.motion.guest import Guest
from vjgan.motion.pace import BAR, RETURN, BeatLock, Pace, Push, between, quintic
from vjgan.motion.timeline import Timeline, seed_of
from vjgan.types import Beat, Controls, FloatArray, LatentSpace, LatentState, Tick

SEEDS = 2**32
CLASSES = 10_000  # more than any model has
DEFAULTS = {name: row.default for name, row in CONTROLS.items()}
LONGEST_STEP = 0.25  # s; after a stall the motion goes on from where it was


@dataclass(frozen=True, slots=True)
class MotionSettings:
    """What a preset says of its motion. ``wander`` uses ``seed``; ``loop`` also ``bars`` (its
    length) and ``anchors``; ``keyframes`` only its list of (seed or w, bars until the next one),
    round and round, where the same one twice is a hold. ``classes`` are those among which the
    control ``class`` chooses, where the model has any; empty: all of them.

    Raises PresetError when a value is out of range."""

    kind: str = "wander"
    seed: int = 0
    bars: int = 8
    anchors: int = 6
    keyframes: tuple[tuple[Anchor, float], ...] = ()
    classes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in COURSES:
            raise PresetError(f"motion: kind '{self.kind}' is not one of {', '.join(COURSES)}")
        if self.kind == "keyframes" and not self.keyframes:
            raise PresetError("motion: kind 'keyframes' needs at least one keyframe (seed, bars)")
        _check("seed", self.seed, 0, SEEDS - 1)
        _check("bars", self.bars, 1, 64)
        _check("anchors", self.anchors, 3, 64)
        for number, (anchor, bars) in enumerate(self.keyframes, 1):
            if isinstance(anchor, int):
                _check(f"seed of keyframe {number}", anchor, 0, SEEDS - 1)
            _check(f"bars of keyframe {number}", bars, 0.25, 64)
        for label in self.classes:
            _check("class", label, 0, CLASSES - 1)


def _check(name: str, value: float, minimum: float, maximum: float) -> None:
    if not minimum <= value <= maximum:
        raise PresetError(f"motion: {name} {value} is outside {minimum}..{maximum}")


class Course(Protocol):
    """One kind of motion: the ways of the main walk and of the one for style mixing."""

    def step(
        self, controls: Controls, beat: Beat, ages: Sequence[float], dt: float, cast: Cast
    ) -> tuple[Array, Array]:
        """Both walks' w [w_dim] in the classes of ``cast``, the first perhaps [num_ws, w_dim]; an
        onset came each of ``ages`` (0..dt) seconds ago."""


class Wander:
    """A random walk: ``speed``, ``energy`` and the level set its rate, onsets push it ahead."""

    def __init__(
        self, settings: MotionSettings, space: LatentSpace, cast: Cast, other: LatentSpace
    ) -> None:
        self._walk = Walk(settings.seed, space, cast)
        self._style = Walk((settings.seed + 1) % SEEDS, other, cast)
        self._pace = Pace()
        self._push = Push()

    def step(
        self, controls: Controls, beat: Beat, ages: Sequence[float], dt: float, cast: Cast
    ) -> tuple[Array, Array]:
        """Both walks' w [w_dim]."""
        loudness = 2.0 * controls.signals.get("level", 0.5) - 1.0  # -1..1
        rate = controls["speed"] * max(0.0, 1.0 + controls["energy"] * loudness)
        way = self._pace.step(rate, dt) + self._push.step(controls["kick"], ages, dt)
        return self._walk.along(way, cast), self._style.along(way, cast)


class Loop:
    """Round a ring of seeded anchors in a whole number of bars, evenly; onsets push it ahead for a
    moment, ``speed`` and ``energy`` do nothing."""

    def __init__(
        self, settings: MotionSettings, space: LatentSpace, cast: Cast, other: LatentSpace
    ) -> None:
        ways = (settings.seed, space), ((settings.seed + 1) % SEEDS, other)
        self._ring, self._style = (
            Ring(seeded(seed, settings.anchors, its.z_dim), its, cast) for seed, its in ways
        )
        self._beats = settings.bars * BAR
        self._lock = BeatLock()
        self._push = Push(1.0 / RETURN)

    def step(
        self, controls: Controls, beat: Beat, ages: Sequence[float], dt: float, cast: Cast
    ) -> tuple[Array, Array]:
        """Both walks' w [w_dim]."""
        turn = self._lock.step(beat, dt) / self._beats % 1.0
        ahead = self._push.step(controls["kick"], ages, dt)
        return (
            self._ring.along(turn * self._ring.length + ahead, cast),
            self._style.along(turn * self._style.length + ahead, cast),
        )


class Keyframes:
    """Round a ring of chosen pictures, each at its own bar; onsets push it ahead for a moment,
    ``speed`` and ``energy`` do nothing."""

    def __init__(
        self, settings: MotionSettings, space: LatentSpace, cast: Cast, other: LatentSpace
    ) -> None:
        anchors = [anchor for anchor, _ in settings.keyframes]
        after = anchors[1:] + anchors[:1]
        moves = [float(not is_same(a, b)) for a, b in zip(anchors, after, strict=True)]
        self._beats = [BAR * bars for _, bars in settings.keyframes]
        self._starts = [0.0, *accumulate(self._beats)]
        self._places = [0.0, *accumulate(moves)]  # a held one stands at one place of the ring
        rates = [move / beats for move, beats in zip(moves, self._beats, strict=True)]
        self._rates = [between(a, b) for a, b in zip(rates[-1:] + rates[:-1], rates, strict=True)]
        self._rates.append(self._rates[0])
        stops = [one for one, move in zip(anchors, moves, strict=True) if move] or anchors[:1]
        others = [(seed_of(stop) + SEEDS // 2) % SEEDS for stop in stops]
        self._ring, self._style = make_ring(stops, space, cast), make_ring(others, other, cast)
        self._lock = BeatLock()
        self._push = Push(1.0 / RETURN)

    def step(
        self, controls: Controls, beat: Beat, ages: Sequence[float], dt: float, cast: Cast
    ) -> tuple[Array, Array]:
        """Both walks' w [w_dim], the first perhaps [num_ws, w_dim]."""
        place = self._place(self._lock.step(beat, dt) % self._starts[-1])
        units = self._push.step(controls["kick"], ages, dt)
        # By the ring's mean length: the exact one has a corner where a ring turns back on itself.
        ahead = units * self._ring.anchors / self._ring.length
        return self._ring.at(place + ahead, cast), self._style.at(place + ahead, cast)

    def _place(self, beats: float) -> float:
        """Where on the ring at ``beats``; C2."""
        i = min(bisect_right(self._starts, beats), len(self._beats)) - 1
        t = (beats - self._starts[i]) / self._beats[i]
        start, end = self._places[i], self._places[i + 1]
        rate0, rate1 = self._rates[i] * self._beats[i], self._rates[i + 1] * self._beats[i]
        return quintic(t, start, end, rate0, rate1)


COURSES: dict[str, Callable[[MotionSettings, LatentSpace, Cast, LatentSpace], Course]] = {
    "wander": Wander,
    "loop": Loop,
    "keyframes": Keyframes,
}


class Motion:
    """The stage that turns controls into a latent, step by step."""

    def __init__(self, course: Course, space: LatentSpace, casting: Casting) -> None:
        self._course = course
        self._space = space
        self._casting = casting
        self._guest = Guest(space)
        self._glide = Glide()
        self._mean = space.w_mean.astype(np.float64)  # [w_dim]
        self._layers = np.arange(space.num_ws)
        self._started = False

    def meet(self, guest: int | FloatArray | None) -> None:
        """Turn into the picture of a seed, or of a w [w_dim] or [num_ws, w_dim] before truncation,
        in about a second; None: back into the walk's. A w in every frame is followed closely."""
        self._guest.meet(guest)

    def step(
        self, controls: Controls, beat: Beat, onsets: Sequence[float], tick: Tick
    ) -> LatentState:
        """The latent at ``tick``; its time is the tick's.

        ``onsets`` are the times of those heard since the last step. One that is older than this
        step pushes from the step's start, as what has been shown cannot be changed: the path
        never jumps, and is the same at any frame rate if each is passed in the step it lies in."""
        # The way begins at the first tick, however long its frame is.
        dt = min(max(tick.dt, 0.0), LONGEST_STEP) if self._started else 0.0
        self._started = True
        ages = [min(max(tick.time - onset, 0.0), dt) for onset in onsets]
        steered = self._glide.step({**DEFAULTS, **controls.values}, dt)
        cast = self._casting.step(controls.values.get("class", 0.0), dt)
        walk, style = self._course.step(controls, beat, ages, dt, cast)
        walk = self._guest.step(walk, dt, cast, steered["likeness"])
        w = self._layered(walk, style, steered) + self._directed(steered)  # [num_ws, w_dim]
        inside = {
            name: value
            for name, value in steered.items()
            if name.startswith(INSIDE) and value != DEFAULTS[name]
        }
        return LatentState(tick.time, w.astype(np.float32), steered["noise"], inside)

    def _layered(self, walk: Array, style: Array, steered: Mapping[str, float]) -> Array:
        """Mixed and truncated: [w_dim], or of the walk one for each layer -> [num_ws, w_dim]."""
        # A layer comes in, or goes, over one layer's width of the control.
        above = np.clip(self._layers + 1.0 - steered["mix_layer"], 0.0, 1.0)  # [num_ws]
        below = np.clip(steered["mix_to"] - self._layers, 0.0, 1.0)  # [num_ws]
        reached = np.clip(steered["psi_layers"] - self._layers, 0.0, 1.0)  # [num_ws]
        psi = 1.0 + reached * (steered["psi"] - 1.0)  # [num_ws]
        share = (steered["mix"] * above * below)[:, None]  # [num_ws, 1]
        w = walk + share * (style - walk)  # [num_ws, w_dim]
        return np.asarray(self._mean + psi[:, None] * (w - self._mean))

    def _directed(self, steered: Mapping[str, float]) -> NDArray[np.floating[Any]]:
        """What the directions add: [w_dim] or [num_ws, w_dim]."""
        added: NDArray[np.floating[Any]] = np.zeros(len(self._mean))
        for name, far in steered.items():
            if far and name.startswith("direction."):
                way = find_direction(self._space, name.removeprefix("direction."))
                added = added if way is None else added + far * way
        return added


def find_direction(space: LatentSpace, name: str) -> FloatArray | None:
    """A direction by its name, or by its number in the model's order, counted from 1; None where
    the model has none such."""
    directions = space.directions()
    if name.isdecimal():
        return next(islice(directions.values(), int(name) - 1, None), None)
    return directions.get(name)


def make_motion(
    settings: MotionSettings, space: LatentSpace, other: LatentSpace | None = None
) -> Motion:
    """The motion that ``settings`` ask for, ready to step; maps and measures, so call it off the
    loop. The walk for style mixing goes through the ``other`` space, that of a model of the same
    shape, or through the same one. Raises PresetError when the model does not have the classes, or
    the shapes differ."""
    if other is not None:
        _check_alike(space, other)
    classes = (settings.classes or range(space.classes)) if space.classes else ()
    if classes and max(classes) >= space.classes:
        raise PresetError(
            f"motion: class {max(classes)} is not one of the model's, 0..{space.classes - 1}"
        )
    first = Casting(classes).step(0.0, 0.0)
    return Motion(
        COURSES[settings.kind](settings, space, first, other or space), space, Casting(classes)
    )


def _check_alike(space: LatentSpace, other: LatentSpace) -> None:
    for what in ("num_ws", "w_dim", "classes"):
        ours, theirs = getattr(space, what), getattr(other, what)
        if ours != theirs:
            raise PresetError(
                f"motion: mix_model is of another shape: {what} {theirs}, it must be {ours}"
            )


def make_timeline(stops: Sequence[tuple[float, Anchor]], space: LatentSpace) -> Motion:
    """The motion through the pictures of ``stops`` (bar of the track counted from 0, seed or w),
    which rise; maps and measures, so call it off the loop."""
    casting = Casting(range(space.classes))
    return Motion(Timeline(stops, space, casting.step(0.0, 0.0)), space, casting)
