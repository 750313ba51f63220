"""The people of a night: a seed for each, never the same twice, whoever else came, and a way back
to all of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vjgan.types import FloatArray, Visit

SEEDS = 2**31


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who came; a w is one of the model that ``space`` belongs to."""

    visit: Visit
    space: object

    def fits(self, space: object) -> bool:
        """Whether a model with that space can show it."""
        return isinstance(self.visit.w, int) or space is self.space


class People:
    """Draws people, and remembers who came; ``seed`` decides who is drawn."""

    def __init__(self, seed: int = 0) -> None:
        self._chance = random.Random(seed)
        self._met: list[Person] = []  # in the order in which they came
        self._here = -1  # which of them is on, counted from 0

    @property
    def met(self) -> Sequence[Person]:
        """All who came, in that order."""
        return self._met

    @property
    def on(self) -> int | FloatArray | None:
        """The seed or w of who is on; None before the first."""
        return self._met[self._here].visit.w if self._met else None

    @property
    def number(self) -> int:
        """Which one is on, counted from 1; 0 before the first."""
        return self._here + 1

    def new(self) -> Visit:
        """Somebody who has not been here."""
        taken = {person.visit.w for person in self._met if isinstance(person.visit.w, int)}
        while (seed := self._chance.randrange(SEEDS)) in taken:
            pass
        return Visit(seed, f"seed-{seed}")

    def came(self, visit: Visit, space: object) -> None:
        """Somebody is on now, for the first time or again."""
        for here, person in enumerate(self._met):
            if np.array_equal(person.visit.w, visit.w):
                self._here = here
                return
        self._met.append(Person(visit, space))
        self._here = len(self._met) - 1

    def again(self, number: int) -> Person | None:
        """The one of that ``number``, counted from 1, or the one before (-1); None where there is
        none such."""
        here = self._here - 1 if number == -1 else number - 1
        return self._met[here] if 0 <= here < len(self._met) else None
