"""Soft takeover: how a knob gets hold of a control that stands elsewhere than the knob does."""

from __future__ import annotations

from dataclasses import dataclass

from vjgan.bindings import Binding

NEAR = 0.03  # share of the range within which a knob is where its control is
SAME = 1e-3  # share of the range within which nobody else has moved the control
SETTLE_SECONDS = 0.25  # after which what a knob has set must be how the show stands


@dataclass
class Knob:
    """What is remembered of a knob or button: where it stands, and what it last set, if it still
    has its control."""

    at: float | None = None
    value: float | None = None
    set_at: float = 0.0
    place: float = 0.0  # where it would stand, 0..1, had it not to catch up

    def holds(self, binding: Binding, own: float, now: float) -> bool:
        """Whether nobody else has moved the control since. How the show stands may be told some
        frames late."""
        if self.value is None:
            return False
        same = abs(own - self.value) <= SAME * abs(binding.high - binding.low)
        return same or now - self.set_at <= SETTLE_SECONDS

    def keep(self, value: float, now: float) -> float:
        """Remember what it sets."""
        self.value, self.set_at = value, now
        return value


def turned(
    knob: Knob, binding: Binding, takeover: str, x: float, own: float, now: float
) -> float | None:
    """The value that a knob sets which goes to ``x`` while its control stands at ``own``; None
    while it has to do nothing. ``takeover``: "jump" sets at once; "pickup" from where the knob
    passes the control's value; "scale" moves the control at once by as much of the way that is
    left to its end as the knob goes of its own, so that they meet."""
    holds = knob.holds(binding, own, now)
    if takeover == "scale":
        place = knob.place if holds else binding.position(own)
        if knob.at is None:
            return None  # where it came from is not known
        knob.place = _scaled(place, knob.at, x)
        return knob.keep(binding.value(knob.place), now)
    if takeover == "jump" or holds or _reaches(binding, knob.at, x, own):
        return knob.keep(binding.value(x), now)
    return None


def _scaled(place: float, before: float, x: float) -> float:
    if x > before:
        return place + (1.0 - place) * (x - before) / (1.0 - before)
    return place * x / before if before > 0.0 else place


def _reaches(binding: Binding, before: float | None, x: float, own: float) -> bool:
    """Whether a knob that goes from ``before`` to ``x`` meets its control's value, or a value
    outside what it can reach has to be fetched."""
    now = binding.value(x)
    near = NEAR * abs(binding.high - binding.low)
    bottom, top = sorted((binding.low, binding.high))
    own = min(top, max(bottom, own))
    if abs(now - own) <= near:
        return True
    return before is not None and (binding.value(before) - own) * (now - own) <= 0.0
