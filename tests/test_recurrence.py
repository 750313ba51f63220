import numpy as np
import pytest
from numpy.typing import NDArray

from vjgan.novelty import BANDS
from vjgan.recurrence import recurs
from vjgan.types import FloatArray

FRAMES = 50  # to a beat, 120 bpm


def heard(bar: int, seed: int) -> FloatArray:
    """Sixteen beats of events by chance that come again after ``bar`` beats, in some noise."""
    random = np.random.default_rng(seed)
    events = 8.0 * (random.random((bar * FRAMES, BANDS)) < 0.06)
    sound = np.resize(events, (16 * FRAMES, BANDS)) + random.exponential(0.3, (16 * FRAMES, BANDS))
    return np.asarray(sound, np.float32)


def clock(sound: FloatArray) -> NDArray[np.float64]:
    return 7.3 + np.arange(len(sound)) / FRAMES


@pytest.mark.parametrize("seed", range(4))
def test_any_rhythm_that_comes_again_is_heard_at_its_bar_only(seed: int) -> None:
    sound = heard(4, seed)
    assert recurs(clock(sound), sound, (2, 4)) > 0.9
    assert recurs(clock(sound), sound, (3,)) < 0.2
    assert recurs(clock(sound), heard(16, seed), (2, 4)) < 0.2


def test_sound_that_only_swells_has_no_rhythm() -> None:
    swell = np.linspace(0.1, 3.0, 16 * FRAMES)[:, None] * np.ones(BANDS)
    sound = np.random.default_rng(1).exponential(swell).astype(np.float32)
    assert recurs(clock(sound), sound, (2, 4)) < 0.1


def test_two_beats_are_too_few_to_tell() -> None:
    sound = heard(1, 2)[: 2 * FRAMES]
    assert recurs(clock(sound), sound, (2, 4)) == 0.0


def test_three_beats_of_silence_change_nothing_else() -> None:
    sound = heard(4, 1)
    kept = (clock(sound) < 12.3) | (clock(sound) > 15.3)
    assert recurs(clock(sound)[kept], sound[kept], (2, 4)) > 0.8
