"""Which passes are left out when time is short: the dearest first, and without a jump."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vjgan.smooth import approach
from vjgan.types import PassWeight

SECONDS = 0.3  # time constant with which a pass goes and comes
GONE = 0.01  # a share below this is none


class Sparing:
    """``passes`` is how many to leave out of each frame, ``costs_ns`` what each took when it was
    tried."""

    def __init__(self) -> None:
        self.passes = 0
        self.costs_ns: dict[str, int] = {}
        self._share: dict[str, float] = {}  # of passes that are or were left out

    def left(self, rows: Sequence[PassWeight], dt: float) -> Sequence[PassWeight]:
        """Those to draw, ``dt`` seconds after the last frame."""
        if not self.passes and not self._share:
            return rows
        dear = sorted(rows, key=lambda row: self.costs_ns.get(row.name, 0), reverse=True)
        out = {row.name for row in dear[: self.passes]}
        for name in out | self._share.keys():
            share = approach(self._share.get(name, 1.0), float(name not in out), dt, SECONDS)
            self._share[name] = 0.0 if share < GONE else share
            if share > 1.0 - GONE:
                del self._share[name]
        shares = (replace(row, weight=row.weight * self._share.get(row.name, 1.0)) for row in rows)
        return [row for row in shares if row.weight > 0.0]
