"""Measures how much a model's picture changes with w: the ``Ruler`` of its latent space."""

from __future__ import annotations

import logging
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vjgan.files import replacing
from vjgan.generator.space import Ruler, Space
from vjgan.types import FloatArray

Array = NDArray[np.floating[Any]]

log = logging.getLogger("vjgan")

METHOD = 2  # counted up whenever the same model gets another ruler, so that no old one is taken
UNIT = 0.1  # one unit of length, as a share of the mean difference between two random pictures
STEP = 0.015  # how far z goes for a short step, as a share of its length
STEPS = 3  # from each picture
PSI = (0.5, 1.0)  # the truncation under which walks usually go
RIDGE = 0.15  # pull of the mean change per direction toward none, in units of its evidence
LEAST = 0.05  # share of a step's length that counts in any direction
CALM = 100.0  # pull of the slope toward none, in samples


def measure(space: Space, draw: Callable[[FloatArray], FloatArray], pictures: int) -> Ruler:
    """A ruler made from about that many pictures; ``draw`` takes w [w_dim] to a picture, of any
    shape, such that the Euclidean distance between two says how different they look."""
    others = max(4, pictures // 10)
    places = max(2, (pictures - others) // (1 + STEPS))
    w0, w1 = _steps(space, places)  # [places, w_dim], [places * STEPS, w_dim]
    seen = np.stack([draw(w).ravel() for w in w0])  # [places, pixels]
    near = np.stack([draw(w).ravel() for w in w1])  # [places * STEPS, pixels]
    unit = max(1e-9, UNIT * _difference(space, draw, others))
    w0, seen = np.repeat(w0, STEPS, axis=0), np.repeat(seen, STEPS, axis=0)
    changes = (near - seen) / unit  # [n, pixels], in units
    return fit(w1 - w0, changes, (w0 + w1) / 2.0 - space.w_mean)


def fit(steps: Array, changes: Array, places: Array) -> Ruler:
    """The ruler that explains how far pictures went, |changes| [n, pixels], by steps [n, w_dim]
    taken at places [n, w_dim] around w_mean."""
    length = np.linalg.norm(changes, axis=1) + 1e-9  # [n]
    metric, flat = _metric(steps, changes, length)  # [w_dim, w_dim], [n]
    rest = np.log(length / flat)  # [n], what the place must explain
    spread = places.std(0) + 1e-9  # [w_dim]
    x = (places - places.mean(0)) / spread  # [n, w_dim]
    normal = x.T @ x + CALM * np.eye(x.shape[1])
    slope = np.linalg.solve(normal, x.T @ (rest - rest.mean())) / spread  # [w_dim]
    scale = np.exp(rest.mean() - places.mean(0) @ slope)
    root = np.linalg.cholesky(metric).T * scale  # [w_dim, w_dim]
    return Ruler(root.astype(np.float32), slope.astype(np.float32))


def _metric(steps: Array, changes: Array, length: Array) -> tuple[Array, Array]:
    """A metric [w_dim, w_dim] between "all directions are alike" and that of the mean change per
    direction, and the lengths [n] that it predicts. Each half of the steps is predicted from the
    other one, so that what is only chance gets no share."""
    alike = np.eye(steps.shape[1])
    halves = np.arange(len(steps)) * 2 // len(steps)  # [n], 0 or 1
    mean_change = [_mean_change(steps[halves == k], changes[halves == k]) for k in (1, 0)]
    squares = np.empty((len(steps), 2))  # by either metric
    for k in (0, 1):
        own = steps[halves == k]
        squares[halves == k] = np.stack(
            [((own @ metric) * own).sum(1) for metric in (alike, mean_change[k])], axis=1
        )
    share = _shares(squares / length[:, None] ** 2)
    metric: Array = share[0] * alike + share[1] * (mean_change[0] + mean_change[1]) / 2.0
    return metric, np.sqrt(squares @ share) + 1e-9


def _mean_change(steps: Array, changes: Array) -> Array:
    """The squared change of the picture by direction [w_dim, w_dim], where it were linear in w."""
    dim = steps.shape[1]
    pull = RIDGE * len(steps) * float(steps.var()) + 1e-12
    jacobian = np.linalg.solve(steps.T @ steps + pull * np.eye(dim), steps.T @ changes)
    squared: Array = jacobian @ jacobian.T
    return squared


def _shares(parts: Array) -> Array:
    """Weights [2], the first above and the second not below 0, by which the columns of ``parts``
    [n, 2] come nearest to 1."""
    alone = parts[:, 0].sum() / (parts[:, 0] ** 2).sum()
    share = np.linalg.lstsq(parts, np.ones(len(parts)), rcond=None)[0]
    if share[1] <= 0.0:
        return np.array([alone, 0.0])
    if share[0] < LEAST * alone:  # no direction is without any effect
        rest = 1.0 - LEAST * alone * parts[:, 0]
        second = (parts[:, 1] @ rest) / (parts[:, 1] ** 2).sum()
        return np.array([LEAST * alone, max(0.0, second)])
    return np.asarray(share)


def _difference(space: Space, draw: Callable[[FloatArray], FloatArray], pictures: int) -> float:
    """The mean distance between random pictures, not truncated."""
    z = np.random.default_rng(1).standard_normal((pictures, space.z_dim)).astype(np.float32)
    mapped = space.map(z, _labels(space, pictures))  # [pictures, w_dim]
    seen = np.stack([draw(w).ravel() for w in mapped])  # [pictures, pixels]
    pairs = [np.linalg.norm(a - b) for k, a in enumerate(seen) for b in seen[:k]]
    return float(np.mean(pairs))


def _steps(space: Space, places: int) -> tuple[FloatArray, FloatArray]:
    """Places in the space [places, w_dim], and short steps from each [places * STEPS, w_dim]."""
    random = np.random.default_rng(0)
    z = random.standard_normal((places, space.z_dim)).astype(np.float32)
    turn = random.standard_normal((places * STEPS, space.z_dim)).astype(np.float32)
    psi = random.uniform(*PSI, (places, 1)).astype(np.float32)

    def truncated(z: FloatArray, psi: FloatArray, each: int) -> FloatArray:
        labels = _labels(space, places)
        spread = None if labels is None else labels.repeat(each)
        return space.w_mean + psi * (space.map(z, spread) - space.w_mean)

    near = np.repeat(z, STEPS, axis=0) + np.float32(STEP) * turn
    return truncated(z, psi, 1), truncated(near, np.repeat(psi, STEPS, axis=0), STEPS)


def _labels(space: Space, count: int) -> NDArray[np.int_] | None:
    """Classes [count], spread evenly, of a model that has some."""
    if not space.classes:
        return None
    return np.linspace(0, space.classes - 1, count).round().astype(np.int_)


def remembered(key: str, w_dim: int, make: Callable[[], Ruler]) -> Ruler:
    """The ruler kept in the user's cache under ``key``, a model's SHA-256; made, and kept, if there
    is none of this method and size, or none that can be read."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vjgan"
    file = cache / f"ruler-{METHOD}-{key}.npz"
    try:
        with file.open("rb") as data, np.load(data, allow_pickle=False) as kept:
            ruler = Ruler(kept["root"], kept["slope"])
        if _whole(ruler, w_dim):
            return ruler
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass
    ruler = make()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with replacing(file) as part, part.open("wb") as out:
            np.savez(out, root=ruler.root, slope=ruler.slope)
    except OSError as error:
        log.debug("ruler '%s' cannot be kept: %s", file, error)
    return ruler


def _whole(ruler: Ruler, w_dim: int) -> bool:
    """Whether a ruler is one of a space of that size."""
    return (
        ruler.root.shape == (w_dim, w_dim)
        and ruler.slope.shape == (w_dim,)
        and all(a.dtype == np.float32 and np.isfinite(a).all() for a in (ruler.root, ruler.slope))
    )
