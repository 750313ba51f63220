"""How often an output wants the light."""

from __future__ import annotations

EARLY = 0.4  # of a frame's time that a picture may come early, or jitter would leave some out


class Rate:
    """So many pictures a second at most."""

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._due: float | None = None  # seconds on the show's clock

    def due(self, time: float) -> bool:
        """Whether the next one is due; then it is counted as taken."""
        if self._due is None:
            self._due = time
        if time < self._due - EARLY / self._fps:
            return False
        self._due = max(self._due + 1.0 / self._fps, time - 0.5 / self._fps)
        return True
