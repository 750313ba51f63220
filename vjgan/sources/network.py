"""What another program shows over the network, as a layer."""

from __future__ import annotations

from collections.abc import Iterator

from vjgan.ndi import library, received
from vjgan.sources.decoder import LARGEST, Shrinker
from vjgan.sources.live import Live
from vjgan.sources.still import multiplied
from vjgan.types import ByteArray


class NdiSource(Live):
    """What an NDI source shows now, at most ``LARGEST`` pixels a side."""

    def __init__(self, name: str, channels: int) -> None:
        """``name`` is a part of the source's, and after an @ an address to ask. Raises DeviceError
        where NDI is not installed, or the source not there."""
        library()
        super().__init__(f"NDI source '{name}'", lambda: _layer(name, channels))


def _layer(name: str, channels: int) -> Iterator[ByteArray]:
    shrink = Shrinker()
    for image in received(name):
        yield multiplied(shrink(image) if max(image.shape) > LARGEST else image, channels)
