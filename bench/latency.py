"""From sound to light, through the sound server, the ear, the loop and a window.

Two views. *Demo*: another process plays the demo track into the sink, `vjgan live` hears it from
the sink's monitor; the time from the capture of the newest sample behind a frame to the frame's
swap, from its own statistics. *Bursts*: another process plays bursts of bass and notes when each
leaves the loudspeaker; here the window's pixels are read back after every swap and the moment is
noted at which they light up. The second counts everything: server, buffers, analysis, drawing.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.pacing import live
from vjgan.render import Nobody
from vjgan.screen.window import Window
from vjgan.settings import LiveSettings
from vjgan.show import first_scene, play
from vjgan.stage import Stage
from vjgan.stock import make_library
from vjgan.types import Controls, Picture, Tick

PRESET = Path(__file__).with_name("flash.toml")
LONGEST_S = 0.3  # light later than this is not this burst's


class Watched(Window):
    """A window that notes how bright it is after every swap."""

    def show(self, picture: Picture, controls: Controls, tick: Tick) -> None:
        super().show(picture, controls, tick)
        seen: list[tuple[float, float]] = self.__dict__.setdefault("seen", [])
        shown = time.perf_counter()
        seen.append((shown, float(self.image()[::16, ::16].mean())))


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Both views, ms."""
    rows = {f"demo, {size}": demo(options.seconds, size) for size in ("960x540", "1280x720")}
    return rows | {"bursts, 640x360": bursts(options.seconds)}


def demo(seconds: float, window: str) -> dict[str, Any]:
    """The show's own figures while another process plays the demo track."""
    aloud = _aloud("demo", seconds + 10)
    try:
        stats = live(seconds, "--input", "", "--window", window, "--preset", "drift")
    finally:
        aloud.kill()
        aloud.wait()
    names = ("sound_to_light_ms", "sound_to_model_light_ms", "frame_ms", "audio_blocks_lost")
    return {name: stats[name] for name in names}


def bursts(seconds: float) -> dict[str, Any]:
    """From the loudspeaker to the window's pixels."""
    aloud = _aloud("bursts", seconds)
    left: list[float] = []
    assert aloud.stdout is not None
    reader = threading.Thread(target=lambda: left.extend(map(float, aloud.stdout)), daemon=True)
    reader.start()
    screen = Watched(size=(640, 360), display=None, fullscreen=False)
    settings = LiveSettings(seconds=seconds, preset=str(PRESET))
    with tempfile.TemporaryDirectory() as folder:
        settings = replace(settings, stats=Path(folder) / "stats.json")
        library = make_library()
        path = library.find(settings.preset)
        play(settings, library, path, Stage(first_scene(library, path)), "", Nobody(), screen)
    screen.close()
    aloud.wait()
    reader.join()
    return spread(left, screen.__dict__["seen"])


def spread(left: list[float], seen: list[tuple[float, float]]) -> dict[str, Any]:
    """When the light followed each burst (ms), over those after the first five seconds."""
    times, light = np.array(seen).T
    settled = times > times[0] + 5.0
    dark, bright = np.percentile(light[settled], [10, 95])
    lit = light > dark + 0.3 * (bright - dark)
    rises = times[1:][lit[1:] & ~lit[:-1]]
    due = [t for t in left if times[0] + 5.0 < t < times[-1] - LONGEST_S]
    waits = []
    for moment in due:
        after = rises[(rises > moment) & (rises < moment + LONGEST_S)]
        waits += [1e3 * (after[0] - moment)] if len(after) else []
    return {
        "bursts": len(due),
        "seen": len(waits),
        "ms p50": float(np.percentile(waits, 50)),
        "ms p95": float(np.percentile(waits, 95)),
    }


def _aloud(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bench.aloud", *map(str, words)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
