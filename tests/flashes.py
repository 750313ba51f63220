"""WCAG 2.2's flashes, counted in numpy pixel by pixel: the measure of the flash limiter.

Success criterion 2.3.1 and its definitions: a general flash is a pair of opposing changes of
relative luminance of 10 % or more, the darker below 0.80; a red flash one of (R - G - B) x 320 by
more than 20, one of the states being saturated red, R / (R + G + B) >= 0.8.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FLASHES = 3  # within a second: pairs of changes


def linear(image: NDArray[np.uint8]) -> NDArray[np.float64]:
    c = image / 255.0
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


class Changes:
    """Opposing changes of a value at each pixel, counted while they come."""

    def __init__(self, first: NDArray[np.float64]) -> None:
        self.low = self.high = first  # since the last change
        self.way = np.zeros(first.shape, int)  # of the last change; 0: none yet

    def step(self, value: NDArray[np.float64], by: float, dark: float) -> NDArray[np.bool_]:
        self.low, self.high = np.minimum(self.low, value), np.maximum(self.high, value)
        down = (self.way >= 0) & (self.high - value >= by) & (value < dark)
        up = (self.way <= 0) & (value - self.low >= by) & (self.low < dark) & ~down
        changed = down | up
        self.way = np.where(down, -1, np.where(up, 1, self.way))
        self.low = np.where(changed, value, self.low)
        self.high = np.where(changed, value, self.high)
        return changed


def worst_area(images: Sequence[NDArray[np.uint8]], fps: int) -> float:
    """The largest part of the screen, 0..1, with more than three flashes of one kind within one
    second."""
    general: list[NDArray[np.bool_]] = []
    red: list[NDArray[np.bool_]] = []
    light = reds = None
    for image in images:
        c = linear(image)
        luminance = c @ (0.2126, 0.7152, 0.0722)
        share = c[..., 0] / np.maximum(c.sum(-1), 1e-9)
        # What is not saturated counts as no red at all, which finds more changes, never fewer.
        redness = np.where(share >= 0.8, 320 * np.maximum(0, c[..., 0] - c[..., 1] - c[..., 2]), 0)
        if light is None or reds is None:
            light, reds = Changes(luminance), Changes(redness)
        general.append(light.step(luminance, 0.1, 0.8))
        red.append(reds.step(redness, 20.0, np.inf))
    worst = 0.0
    for kind in (np.array(general, int), np.array(red, int)):
        total = np.concatenate([np.zeros_like(kind[:1]), np.cumsum(kind, 0)])
        for start in range(max(1, len(kind) - fps + 1)):
            within = total[min(start + fps, len(kind))] - total[start]
            worst = max(worst, float((within // 2 > FLASHES).mean()))
    return worst
