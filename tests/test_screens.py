"""What every screen does: the same set of tests on a window and off screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from conftest import Venue
from pictures import SIZE, light, plain, portrait, still, tick

from vjgan.screen.offscreen import OffscreenScreen
from vjgan.screen.window import Window
from vjgan.types import Screen

KINDS: dict[str, Callable[[], Screen]] = {
    "window": lambda: Window(SIZE),
    "offscreen": lambda: OffscreenScreen(SIZE),
    "offscreen, live": lambda: OffscreenScreen(SIZE, live=True),
}


@pytest.fixture(params=list(KINDS))
def screen(venue: Venue, request: pytest.FixtureRequest) -> Iterator[Screen]:
    screen = KINDS[request.param]()
    yield screen
    screen.close()


def test_a_screen_shows_the_picture(screen: Screen) -> None:
    assert screen.size == SIZE
    screen.show(still(portrait()), light("bloom", "vignette"), tick())
    image = screen.image()
    assert image.shape == (SIZE[1], SIZE[0], 3)
    assert image.dtype == np.uint8
    assert image.mean() > 30
    assert image.std() > 20


def test_a_screen_shows_the_top_row_first(screen: Screen) -> None:
    frame = plain(0, 0, 0)
    frame.image[:8] = (255, 0, 0)
    frame.image[8:] = (0, 0, 255)
    screen.show(still(frame), light(fit=0.0), tick())
    image = screen.image()
    assert tuple(image[5, SIZE[0] // 2]) == (255, 0, 0)
    assert tuple(image[-5, SIZE[0] // 2]) == (0, 0, 255)


def test_a_screen_draws_the_same_again(screen: Screen) -> None:
    passes = ("liquid", "facets", "grain", "bloom")
    screen.show(still(portrait()), light(*passes), tick())
    first = screen.image()
    screen.show(still(portrait(2)), light(), tick())
    screen.show(still(portrait()), light(*passes), tick())
    assert np.array_equal(screen.image(), first)


def test_a_screen_says_something_and_falls_silent(screen: Screen) -> None:
    def image() -> np.ndarray:
        screen.show(still(plain(90, 90, 90)), light(), tick())
        return screen.image().astype(int)

    silent = image()
    screen.say(["Esc Esc  leave", "F        full screen"])
    panel = image() != silent
    assert panel.any(-1)[SIZE[1] // 2].sum() > 20  # a table stands in the middle
    screen.say(["untrained"])
    notice = image() != silent
    assert notice[-25:, :60].any()  # a line in the lower left corner
    assert not notice[: SIZE[1] // 2].any()
    screen.say([])
    assert np.array_equal(image(), silent)


def test_a_screen_reports_no_keys_when_none_is_pressed(screen: Screen) -> None:
    assert list(screen.events()) == []
