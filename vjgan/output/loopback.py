"""A webcam that is no camera: v4l2loopback on Linux, for programs that only know webcams.

Structures and numbers are those of the kernel's ``linux/videodev2.h``, as its "Video for Linux API"
describes them.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path

from vjgan.errors import DeviceError
from vjgan.types import ByteArray

Pack = Callable[[ByteArray], ByteArray]  # a picture [h, w, 3] to YUYV [h, w, 2]

CAPABILITY = struct.Struct("=16s32s32s3I12x")  # of v4l2_capability: driver, card, bus, version, ...
PIX = struct.Struct("=12I")  # of v4l2_pix_format
# v4l2_format: the type, then a union of 200 bytes that may hold pointers.
UNION = struct.calcsize("P")
FORMAT_BYTES = UNION + 200
VIDEO_OUTPUT, DEVICE_CAPS = 0x2, 1 << 31  # V4L2_CAP_...
BUF_TYPE_OUTPUT, FIELD_NONE = 2, 1
YUYV = int.from_bytes(b"YUYV", "little")
SRGB, ENC_601, LIMITED, XFER_SRGB = 8, 1, 2, 2  # colorspace, ycbcr_enc, quantization, xfer_func


def _ioctl(way: int, number: int, size: int) -> int:
    """The number of a request to a driver (``asm-generic/ioctl.h``); ``way`` 2 reads, 3 both."""
    return way << 30 | size << 16 | ord("V") << 8 | number


QUERYCAP = _ioctl(2, 0, CAPABILITY.size)
S_FMT = _ioctl(3, 5, FORMAT_BYTES)


class Loopback:
    """A device to which pictures of one size are written."""

    def __init__(self, place: str, size: tuple[int, int], pack: Pack) -> None:
        """``pack`` gives pictures of that ``size``. Raises DeviceError when there is no such
        device, it takes no pictures, or not of that size."""
        self._place, self._pack = place, pack
        self._device = _opened(place)
        try:
            _ask(self._device, S_FMT, format_request(size), place, "takes no YUYV of that size")
        except DeviceError:
            os.close(self._device)
            raise

    def send(self, image: ByteArray) -> None:
        """Show a picture uint8 [height, width, 3]. Raises DeviceError."""
        try:
            os.write(self._device, self._pack(image).data)
        except OSError as error:
            raise DeviceError(f"video output '{self._place}': {error.strerror}") from None

    def close(self) -> None:
        """Let go."""
        os.close(self._device)


def check_loopback(place: str) -> None:
    """Refuse at the door what is no device that takes pictures. Raises DeviceError."""
    os.close(_opened(place))


def format_request(size: tuple[int, int]) -> bytearray:
    """A v4l2_format that asks for YUYV of a size in pixels."""
    width, height = size
    line = 2 * width
    pix = PIX.pack(
        *(width, height, YUYV, FIELD_NONE, line, line * height),
        *(SRGB, 0, 0, ENC_601, LIMITED, XFER_SRGB),
    )
    kind = struct.pack("=I", BUF_TYPE_OUTPUT).ljust(UNION, b"\0")
    return bytearray((kind + pix).ljust(FORMAT_BYTES, b"\0"))


def takes_pictures(answer: bytes) -> bool:
    """Whether the driver that gave this v4l2_capability takes pictures."""
    *_, all_, own = CAPABILITY.unpack(answer)[2:]
    return bool((own if all_ & DEVICE_CAPS else all_) & VIDEO_OUTPUT)


def _opened(place: str) -> int:
    if sys.platform != "linux":
        raise DeviceError(f"video output '{place}': v4l2loopback is there on Linux only")
    if not Path(place).exists():
        raise DeviceError(
            f"there is no video output '{place}'; `sudo modprobe v4l2loopback` makes one"
        )
    try:
        device = os.open(place, os.O_RDWR)
    except OSError as error:
        raise DeviceError(f"video output '{place}': {error.strerror}") from None
    answer = bytearray(CAPABILITY.size)
    try:
        _ask(device, QUERYCAP, answer, place, "is no video device")
        if not takes_pictures(bytes(answer)):
            raise DeviceError(
                f"'{place}' is a camera or something else that takes no pictures; "
                "a device of v4l2loopback does"
            )
    except DeviceError:
        os.close(device)
        raise
    return device


def _ask(device: int, request: int, what: bytearray, place: str, otherwise: str) -> None:
    from fcntl import ioctl  # which is not there on Windows

    try:
        ioctl(device, request, what)
    except OSError as error:
        raise DeviceError(f"video output '{place}' {otherwise}: {error.strerror}") from None
