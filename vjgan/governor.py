"""What a frame may cost: gives quality up before the display falls behind, and takes it back late.

A ladder of qualities, from all to hardly any. A few of a dozen frames that take more than their
time lead down, at once to where a frame may be expected to fit. Up it goes rung by rung, only after
a while in which the next rung would have been affordable with room to spare, and after an attempt
that failed that while is three times as long: it settles rather than swing to and fro.

Where other passes are to be drawn than before, as while presets change, what each took when it was
tried tells beforehand which rung they will fit, and what was given up for them comes back at once.
What else runs beside the picture, such as a style or a dream, comes and goes with a preset: what
frames usually took beside each is remembered, and beside a new one soon judged anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import median

NEAR = 1.0  # of the frame's time: a frame that takes longer puts the next one off
OVER, OF = 4, 12  # so many frames over the budget, of the last so many, lead down
ROOM = 0.65  # of the frame's time: what the next rung may be expected to take
AGAIN = 0.85  # likewise where it was before passes came that are gone again
SELDOM = 0.05  # of the frames may take longer than that
PATIENCE, LONGER, LONGEST = 8.0, 3.0, 600.0  # s before a rung up; x after one that failed; s
REGRET = 20.0  # s: a rung that is left within this time has failed
SETTLE = 0.5  # s after a step, in which nothing is judged
BEGIN = 2.0  # s of the show, likewise: models that may be wanted next are being warmed
USUAL = 30  # frames, whose median is what a frame usually takes
FRESH = 2.0  # s after which the quality is judged where a preset has just come

PIXEL_POWER = 0.7  # a part of a frame costs the same at every size
UNKNOWN_COST = 1.3  # of a model's rate or a pass

# Pixels inside where the processor draws. It begins with what two cores can mostly do.
SOFTWARE_PIXELS = (720 * 405, 512 * 288, 400 * 225, 320 * 180)
SOFTWARE_START = 400 * 225
SOFTWARE_LEAST = 256 * 144
SHARES = (1.0, 0.7, 0.5, 0.35, 0.25)  # of the pixels, where a GPU draws
MODEL_RATES = (20.0, 12.0)  # frames a second; what lies between them is made up for
WITHOUT = {1: "without the dearest pass", 2: "without the two dearest passes", 99: "no passes"}


@dataclass(frozen=True, slots=True)
class Quality:
    """At most so many ``pixels`` inside and model frames a second (None: all), and without so many
    of the dearest passes."""

    pixels: int | None = None
    model_rate: float | None = None
    spared: int = 0

    def cost(self, other: Quality) -> float:
        """What a frame costs, at most, where it costs 1 by the ``other``, the next below."""
        if self.pixels != other.pixels and other.pixels is not None and self.pixels is not None:
            return float((self.pixels / other.pixels) ** PIXEL_POWER)
        return UNKNOWN_COST

    def load(self, costs: Sequence[float]) -> float:
        """What a frame costs by what every frame and each of its passes took (s) at SOFTWARE_START
        pixels."""
        always, passes = costs[0], sorted(costs[1:], reverse=True)[self.spared :]
        size = ((self.pixels or SOFTWARE_START) / SOFTWARE_START) ** PIXEL_POWER
        slower = [rate for rate in MODEL_RATES if self.model_rate and self.model_rate <= rate]
        return float((always + size * sum(passes)) / UNKNOWN_COST ** len(slower))


def ladder(size: tuple[int, int], software: bool) -> tuple[tuple[Quality, ...], int]:
    """The qualities for a screen of a size in pixels, best first, and where to begin."""
    whole = size[0] * size[1]
    fewer, fewest = MODEL_RATES
    if software:
        # Where the model and the picture share a processor, the model's rate is missed the least.
        pixels = [min(whole, most) for most in SOFTWARE_PIXELS]
        plenty = [most for most in pixels if most >= min(whole, SOFTWARE_START)]
        few = [Quality(most, fewer) for most in pixels if most not in plenty]
        rungs = [*map(Quality, plenty), Quality(plenty[-1], fewer), *few]
        least = min(whole, SOFTWARE_LEAST)
    else:
        pixels = [round(whole * share) for share in SHARES]
        rungs = [*map(Quality, pixels), Quality(pixels[-1], fewer)]
        least = pixels[-1]
    rungs.append(Quality(pixels[-1], fewest))
    rungs += [Quality(least, fewest, spared) for spared in (0, *WITHOUT)]
    unique = tuple(dict.fromkeys(rungs))
    start = Quality(min(whole, SOFTWARE_START)) if software else unique[0]
    return unique, unique.index(start)


class Governor:
    """Chooses a rung from what frames took; knows nothing of what it governs."""

    def __init__(self, rungs: Sequence[Quality], start: int, period: float) -> None:
        """``period`` is a frame's time in seconds; ``start`` counts from 0, the best."""
        self.rungs = rungs
        self.rung = self.worst = self._start = start
        self.steps = 0
        # What a frame costs by each rung, in any unit, and what was measured, in that unit (s).
        costs = [above.cost(below) for above, below in pairwise(rungs)]
        self._loads = list(accumulate(reversed(costs), float.__mul__, initial=1.0))[::-1]
        self._units: deque[float] = deque(maxlen=USUAL)
        self._known: dict[str, float] = {}  # of the presets that were on: what it usually was
        self._on: frozenset[str] = frozenset()
        self._fresh = False  # whether a preset has just come
        self._left = len(rungs)  # where it was before it foresaw that it had to go down
        self._period = period
        self._took: deque[float] = deque(maxlen=OF)  # s
        self._patience = [PATIENCE] * len(rungs)
        self._risen = -REGRET  # when it last went up
        self._since = BEGIN  # when it began to be judged
        self._frames = self._dear = 0  # since then: all, and those too dear for the next rung up

    @property
    def quality(self) -> Quality:
        """What is allowed now."""
        return self.rungs[self.rung]

    def step(self, took: float, time: float, whole: bool = True) -> bool:
        """Note what the frame at ``time`` took (s), and whether the quality changed by it; one that
        is not ``whole`` had less to draw than was foreseen."""
        if whole:
            self._units.append(took / self._loads[self.rung])
        if time < self._since:
            return False
        self._took.append(took)
        over = [one for one in self._took if one > NEAR * self._period]
        if len(over) >= OVER:
            self._left = len(self.rungs)
            return self._go(self._way_down(sorted(over)[len(over) // 2]), time)
        if self._fresh and time - self._since >= FRESH and len(self._units) == USUAL:
            self._fresh = False
            seldom = sorted(self._units)[-1 - round(SELDOM * USUAL)]
            return self._go(self._best(seldom, self._start) - self.rung, time)
        if self.rung == 0:
            return False
        dearer = self._loads[self.rung - 1] / self._loads[self.rung]
        self._frames += 1
        self._dear += took * dearer > ROOM * self._period
        if time - self._since < self._patience[self.rung - 1]:
            return False
        if self._dear <= SELDOM * self._frames:
            return self._go(-1, time)
        self._judge_from(time)
        return False

    def accompany(self, presets: frozenset[str], time: float) -> bool:
        """Note which presets are on, and whether the quality changed by what is known of them."""
        if presets == self._on:
            return False
        if len(self._on) == 1 and len(self._units) == USUAL:
            self._known[min(self._on)] = median(self._units)
        self._on, self._fresh = presets, len(presets) == 1
        self._judge_from(max(time, self._since))
        if not presets <= self._known.keys():
            return False
        self._units.extend([max(self._known[preset] for preset in presets)] * USUAL)
        return self.foresee(self._loads, time)

    def foresee(self, loads: Sequence[float], time: float) -> bool:
        """Whether the quality changed because a frame by each rung will now cost ``loads``."""
        self._loads = list(loads)
        if len(self._units) < USUAL:
            return False
        takes = [median(self._units) * load for load in loads]
        rung = self.rung
        if takes[rung] > NEAR * self._period:
            self._left = min(self._left, rung)
            below = range(rung + 1, len(takes))
            to = next((k for k in below if takes[k] <= NEAR * self._period), len(takes) - 1)
        else:
            to = self._best(median(self._units), self._left)
        self._risen = -REGRET  # no attempt fails by what comes anew
        return self._go(to - rung, time)

    def _best(self, unit: float, known: int) -> int:
        """The best rung that a frame is expected to fit, by what one takes in the loads' unit (s),
        or this one; those from ``known`` on were fine before and need less room."""
        for rung in range(self.rung):
            room = ROOM if rung < known else AGAIN
            if unit * self._loads[rung] <= room * self._period:
                return rung
        return self.rung

    def _way_down(self, took: float) -> int:
        """How many rungs lead from frames that take so long (s) to where they should fit."""
        way = 0
        for above, below in pairwise(self._loads[self.rung :]):
            way += 1
            took *= below / above
            if took <= NEAR * self._period:
                break
        return max(1, way)

    def _go(self, way: int, time: float) -> bool:
        if way == 0:
            return False
        if way > 0 and time - self._risen < REGRET:
            self._patience[self.rung] = min(LONGEST, LONGER * self._patience[self.rung])
            self._risen = -REGRET
        self._judge_from(time + SETTLE)
        if not 0 <= self.rung + way < len(self.rungs):
            return False
        if way < 0:
            self._risen = time
        self.rung += way
        self.worst = max(self.worst, self.rung)
        self.steps += 1
        return True

    def _judge_from(self, time: float) -> None:
        self._took.clear()
        self._since = time
        self._frames = self._dear = 0
