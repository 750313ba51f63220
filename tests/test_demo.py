"""The demo track: what it claims to be, and what it sounds like in numbers."""

from __future__ import annotations

from collections.abc import Iterator

import aubio
import numpy as np
import pytest

from vjgan.audio import voices
from vjgan.audio.demo import Demo, compose, demo
from vjgan.audio.desk import Desk, delay, ducking
from vjgan.novelty import Novelty
from vjgan.tracker import Tracker

HOP = 256


@pytest.fixture(scope="module")
def track() -> Demo:
    return demo()


def part(track: Demo, start: float, end: float) -> np.ndarray:
    return track.samples[round(start * 44100) : round(end * 44100)].astype(np.float64)


def loudness_db(sound: np.ndarray) -> float:
    return float(10.0 * np.log10(np.mean(sound**2)))


def hops(track: Demo) -> Iterator[np.ndarray]:
    mono = track.samples.mean(axis=1)
    for start in range(0, len(mono) - HOP, HOP):
        yield mono[start : start + HOP]


def test_its_map_is_exact(track: Demo) -> None:
    assert (track.bpm, track.sample_rate) == (124, 44100)
    assert len(track.samples) == round(128 * 60 / 124 * 44100)  # 32 bars
    assert track.beats == pytest.approx(np.arange(128) * 60 / 124, abs=1e-12)
    assert np.array_equal(track.downbeats, track.beats[::4])
    names = ["intro", "groove", "breakdown", "build", "drop", "outro"]
    assert [section.name for section in track.sections] == names
    edges = [track.sections[0].start, *(section.end for section in track.sections)]
    assert edges == [section.start for section in track.sections] + [track.sections[-1].end]
    assert np.isin(edges[:-1], track.downbeats).all()
    assert edges[-1] == pytest.approx(128 * 60 / 124)
    assert set(track.kicks) <= {*track.beats, *(track.beats + 30 / 124)}
    assert len(track.kicks) > 60


def test_it_is_clean(track: Demo) -> None:
    samples = track.samples
    assert samples.dtype == np.float32
    assert np.isfinite(samples).all()
    assert 20 * np.log10(np.abs(samples).max()) == pytest.approx(-1.0, abs=0.01)
    assert np.abs(samples.mean(axis=0, dtype=np.float64)).max() < 1e-3
    assert np.abs(samples[[0, -1]]).max() < 1e-4


def test_it_is_the_same_every_time(track: Demo) -> None:
    assert demo() is track
    assert np.array_equal(compose().samples, track.samples)


def test_its_parts_differ_in_loudness(track: Demo) -> None:
    level = {s.name: loudness_db(part(track, s.start, s.end)) for s in track.sections}
    assert max(level, key=lambda name: level[name]) == "drop"
    assert level["breakdown"] < level["groove"] - 4.0
    drop = track.sections[4].start
    assert loudness_db(part(track, drop - 0.45, drop - 0.05)) < -50.0  # the hush
    assert loudness_db(part(track, drop, drop + 0.2)) > -15.0


def test_its_spectrum_falls_like_that_of_records(track: Demo) -> None:
    drop = part(track, track.sections[4].start, track.sections[4].end).mean(axis=1)
    power = np.mean(np.abs(np.fft.rfft(drop[: len(drop) // 8192 * 8192].reshape(-1, 8192))) ** 2, 0)
    frequency = np.fft.rfftfreq(8192, 1 / 44100)
    octaves = 2.0 ** np.arange(np.log2(100), np.log2(10_000), 0.5)
    density = [power[(frequency > low) & (frequency < 1.41 * low)].mean() for low in octaves]
    slope = np.polyfit(np.log2(octaves), 10 * np.log10(density), 1)[0]
    assert -6.5 < slope < -3.5  # dB an octave; pink is -3


def test_it_is_wide_and_survives_mono(track: Demo) -> None:
    for section in track.sections:
        left, right = part(track, section.start, section.end).T
        assert 0.2 < np.corrcoef(left, right)[0, 1] < 0.98


def test_a_tracker_finds_its_tempo(track: Demo) -> None:
    tempo, found = aubio.tempo("default", 1024, HOP, 44100), []
    for hop in hops(track):
        if tempo(hop):
            found.append(tempo.get_bpm())
    assert np.median(found) == pytest.approx(124.0, rel=0.02)


def test_the_beat_survives_its_breakdown(track: Demo) -> None:
    novelty, tracker = Novelty(44100), Tracker()
    mono, hop, late = track.samples.mean(axis=1), novelty.hop, []
    for frame in range(len(mono) // hop):
        tracker.step(novelty.step(mono[frame * hop : (frame + 1) * hop]))
        time = (frame + 1) * hop / 44100
        if time > 12.0 and frame % 10 == 0:  # the first kick comes at 8 s
            off = (tracker.phase - time * 124.0 / 60.0 + 0.5) % 1.0 - 0.5
            late.append(abs(off) * 60.0 / 124.0)
    assert np.mean(np.array(late) < 0.07) > 0.95


def test_its_kicks_are_onsets(track: Demo) -> None:
    onset, found = aubio.onset("specflux", 1024, HOP, 44100), []
    for hop in hops(track):
        if onset(hop):
            found.append(onset.get_last_s())
    distance = np.abs(track.kicks[:, None] - np.array(found)).min(axis=1)
    assert np.mean(distance < 0.05) >= 0.9


# instruments and desk


def test_a_saw_has_the_harmonics_of_its_formula() -> None:
    angle = voices.phase(np.full(44100, 100.0, np.float32))
    spectrum = np.abs(np.fft.rfft(voices.saw(angle, 0.2))) / 22050
    harmonics = np.arange(1, 20)
    assert spectrum[100 * harmonics] == pytest.approx(
        np.exp(-0.2 * harmonics) / harmonics, rel=0.02, abs=1e-4
    )


def test_an_ensemble_plays_its_notes() -> None:
    count = 1 << 16
    flat = np.ones(count // 2 + 1, np.float32)
    (sound,) = voices.ensemble((57.0,), [flat], voices.players(count, 1), 14.0)
    assert sound.shape == (2, count)
    assert sound.std() == pytest.approx(1.0, abs=0.01)
    peak = np.argmax(np.abs(np.fft.rfft(sound[0]))) * 44100 / count
    assert 12 * np.log2(peak / 220.0) == pytest.approx(0.0, abs=0.2)  # semitones from A3


def test_the_kick_ends_on_its_note() -> None:
    tail = voices.kick()[8000:13000]
    crossings = np.flatnonzero(np.diff(np.signbit(tail)))
    assert 22050 / np.diff(crossings).mean() == pytest.approx(43.65, abs=2.5)  # F1


def test_the_desk_places_a_sound() -> None:
    desk = Desk(44100)
    desk.play(desk.drums, np.ones(10, np.float32), 0.5, 2.0, pan=0.5, room=0.25)
    assert np.flatnonzero(desk.drums[0]).tolist() == list(range(22050, 22060))
    assert (desk.drums[0, 22050], desk.drums[1, 22050], desk.room[22050]) == (1.0, 3.0, 0.5)
    desk.play(desk.drums, np.ones((2, 10), np.float32), 44095 / 44100, 1.0)  # over the end
    assert desk.drums[0, -5:].tolist() == [1.0] * 5


def test_echoes_come_in_time_and_fade() -> None:
    click = np.zeros(44100, np.float32)
    click[100] = 1.0
    energy = np.abs(delay(click, 0.1)).sum(axis=0)
    places = [4410 * count + 100 for count in range(1, 6)]
    strength = [energy[place - 8 : place + 8].sum() for place in places]
    assert sum(strength) == pytest.approx(energy.sum())
    assert strength == sorted(strength, reverse=True)


def test_music_gives_way_to_a_kick() -> None:
    gain = ducking(44100, [0.25])
    assert gain[:11000].min() == 1.0
    assert gain[11030] == pytest.approx(0.2)
    assert gain[30000:].min() == 1.0
