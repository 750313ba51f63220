"""Sound as ISF files take it, a picture one row high, drawn from the eight bands that are heard.

The screen knows bands, not samples, so both are made: the spectrum passes through the bands'
energies, the wave is a sum of one tone a band, as loud as that band. They move with the music as
the true ones would; their fine structure is not the music's.
"""

from __future__ import annotations

from collections.abc import Mapping

import moderngl
import numpy as np

from vjgan.types import OCTAVES, FloatArray

# Where each band's middle lies, 0..1 of a spectrum that ends at 22.05 kHz.
MIDDLES_HZ = (55.0, 110.0, 230.0, 545.0, 1300.0, 2830.0, 5660.0, 11300.0)
TOP_HZ = 22_050.0
WAVE_SECONDS = 0.02  # that a wave is wide


class Sound:
    """The textures of sounds, by kind and width, made when they are first asked for."""

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        self._textures: dict[tuple[str, int], moderngl.Texture] = {}
        self._bands = np.zeros(OCTAVES, np.float32)
        self._time = 0.0

    def texture(self, kind: str, width: int) -> moderngl.Texture:
        """The picture of an "audio" or "audioFFT" input so wide."""
        key = (kind, width)
        if key not in self._textures:
            self._textures[key] = texture = self._context.texture((width, 1), 4, dtype="f4")
            texture.repeat_x = texture.repeat_y = False
            self._draw(*key)
        return self._textures[key]

    def hear(self, values: Mapping[str, float]) -> None:
        """Draw anew what ``band1`` to ``band8`` (0..1) and the ``time`` in seconds tell."""
        self._bands[:] = [values.get(f"band{k}", 0.0) for k in range(1, OCTAVES + 1)]
        self._time = values["time"]
        for key in self._textures:
            self._draw(*key)

    def _draw(self, kind: str, width: int) -> None:
        bands = self._bands
        row = spectrum(bands, width) if kind == "audioFFT" else wave(bands, width, self._time)
        pixels = np.repeat(row[:, None], 4, axis=1)  # [width, 4]
        pixels[:, 3] = 1.0
        self._textures[kind, width].write(pixels.tobytes())

    def release(self) -> None:
        """Give back what the GPU holds."""
        for texture in self._textures.values():
            texture.release()
        self._textures.clear()


def spectrum(bands: FloatArray, width: int) -> FloatArray:
    """``bands`` [8] -> [width], 0..1, frequencies evenly from 0 to 22.05 kHz."""
    hz = (np.arange(width) + 0.5) * TOP_HZ / width
    heights = np.interp(np.log(hz), np.log(MIDDLES_HZ), bands)
    return heights.astype(np.float32)


def wave(bands: FloatArray, width: int, time: float) -> FloatArray:
    """``bands`` [8] -> [width], 0..1 around 0.5, the last moment's sound at ``time`` seconds."""
    at = time % 60.0 + np.arange(width) * WAVE_SECONDS / width
    tones = np.sin(2.0 * np.pi * np.array(MIDDLES_HZ)[:, None] * at)  # [8, width]
    falling = bands / (1.0 + np.arange(OCTAVES))  # as music's do
    return np.clip(0.5 + 0.35 * falling @ tones, 0.0, 1.0).astype(np.float32)
