"""Model frames on their way to the GPU."""

from __future__ import annotations

import moderngl
import numpy as np

from vjgan.types import Frame, Picture


class Frames:
    """The textures of the newest frames; one that is still held is not sent again, and one that
    is no longer wanted gives its texture to the next of its size."""

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        self._held: list[tuple[Frame, moderngl.Texture]] = []

    def uploaded(self, picture: Picture) -> tuple[moderngl.Texture, moderngl.Texture]:
        """The textures of the frames before and after, top row first."""
        wanted = (picture.before, picture.after)
        return self._texture(picture.before, wanted), self._texture(picture.after, wanted)

    def release(self) -> None:
        """Give back what the GPU holds."""
        for _, texture in self._held:
            texture.release()
        self._held.clear()

    def _texture(self, frame: Frame, wanted: tuple[Frame, Frame]) -> moderngl.Texture:
        for held, texture in self._held:
            if held is frame:
                return texture
        texture = self._free(frame.image.shape[1::-1], wanted)
        texture.write(np.ascontiguousarray(frame.image))
        texture.build_mipmaps()
        self._held.append((frame, texture))
        return texture

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
