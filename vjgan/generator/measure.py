"""Measures how much a model's picture changes with w: the ``Ruler`` of its latent space."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from vjgan.generator.space import Ruler, Space
from vjgan.types import FloatArray

log = logging.getLogger("vjgan")

UNIT = 0.1  # one unit of length, as a share of the mean difference between two random pictures
STEP = 0.05  # how far z goes for a short step, as a share of its length


def measure(space: Space, draw: Callable[[FloatArray], FloatArray], pictures: int) -> Ruler:
    """A ruler made from that many pictures; ``draw`` takes w [w_dim] to a picture of any shape."""
    random = np.random.default_rng(0)
    half = max(2, pictures // 2)
    z = random.standard_normal((half, space.z_dim)).astype(np.float32)  # [half, z_dim]
    dz = random.standard_normal(z.shape).astype(np.float32) * np.float32(STEP)  # [half, z_dim]
    w0, w1 = space.map(z), space.map(z + dz)  # [half, w_dim]
    seen0 = np.stack([draw(row).ravel() for row in w0])  # [half, pixels]
    seen1 = np.stack([draw(row).ravel() for row in w1])  # [half, pixels]
    apart = np.linalg.norm(seen0 - np.roll(seen0, 1, axis=0), axis=1).mean()
    changed = np.linalg.norm(seen1 - seen0, axis=1)  # [half]
    moved = np.linalg.norm(w1 - w0, axis=1)  # [half]
    scale = np.float32((changed / moved).mean() / max(1e-9, UNIT * apart))
    return Ruler(np.eye(space.w_dim, dtype=np.float32) * scale, np.zeros_like(space.w_mean))


def remembered(key: str, make: Callable[[], Ruler]) -> Ruler:
    """The ruler kept in the user's cache under ``key``; made, and kept, if there is none."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vjgan"
    file = cache / f"ruler-{key}.npz"
    try:
        with np.load(file, allow_pickle=False) as kept:
            return Ruler(kept["root"], kept["slope"])
    except (OSError, ValueError, KeyError):
        ruler = make()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(file, root=ruler.root, slope=ruler.slope)
    except OSError as error:
        log.debug("ruler '%s' cannot be kept: %s", file, error)
    return ruler
