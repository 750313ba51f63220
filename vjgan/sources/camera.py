"""A camera as a layer."""

from __future__ import annotations

from vjgan.sources.decoder import Converter, Opener, find_camera, grabbed
from vjgan.sources.live import Live


class Camera(Live):
    """What a camera sees now."""

    def __init__(self, name: str, channels: int, open_: Opener | None = None) -> None:
        """``open_`` stands in for the camera of that ``name``. Raises DeviceError when it is not
        there or shows nothing."""
        opener, convert = open_ or find_camera(name), Converter(channels)
        super().__init__(f"camera '{name}'", lambda: map(convert, grabbed(opener)))
