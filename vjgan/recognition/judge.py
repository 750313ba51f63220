"""Whether a match is to be believed. A wrong track is worse than none."""

from __future__ import annotations

from collections.abc import Sequence

from vjgan.recognition.matcher import Match

GUESS = 0.6  # confidence from which a match is worth telling
SURE = 0.89  # from which it is to be acted upon,
LOOKS = 3  # in so many looks one after the other
AHEAD = 1.4  # times the score of any other track
STEADY = 0.15  # seconds by which its place may differ from what it was foretold to be
LOYAL = 0.85  # of the best score that the place of before must have to stay: music repeats itself


class Judge:
    """Looks at the matches of one moment after the other."""

    def __init__(self) -> None:
        self.expected: Match | None = None  # the one believed in last
        self._looks = 0

    def step(self, matches: Sequence[Match]) -> tuple[Match, bool] | None:
        """The best of ``matches``, which come best first, and whether it is sure; None if there is
        none."""
        best = self._chosen(matches)
        if best is None or best.confidence < GUESS:
            self.expected, self._looks = None, 0
            return None
        self._looks = self._looks + 1 if self._goes_on(best) else 1
        self.expected = best
        other = max((one.score for one in matches if one.track != best.track), default=0.0)
        sure = best.confidence >= SURE and best.score >= AHEAD * other
        return best, sure and self._looks >= LOOKS

    def _chosen(self, matches: Sequence[Match]) -> Match | None:
        """The best match, or that which goes on from before if it is nearly as good."""
        if not matches:
            return None
        going_on = [one for one in matches if self._goes_on(one)]
        if going_on and going_on[0].score >= LOYAL * matches[0].score:
            return going_on[0]
        return matches[0]

    def _goes_on(self, match: Match) -> bool:
        """Whether a match is where the one before it leads."""
        before = self.expected
        if before is None or before.track != match.track:
            return False
        return abs(match.position - before.at(match.time)) <= STEADY
