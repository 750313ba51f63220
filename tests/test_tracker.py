from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from vjgan.belt import Belt
from vjgan.meter import BEATS, RATE, Bank, Meter
from vjgan.novelty import BANDS, FRAMES, STRONGEST, Novelty
from vjgan.tracker import Tracker
from vjgan.types import FloatArray


def strengths(beats: Sequence[float], seconds: float) -> FloatArray:
    """Onset strength [frames, BANDS] of kicks on the beats, louder on every fourth, and of hats
    between them, over a little noise; 22 ms late as the ear is."""
    random = np.random.default_rng(4)
    found = random.exponential(0.3, (round(seconds * FRAMES), BANDS))
    for k, beat in enumerate(beats):
        frame = round((beat + 0.022) * FRAMES)
        found[frame - 1 : frame + 1, :3] += 9.0 if k % BEATS == 0 else 5.0
        middle = beats[k + 1] if k + 1 < len(beats) else beat
        frame = round((0.5 * (beat + middle) + 0.022) * FRAMES)
        found[frame - 1 : frame + 1, 3:] += 4.0
    return np.minimum(found, STRONGEST).astype(np.float32)


def steady(bpm: float, first: float, last: float) -> NDArray[np.float64]:
    return np.arange(first, last, 60.0 / bpm)


def away(phase: float, truth: float) -> float:
    return abs((phase - truth + 0.5) % 1.0 - 0.5)


@pytest.mark.parametrize("bpm", [96.0, 126.0, 144.0])
def test_a_steady_beat_is_found_in_six_seconds_and_its_bar_known(bpm: float) -> None:
    tracker = Tracker()
    beats = steady(bpm, 0.4, 16.0)
    for k, strength in enumerate(strengths(beats, 14.0)):
        tracker.step(strength)
        beat = ((k + 1) / FRAMES - beats[0]) * bpm / 60.0
        if k > 6 * FRAMES:
            assert tracker.bpm == pytest.approx(bpm, rel=0.03)
            assert away(tracker.phase, beat) < 0.08
    assert tracker.confidence > 0.4
    assert away(tracker.bar, beat / BEATS) < 0.05
    assert tracker.bar_confidence > 0.1


@pytest.mark.parametrize("beats", [3, 4])
def test_a_bar_comes_round_after_its_beats(beats: int) -> None:
    meter = Meter(60.0, 200.0, 120.0)
    bank = next(bank for bank in meter.banks if bank.beats == beats)
    tempo = 7
    mass = np.zeros((len(bank.turn), len(bank.rhythms)), np.float32)
    mass[bank.edges[tempo]] = 1.0
    belt = Belt(bank, mass)
    for _ in range(7 * round(beats * 60.0 * RATE / meter.bpms[tempo])):
        belt.move(belt.leaving())
        assert np.all(belt.masses.sum(axis=0) == 1.0)
    assert np.array_equal(belt.masses, mass)


def test_a_tempo_that_rises_by_one_bpm_a_second_is_followed() -> None:
    tracker = Tracker()
    beats, bpm = [0.4], 105.0
    while beats[-1] < 26.0:
        bpm += 60.0 / bpm
        beats.append(beats[-1] + 60.0 / bpm)
    for k, strength in enumerate(strengths(beats, 25.0)):
        tracker.step(strength)
        time = (k + 1) / FRAMES
        if time > 6.0:
            assert away(tracker.phase, float(np.interp(time, beats, np.arange(len(beats))))) < 0.1


def test_a_new_tempo_is_found_in_four_seconds() -> None:
    tracker = Tracker()
    beats = [*steady(122.0, 0.4, 10.0), *steady(96.0, 10.2, 17.0)]
    for k, strength in enumerate(strengths(beats, 16.0)):
        tracker.step(strength)
        if k > 14.2 * FRAMES:
            assert tracker.bpm == pytest.approx(96.0, rel=0.03)
            assert away(tracker.phase, ((k + 1) / FRAMES - 10.2) * 96.0 / 60.0) < 0.1


def test_drums_that_leave_the_bass_on_the_off_beat_do_not_turn_the_beat() -> None:
    tracker, bpm = Tracker(), 124.0
    beats = steady(bpm, 0.4, 18.0)
    found = strengths(beats, 17.0)
    found[12 * FRAMES :] = np.random.default_rng(5).exponential(0.3, (5 * FRAMES, BANDS))
    for beat in beats[(beats > 12.0) & (beats < 16.4)]:
        frame = round((beat + 30.0 / bpm + 0.022) * FRAMES)
        found[frame : frame + 2, :2] += 4.0
    for k, strength in enumerate(found):
        tracker.step(strength)
        if k > 6 * FRAMES:
            assert away(tracker.phase, ((k + 1) / FRAMES - beats[0]) * bpm / 60.0) < 0.1


def test_in_silence_the_beat_runs_on() -> None:
    tracker = Tracker()
    for strength in strengths(steady(120.0, 0.5, 9.0), 8.0):
        tracker.step(strength)
    bpm = tracker.bpm
    for _ in range(10 * FRAMES):
        tracker.step(None)
    assert tracker.bpm == bpm == pytest.approx(120.0, rel=0.01)
    assert away(tracker.phase, 2.0 * (18.0 - 0.5)) < 0.2


def test_chance_has_no_beat() -> None:
    tracker, random = Tracker(), np.random.default_rng(6)
    for strength in random.exponential(1.0, (12 * FRAMES, BANDS)).astype(np.float32):
        tracker.step(strength)
        assert tracker.confidence < 0.1


def test_of_two_octaves_the_one_nearer_the_usual_is_taken() -> None:
    found = []
    for usual in (70.0, 140.0):
        tracker = Tracker(usual=usual)
        flat = strengths(steady(140.0, 0.4, 13.0), 12.0).max(axis=1, keepdims=True)
        for strength in np.repeat(np.minimum(flat, 6.0), BANDS, axis=1):
            tracker.step(strength)
        found.append(tracker.bpm)
    assert found[0] < found[1]
    assert found[1] == pytest.approx(140.0, rel=0.03)


def test_tempi_stay_in_their_range() -> None:
    meter = Meter(90.0, 180.0, 120.0)
    assert (meter.bpms.min(), meter.bpms.max()) == pytest.approx((90.0, 180.0), rel=0.01)
    assert sum(prior.sum() for prior in meter.priors) == pytest.approx(1.0, rel=1e-4)
    assert meter.moves.sum(axis=0) == pytest.approx(1.0, rel=1e-4)
    assert meter.exchange.sum(axis=1) == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize("bank", Meter(60.0, 200.0, 120.0).banks, ids=["four", "three"])
def test_a_kick_speaks_for_the_beat_and_steady_sound_for_no_place(bank: Bank) -> None:
    lean = bank.lean().reshape(BANDS, -1, len(bank.rhythms))
    bar = lean[:, : bank.sizes[0], 0]
    assert bar.sum(axis=1) == pytest.approx(0.0, abs=1e-9)
    kick = bar[0]
    assert kick[0] > 0.0 > kick[round(len(kick) / bank.beats / 2)]


@pytest.mark.parametrize("sample_rate", [8000, 44100, 48000, 192000])
def test_a_click_is_as_strong_and_as_late_at_any_rate(sample_rate: int) -> None:
    novelty, random = Novelty(sample_rate), np.random.default_rng(7)
    sound = 1e-3 * random.standard_normal(3 * sample_rate)
    for second in (0.5, 1.0, 1.5, 2.0, 2.5):
        first, count = round(second * sample_rate), round(0.05 * sample_rate)
        sound[first : first + count] += 0.3 * np.sin(np.arange(count) * 6283.0 / sample_rate)
    hops = sound.astype(np.float32)[: len(sound) // novelty.hop * novelty.hop]
    rows = np.array([novelty.step(hop) for hop in hops.reshape(-1, novelty.hop)])
    middle = rows[:, 2]  # 500 Hz to 2 kHz
    peaks = np.flatnonzero(middle > 6.0) / FRAMES
    for second in (1.5, 2.0, 2.5):
        near = peaks[np.abs(peaks - second - 0.02) < 0.1]
        assert 0.0 < near.mean() - second < 0.03
    assert middle[160:195].mean() < 2.0


@pytest.mark.parametrize("bpm", [100.0, 117.0, 124.0, 138.0, 171.0])
def test_the_tempo_is_that_of_the_music_and_none_of_the_grid(bpm: float) -> None:
    tracker = Tracker()
    for one in strengths(steady(bpm, 0.4, 30.0), 30.0):
        tracker.step(one)
    assert tracker.bpm == pytest.approx(bpm, rel=0.004)
    known = tracker.bpm
    for _ in range(round(8.0 * FRAMES)):  # of silence: it runs on as it was
        tracker.step(None)
    assert tracker.bpm == known
    assert away(tracker.phase, (38.0 - 0.4) * bpm / 60.0) < 0.12
