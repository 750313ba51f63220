"""Who leads the beat clock, and how it is handed over; on simulated time."""

from __future__ import annotations

import itertools
import random

import pytest

from vjgan.beat import CLOCKS, BeatClock
from vjgan.beat.lead import Lead
from vjgan.errors import VjganError
from vjgan.types import Beat, Features, Pulse, Tick

FPS = 60.0
TRUTH = {  # bpm, and when a bar begins
    "link": (126.0, 0.31),
    "midi": (133.0, 0.07),
    "tracker": (118.0, 0.22),
    "tap": (104.0, 0.17),
    "free": (0.0, 0.0),
}


class Desk:
    """Every source, on one simulated clock; those in ``there`` can be heard."""

    def __init__(self, hold: str = "auto", offset: float = 0.0) -> None:
        self.truth = dict(TRUTH)
        self.there: set[str] = set()
        self.clock = BeatClock(hold=hold, link=self, offset=offset)
        self.time = 0.0
        self.frames: list[tuple[float, Beat]] = []
        self.offers: list[tuple[float, float, float]] = []
        self.peers = 2
        self.bars_heard = True
        self._sent = 0

    def lead(self, time: float, features: Features) -> Lead | None:
        """Link's."""
        bpm, first = self.truth["link"]
        beats = (time - first) * bpm / 60
        return Lead(bpm, beats % 4, 4.0, exact=True) if "link" in self.there else None

    def one(self, time: float) -> None:
        """Link's, too."""

    def offer(self, time: float, bpm: float, beats: float) -> None:
        self.offers.append((time, bpm, beats))

    def start(self, *names: str) -> None:
        """Let these be there from now on, and no others."""
        self.there = set(names)
        if "midi" in names:
            bpm, first = self.truth["midi"]
            self._sent = int((self.time - first) * bpm * 24 / 60)
            sixteenths = self._sent // 6 + 1
            self._sent = sixteenths * 6 - 1
            self.clock.pulse(Pulse("song", value=sixteenths), self.time)
            self.clock.pulse(Pulse("continue"), self.time)
        if "tap" in names:
            bpm, first = self.truth["tap"]
            last = int((self.time - first) * bpm / 60)
            for beat in range(last - 4, last + 1):
                self.clock.tap(first + beat * 60 / bpm)

    def hear(self) -> Features:
        if "tracker" not in self.there:
            return Features(self.time)
        bpm, first = self.truth["tracker"]
        beats = (self.time - first) * bpm / 60
        return Features(
            self.time,
            bpm=bpm,
            beat_phase=beats % 1,
            confidence=0.8,
            bar_phase=beats / 4 % 1,
            bar_confidence=0.6 if self.bars_heard else 0.0,
            beat_time=first + int(beats) * 60 / bpm,
            silent=False,
            alive=True,
        )

    def run(self, seconds: float) -> list[tuple[float, Beat]]:
        frames = []
        for _ in range(round(seconds * FPS)):
            self.time += 1 / FPS
            if "midi" in self.there:
                self._send()
            tick = Tick(0, self.time, 1 / FPS, self.time + 1 / FPS)
            frames.append((tick.present_time, self.clock.step(self.hear(), tick)))
        self.frames += frames
        return frames

    def _send(self) -> None:
        bpm, first = self.truth["midi"]
        while first + (self._sent + 1) / 24 * 60 / bpm <= self.time:
            self._sent += 1
            self.clock.pulse(Pulse("clock"), first + self._sent / 24 * 60 / bpm)

    def error(self, name: str, cycle: float = 1.0, factor: float = 1.0) -> float:
        """Beats between the last frame and the truth."""
        time, beat = self.frames[-1]
        bpm, first = self.truth[name]
        counted = 4 * beat.bar if cycle > 1 else beat.position
        return ((time - first) * bpm / 60 * factor - counted + cycle / 2) % cycle - cycle / 2


def rates(frames: list[tuple[float, Beat]]) -> list[float]:
    """Beats a minute between frames."""
    return [
        60 * (b.position - a.position) / (tb - ta)
        for (ta, a), (tb, b) in itertools.pairwise(frames)
    ]


def never_jumps(frames: list[tuple[float, Beat]], slowest: float, fastest: float) -> None:
    assert min(rates(frames)) > 0.69 * slowest
    assert max(rates(frames)) < 1.31 * fastest
    bars = [beat.bar for _, beat in frames]
    assert all(after >= before for before, after in itertools.pairwise(bars))


@pytest.mark.parametrize(("one", "other"), [*itertools.permutations(CLOCKS[1:], 2)])
def test_every_handover_is_smooth_and_done_in_two_bars(one: str, other: str) -> None:
    desk = Desk()
    desk.run(1.0)
    if one != "free":
        desk.start(one)
    desk.run(9.0)
    assert desk.frames[-1][1].source == one
    desk.clock.hold(CLOCKS.index(other))
    desk.start(other)
    bpm = TRUTH[other][0] or desk.frames[-1][1].bpm
    desk.run(0.45)  # until a MIDI clock is known
    desk.run(8 * 60 / bpm)
    assert desk.frames[-1][1].source == other
    tempi = [TRUTH[name][0] or 120.0 for name in (one, other)]
    never_jumps(desk.frames, min(*tempi, 120.0), max(*tempi, 120.0))
    if other == "free":
        assert desk.frames[-1][1].bpm == pytest.approx(tempi[0], rel=1e-3)
    else:
        assert abs(desk.error(other)) < 0.02
        assert desk.frames[-1][1].bpm == pytest.approx(bpm, rel=0.005)


def test_the_best_one_that_is_there_leads() -> None:
    desk = Desk()
    for there in (["tracker"], ["tracker", "midi"], ["tracker", "midi", "link"]):
        desk.start(*there)
        assert desk.run(2.0)[-1][1].source == there[-1]
    for there in (["tracker", "midi"], ["tracker"], []):
        desk.there = set(there)
        assert desk.run(2.0)[-1][1].source == (there or ["free"])[-1]
    desk.start("tap")
    assert desk.run(1.0)[-1][1].source == "tap"


def test_a_held_clock_is_waited_for_and_another_is_not_taken() -> None:
    desk = Desk(hold="midi")
    desk.start("tracker", "link")
    assert desk.run(3.0)[-1][1].source == "free"
    desk.start("tracker", "midi", "link")
    assert desk.run(2.0)[-1][1].source == "midi"
    assert "midi held" in desk.clock.line()
    desk.clock.hold(-1)
    assert desk.clock.held == "tracker"
    desk.clock.hold(99)
    assert desk.clock.held == "tracker"
    with pytest.raises(VjganError, match="'abacus' is not one of auto, link, midi"):
        BeatClock(hold="abacus")


@pytest.mark.parametrize("name", ["link", "midi", "tracker"])
def test_bars_follow_the_source(name: str) -> None:
    desk = Desk()
    desk.run(3.3)
    desk.start(name)
    desk.run(12.0)
    assert abs(desk.error(name, cycle=4.0)) < 0.05
    assert desk.frames[-1][1].downbeat <= desk.frames[-1][1].position


def test_a_short_doubt_of_the_ear_about_the_bar_is_not_followed() -> None:
    desk = Desk()
    desk.start("tracker")
    desk.run(12.0)
    bpm, first = desk.truth["tracker"]
    desk.truth["tracker"] = (bpm, first + 2 * 60 / bpm)
    desk.run(1.5)
    assert abs(desk.error("tracker", cycle=4.0)) == pytest.approx(2.0, abs=0.1)
    desk.run(4.0)
    assert abs(desk.error("tracker", cycle=4.0)) < 0.05
    never_jumps(desk.frames, bpm, 120.0)


@pytest.mark.parametrize("name", ["link", "midi", "tracker", "tap"])
@pytest.mark.parametrize("factor", [2.0, 4.0, 0.5, 0.25])
def test_counting_faster_or_slower_keeps_the_beat_and_comes_back(name: str, factor: float) -> None:
    desk = Desk()
    desk.start(name)
    desk.run(8.0)
    times = int(max(factor, 1 / factor)) // 2  # 1 for twice and half, 2 for four times
    for _ in range(times):
        desk.clock.multiply(2.0 if factor > 1 else 0.5)
        desk.run(5.0)
    bpm = desk.truth[name][0]
    assert desk.frames[-1][1].bpm == pytest.approx(factor * bpm, rel=0.005)
    desk.run(20.0)
    # A slower beat falls on one of the source's, or a faster one's every other on each of them.
    assert abs(desk.error(name, min(1.0, factor), factor)) < 0.02
    for _ in range(times):
        desk.clock.multiply(0.5 if factor > 1 else 2.0)
    desk.run(8.0)
    assert abs(desk.error(name)) < 0.02
    never_jumps(desk.frames, bpm * min(1.0, factor) * 0.5, max(bpm, 120) * max(1.0, factor))


def test_the_factor_is_the_sources_own_and_waits_for_it() -> None:
    desk = Desk()
    desk.start("tracker")
    desk.run(8.0)
    desk.clock.multiply(2.0)
    desk.run(5.0)
    desk.there = set()
    assert desk.run(5.0)[-1][1].bpm == pytest.approx(236.0, rel=0.01)  # runs on as it was
    desk.start("link")
    assert desk.run(5.0)[-1][1].bpm == pytest.approx(126.0, rel=0.01)
    desk.start("tracker")
    assert desk.run(5.0)[-1][1].bpm == pytest.approx(236.0, rel=0.01)
    for _ in range(9):
        desk.clock.multiply(2.0)
    assert desk.run(5.0)[-1][1].bpm == pytest.approx(8 * 118.0, rel=0.01)


@pytest.mark.parametrize("name", ["link", "midi", "tracker", "tap", "free"])
def test_a_nudge_stays(name: str) -> None:
    desk, still = Desk(), Desk()
    for each in (desk, still):
        if name != "free":
            each.start(name)
        each.run(9.0)
    desk.clock.nudge(3)
    desk.clock.nudge(-1)
    for each in (desk, still):
        each.run(12.0)
    ahead = desk.frames[-1][1].position - still.frames[-1][1].position
    assert ahead * 60 / desk.frames[-1][1].bpm == pytest.approx(0.020, abs=1e-3)
    never_jumps(desk.frames, 104.0, 133.0)


@pytest.mark.parametrize("name", ["link", "midi", "tracker", "tap", "free"])
def test_one_begins_a_bar_at_the_beat_that_is_meant_and_keeps_it(name: str) -> None:
    desk = Desk()
    if name != "free":
        desk.start(name)
    desk.run(9.0)
    bpm, first = desk.truth[name] if name != "free" else (120.0, desk.time + 0.2)
    beat = int((desk.time - first) * bpm / 60) + 3
    meant = first + beat * 60 / bpm
    late = 0.0 if name in ("tap", "free") else 0.06  # a thumb is not a drum
    desk.run(meant + late - desk.time)
    desk.clock.one(meant + late)
    for seconds in (5.0, 30.0):
        desk.run(seconds)
        time, now = desk.frames[-1]
        bars = (time - meant) * bpm / 240 - now.bar
        assert abs((bars + 0.5) % 1 - 0.5) < 0.01
    never_jumps(desk.frames, 104.0, 133.0)


def test_without_a_start_the_beat_of_a_midi_clock_is_where_the_performer_says() -> None:
    desk = Desk()
    desk.run(1.0)
    bpm, first = desk.truth["midi"]
    desk.there, desk._sent = {"midi"}, int((desk.time - first) * bpm * 24 / 60)
    desk.run(5.0)
    assert desk.frames[-1][1].bpm == pytest.approx(bpm, rel=0.005)
    assert desk.frames[-1][1].confidence < 1.0
    meant = first + 24 * 60 / bpm
    desk.run(meant - desk.time)
    desk.clock.one(meant)
    desk.run(8 * 60 / bpm)
    assert abs(desk.error("midi", cycle=4.0)) < 0.05


@pytest.mark.parametrize("jitter", [0.0, 0.002, 0.02])
def test_a_midi_clocks_jitter_is_taken_out(jitter: float) -> None:
    chance, clock, bpm = random.Random(3), BeatClock(), 128.0
    due = [1.0 + k * 60 / bpm / 24 for k in range(800)]
    pulses = sorted(one + chance.uniform(0, jitter) for one in due)
    clock.pulse(Pulse("start"), 0.99)
    errors, tempi, number = [], [], 0
    for index in range(round(14 * FPS)):
        time = index / FPS
        while number < len(pulses) and pulses[number] <= time:
            clock.pulse(Pulse("clock"), pulses[number])
            number += 1
        beat = clock.step(Features(time), Tick(index, time, 1 / FPS, time))
        if time > 1.0 + 8 * 60 / bpm:
            errors.append(((time - 1.0) * bpm / 60 - 4 * beat.bar + 2) % 4 - 2)
            tempi.append(beat.bpm)
    assert max(map(abs, errors)) * 60 / bpm < 0.010
    assert max(abs(tempo / bpm - 1) for tempo in tempi) < 0.02
    assert sum(tempi) / len(tempi) == pytest.approx(bpm, rel=0.002)


def feed(
    clock: BeatClock, due: list[float], until: float, since: float = 0.0
) -> list[tuple[float, Beat]]:
    """The frames while pulses come when they are due."""
    number, frames = 0, []
    for index in range(round(since * FPS), round(until * FPS)):
        time = index / FPS
        while number < len(due) and due[number] <= time:
            clock.pulse(Pulse("clock"), due[number])
            number += 1
        frames.append((time, clock.step(Features(time), Tick(index, time, 1 / FPS, time))))
    return frames


def test_lost_pulses_are_noticed_and_another_tempo_is_followed() -> None:
    period = 60 / 128 / 24
    due = [1.0 + k * period for k in range(900) if k not in (300, 301, 302, 303)]
    clock = BeatClock()
    clock.pulse(Pulse("start"), 0.99)
    frames = feed(clock, due, 14.0)
    time, beat = frames[-1]
    assert abs(((time - 1.0) * 128 / 60 - 4 * beat.bar + 2) % 4 - 2) < 0.02
    turn = due[400]
    for bpm in (90.0, 180.0):
        clock = BeatClock()
        clock.pulse(Pulse("start"), 0.99)
        other = [turn + k * 60 / bpm / 24 for k in range(1, 500)]
        frames = feed(clock, due[:401] + other, turn + 6.0)
        assert frames[-1][1].bpm == pytest.approx(bpm, rel=0.005)
        beats = 404 / 24 + (frames[-1][0] - turn) * bpm / 60
        assert abs((beats - frames[-1][1].position + 0.5) % 1 - 0.5) < 0.02


@pytest.mark.parametrize("stopped", [0, 67])
@pytest.mark.parametrize("pause", [0.0, 0.02, 0.04, 0.15, 0.4])
def test_a_clock_that_starts_after_a_short_pause_is_followed_from_there(
    pause: float, stopped: int
) -> None:
    period, clock = 60 / 128 / 24, BeatClock()
    first = [1.0 + k * period for k in range(240)]
    idle = [first[-1] + k * period for k in range(1, stopped + 1)]
    clock.pulse(Pulse("start"), 0.99)
    feed(clock, first, first[-1])
    clock.pulse(Pulse("stop"), first[-1])
    again = (first + idle)[-1] + period + pause
    feed(clock, idle, again, first[-1])
    clock.pulse(Pulse("song", value=6), again - 0.001)
    clock.pulse(Pulse("continue"), again - 0.001)
    second = [again + k * period for k in range(240)]
    frames = feed(clock, second, second[-1], again)
    time, beat = frames[-1]
    assert abs(((time - again) * 128 / 60 + 1.5 - 4 * beat.bar + 2) % 4 - 2) < 0.02
    assert beat.source == "midi"


def test_a_second_midi_clock_is_not_mixed_in_and_takes_over_when_the_first_is_silent() -> None:
    clock = BeatClock()
    events = [(k * 60 / 120 / 24, "a") for k in range(400)]
    events += [(0.001 + k * 60 / 150 / 24, "b") for k in range(900)]
    tempi = {}
    events.sort()
    for index in range(round(14 * FPS)):
        time = index / FPS
        while events and events[0][0] <= time:
            when, port = events.pop(0)
            clock.pulse(Pulse("clock", port=port), when)
        tempi[index] = clock.step(Features(time), Tick(index, time, 1 / FPS, time)).bpm
    assert tempi[round(7 * FPS)] == pytest.approx(120.0, rel=0.005)
    assert tempi[round(13 * FPS)] == pytest.approx(150.0, rel=0.005)


def test_the_light_comes_earlier_by_the_offset_and_sound_was_earlier_by_its_latency() -> None:
    desk = Desk(offset=0.05)
    desk.start("link")
    desk.run(10.0)
    assert desk.error("link") * 60 / 126.0 == pytest.approx(-0.05, abs=0.002)
    ear = Desk()
    ear.clock = BeatClock(latency=0.03)
    ear.start("tracker")
    ear.run(10.0)
    assert ear.error("tracker") * 60 / 118.0 == pytest.approx(-0.03, abs=0.002)


def test_alone_it_offers_link_what_it_hears() -> None:
    desk = Desk()
    desk.start("tracker")
    desk.run(10.0)
    time, bpm, beats = desk.offers[-1]
    assert bpm == pytest.approx(118.0, rel=1e-3)
    assert abs(((time - 0.22) * 118 / 60 - beats + 2) % 4 - 2) < 0.02


def test_nothing_falls_while_every_source_comes_and_goes() -> None:
    chance = random.Random(5)
    desk = Desk()
    desk.run(1.0)
    for _ in range(40):
        desk.start(*(name for name in TRUTH if name != "free" and chance.random() < 0.4))
        chance.choice(
            [
                lambda: desk.clock.nudge(chance.choice((-5, 5))),
                lambda: desk.clock.one(desk.time),
                lambda: desk.clock.hold(chance.randrange(6)),
                lambda: desk.clock.hold(0),
            ]
        )()
        desk.run(chance.uniform(0.2, 3.0))
    never_jumps(desk.frames, 70.0, 180.0)
