"""Somebody new at a touch."""

from __future__ import annotations

import numpy as np
import pytest
from test_motion import BPM, SPACE, controls

from vjgan.motion import MotionSettings, make_motion
from vjgan.motion.curve import seeded
from vjgan.people import People
from vjgan.types import Beat, Tick


def walked(events: dict[float, int | None], fps: float = 60.0, seconds: float = 8.0) -> np.ndarray:
    """w [frames, w_dim] of a walk in which people are met (a seed) or left (None) at seconds."""
    motion, path = make_motion(MotionSettings("wander", seed=5), SPACE), []
    for index in range(round(seconds * fps)):
        time = index / fps
        for when, seed in events.items():
            if index == round(when * fps):
                motion.meet(seed)
        beat = Beat(time * BPM / 60, BPM)
        path.append(motion.step(controls(speed=1.0), beat, [], Tick(index, time, 1 / fps, time)))
    return np.array([latent.w[0] for latent in path])


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
    seeds = [people.new() for _ in range(1000)]
    assert len(set(seeds)) == 1000
    assert people.again(-1) == seeds[-2]
    assert people.again(-1) == seeds[-3]
    assert people.number == 998
    assert people.again(3) == seeds[2]
    assert people.new() not in seeds
    assert people.number == 1001
    for nobody in (0, -2, 1002):
        assert people.again(nobody) is None
    assert People(4).new() == seeds[0] != People(5).new()
    assert People().again(-1) is None
