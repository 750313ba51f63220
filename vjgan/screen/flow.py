"""How the picture moves between two frames, on its way to the GPU."""

from __future__ import annotations

import moderngl
import numpy as np

from vjgan.types import FloatArray, Picture


class Flow:
    """The texture of the newest picture's motion; one that is held is not sent again."""

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        self._sent: FloatArray | None = None
        self._still = self._made((2, 2))  # 1x1 would be another program to llvmpipe
        self._still.write(np.zeros((2, 2, 4), np.float16))
        self._texture: moderngl.Texture | None = None

    def uploaded(self, picture: Picture) -> moderngl.Texture:
        """The texture [h, w, 4] as `Picture.motion`, top row first; without one, that of rest."""
        motion = picture.motion
        if motion is None:
            return self._still
        height, width = motion.shape[:2]
        if self._texture is None or self._texture.size != (width, height):
            if self._texture is not None:
                self._texture.release()
            self._texture, self._sent = self._made((width, height)), None
        if motion is not self._sent:
            self._texture.write(np.ascontiguousarray(motion, np.float16))
            self._sent = motion
        return self._texture

    def release(self) -> None:
        """Give back what the GPU holds."""
        self._still.release()
        if self._texture is not None:
            self._texture.release()

    def _made(self, size: tuple[int, int]) -> moderngl.Texture:
        texture = self._context.texture(size, 4, dtype="f2", alignment=1)
        texture.repeat_x = texture.repeat_y = False
        return texture
