"""One output of the light: what is set of it, and its test pattern with the corners to move."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import moderngl
from PIL.Image import Transpose

from vjgan.screen.layout import SQUARE, Output, is_convex
from vjgan.screen.pattern import pattern
from vjgan.screen.projection import Projector, is_plain, moved

Keep = Callable[[str, Output], object]


class Outlet:
    """Lays the light onto the window whose ``context`` it has; ``title`` is what the pattern calls
    it, ``name`` under which its settings are kept."""

    def __init__(self, context: moderngl.Context) -> None:
        self.name = self.title = ""
        self.output = Output()
        self.corner: int | None = None  # chosen, while the pattern is shown
        self.patterned = False
        self.changed = False  # since it was kept
        self._size = (1, 1)  # of what was last drawn to, in pixels
        self._context = context
        self._projector = Projector(context)
        self._pattern: tuple[object, moderngl.Texture] | None = None

    def use(self, name: str, title: str, output: Output) -> None:
        """Lay the light as ``output`` says from now on. Raises VjganError when its mask cannot be
        read."""
        if (name, title) != (self.name, self.title) or not self.changed:
            self._projector.prepare(output)
            self.name, self.title, self.output, self.changed = name, title, output, False

    def is_plain(self, size: tuple[int, int], picture: tuple[int, int]) -> bool:
        """Whether a picture drawn straight onto an output of that size is right already."""
        return not self.patterned and is_plain(self.output, size, picture)

    def draw(
        self,
        texture: moderngl.Texture | None,
        picture: tuple[int, int],
        target: moderngl.Framebuffer,
    ) -> None:
        """Cover ``target`` with a texture that stands for a picture of that size in pixels."""
        if self.patterned or texture is None:
            texture = self._painted(picture)
        self._size = target.viewport[2:]
        self._projector.draw(texture, picture, self.output, target)

    def move(self, right: int, down: int) -> None:
        """Move the chosen corner by so many pixels, as seen on a display that stands as it is
        turned; not so far that the picture folds."""
        if self.corner is None:
            return
        quarters = self.output.rotate // 90
        for _ in range(quarters):
            right, down = -down, right
        dx, dy = right / self._size[0], down / self._size[1]
        corners = moved(self.output, (self.corner + quarters) % 4, dx, dy)
        if is_convex(corners) and corners != self.output.corners:
            self.output, self.changed = replace(self.output, corners=corners), True

    def square(self) -> None:
        """All corners back to those of the output."""
        if self.output.corners != SQUARE:
            self.output, self.changed = replace(self.output, corners=SQUARE), True

    def release(self) -> None:
        """Give back what the GPU holds."""
        self._projector.release()
        if self._pattern is not None:
            self._pattern[1].release()
            self._pattern = None

    def _painted(self, size: tuple[int, int]) -> moderngl.Texture:
        wanted = (size, self.title, self.corner)
        if self._pattern is None or self._pattern[0] != wanted:
            if self._pattern is not None:
                self._pattern[1].release()
            image = pattern(size, self.title, self.corner).transpose(Transpose.FLIP_TOP_BOTTOM)
            texture = self._context.texture(size, 3, image.tobytes(), alignment=1)
            texture.repeat_x = texture.repeat_y = False
            self._pattern = wanted, texture
        return self._pattern[1]
