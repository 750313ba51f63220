"""Model frames on their way to the GPU."""

from __future__ import annotations

import math

import moderngl
import numpy as np

from vjgan.screen.upload import open_upload
from vjgan.types import Frame, Picture


class Frames:
    """The textures of the newest frames; one that is still held is not sent again, and one that
    is no longer wanted gives its texture to the next of its size."""

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        self._upload = open_upload(context)
        self._held: list[tuple[Frame, moderngl.Texture]] = []
        self._buffers: dict[int, moderngl.Buffer] = {}  # by bytes, for pictures on a card

    def uploaded(self, picture: Picture) -> tuple[moderngl.Texture, moderngl.Texture]:
        """The textures of the frames before and after, top row first."""
        wanted = (picture.before, picture.after)
        return self._texture(picture.before, wanted), self._texture(picture.after, wanted)

    def release(self) -> None:
        """Give back what the GPU holds."""
        for _, texture in self._held:
            texture.release()
        self._held.clear()
        self._upload.release()
        for buffer in self._buffers.values():
            buffer.release()
        self._buffers.clear()

    def _texture(self, frame: Frame, wanted: tuple[Frame, Frame]) -> moderngl.Texture:
        for held, texture in self._held:
            if held is frame:
                return texture
        texture = self._free(frame.image.shape[1::-1], wanted)
        self._send(frame, texture)
        texture.build_mipmaps()
        self._held.append((frame, texture))
        return texture

    def _send(self, frame: Frame, texture: moderngl.Texture) -> None:
        pour = getattr(frame.image, "pour", None)  # of a picture that lies in a card's memory
        if pour is not None:
            nbytes = math.prod(frame.image.shape)
            if nbytes not in self._buffers:
                self._buffers[nbytes] = self._context.buffer(reserve=nbytes)
            if pour(self._buffers[nbytes].glo):
                texture.write(self._buffers[nbytes])
                return
        self._upload.write(texture, np.ascontiguousarray(frame.image))

    def _free(self, size: tuple[int, ...], wanted: tuple[Frame, Frame]) -> moderngl.Texture:
        for index, (held, texture) in enumerate(self._held):
            if not any(held is frame for frame in wanted):
                del self._held[index]
                if texture.size == size:
                    return texture
                texture.release()
                break
        fresh = self._context.texture((size[0], size[1]), 3, alignment=1)
        fresh.repeat_x = fresh.repeat_y = False
        return fresh
