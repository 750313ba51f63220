"""An eye that was never taught: it sees stripes of every direction, and the rings, stars and
spirals that these make, as the first area of the visual cortex does, which is thought to be why
people who hallucinate see just those forms (Bressloff, Cowan, Golubitsky, Thomas and Wiener 2001,
"Geometric visual hallucinations, Euclidean symmetry and the functional architecture of striate
cortex"). So anybody can dream without a file of weights.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

DIRECTIONS = 8  # of stripes, over half a turn
WAVE, WIDTH, TAPS = 5.0, 2.2, 11  # pixels: from stripe to stripe, of their field, of the filter
COLOUR = 0.6  # of the stripes' light: they shimmer, in another colour for each direction
FLAT = 5e-4  # power of stripes too faint to be seen
RADIUS, FORM_TAPS = 4.0, 13  # of forms, in places of the map
FORMS = {  # by how far the stripes' waves are turned from the direction to the form's middle
    "rings": 0.0,
    "stars": math.pi / 2,
    "spirals": math.pi / 4,
    "other spirals": -math.pi / 4,
}


class Cortex:
    """Four maps: fine stripes, wide stripes, small forms, large forms."""

    name = "vjgan's cortex"
    layers = 4
    reach = 64

    def __init__(self) -> None:
        self._waves = _waves()  # [2 * DIRECTIONS, 3, TAPS, TAPS]: even ones, then odd ones
        self._forms = _forms()  # [FORMS, DIRECTIONS, FORM_TAPS, FORM_TAPS]

    def maps(self, x: Tensor, depth: int) -> list[Tensor]:
        """x [n, 3, h, w] in -1..1 -> the first ``depth`` maps: of DIRECTIONS or FORMS channels, at
        1/2, 1/4, 1/2 and 1/4 of the size."""
        fine = self._stripes(x)
        if depth == 1:
            return [fine]
        wide = self._stripes(F.avg_pool2d(x, 2))
        found = [fine, wide]
        for stripes in (fine, wide)[: depth - 2]:
            found.append(F.relu(F.conv2d(stripes, self._forms, padding=FORM_TAPS // 2)))
        return found

    def _stripes(self, x: Tensor) -> Tensor:
        """How much each direction stands out at each place [n, DIRECTIONS, h / 2, w / 2]."""
        around = [TAPS // 2] * 4
        seen = F.conv2d(F.pad(x, around, "replicate"), self._waves, stride=2)
        even, odd = seen.chunk(2, 1)  # [n, DIRECTIONS, h / 2, w / 2] each
        power = even.square() + odd.square()
        return power / (FLAT + power.square().sum(1, keepdim=True)).sqrt()


def _waves() -> Tensor:
    line = torch.arange(TAPS) - (TAPS - 1) / 2
    y, x = torch.meshgrid(line, line, indexing="ij")
    field = torch.exp(-(x.square() + y.square()) / (2 * WIDTH**2))
    field = field / field.sum()
    light = torch.full((3, 1, 1), 1 / 3)
    evens, odds = [], []
    for turn in _turns():
        phase = 2 * math.pi / WAVE * (math.cos(turn) * x + math.sin(turn) * y)
        even, odd = field * phase.cos(), field * phase.sin()
        even = even - field * even.sum()
        hue = torch.tensor([2 * turn + 2 * math.pi * k / 3 for k in range(3)]).cos()
        colour = COLOUR / 2 * hue[:, None, None]
        # Colour follows light by a quarter of a wave.
        evens.append(light * even + colour * odd)
        odds.append(light * odd - colour * even)
    return torch.stack(evens + odds)


def _forms() -> Tensor:
    line = torch.arange(FORM_TAPS) - (FORM_TAPS - 1) / 2
    y, x = torch.meshgrid(line, line, indexing="ij")
    r, around = torch.hypot(x, y), torch.atan2(y, x)
    ring = torch.exp(-((r - RADIUS) / (0.45 * RADIUS)).square())
    rows = []
    for turned in FORMS.values():
        # Twice the angle: stripes have no sign. It sums to nothing over all directions.
        fits = [torch.cos(2 * (turn - around - turned)) for turn in _turns()]
        rows.append(torch.stack([ring * fit for fit in fits]))
    return torch.stack(rows) / ring.sum()


def _turns() -> list[float]:
    return [math.pi * k / DIRECTIONS for k in range(DIRECTIONS)]
