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
from vjgan.recognition.landmarks import cells, pairs
from vjgan.recognition.matcher import Matcher
from vjgan.recognition.peaks import LOWEST_HZ, Peaks
from vjgan.types import FloatArray

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


@cache
def learnt(seed: int, seconds: float = 30.0) -> Learnt:
    samples = tune(seed, seconds)[:, None]
    return catalogue.learn(Path(f"{seed}.wav"), f"{seed:064x}", samples, RATE)


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
    cut = np.concatenate([finder.step(part) for part in np.array_split(samples, 37)])
    assert np.allclose(cut, heard(samples), atol=1e-3) and len(cut) > 50


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
    matcher.hear(heard(samples))
    best = matcher.look()[0]
    assert best.track == 3
    assert best.position == pytest.approx(start + speed * best.time, abs=0.03)
    assert best.speed == pytest.approx(speed, abs=0.003)
    others = [match.score for match in matcher.look() if match.track != 3]
    assert best.score > 0.3 and max(others, default=0.0) < 0.5 * best.score


def test_what_is_forgotten_is_not_found() -> None:
    known = [learnt(seed) for seed in range(2)]
    matcher = Matcher([one.peaks for one in known], [one.seconds for one in known])
    matcher.hear(heard(tune(0, 8.0)))
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
        catalogue.learn(Path("quiet.wav"), "", np.zeros((RATE, 2), np.float32), RATE)


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
