"""Tracks are learnt and told apart, on tunes made of random notes."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from vjgan.errors import MediaError, VjganError
from vjgan.media import Sound, write_wav
from vjgan.recognition import catalogue
from vjgan.recognition.catalogue import Learnt
from vjgan.recognition.judge import SURE
from vjgan.recognition.landmarks import cells, pairs
from vjgan.recognition.matcher import Matcher
from vjgan.recognition.peaks import AROUND, BINS, HOP, LOWEST_HZ, WINDOW, Peaks
from vjgan.recognition.recogniser import Hearing
from vjgan.recognition.relief import ROWS, Relief
from vjgan.types import AudioFrame, FloatArray

RATE = 22050


@cache
def tune(seed: int, seconds: float, speed: float = 1.0, rate: int = RATE) -> FloatArray:
    """Notes at random moments and pitches, each fading away: the same ones at every speed."""
    random = np.random.default_rng(seed)
    out = np.zeros(int(seconds / speed * rate) + rate)
    for _ in range(int(6 * seconds)):
        begin, pitch = random.uniform(0.0, seconds), random.integers(45, 84)
        time = np.arange(int(0.4 * rate)) / rate
        hertz = 440.0 * 2.0 ** ((pitch - 69) / 12.0) * speed
        note = sum(np.sin(2 * np.pi * hertz * k * time) / k for k in (1, 2, 3))
        first = int(begin / speed * rate)
        out[first : first + len(time)] += note * np.exp(-8.0 * time)
    return (0.1 * out[: int(seconds / speed * rate)]).astype(np.float32)


def heard(samples: FloatArray, rate: int = RATE) -> np.ndarray:
    return Peaks(rate).step(samples)


def found(samples: FloatArray) -> tuple[np.ndarray, FloatArray]:
    """The peaks, and the relief in which they are."""
    finder = Peaks(RATE)
    return finder.step(samples), finder.relief


@cache
def learnt(seed: int, seconds: float = 30.0) -> Learnt:
    samples = tune(seed, seconds)[:, None]
    return catalogue.learn(Path(f"{seed}.wav"), f"{seed:064x}", [samples], RATE)


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_a_note_is_a_peak_at_its_pitch_and_time(rate: int) -> None:
    time = np.arange(2 * rate) / rate
    for hertz in (220.0, 997.0, 3000.0):
        burst = np.sin(2 * np.pi * hertz * time) * np.exp(-0.5 * ((time - 1.0) / 0.05) ** 2)
        found = heard(burst.astype(np.float32), rate)
        pitch = 36.0 * np.log2(hertz / LOWEST_HZ)
        off = np.abs(found - (1.0, pitch))
        assert np.any((off[:, 0] < 0.005) & (off[:, 1] < 0.25)), hertz


def test_silence_has_no_peaks() -> None:
    assert len(heard(np.zeros(2 * RATE, np.float32))) == 0


def test_peaks_do_not_depend_on_how_the_sound_is_cut() -> None:
    samples = tune(1, 6.0)
    finder = Peaks(RATE)
    steps = [(finder.step(part), finder.relief) for part in np.array_split(samples, 37)]
    cut = np.concatenate([peaks for peaks, _ in steps])
    whole, relief = found(samples)
    assert np.allclose(cut, whole, atol=1e-3) and len(cut) > 50
    assert np.allclose(np.concatenate([one for _, one in steps]), relief, atol=1e-3)


def test_pairs_do_not_depend_on_when_peaks_come() -> None:
    peaks = heard(tune(2, 6.0))
    split = np.concatenate((pairs(peaks[:40]), pairs(peaks, 40)))
    assert sorted(map(tuple, split)) == sorted(map(tuple, pairs(peaks)))


def test_a_pair_heard_faster_lies_in_the_cell_of_the_slow_one() -> None:
    slow = np.array([[1.0, 80.0], [1.8, 92.0]])
    speed = 1.05
    fast = slow / (speed, 1.0) + (0.0, 36.0 * np.log2(speed))
    one = cells(slow[:1], slow[1:], np.ones(1))
    assert cells(fast[:1], fast[1:], np.array([speed])) == one
    assert cells(fast[:1], fast[1:], np.ones(1)) != one


@pytest.mark.parametrize(("speed", "start"), [(1.0, 0.0), (0.94, 12.0), (1.06, 15.0)])
def test_a_track_is_found_with_its_place_and_speed_in_noise(speed: float, start: float) -> None:
    known = [learnt(seed) for seed in range(5)]
    matcher = Matcher([one.peaks for one in known], [one.seconds for one in known])
    begin = int(start / speed * RATE)
    samples = tune(3, 30.0, speed)[begin : begin + 8 * RATE]
    noise = np.random.default_rng(0).standard_normal(len(samples))
    samples = samples + (0.5 * samples.std() * noise).astype(np.float32)  # 6 dB below
    matcher.hear(*found(samples))
    best = matcher.look()[0]
    assert best.track == 3
    assert best.position == pytest.approx(start + speed * best.time, abs=0.03)
    assert best.speed == pytest.approx(speed, abs=0.003)
    others = [match.score for match in matcher.look() if match.track != 3]
    assert best.confidence > SURE and max(others, default=0.0) < 0.5 * best.score


def test_peaks_fit_where_they_are_and_neither_earlier_nor_higher() -> None:
    relief = Relief()
    peaks, rows = found(tune(4, 12.0))
    for part in np.array_split(rows, 5):
        relief.add(part)
    late = peaks[peaks[:, 0] > 12.0 - 0.9 * ROWS * HOP]
    assert relief.fit(late) > 5.0
    moved = [relief.fit(late + np.array(by)) for by in ((-1.0, 0), (-0.4, 0), (0, 6))]
    assert max(moved) < 0.3 * relief.fit(late)
    noise = Relief()
    chance = np.random.default_rng(1)
    noise.add(chance.normal(0.0, 5.0, (ROWS, BINS)).clip(-6, 12).astype(np.float32))
    begin = AROUND[0] * HOP + WINDOW / 2
    anywhere = [
        noise.fit(chance.uniform((begin, 0), (begin + ROWS * HOP, BINS - 1), (150, 2)))
        for _ in range(50)
    ]
    assert max(anywhere) < 3.5 and relief.fit(peaks[:5]) == 0.0  # too few


def chords(seed: int, seconds: float) -> FloatArray:
    """Four chords of a key and a kick at 120 bpm, the same in each bar whatever the ``seed``, with
    a melody of its own in that key on the eighths."""
    scale = np.array([0, 2, 4, 5, 7, 9, 11])
    random = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    out = np.zeros(len(time) + RATE)
    for beat in range(int(2 * seconds)):
        first = int(beat * 0.5 * RATE)
        kick = np.arange(int(0.15 * RATE)) / RATE
        out[first : first + len(kick)] += 2.0 * np.sin(2 * np.pi * 60 * kick) * np.exp(-20 * kick)
        if beat % 4 == 0:
            root = (0, 5, 3, 4)[beat // 4 % 4]
            for degree in (root, root + 2, root + 4):
                note = np.arange(2 * RATE) / RATE
                hertz = 220.0 * 2.0 ** ((scale[degree % 7] + 12 * (degree // 7)) / 12.0)
                last = min(len(out), first + len(note))
                wave = sum(np.sin(2 * np.pi * hertz * k * note) / k for k in range(1, 8))
                out[first:last] += 0.3 * wave[: last - first]
    for eighth in range(int(4 * seconds)):
        hertz = 440.0 * 2.0 ** ((random.choice(scale) + 12 * random.integers(0, 2)) / 12.0)
        note = np.arange(int(0.24 * RATE)) / RATE
        first = int(eighth * 0.25 * RATE)
        wave = sum(np.sin(2 * np.pi * hertz * k * note) / k for k in (1, 2, 3))
        out[first : first + len(note)] += wave * np.exp(-6 * note)
    return (0.05 * out[: len(time)]).astype(np.float32)


def test_strangers_of_the_same_tempo_key_and_chords_never_load() -> None:
    def verdicts(samples: FloatArray) -> list[tuple[str, bool]]:
        hearing, told = Hearing(known), []
        for end in range(RATE // 4, len(samples), RATE // 4):
            block = samples[end - RATE // 4 : end]
            one = hearing.hear([AudioFrame(end / RATE, block, RATE)])
            told += [] if one is None else [(one.title, one.sure)]
        return told

    known = [
        catalogue.learn(Path(f"{seed}.wav"), str(seed), [chords(seed, 24.0)[:, None]], RATE)
        for seed in range(3)
    ]
    for stranger in range(10, 13):
        assert not any(sure for _, sure in verdicts(chords(stranger, 12.0)))
    assert ("1", True) in verdicts(chords(1, 24.0)[8 * RATE : 16 * RATE])


def test_what_is_forgotten_is_not_found() -> None:
    known = [learnt(seed) for seed in range(2)]
    matcher = Matcher([one.peaks for one in known], [one.seconds for one in known])
    matcher.hear(*found(tune(0, 8.0)))
    assert matcher.look()
    matcher.forget()
    assert not matcher.look()


def test_tracks_are_kept_in_a_file_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "vjgan" / "tracks.npz"
    assert catalogue.load(path) == []
    first, second = learnt(1), learnt(2)
    catalogue.save(path, catalogue.add([first], second))
    back = catalogue.load(path)
    assert [one.title for one in back] == ["1", "2"]
    assert [one.sha256 for one in back] == [first.sha256, second.sha256]
    assert back[1].seconds == 30.0 and np.allclose(back[1].peaks, second.peaks, atol=0.01)
    again = Learnt("other", "1.wav", "f" * 64, 30.0, first.peaks)
    assert [one.title for one in catalogue.add(back, again)] == ["2", "other"]
    catalogue.save(path, [])
    assert catalogue.load(path) == [] and [file.name for file in path.parent.iterdir()] == [
        path.name
    ]


def test_a_file_that_is_none_or_of_another_version_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "tracks.npz"
    whole = tmp_path / "whole.npz"
    catalogue.save(whole, [learnt(1, 10.0)])
    data = whole.read_bytes()
    for content in (b"", b"PK\x03\x04", data[:200], b"\x80\x04N."):
        path.write_bytes(content)
        with pytest.raises(VjganError, match="is not a file of learnt tracks"):
            catalogue.load(path)
    np.savez(path, version=np.array([{}], object))
    with pytest.raises(VjganError, match="is not a file of learnt tracks"):
        catalogue.load(path)
    np.savez(path, version=np.int32(99))
    with pytest.raises(VjganError, match="version 99"):
        catalogue.load(path)


def test_silence_cannot_be_learnt() -> None:
    with pytest.raises(MediaError, match="0 landmarks"):
        catalogue.learn(Path("quiet.wav"), "", [np.zeros((RATE, 2), np.float32)], RATE)


def test_the_command_learns_lists_and_forgets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def vjgan(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "vjgan", "learn", *words], capture_output=True, text=True
        )

    track = tmp_path / "opening.wav"
    write_wav(track, Sound(tune(1, 12.0)[:, None], RATE))
    done = vjgan(str(tmp_path / "none.wav"), str(track))
    assert done.returncode == 1 and "none.wav' cannot be read" in done.stderr
    listed = vjgan().stdout
    assert "0:12  opening  (opening.wav, " in listed and len(listed.splitlines()) == 1
    assert "there are: opening" in vjgan("--forget", "closing").stderr
    assert vjgan("--forget", "opening").returncode == 0
    assert catalogue.load(tmp_path / "vjgan" / "tracks.npz") == []
