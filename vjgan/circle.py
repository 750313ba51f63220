"""Who there is in a show: people of tonight, portraits of the bank, and children whom nobody has
kept yet, by the keys that pages call them by."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from vjgan.bank import Bank
from vjgan.errors import BankError
from vjgan.motion.curve import seeded
from vjgan.standing import Company, Standing
from vjgan.types import FloatArray, Visit

MOST_DRAFTS = 400  # children that are remembered
LEAST_PSI = 0.2  # below, what is seen says little of who it is


@dataclass(frozen=True, slots=True, eq=False)
class Relative:
    """Somebody who can be a parent: ``key`` is how pages call them."""

    key: str
    name: str
    w: FloatArray  # [w_dim] or [num_ws, w_dim] before truncation
    origin: str
    seed: int | None = None
    parents: tuple[str, ...] = ()  # keys


class Circle:
    """Everybody who can be called."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self._count = 0
        self._drafts: dict[str, Relative] = {}  # children, by key
        self.kept: dict[str, str] = {}  # names in the bank, by key

    def draft(self, w: FloatArray, name: str, parents: tuple[str, ...]) -> Relative:
        """A child, which is remembered until many others have come."""
        self._count += 1
        child = Relative(f"child/{self._count}", name, w, "child", parents=parents)
        self._drafts[child.key] = child
        for old in list(self._drafts)[:-MOST_DRAFTS]:
            del self._drafts[old]
        return child

    def find(self, who: str, now: Standing, company: Company) -> Relative:
        """Whom a key means, for the model that is on. Raises BankError."""
        kind, _, rest = who.partition("/")
        if kind == "child" and who in self._drafts:
            found = self._drafts[who]
        elif kind == "night" and rest.isdecimal() and 1 <= int(rest) <= len(company.people):
            found = self._met(who, company.people[int(rest) - 1], now, company)
        elif kind == "bank":
            portrait = self._bank.get(rest)
            if not self._bank.fits(portrait, company.space, now.model):
                raise BankError(
                    f"portrait '{rest}' is of model '{portrait.model}', not of '{now.model}', "
                    "which is on"
                )
            found = Relative(who, rest, portrait.w, portrait.origin, portrait.seed)
        else:
            raise BankError(f"nobody is called '{who}'")
        space = company.space
        if found.w.shape not in ((space.w_dim,), (space.num_ws, space.w_dim)):
            raise BankError(f"'{found.name}' is of another model than '{now.model}', which is on")
        return found

    def on(self, now: Standing, company: Company) -> Relative:
        """Who is to be seen: somebody of tonight, whoever sits before a camera, or the walk.
        Raises BankError before the first picture."""
        if company.here:
            return self.find(f"night/{company.here}", now, company)
        if isinstance(company.stands, np.ndarray):
            return Relative("", "sitter", company.stands, "camera")
        if company.shown is None:
            raise BankError("nobody is on yet")
        layers = np.arange(company.space.num_ws)
        values = now.controls.values
        reached = np.clip(values.get("psi_layers", 18.0) - layers, 0.0, 1.0)  # [num_ws]
        psi = 1.0 + reached * (max(values.get("psi", 1.0), LEAST_PSI) - 1.0)
        w = company.space.w_mean + (company.shown - company.space.w_mean) / psi[:, None]
        return Relative("", "walk", w.astype(np.float32), "snapshot")

    def home(self, key: str) -> str:
        """The one key of somebody who may have several: that of the portrait, once it is kept."""
        name = self.kept.get(key, "")
        return f"bank/{name}" if name and name in self._bank.names() else key

    def elders(self, people: Sequence[Relative]) -> list[Relative]:
        """Children that nobody has kept from whom ``people`` descend, and who are none of them."""
        there = {one.key for one in people}
        found: list[Relative] = []
        here = list(people)
        while here:
            above = dict.fromkeys(key for one in here for key in one.parents)
            here = [self._drafts[key] for key in above if key in self._drafts and key not in there]
            there.update(one.key for one in here)
            found += here
        return found

    def _met(self, who: str, visit: Visit, now: Standing, company: Company) -> Relative:
        """Somebody of tonight; one whom we have sent there is known by name."""
        if isinstance(visit.w, int):
            z = seeded(visit.w, 1, company.space.z_dim)
            w = company.space.map(z.astype(np.float32), label_of(now, company))[0]
            return Relative(who, visit.name, w, "seed", visit.w)
        for draft in self._drafts.values():
            if draft.w is visit.w:
                return draft
        with suppress(BankError):
            portrait = self._bank.get(visit.name)
            if np.array_equal(portrait.w, visit.w):
                return Relative(f"bank/{visit.name}", visit.name, visit.w, portrait.origin)
        return Relative(who, visit.name, visit.w, "snapshot")


def label_of(now: Standing, company: Company) -> int | None:
    """The class that is on, of a model that has some."""
    classes = company.space.classes
    place = round(now.controls.values.get("class", 0.0))
    return min(place, classes - 1) if classes else None


def psi_of(now: Standing) -> float:
    """How far from the mean people are shown, but for what moves it."""
    return float(now.own.get("psi", 1.0))
