"""The people of a show, their portraits in the bank, and children of them, for the control page and
for pads: in a thread of its own, so that the loop never waits for any of it."""

from __future__ import annotations

import io
import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from vjgan.bank import Bank, Portrait
from vjgan.darkroom import Darkroom, Wish, picture_of
from vjgan.errors import BankError, GeneError, VjganError
from vjgan.genes import GROUPS, Pool, blend, child_name, children, express, family, in_layers
from vjgan.priority import step_back
from vjgan.remote.desk import Desk
from vjgan.remote.words import Adopt, Breed, Throw
from vjgan.standing import Company, Standing
from vjgan.types import FloatArray, LatentSpace, Visit

log = logging.getLogger("vjgan")

NICENESS = 6
LOOK_SECONDS = 0.1
LIST_SECONDS = 2.0  # from one look at the bank to the next
CHILDREN = 8  # of a grid, whose first picture is the blend itself
FACE, QUALITY = 128, 80  # pixels and JPEG quality of a small picture
MOST_PORTRAITS, MOST_NIGHT, MOST_FACES = 300, 24, 900  # that pages are shown
MOST_DRAFTS = 400  # children that are remembered
LEAST_PSI = 0.2  # below, what is seen says little of who it is
MUTATION = 0.2  # of a child that a pad asks for

# Of a model's file, by how the show stands: what opens it, and its SHA-256.
About = Callable[[Standing], tuple[str, str]]


@dataclass(frozen=True, slots=True, eq=False)
class Relative:
    """Somebody who can be a parent: ``key`` is how pages call them."""

    key: str
    name: str
    w: FloatArray  # [w_dim] or [num_ws, w_dim] before truncation
    origin: str
    seed: int | None = None
    parents: tuple[str, ...] = ()  # keys


class Kin:
    """Who there is, and what pages and pads do with them. What goes wrong is one sentence, on the
    page and in the log; the show goes on."""

    def __init__(self, desk: Desk, bank: Bank, about: About, darkroom: Darkroom) -> None:
        self.told: Mapping[str, Any] = {"say": "people", "portraits": [], "night": []}
        self.faces: dict[int, bytes] = {}  # JPEG by number; none changes
        self._desk = desk
        self._bank = bank
        self._about = about
        self._darkroom = darkroom
        self._jobs: queue.SimpleQueue[Breed | Throw | Adopt | None] = queue.SimpleQueue()
        self._face: dict[str, int] = {}  # number of the picture of a key
        self._asked: set[str] = set()  # keys whose pictures are being drawn
        self._number = 0  # of the newest picture
        self._lock = threading.Lock()
        self._count = 0
        self._drafts: dict[str, Relative] = {}  # children, by key
        self._kept: dict[str, str] = {}  # name in the bank by key
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

    def obey(self, word: Breed | Throw | Adopt) -> bool:
        """Do what a page asks for, soon."""
        self._jobs.put(word)
        return True

    def close(self) -> None:
        """End the thread and what draws for it."""
        self._over.set()
        self._jobs.put(None)
        self._darkroom.close()
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
                name = self._adopt(self._find(who, now, company), now)
                log.info("kept as portrait '%s' in the bank", name)
        self._trouble = ""

    def _gesture(self, name: str, now: Standing, company: Company) -> None:
        if name == "keep":
            kept = self._adopt(self._on(now, company), now)
            log.info("kept as portrait '%s' in the bank", kept)
            return
        people = [k for k, fits in enumerate(company.fits, 1) if fits]
        if company.here in people:  # who is on comes last
            people = [k for k in people if k <= company.here]
        if len(people) < 2:
            raise GeneError("a child needs two people of tonight; press person first")
        self._seed += 1
        pair = [self._find(f"night/{k}", now, company) for k in people[-2:]]
        born = self._born(pair, [[1.0] * len(GROUPS)] * 2, {}, MUTATION, self._seed, 1, now)
        self._desk.invite(Visit(born[0].w, born[0].name, quantised=True))

    def _breed(self, word: Breed, now: Standing, company: Company) -> None:
        parents = [self._find(who, now, company) for who in word.parents]
        pool = self._people(now, company)
        mixed = express(blend(pool, [one.w for one in parents], word.shares), word.genes, pool)
        keys = tuple(one.key for one in parents)
        first = self._draft(mixed, child_name(word.seed, CHILDREN), keys)
        born = self._born(parents, word.shares, word.genes, word.mutation, word.seed, CHILDREN, now)
        self._grid, self._parents = [first, *born], keys
        self._asked = {key for key in self._asked if not key.startswith("child/")}
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
            self._draft(express(w, genes, pool), child_name(seed, number), keys)
            for number, w in enumerate(made)
        ]

    def _draft(self, w: FloatArray, name: str, parents: tuple[str, ...]) -> Relative:
        self._count += 1
        child = Relative(f"child/{self._count}", name, w, "child", parents=parents)
        self._drafts[child.key] = child
        for old in list(self._drafts)[:-MOST_DRAFTS]:
            del self._drafts[old]
        return child

    def _throw(self, who: str, now: Standing, company: Company) -> None:
        one = self._find(who, now, company)
        if who.startswith("night/"):
            self._desk.invite(replace(company.people[int(who[6:]) - 1], quantised=True))
        else:
            self._desk.invite(Visit(one.w, one.name, quantised=True))

    def _find(self, who: str, now: Standing, company: Company) -> Relative:
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
        if found.w.shape not in _shapes(company.space):
            raise BankError(f"'{found.name}' is of another model than '{now.model}', which is on")
        return found

    def _met(self, who: str, visit: Visit, now: Standing, company: Company) -> Relative:
        """Somebody of tonight; one whom we have sent there is known by name."""
        if isinstance(visit.w, int):
            z = np.random.RandomState(visit.w).standard_normal((1, company.space.z_dim))
            w = company.space.map(z.astype(np.float32), _label(now, company))[0]
            return Relative(who, visit.name, w, "seed", visit.w)
        for draft in self._drafts.values():
            if draft.w is visit.w:
                return draft
        with suppress(BankError):
            portrait = self._bank.get(visit.name)
            if np.array_equal(portrait.w, visit.w):
                return Relative(f"bank/{visit.name}", visit.name, visit.w, portrait.origin)
        return Relative(who, visit.name, visit.w, "snapshot")

    def _on(self, now: Standing, company: Company) -> Relative:
        """Who is to be seen: somebody of tonight, whoever sits before a camera, or the walk."""
        if company.here:
            return self._find(f"night/{company.here}", now, company)
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

    def _adopt(self, one: Relative, now: Standing) -> str:
        """Keep somebody in the bank, and the ancestors that are not there yet; the name there.
        Raises BankError."""
        if one.key.startswith("bank/"):
            return one.name
        if one.key and self._kept.get(one.key) in self._bank.names():
            return self._kept[one.key]
        assert now.company is not None
        parents = []
        for key in one.parents:
            with suppress(BankError):  # taken away since, or of another model
                parents.append(self._adopt(self._find(key, now, now.company), now))
        if one.seed is not None and (there := self._same(one)):
            return there
        number = self._face.get(one.key)
        picture = None if number is None else picture_of(self.faces[number])
        about = self._about(now)
        portrait = Portrait(
            one.name, one.w, now.model, about[1], one.origin, one.seed,
            _psi(now), _label(now, now.company), tuple(parents), verdict="kept",
        )  # fmt: skip
        name = self._bank.add(portrait, picture).name
        if one.key:
            self._kept[one.key] = name
        self._listed = -LIST_SECONDS
        return name

    def _same(self, one: Relative) -> str:
        """The name of a portrait of the same seed, if it is in the bank already."""
        with suppress(BankError):
            if np.array_equal(self._bank.get(one.name).w, one.w):
                return one.name
        return ""

    def _people(self, now: Standing, company: Company) -> Pool:
        label = _label(now, company)
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
            self._portraits, len(company.people), company.here, company.fits, self._number,
            self._grid, len(self._kept), self._trouble, self._pool, now.model,
        )  # fmt: skip
        if all(a is b or a == b for a, b in zip(known, self._known or (None,) * 10, strict=True)):
            return
        self._known = known
        parents = {one.name: one.parents for one in self._portraits}
        night = list(enumerate(zip(company.people, company.fits, strict=True), 1))
        told = {
            "say": "people",
            "model": now.model,
            "sliders": self._sliders(company.space),
            "portraits": [self._portrait(one, parents, now, company) for one in self._portraits],
            "night": [
                {"who": f"night/{k}", "name": visit.name, "fits": fits, "on": k == company.here,
                 "face": self._of_night(k, visit, fits, now, company)}
                for k, (visit, fits) in night[-MOST_NIGHT:]
            ],
            "children": [
                {"who": one.key, "name": one.name, "face": self._face.get(one.key),
                 "kept": self._kept.get(one.key, "")}
                for one in self._grid
            ],
            "parents": self._parents,
            "trouble": self._trouble,
        }  # fmt: skip
        self.told = told

    def _sliders(self, space: LatentSpace) -> list[str]:
        if self._pool is not None and self._pool[0] is space:
            return list(self._pool[2].sliders())
        return list(space.directions())

    def _portrait(
        self,
        one: Portrait,
        parents: Mapping[str, Sequence[str]],
        now: Standing,
        company: Company,
    ) -> dict[str, Any]:
        key, tree = f"bank/{one.name}", family(one.name, parents)
        fits = self._bank.fits(one, company.space, now.model)
        if key not in self._face and key not in self._asked:
            self._picture(key, one, now, fits, company)
        return {
            "who": key, "name": one.name, "fits": fits, "model": one.model, "origin": one.origin,
            "face": self._face.get(key), "tags": list(one.tags),
            "ancestors": [list(generation) for generation in tree.ancestors],
            "children": list(tree.children),
        }  # fmt: skip

    def _picture(
        self, key: str, one: Portrait, now: Standing, fits: bool, company: Company
    ) -> None:
        """Find a portrait's small picture, or have it drawn."""
        self._asked.add(key)
        png = self._bank.thumbnail(one.name)
        if png is not None:
            with suppress(OSError, ValueError):
                self._take(key, _smaller(png))
                return
        if fits:
            relative = Relative(key, one.name, one.w, one.origin)
            self._draw([relative], now, psi=one.psi)

    def _of_night(
        self, number: int, visit: Visit, fits: bool, now: Standing, company: Company
    ) -> int | None:
        if not fits:
            return None
        one = self._find(f"night/{number}", now, company)
        if one.key not in self._face and one.key not in self._asked:
            self._draw([one], now)
        return self._face.get(one.key)

    def _draw(
        self, people: Sequence[Relative], now: Standing, instead: bool = False, psi: float = -1.0
    ) -> None:
        """Have small pictures drawn, as the show would show them."""
        assert now.company is not None
        space, model = now.company.space, self._about(now)[0]
        psi = _psi(now) if psi < 0.0 else psi
        wishes = []
        for one in people:
            w = space.w_mean + psi * (in_layers(one.w, space.num_ws) - space.w_mean)
            wishes.append(Wish(model, w.astype(np.float32), partial(self._take, one.key)))
            self._asked.add(one.key)
        self._darkroom.wish(wishes, instead)

    def _take(self, key: str, jpeg: bytes) -> None:
        """A small picture has come; from any thread."""
        with self._lock:
            self._number += 1
            self.faces[self._number] = jpeg
            self._face[key] = self._number
            if len(self.faces) > MOST_FACES:
                old = next((one for one in self._face if one.startswith("child/")), key)
                self.faces.pop(self._face.pop(old), None)


def _label(now: Standing, company: Company) -> int | None:
    """The class that is on, of a model that has some."""
    classes = company.space.classes
    place = round(now.controls.values.get("class", 0.0))
    return min(place, classes - 1) if classes else None


def _psi(now: Standing) -> float:
    return float(now.controls.values.get("psi", 1.0))


def _shapes(space: LatentSpace) -> tuple[tuple[int, ...], ...]:
    return ((space.w_dim,), (space.num_ws, space.w_dim))


def _smaller(png: bytes) -> bytes:
    """A small picture as JPEG. Raises OSError or ValueError."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.thumbnail((FACE, FACE))
    data = io.BytesIO()
    image.save(data, "JPEG", quality=QUALITY)
    return data.getvalue()
