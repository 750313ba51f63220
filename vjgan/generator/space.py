"""The latent space of a model in numpy alone, so that the main thread never waits for torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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


@dataclass(frozen=True, slots=True)
class Labels:
    """The classes of a conditional model: the embedding of each, and how it enters the first
    layer of the mapping."""

    embeddings: FloatArray  # [classes + 1, dim], each with a mean square of 1; the last: no class
    weight: FloatArray  # [out, dim]


class Space:
    """A ``LatentSpace``: a copy of a mapping network, and a ruler for its w. ``find_directions``
    gives the directions of a space, and is called once, when they are first wanted."""

    def __init__(
        self,
        layers: Sequence[tuple[FloatArray, FloatArray]],  # weight [out, in] and bias [out], scaled
        w_mean: FloatArray,
        num_ws: int,
        ruler: Ruler | None = None,
        labels: Labels | None = None,
    ) -> None:
        self.z_dim = layers[0][0].shape[1]
        self.w_dim = len(w_mean)
        self.num_ws = num_ws
        self.w_mean = w_mean
        self.ruler = ruler or Ruler(np.eye(self.w_dim, dtype=np.float32), np.zeros_like(w_mean))
        self.classes = 0 if labels is None else len(labels.embeddings) - 1
        self.find_directions: Callable[[Space], Mapping[str, FloatArray]] = lambda space: {}
        self._directions: Mapping[str, FloatArray] | None = None
        self._layers = list(layers)
        self._labels = labels

    def map(self, z: FloatArray, label: int | NDArray[np.int_] | None = None) -> FloatArray:
        """z [n, z_dim] and a class, or one each [n], None for none -> w [n, w_dim], not
        truncated."""
        x: FloatArray = z / np.sqrt((z * z).mean(1, keepdims=True) + EPSILON)  # [n, z_dim]
        for k, (weight, bias) in enumerate(self._layers):
            x = x @ weight.T + bias  # [n, w_dim]
            if k == 0 and self._labels is not None:
                index = self.classes if label is None else label
                x += self._labels.embeddings[index] @ self._labels.weight.T  # [n, w_dim]
            x = np.maximum(x, x * SLOPE) * GAIN  # [n, w_dim]
        return x.astype(np.float32, copy=False)

    def directions(self) -> Mapping[str, FloatArray]:
        """Ways through w [w_dim] or [num_ws, w_dim] by name, one standard deviation long."""
        if self._directions is None:
            self._directions = self.find_directions(self)
        return self._directions

    def length(self, w0: FloatArray, w1: FloatArray) -> FloatArray:
        """How much the picture changes along each short step w0 -> w1 [n, w_dim] -> [n]; 1 is one
        tenth of the mean difference between two random pictures."""
        step = np.asarray((w1 - w0) @ self.ruler.root.T)  # [n, w_dim]
        place = np.asarray(((w0 + w1) / 2.0 - self.w_mean) @ self.ruler.slope)  # [n]
        lively = np.exp(np.clip(place, -REACH, REACH))  # [n]
        length: FloatArray = (np.sqrt((step * step).sum(1)) * lively).astype(np.float32)  # [n]
        return length
