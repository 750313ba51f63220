"""Layers between a model and the passes: pictures drawn anew, as a style or a dream.

A layer belongs to a preset, which names it: ``retouch = ["style", "dream"]``. It works in the
model's thread, so that the screen never waits for it, or in step offline.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np

from vjgan.controls import CONTROLS
from vjgan.types import ByteArray, Frame, Generator, LatentSpace, LatentState

log = logging.getLogger("vjgan")

AMOUNT = ".amount"  # how the control ends without which a layer does nothing


class Retouch(Protocol):
    """One layer: a style, a dream. ``controls`` are those that it reads, by their full names; one
    of them is its amount, such as ``style.amount``."""

    @property
    def controls(self) -> Sequence[str]: ...

    def apply(self, image: ByteArray, values: Mapping[str, float], time: float) -> ByteArray:
        """A picture uint8 [h, w, 3] drawn anew, in any size [h, w, 3], by the ``values`` of its
        controls; ``time`` (s) rises from call to call, and a leap in it begins anew. Called from
        one thread at a time; the same calls in the same order give the same pictures."""


class Retouched:
    """A ``Generator``: another one, ``under`` the ``layers``, the first of which comes first. A
    layer whose amount is 0 costs nothing; one that fails is left out from then on."""

    def __init__(self, under: Generator, layers: Sequence[Retouch]) -> None:
        self.under = under
        self.layers = tuple(layers)
        self.name, self.trained, self.resolution = under.name, under.trained, under.resolution

    @property
    def space(self) -> LatentSpace:
        """The model's."""
        return self.under.space

    def prepare(self) -> None:
        """Make the model ready to be reached into."""
        self.under.prepare()

    def generate(self, latent: LatentState) -> Frame:
        """The model's picture, drawn anew by the layers."""
        return self.retouch(self.under.generate(latent), latent)

    def retouch(self, frame: Frame, latent: LatentState) -> Frame:
        """A picture of the model's, wherever it was drawn, drawn anew by the layers."""
        image = frame.image
        for layer in self.layers:
            values = {name: latent.inside.get(name, CONTROLS[name].default)
                      for name in layer.controls}  # fmt: skip
            if any(value <= 0.0 for name, value in values.items() if name.endswith(AMOUNT)):
                continue
            try:
                # What a graphics card holds comes down for it.
                image = layer.apply(np.asarray(image), values, latent.time)
            except Exception as error:
                self._leave_out(layer, error)
        return frame if image is frame.image else Frame(frame.time, image)

    def _leave_out(self, layer: Retouch, error: Exception) -> None:
        self.layers = tuple(other for other in self.layers if other is not layer)
        kind = layer.controls[0].partition(".")[0]
        log.error("%s fails and is left out: %s", kind, error, exc_info=error)


# What opens the layer of a kind: what stands behind it in the preset, each time that it is named
# ("" for nothing), and the name or path of the model in; None where this machine cannot, which is
# then told. Raises RetouchError.
Opening = Callable[[Sequence[str], str], Retouch | None]
