"""The way through chosen pictures, in a space whose sensitivity is known."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from test_motion import SPACE, controls

from vjgan.motion import make_timeline
from vjgan.motion.curve import seeded
from vjgan.types import Beat, Tick

BPM, FPS = 120.0, 60.0
STOPS = ((0.0, 3), (4.0, 14), (8.0, 15), (8.5, 15), (12.0, 92), (14.0, 65), (16.0, 35))


def walked(stops: tuple[tuple[float, Any], ...], fps: float = FPS, kick: float = 0.0) -> np.ndarray:
    """w [frames, w_dim] from a bar before the first stop to one after the last."""
    motion, path = make_timeline(stops, SPACE), []
    bars = stops[-1][0] + 2.0
    for index in range(round(bars * 4 * 60 / BPM * fps) + 1):
        time = index / fps
        beat = Beat(time * BPM / 60 - 4.0, BPM)
        onsets = [time] if kick and index % round(fps) == 0 else []
        path.append(
            motion.step(controls(kick=kick), beat, onsets, Tick(index, time, 1 / fps, time))
        )
    return np.array([latent.w[0] for latent in path])


def frame_of(bar: float) -> int:
    return round((bar + 1.0) * 4 * 60 / BPM * FPS)


def test_every_picture_is_reached_at_its_bar_and_held_at_the_ends() -> None:
    path = walked(STOPS)
    for bar, seed in STOPS:
        there = SPACE.map(seeded(seed, 1, SPACE.z_dim).astype(np.float32))[0]
        assert path[frame_of(bar)] == pytest.approx(there, abs=1e-4)
    assert np.ptp(path[: frame_of(0.0) + 1], axis=0).max() < 1e-6
    assert np.ptp(path[frame_of(16.0) :], axis=0).max() < 1e-6
    assert np.ptp(path[frame_of(8.0) : frame_of(8.5) + 1], axis=0).max() < 1e-6


def test_a_known_picture_is_an_anchor_like_that_of_a_seed() -> None:
    known = tuple((bar, w_of(seed) if seed in (15, 65) else seed) for bar, seed in STOPS)
    assert walked(known) == pytest.approx(walked(STOPS), abs=1e-5)


def test_a_known_picture_may_differ_from_layer_to_layer() -> None:
    layers = np.stack([w_of(seed) for seed in range(SPACE.num_ws)])  # [num_ws, w_dim]
    stops = ((0.0, 3), (1.0, layers), (2.0, w_of(7)), (3.0, layers), (4.0, layers), (5.0, 9))
    motion, path = make_timeline(stops, SPACE), []
    for index in range(round(6 * 2 * FPS)):
        time = index / FPS
        tick = Tick(index, time, 1 / FPS, time)
        path.append(motion.step(controls(), Beat(time * BPM / 60, BPM), [], tick).w)
    at = [round(bar * 2 * FPS) for bar, _ in stops]
    assert path[at[1]] == pytest.approx(layers, abs=1e-4)
    assert path[at[2]] == pytest.approx(np.tile(w_of(7), (SPACE.num_ws, 1)), abs=1e-4)
    assert np.ptp(path[at[3] : at[4] + 1], axis=0).max() < 1e-6  # held
    steps = np.linalg.norm(np.diff(np.array(path).reshape(len(path), -1), axis=0), axis=1)
    assert steps.max() < 3.0 * np.median(steps[: at[2]])


def w_of(seed: int) -> np.ndarray:
    return SPACE.map(seeded(seed, 1, SPACE.z_dim).astype(np.float32))[0]


def test_the_speed_is_even_and_smooth() -> None:
    stops = tuple((4.0 * k, seed) for k, seed in enumerate((3, 14, 15, 92, 65)))
    path = walked(stops)[frame_of(0.0) : frame_of(16.0) + 1]
    steps = np.linalg.norm(np.diff(SPACE.picture(path), axis=0), axis=1)
    assert steps.max() < 2.5 * np.median(steps)
    middle = steps[frame_of(4.0) - frame_of(0.0) : frame_of(12.0) - frame_of(0.0)]
    assert middle.min() > 0.5 * np.median(middle)
    speed = np.diff(path, axis=0)
    jumps = np.linalg.norm(np.diff(speed, axis=0), axis=1)
    assert jumps.max() < 0.1 * np.linalg.norm(speed, axis=1).max()


def test_any_frame_rate_gives_the_same_way() -> None:
    one, other = walked(STOPS, 60.0, kick=0.5), walked(STOPS, 30.0, kick=0.5)
    assert one[::2] == pytest.approx(other, abs=2e-3)


def test_a_kick_pushes_and_falls_back() -> None:
    calm, kicked = walked(STOPS), walked(STOPS, kick=0.5)
    assert np.abs(kicked - calm).max() > 0.05
    assert np.abs(kicked[frame_of(16.0) - 1] - calm[frame_of(16.0) - 1]).max() < 0.2


@pytest.mark.parametrize("seeds", [(5,), (5, 5), (5, 6)])
def test_one_picture_or_two_are_enough(seeds: tuple[int, ...]) -> None:
    path = walked(tuple((4.0 * k, seed) for k, seed in enumerate(seeds)))
    ends = [SPACE.map(seeded(s, 1, SPACE.z_dim).astype(np.float32))[0] for s in seeds]
    assert path[0] == pytest.approx(ends[0], abs=1e-4)
    assert path[-1] == pytest.approx(ends[-1], abs=1e-4)
    assert all(np.abs(b - a).max() < 0.1 for a, b in pairwise(path))
