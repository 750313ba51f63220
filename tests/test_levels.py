import itertools
import math

import numpy as np
import pytest
from test_features import four_on_the_floor, noise, sine

from vjgan.features import Analyser
from vjgan.intensity import Intensity
from vjgan.levels import OCTAVE_EDGES_HZ, Heard, Levels
from vjgan.spectrum import Spectrum
from vjgan.types import AudioFrame, FloatArray


def hear(sound: FloatArray, sample_rate: int = 44100) -> tuple[list[Heard], list[float]]:
    """What is heard after each hop, and the mean that counts as 1."""
    spectrum = Spectrum(sample_rate)
    levels = Levels(spectrum.bins_hz, spectrum.scale, spectrum.dt)
    heard, means = [], []
    for k in range(0, len(sound) - spectrum.hop + 1, spectrum.hop):
        heard.append(levels.step(spectrum.step(sound[k : k + spectrum.hop])))
        means.append(levels.mean)
    return heard, means


@pytest.mark.parametrize("sample_rate", [8000, 44100, 48000, 192000])
def test_a_spectrum_keeps_the_power_of_the_sound(sample_rate: int) -> None:
    spectrum = Spectrum(sample_rate)
    tone = sine(1000.0, 0.5, 0.1, sample_rate)
    for k in range(0, len(tone) - spectrum.hop + 1, spectrum.hop):
        squares = spectrum.step(tone[k : k + spectrum.hop])
    assert squares.sum() * spectrum.scale == pytest.approx(0.125, rel=0.02)  # a²/2
    assert spectrum.bins_hz[squares.argmax()] == pytest.approx(1000.0, abs=22.0)  # half a bin


@pytest.mark.parametrize("gain", [10.0, 0.1])
def test_a_leap_of_20_db_is_followed_within_5_seconds(gain: float) -> None:
    music, _, _ = four_on_the_floor(bpm=120.0, seconds=24.5, sample_rate=8000)
    music = 0.1 * music if gain > 1.0 else music
    music[12 * 8000 :] *= np.float32(gain)
    heard, _ = hear(music, 8000)
    dt = Spectrum(8000).dt
    levels = np.array([one.level for one in heard])
    bands = np.array([(one.low, one.mid, one.high) for one in heard])
    bar = round(2.0 / dt)
    before = round(12.0 / dt) - bar
    after = round(17.0 / dt)
    leapt = levels[round(12.2 / dt) :][: bar // 2].mean() / levels[before:][:bar].mean()
    assert leapt > 2.0 if gain > 1.0 else leapt < 0.5
    assert levels[after:][:bar].mean() == pytest.approx(levels[before:][:bar].mean(), rel=0.25)
    assert bands[after:][:bar].mean(axis=0) == pytest.approx(
        bands[before:][:bar].mean(axis=0), rel=0.35
    )


def test_the_gain_does_not_pump_in_steady_music() -> None:
    music, _, _ = four_on_the_floor(bpm=120.0, seconds=30.5, sample_rate=8000)
    _, means = hear(music, 8000)
    steady = 20.0 * np.log10(means[len(means) // 2 : -len(means) // 20])
    assert steady.max() - steady.min() < 1.0


def test_each_octave_has_its_band() -> None:
    edges = (40.0, *OCTAVE_EDGES_HZ, 16000.0)
    for k, (low, high) in enumerate(itertools.pairwise(edges)):
        if k < 2:  # closer than the spectrum resolves
            continue
        heard, _ = hear(sine(math.sqrt(low * high), 0.3, 1.0))
        assert int(np.argmax(heard[-1].bands)) == k
        assert heard[-1].bands[k] == pytest.approx(1.0, abs=0.05)
        assert sorted(heard[-1].bands)[-2] < (0.3 if k > 2 else 0.7)


def test_flatness_tells_noise_from_tones() -> None:
    assert np.mean([one.flatness for one in hear(noise(0.1, 1.0))[0][60:]]) > 0.9
    assert hear(sine(440.0, 0.3, 1.0))[0][-1].flatness < 0.01


def test_loudness_doubles_every_10_db() -> None:
    soft, loud = (hear(sine(440.0, amplitude, 1.0))[0][-1] for amplitude in (0.05, 0.5))
    assert loud.loudness / soft.loudness == pytest.approx(4.0, rel=0.02)


def test_the_meters_show_peaks_and_clipping() -> None:
    analyser = Analyser(44100)
    tone = sine(441.0, 0.5, 0.1)
    heard = analyser.analyse(AudioFrame(0.1, tone, 44100))
    assert heard.peak_db == pytest.approx(-6.02, abs=0.02)
    assert heard.clip_count == 0
    # One channel at full scale is seen, although the mix of the two is not that loud.
    heard = analyser.analyse(AudioFrame(0.2, tone, 44100, peak=1.0))
    assert heard.peak_db == pytest.approx(0.0, abs=0.01)
    assert heard.clip_count == 1
    for k in range(10):
        heard = analyser.analyse(AudioFrame(0.3 + 0.1 * k, 0.001 * tone, 44100))
    assert heard.peak_db == pytest.approx(-12.0, abs=0.1)  # IEC 60268-10, type I: 12 dB a second
    assert heard.clip_count == 1


def test_intensity_tells_intro_drop_and_breakdown_apart() -> None:
    def go_on(loudness: float, seconds: float, silent: bool = False) -> float:
        for _ in range(round(seconds / 0.01)):
            intensity.step(loudness, silent, 0.01)
        return intensity.value

    intensity = Intensity()
    assert go_on(1.0, 20.0) == pytest.approx(0.5, abs=0.05)  # nothing to compare with yet
    assert go_on(3.0, 30.0) > 0.9
    assert go_on(1.0, 30.0) < 0.15
    assert 0.2 < go_on(1.7, 20.0) < 0.8
    assert go_on(0.0, 0.5) > 0.1  # the stop before the drop is no breakdown
    assert go_on(3.0, 10.0) > 0.9
    assert go_on(0.0, 20.0, silent=True) < 0.01


def test_intensity_follows_a_whole_track() -> None:
    music, _, _ = four_on_the_floor(bpm=120.0, seconds=40.5, sample_rate=8000)
    music[: 10 * 8000] *= np.float32(0.2)
    music[25 * 8000 :] *= np.float32(0.2)
    intensity, arc, dt = Intensity(), [], Spectrum(8000).dt
    for one in hear(music, 8000)[0]:
        intensity.step(one.loudness, one.silent, dt)
        arc.append(intensity.value)
    intro, drop, end = (arc[round(time / dt)] for time in (8.0, 22.0, 38.0))
    assert drop > 0.9
    assert intro == pytest.approx(0.5, abs=0.1)
    assert end < 0.2
