import math

import pytest

from vjgan.controls import CONTROLS, shader_controls
from vjgan.errors import ShaderError
from vjgan.mapping import CURVES, SHAPES, SIGNALS, Lfo, Route, Router, listen
from vjgan.types import Beat, Features, Tick

SILENT = listen(Features(), Beat(), Tick(0, 0.0, 1 / 60, 1 / 60))


def test_defaults_lie_inside_their_ranges() -> None:
    for row in CONTROLS.values():
        assert row.minimum <= row.default <= row.maximum
        assert row.does


def test_every_signal_is_between_0_and_1_whatever_is_heard() -> None:
    for features in (
        Features(),
        Features(level=99.0, low=99.0, mid=99.0, high=99.0, centroid_hz=96_000.0, onset_time=5.0),
    ):
        for position in (0.0, 0.999, 7.5, 1e6 + 0.3):
            signals = listen(features, Beat(position), Tick(0, 5.0, 0.016, 5.016))
            assert set(signals) == set(SIGNALS) | {"beat"}
            assert all(0.0 <= signals[name] <= 1.0 for name in SIGNALS)


def test_the_running_mean_is_a_half_and_a_kilohertz_in_the_upper_half() -> None:
    signals = listen(Features(level=1.0, centroid_hz=800.0), Beat(), Tick(0, 0.0, 0.016, 0.0))
    assert signals["level"] == 0.5
    assert signals["tone"] == pytest.approx(0.5)  # 800 Hz is the middle of 80..8000


def test_an_onset_falls_by_its_own_time_not_by_frames() -> None:
    heard = Features(onset_time=1.0)
    late = listen(heard, Beat(), Tick(0, 1.2, 0.5, 1.2))["onset"]
    assert late == pytest.approx(math.exp(-0.2 / 0.18))


@pytest.mark.parametrize("curve", CURVES)
def test_curves_keep_the_unit_interval(curve: str) -> None:
    shaped = [CURVES[curve](k / 50) for k in range(51)]
    assert min(shaped) >= 0.0
    assert max(shaped) <= 1.0
    assert {round(shaped[0]), round(shaped[-1])} == {0, 1}


@pytest.mark.parametrize("shape", SHAPES)
def test_waves_keep_the_unit_interval(shape: str) -> None:
    wave = [Lfo(shape, beats=4.0).at(k / 10) for k in range(400)]
    assert 0.0 <= min(wave) < 0.2
    assert 0.8 < max(wave) <= 1.0


def test_a_wave_takes_its_beats() -> None:
    wave = Lfo("sine", beats=8.0, phase=0.25)
    assert wave.at(2.0) == pytest.approx(1.0)
    assert wave.at(6.0) == pytest.approx(0.0)


def route(**changes: object) -> Route:
    return Route(**{"source": "low", "target": "zoom", "amount": 0.5} | changes)  # type: ignore


def test_routes_add_up_and_are_clamped() -> None:
    router = Router(CONTROLS, {"zoom": 1.5}, (route(), route(amount=100.0, target="hue")))
    values = router.step(SILENT | {"low": 0.5}, {}, 0.016)
    assert values["zoom"] == pytest.approx(1.75)
    assert values["hue"] == 50.0
    values = router.step(SILENT | {"low": 1.0}, {}, 0.016)
    assert values["hue"] == 100.0
    loud = Router(CONTROLS, {}, (route(amount=99.0), route(amount=-99.0, target="psi")))
    values = loud.step(SILENT | {"low": 1.0}, {}, 0.016)
    assert values["zoom"] == CONTROLS["zoom"].maximum
    assert values["psi"] == CONTROLS["psi"].minimum


def test_a_knob_counts_once_it_was_moved_and_by_channel_if_asked() -> None:
    router = Router(
        CONTROLS, {}, (route(source="midi.cc74"), route(source="midi.3.cc74", target="hue"))
    )
    assert router.step(SILENT, {}, 0.016)["zoom"] == 1.0
    values = router.step(SILENT, {"cc74": 1.0, "2.cc74": 1.0}, 0.016)
    assert values["zoom"] == 1.5
    assert values["hue"] == 0.0


def test_release_falls_alike_at_30_and_60_frames_a_second() -> None:
    ends = []
    for fps in (30, 60):
        router = Router(CONTROLS, {}, (route(release=0.3, amount=1.0),))
        router.step(SILENT | {"low": 1.0}, {}, 1 / fps)
        for _ in range(fps):
            values = router.step(SILENT, {}, 1 / fps)
        ends.append(values["zoom"])
    assert ends[0] == pytest.approx(ends[1])
    assert ends[0] == pytest.approx(1.0 + math.exp(-1 / 0.3))


def test_a_shader_declares_its_own_controls() -> None:
    rows = shader_controls("k", "uniform float turn; // -180..180 = 45 deg | how far it turns\n")
    assert rows["k.turn"].minimum == -180.0
    assert (rows["k.turn"].unit, rows["k.turn"].does) == ("deg", "how far it turns")


@pytest.mark.parametrize("line", ["0..1 = 2 | x", "1..0 = 0.5 | x", "1..1e = 1 | x"])
def test_a_shader_control_that_makes_no_sense_is_named(line: str) -> None:
    with pytest.raises(ShaderError, match="shader 'k': the range of 'a'"):
        shader_controls("k", f"uniform float a; // {line}\n")
