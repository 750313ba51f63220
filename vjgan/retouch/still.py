"""A still that is dreamed into, small first and then ever larger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from vjgan.retouch.ascent import LEAST, Ascent, Eye, Wish, resized
from vjgan.retouch.dream import (
    FURTHEST,
    MARGIN,
    OCTAVE,
    image_of,
    palette_of,
    step,
    tempered,
    tensor_of,
)
from vjgan.types import ByteArray

STEP = 0.012  # of the range of a pixel


@dataclass(frozen=True, slots=True)
class StillSettings:
    """How deep a still is dreamed into; ``size`` is its longer side in pixels, 0 as it is."""

    octaves: int = 4
    steps: int = 12  # at each size
    layer: float = 1.5
    motif: int = 0
    size: int = 0


@torch.no_grad()
def dream_still(
    eye: Eye, image: ByteArray, settings: StillSettings, told: Callable[[int], None]
) -> ByteArray:
    """The picture uint8 [h, w, 3] with the dream in it; ``told`` hears of each step that is done,
    of ``octaves`` times ``steps``."""
    ascent, chance = Ascent(eye), np.random.default_rng(0)
    whole = tensor_of(image)  # [1, 3, h, w]
    if settings.size:
        scale = settings.size / max(whole.shape[2:])
        whole = resized(whole, [max(LEAST, round(n * scale)) for n in whole.shape[2:]])
    wish = Wish(settings.layer, settings.motif)
    palette = palette_of(whole)
    new = torch.zeros(1, 3, 1, 1)  # what was dreamed so far
    done = 0
    for k in reversed(range(settings.octaves)):
        size = [max(LEAST, round(n / OCTAVE**k)) for n in whole.shape[2:]]
        small = resized(whole, size)
        dream = (small + resized(new, size)).clamp(0.0, 1.0)
        for _ in range(settings.steps):
            shift = chance.integers(0, MARGIN + 1, 2).tolist()
            dream = step(ascent, dream, wish, [1.0], STEP, shift, palette)
            done += 1
            told(done)
        new = (dream - small).clamp(-FURTHEST, FURTHEST)
    return image_of(tempered(whole + FURTHEST * torch.tanh(new / FURTHEST), whole))
