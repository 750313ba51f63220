"""A small copy of the light for those who watch from elsewhere, read without waiting for it."""

from __future__ import annotations

from collections.abc import Callable

import moderngl

from vjgan.screen.program import Surface, upright
from vjgan.types import ByteArray


class Glance:
    """Reads what a GPU draws one call late: by then it has long put it into a buffer. ``at_once``
    is for a CPU that draws: it would have to be waited for twice."""

    def __init__(
        self,
        context: moderngl.Context,
        size: tuple[int, int],
        width: int,
        at_once: bool = False,
        channels: int = 3,
    ) -> None:
        """``size`` is that of the light in pixels, ``width`` how wide the copy is at most."""
        self._channels = channels
        self._at_once = at_once
        self._of = size
        width = min(width, size[0])
        self.size = (width, max(1, round(width * size[1] / size[0])))
        self._surface = Surface(context, self.size, "f1")
        self._buffer = context.buffer(reserve=channels * self.size[0] * self.size[1])
        self._taken = False

    def fits(self, size: tuple[int, int]) -> bool:
        """Whether it was made for a light of that size."""
        return self._of == size

    def take(self, present: Callable[[moderngl.Framebuffer], None]) -> ByteArray | None:
        """What ``present`` drew at the call before, None at first; or draws now, ``at_once``."""
        if self._at_once:
            present(self._surface.target)
            return self._surface.pixels(self._channels)
        before = upright(self._buffer.read(), self.size) if self._taken else None
        present(self._surface.target)
        self._surface.target.read_into(self._buffer, components=self._channels, alignment=1)
        self._taken = True
        return before

    def release(self) -> None:
        """Give back what the GPU holds."""
        self._surface.release()
        self._buffer.release()
