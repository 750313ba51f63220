"""How far a latent had gone, and that the picture between two frames goes with it."""

from __future__ import annotations

import numpy as np
import pytest

from vjgan.generator.trail import Trail
from vjgan.generator.worker import Job, Playout
from vjgan.types import Frame, LatentState


def at(*numbers: float) -> np.ndarray:
    return np.array([numbers], np.float32)


def test_the_share_of_a_way_is_where_the_latent_was() -> None:
    trail = Trail()
    for k in range(11):  # faster and faster, and not quite straight
        trail.note(0.1 * k, at((0.1 * k) ** 2, 0.3 * np.sin(0.1 * k * np.pi)))
    way = at(0.0, 0.0), at(1.0, 0.0)
    for moment in (0.0, 0.3, 0.5, 0.9, 1.0):
        share = trail.share(*way, 0.0, moment)
        assert share == pytest.approx(moment**2, abs=1e-6)
    assert trail.share(*way, 0.0, 0.75) == pytest.approx((0.49 + 0.64) / 2, abs=1e-6)


def test_a_share_from_a_later_begin_begins_at_nothing() -> None:
    trail = Trail()
    for k in range(11):
        trail.note(0.1 * k, at(0.1 * k))
    way = at(0.0), at(1.0)
    assert trail.share(*way, 0.5, 0.5) == pytest.approx(0.0)
    assert trail.share(*way, 0.5, 0.75) == pytest.approx(0.5)
    assert trail.share(*way, 0.95, 0.97) is None  # too little is left of it


def test_no_share_where_none_is_known() -> None:
    trail = Trail()
    assert trail.share(at(0.0), at(1.0), 0.0, 0.5) is None  # nothing was noted
    trail.note(1.0, at(0.0))
    assert trail.share(at(0.0), at(1.0), 0.0, 0.5) is None  # or only what came later
    assert trail.share(at(0.5), at(0.5), 1.0, 1.0) is None  # no way
    assert trail.share(at(0.0), np.zeros((2, 3), np.float32), 1.0, 1.0) is None
    trail.note(2.0, np.zeros((2, 3), np.float32))  # of another model
    assert trail.share(at(0.0), at(1.0), 1.0, 2.0) is None


def test_the_picture_goes_as_the_latent_went() -> None:
    """A kick between two frames of a slow model: nothing, then all at once."""
    playout, generator = Playout(), object()
    playout.every = 0.2
    shown = {}

    def place(time_: float) -> np.ndarray:
        return at(0.0 if time_ < 5.05 else 1.0)

    for frame in range(360):
        time_ = frame / 60
        playout.trail.note(time_, place(time_))
        if frame % 12 == 6:  # drawn for 0.1 s before
            moment = time_ - 0.1
            job = Job(LatentState(moment, place(moment)), generator, moment)  # type: ignore[arg-type]
            job.frame = Frame(moment, np.zeros((1, 1, 3), np.uint8))
            playout.take(job, time_)
        picture = playout.show(time_)
        if picture is not None and picture.before.time < 5.05 < picture.after.time:
            shown[time_ - playout.lag] = picture.blend
    assert len(shown) > 5
    for moment, blend in shown.items():
        if abs(moment - 5.05) > 1 / 60:
            assert blend == pytest.approx(float(moment > 5.05), abs=1e-6)
