"""A picture from a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from vjgan.errors import MediaError
from vjgan.pictures import in_8_bits, open_picture
from vjgan.types import Beat, ByteArray, Frame, Tick

LARGEST = 2048  # pixels a side; what is larger is made smaller
MOST_PIXELS = 200_000_000  # of a file, which would take 600 MB


class Still:
    """One picture for as long as the layer lasts."""

    def __init__(self, path: Path, channels: int) -> None:
        """Raises MediaError when the file is missing, too large or no picture."""
        self._frame = Frame(0.0, _read(path, channels))

    def read(self, beat: Beat, tick: Tick, speed: float) -> Frame:
        """The picture."""
        return self._frame

    def close(self) -> None:
        """Nothing to end."""


def _read(path: Path, channels: int) -> ByteArray:
    try:
        with open_picture(str(path)) as file:
            if file.width * file.height > MOST_PIXELS:
                raise MediaError(f"picture '{path}' has more than {MOST_PIXELS} pixels")
            image = in_8_bits(ImageOps.exif_transpose(file)).convert("RGBA")
    except MediaError:
        raise
    except Exception as error:  # Pillow has as many ways to fail as there are formats
        reason = getattr(error, "strerror", None) or "it is no picture that can be read"
        raise MediaError(f"picture '{path}' cannot be read: {reason}") from None
    image.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    return multiplied(np.asarray(image), channels)


def multiplied(image: ByteArray, channels: int) -> ByteArray:
    """RGBA with colours multiplied by alpha, so that edges are enlarged without a fringe; or, for
    three channels, that on black."""
    alpha = image[..., 3:].astype(np.uint16)
    colours = ((image[..., :3] * alpha + 127) // 255).astype(np.uint8)
    if channels == 3:
        return colours
    return np.concatenate([colours, image[..., 3:]], axis=-1)
