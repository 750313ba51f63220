from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import Venue
from pictures import SIZE, light, portrait, still, tick

from vjgan.errors import DeviceError
from vjgan.screen.offscreen import OffscreenScreen

DRAW = """
import sys
sys.path.insert(0, sys.argv[1])
from pictures import SIZE, light, portrait, still, tick
from vjgan.screen.offscreen import OffscreenScreen
screen = OffscreenScreen(SIZE)
screen.show(still(portrait()), light("bloom"), tick())
print(screen.image().mean())
"""


def draw_elsewhere(**environment: str) -> subprocess.CompletedProcess[str]:
    """The mean of a picture drawn in another process."""
    words = [sys.executable, "-c", DRAW, str(Path(__file__).parent)]
    kept = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    return subprocess.run(words, env=kept | environment, capture_output=True, text=True, timeout=60)


def test_two_screens_draw_the_same_film(venue: Venue) -> None:
    films = []
    for _ in range(2):
        screen = OffscreenScreen(SIZE)
        for index in range(5):
            controls = light("trails", "glitch", "grain", time=index / 30, feedback=0.9)
            screen.show(still(portrait()), controls, tick(index / 30, 1 / 30))
        films.append(screen.image())
        screen.close()
    assert np.array_equal(*films)


@pytest.mark.parametrize("environment", [{}, {"DISPLAY": ":4242"}], ids=["none", "dead"])
def test_it_needs_no_display(venue: Venue, environment: dict[str, str]) -> None:
    screen = OffscreenScreen(SIZE)
    screen.show(still(portrait()), light("bloom"), tick())
    here = screen.image().mean()
    screen.close()
    done = draw_elsewhere(**environment)
    assert done.returncode == 0, done.stderr
    assert abs(float(done.stdout) - here) < 0.5


def test_without_opengl_it_says_so(venue: Venue) -> None:
    done = draw_elsewhere(__EGL_VENDOR_LIBRARY_DIRS="/nowhere")
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"{DeviceError.__module__}.DeviceError: no OpenGL 3.3 to draw with: ")


def test_it_draws_every_pixel_for_a_film_and_fewer_live_without_a_gpu(
    venue: Venue, caplog: pytest.LogCaptureFixture
) -> None:
    size = (800, 450)
    film = OffscreenScreen(size)
    assert film.canvas.chain.internal_size == size
    film.close()
    with caplog.at_level("INFO", "vjgan"):
        live = OffscreenScreen(size, live=True)
    said = [r.getMessage() for r in caplog.records if "no GPU" in r.getMessage()]
    if live.software:
        assert live.canvas.chain.internal_size == (400, 225)
        assert len(said) == 1
    else:
        assert live.canvas.chain.internal_size == size
        assert not said
    live.close()
