"""Syphon, by which programs on macOS share pictures on the graphics card.

The only file that imports ``syphon``, of the extra `syphon`. Written by its documentation; never
run, for want of macOS.
"""

from __future__ import annotations

from typing import Any

from vjgan.errors import DeviceError
from vjgan.media.packed import rgba
from vjgan.types import ByteArray


def library() -> Any:
    """Syphon's library. Raises DeviceError where it is not installed."""
    try:
        import syphon
        import syphon.utils.numpy
        import syphon.utils.raw
    except ImportError:
        raise DeviceError("Syphon is for macOS, by: pip install 'vjgan[syphon]'") from None
    return syphon


class SyphonServer:
    """What other programs see under a name."""

    def __init__(self, name: str, size: tuple[int, int]) -> None:
        """``size`` is width and height of its pictures in pixels. Raises DeviceError."""
        self._syphon = library()
        self._server = self._syphon.SyphonMetalServer(name)
        self._texture = self._syphon.utils.raw.create_mtl_texture(self._server.device, *size)

    def send(self, image: ByteArray) -> None:
        """Show a picture uint8 [height, width, 3 or 4]."""
        self._syphon.utils.numpy.copy_image_to_mtl_texture(rgba(image), self._texture)
        self._server.publish_frame_texture(self._texture)

    def close(self) -> None:
        """Be seen no longer."""
        self._server.stop()
