"""The parts of a track, found in what is heard of its bars: where one begins, and which are alike.

Bars are cut into parts by dynamic programming, so that within a part they differ little (Jensen
2007), parts of whole phrases being preferred. Parts that sound alike get the same letter.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from vjgan.types import FloatArray

PHRASE = 4  # bars
SHORTEST, LONGEST = 2, 32  # bars of a part
PRICE = 1.1  # of a part, in squared standard deviations of a bar
ODD = 0.7  # likewise, of a part that is not whole phrases
ALIKE = 0.75  # standard deviations by which alike parts may differ, in the mean of all features


@dataclass(frozen=True, slots=True)
class Part:
    """Bars ``start`` to ``end`` (counted from 0, the last excluded). Parts of one ``letter`` sound
    alike; ``energy`` 0..1, against the softest and the loudest part."""

    start: int
    end: int
    letter: str
    energy: float


def find_parts(bars: FloatArray, loudness: FloatArray) -> list[Part]:
    """The parts of a track, of its features by bar [bars, features] and their loudness [bars]."""
    spread = bars.std(axis=0)
    even = (bars - bars.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)
    cuts = _cut(even)
    means = np.stack([even[start:end].mean(axis=0) for start, end in pairwise(cuts)])
    loud = np.array([loudness[start:end].mean() for start, end in pairwise(cuts)])
    span = float(np.ptp(loud)) or 1.0
    return [
        Part(start, end, letter, round(float((level - loud.min()) / span), 2))
        for (start, end), letter, level in zip(pairwise(cuts), _letters(means), loud, strict=True)
    ]


def _cut(bars: FloatArray) -> list[int]:
    """Where parts begin, and the end: the cheapest way to cut."""
    count, features = bars.shape
    sums = np.concatenate([np.zeros((1, features)), bars.cumsum(axis=0)])
    squares = np.concatenate([[0.0], (bars**2).sum(axis=1).cumsum()])
    best = np.full(count + 1, np.inf)
    best[0], come = 0.0, np.zeros(count + 1, int)
    for end in range(1, count + 1):
        for start in range(max(0, end - LONGEST), end):
            length = end - start
            if length < min(SHORTEST, count):
                continue
            within = squares[end] - squares[start] - ((sums[end] - sums[start]) ** 2).sum() / length
            odd = length % PHRASE and end < count
            cost = best[start] + within / features + PRICE + ODD * bool(odd)
            if cost < best[end]:
                best[end], come[end] = cost, start
    cuts = [count]
    while cuts[-1] > 0:
        cuts.append(int(come[cuts[-1]]))
    return cuts[::-1]


def _letters(means: FloatArray) -> list[str]:
    """A letter a part, in the order in which they come."""
    kinds: list[FloatArray] = []
    letters = []
    for mean in means:
        away = [float(np.sqrt(np.mean((mean - kind) ** 2))) for kind in kinds]
        if not away or min(away) > ALIKE:
            kinds.append(mean)
            away.append(0.0)
        number = int(np.argmin(away))
        letters.append(_named(number))
    return letters


def _named(number: int) -> str:
    """A, B ... Z, A2, B2 ..."""
    turn, place = divmod(number, 26)
    return chr(ord("A") + place) + (str(turn + 1) if turn else "")
