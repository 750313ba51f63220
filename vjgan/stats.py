"""What a show did, in numbers, for ``--stats`` and the benches."""

from __future__ import annotations

import json
import sys
from array import array
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vjgan.errors import VjganError
from vjgan.files import write_text
from vjgan.types import Beat, Features, Picture, Tick

if sys.platform != "win32":
    import resource

LATE_FRAMES = 1.5  # a frame that took longer than this many frame times was late


class Stats:
    """Counts a show. Costs a few appends a frame; 10 bytes a frame, 2 MB an hour."""

    def __init__(self, fps: float) -> None:
        self.period = 1.0 / fps
        self._frame_ms = array("f")
        self._light_ms = array("f")
        self._model_light_ms = array("f")
        self._features = Features()
        self._beat = Beat()
        self._clocks: Counter[str] = Counter()

    def count(
        self, tick: Tick, features: Features, picture: Picture, beat: Beat, shown_at: float
    ) -> None:
        """Note one frame, shown at ``shown_at`` seconds on the show's clock."""
        if tick.index > 0:
            self._frame_ms.append(tick.dt * 1e3)
        if features.alive:
            self._light_ms.append((shown_at - features.time) * 1e3)
            self._model_light_ms.append((shown_at - picture.after.time) * 1e3)
        self._features = features
        self._beat = beat
        self._clocks[beat.source] += 1

    def summary(self, model_frames: int, model_ms: Sequence[float]) -> dict[str, Any]:
        """The show so far; times in ms, memory in MB. None where nothing was measured."""
        late_ms = self.period * 1e3 * LATE_FRAMES
        frames = np.asarray(self._frame_ms)
        return {
            "frames": len(frames) + 1 if len(frames) else 0,
            "frame_ms": _spread(frames),
            "frames_late": int((frames > late_ms).sum()),
            "model_frames": model_frames,
            "model_ms": _spread(np.asarray(model_ms)),
            "onsets": self._features.onset_count,
            "beats": self._features.beat_count,
            "bpm": round(self._beat.bpm, 2),
            "bars": int(self._beat.bar),
            "clock": self._beat.source,
            "clock_confidence": round(self._beat.confidence, 3),
            "clock_frames": dict(self._clocks),
            "audio_blocks_read": self._features.blocks_read,
            "audio_blocks_lost": self._features.blocks_lost,
            "audio_blocks_clipped": self._features.clip_count,
            "sound_to_light_ms": _spread(np.asarray(self._light_ms), (50, 95)),
            "sound_to_model_light_ms": _spread(np.asarray(self._model_light_ms), (50, 95)),
            "peak_memory_mb": round(peak_memory_mb(), 1),
        }


def _spread(values: np.ndarray, percents: tuple[int, ...] = (50, 99)) -> dict[str, float] | None:
    if not len(values):
        return None
    spread = {f"p{p}": round(float(np.percentile(values, p)), 2) for p in percents}
    return spread | {"max": round(float(values.max()), 2)}


def peak_memory_mb() -> float:
    """The most memory that this process ever held, in MB; 0 where the system does not tell."""
    if sys.platform == "win32":
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def write_stats(path: Path, summary: dict[str, Any]) -> None:
    """Write a summary as JSON. Raises VjganError when the place is not writable."""
    try:
        write_text(path, json.dumps(summary, indent=2) + "\n")
    except OSError as error:
        raise VjganError(f"statistics '{path}' cannot be written: {error.strerror}") from None
