"""The painters, with generators of known pace and temper, and with the bundled network."""

import logging
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import wait_until

from vjgan.generator.handover import HandOver
from vjgan.generator.player import open_model
from vjgan.generator.worker import Direct, Job, Playout, Worker
from vjgan.types import Frame, Generator, LatentSpace, LatentState, Picture, Tick

MODELS = Path(__file__).parent.parent / "models"


class Plain:
    """Paints the first number of w as a grey; waits, or fails, when told to."""

    trained = True
    resolution = (4, 6)
    space: LatentSpace

    def __init__(self, name: str = "plain", error: Exception | None = None) -> None:
        self.name = name
        self.error = error
        self.gate = threading.Event()
        self.gate.set()
        self.seen: list[LatentState] = []

    def generate(self, latent: LatentState) -> Frame:
        self.seen.append(latent)
        self.gate.wait(5.0)
        if self.error is not None:
            raise self.error
        return Frame(latent.time, np.full((4, 6, 3), round(float(latent.w[0, 0])), np.uint8))


def latent(value: float, time_: float = 0.0, noise: float = 1.0) -> LatentState:
    return LatentState(time_, np.full((3, 2), value, np.float32), noise)


def tick(time_: float, dt: float = 0.02) -> Tick:
    return Tick(round(time_ / dt), time_, dt, time_ + dt)


def grey(picture: Picture) -> float:
    before, after = (float(f.image.mean()) for f in (picture.before, picture.after))
    return before + picture.blend * (after - before)


def drawn(moment: float, generator: Generator) -> Job:
    """A frame whose grey is its moment in ms."""
    return Job(latent(0), generator, moment, Frame(moment, np.full((1, 1), moment * 1e3)))


def play(
    durations: list[float], moving: list[tuple[float, float]], fps: float = 60.0
) -> np.ndarray:
    """The moments shown [ticks, 2] (time, moment, in s) with a model that takes ``durations`` one
    after the other, and a latent that changes only in the spans ``moving``."""
    playout, generator, shown = Playout(), Plain(), []
    took, free, asked, done = iter(durations), 0.0, None, []
    for time_ in np.arange(0.0, moving[-1][1], 1.0 / fps):
        if asked is not None and free <= time_:  # the model took it as soon as it was free
            free = max(free, asked) + next(took)
            done.append((free, asked))
            asked = None
        while done and done[0][0] <= time_:
            playout.take(drawn(done.pop(0)[1], generator), time_)
        if any(begin <= time_ < end for begin, end in moving):
            asked = time_
        picture = playout.show(time_)
        if picture is not None:
            shown.append((time_, grey(picture) / 1e3))
    return np.array(shown)


@pytest.mark.parametrize("model_ms", [5.0, 24.0, 40.0, 150.0])
def test_motion_is_even_between_frames(model_ms: float) -> None:
    period = model_ms / 1e3
    durations = np.random.default_rng(1).uniform(0.7, 1.3, 4000) * period
    shown = play(list(durations), [(0.0, 8.0)])
    settled = shown[shown[:, 0] > 2.0]
    steps = np.diff(settled[:, 1])
    assert steps.min() >= 0.0  # never back
    assert steps.max() < 1.5 / 60.0  # nor a jump
    assert steps.mean() == pytest.approx(1.0 / 60.0, rel=0.03)
    assert (settled[:, 0] - settled[:, 1]).max() < 3.0 * period + 2.5 / 60.0


def test_a_pause_and_a_new_start_do_not_jump() -> None:
    shown = play([0.05] * 200, [(0.0, 2.0), (4.0, 6.0)])
    time_, moment = shown.T
    held = moment[(time_ > 2.5) & (time_ < 4.0)]
    assert np.ptp(held) == 0.0
    steps = np.diff(moment)
    assert steps.min() >= 0.0
    # From the held picture to the first new one, two seconds on, in several frames.
    assert steps.max() < 0.5 * (4.0 - held[0])
    assert moment[-1] > 5.7


def test_a_slower_model_is_followed() -> None:
    shown = play([0.02] * 100 + [0.3] * 20, [(0.0, 7.0)])
    steps = np.diff(shown[shown[:, 0] > 5.0][:, 1])
    assert (steps > 0.0).mean() > 0.95  # moves all the time, rather than stop and go
    assert steps.max() < 0.06


@pytest.mark.parametrize(("rate", "model_ms"), [(20.0, 25.0), (12.0, 25.0), (20.0, 45.0)])
def test_motion_is_even_where_the_rate_is_limited(rate: float, model_ms: float) -> None:
    playout, generator, shown = Playout(), Plain(), []
    playout.every = 1.0 / rate
    due = [k / rate for k in range(int(8 * rate))]
    for time_ in np.arange(0.0, 8.0, 1.0 / 30.0):
        while due and due[0] + model_ms / 1e3 <= time_:
            playout.take(drawn(due.pop(0), generator), time_)
        picture = playout.show(time_)
        shown.append(grey(picture) / 1e3 if picture else 0.0)
    steps = np.diff(shown[120:])
    assert steps.min() > 0.5 / 30.0  # never held
    assert steps.max() < 1.5 / 30.0


def test_worker_draws_no_more_than_it_is_allowed() -> None:
    generator = Plain()
    worker = Worker(generator)
    try:
        rates = ((20.0, 38, 42), (12.0, 22, 26), (None, 60, 60))
        for turn, (rate, least, most) in enumerate(rates):
            worker.limit(rate)
            before = len(generator.seen)
            for frame in range(60):
                begin = 10.0 * turn + frame / 30
                worker.paint(latent(frame, begin), tick(begin, 1 / 30))
                wait_until(lambda: worker._mail is None)
            wait_until(lambda: worker.frames == len(generator.seen))
            assert least <= len(generator.seen) - before <= most
    finally:
        worker.close()


def test_worker_draws_the_newest_latent() -> None:
    generator = Plain()
    worker = Worker(generator)
    try:
        generator.gate.clear()
        worker.paint(latent(1), tick(0.0))
        wait_until(lambda: generator.seen)
        for k in range(2, 10):
            worker.paint(latent(k), tick(0.02 * k))
        generator.gate.set()
        wait_until(lambda: worker.frames == 2)
        assert [float(s.w[0, 0]) for s in generator.seen] == [1.0, 9.0]
        assert len(worker.durations_ms) == 2
    finally:
        worker.close()


def test_worker_never_waits_and_starts_dark() -> None:
    generator = Plain()
    generator.gate.clear()
    worker = Worker(generator)
    try:
        picture = worker.paint(latent(200, 0.5), tick(0.0))
        assert picture.after.image.shape == (4, 6, 3)
        assert picture.after.image.max() == 0
    finally:
        generator.gate.set()
        worker.close()


def test_worker_shows_what_it_drew() -> None:
    worker = Worker(Plain())
    try:
        worker.paint(latent(200, 0.5), tick(0.0))
        wait_until(lambda: worker.frames == 1)
        picture = worker.paint(latent(200, 0.6), tick(0.02))
        assert grey(picture) == 200.0
        assert picture.after.time == 0.5
    finally:
        worker.close()


def test_a_still_latent_costs_nothing() -> None:
    generator = Plain()
    worker = Worker(generator)
    try:
        for k in range(20):
            worker.paint(latent(50, 0.1 * k), tick(0.02 * k))
            time.sleep(0.002)
        wait_until(lambda: worker.frames == 1)
        assert len(generator.seen) == 1
        worker.paint(latent(50, 3.0, noise=0.5), tick(1.0))  # other noise, other picture
        wait_until(lambda: worker.frames == 2)
    finally:
        worker.close()


def test_a_failing_model_is_told_about_once_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    generator = Plain("moody")
    worker = Worker(generator)
    try:
        with caplog.at_level(logging.WARNING, "vjgan"):
            worker.paint(latent(7), tick(0.0))
            wait_until(lambda: worker.frames == 1)
            worker.paint(latent(7), tick(0.02))
            generator.error = MemoryError("no room")
            for k in range(3):
                worker.paint(latent(20 + k), tick(0.1 + k))
                wait_until(lambda k=k: len(generator.seen) == 2 + k)
            wait_until(lambda: caplog.records)
            assert grey(worker.paint(latent(22), tick(4.0))) == 7.0
            generator.error = None
            worker.paint(latent(90), tick(5.0))
            wait_until(lambda: worker.frames == 2)
        assert [r.getMessage() for r in caplog.records] == [
            "model 'moody' fails, the last picture stays: no room"
        ]
    finally:
        worker.close()


def test_another_model_takes_over_between_frames() -> None:
    one, two = Plain("one"), Plain("two")
    worker = Worker(one)
    try:
        worker.paint(latent(10), tick(0.0))
        wait_until(lambda: worker.frames == 1)
        assert grey(worker.paint(latent(10), tick(0.1))) == 10.0
        worker.use(two)
        assert grey(worker.paint(latent(99), tick(0.2))) == 10.0  # until it has drawn
        wait_until(lambda: worker.frames == 2)
        picture = worker.paint(latent(99), tick(0.3))
        assert picture.before is picture.after  # no blend of two models
        assert grey(picture) == 99.0
        assert len(one.seen) == 1
    finally:
        worker.close()


def test_closing_ends_the_thread_after_the_frame_under_way() -> None:
    generator = Plain()
    worker = Worker(generator)
    worker.paint(latent(1), tick(0.0))
    worker.close()
    names = [thread.name for thread in threading.enumerate()]
    assert "generator" not in names


def test_direct_draws_this_very_frame() -> None:
    generator = Plain()
    direct = Direct(generator)
    picture = direct.paint(latent(30, 1.0), tick(0.0))
    assert picture.before is picture.after
    assert (grey(picture), picture.blend, picture.after.time) == (30.0, 1.0, 1.0)
    again = direct.paint(latent(30, 2.0), tick(0.02))
    assert len(generator.seen) == direct.frames == 1
    assert again.after.time == 2.0
    other = Plain("other")
    direct.use(other)
    assert grey(direct.paint(latent(31), tick(0.04))) == 31.0
    assert len(other.seen) == 1
    generator.error = RuntimeError("broken")
    direct.use(generator)
    with pytest.raises(RuntimeError):
        direct.paint(latent(32), tick(0.06))
    direct.close()


def test_bytes_of_a_picture() -> None:
    import torch

    levels = torch.tensor([-2.0, -1.0, 0.0, 1.0, 3.0]).reshape(1, 1, 5)
    to_bytes = HandOver()
    grey_bytes = to_bytes(levels)
    np.testing.assert_array_equal(grey_bytes[0, :, 0], [0, 0, 128, 255, 255])
    np.testing.assert_array_equal(grey_bytes[..., 0], grey_bytes[..., 2])
    colour = torch.stack([levels[0] * 0 - 1, levels[0] * 0, levels[0] * 0 + 1])
    np.testing.assert_array_equal(to_bytes(colour)[0, 0], [0, 128, 255])


def test_the_bundled_network_plays() -> None:
    player = open_model(MODELS / "alive.safetensors", device="cpu")
    assert (player.name, player.trained, player.resolution) == ("alive", False, (256, 256))
    z = np.random.default_rng(6).standard_normal((2, player.space.z_dim)).astype(np.float32)
    w0, w1 = player.space.map(z)
    states = [LatentState(k, np.tile(w, (player.space.num_ws, 1))) for k, w in enumerate((w0, w1))]
    one, two = (player.generate(state).image for state in states)
    assert one.shape == (256, 256, 3) and one.dtype == np.uint8
    assert one.std() > 20 and two.std() > 20  # not flat
    assert np.abs(one.astype(int) - two).mean() > 15  # another w, another picture
    np.testing.assert_array_equal(player.generate(states[0]).image, one)
    bare = player.generate(LatentState(0.0, states[0].w, noise=0.0)).image
    assert not np.array_equal(bare, one)
    # A step of length 0.5 changes the picture by about a twentieth of a random difference.
    length = float(player.space.length(w0[None], w0[None] + 1e-3 * (w1 - w0)[None])[0])
    near = w0 + 0.5e-3 / length * (w1 - w0)
    moved = np.linalg.norm(player.glimpse(near) - player.glimpse(w0))
    apart = np.linalg.norm(player.glimpse(w1) - player.glimpse(w0))
    assert 0.2 < moved / (0.05 * apart) < 5.0
