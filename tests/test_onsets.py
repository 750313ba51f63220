import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from test_features import add, analyse, noise, share_hit, sine

from vjgan.onsets import MELS, NAMES, PAST, WEIGHTS
from vjgan.types import Features, FloatArray

BPM = 112.0
DRUMS = {"kick": (0.0, 2.0), "snare": (1.0, 3.0), "hat": (0.5, 1.5, 2.5, 3.5)}  # beats of a bar


def beat_box(sample_rate: int, seconds: float = 9.0) -> tuple[FloatArray, dict[str, list[float]]]:
    """Kick, snare and hat, none at the same time, over a quiet bass; and when they begin. Made in
    another way than the drums that the network was taught on."""
    random = np.random.default_rng(11)
    length = np.arange(round(0.3 * sample_rate)) / sample_rate
    hiss = random.standard_normal(len(length))
    bright = np.diff(hiss, prepend=0.0)  # 6 dB an octave up
    pitch_hz = 48.0 + 170.0 / (1.0 + length / 0.012) ** 2
    parts = {
        "kick": 0.7 * np.sin(2 * np.pi * np.cumsum(pitch_hz) / sample_rate) * fade(length, 0.12),
        "snare": 0.35 * hiss * fade(length, 0.06)
        + 0.3 * np.sin(2 * np.pi * 190.0 * length) * fade(length, 0.05),
        "hat": 0.15 * bright * fade(length, 0.025),
    }
    sound = 0.03 * sine(65.4, 1.0, seconds, sample_rate).astype(np.float64)
    times: dict[str, list[float]] = {}
    for name, beats in DRUMS.items():
        every = [60.0 / BPM * (4.0 * bar + beat) + 0.4 for bar in range(5) for beat in beats]
        times[name] = sorted(time for time in every if time < seconds - 0.3)
        for time in times[name]:
            add(sound, parts[name], time, sample_rate)
    return sound.astype(np.float32), times


def fade(length: NDArray[np.float64], seconds: float) -> NDArray[np.float64]:
    return np.exp(-length / seconds) * np.minimum(1.0, length / 0.0005)


def told(features: Sequence[Features], kind: str) -> list[tuple[float, float]]:
    """When each was, and when it was counted."""
    return [
        (getattr(now, f"{kind}_time"), now.time)
        for before, now in itertools.pairwise([Features(), *features])
        if getattr(now, f"{kind}_count") > getattr(before, f"{kind}_count")
    ]


@pytest.mark.parametrize("sample_rate", [22050, 44100, 192000])
def test_kick_snare_and_hat_are_told_apart_in_time(sample_rate: int) -> None:
    sound, times = beat_box(sample_rate)
    features = analyse(sound, sample_rate, round(sample_rate / 172))
    for name, truth in times.items():
        found = [time for time, _ in told(features, name)]
        assert share_hit(truth, found) >= 0.9, name
        # A bare kick or snare with a sharp click is taken for a hat as well.
        expected = truth if name != "hat" else list(itertools.chain(*times.values()))
        assert share_hit(found, expected) >= 0.8, name
    everything = sorted(itertools.chain(*times.values()))
    pairs = told(features, "onset")
    assert share_hit(everything, [time for time, _ in pairs]) >= 0.95
    assert share_hit([time for time, _ in pairs], everything) >= 0.9
    late = [counted - min(everything, key=lambda t: abs(t - time)) for time, counted in pairs]
    assert np.median(late) < 0.035


def hum() -> FloatArray:
    return sum(sine(50.0 * k, 0.2 / k, 6.0) for k in (1, 2, 3, 5, 7)) + noise(0.001, 6.0)


def applause() -> FloatArray:
    """Two thousand short claps a second: a hall of four hundred."""
    random = np.random.default_rng(4)
    hits = np.zeros(44100 * 6)
    np.add.at(hits, random.integers(0, len(hits), 12000), random.uniform(0.1, 1.0, 12000))
    clap = random.standard_normal(2000) * np.exp(-np.arange(2000) / 300.0)
    sound = np.convolve(hits, clap)[: len(hits)]
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


@pytest.mark.parametrize("loud", [1.0, 0.05])
@pytest.mark.parametrize("make", [lambda: noise(0.2, 6.0), hum, applause])
def test_nothing_begins_in_steady_sound(make: object, loud: float) -> None:
    assert callable(make)
    last = analyse(np.float32(loud) * make(), 44100)[-1]
    # Its own beginning counts.
    assert last.onset_count <= 2
    assert last.kick_count + last.snare_count + last.hat_count <= 3


def test_the_network_is_numbers_of_the_right_shape() -> None:
    with np.load(WEIGHTS, allow_pickle=False) as file:
        assert file["w0"].shape[1] == MELS * len(PAST)
        assert len(file[f"b{len(file.files) // 2 - 1}"]) == len(NAMES)
    assert WEIGHTS.stat().st_size < 100_000


def test_what_goes_on_is_told_once() -> None:
    time = np.arange(44100 * 5) / 44100
    chord = np.sum([np.sin(2 * np.pi * hertz * time) for hertz in (220.0, 277.2, 329.6)], axis=0)
    chord *= 0.1 * np.clip((time - 2.0) / 0.005, 0.0, 1.0)
    features = analyse(chord.astype(np.float32) + noise(0.001, 5.0), 44100)
    found = [at for at, _ in told(features, "onset") if at > 1.0]
    assert found == [pytest.approx(2.0, abs=0.02)]
