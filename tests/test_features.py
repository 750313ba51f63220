import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from vjgan.features import Analyser
from vjgan.types import AudioFrame, Features, FloatArray

RATES = (8000, 44100, 48000, 192000)


def four_on_the_floor(
    bpm: float = 124.0, seconds: float = 10.0, sample_rate: int = 44100, start: float = 0.5
) -> tuple[FloatArray, list[float], list[float]]:
    """Sound [n], the times of its kicks and of its hi-hats, which are on the off-beat and bright;
    beneath them a bass and a chord. There is no noise floor, which is the harder case."""
    random = np.random.default_rng(1)
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    sound = 0.08 * np.sin(2 * np.pi * 55.0 * time)
    for note_hz in (220.0, 277.2, 329.6):
        sound += 0.02 * np.sin(2 * np.pi * note_hz * time)
    kicks = list(np.arange(start, seconds - 0.5, 60.0 / bpm))
    hats = [kick + 30.0 / bpm for kick in kicks]
    length = np.arange(round(0.25 * sample_rate)) / sample_rate
    pitch_hz = 50.0 + 150.0 * np.exp(-length / 0.03)
    body = np.sin(2 * np.pi * np.cumsum(pitch_hz) / sample_rate)
    kick = 0.6 * body * np.exp(-length / 0.08) * np.minimum(1.0, length / 0.002)
    for at in kicks:
        add(sound, kick, at, sample_rate)
    for at in hats:
        noise = random.standard_normal(len(length)) * np.exp(-length / 0.03)
        add(sound, 0.12 * noise, at, sample_rate)
    return sound.astype(np.float32), kicks, hats


def add(sound: NDArray[np.float64], part: NDArray[np.float64], at: float, sample_rate: int) -> None:
    first = round(at * sample_rate)
    sound[first : first + len(part)] += part[: max(0, len(sound) - first)]


def analyse(sound: FloatArray, sample_rate: int, block: int = 256) -> list[Features]:
    analyser = Analyser(sample_rate)
    return [
        analyser.analyse(AudioFrame((k + block) / sample_rate, sound[k : k + block], sample_rate))
        for k in range(0, len(sound) - block + 1, block)
    ]


def sine(hertz: float, amplitude: float, seconds: float, sample_rate: int = 44100) -> FloatArray:
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    return (amplitude * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def noise(amplitude: float, seconds: float, sample_rate: int = 44100) -> FloatArray:
    random = np.random.default_rng(2)
    return (amplitude * random.standard_normal(round(seconds * sample_rate))).astype(np.float32)


def onset_times(features: Sequence[Features]) -> list[float]:
    pairs = itertools.pairwise([Features(), *features])
    return [now.onset_time for before, now in pairs if now.onset_count > before.onset_count]


def share_hit(truth: Sequence[float], found: Sequence[float], within: float = 0.03) -> float:
    return float(np.mean([min(abs(t - f) for f in found) < within for t in truth]))


@pytest.fixture(scope="module", params=[8000, 44100, 192000])
def heard(request: pytest.FixtureRequest) -> tuple[list[Features], list[float], list[float]]:
    sound, kicks, hats = four_on_the_floor(sample_rate=request.param)
    return analyse(sound, request.param), kicks, hats


Heard = tuple[list[Features], list[float], list[float]]


def test_tempo_is_found_and_kept(heard: Heard) -> None:
    features, _, _ = heard
    assert all(f.bpm == pytest.approx(124.0, rel=0.02) for f in features if f.time > 6.0)
    assert all(f.confidence > 0.2 for f in features if f.time > 6.0)


def test_onsets_are_the_kicks_and_hats_and_little_else(heard: Heard) -> None:
    features, kicks, hats = heard
    found = onset_times(features)
    assert share_hit(kicks, found) >= 0.9
    assert share_hit(found, kicks + hats) >= 0.8
    late = [min((f - kick for f in found), key=abs) for kick in kicks]
    assert abs(np.median(late)) < 0.006


def test_the_beat_is_on_the_kick_not_on_the_brighter_hat(heard: Heard) -> None:
    features, kicks, _ = heard
    for f in features[len(features) // 2 :: 50]:
        phase = (f.time - kicks[0]) * 124.0 / 60.0 % 1.0
        assert abs((f.beat_phase - phase + 0.5) % 1.0 - 0.5) < 0.05
        assert min(abs(f.beat_time - kick) for kick in [*kicks, kicks[-1] + 60 / 124]) < 0.02


def test_each_beat_is_counted_once(heard: Heard) -> None:
    features, _, _ = heard
    half = next(f for f in features if f.time >= 6.0)
    last = features[-1]
    beats = (last.time - half.time) * 124.0 / 60.0
    assert abs(last.beat_count - half.beat_count - beats) <= 1.0


@pytest.mark.parametrize("sample_rate", RATES)
@pytest.mark.parametrize("hertz", [60.0, 1000.0, 3000.0])
def test_centroid_and_bands_of_a_tone(sample_rate: int, hertz: float) -> None:
    last = analyse(sine(hertz, 0.3, 1.0, sample_rate), sample_rate)[-1]
    assert last.centroid_hz == pytest.approx(hertz, rel=0.03, abs=24.0)  # half a bin
    own = 0 if hertz < 150.0 else 1 if hertz < 2000.0 else 2
    bands = (last.low, last.mid, last.high)
    assert bands[own] == pytest.approx(1.0, abs=0.05)
    assert max(bands[:own] + bands[own + 1 :]) < 0.3


def test_centroid_of_white_noise_is_a_quarter_of_the_rate() -> None:
    features = analyse(noise(0.1, 2.0), 44100)
    assert np.mean([f.centroid_hz for f in features[100:]]) == pytest.approx(11025.0, rel=0.02)


@pytest.mark.parametrize("amplitude", [0.01, 0.9])
def test_level_is_one_at_the_running_mean_whatever_the_volume(amplitude: float) -> None:
    features = analyse(sine(300.0, amplitude, 2.0), 44100)
    levels = [f.level for f in features if f.time > 0.2]
    assert min(levels) > 0.9
    assert max(levels) < 1.2


def test_level_doubles_with_the_amplitude_and_then_comes_back_to_one() -> None:
    sound = np.concatenate((sine(300.0, 0.1, 8.0, 8000), sine(300.0, 0.2, 24.0, 8000)))
    features = analyse(sound, 8000)
    after = next(f for f in features if f.time > 8.15)
    assert after.level == pytest.approx(2.0, abs=0.1)
    assert features[-1].level == pytest.approx(1.0, abs=0.06)


def test_first_second_is_sane() -> None:
    sound, _, _ = four_on_the_floor(seconds=1.5, start=0.0)
    assert all(0.0 <= f.level <= 4.0 for f in analyse(sound, 44100))


def test_silence_is_silent() -> None:
    last = analyse(np.zeros(44100, np.float32), 44100)[-1]
    assert last.silent
    assert last.alive
    assert (last.level, last.onset_count, last.beat_count, last.confidence) == (0.0, 0, 0, 0.0)


def test_silence_after_music_stops_counting_and_keeps_the_gain() -> None:
    music, _, _ = four_on_the_floor(seconds=6.0, sample_rate=8000)
    features = analyse(np.concatenate((music, np.zeros(16000, np.float32), music)), 8000)
    quiet = [f for f in features if 7.2 < f.time < 8.0]
    assert all(f.silent and f.confidence == 0.0 and f.level < 0.01 for f in quiet)
    assert len({(f.onset_count, f.beat_count) for f in quiet}) == 1
    assert quiet[-1].bpm == pytest.approx(124.0, rel=0.02)
    again = [f for f in features if 8.1 < f.time < 10.0]
    assert not any(f.silent for f in again)
    assert max(f.level for f in again) < 4.0


@pytest.mark.parametrize("amplitude", [0.3, 0.01])
def test_steady_noise_has_no_onsets_and_no_beat(amplitude: float) -> None:
    last = analyse(noise(amplitude, 6.0), 44100)[-1]
    assert last.onset_count <= 3
    assert last.beat_count == 0
    assert last.confidence == 0.0


def broken(sample_rate: int) -> dict[str, FloatArray]:
    """A second each of what a bad cable, driver or program delivers."""
    random = np.random.default_rng(3)
    holes = noise(0.2, 1.0, sample_rate)
    holes[::7], holes[::11], holes[::13] = np.nan, np.inf, -1e30
    return {
        "holes": holes,
        "nothing but nan": np.full(sample_rate, np.nan, np.float32),
        "huge": np.full(sample_rate, 1e38, np.float32),
        "clipped": np.clip(sine(300.0, 5.0, 1.0, sample_rate), -1.0, 1.0),
        "square": random.choice(np.array([-1.0, 1.0], np.float32), sample_rate),
        "an offset": sine(300.0, 0.01, 1.0, sample_rate) + np.float32(0.9),
        "denormal": np.full(sample_rate, 1e-42, np.float32),
        "silence": np.zeros(sample_rate, np.float32),
        "a click": np.eye(1, sample_rate, 5, np.float32)[0],
    }


def assert_sane(f: Features) -> None:
    for name in Features.__dataclass_fields__:
        value = getattr(f, name)
        assert all(math.isfinite(one) for one in (value if name == "bands" else (value,))), name
    assert all(0.0 <= value <= 8.0 for value in (f.level, f.low, f.mid, f.high, *f.bands))
    for share in (f.flatness, f.intensity, f.confidence, f.bar_confidence):
        assert 0.0 <= share <= 1.0
    assert 0.0 <= f.beat_phase < 1.0
    assert 0.0 <= f.bar_phase < 1.0
    assert -120.0 <= f.peak_db < 20.0
    assert f.centroid_hz >= 0.0


@pytest.mark.parametrize("sample_rate", [8000, 44100, 192000])
def test_whatever_comes_in_features_stay_finite(sample_rate: int) -> None:
    sound = np.concatenate(list(broken(sample_rate).values()))
    features = analyse(sound, sample_rate, round(0.01 * sample_rate))
    for before, f in itertools.pairwise(features):
        assert_sane(f)
        for count in ("onset_count", "kick_count", "snare_count", "hat_count", "clip_count"):
            assert getattr(f, count) >= getattr(before, count)


def test_after_what_was_broken_it_hears_as_before() -> None:
    sound = np.concatenate((*broken(8000).values(), sine(300.0, 0.1, 8.0, 8000)))
    last = analyse(sound, 8000)[-1]
    assert last.level == pytest.approx(1.0, abs=0.1)
    assert last.centroid_hz == pytest.approx(300.0, rel=0.05)
    assert not last.silent


def test_an_offset_changes_nothing() -> None:
    sound, _, _ = four_on_the_floor(seconds=3.0)
    plain, offset = analyse(sound, 44100)[-1], analyse(sound + np.float32(0.5), 44100)[-1]
    assert offset.low == pytest.approx(plain.low, rel=0.1)
    assert offset.centroid_hz == pytest.approx(plain.centroid_hz, rel=0.02)
    assert abs(offset.onset_count - plain.onset_count) <= 1


def test_the_length_of_blocks_does_not_matter() -> None:
    sound, _, _ = four_on_the_floor(seconds=2.0)
    times = [onset_times(analyse(sound, 44100, block)) for block in (64, 256, 1000)]
    assert len(times[0]) > 3
    assert times[0] == pytest.approx(times[1])
    assert times[0] == pytest.approx(times[2])


@pytest.mark.parametrize("leap", [-100.0, 0.7, 1e6])
def test_a_leap_of_the_time_breaks_nothing(leap: float) -> None:
    sound, _, _ = four_on_the_floor(seconds=10.0, sample_rate=8000)
    analyser = Analyser(8000)
    features = []
    for k in range(0, len(sound) - 50, 50):
        time = (k + 50) / 8000 + (leap if k > len(sound) * 6 // 10 else 0.0)
        features.append(analyser.analyse(AudioFrame(time, sound[k : k + 50], 8000)))
    half, last = features[len(features) * 6 // 10 - 1], features[-1]
    assert abs(last.beat_count - half.beat_count - 4.0 * 124.0 / 60.0) <= 1.0
    assert last.onset_count > half.onset_count + 10
    assert 0.0 <= last.time - last.onset_time < 1.0
    assert 0.0 <= last.time - last.beat_time < 1.0
