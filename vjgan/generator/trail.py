"""The way that a latent went, for as long as pictures from along it are still to be shown."""

from __future__ import annotations

from collections import deque

import numpy as np

from vjgan.types import FloatArray

HELD = 256  # places: some seconds
STILL = 1e-6  # of the latent's own length: a way shorter than this is none
ARRIVED = 0.9  # a share of the way from which the rest is too short to tell how it was gone


class Trail:
    """Places w [num_ws, w_dim] by their moments in seconds."""

    def __init__(self) -> None:
        self._places: deque[tuple[float, FloatArray]] = deque(maxlen=HELD)

    def note(self, moment: float, w: FloatArray) -> None:
        """The latent is at ``w``; moments come in order."""
        self._places.append((moment, w))

    def share(self, w0: FloatArray, w1: FloatArray, begin: float, moment: float) -> float | None:
        """How much of the way from ``w0``, where it was at the moment ``begin``, to ``w1`` it had
        gone at ``moment``, 0..1, which may fall; None where that is not known, as where it stands
        still."""
        if w0.shape != w1.shape:
            return None
        way = (w1 - w0).ravel()
        length2 = float(way @ way)
        if length2 <= STILL**2 * float(w0.ravel() @ w0.ravel()):
            return None
        first, now = self._at(begin), self._at(moment)
        if first is None or now is None or not first.shape == now.shape == w0.shape:
            return None
        start, gone = (float((w - w0).ravel() @ way) / length2 for w in (first, now))
        if start > ARRIVED:
            return None
        return min(1.0, max(0.0, (gone - start) / (1.0 - start)))

    def _at(self, moment: float) -> FloatArray | None:
        later: tuple[float, FloatArray] | None = None
        for place in reversed(self._places):
            if place[0] <= moment:
                if later is None or later[1].shape != place[1].shape:
                    return place[1]
                share = (moment - place[0]) / (later[0] - place[0])
                return place[1] + np.float32(share) * (later[1] - place[1])
            later = place
        return None
