"""Smooth curves in w and how long they look: a walk without end, and a closed ring.

Both are uniform cubic B-splines (C2; de Boor, A Practical Guide to Splines). Their perceptual
length is measured on short steps and made a C2 function of the parameter, so that going along a
curve by length is as smooth as the curve itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vjgan.motion.glide import Cast
from vjgan.types import FloatArray, LatentSpace

Array = NDArray[np.float64]
Anchor = int | FloatArray  # the picture of a seed, or a w [w_dim] or [num_ws, w_dim], not truncated

TONES = 8  # random frequencies a dimension of z
HELD = 5  # knots of a walk
SPACING = 0.15  # between the walk's knots; 1 is where z has lost 40 % of its likeness
WALK_STEPS = 4  # lengths measured between two knots of a walk
RING_STEPS = 24  # and between two anchors of a ring, which are further apart
# Where the picture hardly answers, a step still counts this much (units), or the walk would race.
LEAST_STEP = 0.02


def weights(t: float) -> Array:
    """The four B-spline weights [4] at ``t`` 0..1 between the second and third knot of four."""
    r = 1.0 - t
    return np.array(
        [r**3, 3 * t**3 - 6 * t * t + 4, 3 * r**3 - 6 * r * r + 4, t**3], dtype=np.float64
    ) * (1 / 6)


def seeded(seed: int, count: int, z_dim: int) -> Array:
    """Latents z [count, z_dim]; the first is the one that StyleGAN users know by this seed.

    The old generator is used for that, and because NumPy promises its stream for ever."""
    return np.random.RandomState(seed).standard_normal((count, z_dim))


def is_same(one: Anchor, other: Anchor) -> bool:
    """Whether two anchors are the same picture."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return one is other or np.array_equal(one, other)
    return one == other


class Ruler:
    """Length along a curve as a C2, always rising function of the parameter: the cubic B-spline
    over ``sums`` [n], the lengths passed at equal steps of the parameter.

    Known from step 1 (length ``start``) to step n - 2 (``end``)."""

    def __init__(self, sums: Array) -> None:
        self._steps = np.diff(sums)  # [n - 1]
        self._passed = (sums[:-2] + 4.0 * sums[1:-1] + sums[2:]) / 6.0  # [n - 2]
        self.start = float(self._passed[0])
        self.end = float(self._passed[-1])

    def passed(self, step: int) -> float:
        """The length passed at a step of the parameter, 1 to n - 2."""
        return float(self._passed[step - 1])

    def find(self, length: float) -> float:
        """The parameter, in steps, at which ``length`` is passed."""
        last = len(self._passed) - 2
        i = min(last, max(0, int(self._passed.searchsorted(length, side="right")) - 1))
        rest = length - float(self._passed[i])
        l0, l1, l2 = self._steps[i : i + 3].tolist()
        return i + 1 + _root((l0 + l1) / 2, (l1 - l0) / 2, (l2 - 2 * l1 + l0) / 6, rest)


def _root(a: float, b: float, c: float, value: float) -> float:
    """t in 0..1 where the rising cubic a t + b t^2 + c t^3 is ``value``: Newton in a bracket."""
    low, high, t = 0.0, 1.0, min(1.0, max(0.0, value / (a + b + c)))
    for _ in range(50):
        error = ((c * t + b) * t + a) * t - value
        low, high = (t, high) if error < 0.0 else (low, t)
        better = t - error / ((3 * c * t + 2 * b) * t + a)
        if not low <= better <= high:
            better = (low + high) / 2
        if abs(better - t) < 1e-13:
            break
        t = better
    return better


def _trace(knots: Array, steps: int) -> Array:
    """Points on the spline, ``steps`` a span and the end: [n, w_dim] -> [(n-3)*steps+1, w_dim]."""
    grid = np.stack([weights(i / steps) for i in range(steps)])  # [steps, 4]
    spans = [grid @ knots[i : i + 4] for i in range(len(knots) - 3)]
    return np.concatenate([*spans, weights(1.0)[None] @ knots[-4:]])


def _measure(space: LatentSpace, points: Array) -> Array:
    """The perceptual length of each step along ``points`` [n, w_dim] -> [n - 1]; that of the mean
    layer, where they are [n, num_ws * w_dim]."""
    short = points.astype(np.float32)
    before, after = (part.reshape(-1, space.w_dim) for part in (short[:-1], short[1:]))
    lengths = space.length(before, after).astype(np.float64)  # [(n - 1) * layers]
    return np.asarray(np.fmax(lengths.reshape(len(points) - 1, -1).mean(1), LEAST_STEP))


class Knots:
    """The knots of a curve in every class that is asked for: map(z) of z [n, z_dim], or ``shape``
    [knots, n] of these. A class is mapped when it comes and forgotten when it has gone.

    In the place of some, by index, there is a ``known`` w, [w_dim] each, or [num_ws * w_dim]: then
    all knots are so long."""

    def __init__(
        self,
        z: Array,
        space: LatentSpace,
        shape: Array | None = None,
        known: Mapping[int, FloatArray] | None = None,
    ) -> None:
        self._z = z
        self._space = space
        self._shape = shape
        self._known = known or {}
        self._w: dict[int | None, Array] = {}  # [n, w_dim] each

    def of(self, cast: Cast) -> Array:
        """The knots w [n, w_dim], those of the classes in ``cast`` blended."""
        self._w = {label: self._find(label) for label in cast}
        if len(self._w) == 1:
            return next(iter(self._w.values()))
        return np.asarray(sum(share * self._w[label] for label, share in cast.items()))

    def shift(self, z: Array) -> None:
        """Let the first knots go and ``z`` [few, z_dim] come behind the last."""
        self._z = np.concatenate([self._z[len(z) :], z])
        for label, w in self._w.items():
            self._w[label] = np.concatenate([w[len(z) :], self._map(z, label)])

    def _find(self, label: int | None) -> Array:
        if label in self._w:
            return self._w[label]
        w = self._map(self._z, label)
        if self._known:
            w = np.tile(w, len(next(iter(self._known.values()))) // self._space.w_dim)
            for index, own in self._known.items():
                w[index] = own
        return w if self._shape is None else self._shape @ w

    def _map(self, z: Array, label: int | None) -> Array:
        return self._space.map(z.astype(np.float32), label).astype(np.float64)


class Walk:
    """A random walk without end: knots map(z(u)) at equal spacing in u, where z is a stationary
    Gaussian process (random Fourier features: Rahimi and Recht 2007) brought to the sphere.

    z has no state and cannot drift; only the few knots around the place asked for are held."""

    def __init__(self, seed: int, space: LatentSpace, cast: Cast) -> None:
        random = np.random.RandomState(seed)
        self._space = space
        self._frequency = random.standard_normal((TONES, space.z_dim))
        self._phase = random.uniform(0.0, 2.0 * math.pi, (TONES, space.z_dim))
        self._made = 0
        self._knots = Knots(self._make(HELD), space)
        lengths = _measure(space, _trace(self._knots.of(cast), WALK_STEPS))
        sums = np.concatenate([[0.0], lengths.cumsum()])
        self._sums = sums - Ruler(sums).start
        self._ruler = Ruler(self._sums)

    def along(self, length: float, cast: Cast) -> Array:
        """w [w_dim] at ``length`` units from the start; never less than in the call before."""
        while length >= self._ruler.end:
            self._extend(cast)
        span, t = divmod(self._ruler.find(length) / WALK_STEPS, 1.0)
        first = int(span)
        return weights(t) @ self._knots.of(cast)[first : first + 4]

    def _extend(self, cast: Cast) -> None:
        # One knot at a time, so that no frame has to wait for many. One old span is kept: the
        # ruler needs a step beyond, so it ends before the knots do.
        self._knots.shift(self._make(1))
        points = _trace(self._knots.of(cast)[-4:], WALK_STEPS)
        passed = self._sums[-1] + _measure(self._space, points).cumsum()
        self._sums = np.concatenate([self._sums[WALK_STEPS:], passed])
        self._ruler = Ruler(self._sums)

    def _make(self, count: int) -> Array:
        u = SPACING * np.arange(self._made, self._made + count)
        self._made += count
        turn = u[:, None, None] * self._frequency + self._phase  # [count, TONES, z_dim]
        z = np.cos(turn).sum(axis=1)  # [count, z_dim]
        z *= math.sqrt(self._space.z_dim) / np.linalg.norm(z, axis=1, keepdims=True)
        return np.asarray(z)


class Ring:
    """The closed curve through the anchors z [n, z_dim] in order; ``length`` units round. In the
    place of some, by index, there is a ``known`` w."""

    def __init__(
        self,
        z: Array,
        space: LatentSpace,
        cast: Cast,
        known: Mapping[int, FloatArray] | None = None,
    ) -> None:
        n, known = len(z), known or {}
        layered = any(w.ndim == 2 for w in known.values())
        self._form = (space.num_ws, space.w_dim) if layered else (space.w_dim,)
        rows = {k: np.broadcast_to(w, self._form).ravel() for k, w in known.items()}
        one = np.eye(n)
        # The spline passes the anchors: (c[k-1] + 4 c[k] + c[k+1]) / 6 = w[k], round and round.
        system = (np.roll(one, 1, axis=0) + 4.0 * one + np.roll(one, -1, axis=0)) / 6.0
        inverse = np.linalg.inv(system).astype(np.float64)
        self._knots = Knots(z, space, inverse[np.arange(-1, n + 2) % n], rows)
        self.anchors = n
        steps = _measure(space, _trace(self._knots.of(cast), RING_STEPS))
        passed = np.concatenate([steps[-1:], steps, steps[:1]]).cumsum()
        self._ruler = Ruler(np.concatenate([[0.0], passed]))
        self.length = float(steps.sum())

    def passed(self, anchor: int) -> float:
        """How many units from the first anchor an anchor is, counted from 0."""
        return self._ruler.passed(1 + anchor * RING_STEPS) - self._ruler.start

    def along(self, length: float, cast: Cast) -> Array:
        """w [w_dim], or with known ones perhaps [num_ws, w_dim], at ``length`` units from the first
        anchor, any number of times round."""
        return self.at(
            (self._ruler.find(self._ruler.start + length % self.length) - 1) / RING_STEPS, cast
        )

    def at(self, u: float, cast: Cast) -> Array:
        """The same at ``u``, which is k at anchor k, any number of times round."""
        span, t = divmod(u % self.anchors, 1.0)
        first = int(span) % self.anchors
        w = weights(t) @ self._knots.of(cast)[first : first + 4]
        return w.reshape(self._form)


def make_ring(anchors: Sequence[Anchor], space: LatentSpace, cast: Cast) -> Ring:
    """The ring through the pictures of seeds and through known w, in order."""
    seeds = [anchor if isinstance(anchor, int) else 0 for anchor in anchors]
    z = np.concatenate([seeded(seed, 1, space.z_dim) for seed in seeds])
    known = {k: anchor for k, anchor in enumerate(anchors) if not isinstance(anchor, int)}
    return Ring(z, space, cast, known)
