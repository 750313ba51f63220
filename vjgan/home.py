"""The way home: the latent goes back to where the scene on stage began, and its walk goes on."""

from __future__ import annotations

import numpy as np

from vjgan.types import FloatArray

GO_SECONDS = 0.6
LEAVE_SECONDS = 4.0


class Home:
    """Moves the latent between the walk's place and home, both ways without a corner. The walk
    itself is left alone: a motion that is locked to the beat stays so."""

    def __init__(self) -> None:
        self.held = False  # it stays at home
        self._called = False
        self._share = 0.0  # of the way home

    def call(self) -> None:
        """Go home once, and set out again."""
        self._called = True

    def bring(self, w: FloatArray, home: FloatArray, dt: float) -> FloatArray:
        """The latent to show for the walk's ``w`` and a ``home``, both [num_ws, w_dim]."""
        if self.held or self._called:
            self._share = min(1.0, self._share + dt / GO_SECONDS)
            self._called = self._called and self._share < 1.0
        else:
            self._share = max(0.0, self._share - dt / LEAVE_SECONDS)
        if not self._share:
            return w
        share = self._share * self._share * (3.0 - 2.0 * self._share)
        return w + np.float32(share) * (home - w)
