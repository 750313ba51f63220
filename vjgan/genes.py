"""Genes: portraits blended layer by layer, sliders, and children.

All of it is numbers: a portrait is w [w_dim] or [num_ws, w_dim] before truncation. The layers are
those of style mixing (Karras et al. 2019): the first make the structure, the next the features, the
last the colour. Of children each group of layers is inherited by itself, and a mutation brings in a
stranger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from vjgan.errors import GeneError
from vjgan.types import FloatArray, LatentSpace

GROUPS = ("structure", "features", "colour")
FIRST, SECOND = 4 / 18, 8 / 18  # of the layers, where features and colour begin
SAMPLES = 4096  # people by whom a model's are known
USUAL = 0.99  # of them are no further from the mean than children may be
FLOOR = 1e-3  # least variance along an axis, of the largest: no child leaves by a narrow one
AXES = 6  # of the principal ones that are sliders
CHOICE = 1.2  # of how many parents a group of layers is; small: mostly of one
TAKES_AFTER = 0.6  # share of the parent in a line from parent to child
ONSETS, VOWELS = "bdfgklmnrstv", "aeio"  # of which names are made

Shares = Sequence[Sequence[float]]  # of each portrait, in each of GROUPS; any scale


def layers_of(group: int, num_ws: int) -> range:
    """The layers of a group, by its number in GROUPS."""
    ends = (0, round(FIRST * num_ws), round(SECOND * num_ws), num_ws)
    return range(ends[group], ends[group + 1])


def in_layers(w: FloatArray, num_ws: int) -> FloatArray:
    """w [w_dim] or [num_ws, w_dim] -> [num_ws, w_dim]."""
    return np.broadcast_to(w, (num_ws, w.shape[-1])).astype(np.float32)


class Pool:
    """The people of a model, as far as children need to know: where they are, how far from the
    mean, and along which axes. ``label`` is the class strangers are of. Takes a moment to make."""

    def __init__(self, space: LatentSpace, label: int | None = None) -> None:
        self.space = space
        self._label = label
        self.mean = space.w_mean.astype(np.float64)  # [w_dim]
        people = self._draw(np.random.default_rng(0), SAMPLES) - self.mean  # [samples, w_dim]
        variances, axes = np.linalg.eigh(people.T @ people / len(people))  # ascending
        self._axes = axes.T[::-1]  # [w_dim, w_dim]
        self._spread = np.sqrt(np.maximum(variances[::-1], FLOOR * variances[-1]) + 1e-12)
        self.reach = float(np.quantile(self.distance(people + self.mean), USUAL))

    def strangers(self, chance: np.random.Generator, count: int) -> NDArray[np.float64]:
        """Random people: w [count, w_dim]."""
        return self._draw(chance, count)

    def distance(self, w: NDArray[np.floating]) -> NDArray[np.float64]:
        """How far from the mean w [..., w_dim] is, in standard deviations (Mahalanobis): [...], a
        stranger about 1."""
        away = (w - self.mean) @ self._axes.T / self._spread
        return np.asarray(np.sqrt(np.square(away).mean(-1)))

    def hold(self, w: NDArray[np.floating], reach: float) -> NDArray[np.float64]:
        """w [..., w_dim], drawn in toward the mean where it is further than ``reach``."""
        distance = self.distance(w)[..., None]
        return np.asarray(self.mean + (w - self.mean) * np.minimum(1.0, reach / (distance + 1e-9)))

    def sliders(self) -> Mapping[str, FloatArray]:
        """Ways through w [w_dim] or [num_ws, w_dim] by name, one standard deviation long: the
        model's directions, and the principal axes of its people."""
        axes = (self._axes[:AXES] * self._spread[:AXES, None]).astype(np.float32)
        axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(1)])[:, None]
        return {**self.space.directions(), **{f"pca{k}": axis for k, axis in enumerate(axes, 1)}}

    def _draw(self, chance: np.random.Generator, count: int) -> NDArray[np.float64]:
        z = chance.standard_normal((count, self.space.z_dim)).astype(np.float32)
        if self._label is None and self.space.classes:
            labels = chance.integers(self.space.classes, size=min(count, 8)).tolist()
            parts = np.array_split(z, len(labels))
            pairs = zip(parts, labels, strict=True)
            return np.concatenate([self.space.map(p, k) for p, k in pairs]).astype(np.float64)
        return self.space.map(z, self._label).astype(np.float64)


def blend(pool: Pool, portraits: Sequence[FloatArray], shares: Shares) -> FloatArray:
    """The blend of portraits: w [num_ws, w_dim], each group of layers by its own shares.

    The average of strangers is nearer to the mean than any of them; it is brought as far away as
    they are, but no further than if they had nothing in common. Raises GeneError."""
    given = _normal(portraits, shares)  # [portraits, groups]
    num_ws = pool.space.num_ws
    away = np.stack([in_layers(w, num_ws) - pool.mean for w in portraits])  # [p, num_ws, w_dim]
    blended = np.zeros(away.shape[1:])
    for group, share in enumerate(given.T):
        rows = layers_of(group, num_ws)
        part = np.tensordot(share, away[:, rows], 1)  # [rows, w_dim]
        wanted = share @ np.linalg.norm(away[:, rows], axis=-1)  # [rows]
        most = 1.0 / np.sqrt(np.square(share).sum())
        grown = np.clip(wanted / (np.linalg.norm(part, axis=-1) + 1e-9), 1.0, most)
        blended[rows] = part * grown[:, None]
    return (pool.mean + blended).astype(np.float32)


def express(w: FloatArray, genes: Mapping[str, float], pool: Pool) -> FloatArray:
    """w [num_ws, w_dim] with so many standard deviations of each slider. Raises GeneError."""
    sliders = pool.sliders()
    for name, amount in genes.items():
        if name not in sliders:
            there = ", ".join(sliders)
            raise GeneError(f"gene '{name}' is not one of the model's; there are: {there}")
        w = w + np.float32(amount) * sliders[name]
    return w


def children(
    pool: Pool,
    parents: Sequence[FloatArray],
    shares: Shares,
    count: int,
    mutation: float = 0.0,
    seed: int = 0,
) -> list[FloatArray]:
    """Children of portraits: w [num_ws, w_dim] each, the same for the same ``seed``. Each group of
    layers takes after the parents as chance will have it, in the mean by their shares; of
    ``mutation``, 0..1, comes a stranger, 1 being only that.

    No child is further from the mean than 99 of 100 people are, or the furthest of its parents.
    Raises GeneError."""
    given = _normal(parents, shares)
    num_ws = pool.space.num_ws
    bound = max(pool.reach, *(float(pool.distance(w).max()) for w in parents))
    kept, strange = np.sqrt(max(0.0, 1.0 - mutation**2)), mutation
    born = []
    for number in range(count):
        chance = np.random.default_rng([seed, number])
        drawn = np.stack([_inherited(share, chance) for share in given.T])  # [groups, portraits]
        w = blend(pool, parents, drawn.T.tolist())  # [num_ws, w_dim]
        stranger = pool.strangers(chance, 1) - pool.mean  # [1, w_dim]
        w_new = pool.mean + kept * (w - pool.mean) + strange * stranger
        born.append(in_layers(pool.hold(w_new, bound).astype(np.float32), num_ws))
    return born


def lineage(pool: Pool, seed: int, generations: int) -> list[FloatArray]:
    """A family by a ``seed``, from the eldest down: each is a child of the one before and of a
    stranger: w [num_ws, w_dim] each."""
    chance = np.random.default_rng(seed)
    strangers = pool.strangers(chance, generations).astype(np.float32)
    line = [in_layers(strangers[0], pool.space.num_ws)]
    for number, stranger in enumerate(strangers[1:], 1):
        shares = [[TAKES_AFTER] * len(GROUPS), [1.0 - TAKES_AFTER] * len(GROUPS)]
        line += children(pool, [line[-1], stranger], shares, 1, 0.0, seed + number)
    return line


def child_name(seed: int, number: int) -> str:
    """A name to call a child by."""
    chance = np.random.default_rng([seed, number, 1])
    letters = [chance.choice([*kind]) for kind in (ONSETS, VOWELS, ONSETS, VOWELS, ONSETS, VOWELS)]
    return "".join(letters).capitalize()


def _inherited(share: NDArray[np.float64], chance: np.random.Generator) -> NDArray[np.float64]:
    """How much of each parent a group of layers has: [parents], 1 together."""
    drawn = np.zeros(len(share))
    drawn[share > 0] = chance.dirichlet(CHOICE * share[share > 0])
    return drawn


def _normal(portraits: Sequence[FloatArray], shares: Shares) -> NDArray[np.float64]:
    """Shares that are 1 together in each group: [portraits, groups]. Raises GeneError."""
    if not portraits:
        raise GeneError("nobody cannot be blended; choose a portrait or more")
    given = np.asarray(shares, np.float64)
    if given.shape != (len(portraits), len(GROUPS)):
        raise GeneError(f"weights of shape {list(given.shape)} are not one for each of "
                        f"{len(portraits)} portraits and {', '.join(GROUPS)}")  # fmt: skip
    if not np.isfinite(given).all() or given.min() < 0.0:
        raise GeneError("a weight is below 0 or no number; each must be 0 or more")
    sums = given.sum(0)
    for group, total in zip(GROUPS, sums, strict=True):
        if total <= 0.0:
            raise GeneError(f"the weights of {group} sum to 0; give one portrait more than 0")
    return np.asarray(given / sums)
