import numpy as np
import pytest
from numpy.typing import NDArray

from vjgan.judge import BEATS, CELLS, LEVELS, OFFSETS, READINGS, SLOTS, SPAN, WORST, Judge, seen
from vjgan.novelty import BANDS, FRAMES
from vjgan.types import FloatArray

STRONG = {"kick": (0, 6.0), "snare": (2, 6.0), "hat": (4, 4.0)}  # band, strength


def bars(drums: dict[str, list[float]], bpm: float, seconds: float) -> FloatArray:
    """Onset strength [frames, BANDS] of drums at beats of bars of four, over a little noise."""
    found = np.random.default_rng(3).exponential(0.2, (round(seconds * FRAMES), BANDS))
    for name, places in drums.items():
        band, strength = STRONG[name]
        for bar in range(round(seconds * bpm / 240.0)):
            for place in places:
                frame = round((4 * bar + place) * 60.0 / bpm * FRAMES)
                found[frame : frame + 2, max(0, band - 1) : band + 2] += strength
    return found[: round(seconds * FRAMES)].astype(np.float32)


ROCK = {"kick": [0.0, 2.0, 2.5], "snare": [1.0, 3.0], "hat": [0.5 * k for k in range(8)]}


def judged(strengths: FloatArray, clock_bpm: float, first: float) -> Judge:
    """After all of them, by a clock that starts ``first`` beats before them."""
    judge = Judge(60.0, 200.0, 120.0)
    clock = first
    for strength in strengths:
        judge.hear(strength, clock)
        clock += clock_bpm / 60.0 / FRAMES
    judge.judge(clock, clock_bpm)
    return judge


def best(judge: Judge) -> tuple[float, int]:
    """The level and the offset of the best reading."""
    level, offset = np.unravel_index(int(judge.marks.argmax()), judge.marks.shape)
    return LEVELS[int(level)], int(offset)


@pytest.mark.parametrize(("clock_bpm", "level"), [(96.0, 1.0), (192.0, 2.0)])
def test_a_slow_backbeat_is_not_beaten_twice_as_fast(clock_bpm: float, level: float) -> None:
    judge = judged(bars(ROCK, 96.0, 11.0), clock_bpm, 0.0)
    assert judge.ready
    assert best(judge)[0] == level


@pytest.mark.parametrize("late", [0.0, 0.5, 3.0])
def test_beat_and_bar_are_found_wherever_the_clock_has_them(late: float) -> None:
    judge = judged(bars(ROCK, 120.0, 12.0), 120.0, late)
    level, offset = best(judge)
    assert level == 1.0
    assert offset % (OFFSETS // BEATS) == late * OFFSETS / BEATS % (OFFSETS // BEATS)


def test_a_retimed_clock_has_heard_the_same() -> None:
    strengths = bars(ROCK, 120.0, 12.0)
    first = 0.013  # so that no frame is at the edge of a slot
    judge = judged(strengths, 120.0, first)
    judge.retime(origin=1.5, ratio=0.5)
    judge.judge((24.0 + first - 1.5) * 0.5, 60.0)
    assert np.allclose(judge.marks, judged(strengths, 60.0, (first - 1.5) * 0.5).marks, atol=1e-3)


def test_marks_are_against_the_best_and_too_fast_a_reading_has_the_worst() -> None:
    judge = judged(bars(ROCK, 150.0, 10.0), 150.0, 0.0)
    assert judge.marks.max() == 0.0
    assert np.all(judge.marks[0] == -WORST)


def test_a_moment_is_too_short_and_what_is_forgotten_is_gone() -> None:
    assert not judged(bars(ROCK, 120.0, 2.0), 120.0, 0.0).ready
    judge = judged(bars(ROCK, 120.0, 12.0), 120.0, 0.0)
    judge.forget()
    judge.judge(24.0, 120.0)
    assert not judge.ready


def folded(slot: NDArray[np.intp], sound: FloatArray, level: float, offset: int) -> FloatArray:
    """Means by cell of a reading, counted one by one."""
    cells: list[list[FloatArray]] = [[] for _ in range(CELLS)]
    for one, strength in zip(slot, sound, strict=True):
        turn = (one / SLOTS / level / BEATS - offset / OFFSETS) % 1.0
        cells[int(turn * CELLS + 1e-9) % CELLS].append(strength)
    return np.array([np.mean(some, axis=0) for some in cells])


@pytest.mark.parametrize(("level", "offset"), [(0.5, 3), (1.0, 0), (1.0, 6), (2.0, 13)])
def test_the_network_sees_means_by_place_in_the_bar(level: float, offset: int) -> None:
    random = np.random.default_rng(1)
    slot = random.integers(0, SPAN * SLOTS, 4000)
    sound = random.exponential(1.0, (4000, BANDS)).astype(np.float32)
    inputs = seen(slot, sound, 96.0)
    assert len(inputs) == READINGS
    row = inputs[LEVELS.index(level) * OFFSETS + offset]
    means = folded(slot, sound, level, offset)
    assert np.exp(row[:-2]).reshape(CELLS, BANDS) - 0.15 == pytest.approx(
        means / sound.mean(axis=0), rel=0.01
    )
    assert 120.0 * 2.0 ** row[-2] == pytest.approx(96.0 / level, rel=1e-5)
