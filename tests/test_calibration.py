"""Clicks through the venue's own loop: what is played into the sink is heard from its monitor."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Venue

from vjgan import calibration
from vjgan.calibration import by_ear
from vjgan.errors import VjganError
from vjgan.rig import load_rig
from vjgan.types import FloatArray


@pytest.fixture(autouse=True)
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.mark.alone
def test_the_way_of_a_click_is_measured_and_kept(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = by_ear(None)
    assert "clicks, middle half within" in before
    there = load_rig().latency
    assert abs(there) < 0.1
    # A way that is 60 ms longer: each click begins so much later than it is said to leave.
    click = calibration._click
    silence = [0.0] * int(0.06 * calibration.RATE)

    def later() -> FloatArray:
        return calibration.np.concatenate((silence, click())).astype("float32")

    played = calibration._play
    monkeypatch.setattr(calibration, "_play", lambda _click, *words: played(later(), *words))
    by_ear(None)
    assert load_rig().latency - there == pytest.approx(0.06, abs=0.02)


def test_clicks_that_are_not_heard_are_told_and_nothing_is_kept(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = calibration._play
    monkeypatch.setattr(calibration, "_play", lambda click, *words: played(0.0 * click, *words))
    monkeypatch.setattr(calibration, "CLICKS", 7)
    with pytest.raises(VjganError, match="0 of 7 clicks were heard, 6 are needed"):
        by_ear(None)
    assert load_rig().latency == 0.0
