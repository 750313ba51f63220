"""Whether frames come late while presets change: a steady show and a restless one, in one run.

`vjgan live` on the demo track in a window, through ``vjgan.show.play``: first one preset alone,
then another one every four seconds, all of them in turn. The times that the sound ran dry are
counted too, and the late frames during which a virtual machine's host ran something else.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vjgan import show
from vjgan.control import ControlSettings
from vjgan.screen.window import Window
from vjgan.settings import LiveSettings
from vjgan.show import first_scene, play
from vjgan.stage import Stage
from vjgan.stats import LATE_FRAMES
from vjgan.stock import demo_sound, make_library
from vjgan.types import Command, Controls, Event, Picture, Tick

EVERY_S = 4.0
SETTLED_S = 3.0  # of the beginning, which no one judges
PRESET = "sitters"
STEAL = 8  # the word of /proc/stat's first line that tells what a host took


class Noted(Window):
    """A window that notes when its frames came, and what the host took by then (s)."""

    def show(self, picture: Picture, controls: Controls, tick: Tick) -> None:
        seen: list[tuple[float, float, float]] = self.__dict__.setdefault("seen", [])
        seen.append((tick.time, tick.dt, stolen()))
        super().show(picture, controls, tick)


class Restless:
    """Hands that call the next preset every few seconds, from a moment on."""

    def __init__(self, window: Noted, begin: float) -> None:
        self._window = window
        self._due = begin

    def read(self) -> Sequence[Event]:
        seen = self._window.__dict__.get("seen", [(0.0, 0.0, 0.0)])
        if seen[-1][0] < self._due:
            return ()
        self._due += EVERY_S
        return (Command("next"),)

    def close(self) -> None: ...


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The pace of both parts, in windows of two sizes."""
    return {size: apart(options, size) for size in ("960x540", "1280x720")}


def apart(options: argparse.Namespace, window: str) -> dict[str, Any]:
    """`perform`, in a process of its own, whose complaints are counted."""
    words = (window, options.seconds, options.fps)
    done = subprocess.run(
        [sys.executable, "-m", "bench.switching", *map(str, words)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    rows: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return rows | {"sound ran dry, times": done.stderr.count("underrun")}


def perform(window: str, seconds: float, fps: float) -> dict[str, Any]:
    """A steady show of so many seconds, then every preset once."""
    show.SOFTWARE_FPS = fps
    library = make_library()
    path = library.find(PRESET)
    width, height = map(int, window.split("x"))
    screen = Noted(size=(width, height))
    lasts = seconds + EVERY_S * len(library.paths())
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "stats.json"
        alone = ControlSettings(page=False, osc_port=0)
        settings = LiveSettings(input="demo", seconds=lasts, stats=file, control=alone)
        hands = Restless(screen, seconds)
        stage = Stage(first_scene(library, path))
        play(settings, library, path, stage, demo_sound(), hands, screen)
        stats = json.loads(file.read_text())
    screen.close()
    period = 1.0 / (fps if screen.software else show.FPS)
    times, steps, taken = np.array(screen.__dict__["seen"]).T
    taken = np.diff(taken, prepend=taken[0])
    steady, restless = (times > SETTLED_S) & (times < seconds), times >= seconds
    names = ("model_ms", "sound_to_light_ms", "quality", "model_frames")
    return {
        "steady": pace(steps[steady], period, taken[steady]),
        "switching": pace(steps[restless], period, taken[restless]),
    } | {name: stats[name] for name in names}


def stolen() -> float:
    """Seconds that the host of a virtual machine took from it, as far as that is told."""
    try:
        line = Path("/proc/stat").read_text().splitlines()[0].split()
    except OSError:
        return 0.0
    return int(line[STEAL]) / os.sysconf("SC_CLK_TCK")


def pace(steps: np.ndarray, period: float, taken: np.ndarray) -> dict[str, Any]:
    """How evenly frames came, from the seconds between them and what the host took meanwhile."""
    late = steps > LATE_FRAMES * period
    p50, p99 = np.percentile(1e3 * steps, (50, 99))
    return {
        "ms p50": float(p50),
        "ms p99": float(p99),
        "ms max": float(1e3 * steps.max()),
        "late": f"{late.sum()} of {len(steps)}",
        "late, the host elsewhere": int((late & (taken > 0.0)).sum()),
        "seconds taken by the host": float(taken.sum()),
    }


if __name__ == "__main__":
    print(json.dumps(perform(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]))))
