"""NDI: pictures over a network, to other programs and from them.

The only file that imports ``NDIlib``, of the extra `ndi`. Its library finds others by mDNS; where
there is none, it is told where to ask: this machine is always asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from vjgan.errors import DeviceError
from vjgan.types import ByteArray

HOME = "127.0.0.1"
LOOK_SECONDS = 3.0  # in which a source must be found
GONE_SECONDS = 2.0  # without a connection, until it is taken to be gone
PATIENCE_MS = 200


def library() -> Any:
    """NDI's library, ready. Raises DeviceError where it is not installed or cannot run here."""
    try:
        import NDIlib
    except ImportError:
        raise DeviceError("NDI needs its library: pip install 'vjgan[ndi]'") from None
    if not NDIlib.initialize():
        raise DeviceError("NDI's library cannot run on this processor")
    return NDIlib


class Sender:
    """What others on the network see under a name. Alpha is sent as it is: not multiplied in."""

    def __init__(self, name: str, pack: Callable[[ByteArray], ByteArray]) -> None:
        """``pack`` gives pictures [h, w, 3 or 4] four channels. Raises DeviceError."""
        self._ndi, self._pack = library(), pack
        wanted = self._ndi.SendCreate()
        wanted.ndi_name = name
        wanted.clock_video = wanted.clock_audio = False  # the show has a clock
        self._sender = self._ndi.send_create(wanted)
        if self._sender is None:
            raise DeviceError(f"NDI output '{name}' cannot be made; is the name taken?")
        self._frame = self._ndi.VideoFrameV2()
        self._frame.frame_rate_N, self._frame.frame_rate_D = 30_000, 1000  # at most; no promise
        self._last = np.zeros((0, 0, 4), np.uint8)

    def send(self, image: ByteArray) -> None:
        """Show a picture uint8 [height, width, 3 or 4]; it is encoded while others work."""
        image = image[:, : image.shape[1] // 2 * 2]  # in NDI two pixels share a colour
        kinds = {3: self._ndi.FOURCC_VIDEO_TYPE_RGBX, 4: self._ndi.FOURCC_VIDEO_TYPE_RGBA}
        pixels = self._pack(image)
        self._frame.FourCC, self._frame.data = kinds[image.shape[2]], pixels
        self._ndi.send_send_video_v2(self._sender, self._frame)
        self._last = pixels  # held as long as the library may look at it

    def close(self) -> None:
        """Be seen no longer."""
        self._ndi.send_destroy(self._sender)


def received(wish: str) -> Iterator[ByteArray]:
    """What a source shows, as it comes: uint8 [height, width, 4], not multiplied by alpha. ``wish``
    is a part of its name and, after an @, an address to ask. Raises DeviceError when it is not
    there, or no longer."""
    ndi = library()
    name, _, address = wish.partition("@")
    wanted = ndi.FindCreate()
    wanted.show_local_sources = True
    wanted.extra_ips = ",".join(filter(None, (HOME, address)))
    finder = ndi.find_create_v2(wanted)
    try:
        source = _found(ndi, finder, name)
        how = ndi.RecvCreateV3()
        how.color_format, how.allow_video_fields = ndi.RECV_COLOR_FORMAT_RGBX_RGBA, False
        receiver = ndi.recv_create_v3(how)
        try:
            ndi.recv_connect(receiver, source)  # `source` belongs to the finder
            yield from _captured(ndi, receiver, name)
        finally:
            ndi.recv_destroy(receiver)
    finally:
        ndi.find_destroy(finder)


def _found(ndi: Any, finder: Any, name: str) -> Any:
    """The first source whose name contains that."""
    end, there = time.monotonic() + LOOK_SECONDS, []
    while time.monotonic() < end:
        there = list(ndi.find_get_current_sources(finder))
        for source in there:
            if name.lower() in source.ndi_name.lower():
                return source
        ndi.find_wait_for_sources(finder, PATIENCE_MS)
    listed = ", ".join(source.ndi_name for source in there)
    raise DeviceError(f"there is no NDI source '{name}'; there are: {listed or 'none'}")


def _captured(ndi: Any, receiver: Any, name: str) -> Iterator[ByteArray]:
    alive = time.monotonic()
    while True:
        kind, frame, _, _ = ndi.recv_capture_v2(receiver, PATIENCE_MS)
        if ndi.recv_get_no_connections(receiver):
            alive = time.monotonic()
        elif time.monotonic() > alive + GONE_SECONDS:
            raise DeviceError(f"NDI source '{name}' is gone")
        if kind == ndi.FRAME_TYPE_VIDEO:
            image: ByteArray = np.array(frame.data, np.uint8)
            if frame.FourCC == ndi.FOURCC_VIDEO_TYPE_RGBX:
                image[..., 3] = 255
            ndi.recv_free_video_v2(receiver, frame)
            yield image
        elif kind == ndi.FRAME_TYPE_METADATA:
            continue
