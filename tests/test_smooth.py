import pytest

from vjgan.smooth import Envelope, approach


def test_approach_is_the_same_at_any_frame_rate() -> None:
    at_30 = at_60 = 0.0
    for _ in range(30):
        at_30 = approach(at_30, 1.0, 1 / 30, 0.4)
    for _ in range(60):
        at_60 = approach(at_60, 1.0, 1 / 60, 0.4)
    assert at_30 == pytest.approx(at_60, abs=1e-12)
    assert at_30 == pytest.approx(1 - 2.718281828 ** (-1 / 0.4), abs=1e-6)


def test_approach_without_a_time_constant_jumps() -> None:
    assert approach(3.0, 5.0, 1 / 60, 0.0) == 5.0


def test_envelope_rises_by_attack_and_falls_by_release() -> None:
    envelope = Envelope(attack=0.0, release=0.5)
    assert envelope.step(1.0, 0.01) == 1.0
    assert envelope.step(0.0, 0.5) == pytest.approx(0.367879, abs=1e-6)
