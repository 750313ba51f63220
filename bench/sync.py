"""How near the light is to the beat: pixels in a window against the sound as it leaves the sink.

Another process plays the demo track into the sink. `vjgan live`'s own parts hear it from the
sink's monitor and show it in a window, whose pixels are read back after every swap. Meanwhile
`parec` records the same monitor: where the track is in that recording tells when each of its beats,
known by construction, was heard, by nothing of vjgan's own.

*Shader*: a pulse that falls through the beat lights the window, so every frame's light says at what
phase it was drawn; its rank among all says so without knowing the screen's curve. *Model*: the
pulse moves the latent, and the moment is noted at which the picture is half on its way. Positive is
late.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from vjgan.audio.demo import BEAT, demo
from vjgan.render import Nobody
from vjgan.screen.window import Window
from vjgan.settings import LiveSettings
from vjgan.show import first_scene, play
from vjgan.stage import Stage
from vjgan.stock import make_library
from vjgan.types import Controls, Event, Picture, Tick

HERE = Path(__file__).parent
RATE = 8000  # of the recording
SIZE = (320, 180)
WINDOW = 4  # seconds in which the track is looked for
MOST_GAPS = 5.0  # seconds, all together
LAST = 58.0  # seconds into the track, at the end of its drums
SETTLED = 12.0  # seconds until the drums have been there for two bars


class Watched(Window):
    """A window that notes what it showed, and when."""

    def show(self, picture: Picture, controls: Controls, tick: Tick) -> None:
        super().show(picture, controls, tick)
        self.__dict__["shown"] = time.perf_counter()

    def events(self) -> Sequence[Event]:
        """Reads the last frame back here, out of what the loop takes for the time to its light."""
        seen: list[tuple[float, np.ndarray]] = self.__dict__.setdefault("seen", [])
        if "shown" in self.__dict__:
            small = self.image()[::12, ::12].astype(np.float32)
            seen.append((self.__dict__["shown"], small.mean(axis=2).ravel()))
        return super().events()


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Both views, ms."""
    seconds = max(20.0, options.seconds)
    times, frames, stats = watch(seconds, HERE / "sync.toml")
    rows: dict[str, Any] = {"shader": shader(times, frames.mean(axis=1))}
    rows["shader"] |= chosen(stats)
    times, frames, stats = watch(seconds, HERE / "stir.toml")
    rows["model"] = model(times, frames) | chosen(stats)
    return rows


def chosen(stats: dict[str, Any]) -> dict[str, Any]:
    """What of the show's own statistics explains the result."""
    names = ("clock", "clock_confidence", "bpm", "frame_ms", "model_ms", "audio_blocks_lost")
    return {name: stats[name] for name in names}


def watch(seconds: float, preset: Path) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Show for so long: seconds into the track [n], as heard, frames [n, pixels], statistics."""
    library = make_library()
    stage = Stage(first_scene(library, library.find(str(preset))))
    screen = Watched(size=SIZE, display=None, fullscreen=False)
    with tempfile.TemporaryDirectory() as folder, recording() as record:
        file = Path(folder) / "stats.json"
        settings = replace(LiveSettings(), seconds=seconds, preset=str(preset), stats=file)
        aloud = subprocess.Popen(
            [sys.executable, "-m", "bench.aloud", "demo", str(seconds + 10)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            play(settings, library, preset, stage, "", Nobody(), screen)
        finally:
            aloud.kill()
            aloud.wait()
        stats = dict(json.loads(file.read_text()))
    times, frames = zip(*screen.__dict__["seen"], strict=True)
    screen.close()
    shown, pixels = np.array(times), np.stack(frames)
    music = shown - began(record, shown)  # seconds into the track
    heard = (music > SETTLED) & (music < LAST)
    return music[heard], pixels[heard], stats


@contextmanager
def recording() -> Iterator[list[tuple[float, bytes]]]:
    """What the sink's monitor gives, with the time at which each piece was there."""
    pieces: list[tuple[float, bytes]] = []
    parec = subprocess.Popen(
        ["parec", "--raw", "--format=s16le", "--channels=1", f"--rate={RATE}",
         "--latency-msec=5", "--device=venue.monitor"],
        stdout=subprocess.PIPE,
    )  # fmt: skip

    def read() -> None:
        assert parec.stdout is not None
        while piece := parec.stdout.read1(4096):  # type: ignore[attr-defined]
            pieces.append((time.perf_counter(), piece))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield pieces
    finally:
        parec.terminate()
        parec.wait()
        reader.join()


def began(pieces: list[tuple[float, bytes]], times: np.ndarray) -> np.ndarray:
    """When the track began, as heard around each of ``times``: a busy machine plays it with gaps.
    Its place in the recording by likeness, the recording's by the piece that came soonest."""
    ends = np.cumsum([len(piece) // 2 for _, piece in pieces])
    zeros = np.array([at - end / RATE for (at, _), end in zip(pieces, ends, strict=True)])
    sound = np.frombuffer(b"".join(piece for _, piece in pieces), np.int16).astype(np.float64)
    track = demo().samples.mean(axis=1)
    places = np.arange(0, len(track) - 1, 44100 / RATE)
    known = np.interp(places, np.arange(len(track)), track)
    size = 1 << int(np.ceil(np.log2(len(known) + WINDOW * RATE)))
    middles, starts = [], []
    for first in range(0, len(sound) - WINDOW * RATE, WINDOW * RATE // 2):
        part = sound[first : first + WINDOW * RATE]
        spectrum = np.fft.rfft(known, size) * np.conj(np.fft.rfft(part, size))
        likeness = np.fft.irfft(spectrum / np.maximum(np.abs(spectrum), 1e-9) ** 0.5, size)
        place = int(likeness[: len(known)].argmax())
        here = (ends > first) & (ends <= first + WINDOW * RATE)
        zero = float(zeros[here].min())
        middles.append(zero + (first + WINDOW * RATE / 2) / RATE)
        starts.append(zero + (first - place) / RATE)
    sure = np.abs(np.array(starts) - np.median(starts)) < MOST_GAPS
    nearest = np.abs(times[:, None] - np.array(middles)[sure]).argmin(axis=1)
    return np.array(starts)[sure][nearest]


def shader(times: np.ndarray, light: np.ndarray) -> dict[str, float]:
    """How late each beat's light is, ms; frames of one beat together."""
    rank = light.argsort().argsort() / len(light)
    drawn = 1.0 - rank  # the phase at which it was drawn
    heard = times / BEAT
    late = (heard - drawn + 0.5) % 1.0 - 0.5
    early = drawn < 0.5
    beats = np.round(heard - drawn)[early]
    each = [float(np.median(late[early][beats == beat])) for beat in np.unique(beats)]
    return spread(np.array(each) * BEAT * 1e3)


def model(times: np.ndarray, frames: np.ndarray) -> dict[str, float]:
    """How late each beat's motion is half done, ms."""
    _, _, ways = np.linalg.svd(frames - frames.mean(axis=0), full_matrices=False)
    moved = (frames - frames.mean(axis=0)) @ ways[0]
    heard = times / BEAT
    folded = [moved[(heard % 1.0 >= k / 8) & (heard % 1.0 < (k + 1) / 8)].mean() for k in range(8)]
    moved = moved if np.mean(folded[:3]) > np.mean(folded[4:]) else -moved
    half = (np.percentile(moved, 5) + np.percentile(moved, 95)) / 2
    ups = np.flatnonzero((moved[1:] >= half) & (moved[:-1] < half))
    share = (half - moved[ups]) / (moved[ups + 1] - moved[ups])
    arrived = heard[ups] + share * (heard[ups + 1] - heard[ups])
    return spread(((arrived + 0.5) % 1.0 - 0.5) * BEAT * 1e3)


def spread(late_ms: np.ndarray) -> dict[str, float]:
    """The median, and how far 95 of 100 are from the beat at most."""
    return {
        "beats": len(late_ms),
        "late ms p50": float(np.median(late_ms)),
        "off ms p50": float(np.percentile(np.abs(late_ms), 50)),
        "off ms p95": float(np.percentile(np.abs(late_ms), 95)),
    }
