"""What the screen costs: CPU time a displayed frame in a real window, and frames on their way up;
and how many frames are late, without a film of the show and with one.

CPU time is that of the whole process, the threads of a software GL among them: it says little where
a GPU draws. Ways that are compared draw in turn; the least of the turns is told.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from itertools import count
from typing import Any

import moderngl
import numpy as np

from bench import loop, recording
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.screen.upload import WAYS, Upload, open_upload
from vjgan.screen.window import Window
from vjgan.types import ByteArray, Controls, Frame, PassWeight, Picture, Tick

SIZES = ((1280, 720), (1920, 1080))
PASSES = ("bloom", "trails", "vignette", "liquid", "ripple", "kaleidoscope", "grain", "scanlines")
CHAINS = (0, 3, 8)
SIDE = 256  # of the model's frames
BETWEEN = 5  # frames of the screen to one of the model
TURN, TURNS = 6, 6  # frames of each way, in turn; turns
SENT = (256, 512, 1024)  # sides of frames on their way up


def run(options: argparse.Namespace) -> dict[str, Any]:
    """CPU ms a displayed frame, the loop's own ms, ms to send a frame to the GPU, and late frames
    of ``--seconds`` of a show (300 for five minutes)."""
    rows: dict[str, Any] = {}
    for size in SIZES:
        with closing(Window(size)) as window:
            rows["{}x{}".format(*size)] = displayed(window)
    rows["the loop without GL"] = loop.run(options)
    rows["sent to the GPU"] = {f"{side}x{side}": sent(side) for side in SENT}
    rows["late"] = recording.paced(options.seconds)
    return rows


def displayed(window: Window) -> dict[str, Any]:
    """CPU ms a displayed frame, by the number of passes; between frames that are moved and that
    are faded, and as much of the one as of the other."""
    rows: dict[str, Any] = {"drawn inside at": str(window.canvas.chain.internal_size)}
    draw = Drawing(window)
    for passes in CHAINS:
        ways: dict[str, Callable[[], None]] = {
            "moved": lambda passes=passes: draw(passes, True),  # type: ignore[misc]
            "faded": lambda passes=passes: draw(passes, False),  # type: ignore[misc]
        }
        least = in_turn(ways)
        rows[f"{passes} passes, CPU ms a frame"] = least["moved"]
        rows[f"{passes} passes, moved / faded"] = least["moved"] / least["faded"]
    return rows


class Drawing:
    """Frames of a screen that shows what is between those of a slow model."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._number = count()
        rng = np.random.default_rng(0)
        self._images = [_soft(rng) for _ in range(2)]
        self._motion = rng.uniform(-0.02, 0.02, (32, 32, 4)).astype(np.float32)
        self._picture = Picture(Frame(0.0, self._images[0]), Frame(0.0, self._images[1]))

    def __call__(self, passes: int, moved: bool) -> None:
        """Show one frame; every few of them a new one of the model comes in."""
        number = next(self._number)
        time_ = number / 60
        if number % BETWEEN == 0:
            after = Frame(time_, self._images[number // BETWEEN % 2])
            motion = self._motion.copy() if moved else None
            self._picture = Picture(self._picture.after, after, motion=motion)
        picture = replace(self._picture, blend=number % BETWEEN / BETWEEN)
        chain = tuple(PassWeight(name) for name in PASSES[:passes])
        self._window.show(
            picture, Controls(time_, {}, {}, chain), Tick(number, time_, 1 / 60, time_)
        )


def in_turn(ways: dict[str, Callable[[], None]]) -> dict[str, float]:
    """CPU ms that a call of each takes, the least of the turns."""
    least = dict.fromkeys(ways, float("inf"))
    for _ in range(TURNS):
        for name, way in ways.items():
            way()
            begin = cpu_seconds()
            for _ in range(TURN):
                way()
            least[name] = min(least[name], (cpu_seconds() - begin) / TURN * 1e3)
    return least


def cpu_seconds() -> float:
    """What this process, with all its threads, has had of the processors."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def sent(side: int) -> dict[str, Any]:
    """ms of wall time until a new frame is in a texture, by every way, in turn; the least. The ways
    are those of ``VJGAN_UPLOAD``."""
    screen = OffscreenScreen((64, 64), flash_limit=False)
    with closing(screen), screen.canvas.chain.context as context:
        ways = {name: open_upload(context, name) for name in WAYS}
        image = _soft(np.random.default_rng(side), side)
        texture = context.texture((side, side), 3, alignment=1)
        least = dict.fromkeys(ways, float("inf"))
        for _ in range(40):
            for name, way in ways.items():
                least[name] = min(least[name], _ms(context, way, texture, image))
        rows: dict[str, Any] = {f"ms, {name}": ms for name, ms in least.items()}
        rows["taken for mapped"] = type(ways["mapped"]).__name__.lower()
        for way in ways.values():
            way.release()
    return rows


def _ms(
    context: moderngl.Context, way: Upload, texture: moderngl.Texture, image: ByteArray
) -> float:
    context.finish()
    begin = time.perf_counter()
    way.write(texture, image)
    context.finish()
    return (time.perf_counter() - begin) * 1e3


def _soft(rng: np.random.Generator, side: int = SIDE) -> ByteArray:
    """A picture of a few waves."""
    x = np.linspace(0.0, 1.0, side)
    image = np.zeros((side, side, 3))
    for _ in range(6):
        a, b, c = rng.uniform(2.0, 20.0, 3)
        image += np.sin(a * x[:, None] + b * x + c)[..., None] * rng.uniform(0.0, 1.0, 3)
    return (127.5 + 127.5 * image / np.abs(image).max()).astype(np.uint8)
