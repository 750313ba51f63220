"""The people of a night: a seed for each, never the same twice, and a way back to all of them."""

from __future__ import annotations

import random

SEEDS = 2**31


class People:
    """Draws people; ``seed`` decides who comes."""

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)
        self._met: list[int] = []  # seeds, in the order in which they came
        self._here = -1  # which of them is on, counted from 0

    @property
    def number(self) -> int:
        """Which one is on, counted from 1; 0 before the first."""
        return self._here + 1

    def new(self) -> int:
        """The seed of somebody who has not been here."""
        self._met.append(self._fresh())
        self._here = len(self._met) - 1
        return self._met[-1]

    def again(self, number: int) -> int | None:
        """The seed of the one of that ``number``, counted from 1, or of the one before (-1); None
        where there is none such."""
        here = self._here - 1 if number == -1 else number - 1
        if not 0 <= here < len(self._met):
            return None
        self._here = here
        return self._met[here]

    def _fresh(self) -> int:
        while (seed := self._chance.randrange(SEEDS)) in self._met:
            pass
        return seed
