"""What is seen between two frames of a model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from conftest import Venue
from pictures import light, plain, portrait, tick
from scipy.ndimage import map_coordinates

from vjgan.screen.offscreen import OffscreenScreen
from vjgan.types import FloatArray, Frame, Picture

SIDE = 128


@pytest.fixture(scope="module")
def screen(venue: Venue) -> Iterator[OffscreenScreen]:
    screen = OffscreenScreen((SIDE, SIDE), flash_limit=False)
    yield screen
    screen.close()


def soft(seed: int) -> Frame:
    """A picture without sharp contours, which the screen shows as it is."""
    x = np.linspace(0.0, 2.0 * np.pi, SIDE, endpoint=False) + 0.5
    image = np.stack([np.sin(2 * x[:, None] + k + seed) * np.cos(x + 2 * k) for k in range(3)], -1)
    return Frame(0.0, (127.5 + 100.0 * image).astype(np.uint8))


def swirl() -> FloatArray:
    """A motion [32, 32, 4], elsewhere another one, and to the one frame not as to the other."""
    y, x = np.mgrid[:32, :32] / 32.0
    ways = [np.sin(6 * x + k) * np.cos(5 * y - k) for k in range(4)]
    return (0.04 * np.stack(ways, -1)).astype(np.float32)


def moved(picture: Picture, share: float, flow: float = 1.0) -> np.ndarray:
    """The same by SciPy, straight from what Picture says of its motion."""
    assert picture.motion is not None
    height, width = picture.after.image.shape[:2]
    rows, columns = np.mgrid[:height, :width] + 0.5
    at = [rows / height * 32 - 0.5, columns / width * 32 - 0.5]
    way = [flow * map_coordinates(picture.motion[..., k], at, order=1, mode="nearest")
           for k in range(4)]  # fmt: skip

    def read(frame: Frame, right: np.ndarray, down: np.ndarray) -> np.ndarray:
        place = [rows - 0.5 + height * down, columns - 0.5 + width * right]
        return np.stack([
            map_coordinates(frame.image[..., k].astype(float), place, order=1, mode="nearest")
            for k in range(3)
        ], -1)  # fmt: skip

    before = read(picture.before, -share * way[0], -share * way[1])
    after = read(picture.after, (1 - share) * way[2], (1 - share) * way[3])
    return (1 - share) * before + share * after


def shown(screen: OffscreenScreen, picture: Picture, **values: float) -> np.ndarray:
    screen.show(picture, light(between__sharpness=0.0, between__ease=0.0, **values), tick())
    return screen.image().astype(float)


@pytest.mark.parametrize("blend", [0.0, 0.3, 0.5, 1.0])
def test_the_picture_moves_as_the_motion_says(screen: OffscreenScreen, blend: float) -> None:
    picture = Picture(soft(0), soft(1), blend, motion=swirl())
    want = moved(picture, blend)
    assert np.abs(shown(screen, picture) - want).max() < 4.0
    faded = shown(screen, replace(picture, motion=None))
    if 0.0 < blend < 1.0:
        assert np.abs(faded - want).mean() > 3.0  # it is seen


def test_how_much_is_moved_is_a_control(screen: OffscreenScreen) -> None:
    picture = Picture(soft(0), soft(1), 0.5, motion=swirl())
    half = shown(screen, picture, between__flow=0.5)
    assert np.abs(half - moved(picture, 0.5, 0.5)).max() < 4.0
    none = shown(screen, picture, between__flow=0.0)
    np.testing.assert_array_equal(none, shown(screen, replace(picture, motion=None)))


def test_what_moved_is_not_seen_twice(screen: OffscreenScreen) -> None:
    """A thing that went aside is one thing between, where a fade shows two half ones."""
    x = np.arange(SIDE) + 0.5

    def bar(middle: float) -> Frame:
        column = 255.0 / (1.0 + np.exp(np.abs(x - middle) - 8.0))
        return Frame(0.0, np.repeat(np.tile(column.astype(np.uint8), (SIDE, 1))[..., None], 3, -1))

    motion = np.zeros((32, 32, 4), np.float32)
    motion[..., 0::2] = 24.0 / SIDE
    one = shown(screen, Picture(bar(52.0), bar(76.0), 0.5, motion=motion))
    assert np.abs(one - shown(screen, Picture(bar(64.0), bar(64.0)))).max() < 2.0
    two = shown(screen, Picture(bar(52.0), bar(76.0), 0.5))
    assert two.max() < 200.0


def test_a_motion_is_sent_once_and_another_size_is_taken(screen: OffscreenScreen) -> None:
    motion = swirl()
    picture = Picture(soft(0), soft(1), 0.5, motion=motion)
    first = shown(screen, picture)
    motion[:] = 0.0
    np.testing.assert_array_equal(shown(screen, picture), first)
    fine = np.kron(swirl(), np.ones((2, 2, 1), np.float32))
    assert np.abs(shown(screen, replace(picture, motion=fine)) - first).mean() < 3.0
    small = Picture(plain(10, 20, 30), plain(10, 20, 30), 0.5, motion=swirl())
    assert np.abs(shown(screen, small) - (10, 20, 30)).max() <= 1.0


def test_far_motion_stays_on_the_picture(screen: OffscreenScreen) -> None:
    motion = np.full((32, 32, 4), 5.0, np.float32)
    image = shown(screen, Picture(portrait(), portrait(), 0.5, motion=motion))
    corner = portrait().image[[0, -1], [0, -1]].astype(float)
    assert np.abs(image - corner.mean(0)).max() < 4.0
