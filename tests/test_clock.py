import itertools
from fractions import Fraction

from vjgan.clock import FixedClock, WallClock


class FakeTime:
    def __init__(self) -> None:
        self.now = 100.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def wall(fps: float, seconds: float | None = None) -> tuple[WallClock, FakeTime]:
    fake = FakeTime()
    return WallClock(fps, seconds, now=lambda: fake.now, sleep=fake.sleep), fake


def test_wall_clock_keeps_its_pace_after_a_slightly_late_frame() -> None:
    clock, fake = wall(50.0, seconds=0.2)
    times = []
    for tick in clock:
        times.append(round(tick.time, 6))
        fake.now += 0.025 if tick.index == 1 else 0.005
    assert times == [0.0, 0.02, 0.045, 0.06, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18]


def test_wall_clock_does_not_rush_after_a_long_stop() -> None:
    clock, fake = wall(50.0, seconds=11.0)
    times = []
    for tick in clock:
        times.append(tick.time)
        if tick.index == 0:
            fake.now += 10.0
    assert all(b - a > 0.019 for a, b in itertools.pairwise(times))


def test_wall_clock_dt_is_the_time_between_ticks_and_stop_ends_it() -> None:
    clock, fake = wall(25.0)
    ticks = []
    for tick in clock:
        ticks.append(tick)
        fake.now += 0.01
        if tick.index == 3:
            clock.stop()
    assert len(ticks) == 4
    assert [round(tick.dt, 6) for tick in ticks] == [0.04] * 4
    assert ticks[2].present_time > ticks[2].time


def test_fixed_clock_does_not_drift_at_broadcast_rates() -> None:
    clock = FixedClock(Fraction(30000, 1001), frames=107_893)  # an hour
    last = list(clock)[-1]
    assert last.index == 107_892
    assert last.time == float(Fraction(107_892 * 1001, 30000))
