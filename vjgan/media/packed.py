"""Pictures as other programs take them."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from vjgan.types import ByteArray


def rgba(image: ByteArray) -> ByteArray:
    """A picture uint8 [height, width, 3 or 4] with four channels; what had three is opaque."""
    if image.shape[2] == 4:
        return np.ascontiguousarray(image)
    pixels = np.full((*image.shape[:2], 4), 255, np.uint8)
    pixels[..., :3] = image
    return pixels


class Yuyv:
    """Turns pictures into YUYV 4:2:2, limited range, by ITU-R BT.601, as the classes of webcams
    have it."""

    def __init__(self, size: tuple[int, int]) -> None:
        """``size`` is width and height in pixels, the width even."""
        self._size = size
        self._reformatter = VideoReformatter()

    def __call__(self, image: ByteArray) -> ByteArray:
        """A picture uint8 [height, width, 3] -> uint8 [height, width, 2], brought to the size."""
        converted = self._reformatter.reformat(
            VideoFrame.from_ndarray(np.ascontiguousarray(image)),
            *self._size,
            format="yuyv422",
            dst_colorspace=Colorspace.ITU601,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
        )
        packed: ByteArray = converted.to_ndarray().astype(np.uint8, copy=False)
        return packed.reshape(self._size[1], self._size[0], 2)
