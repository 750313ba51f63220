"""Spout, by which programs on Windows share pictures on the graphics card.

The only file that imports ``SpoutGL``, of the extra `spout`. Written by its documentation and that
of Spout's SDK; never run, for want of Windows.
"""

from __future__ import annotations

from typing import Any

from vjgan.errors import DeviceError
from vjgan.media.packed import rgba
from vjgan.types import ByteArray

RGBA = 0x1908  # GL_RGBA


def library() -> Any:
    """Spout's library. Raises DeviceError where it is not installed."""
    try:
        import SpoutGL
    except ImportError:
        raise DeviceError("Spout is for Windows, by: pip install 'vjgan[spout]'") from None
    return SpoutGL


class SpoutSender:
    """What other programs see under a name. All calls come from one thread, whose OpenGL it is."""

    def __init__(self, name: str) -> None:
        """Raises DeviceError."""
        self._sender = library().SpoutSender()
        self._sender.setSenderName(name)
        if not self._sender.createOpenGL():
            raise DeviceError(f"Spout output '{name}': no OpenGL to share pictures by")

    def send(self, image: ByteArray) -> None:
        """Show a picture uint8 [height, width, 3 or 4]. Raises DeviceError."""
        height, width = image.shape[:2]
        if not self._sender.sendImage(rgba(image), width, height, RGBA, False, 0):
            raise DeviceError("Spout takes no picture")

    def close(self) -> None:
        """Be seen no longer."""
        self._sender.releaseSender()
        self._sender.closeOpenGL()
