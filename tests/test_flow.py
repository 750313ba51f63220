"""The motion between two frames of a model, and how it comes to the picture."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import wait_until
from scipy.ndimage import gaussian_filter

from bench.likeness import C1, C2, LUMA, psnr, ssim, ssim_map, temporal_error
from vjgan.generator.flow import SIDE, flow
from vjgan.generator.worker import Job, Playout, Worker
from vjgan.types import Frame, LatentSpace, LatentState, Picture, Tick


def soft(seed: int, right: float = 0.0, down: float = 0.0) -> np.ndarray:
    """A soft picture uint8 [128, 128, 3] whose content lies so many pixels further."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:128, :128].astype(float)
    image = np.zeros((128, 128, 3))
    for _ in range(12):
        a, b = rng.uniform(-0.25, 0.25, 2)
        image += np.sin(a * (x - right) + b * (y - down) + rng.uniform(0, 6))[
            ..., None
        ] * rng.random(3)
    return (127.5 + 127.5 * image / 6.0).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize(("right", "down"), [(3.0, 0.0), (0.0, -2.0), (-2.0, 2.0)])
def test_what_shifts_is_found_to_shift(right: float, down: float) -> None:
    motion = 128.0 * flow().between(soft(1), soft(1, right, down))  # pixels
    assert motion.shape == (SIDE, SIDE, 4) and motion.dtype == np.float32
    found = np.median(motion[6:-6, 6:-6], axis=(0, 1))
    far = np.array([right, down])
    for way in (found[:2], found[2:]):  # that way, not across it, and not too far
        assert 0.1 < way @ far / (far @ far) < 1.2
        across = way[0] * far[1] - way[1] * far[0]
        assert abs(across) < 0.3 * (far @ far)


def test_hardly_anything_moves_where_nothing_changed() -> None:
    assert np.abs(flow().between(soft(2), soft(2))).max() * 128 < 0.1
    black = np.zeros((64, 48, 3), np.uint8)
    assert np.abs(flow().between(black, black)).max() * 64 < 0.1


def test_another_picture_is_no_motion() -> None:
    """A cut is faded: hardly any of it is moved."""
    rng = np.random.default_rng(3)
    noise = [gaussian_filter(rng.normal(size=(128, 128, 3)), (4, 4, 0)) for _ in range(2)]
    one, two = ((127.5 + 900.0 * x).clip(0, 255).astype(np.uint8) for x in noise)
    assert np.abs(flow().between(one, two)).mean() * 128 < 1.0


def test_pictures_of_all_sizes_are_seen() -> None:
    for side in (4, 33, 1024):
        image = np.full((side, side + 2, 3), 90, np.uint8)
        assert flow().between(image, image).shape == (SIDE, SIDE, 4)


class Slides:
    """A model whose picture lies as far to the right as the first number of w says."""

    trained, resolution, name = True, (128, 128), "slides"
    space: LatentSpace

    def generate(self, latent: LatentState) -> Frame:
        return Frame(latent.time, soft(1, float(latent.w[0, 0])))


def shown(worker: Worker, place: float, time_: float, dt: float) -> Picture:
    latent = LatentState(time_, np.array([[place]], np.float32))
    return worker.paint(latent, Tick(0, time_, dt, time_))


@pytest.mark.parametrize(("dt", "moves"), [(0.02, True), (0.2, False)])
def test_a_slow_model_gives_motion_and_a_fast_one_none(dt: float, moves: bool) -> None:
    worker = Worker(Slides())
    try:
        for index in range(4):  # every 0.1 s
            shown(worker, 2.0 * index, 0.1 * index, dt)
            wait_until(lambda index=index: worker.frames == index + 1)
            wait_until(lambda: len(worker._drawn) == 1)
        picture = shown(worker, 6.0, 0.35, dt)
        assert (picture.motion is not None) == moves
    finally:
        worker.close()


def test_motion_is_only_shown_from_the_frame_it_begins_at() -> None:
    playout, model = Playout(), Slides()
    frames = [Frame(0.1 * k, soft(k)) for k in range(3)]
    jobs = [
        Job(LatentState(f.time, np.zeros((1, 1), np.float32)), model, f.time, f) for f in frames
    ]
    motion = np.ones((SIDE, SIDE, 4), np.float32)
    jobs[1].since, jobs[1].motion = frames[0], motion
    jobs[2].since, jobs[2].motion = Frame(0.1, soft(1)), motion  # of one that was skipped
    for job in jobs:
        playout.take(job, job.moment + 0.05)
    seen = {}
    for time_ in np.arange(0.2, 0.6, 0.01):
        picture = playout.show(float(time_))
        assert picture is not None
        seen[id(picture.after)] = picture.motion if picture.before is not picture.after else None
    assert seen[id(frames[2])] is None
    assert all(value is None or value is motion for value in seen.values())


# ---- the measure of the bench


def test_structural_similarity_is_that_of_the_paper() -> None:
    """One window by its definition, with weighted means and (co)variances about them."""
    rng = np.random.default_rng(5)
    one, two = rng.integers(0, 256, (2, 40, 50, 3)).astype(np.uint8)
    two = (0.6 * one + 0.4 * two).astype(np.uint8)
    reach = np.arange(-5, 6)
    window = np.exp(-(reach[:, None] ** 2 + reach**2) / (2 * 1.5**2))
    window /= window.sum()
    for y, x in ((5, 5), (20, 31), (34, 44)):
        a, b = (image[y - 5 : y + 6, x - 5 : x + 6] @ LUMA for image in (one, two))
        ma, mb = (window * a).sum(), (window * b).sum()
        va, vb = (window * (a - ma) ** 2).sum(), (window * (b - mb) ** 2).sum()
        both = (window * (a - ma) * (b - mb)).sum()
        luminance = (2 * ma * mb + C1) / (ma**2 + mb**2 + C1)
        structure = (2 * both + C2) / (va + vb + C2)
        assert ssim_map(one, two)[y, x] == pytest.approx(luminance * structure, abs=1e-9)


def test_measures_of_films_that_are_known() -> None:
    film = np.random.default_rng(6).integers(10, 240, (3, 16, 16, 3)).astype(np.uint8)
    assert ssim(film, film) == pytest.approx(1.0)
    assert psnr(film + np.uint8(5), film) == pytest.approx(20 * np.log10(255 / 5))
    assert temporal_error(film + np.uint8(5), film) == 0.0
    other = film.copy()
    other[1] += np.uint8(4)
    assert temporal_error(other, film) == pytest.approx(4.0)
