"""Controls that come in steps (a knob has 128 of them) made smooth, the same at any frame rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vjgan.controls import INSIDE
from vjgan.smooth import follow

GLIDE = 0.03  # s, time constant: a knob's steps vanish, a drum's hit stays
CLASS_GLIDE = 0.12  # s, between classes, which are far apart
ARRIVED = 1e-5  # so near to a target that stands it is reached
# These go round: the way from 170 to -170 degrees is 20 degrees long.
PERIODS = {"bend.x": 2.0, "bend.y": 2.0, "bend.turn": 360.0, "input.turn": 360.0}
STEERED = ("psi", "psi_layers", "likeness", "mix", "mix_layer", "mix_to", "noise")
GROUPS = ("direction.", *INSIDE)

Cast = Mapping[int | None, float]  # classes and how much of each, 1 together; None: no class
NO_CLASS: Cast = {None: 1.0}


class Glide:
    """Control values that follow theirs with a lag of ``GLIDE``; the first ones at once."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()  # of the controls that steer latent and network
        self._state: dict[str, tuple[float, float]] = {}  # value, last target

    def step(self, values: Mapping[str, float], dt: float) -> dict[str, float]:
        """The followed values by name, of the controls that steer latent and network; ``values``
        has the same names each time."""
        if not self._names:
            self._names = tuple(
                name for name in values if name in STEERED or name.startswith(GROUPS)
            )
        return {name: self._step(name, values[name], dt) for name in self._names}

    def _step(self, name: str, target: float, dt: float) -> float:
        value, last = self._state.setdefault(name, (target, target))
        if value == last == target:
            return target
        if name in PERIODS:
            turns = PERIODS[name] * round((target - last) / PERIODS[name])
            value, last = value + turns, last + turns
        value = follow(value, last, target, dt, GLIDE)
        if last == target and abs(value - target) < ARRIVED:
            value = target
        self._state[name] = value, target
        return value


class Casting:
    """Which classes a picture is of: those around the value of the control ``class``, and for a
    moment those that it came from. ``classes`` are those chosen among; without any there is no
    class to be of."""

    def __init__(self, classes: Sequence[int]) -> None:
        self._classes = classes
        self._shares: dict[int | None, tuple[float, float]] = {}  # share, last target

    def step(self, place: float, dt: float) -> Cast:
        """The classes at a ``place`` in the list, from 0 to its last."""
        targets = self._around(place)
        if not self._shares:
            self._shares = {label: (share, share) for label, share in targets.items()}
        shares = {}
        for label in {**self._shares, **targets}:
            share, last = self._shares.get(label, (0.0, 0.0))
            target = targets.get(label, 0.0)
            share = follow(share, last, target, dt, CLASS_GLIDE)
            if share > ARRIVED or target:
                shares[label] = share, target
        self._shares = shares
        whole = sum(share for share, _ in shares.values())
        return {label: share / whole for label, (share, _) in shares.items()}

    def _around(self, place: float) -> dict[int | None, float]:
        if not self._classes:
            return dict(NO_CLASS)
        place = min(max(place, 0.0), len(self._classes) - 1.0)
        first, x = int(place), place % 1.0
        share = x * x * (3.0 - 2.0 * x)
        here = self._classes[first]
        there = self._classes[min(first + 1, len(self._classes) - 1)]
        return {here: 1.0} if not share or here == there else {here: 1.0 - share, there: share}
