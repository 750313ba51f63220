from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import glfw
import numpy as np
import pytest
from conftest import Venue, wait_until
from pictures import SIZE, light, plain, portrait, still, tick
from PIL import Image

from vjgan.errors import DeviceError
from vjgan.gestures import COMMANDS
from vjgan.screen.displays import displays
from vjgan.screen.keys import KEYS, LEAVE_SECONDS
from vjgan.screen.layout import SQUARE, Layout, Output
from vjgan.screen.window import Window
from vjgan.types import Command, Event


@pytest.fixture
def window(venue: Venue) -> Iterator[Window]:
    window = Window(SIZE, title="vjgan test")
    window.show(still(plain(0, 0, 0)), light(), tick())
    window.events()
    xdotool("search", "--sync", "--name", "vjgan test", "windowfocus", "--sync")
    yield window
    window.close()


def xdotool(*words: str) -> None:
    subprocess.run(["xdotool", *words], check=True, timeout=20, capture_output=True)


def press(window: Window, *keys: str) -> list[Event]:
    """The commands that come of keys pressed on the X server."""
    xdotool("key", *keys)
    return heard(window, len(keys))


def heard(window: Window, count: int) -> list[Event]:
    events: list[Event] = []

    def enough() -> bool:
        events.extend(window.events())
        return len(events) >= count

    wait_until(enough, 5.0, f"{count} commands, not {events}")
    return events


def test_keys_are_commands(window: Window) -> None:
    keys = ["space", "b", "h", "t", "Left", "Right", "1", "9", "KP_3"]
    assert press(window, *keys) == [
        Command("freeze"),
        Command("blackout"),
        Command("help"),
        Command("tap"),
        Command("previous"),
        Command("next"),
        Command("preset", 1),
        Command("preset", 9),
        Command("preset", 3),
    ]
    assert {command.name for command in KEYS.values()} <= set(COMMANDS)


def test_escape_leaves_only_when_pressed_twice_within_a_second(window: Window) -> None:
    xdotool("key", "Escape", "b")
    assert heard(window, 1) == [Command("blackout")]
    time.sleep(LEAVE_SECONDS + 0.1)
    xdotool("key", "Escape", "b")
    assert heard(window, 1) == [Command("blackout")]
    xdotool("key", "Escape")
    assert heard(window, 1) == [Command("quit")]


def test_f_fills_the_display_and_gives_it_back(window: Window) -> None:
    def size_after_f() -> tuple[int, int]:
        before = window.fullscreen
        xdotool("key", "f")
        wait_until(lambda: (window.events(), window.fullscreen != before)[1], 5.0, "F")

        def drawn() -> bool:
            window.events()
            window.show(still(portrait()), light(), tick())
            return window.image().shape[1::-1] == window.size

        wait_until(drawn, 5.0, "a picture of the new size")
        return window.size

    assert not window.fullscreen
    assert size_after_f() == displays()[0].size
    assert window.fullscreen
    assert size_after_f() == SIZE
    assert not window.fullscreen


def test_closing_the_window_is_quit_once(window: Window) -> None:
    glfw.set_window_should_close(window._pane.handle, True)  # as a window manager's button does
    assert heard(window, 1) == [Command("quit")]
    assert list(window.events()) == []


def test_the_display_really_shows_the_picture(window: Window, tmp_path: Path) -> None:
    frame = portrait()
    for _ in range(2):
        window.events()
        window.show(still(frame), light("vignette"), tick())
    file = tmp_path / "screen.png"
    subprocess.run(["import", "-window", "vjgan test", str(file)], check=True, timeout=30)
    seen = np.asarray(Image.open(file).convert("RGB")).astype(int)
    assert seen.std() > 20
    assert np.abs(seen - window.image()).max() <= 1


def test_a_window_on_a_chosen_display(venue: Venue) -> None:
    window = Window(SIZE, display=1, fullscreen=True)
    assert window.size == displays()[0].size
    window.close()


def test_displays_are_listed(venue: Venue) -> None:
    first = displays()[0]
    assert first.number == 1
    assert first.size == (1920, 1080)
    assert first.position == (0, 0)
    assert str(first).startswith(f"1 '{first.name}' 1920x1080 at 0,0")


def test_a_display_that_is_not_there(venue: Venue) -> None:
    with pytest.raises(DeviceError, match=r"display 7 is unknown; there are: 1 '.*' 1920x1080"):
        Window(SIZE, display=7)
    with pytest.raises(DeviceError, match="display 0 is unknown"):
        Window(SIZE, display=0)


@pytest.mark.parametrize("display", [None, ":4242"])
def test_no_display_at_all(venue: Venue, display: str | None) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    code = "from vjgan.screen.window import Window; Window()"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment | ({"DISPLAY": display} if display else {}),
        capture_output=True,
        text=True,
        timeout=30,
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("vjgan.errors.DeviceError: no display: X11: ")


def test_a_window_without_opengl(venue: Venue) -> None:
    code = "from vjgan.screen.window import Window; Window()"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=os.environ | {"MESA_GL_VERSION_OVERRIDE": "2.1"},
        capture_output=True,
        text=True,
        timeout=30,
    )
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("vjgan.errors.DeviceError: no window of 1280x720 with OpenGL 3.3: ")


def test_a_picture_of_the_windows_own_size_is_drawn_straight(window: Window) -> None:
    window.show(still(portrait()), light(), tick())
    assert window.canvas._light is None


def test_f2_shows_the_pattern_whose_corners_keys_move(venue: Venue) -> None:
    kept: dict[str, Output] = {}
    window = Window(SIZE, title="vjgan corners", keep=kept.__setitem__)

    def corners_after(*keys: str) -> tuple[tuple[float, float], ...]:
        before = window._outlet.output.corners
        xdotool("key", *keys)
        wait_until(
            lambda: (window.events(), window._outlet.output.corners != before)[1], 5.0, str(keys)
        )
        return window._outlet.output.corners

    window.show(still(portrait()), light(), tick())
    window.events()
    xdotool("search", "--sync", "--name", "vjgan corners", "windowfocus", "--sync")
    assert press(window, "F2") == [Command("pattern")]
    window.pattern()
    window.show(still(portrait()), light(), tick())
    xdotool("key", "2")
    wait_until(lambda: (window.events(), window._outlet.corner)[1] == 1, 5.0, "the second corner")
    assert corners_after("shift+Left")[1] == (1.0 - 10 / SIZE[0], 0.0)
    assert corners_after("Down")[1] == (1.0 - 10 / SIZE[0], 1 / SIZE[1])
    window.show(still(portrait()), light(), tick())
    assert not kept
    window.pattern()
    assert kept["window"].corners[1] == (1.0 - 10 / SIZE[0], 1 / SIZE[1])
    window.pattern()
    assert corners_after("BackSpace") == SQUARE
    assert press(window, "b") == [Command("blackout")]  # all other keys mean what they always do
    window.close()
    assert kept["window"].corners == SQUARE


def test_a_window_shows_the_picture_as_its_output_has_it(venue: Venue, tmp_path: Path) -> None:
    corners = ((0.25, 0.0), (1.0, 0.0), (1.0, 1.0), (0.25, 0.5))
    layout = Layout(outputs={"window": Output(rotate=90, brightness=0.5, corners=corners)})
    window = Window(SIZE, title="vjgan laid", layout=layout)
    assert window.size == SIZE[::-1]
    for _ in range(2):
        window.events()
        window.show(still(plain(200, 100, 0)), light(fit=1.0), tick())
    assert np.abs(window.image().astype(int) - (200, 100, 0)).max() <= 1
    file = tmp_path / "laid.png"
    subprocess.run(["import", "-window", "vjgan laid", str(file)], check=True, timeout=30)
    seen = np.asarray(Image.open(file).convert("RGB")).astype(int)
    assert seen[:, : SIZE[0] // 4 - 1].max() == 0
    assert seen[-1, SIZE[0] // 4 : SIZE[0] // 4 + 30].max() == 0
    assert np.abs(seen[5:40, SIZE[0] // 2 :] - (100, 50, 0)).max() <= 2
    window.close()


@pytest.fixture
def operated(venue: Venue) -> Iterator[Window]:
    window = Window(SIZE, title="vjgan test", operator=True)
    window.report(
        ("Preset     tide", "Clock      124.0 bpm"), ("Esc Esc    leave", "B          black")
    )
    shown_to_operator(window)
    yield window
    window.close()


def shown_to_operator(window: Window) -> None:
    """As many frames as it takes until all that is new is painted in the operator's window."""
    for index in range(12):
        window.events()
        window.show(still(plain(0, 90, 200)), light(fit=1.0), tick(1.0 + index))


def seen_by_operator(tmp_path: Path) -> np.ndarray:
    file = tmp_path / "operator.png"
    subprocess.run(["import", "-window", "vjgan: operator", str(file)], check=True, timeout=30)
    return np.asarray(Image.open(file).convert("RGB")).astype(int)


def test_words_are_for_the_operator_alone(operated: Window, tmp_path: Path) -> None:
    silent, before = operated.image(), seen_by_operator(tmp_path)
    operated.say(["Esc Esc    leave", "F          full screen", "H          help"])
    logging.getLogger("vjgan").error("the projector is on fire")
    shown_to_operator(operated)
    assert np.array_equal(operated.image(), silent)
    changed = np.argwhere((seen_by_operator(tmp_path) != before).any(-1))
    height, width = before.shape[:2]
    assert (changed[:, 1] > 0.6 * width).any()  # keys, at the right
    assert (changed[:, 0] > 0.6 * height).any()  # messages, below
    preview = before[30 : height // 2, 30 : width // 2]
    assert np.abs(preview - (0, 90, 200)).max() <= 1


def test_a_key_in_the_operators_window_is_a_command(operated: Window) -> None:
    xdotool("search", "--sync", "--name", "vjgan: operator", "windowfocus", "--sync")
    assert press(operated, "b") == [Command("blackout")]


def test_closing_the_operators_window_does_not_end_the_show(operated: Window) -> None:
    assert operated._operator is not None
    glfw.set_window_should_close(operated._operator.pane.handle, True)
    assert list(operated.events()) == []
    assert not operated.is_operated
    shown_to_operator(operated)
    assert operated.image()[..., 2].mean() > 190
    operated.say(["again over the picture"])
    shown_to_operator(operated)
    assert (operated.image()[-25:, :60] != (0, 90, 200)).any()


def test_the_operators_window_is_drawn_ten_times_a_second_at_most(operated: Window) -> None:
    operator = operated._operator
    assert operator is not None
    due = [operator.due(100.0 + index / 60) for index in range(600)]
    assert 30 <= sum(due) <= 101
