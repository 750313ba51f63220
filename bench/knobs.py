"""From a controller to the window's pixels, and what a thousand messages a second cost the frames.

Another program, at the venue's MIDI server, moves a control change to and fro and notes when; here,
in a real show, the window's pixels are read back after every swap, and the moments are noted at
which they have changed at all (by a tenth) and halfway. It counts everything between: the MIDI
server, the process that reads its ports, the queue, the knob's smoothing, drawing, the swap.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np

from bench.pacing import live
from bench.page import LONGEST_S, PRESET, Watched
from vjgan.bindings import read_controllers
from vjgan.control import ControlSettings
from vjgan.controls import CONTROLS
from vjgan.midi import MidiIn
from vjgan.settings import LiveSettings
from vjgan.show import first_scene, play
from vjgan.stage import Stage
from vjgan.stock import make_library

SPARE_S = 8.0  # for the show to settle
CONTROLS_OF_IT = {"cc7": {"control": "brightness", "low": 0.0, "high": 1.0}}
# Moves down first, since the light is up; then every so often, not in step with the frames.
MOVER = """
import random, sys, time, rtmidi
seconds, spare = map(float, sys.argv[1:])
out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="mover")
out.open_virtual_port("out")
time.sleep(spare)
for k in range(int(seconds / 0.3)):
    time.sleep(0.3 + 0.037 * random.random())
    print(time.time(), flush=True)
    out.send_message([0xB0, 7, 127 * (k % 2)])
out.delete()
"""
STORM = """
import sys, time, rtmidi
seconds = float(sys.argv[1])
out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="storm")
out.open_virtual_port("out")
start = time.perf_counter()
for k in range(int(1000 * seconds)):
    time.sleep(max(0.0, start + k / 1000 - time.perf_counter()))
    out.send_message([0xB0, 20 + k % 40, k % 128])
out.delete()
"""


class Quick(Watched):
    """Paced as with a GPU; at this size a processor draws that fast, too."""

    software = False


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The latency in ms, and frame times with and without a storm of messages."""
    return {
        "controller to pixels, 60 frames/s": moves(options.seconds, Quick),
        "controller to pixels, as a CPU draws": moves(options.seconds, Watched),
    } | storm(options.seconds / 2)


def moves(seconds: float, kind: type[Watched]) -> dict[str, Any]:
    """From the message to the window's pixels, 480x270."""
    moved: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        preset = Path(folder) / "still.toml"
        preset.write_text(PRESET)
        mover = _program(MOVER, seconds, SPARE_S)
        assert mover.stdout is not None
        reader = threading.Thread(target=lambda: moved.extend(map(float, mover.stdout)))
        reader.start()
        hands = MidiIn("mover", "jack")
        screen = kind(size=(480, 270), display=None, fullscreen=False)
        library = make_library()
        path = library.find(str(preset))
        settings = LiveSettings(
            seconds=seconds + 2 * SPARE_S,
            preset=str(preset),
            control=ControlSettings(page=False, osc_port=0),
        )
        table = {"mover": {"takeover": "jump", "controls": CONTROLS_OF_IT}}
        bound = read_controllers("bench", table, CONTROLS)
        stage = Stage(first_scene(library, path))
        play(settings, library, path, stage, "", hands, screen, controllers=bound)
        screen.close()
        hands.close()
        mover.wait(30)
        reader.join()
    return spread(moved, screen.__dict__["seen"])


def spread(moved: list[float], seen: list[tuple[float, float]]) -> dict[str, Any]:
    """When the light followed each move (ms); the first goes down."""
    times, light = np.array(seen).T
    dark, bright = np.percentile(light[times > times[0] + 3.0], [5, 95])
    there = (light - dark) / (bright - dark)
    rows: dict[str, Any] = {"moves": len(moved)}
    for name, share in (("changed", 0.1), ("halfway", 0.5)):
        waits = []
        for number, moment in enumerate(moved):
            follows = there > share if number % 2 else there < 1.0 - share
            before = times <= moment
            after = (times > moment) & (times < moment + LONGEST_S) & follows
            if before.any() and after.any() and not follows[before][-1]:
                waits.append(1e3 * (times[after][0] - moment))
        for rank in (50, 95):
            rows[f"{name} ms p{rank}"] = float(np.percentile(waits, rank))
        rows[f"{name} seen"] = len(waits)
    frames = np.diff(times) * 1e3
    return rows | {f"frame ms p{rank}": float(np.percentile(frames, rank)) for rank in (50, 95)}


def storm(seconds: float) -> dict[str, Any]:
    """Frame times without and with a thousand messages a second, in turns."""
    rows: dict[str, Any] = {}
    words = ("--mute", "--window", "640x360", "--preset", "drift", "--osc-port", "0")
    for turn in (1, 2):
        for stormy in (False, True):
            program = _program(STORM, seconds + SPARE_S) if stormy else None
            stats = live(seconds, *words)
            if program is not None:
                program.kill()
                program.wait()
            name = f"{'1000 messages/s' if stormy else 'no messages'}, turn {turn}"
            rows[name] = {key: stats[key] for key in ("frames", "frame_ms", "frames_late")}
    return rows


def _program(text: str, *numbers: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", text, *map(str, numbers)], stdout=subprocess.PIPE, text=True
    )
