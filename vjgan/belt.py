"""Where the masses of the bar-pointer filter are, and how they move on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vjgan.meter import Bank
from vjgan.types import FloatArray

SLOTS = 48  # to a beat, of a reading
TRAVEL = 500  # frames after which the masses are moved back in memory


class Belt:
    """The ``masses`` [rows, rhythms] of a bank, which has so many ``gates``, and so many ``cells``
    in all rhythms. They do not move in memory: what moves is where the bank begins."""

    def __init__(self, bank: Bank, prior: FloatArray) -> None:
        self._bank = bank
        rows, rhythms = prior.shape
        self.gates = bank.beats * rhythms
        self.cells = int(bank.sizes.sum()) * rhythms
        self._room = np.zeros((rows + TRAVEL, rhythms), np.float32)
        self._first = TRAVEL
        self.masses = self._room[TRAVEL:]
        self.masses[:] = prior
        self._factors = np.empty_like(prior)
        self._firsts = bank.edges[:-1] * rhythms
        self._slot = (bank.turn * bank.beats * SLOTS).astype(np.intp)

    def leaving(self) -> FloatArray:
        """The masses before each beat, [tempi, gates]."""
        leaving: FloatArray = self.masses.take(self._bank.leave, axis=0)
        return leaving.reshape(-1, self.gates)

    def move(self, arriving: FloatArray) -> None:
        """Go on by a row; on the beats are those ``arriving``, [tempi, gates]."""
        if self._first == 0:
            self._first = TRAVEL
            self._room[TRAVEL:] = self.masses
        self._first -= 1
        self.masses = self._room[self._first : self._first + len(self.masses)]
        enter = self._bank.enter
        self.masses[enter] = arriving.reshape(*enter.shape, -1)

    def weigh(self, likelihood: FloatArray) -> float:
        """The sum of the masses, times the ``likelihood`` [cells]."""
        cells = likelihood.reshape(-1, self.masses.shape[1])
        cells.take(self._bank.cell, axis=0, out=self._factors, mode="clip")
        self.masses *= self._factors
        return float(np.einsum("c->", self.masses.ravel()))  # quicker than sum()

    def tempi(self) -> FloatArray:
        """The mass at each tempo, [tempi]."""
        return np.add.reduceat(self.masses.ravel(), self._firsts)

    def places(self, first: int, last: int) -> NDArray[np.float64]:
        """The mass by place in the bar, [beats * SLOTS], at tempi from ``first`` to ``last``."""
        rows = slice(self._bank.edges[first], self._bank.edges[last])
        count = self._bank.beats * SLOTS
        masses = np.einsum("rk->r", self.masses[rows])
        return np.bincount(self._slot[rows], masses, count).astype(np.float64)
