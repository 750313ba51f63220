"""Somebody new at a touch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from test_motion import BPM, SPACE, TanhSpace, controls

from vjgan.errors import ModelError
from vjgan.motion import MotionSettings, make_motion
from vjgan.motion.curve import seeded
from vjgan.people import People
from vjgan.stage import Scene, Stage
from vjgan.types import Beat, Tick, Visit

Events = Mapping[float, int | np.ndarray | None]


def walked(
    events: Events, fps: float = 60.0, seconds: float = 8.0, layer: int = 0, likeness: float = 1.0
) -> np.ndarray:
    """w [frames, w_dim] of a walk in which people are met (a seed, a w) or left (None) at
    seconds."""
    motion, path = make_motion(MotionSettings("wander", seed=5), SPACE), []
    for index in range(round(seconds * fps)):
        time = index / fps
        for when, seed in events.items():
            if index == round(when * fps):
                motion.meet(seed)
        beat = Beat(time * BPM / 60, BPM)
        values = controls(speed=1.0, likeness=likeness)
        path.append(motion.step(values, beat, [], Tick(index, time, 1 / fps, time)))
    return np.array([latent.w[layer] for latent in path])


def picture_of(seed: int) -> np.ndarray:
    return SPACE.map(seeded(seed, 1, SPACE.z_dim).astype(np.float32))[0]


def test_a_person_comes_another_follows_and_the_walk_goes_on_where_it_would_be() -> None:
    plain, path = walked({}), walked({1.0: 77, 4.0: 78, 6.0: None})
    assert path[:60] == pytest.approx(plain[:60])
    assert path[235] == pytest.approx(picture_of(77), abs=0.02)
    assert path[355] == pytest.approx(picture_of(78), abs=0.1)
    assert path[-1] == pytest.approx(plain[-1], abs=0.02)


def test_nothing_jumps() -> None:
    path = walked({1.0: 77, 1.2: 78, 1.3: None, 1.4: 77, 4.0: None})
    speed = np.diff(path, axis=0)
    assert np.abs(np.diff(speed, axis=0)).max() < 0.25 * np.abs(speed).max()


def test_any_frame_rate_morphs_alike() -> None:
    events: dict[float, int | None] = {1.0: 77, 3.0: 78, 5.0: None}
    begun = {when - 1 / 60: seed for when, seed in events.items()}  # at the same step's beginning
    assert walked(begun, 60.0)[::2] == pytest.approx(walked(events, 30.0), abs=5e-3)


def test_nobody_comes_twice_and_everybody_can_be_called_back() -> None:
    people = People(4)
    visits = [people.new() for _ in range(1)]
    people.came(visits[0], SPACE)
    while len(visits) < 300:
        visits.append(people.new())
        people.came(visits[-1], SPACE)
    assert len({visit.w for visit in visits}) == 300
    for expected in (visits[-2], visits[-3]):
        before = people.again(-1)
        assert before is not None and before.visit is expected
        people.came(before.visit, SPACE)
    assert people.number == 298
    third = people.again(3)
    assert third is not None and third.visit is visits[2]
    for nobody in (0, -2, 301):
        assert people.again(nobody) is None
    assert People(4).new().w == visits[0].w != People(5).new().w
    assert People().again(-1) is None


def test_a_portrait_is_remembered_with_its_model_and_once() -> None:
    people, w = People(), picture_of(7)
    people.came(Visit(w, "ada"), SPACE)
    people.came(people.new(), SPACE)
    people.came(Visit(w.copy(), "ada"), SPACE)
    assert people.number == 1
    ada, other = people.again(1), people.again(2)
    assert ada is not None and ada.fits(SPACE) and not ada.fits(object())
    assert other is not None and other.fits(object())
    assert people.again(3) is None


def test_a_w_is_met_as_its_seed_is_and_one_for_each_layer_too() -> None:
    by_seed, by_w = walked({1.0: 77, 4.0: None}), walked({1.0: picture_of(77), 4.0: None})
    assert by_w == pytest.approx(by_seed, abs=1e-5)
    layered = np.stack([picture_of(70 + k) for k in range(SPACE.num_ws)])
    path = walked({1.0: 77, 3.0: layered, 6.0: None}, layer=2)
    assert path[355] == pytest.approx(layered[2], abs=0.05)
    speed = np.diff(path, axis=0)
    assert np.abs(np.diff(speed, axis=0)).max() < 0.25 * np.abs(speed).max()


def test_likeness_goes_from_the_walk_to_the_person() -> None:
    plain, person = walked({}), walked({1.0: 77})
    half = walked({1.0: 77}, likeness=0.5)
    assert walked({1.0: 77}, likeness=0.0) == pytest.approx(plain)
    assert half == pytest.approx((plain + person) / 2, abs=1e-5)


def face(time: float) -> np.ndarray:
    """Somebody who nods in front of a camera."""
    there = picture_of(77) - picture_of(78)
    return picture_of(78) + np.float32(0.5 + 0.3 * np.sin(3.0 * time)) * there


@pytest.mark.parametrize("rate", [60, 30])
def test_a_face_met_again_and_again_is_followed(rate: int) -> None:
    faces = {1.0 + k / 10: face(1.0 + k / 10) for k in range(60)}
    path = walked(faces, fps=rate)
    now = path[round(6.5 * rate)]
    assert now == pytest.approx(face(6.5 - 0.17), abs=0.15)  # two poles, and half a step held
    assert now != pytest.approx(face(6.5 - 0.44), abs=0.2)
    assert np.abs(np.diff(path, n=2, axis=0)).max() * rate**2 < 150  # of acceleration


def test_a_face_is_followed_alike_at_any_rate() -> None:
    faces = {1.0 + k / 10: face(1.0 + k / 10) for k in range(60)}
    begun = {when - 1 / 60: w for when, w in faces.items()}
    assert walked(begun, 60.0)[::2] == pytest.approx(walked(faces, 30.0), abs=0.02)


class Standing:
    """A motion that notes whom it was to be."""

    def __init__(self) -> None:
        self.met: list[object] = []

    def meet(self, guest: object) -> None:
        self.met.append(guest)


class Model:
    """A generator as far as a stage looks at it."""

    def __init__(self, name: str) -> None:
        self.name, self.space = name, TanhSpace()


def scene(model: Model) -> Scene:
    return Scene(model.name, model.name, None, Standing(), model, ())  # type: ignore[arg-type]


def test_a_portrait_is_met_by_scenes_of_its_own_model_alone() -> None:
    one, other, w = Model("one"), Model("other"), picture_of(3)
    scenes = [scene(one), scene(one), scene(other)]
    stage = Stage(scenes[0])
    stage.meet(w)
    for number in (1, 2):
        stage.enter(scenes[number], 8.0 * number)
    assert [each.motion.met for each in scenes] == [[w], [w], [None]]  # type: ignore[attr-defined]
    stage.meet(5)
    assert scenes[0].motion.met[-1] == scenes[2].motion.met[-1] == 5  # type: ignore[attr-defined]
    for bad, words in ((w[:3], r"shape \[3\] is not of model 'other'"), (w * np.nan, "not finite")):
        with pytest.raises(ModelError, match=words):
            stage.meet(bad)
    assert scenes[2].motion.met[-1] == 5  # type: ignore[attr-defined]
