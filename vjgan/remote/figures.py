"""Frame times of the last second, and what limits them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

LATE_FRAMES = 1.5  # as in ``vjgan.stats``
MODEL_LOOK = 8  # of its newest pictures


class Figures:
    """Reads what others count. ``frame_times`` are those of the newest frames, s; ``model_ms`` the
    durations of the model's pictures, ``model_frames`` how many there were."""

    def __init__(
        self,
        frame_times: Callable[[], Sequence[float]],
        model_ms: Sequence[float],
        model_frames: Callable[[], int],
        fps: float,
    ) -> None:
        self._frame_times = frame_times
        self._model_ms = model_ms
        self._model_frames = model_frames
        self._aim_ms = 1e3 / fps
        self._last = (time.monotonic(), model_frames())

    def read(self) -> dict[str, Any]:
        """Frames a second, the median and longest frame and the model's in ms, and a word on what
        limits them."""
        times = self._frame_times()
        recent = [one for one in times if one > times[-1] - 1.0] if times else []
        ms = [1e3 * (after - before) for before, after in pairwise(recent)] or [0.0]
        now, frames = time.monotonic(), self._model_frames()
        before, count = self._last
        self._last = now, frames
        model_ms = self._recent_model_ms()
        return {
            "fps": round(len(ms) / max(1e-3, sum(ms) / 1e3), 1) if len(ms) > 1 else 0.0,
            "aim": round(1e3 / self._aim_ms),
            "frame_ms": round(median(ms), 1),
            "longest_ms": round(max(ms), 1),
            "late": sum(one > LATE_FRAMES * self._aim_ms for one in ms),
            "model_ms": round(model_ms, 1),
            "model_fps": round((frames - count) / max(1e-3, now - before), 1),
            "limit": self._limit(median(ms), model_ms),
        }

    def _recent_model_ms(self) -> float:
        count = min(MODEL_LOOK, len(self._model_ms))
        # By index: the worker's thread may append meanwhile.
        return median([self._model_ms[-k] for k in range(1, count + 1)]) if count else 0.0

    def _limit(self, frame_ms: float, model_ms: float) -> str:
        if frame_ms > LATE_FRAMES * self._aim_ms:
            return "drawing"
        return "model" if model_ms > self._aim_ms else ""
