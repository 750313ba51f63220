"""Pictures to draw and light to draw them in, for the tests of the screen."""

from __future__ import annotations

import numpy as np

from vjgan.types import Controls, Frame, PassWeight, Picture, Tick

SIZE = (160, 90)
FPS = 60


def portrait(seed: int = 1) -> Frame:
    """Something like a model's picture: soft light on round shapes, a few sharp contours."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    image = np.stack([0.3 + 0.2 * np.sin(2 * x + k) * np.cos(1.5 * y - k) for k in range(3)], -1)
    for radius in (0.75, 0.5, 0.3, 0.15):
        cx, cy = rng.uniform(-0.5, 0.5, 2)
        colour = rng.uniform(0.1, 1.0, 3)
        distance = np.hypot(x - cx, y - cy) / radius
        inside = distance < 1.0
        shade = np.sqrt(np.clip(1.0 - distance**2, 0.0, 1.0))
        image[inside] = (colour * (0.25 + 0.75 * shade[..., None]))[inside]
        image += 0.8 * np.exp(-30.0 * ((x - cx + 0.1) ** 2 + (y - cy + 0.1) ** 2))[..., None]
    return Frame(0.0, (255 * np.clip(image, 0.0, 1.0)).astype(np.uint8))


def plain(*colour: int) -> Frame:
    """One colour, 16x16."""
    return Frame(0.0, np.full((16, 16, 3), colour, np.uint8))


def ramp(width: int = 128, height: int = 128) -> Frame:
    """Red tells the column and green the row, 0..255 from the top left."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(0, 255, width).round()[None, :]
    image[..., 1] = np.linspace(0, 255, height).round()[:, None]
    return Frame(0.0, image)


def still(frame: Frame) -> Picture:
    return Picture(frame, frame)


def light(
    *passes: str | tuple[str, float],
    time: float = 1.3,
    signals: dict[str, float] | None = None,
    **values: float,
) -> Controls:
    """Controls at a time of music of 120 bpm; a value ``bloom__amount`` is ``bloom.amount``."""
    beat = 2.0 * time
    heard = dict.fromkeys(("level", "low", "mid", "high", "tone"), 0.5)
    heard |= {"beat": beat, "beat_phase": beat % 1, "beat_pulse": (1 - beat % 1) ** 3}
    heard |= {"bar_phase": beat / 4 % 1, "bar_pulse": (1 - beat / 4 % 1) ** 3, "onset": 0.8}
    named = {name.replace("__", "."): value for name, value in values.items()}
    rows = [PassWeight(row) if isinstance(row, str) else PassWeight(*row) for row in passes]
    return Controls(time, named, heard | (signals or {}), tuple(rows))


def tick(time: float = 1.3, dt: float = 1 / FPS) -> Tick:
    return Tick(round(time / dt), time, dt, time)
