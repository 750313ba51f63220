"""What the ear of a show makes of a whole track: the very same chain, stepped."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vjgan.audio.demo import demo
from vjgan.audio.track import Track
from vjgan.features import Analyser
from vjgan.media import Recording, Sound, open_recording, write_text
from vjgan.types import Features, FloatArray

STEP = 0.04  # seconds from one point of a curve to the next
SURE = 0.1  # confidence from which a tempo counts
FIRST_BEAT = 0.125  # of a bar by which a beat may be off its first
EVENTS = {"onsets": "onset", "kicks": "kick", "snares": "snare", "hats": "hat"}
CURVES: dict[str, Callable[[Features], float]] = {
    "level": lambda f: f.level,
    "low": lambda f: f.low,
    "mid": lambda f: f.mid,
    "high": lambda f: f.high,
    **{f"band{k + 1}": lambda f, k=k: f.bands[k] for k in range(8)},  # type: ignore[misc]
    "centroid_hz": lambda f: f.centroid_hz,
    "noisiness": lambda f: f.flatness,
    "intensity": lambda f: f.intensity,
    "peak_db": lambda f: f.peak_db,
    "tempo_bpm": lambda f: f.bpm,
    "confidence": lambda f: f.confidence,
}


@dataclass(frozen=True, slots=True)
class Analysis:
    """``events`` in seconds: beats, downbeats, onsets, kicks, snares, hats, each when it was, as
    known when it was heard. ``curves`` by name, a point every STEP seconds from STEP on."""

    track: str
    seconds: float
    tempo_bpm: float  # 0: none was found
    clipped: float  # share of blocks that reached full scale
    events: dict[str, list[float]]
    curves: dict[str, FloatArray]


def track_sound(track: str) -> Recording:
    """The sound of a file, or of the bundled track for ``demo``. Raises MediaError."""
    if track != "demo":
        return open_recording(Path(track))
    bundled = demo()
    return Sound(bundled.samples, bundled.sample_rate)


def analyse(track: str, sound: Recording, progress: Callable[[int], None]) -> Analysis:
    """What a show would have heard of a track; ``progress`` is told the seconds done."""
    source = Track(sound)
    analyser = Analyser(sound.sample_rate)
    events: dict[str, list[float]] = {name: [] for name in ("beats", "downbeats", *EVENTS)}
    points: list[list[float]] = []
    before = Features()
    while (frame := source.read()) is not None:
        heard = analyser.analyse(frame)
        _note(events, before, heard)
        before = heard
        if heard.time >= STEP * (len(points) + 1):
            points.append([one(heard) for one in CURVES.values()])
            progress(int(heard.time))
    curves = np.array(points, np.float32).reshape(-1, len(CURVES)).T
    return Analysis(
        track=track,
        seconds=sound.seconds,
        tempo_bpm=_tempo(curves),
        clipped=before.clip_count / max(1, before.blocks_read),
        events={name: [round(time, 4) for time in sorted(set(events[name]))] for name in events},
        curves=dict(zip(CURVES, curves, strict=True)),
    )


def write_json(path: Path, analysis: Analysis) -> None:
    """Write an analysis as JSON. Raises MediaError when the place is not writable."""
    values = {
        "track": analysis.track,
        "seconds": round(analysis.seconds, 3),
        "tempo_bpm": round(analysis.tempo_bpm, 2),
        "clipped": round(analysis.clipped, 4),
        **analysis.events,
        "curves": {
            "step": STEP,
            **{name: _rounded(curve) for name, curve in analysis.curves.items()},
        },
    }
    write_text(path, json.dumps(values) + "\n")


def summary(analysis: Analysis) -> list[str]:
    """A few lines for the terminal."""
    counts = ", ".join(f"{len(times)} {name}" for name, times in analysis.events.items())
    tempo = f"{analysis.tempo_bpm:.1f} bpm" if analysis.tempo_bpm else "no tempo"
    lines = [f"{analysis.track}: {analysis.seconds:.1f} s, {tempo}", counts]
    if analysis.clipped:
        lines.append(f"full scale is reached in {100.0 * analysis.clipped:.2g} % of its blocks")
    return lines


def _note(events: dict[str, list[float]], before: Features, heard: Features) -> None:
    """Note down what is new since ``before``."""
    for name, kind in EVENTS.items():
        if getattr(heard, f"{kind}_count") > getattr(before, f"{kind}_count"):
            events[name].append(max(0.0, getattr(heard, f"{kind}_time")))
    if heard.beat_count > before.beat_count:
        events["beats"].append(max(0.0, heard.beat_time))
        if (heard.bar_phase + FIRST_BEAT) % 1.0 < 2.0 * FIRST_BEAT:
            events["downbeats"].append(max(0.0, heard.beat_time))


def _tempo(curves: FloatArray) -> float:
    """The median of the tempi that were sure."""
    names = list(CURVES)
    bpm, confidence = curves[names.index("tempo_bpm")], curves[names.index("confidence")]
    sure = bpm[confidence >= SURE]
    return float(np.median(sure)) if len(sure) else 0.0


def _rounded(curve: FloatArray) -> list[float]:
    """To four digits that count."""
    return [float(f"{value:.4g}") if math.isfinite(value) else 0.0 for value in curve]
