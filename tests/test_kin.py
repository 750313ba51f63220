"""The people of a show: what pages and pads do with them, on the default model."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import wait_until
from PIL import Image
from standings import standing_of

from vjgan.assets import folder
from vjgan.bank import Bank, Portrait
from vjgan.controls import CONTROLS
from vjgan.darkroom import Darkroom, Wish, picture_of
from vjgan.generator.checkpoint import find_model, load
from vjgan.generator.player import make_space
from vjgan.generator.sketch import Sketch
from vjgan.genes import in_layers
from vjgan.kin import Kin
from vjgan.mapping import Router
from vjgan.motion.curve import seeded
from vjgan.remote.desk import Desk
from vjgan.remote.words import Adopt, Breed, Throw, understand
from vjgan.standing import Company
from vjgan.types import Controls, Visit

SPACE = make_space(load(find_model("portraits", folder("models"))).network)
EVEN = (1.0, 1.0, 1.0)
SECONDS = 240.0  # on a busy machine


class Night:
    """A show of which only the people are looked at."""

    def __init__(self, place: Path) -> None:
        self.desk = Desk(lambda standing, image: None)
        self.bank = Bank(place)
        self.kin = Kin(self.desk, self.bank, lambda now: ("portraits", "0" * 64), Darkroom())
        self.people: list[Visit] = []
        self.time = 0.0
        self.psi = CONTROLS["psi"].default

    def show(
        self, here: int | None = None, model: str = "portraits", screen: object = None
    ) -> None:
        """A look at how it stands: ``here`` is on, the last one if not said."""
        here, self.time = len(self.people) if here is None else here, self.time + 5.0
        shown = np.repeat(SPACE.w_mean[None], SPACE.num_ws, 0)
        stands = self.people[here - 1].w if here else None
        fits = tuple(True for _ in self.people)
        company = Company(SPACE, tuple(self.people), fits, here, stands, shown)
        values = {name: row.default for name, row in CONTROLS.items()}
        standing = standing_of(Router(CONTROLS, {}), self.time)
        now = replace(
            standing,
            own={**standing.own, "psi": self.psi},
            model=model,
            company=company,
            controls=Controls(self.time, values),
        )
        self.desk.look(now, screen)  # type: ignore[arg-type]

    def come(self) -> list[Visit]:
        """Who came in since."""
        visits = [event for event in self.desk.read() if isinstance(event, Visit)]
        self.people += visits
        self.show()
        return visits


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    one = Night(tmp_path)
    one.people = [Visit(5, "seed-5"), Visit(23, "seed-23")]
    one.show()
    yield one
    one.kin.close()


def w_of(seed: int) -> np.ndarray:
    return SPACE.map(seeded(seed, 1, SPACE.z_dim).astype(np.float32))[0]


def test_children_are_drawn_thrown_and_kept_with_their_family(night: Night) -> None:
    kin = night.kin
    kin.obey(Breed(do="breed", parents=("night/1", "night/2"), shares=(EVEN, EVEN), seed=3))
    wait_until(lambda: len(kin.told.get("children", ())) == 9, SECONDS, "the grid")
    wait_until(lambda: all(child["face"] for child in kin.told["children"]), SECONDS, "their faces")
    face = picture_of(kin.faces[kin.told["children"][2]["face"]])
    assert face.shape == (128, 128, 3) and face.std() > 10
    key = kin.told["children"][2]["who"]
    kin.obey(Throw(do="throw", who=key))
    wait_until(lambda: len(night.come()) == 1, SECONDS, "the child")
    child = night.people[-1]
    assert child.quantised and isinstance(child.w, np.ndarray)
    kin.obey(Adopt(do="adopt", who="night/3"))  # it is on now, and is still a child of those two
    wait_until(lambda: child.name in night.bank.names(), SECONDS, "the portrait")
    kept = night.bank.get(child.name)
    assert kept.parents == ("seed-5", "seed-23") and kept.origin == "child"
    assert np.array_equal(kept.w, child.w) and kept.model == "portraits"
    assert np.allclose(night.bank.get("seed-5").w, w_of(5)) and night.bank.get("seed-5").seed == 5
    assert Image.open(io.BytesIO(night.bank.thumbnail(child.name) or b"")).size == (128, 128)
    night.show()
    wait_until(lambda: len(kin.told["portraits"]) == 3, SECONDS, "the bank")
    row = next(one for one in kin.told["portraits"] if one["name"] == child.name)
    assert row["parents"] == ["bank/seed-5", "bank/seed-23"]
    assert kin.told["night"][2]["is"] == row["is"] == f"bank/{child.name}"
    assert kin.told["night"][2]["parents"] == row["parents"]
    kin.obey(Breed(do="breed", parents=(kin.told["children"][5]["who"],), shares=(EVEN,), seed=4))
    wait_until(lambda: len(kin.told["elders"]) == 1, SECONDS, "whom the new ones descend from")
    assert kin.told["children"][0]["parents"] == [kin.told["elders"][0]["who"]]
    assert kin.told["elders"][0]["parents"] == row["parents"]
    kin.obey(Adopt(do="adopt", who=key))
    kin.obey(Adopt(do="adopt", who="night/1"))
    kin.obey(Throw(do="throw", who="night/1"))
    wait_until(lambda: len(night.come()) == 1, SECONDS, "the first one")
    assert len(night.bank.names()) == 3  # nobody is kept twice


def test_pads_have_a_child_of_the_last_two_and_keep_who_is_on(night: Night) -> None:
    night.desk.wish("child")
    wait_until(lambda: len(night.come()) == 1, SECONDS, "the child")
    night.desk.wish("keep")
    wait_until(lambda: len(night.bank.names()) == 3, SECONDS, "the portrait")
    name = night.people[-1].name
    assert night.bank.get(name).parents == ("seed-5", "seed-23")
    night.show(here=0)
    night.desk.wish("keep")  # nobody is on: the walk as it is seen
    wait_until(lambda: "walk" in night.bank.names(), SECONDS, "the walk")
    assert night.bank.get("walk").w == pytest.approx(
        in_layers(SPACE.w_mean, SPACE.num_ws), abs=1e-6
    )


def test_what_cannot_be_done_is_one_sentence_and_all_goes_on(night: Night) -> None:
    kin = night.kin
    night.bank.add(Portrait("stranger", w_of(9)[:64], "alive", "", "seed"))
    none = (0.0, 0.0, 0.0)
    tries = {
        "the weights of structure sum to 0": Breed(
            do="breed", parents=("night/1", "night/2"), shares=(none, none)
        ),
        "portrait 'nobody' is not in the bank": Throw(do="throw", who="bank/nobody"),
        "portrait 'stranger' is of model 'alive', not of 'portraits'": Throw(
            do="throw", who="bank/stranger"
        ),
        "nobody is called 'night/9'": Adopt(do="adopt", who="night/9"),
        "gene 'grin' is not one of the model's": Breed(
            do="breed", parents=("night/1",), shares=(EVEN,), genes={"grin": 1.0}
        ),
    }
    for words, word in tries.items():
        kin.obey(word)
        wait_until(lambda words=words: words in kin.told.get("trouble", ""), SECONDS, words)
    assert night.desk.read() == []
    kin.obey(Throw(do="throw", who="night/2"))
    wait_until(lambda: len(night.come()) == 1, SECONDS, "somebody")
    wait_until(lambda: kin.told["trouble"] == "", SECONDS, "no trouble")
    stranger = next(one for one in kin.told["portraits"] if one["name"] == "stranger")
    assert not stranger["fits"]


@pytest.mark.parametrize(
    "words",
    [
        {"do": "breed", "parents": [], "shares": []},
        {"do": "breed", "parents": ["night/1"] * 65, "shares": [[1, 1, 1]] * 65},
        {"do": "breed", "parents": ["night/1"], "shares": [[1, 1]]},
        {"do": "breed", "parents": ["night/1"], "shares": [[1, 1, -1]]},
        {"do": "breed", "parents": ["night/1"], "shares": [[1, 1, 1]], "genes": {"smile": 40}},
        {"do": "breed", "parents": ["night/1"], "shares": [[1, 1, 1]], "mutation": 2},
        {"do": "breed", "parents": [7], "shares": [[1, 1, 1]]},
        {"do": "throw", "who": "x" * 81},
        {"do": "throw", "who": "night/1", "w": [1.0]},
        {"do": "adopt"},
        {"do": "people", "on": "yes"},
    ],
)
def test_what_no_page_says_is_not_understood(words: dict[str, object]) -> None:
    assert understand(json.dumps(words)) is None
    good = {"do": "breed", "parents": ["night/1"], "shares": [[1, 0, 0.5]], "genes": {"smile": 1}}
    assert understand(json.dumps(good)) is not None


def test_a_small_picture_is_what_the_model_draws() -> None:
    w = in_layers(w_of(5), SPACE.num_ws)
    drawn: list[bytes] = []
    room = Darkroom()
    try:
        room.wish([Wish("nothing", w, drawn.append), Wish("portraits", w, drawn.append)])
        wait_until(lambda: bool(drawn), SECONDS, "the picture")
    finally:
        room.close()
    whole = Sketch(folder("models")).draw("portraits", w).astype(float)
    assert np.abs(picture_of(drawn[0]) - whole).mean() < 4  # JPEG
