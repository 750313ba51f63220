"""Ways of a picture from the host's memory onto the GPU; ``VJGAN_UPLOAD`` names one.

`direct` hands it to the driver. `buffers` writes it into one of two buffers of OpenGL's, given back
each time so that nothing waits for the last picture. `mapped` keeps buffers in sight of the program
(OpenGL 4.4, "Persistent mapping" in section 6.3 of its specification), so that it is copied once.
What is not possible here is told, and `buffers` taken. `python -m bench screen` measures all three.
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle
from typing import Any, Protocol

import moderngl
import numpy as np

from vjgan.errors import DeviceError
from vjgan.types import ByteArray

log = logging.getLogger("vjgan")

UNPACK = 0x88EC  # GL_PIXEL_UNPACK_BUFFER
STORE = 0x2 | 0x40 | 0x80  # GL_MAP_WRITE_BIT, _PERSISTENT_BIT and _COHERENT_BIT
DONE, FLUSH = 0x9117, 0x1  # GL_SYNC_GPU_COMMANDS_COMPLETE, GL_SYNC_FLUSH_COMMANDS_BIT
PATIENCE_NS = 1_000_000_000
BUFFERS, MAPPED = 2, 3  # of a size


class Upload(Protocol):
    """Writes pictures into textures; in the thread that owns the context."""

    def write(self, texture: moderngl.Texture, image: ByteArray) -> None:
        """Have a picture, without gaps in memory, in a texture of its size and channels."""

    def release(self) -> None:
        """Give back what the GPU holds."""


class Direct:
    """The driver copies."""

    def __init__(self, context: moderngl.Context) -> None:
        pass

    def write(self, texture: moderngl.Texture, image: ByteArray) -> None:
        """Have a picture in a texture."""
        texture.write(image)

    def release(self) -> None:
        """There is nothing."""


class Buffers:
    """Two buffers of each size, in turn."""

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        self._turns: dict[int, cycle[moderngl.Buffer]] = {}
        self._held: list[moderngl.Buffer] = []

    def write(self, texture: moderngl.Texture, image: ByteArray) -> None:
        """Have a picture in a texture."""
        turn = self._turns.get(image.nbytes)
        if turn is None:
            made = [self._context.buffer(reserve=image.nbytes) for _ in range(BUFFERS)]
            self._held += made
            self._turns[image.nbytes] = turn = cycle(made)
        buffer = next(turn)
        buffer.orphan()  # what is still read of it stays the driver's
        buffer.write(image)
        texture.write(buffer)

    def release(self) -> None:
        """Give back what the GPU holds."""
        for buffer in self._held:
            buffer.release()


@dataclass
class _Slot:
    buffer: moderngl.Buffer
    memory: ByteArray  # of the buffer, as the program sees it
    read: ctypes.c_void_p | None = None  # the fence after which it has been read


class Mapped:
    """Three buffers of each size, which stay mapped, in turn."""

    def __init__(self, context: moderngl.Context) -> None:
        """Raises OSError where this OpenGL cannot do it."""
        self._context = context
        if context.version_code < 440 and "GL_ARB_buffer_storage" not in context.extensions:
            raise OSError(f"OpenGL {context.version_code / 100:.1f} keeps no buffer mapped")
        find = _finder()
        size, pointer, number = ctypes.c_ssize_t, ctypes.c_void_p, ctypes.c_uint
        self._bind = find("glBindBuffer", None, number, number)
        self._store = find("glBufferStorage", None, number, size, pointer, number)
        self._map = find("glMapBufferRange", pointer, number, size, size, number)
        self._fence = find("glFenceSync", pointer, number, number)
        self._wait = find("glClientWaitSync", number, pointer, number, ctypes.c_uint64)
        self._forget = find("glDeleteSync", None, pointer)
        self._turns: dict[int, cycle[_Slot]] = {}
        self._held: list[_Slot] = []
        self._slot(16)  # to know whether it works

    def write(self, texture: moderngl.Texture, image: ByteArray) -> None:
        """Have a picture in a texture."""
        turn = self._turns.get(image.nbytes)
        if turn is None:
            self._turns[image.nbytes] = turn = cycle(
                [self._slot(image.nbytes) for _ in range(MAPPED)]
            )
        slot = next(turn)
        if slot.read is not None:
            self._wait(slot.read, FLUSH, PATIENCE_NS)
            self._forget(slot.read)
        np.copyto(slot.memory, image.reshape(-1))
        texture.write(slot.buffer)
        slot.read = ctypes.c_void_p(self._fence(DONE, 0))

    def release(self) -> None:
        """Give back what the GPU holds; buffers that go are mapped no longer."""
        for slot in self._held:
            if slot.read is not None:
                self._forget(slot.read)
            slot.buffer.release()

    def _slot(self, nbytes: int) -> _Slot:
        buffer = self._context.buffer(reserve=nbytes)
        self._bind(UNPACK, buffer.glo)
        self._store(UNPACK, nbytes, None, STORE)
        place = self._map(UNPACK, 0, nbytes, STORE)
        self._bind(UNPACK, 0)
        if not place:
            buffer.release()
            raise OSError("the driver maps no buffer")
        memory = np.ctypeslib.as_array((ctypes.c_uint8 * nbytes).from_address(place))
        self._held.append(_Slot(buffer, memory))
        return self._held[-1]


WAYS: dict[str, Callable[[moderngl.Context], Upload]] = {
    "direct": Direct,
    "buffers": Buffers,
    "mapped": Mapped,
}


def open_upload(context: moderngl.Context, way: str | None = None) -> Upload:
    """The way of that name, of ``VJGAN_UPLOAD`` if it has none, or what is possible instead.
    Raises DeviceError for an unknown one."""
    way = way or os.environ.get("VJGAN_UPLOAD", "direct")
    if way not in WAYS:
        raise DeviceError(f"VJGAN_UPLOAD '{way}' is none of {', '.join(WAYS)}")
    try:
        return WAYS[way](context)
    except OSError as error:
        log.warning("upload '%s' is not possible: %s; 'buffers' is taken", way, error)
        return Buffers(context)


def _finder() -> Callable[..., Any]:
    """What finds functions of the current OpenGL by name, with their types. Raises OSError."""
    ask = _windows() if sys.platform == "win32" else _linux()
    ask.restype, ask.argtypes = ctypes.c_void_p, [ctypes.c_char_p]

    def find(name: str, *types: Any) -> Any:
        address = ask(name.encode())
        if not address:
            raise OSError(f"it has no {name}")
        return ctypes.CFUNCTYPE(*types)(address)

    return find


def _windows() -> Any:
    return ctypes.CDLL("opengl32").wglGetProcAddress


def _linux() -> Any:
    """GLX or EGL, whichever the current context is of."""
    for file, letters in (("libGL.so.1", "glX"), ("libEGL.so.1", "egl")):
        with suppress(OSError):
            library = ctypes.CDLL(file)
            current = getattr(library, f"{letters}GetCurrentContext")
            current.restype = ctypes.c_void_p
            if current():
                return getattr(library, f"{letters}GetProcAddress")
    raise OSError("there is neither GLX nor EGL to ask")
