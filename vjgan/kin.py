"""The people of a show, their portraits in the bank, and children of them, for the control page and
for pads: in a thread of its own, so that the loop never waits for any of it."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from vjgan.bank import Bank, Portrait
from vjgan.circle import Circle, Relative, label_of, psi_of
from vjgan.darkroom import Darkroom
from vjgan.errors import BankError, GeneError, VjganError
from vjgan.faces import Faces
from vjgan.genes import GROUPS, Pool, blend, child_name, children, express
from vjgan.priority import step_back
from vjgan.remote.desk import Desk
from vjgan.remote.words import Adopt, Breed, Throw
from vjgan.standing import Company, Standing
from vjgan.types import LatentSpace, Visit

log = logging.getLogger("vjgan")

NICENESS = 6
LOOK_SECONDS = 0.1
LIST_SECONDS = 2.0  # from one look at the bank to the next
CHILDREN = 8  # of a grid, whose first picture is the blend itself
MOST_PORTRAITS, MOST_NIGHT = 300, 24  # that pages are shown
MUTATION = 0.2  # of a child that a pad asks for

# Of a model's file, by how the show stands: what opens it, and its SHA-256.
About = Callable[[Standing], tuple[str, str]]


class Kin:
    """Who there is, and what pages and pads do with them. What goes wrong is one sentence, on the
    page and in the log; the show goes on."""

    def __init__(self, desk: Desk, bank: Bank, about: About, darkroom: Darkroom) -> None:
        self.told: Mapping[str, Any] = {"say": "people", "portraits": [], "night": []}
        self._desk = desk
        self._bank = bank
        self._about = about
        self._faces = Faces(darkroom)
        self._circle = Circle(bank)
        self._jobs: queue.SimpleQueue[Breed | Throw | Adopt | None] = queue.SimpleQueue()
        self._grid: list[Relative] = []
        self._parents: tuple[str, ...] = ()  # of the grid
        self._portraits: list[Portrait] = []
        self._pool: tuple[LatentSpace, int | None, Pool] | None = None
        self._space: LatentSpace | None = None  # of what is told
        self._trouble = ""
        self._seed = 0  # of children that pads ask for
        self._listed = -LIST_SECONDS
        self._known: tuple[object, ...] = ()  # by which what is told was made
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kin", daemon=True)
        self._thread.start()

    # What the page's thread calls.

    @property
    def faces(self) -> Mapping[int, bytes]:
        """Small pictures, JPEG by number; none changes."""
        return self._faces.jpegs

    def obey(self, word: Breed | Throw | Adopt) -> bool:
        """Do what a page asks for, soon."""
        self._jobs.put(word)
        return True

    def close(self) -> None:
        """End the thread and what draws for it."""
        self._over.set()
        self._jobs.put(None)
        self._faces.close()
        self._thread.join(timeout=2.0)

    # Within: one thread.

    def _run(self) -> None:
        step_back(NICENESS)
        while not self._over.is_set():
            job: Breed | Throw | Adopt | None = None
            with suppress(queue.Empty):
                job = self._jobs.get(timeout=LOOK_SECONDS)
            standing = self._desk.standing()
            if standing is None or standing.company is None:
                continue
            if self._space is not standing.company.space:  # another model: strangers to each other
                self._space, self._grid, self._parents = standing.company.space, [], ()
                self._faces.give_up()
            try:
                self._do(job, standing, standing.company)
                while not self._desk.wishes.empty():
                    self._gesture(self._desk.wishes.get(), standing, standing.company)
            except VjganError as error:
                self._trouble = str(error)
                log.error("%s", error)
            except Exception as error:
                self._trouble = f"people: {error}"
                log.error("people: %s", error, exc_info=error)
            with suppress(VjganError):
                self._tell(standing, standing.company)

    def _do(self, job: Breed | Throw | Adopt | None, now: Standing, company: Company) -> None:
        match job:
            case None:
                return
            case Breed():
                self._breed(job, now, company)
            case Throw(who=who):
                self._throw(who, now, company)
            case Adopt(who=who):
                name = self._adopt(self._circle.find(who, now, company), now)
                log.info("kept as portrait '%s' in the bank", name)
        self._trouble = ""

    def _gesture(self, name: str, now: Standing, company: Company) -> None:
        if name == "keep":
            kept = self._adopt(self._circle.on(now, company), now)
            log.info("kept as portrait '%s' in the bank", kept)
            return
        people = [k for k, fits in enumerate(company.fits, 1) if fits]
        if company.here in people:  # who is on comes last
            people = [k for k in people if k <= company.here]
        if len(people) < 2:
            raise GeneError("a child needs two people of tonight; press person first")
        self._seed += 1
        pair = [self._circle.find(f"night/{k}", now, company) for k in people[-2:]]
        born = self._born(pair, [[1.0] * len(GROUPS)] * 2, {}, MUTATION, self._seed, 1, now)
        self._desk.invite(Visit(born[0].w, born[0].name, quantised=True))

    def _breed(self, word: Breed, now: Standing, company: Company) -> None:
        parents = [self._circle.find(who, now, company) for who in word.parents]
        pool = self._people(now, company)
        mixed = express(blend(pool, [one.w for one in parents], word.shares), word.genes, pool)
        keys = tuple(one.key for one in parents)
        first = self._circle.draft(mixed, child_name(word.seed, CHILDREN), keys)
        born = self._born(parents, word.shares, word.genes, word.mutation, word.seed, CHILDREN, now)
        self._grid, self._parents = [first, *born], keys
        self._faces.give_up("child/")
        self._draw(self._grid, now, instead=True)

    def _born(
        self,
        parents: Sequence[Relative],
        shares: Sequence[Sequence[float]],
        genes: Mapping[str, float],
        mutation: float,
        seed: int,
        count: int,
        now: Standing,
    ) -> list[Relative]:
        assert now.company is not None
        pool = self._people(now, now.company)
        made = children(pool, [one.w for one in parents], shares, count, mutation, seed)
        keys = tuple(one.key for one in parents)
        return [
            self._circle.draft(express(w, genes, pool), child_name(seed, number), keys)
            for number, w in enumerate(made)
        ]

    def _throw(self, who: str, now: Standing, company: Company) -> None:
        one = self._circle.find(who, now, company)
        if who.startswith("night/"):
            self._desk.invite(replace(company.people[int(who[6:]) - 1], quantised=True))
        else:
            self._desk.invite(Visit(one.w, one.name, quantised=True))

    def _adopt(self, one: Relative, now: Standing) -> str:
        """Keep somebody in the bank, and the ancestors that are not there yet; the name there.
        Raises BankError."""
        if one.key.startswith("bank/"):
            return one.name
        if one.key and self._circle.kept.get(one.key) in self._bank.names():
            return self._circle.kept[one.key]
        assert now.company is not None
        parents = []
        for key in one.parents:
            with suppress(BankError):  # taken away since, or of another model
                parents.append(self._adopt(self._circle.find(key, now, now.company), now))
        if one.seed is not None and (there := self._same(one)):
            return there
        about = self._about(now)
        portrait = Portrait(
            one.name, one.w, now.model, about[1], one.origin, one.seed,
            psi_of(now), label_of(now, now.company), tuple(parents), verdict="kept",
        )  # fmt: skip
        name = self._bank.add(portrait, self._faces.image(one.key)).name
        if one.key:
            self._circle.kept[one.key] = name
        self._listed = -LIST_SECONDS
        return name

    def _same(self, one: Relative) -> str:
        """The name of a portrait of the same seed, if it is in the bank already."""
        with suppress(BankError):
            if np.array_equal(self._bank.get(one.name).w, one.w):
                return one.name
        return ""

    def _people(self, now: Standing, company: Company) -> Pool:
        label = label_of(now, company)
        if self._pool is None or self._pool[0] is not company.space or self._pool[1] != label:
            self._pool = company.space, label, Pool(company.space, label)
        return self._pool[2]

    # What pages are told.

    def _tell(self, now: Standing, company: Company) -> None:
        if now.time - self._listed >= LIST_SECONDS:
            self._listed = now.time
            rated = [one for one in self._bank.portraits() if one.verdict != "rejected"]
            if rated[-MOST_PORTRAITS:] != self._portraits:
                self._portraits = rated[-MOST_PORTRAITS:]
        known = (
            self._portraits, len(company.people), company.here, company.fits, self._faces.newest,
            self._grid, len(self._circle.kept), self._trouble, self._pool, now.model, psi_of(now),
        )  # fmt: skip
        if len(known) == len(self._known) and all(
            a is b or a == b for a, b in zip(known, self._known, strict=True)
        ):
            return
        self._known = known
        people, night = self._tonight(now, company)
        self.told = {
            "say": "people",
            "model": now.model,
            "sliders": self._sliders(company.space),
            "portraits": [self._portrait(one, now, company) for one in self._portraits],
            "night": night,
            "children": [self._row(one, one.key) for one in self._grid],
            "elders": [self._row(one, one.key) for one in self._circle.elders(people)],
            "parents": self._parents,
            "trouble": self._trouble,
        }

    def _tonight(
        self, now: Standing, company: Company
    ) -> tuple[list[Relative], list[dict[str, Any]]]:
        """Who came, as far as the model that is on can show them, and everybody's row; and the
        children that are looked at."""
        people, rows = list(self._grid), []
        first = max(0, len(company.people) - MOST_NIGHT)
        for number, visit in enumerate(company.people[first:], first + 1):
            who, here = f"night/{number}", number == company.here
            if not company.fits[number - 1]:
                rows.append({"who": who, "is": who, "name": visit.name, "fits": False, "on": here,
                             "face": None, "parents": []})  # fmt: skip
                continue
            one = self._circle.find(who, now, company)
            if self._faces.lacks(one.key, psi_of(now) if here else None):
                self._draw([one], now)
            people.append(one)
            rows.append(self._row(one, who) | {"name": visit.name, "fits": True, "on": here})
        return people, rows

    def _row(self, one: Relative, who: str) -> dict[str, Any]:
        """What is told of somebody: ``is`` is one key, ``who`` may be one of several."""
        return {
            "who": who, "is": self._circle.home(one.key), "name": one.name,
            "face": self._faces.of(one.key), "kept": self._circle.kept.get(one.key, ""),
            "parents": [self._circle.home(key) for key in one.parents],
        }  # fmt: skip

    def _sliders(self, space: LatentSpace) -> list[str]:
        if self._pool is not None and self._pool[0] is space:
            return list(self._pool[2].sliders())
        return list(space.directions())

    def _portrait(self, one: Portrait, now: Standing, company: Company) -> dict[str, Any]:
        key, fits = f"bank/{one.name}", self._bank.fits(one, company.space, now.model)
        seen = not self._faces.lacks(key) or self._faces.read(key, self._bank.thumbnail(one.name))
        if fits and not seen:
            self._draw([Relative(key, one.name, one.w, one.origin)], now, psi=one.psi)
        return {
            "who": key, "is": key, "name": one.name, "fits": fits, "model": one.model,
            "origin": one.origin, "face": self._faces.of(key), "tags": list(one.tags),
            "parents": [f"bank/{name}" for name in one.parents],
        }  # fmt: skip

    def _draw(
        self,
        people: Sequence[Relative],
        now: Standing,
        instead: bool = False,
        psi: float | None = None,
    ) -> None:
        """Have small pictures drawn, as the show would show them."""
        assert now.company is not None
        wanted = {one.key: one.w for one in people}
        psi = psi_of(now) if psi is None else psi
        self._faces.draw(self._about(now)[0], now.company.space, wanted, psi, instead)
