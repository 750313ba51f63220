"""No model: a generator that shows black, so that a preset may be made of layers alone."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vjgan.types import FloatArray, Frame, LatentSpace, LatentState


class NoSpace:
    """A latent space in which nothing is to be seen."""

    z_dim = w_dim = 2
    num_ws = 1
    w_mean: FloatArray = np.zeros(2, np.float32)
    classes = 0

    def map(self, z: FloatArray, label: int | None = None) -> FloatArray:
        """z itself."""
        return z

    def directions(self) -> Mapping[str, FloatArray]:
        """None."""
        return {}

    def length(self, w0: FloatArray, w1: FloatArray) -> FloatArray:
        """How far apart they are."""
        apart: FloatArray = np.linalg.norm(w1 - w0, axis=-1).astype(np.float32)
        return apart


class Blank:
    """Always black, at no cost."""

    name = "none"
    trained = True
    resolution = (8, 8)

    def __init__(self) -> None:
        self._space = NoSpace()
        self._image = np.zeros((*self.resolution, 3), np.uint8)

    @property
    def space(self) -> LatentSpace:
        return self._space

    def generate(self, latent: LatentState) -> Frame:
        """Black."""
        return Frame(latent.time, self._image)

    def prepare(self) -> None:
        """There is nothing inside."""
