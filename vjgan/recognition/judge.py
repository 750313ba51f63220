"""Whether a match is to be believed. A wrong track is worse than none."""

from __future__ import annotations

from collections.abc import Sequence

from vjgan.recognition.matcher import Match

GUESS = 0.18  # share of the peaks from which a match is worth telling
SURE = 0.25  # from which it is to be acted upon,
LOOKS = 2  # in so many looks one after the other
AHEAD = 1.5  # times as much as the next track has
STEADY = 0.15  # seconds by which its place may differ from what it was foretold to be


class Judge:
    """Looks at the matches of one moment after the other."""

    def __init__(self) -> None:
        self._before: Match | None = None
        self._looks = 0

    def step(self, matches: Sequence[Match]) -> tuple[Match, float, bool] | None:
        """The best of ``matches``, which come best first, its confidence 0..1, and whether it is
        sure; None if there is none."""
        if not matches or matches[0].share < GUESS:
            self._before, self._looks = None, 0
            return None
        best = matches[0]
        self._looks = self._looks + 1 if self._goes_on(best) else 1
        self._before = best
        ahead = len(matches) < 2 or best.share > AHEAD * matches[1].share
        sure = best.share >= SURE and ahead and self._looks >= LOOKS
        return best, min(1.0, best.share), sure

    def _goes_on(self, best: Match) -> bool:
        """Whether a match is where the one before it leads."""
        before = self._before
        if before is None or before.track != best.track:
            return False
        foretold = before.position + before.speed * (best.time - before.time)
        return abs(best.position - foretold) <= STEADY
