"""The flash limiter, by an independent count of what comes out of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Venue
from flashes import worst_area
from pictures import light, plain, portrait, still, tick

from vjgan.assets import folder
from vjgan.controls import CONTROLS
from vjgan.generator.checkpoint import find_model
from vjgan.generator.player import open_model
from vjgan.gestures import COMMANDS
from vjgan.screen.glsl import FIXED, PRELUDE
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.stock import notice, passes
from vjgan.types import ByteArray, Frame

SIZE = (48, 27)
FPS = 60
BLACK, WHITE, RED = (plain(level, low, low) for level, low in ((0, 0), (255, 255), (255, 0)))


def part(frame: Frame, share: float) -> Frame:
    """Black, but for so much of its width from the left, or below 0 from the right."""
    image = np.zeros((27, 48, 3), np.uint8)
    there = slice(round(48 * share)) if share > 0 else slice(round(48 * share), None)
    image[:, there] = frame.image[0, 0]
    return Frame(0.0, image)


def strobe(hz: float, one: Frame, other: Frame) -> Callable[[int], Frame]:
    return lambda index: (one, other)[int(2 * hz * index / FPS) % 2]


@pytest.fixture(scope="module")
def few(venue: Venue, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shaders that every picture needs, alone: a screen is quickly made."""
    path = tmp_path_factory.mktemp("shaders")
    for name in (*(f"{fixed}.frag" for fixed in FIXED), PRELUDE):
        shutil.copy(folder("shaders") / name, path)
    return path


def filmed(
    few: Path,
    frames: Callable[[int], Frame],
    seconds: float = 2.2,
    limit: bool = True,
    fps: int = FPS,
) -> list[ByteArray]:
    screen = OffscreenScreen(SIZE, shader_dir=few, flash_limit=limit)
    images = []
    for index in range(int(seconds * fps)):
        screen.show(still(frames(index)), light(), tick(index / fps, 1 / fps))
        images.append(screen.image())
    screen.close()
    return images


STROBES = {
    "10 Hz": strobe(10, WHITE, BLACK),
    "4 Hz": strobe(4, WHITE, BLACK),
    "15 Hz": strobe(15, BLACK, WHITE),
    "red, 10 Hz": strobe(10, RED, BLACK),
    "red, 4 Hz": strobe(4, RED, BLACK),
    "red and a blue as bright, 5 Hz": strobe(5, RED, plain(110, 110, 255)),
    "on a third, 10 Hz": strobe(10, part(WHITE, 1 / 3), BLACK),
    "red on a third, 10 Hz": strobe(10, part(RED, 1 / 3), BLACK),
    "one half, then the other, 8 Hz": strobe(8, part(WHITE, 0.5), part(WHITE, -0.5)),
    "faint, 6 Hz": strobe(6, plain(150, 150, 150), plain(115, 115, 115)),
    "soft, 5 Hz": lambda index: plain(*3 * [round(127 - 127 * np.cos(np.pi * index / 6))]),
}


@pytest.mark.parametrize("name", STROBES)
def test_a_strobe_is_eased(few: Path, name: str) -> None:
    assert worst_area(filmed(few, STROBES[name], limit=False), FPS) > 0.25
    assert worst_area(filmed(few, STROBES[name]), FPS) < 0.25


def test_it_eases_rather_than_cuts(few: Path) -> None:
    images = np.array(filmed(few, STROBES["10 Hz"])).mean((1, 2, 3))
    late = images[FPS:]
    assert late.min() > 60  # neither black nor white stays,
    assert late.max() < 240
    assert np.abs(np.diff(late)).max() < 25  # and nothing jumps


def harmless(kind: str) -> Callable[[int], Frame]:
    drawn = portrait()
    still_ = drawn.image.astype(float)
    moves: dict[str, Callable[[int], np.ndarray]] = {
        "a fade in two seconds": lambda index: still_ * min(1.0, index / 120),
        "a pan": lambda index: np.roll(still_, index // 2, 1),
        "a beat at 150 bpm": lambda index: still_ * (0.6 + 0.4 * (1 - index / 24 % 1) ** 2),
        "a strobe on a tenth": lambda index: part(WHITE, 0.1).image * (index // 3 % 2),
    }
    return lambda index: Frame(index / FPS, moves[kind](index).astype(np.uint8))


@pytest.mark.parametrize(
    "kind", ["a fade in two seconds", "a pan", "a beat at 150 bpm", "a strobe on a tenth"]
)
def test_what_does_not_flash_is_left_alone(few: Path, kind: str) -> None:
    limited, free = (filmed(few, harmless(kind), limit=limit) for limit in (True, False))
    worst = max(int(np.abs(a.astype(int) - b).max()) for a, b in zip(limited, free, strict=True))
    assert worst <= 1


def test_after_a_strobe_the_picture_comes_back(few: Path) -> None:
    still_ = portrait()
    images = filmed(few, lambda i: STROBES["10 Hz"](i) if i < FPS else still_, 4.0)
    free = filmed(few, lambda index: still_, 0.1, limit=False)[0]
    assert np.abs(images[-1].astype(int) - free).max() <= 1
    assert np.abs(images[FPS + 6].astype(int) - free).mean() > 10  # not at once


def test_a_film_is_limited_as_a_show_and_the_same_each_time(few: Path) -> None:
    assert np.array_equal(filmed(few, STROBES["10 Hz"], 1.5), filmed(few, STROBES["10 Hz"], 1.5))
    slow = filmed(few, lambda index: STROBES["10 Hz"](2 * index), fps=30)
    assert worst_area(slow, 30) < 0.25


def test_a_blackout_is_never_held_up(few: Path) -> None:
    screen = OffscreenScreen(SIZE, shader_dir=few)
    for index in range(90):
        screen.show(still(STROBES["10 Hz"](index)), light(), tick(index / FPS))
    for index in range(90, 90 + 24):
        screen.show(still(WHITE), light(brightness=0.0), tick(index / FPS))
    assert screen.image().max() < 12
    screen.close()


def test_changes_of_size_keep_what_was_seen(few: Path) -> None:
    screen = OffscreenScreen(SIZE, shader_dir=few)
    images = []
    for index in range(150):
        screen.spare((None, 33 * 19)[index // 7 % 2], 0)
        screen.show(still(STROBES["10 Hz"](index)), light(), tick(index / FPS))
        images.append(screen.image())
    screen.close()
    assert worst_area(images, FPS) < 0.25


def test_no_preset_turns_it_off_and_turning_it_off_is_said_aloud(
    caplog: pytest.LogCaptureFixture,
) -> None:
    own = [name for rows in passes().values() for name in rows]
    assert not [name for name in (*CONTROLS, *own, *COMMANDS) if "limit" in name]
    model = open_model(find_model("alive", folder("models")), "cpu", live=False)
    words = tuple(notice(model))
    assert "flash" not in "".join(words) + caplog.text
    assert notice(model, flash_limit=False) == (*words, "flash limiter off")
    assert "flash limiter is off" in caplog.text
