"""Files of pictures that come from outside, opened with care."""

from __future__ import annotations

from functools import cache
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

# Not EPS, for which Pillow runs another program, nor what only Windows could draw.
FORMATS = (
    *("AVIF", "BMP", "DDS", "DIB", "GIF", "ICO", "JPEG", "JPEG2000", "MPO", "PCX", "PNG", "PPM"),
    *("PSD", "QOI", "SGI", "TGA", "TIFF", "WEBP"),
)


def open_picture(file: str | BinaryIO) -> Image.Image:
    """A picture of one of FORMATS, not decoded yet. Raises what Pillow raises: OSError and its own,
    and for damage nearly anything."""
    return Image.open(file, formats=_known())


@cache
def _known() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def in_8_bits(image: Image.Image) -> Image.Image:
    """A picture, those of 16 or 32 bits a pixel as grey of 8."""
    if not (image.mode.startswith("I") or image.mode == "F"):
        return image
    return _deep(np.asarray(image, np.float64), image.mode.startswith("I;16"))


def _deep(values: NDArray[np.float64], sixteen: bool) -> Image.Image:
    values = np.nan_to_num(values)
    most = values.max(initial=0.0)
    scale = 255.0 if most <= 1.0 else 1.0
    if sixteen or most > 255.0:
        scale = 255.0 / max(65535.0, most)
    return Image.fromarray((values * scale + 0.5).clip(0, 255).astype(np.uint8))
