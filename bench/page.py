"""From a hand on the control page to the window's pixels.

A real browser, in another process, moves the fader of the brightness and notes when; here, in a
real show, the window's pixels are read back after every swap and the moment is noted at which they
have changed halfway. It counts everything between: the page's own frame, the WebSocket, the queue,
the fader's smoothing, drawing, the swap. The page shows the live preview all the while.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.pacing import live
from vjgan.control import ControlSettings
from vjgan.remote.address import listen, url
from vjgan.render import Nobody
from vjgan.screen.window import Window
from vjgan.settings import LiveSettings
from vjgan.show import first_scene, play
from vjgan.stage import Stage
from vjgan.stock import make_library
from vjgan.types import Controls, Picture, Tick

PRESET = "[controls]\nspeed = 0\nkick = 0\n"
LONGEST_S = 0.4  # light later than this is not this move's
SPARE_S = 25.0  # for the browser to start


class Watched(Window):
    """A window that notes how bright it is after every swap, and when that was."""

    def show(self, picture: Picture, controls: Controls, tick: Tick) -> None:
        super().show(picture, controls, tick)
        seen: list[tuple[float, float]] = self.__dict__.setdefault("seen", [])
        shown = time.time()
        seen.append((shown, float(self.image()[::16, ::16].mean())))


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The latency in ms, and what a page that looks costs the frames."""
    return {"page to pixels, 480x270": moves(options.seconds)} | costs(options.seconds / 2)


def moves(seconds: float) -> dict[str, Any]:
    """From the page's event to the window's pixels."""
    port = _free_port()
    with tempfile.TemporaryDirectory() as folder:
        preset = Path(folder) / "still.toml"
        preset.write_text(PRESET)
        settings = LiveSettings(
            seconds=seconds + SPARE_S,
            preset=str(preset),
            stats=Path(folder) / "stats.json",
            control=ControlSettings(port=port, osc_port=0),
        )
        fingers = _fingers(port, seconds)
        assert fingers.stdout is not None
        moved: list[float] = []
        reader = threading.Thread(target=lambda: moved.extend(map(float, fingers.stdout)))
        reader.start()
        screen = Watched(size=(480, 270), display=None, fullscreen=False)
        library = make_library()
        path = library.find(settings.preset)
        play(settings, library, path, Stage(first_scene(library, path)), "", Nobody(), screen)
        screen.close()
        fingers.wait(30)
        reader.join()
    return spread(moved, screen.__dict__["seen"])


def spread(moved: list[float], seen: list[tuple[float, float]]) -> dict[str, Any]:
    """When the light followed each move (ms); the first goes down."""
    times, light = np.array(seen).T
    dark, bright = np.percentile(light[times > times[0] + 3.0], [5, 95])
    lit = light > (dark + bright) / 2
    waits = []
    for number, moment in enumerate(moved):
        wanted = number % 2 == 1
        after = (times > moment) & (times < moment + LONGEST_S) & (lit == wanted)
        waits += [1e3 * (times[after][0] - moment)] if after.any() else []
    frames = np.diff(times) * 1e3
    return {
        "moves": len(moved),
        "seen": len(waits),
        "ms p50": float(np.percentile(waits, 50)),
        "ms p95": float(np.percentile(waits, 95)),
        "ms max": max(waits),
        "frame ms p50": float(np.percentile(frames, 50)),
        "frame ms p95": float(np.percentile(frames, 95)),
    }


def costs(seconds: float) -> dict[str, Any]:
    """Frame times of a show without a page and with one that looks, in turns."""
    rows: dict[str, Any] = {}
    for turn in (1, 2):
        for looks in (False, True):
            port = _free_port()
            words = ("--mute", "--window", "640x360", "--preset", "drift")
            fingers = _fingers(port, seconds + SPARE_S) if looks else None
            stats = live(seconds + SPARE_S, *words, "--control-port", str(port), "--osc-port", "0")
            if fingers is not None:
                fingers.kill()
                fingers.wait()
            name = f"{'a page looks' if looks else 'no page'}, turn {turn}"
            rows[name] = {k: stats[k] for k in ("frames", "frame_ms", "frames_late")}
    return rows


def _free_port() -> int:
    with listen("127.0.0.1", 18950) as sock:
        return int(sock.getsockname()[1])


def _fingers(port: int, seconds: float) -> subprocess.Popen[str]:
    wait = (
        "import socket, sys, time, runpy\n"
        f"while socket.socket().connect_ex(('127.0.0.1', {port})): time.sleep(0.1)\n"
        f"sys.argv[1:] = ['{url('127.0.0.1', port)}', '{seconds}']\n"
        "runpy.run_module('bench.fingers', run_name='__main__')"
    )
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", wait],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
