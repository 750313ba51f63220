"""The latent space of a model in numpy alone, so that the main thread never waits for torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vjgan.types import FloatArray

SLOPE = 0.2  # of the leaky ReLU
GAIN = np.float32(np.sqrt(2.0))  # keeps the variance through the leaky ReLU
EPSILON = np.float32(1e-8)
REACH = 3.0  # bound on the logarithm of the local scale: 20 times slower or faster


@dataclass(frozen=True, slots=True)
class Ruler:
    """How far the picture moves with w: |root dw| * exp(slope . (w - w_mean)) units."""

    root: FloatArray  # [w_dim, w_dim], the same everywhere: directions that show, and that do not
    slope: FloatArray  # [w_dim], toward where the picture is livelier


class Space:
    """A ``LatentSpace``: a copy of a mapping network, and a ruler for its w."""

    def __init__(
        self,
        layers: Sequence[tuple[FloatArray, FloatArray]],  # weight [out, in] and bias [out], scaled
        w_mean: FloatArray,
        num_ws: int,
        ruler: Ruler | None = None,
    ) -> None:
        self.z_dim = layers[0][0].shape[1]
        self.w_dim = len(w_mean)
        self.num_ws = num_ws
        self.w_mean = w_mean
        self.ruler = ruler or Ruler(np.eye(self.w_dim, dtype=np.float32), np.zeros_like(w_mean))
        self._layers = list(layers)

    def map(self, z: FloatArray) -> FloatArray:
        """z [n, z_dim] -> w [n, w_dim], not truncated."""
        x: FloatArray = z / np.sqrt((z * z).mean(1, keepdims=True) + EPSILON)  # [n, z_dim]
        for weight, bias in self._layers:
            x = x @ weight.T + bias  # [n, w_dim]
            x = np.maximum(x, x * SLOPE) * GAIN  # [n, w_dim]
        return x.astype(np.float32, copy=False)

    def length(self, w0: FloatArray, w1: FloatArray) -> FloatArray:
        """How much the picture changes along each short step w0 -> w1 [n, w_dim] -> [n]; 1 is one
        tenth of the mean difference between two random pictures."""
        step = np.asarray((w1 - w0) @ self.ruler.root.T)  # [n, w_dim]
        place = np.asarray(((w0 + w1) / 2.0 - self.w_mean) @ self.ruler.slope)  # [n]
        lively = np.exp(np.clip(place, -REACH, REACH))  # [n]
        length: FloatArray = (np.sqrt((step * step).sum(1)) * lively).astype(np.float32)  # [n]
        return length
