"""The governor of quality, with made-up times."""

from __future__ import annotations

import itertools
import logging
import random
from collections.abc import Callable, Sequence

import pytest

from vjgan.budget import Budget
from vjgan.governor import Governor, Quality, ladder
from vjgan.types import PassWeight, Tick

PERIOD = 1 / 30
COSTS = {"a": 0.35 * PERIOD, "b": 0.35 * PERIOD, "c": 0.1 * PERIOD}  # of passes, by name
Cost = Callable[[Quality, float], float]  # what a frame of a quality costs at a time, in seconds


def fixed_part(share: float, full: float) -> Cost:
    """A cost of which a share is the same at every size; ``full`` is that at 400x225."""
    return lambda quality, time: full * (share + (1 - share) * (quality.pixels or 0) / 90_000)


def perform(
    cost: Cost, seconds: float, noise: float = 0.0, start: tuple[int, int] = (960, 540)
) -> tuple[list[tuple[float, int]], Governor, int]:
    """Every change of rung with its time, the governor, and how many frames came late."""
    chance = random.Random(7)
    rungs, first = ladder(start, software=True)
    governor, time, late, changes = Governor(rungs, first, PERIOD), 0.0, 0, []
    while time < seconds:
        took = cost(governor.quality, time) * chance.lognormvariate(0.0, noise)
        if chance.random() < 0.002:
            took += 0.05  # something else took the processor
        if governor.step(took, time):
            changes.append((time, governor.rung))
        late += took > 1.5 * PERIOD
        time += max(PERIOD, took)
    return changes, governor, late


def test_what_fits_is_left_alone_and_what_does_not_is_given_up_at_once() -> None:
    changes, governor, _ = perform(lambda quality, time: 0.6 * PERIOD, 60.0)
    assert changes == []
    changes, governor, late = perform(fixed_part(0.3, 1.1 * PERIOD), 60.0)
    assert changes[0][0] < 2.5  # half a second after it began to be judged
    assert governor.quality.pixels == 320 * 180
    assert late < 10


def test_nothing_left_to_give_up() -> None:
    changes, governor, _ = perform(lambda quality, time: 3 * PERIOD, 60.0)
    assert governor.rung == len(governor.rungs) - 1
    assert governor.quality.spared > 2
    assert len(changes) <= 3 and changes[-1][0] < 4.0  # not rung by rung


def test_the_worse_it_is_the_farther_it_goes_at_once() -> None:
    first = []
    for load in (1.1, 1.7, 2.5):
        changes, _, _ = perform(fixed_part(0.0, load * PERIOD), 8.0)
        first.append(changes[0][1])
        assert changes[-1][0] < 5.0
    assert first == sorted(set(first))


def test_what_was_given_up_comes_back_step_by_step() -> None:
    def cost(quality: Quality, time: float) -> float:
        return (2.0 if 10.0 < time < 14.0 else 0.2) * PERIOD * (quality.pixels or 0) / 90_000

    changes, governor, _ = perform(cost, 120.0)
    assert max(rung for time, rung in changes) > 2
    assert governor.quality.pixels == 720 * 405  # where it takes 0.65 of the time
    rises = [time for (time, rung), (_, before) in zip(changes[1:], changes, strict=False)
             if rung < before]  # fmt: skip
    assert all(later - earlier >= 8.0 for earlier, later in itertools.pairwise(rises))


def test_one_late_frame_changes_nothing() -> None:
    hitch = {100, 140, 180, 220}
    rungs, start = ladder((960, 540), software=True)
    governor = Governor(rungs, start, PERIOD)
    for frame in range(300):
        assert not governor.step((5.0 if frame in hitch else 0.6) * PERIOD, frame * PERIOD)


@pytest.mark.parametrize("load", [0.3, 0.6, 0.9, 1.2, 1.8])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_it_never_swings_in_ten_minutes_of_noise(load: float, share: float) -> None:
    """However much of the cost depends on the size, it comes to rest: few turns, ever rarer."""
    changes, _, late = perform(fixed_part(share, load * PERIOD), 600.0, noise=0.15)
    ways = [b - a for (_, a), (_, b) in itertools.pairwise(changes)]
    turns = sum(one != other for one, other in itertools.pairwise(ways))
    assert turns <= 8, changes
    assert sum(time > 300.0 for time, _ in changes) <= 2, changes
    if load * share < 0.8:  # what no rung can take away leaves room
        assert late < 0.01 * 600 / PERIOD


def test_an_attempt_that_fails_is_repeated_ever_later() -> None:
    def cost(quality: Quality, time: float) -> float:  # the rung above always costs too much
        return (1.3 if (quality.pixels or 0) >= 90_000 else 0.3) * PERIOD

    changes, _, _ = perform(cost, 1200.0)
    rises = [time for time, rung in changes if rung == 2]
    gaps = [later - earlier for earlier, later in itertools.pairwise(rises)]
    assert all(later > 2 * earlier for earlier, later in itertools.pairwise(gaps)), gaps


def test_a_ladder_goes_down_in_every_respect() -> None:
    for size in ((160, 90), (960, 540), (3840, 2160)):
        for software in (True, False):
            rungs, start = ladder(size, software)
            assert len(set(rungs)) == len(rungs)
            for above, below in itertools.pairwise(rungs):
                assert (below.pixels or 0) <= (above.pixels or 0)
                assert (below.model_rate or 999) <= (above.model_rate or 999)
                assert below.spared >= above.spared
            assert rungs[start].model_rate is None and rungs[start].spared == 0
            assert software or start == 0


class Things:
    """A screen and a painter that note what they are told."""

    def __init__(self, software: bool) -> None:
        self.size, self.software = (960, 540), software
        self.told: list[tuple[int | None, int]] = []
        self.rates: list[float | None] = []

    def spare(self, most_pixels: int | None, passes: int) -> None:
        self.told.append((most_pixels, passes))

    def costs(self, passes: Sequence[PassWeight]) -> Sequence[float]:
        return [0.1 * PERIOD, *(COSTS[row.name] for row in passes)]

    def limit(self, rate: float | None) -> None:
        self.rates.append(rate)


def show(budget: Budget, names: str, frames: int, start: int) -> list[float]:
    """What frames with passes of these names took, half as long again as when they were tried."""
    took = []
    for frame in range(start, start + frames):
        tick = Tick(frame, frame * PERIOD, PERIOD, frame * PERIOD)
        budget.foresee([PassWeight(name) for name in names], (), tick)
        quality = budget._governor.quality
        took.append(1.5 * quality.load([0.1 * PERIOD, *(COSTS[name] for name in names)]))
        budget.spend(took[-1], tick)
    return took


def test_what_a_crossfade_will_cost_is_given_up_before_it_and_taken_back_after_it() -> None:
    things = Things(software=True)
    budget = Budget(things, things, PERIOD)
    assert max(show(budget, "a", 90, 0)) < PERIOD
    assert budget.words() == "400x225 inside"
    assert max(show(budget, "ab", 60, 90)) <= PERIOD  # 1.2 of it without foresight
    assert budget.words() != "400x225 inside"
    assert max(show(budget, "b", 90, 150)) <= PERIOD
    assert budget.words() == "400x225 inside"
    lowered = len(things.told)
    for frame in range(240, 600, 2):  # a pass that comes and goes with the beat
        show(budget, "b" if frame % 4 else "ab", 2, frame)
    assert len(things.told) <= lowered + 1


def presets(budget: Budget, names: Sequence[str], burden: float, frames: int, start: int) -> int:
    """How many frames were late, of so many with the same pass and these presets on, beside which
    a frame takes so many times as long."""
    late = 0
    for frame in range(start, start + frames):
        tick = Tick(frame, frame * PERIOD, PERIOD, frame * PERIOD)
        budget.foresee([PassWeight("a")], names, tick)
        took = burden * budget._governor.quality.load([0.1 * PERIOD, COSTS["a"]])
        late += took > PERIOD
        budget.spend(took, tick)
    return late


def test_what_a_preset_needed_is_remembered() -> None:
    things = Things(software=True)
    budget = Budget(things, things, PERIOD)
    plain, hog = 1.2, 4.0
    assert presets(budget, ["drift"], plain, 300, 0) == 0
    usual = budget.words()
    assert usual == "400x225 inside"
    assert presets(budget, ["drift", "styled"], hog, 60, 300) > 0
    presets(budget, ["styled"], hog, 300, 360)
    given_up = budget.words()
    assert given_up != usual
    presets(budget, ["styled", "tide"], plain, 60, 660)
    presets(budget, ["tide"], plain, 75, 720)  # nobody knows it: it is judged anew, within 2.5 s
    assert budget.words() == usual
    presets(budget, ["tide", "styled"], hog, 1, 795)
    assert budget.words() == given_up  # with the first frame
    assert presets(budget, ["styled"], hog, 300, 796) == 0
    presets(budget, ["styled", "drift"], plain, 60, 1096)
    assert presets(budget, ["drift"], plain, 1, 1156) == 0
    assert budget.words() == usual


def test_a_preset_that_leaves_no_room_is_not_tried_higher() -> None:
    things = Things(software=True)
    budget = Budget(things, things, PERIOD)
    presets(budget, ["styled"], 4.0, 300, 0)
    given_up, told = budget.words(), len(things.told)
    presets(budget, ["dream"], 4.0, 600, 300)
    assert budget.words() == given_up and len(things.told) == told


def test_nothing_is_foreseen_where_nothing_was_tried() -> None:
    things = Things(software=True)
    things.costs = lambda passes: ()  # type: ignore[method-assign, assignment]
    budget = Budget(things, things, PERIOD)
    show(budget, "a", 60, 0)
    show(budget, "abc", 3, 60)
    assert budget.words() == "400x225 inside"


def spend(budget: Budget, took: float, frames: int, dt: float = PERIOD, start: int = 0) -> None:
    for frame in range(start, start + frames):
        budget.spend(took, Tick(frame, frame * dt, dt, frame * dt))


def test_the_operator_sees_what_was_given_up(caplog: pytest.LogCaptureFixture) -> None:
    things = Things(software=True)
    budget = Budget(things, things, PERIOD)
    assert things.told == [(400 * 225, 0)]
    assert budget.words() == "400x225 inside"
    with caplog.at_level(logging.INFO, "vjgan"):
        spend(budget, 2 * PERIOD, 400)
    assert things.told[-1] == (256 * 144, 99)
    assert things.rates[-1] == 12.0
    assert budget.words() == "256x144 inside, model 12/s, no passes"
    assert budget.summary()["worst"] == budget.summary()["rung"] > budget.summary()["start"]
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.INFO] == [
        "to keep the pace: 320x180 inside, model 12/s; the help (H) tells what it is now"
    ]


def test_with_a_gpu_only_late_frames_count() -> None:
    things = Things(software=False)
    budget = Budget(things, things, PERIOD)
    assert budget.words() == "all"
    spend(budget, 0.98 * PERIOD, 300)  # most of it waiting for the display
    assert budget.words() == "all"
    spend(budget, 2 * PERIOD, 20, dt=2 * PERIOD, start=200)
    assert "inside" in budget.words()


def test_another_size_begins_anew() -> None:
    things = Things(software=True)
    things.size = (320, 180)
    budget = Budget(things, things, PERIOD)
    assert budget.words() == "all"
    things.size = (1920, 1080)
    spend(budget, 0.0, 1)
    assert budget.words() == "400x225 inside"
