"""Pictures from a graphics card's memory into OpenGL's on the same card, past the host.

A picture stays where CUDA made it; the thread that owns the OpenGL context copies it into a buffer
of OpenGL's, which CUDA has been shown (NVIDIA, CUDA Runtime API, "OpenGL Interoperability"). The
runtime library is the one that torch has loaded.
"""

from __future__ import annotations

import ctypes
import logging
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vjgan.generator.faults import first_line
from vjgan.types import ByteArray

log = logging.getLogger("vjgan")

WRITE_DISCARD = 2  # cudaGraphicsRegisterFlagsWriteDiscard: all of it is written anew
NON_BLOCKING = 1  # cudaStreamNonBlocking: does not wait for the pictures that are being drawn
DEVICE_TO_DEVICE = 3  # cudaMemcpyDeviceToDevice


def runtime_library() -> Any:
    """CUDA's runtime library, as torch uses it. Raises OSError where there is none."""
    if torch.version.cuda is None:
        raise OSError("this torch was built without CUDA")
    major = torch.version.cuda.partition(".")[0]
    windows = sys.platform == "win32"
    return ctypes.CDLL(f"cudart64_{major}.dll" if windows else f"libcudart.so.{major}")


class Interop:
    """The way past the host; after its first failure, which is told, it is closed for good."""

    def __init__(self, library: Callable[[], Any] = runtime_library) -> None:
        self.works = True
        self._find = library
        self._library: Any = None
        self._stream = ctypes.c_void_p()
        self._shown: dict[tuple[int, int], ctypes.c_void_p] = {}  # by buffer and its bytes

    def takes(self, pixels: Tensor) -> bool:
        """Whether a picture can go this way, as far as is known."""
        return self.works and pixels.is_cuda

    def pour(self, pixels: Tensor, buffer: int) -> bool:
        """Copy a picture into the buffer of OpenGL's of that number and size, in the thread that
        owns its context; whether that was done."""
        if not self.works:
            return False
        try:
            self._copy(pixels, buffer)
        except (OSError, AttributeError, RuntimeError) as error:
            self.works = False
            log.warning(
                "CUDA-GL interop not possible: %s; pictures go through the host's memory",
                first_line(error),
            )
        return self.works

    def _copy(self, pixels: Tensor, buffer: int) -> None:
        if self._library is None:
            self._library = self._find()
            self._call("cudaSetDevice", max(0, pixels.get_device()))
            self._call("cudaStreamCreateWithFlags", ctypes.byref(self._stream), NON_BLOCKING)
        shown = self._resource(buffer, pixels.nbytes)
        self._call("cudaGraphicsMapResources", 1, ctypes.byref(shown), self._stream)
        try:
            place, room = ctypes.c_void_p(), ctypes.c_size_t()
            told = ctypes.byref(place), ctypes.byref(room)
            self._call("cudaGraphicsResourceGetMappedPointer", *told, shown)
            if room.value < pixels.nbytes:
                raise RuntimeError(f"a buffer of {room.value} bytes for {pixels.nbytes}")
            source, nbytes = ctypes.c_void_p(pixels.data_ptr()), ctypes.c_size_t(pixels.nbytes)
            self._call("cudaMemcpyAsync", place, source, nbytes, DEVICE_TO_DEVICE, self._stream)
        finally:
            self._call("cudaGraphicsUnmapResources", 1, ctypes.byref(shown), self._stream)
        self._call("cudaStreamSynchronize", self._stream)  # or the picture could be freed too soon

    def _resource(self, buffer: int, nbytes: int) -> ctypes.c_void_p:
        """What CUDA calls a buffer of OpenGL's."""
        key = buffer, nbytes
        if key not in self._shown:
            made = ctypes.c_void_p()
            number = ctypes.c_uint(buffer)
            self._call("cudaGraphicsGLRegisterBuffer", ctypes.byref(made), number, WRITE_DISCARD)
            self._shown[key] = made
        return self._shown[key]

    def _call(self, name: str, *arguments: Any) -> None:
        code = getattr(self._library, name)(*arguments)
        if code:
            self._library.cudaGetLastError()  # or torch would take it for its own
            spell = self._library.cudaGetErrorName
            spell.restype = ctypes.c_char_p
            raise RuntimeError(f"{name} gives {spell(code).decode()}")


class OnCard:
    """A picture uint8 [h, w, 3] in a card's memory, which stands for a ``ByteArray``: ``pour`` puts
    it into a buffer of OpenGL's, and as an array it comes to the host."""

    def __init__(self, pixels: Tensor, interop: Interop) -> None:
        self.shape = tuple(pixels.shape)
        self._pixels = pixels
        self._interop = interop

    def pour(self, buffer: int) -> bool:
        """Whether it could be put into the buffer of that number."""
        return self._interop.pour(self._pixels, buffer)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> ByteArray:
        array: ByteArray = np.asarray(self._pixels.cpu().numpy(), dtype)
        return array
