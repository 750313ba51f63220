import itertools
from collections.abc import Callable

import pytest

from vjgan.beat import BeatClock
from vjgan.types import Beat, Features, TempoHint, Tick

LAG = 1 / 60  # from a tick to its light


def tracked(bpm: float, first: float = 0.0, confidence: float = 1.0) -> Callable[[float], Features]:
    """A tracker that hears beats at ``first`` + k * 60 / ``bpm``."""

    def at(time: float) -> Features:
        beat = max(0, int((time - first) * bpm / 60.0))
        return Features(
            time=time,
            bpm=bpm,
            beat_time=first + beat * 60.0 / bpm,
            beat_count=beat,
            confidence=confidence,
            silent=False,
            alive=True,
        )

    return at


def nothing(time: float) -> Features:
    return Features(time=time)


def run(
    clock: BeatClock, ear: Callable[[float], Features], start: float, end: float, fps: float = 60.0
) -> list[tuple[float, Beat]]:
    """Present times and beats of the frames from ``start`` to ``end``."""
    frames = []
    for index in range(round(start * fps), round(end * fps)):
        time = index / fps
        beat = clock.step(ear(time), Tick(index, time, 1 / fps, time + LAG))
        frames.append((time + LAG, beat))
    return frames


def error(time: float, beat: Beat, bpm: float, first: float) -> float:
    """Beats from the nearest true beat, -0.5..0.5."""
    return ((time - first) * bpm / 60.0 - beat.position + 0.5) % 1.0 - 0.5


def steps(frames: list[tuple[float, Beat]]) -> list[float]:
    """Beats a second between frames."""
    return [
        (b.position - a.position) / (tb - ta) for (ta, a), (tb, b) in itertools.pairwise(frames)
    ]


def test_it_runs_freely_at_120_before_anything_is_known() -> None:
    frames = run(BeatClock(), nothing, 0.0, 5.0)
    assert steps(frames) == pytest.approx([2.0] * (len(frames) - 1))
    assert frames[-1][1].source == "free"
    assert frames[-1][1].confidence == 0.0


@pytest.mark.parametrize("fps", [30.0, 60.0, 144.0])
@pytest.mark.parametrize("first", [0.0, 0.12, 0.24, 0.36])
def test_it_is_on_the_beat_at_the_present_time_within_two_bars(first: float, fps: float) -> None:
    clock = BeatClock()
    run(clock, nothing, 0.0, 3.0, fps)
    frames = run(clock, tracked(124.0, first), 3.0, 3.0 + 8 * 60 / 124 + 1.0, fps)
    time, beat = frames[-1]
    assert abs(error(time, beat, 124.0, first)) < 0.02
    assert beat.bpm == pytest.approx(124.0, abs=0.1)
    assert (beat.source, beat.confidence) == ("tracker", 1.0)


def test_it_never_falls_and_never_jumps() -> None:
    clock = BeatClock()
    frames = run(clock, nothing, 0.0, 1.0)
    for k in range(12):  # a tracker that loses its head every second
        bpm = (124.0, 90.0, 174.0, 62.0, 31.0, 248.0)[k % 6]
        frames += run(clock, tracked(bpm, first=0.37 * k), 1.0 + k, 2.0 + k)
    slowest, fastest = 70.0 / 60.0, 180.0 / 60.0
    assert all(0.69 * slowest <= step <= 1.31 * fastest for step in steps(frames))


def test_30_and_60_frames_a_second_agree() -> None:
    ends = []
    for fps in (30.0, 60.0):
        clock = BeatClock()
        run(clock, nothing, 0.0, 2.0, fps)
        run(clock, tracked(124.0, 0.2), 2.0, 7.0, fps)
        ends.append(run(clock, nothing, 7.0, 10.0, fps)[-1])
    (time30, beat30), (time60, beat60) = ends
    assert beat30.position + (time60 - time30) * 124 / 60 == pytest.approx(
        beat60.position, abs=0.03
    )


@pytest.mark.parametrize(
    "lost",
    [
        nothing,
        tracked(99.0, confidence=0.0),
        lambda time: Features(time, bpm=99.0, confidence=1.0, beat_time=time, alive=True),
        lambda time: Features(time, bpm=99.0, confidence=1.0, beat_time=1.0, silent=False),
    ],
    ids=["no input", "unsure", "silent", "not alive"],
)
def test_it_goes_on_at_the_last_tempo(lost: Callable[[float], Features]) -> None:
    clock = BeatClock()
    run(clock, tracked(124.0, 0.1), 0.0, 10.0)
    frames = run(clock, lost, 10.0, 40.0)
    assert frames[-1][1].source == "free"
    assert steps(frames) == pytest.approx([124 / 60] * (len(frames) - 1), rel=1e-3)
    assert abs(error(*frames[-1], 124.0, 0.1)) < 0.05


@pytest.mark.parametrize(
    ("heard", "taken"), [(62.0, 124.0), (248.0, 124.0), (40.0, 80.0), (400.0, 100.0), (90.0, 90.0)]
)
def test_tempi_are_folded_into_the_range(heard: float, taken: float) -> None:
    time, beat = run(BeatClock(), tracked(heard, 0.3), 0.0, 8.0)[-1]
    assert beat.bpm == pytest.approx(taken, rel=1e-3)
    # Every beat of its own falls on one that is heard, or the other way round.
    heard_beats = (time - 0.3) * heard / 60.0
    apart = beat.position * max(1.0, heard / taken) - heard_beats * max(1.0, taken / heard)
    assert abs((apart + 0.5) % 1.0 - 0.5) < 0.02


@pytest.mark.parametrize(
    ("heard", "expected", "taken"),
    [(87.0, 174.0, 174.0), (174.0, 87.0, 87.0), (95.0, 190.0, 190.0), (120.0, 174.0, 120.0)],
)
def test_of_the_octaves_the_one_that_is_expected_is_taken(
    heard: float, expected: float, taken: float
) -> None:
    clock = BeatClock()
    clock.expect(expected)
    assert run(clock, tracked(heard), 0.0, 30.0)[-1][1].bpm == pytest.approx(taken, rel=0.01)
    clock.expect(0.0)
    usual = run(clock, tracked(heard), 30.0, 90.0)[-1][1].bpm
    assert usual == pytest.approx(run(BeatClock(), tracked(heard), 0.0, 60.0)[-1][1].bpm, rel=0.01)


@pytest.mark.parametrize(
    ("hint", "heard", "taken"),
    [
        (TempoHint(), 87.0, 87.0),
        (TempoHint(bpm=170.0), 87.0, 174.0),
        (TempoHint(slowest=120.0), 87.0, 174.0),
        (TempoHint(fastest=100.0), 140.0, 70.0),
        (TempoHint(slowest=90.0, fastest=100.0), 140.0, 70.0),  # none of its octaves is there
        (TempoHint(bpm=220.0), 110.0, 220.0),  # outside what is usual
    ],
)
def test_a_preset_that_enters_says_which_octave_is_meant(
    hint: TempoHint, heard: float, taken: float
) -> None:
    clock = BeatClock()
    run(clock, tracked(heard), 0.0, 4.0)
    clock.hint(hint)
    assert run(clock, tracked(heard), 4.0, 12.0)[-1][1].bpm == pytest.approx(taken, rel=0.01)
    clock.hint(TempoHint(bpm=2.0 * taken))
    clock.expect(taken)  # a set list goes before it
    assert run(clock, tracked(heard), 12.0, 20.0)[-1][1].bpm == pytest.approx(taken, rel=0.01)


def test_a_short_change_of_octave_is_not_followed() -> None:
    clock = BeatClock()
    run(clock, tracked(140.0), 0.0, 20.0)
    frames = run(clock, tracked(70.0), 20.0, 24.0)
    assert frames[-1][1].bpm == pytest.approx(140.0, rel=1e-3)
    assert run(clock, tracked(70.0), 24.0, 60.0)[-1][1].bpm == pytest.approx(70.0, rel=1e-2)


def tap_along(clock: BeatClock, first: float, bpm: float, count: int) -> float:
    """Frames up to and with the last of ``count`` taps; the time of that."""
    last = first + (count - 1) * 60.0 / bpm
    for k in range(count):
        clock.tap(first + k * 60.0 / bpm)
    return last


def test_taps_lead_when_nothing_is_heard() -> None:
    clock = BeatClock()
    run(clock, nothing, 0.0, 1.0)
    last = tap_along(clock, 1.0, 96.0, 5)
    time, beat = run(clock, nothing, last, last + 8.0)[-1]
    assert (beat.source, beat.confidence) == ("tap", 1.0)
    assert beat.bpm == pytest.approx(96.0, rel=1e-3)
    assert abs(error(time, beat, 96.0, 1.0)) < 0.02


def test_one_late_tap_does_not_change_the_tempo() -> None:
    clock = BeatClock()
    for time in (0.0, 0.5, 1.0, 1.62, 2.0, 2.5):
        clock.tap(time)
    assert run(clock, nothing, 2.5, 9.0)[-1][1].bpm == pytest.approx(120.0, rel=0.01)


def test_a_pause_begins_the_taps_anew() -> None:
    clock = BeatClock()
    tap_along(clock, 0.0, 170.0, 6)
    last = tap_along(clock, 10.0, 90.0, 3)
    assert run(clock, nothing, last, last + 8.0)[-1][1].bpm == pytest.approx(90.0, rel=1e-2)


def test_one_tap_moves_the_phase_and_leaves_the_tempo() -> None:
    clock = BeatClock()
    run(clock, tracked(124.0), 0.0, 6.0)
    clock.tap(6.1)
    time, beat = run(clock, nothing, 6.1, 12.0)[-1]
    assert beat.bpm == pytest.approx(124.0, rel=1e-3)
    assert abs(error(time, beat, 124.0, 6.1)) < 0.03


def test_taps_win_over_a_sure_tracker_until_it_agrees() -> None:
    clock = BeatClock()
    run(clock, tracked(87.0), 0.0, 6.0)
    last = tap_along(clock, 6.0, 128.0, 5)
    assert run(clock, tracked(87.0), last, last + 10.0)[-1][1].source == "tap"
    frames = run(clock, tracked(128.2, 6.0), last + 10.0, last + 14.0)
    assert frames[-1][1].source == "tracker"


def test_the_tracker_takes_over_when_it_is_sure_again() -> None:
    clock = BeatClock()
    last = tap_along(clock, 0.0, 128.0, 5)
    assert run(clock, nothing, last, last + 2.0)[-1][1].source == "tap"
    beat = run(clock, tracked(99.0), last + 2.0, last + 12.0)[-1][1]
    assert beat.source == "tracker"
    assert beat.bpm == pytest.approx(99.0, rel=1e-2)
