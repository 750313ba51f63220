"""What recording costs the show, and whether its film is in time: by turns without and with a film.

`vjgan live` on the demo track in real time, several times each way in one run, so that what else
the machine does falls on both alike. Of the film: where its flashes are against its own kicks.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import av
import numpy as np

from vjgan.audio.demo import BEAT, demo

TURNS, LONGEST = 3, 50.0  # at least; seconds, within the track
PACED = "drift"  # the preset of which late frames are counted
WINDOW = "640x360"
# The picture stands still and flashes on the beat, all by the beat clock.
PRESET = """
passes = []
[controls]
speed = 0.0
energy = 0.0
kick = 0.0
brightness = 0.2
[[routes]]
source = "beat_pulse"
target = "brightness"
amount = 1.0
"""
SURE = 16.0  # seconds until the beat clock has found the beat


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Late frames and frame times without and with, the least and all of them; and the film.
    ``--seconds`` are those of all turns of a way (300 for five minutes)."""
    turns = turns_of(options.seconds)
    seconds = max(options.seconds / turns, SURE + 8.0)
    rows: dict[str, list[dict[str, Any]]] = {"without": [], "with a film and a take": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        preset = folder / "flash.toml"
        preset.write_text(PRESET)
        for turn in range(turns):
            film, take = folder / f"{turn}.mp4", folder / f"{turn}.take"
            rows["without"].append(live(folder, preset, seconds))
            kept = live(folder, preset, seconds, "--record", str(film), "--take", str(take))
            rows["with a film and a take"].append(kept | sync(film) | size(film, take, seconds))
    return {way: together(stats) for way, stats in rows.items()}


def paced(seconds: float, window: str = "1280x720") -> dict[str, Any]:
    """Late frames and p99 of a preset with passes in so many seconds, without a film and with one,
    in turns."""
    rows: dict[str, list[dict[str, Any]]] = {"without a film": [], "with a film": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        turns = turns_of(seconds)
        for turn in range(turns):
            film = "--record", str(folder / f"{turn}.mp4")
            for way, words in zip(rows, ((), film), strict=True):
                rows[way].append(live(folder, PACED, seconds / turns, *words, window=window))
    return {way: together(stats) for way, stats in rows.items()}


def turns_of(seconds: float) -> int:
    """Into how many shows that is split."""
    return max(TURNS, math.ceil(seconds / LONGEST))


def live(
    folder: Path, preset: Path | str, seconds: float, *words: str, window: str = WINDOW
) -> dict[str, Any]:
    """The statistics of one show."""
    file = folder / "stats.json"
    done = subprocess.run(
        [sys.executable, "-m", "vjgan", "live", "--input", "demo", "--mute", "--headless",
         "--window", window, "--seconds", str(seconds), "--stats", str(file), "--preset",
         str(preset), "--no-control", "--osc-port", "0", *words],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    stats = json.loads(file.read_text())
    found = {
        "frames": stats["frames"],
        "late": stats["frames_late"],
        "ms p50": stats["frame_ms"]["p50"],
        "ms p99": stats["frame_ms"]["p99"],
        "model frames": stats["model_frames"],
    }
    lost = [line for line in done.stderr.splitlines() if "dropped" in line]
    return found | ({"said": lost[0]} if lost else {})


def sync(film: Path) -> dict[str, Any]:
    """How late flashes come after kicks of the film's own sound, in ms."""
    with av.open(str(film)) as container:
        lit = [
            (one.time, one.to_ndarray(format="gray").mean()) for one in container.decode(video=0)
        ]
    with av.open(str(film)) as container:
        parts = [(one.time, one.to_ndarray()[0]) for one in container.decode(audio=0)]
    times, light = np.array(lit).T
    sound, rate = np.concatenate([part for _, part in parts]), 48_000
    begin = parts[0][0] + lag(sound, rate)  # where the demo begins in the film
    rises = np.flatnonzero((np.diff(light) > 0.25 * np.ptp(light)) & (times[1:] > SURE))
    beats = (times[1:][rises] - begin) / BEAT
    off = (beats - np.round(beats)) * BEAT * 1e3
    gaps = np.diff(times)
    return {
        "flashes": len(off),
        "flash after beat, ms, median": float(np.median(off)) if len(off) else None,
        "largest gap between pictures, ms": float(1e3 * gaps.max()),
        "pictures": len(times),
    }


def lag(sound: np.ndarray, rate: int) -> float:
    """Seconds into ``sound`` at which the demo begins: where the two are most alike."""
    track = demo()
    step = rate // 1000  # by envelopes, to the millisecond
    ours = np.abs(sound[: len(sound) // step * step].reshape(-1, step)).mean(1)
    mono = np.abs(track.samples.mean(1))
    at = np.arange(int(len(mono) / track.sample_rate * 1000)) * track.sample_rate // 1000
    theirs = np.array([mono[k : k + track.sample_rate // 1000].mean() for k in at[: len(ours)]])
    size = 1 << (2 * max(len(ours), len(theirs))).bit_length()
    alike = np.fft.irfft(np.fft.rfft(ours, size) * np.conj(np.fft.rfft(theirs, size)), size)
    place = int(np.argmax(alike))
    return (place if place < size // 2 else place - size) / 1000.0


def size(film: Path, take: Path, seconds: float) -> dict[str, Any]:
    """How much an hour takes."""
    hour = 3600.0 / seconds / 1e6
    return {
        "film, MB an hour": film.stat().st_size * hour,
        "take, MB an hour": take.stat().st_size * hour,
    }


def together(stats: list[dict[str, Any]]) -> dict[str, Any]:
    """Each number of all turns, the least first, and the late frames of all of them."""
    names = dict.fromkeys(name for row in stats for name in row)
    found: dict[str, Any] = {}
    for name in names:
        values = [row[name] for row in stats if row.get(name) is not None]
        words = [f"{one:.1f}" if isinstance(one, float) else str(one) for one in sorted(values)]
        found[name] = ", ".join(words)
    late, frames = (sum(row[name] for row in stats) for name in ("late", "frames"))
    found["late of all"] = f"{late} of {frames} ({100.0 * late / max(1, frames):.2f} %)"
    return found
