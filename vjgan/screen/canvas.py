"""What every screen draws with: the chain of passes and the words over it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import moderngl

from vjgan import assets
from vjgan.screen.glance import Glance
from vjgan.screen.overlay import Overlay
from vjgan.screen.passes import Chain
from vjgan.screen.program import Surface, is_software
from vjgan.types import ByteArray, Controls, PassWeight, Picture, Tick

log = logging.getLogger("vjgan")

PREVIEW_PX = 600  # of the longer side; half of it where a CPU draws
SOFTWARE_PIXELS = 400 * 225  # what a CPU draws many passes of in time, and all of most models


class Canvas:
    """Draws a show's light onto framebuffers. ``live`` keeps an OpenGL without a GPU in time, by a
    smaller picture inside, and takes shader files that change."""

    def __init__(
        self,
        context: moderngl.Context,
        size: tuple[int, int],
        live: bool,
        shader_dir: Path | None = None,
        flash_limit: bool = True,
        alpha: bool = False,
    ) -> None:
        """With ``alpha``, copies may tell what of the light is clear. Raises ShaderError when a
        shader is malformed or does not compile."""
        self._context = context
        self._live = live
        self.renderer = str(context.info["GL_RENDERER"])
        self.software = is_software(context)  # drawn by the CPU
        slow = live and self.software
        folder = shader_dir or assets.folder("shaders")
        self.chain = Chain(
            context, size, folder, SOFTWARE_PIXELS if slow else None, flash_limit, alpha
        )
        self.overlay = Overlay(context)
        self._copy: Surface | None = None
        self._light: Surface | None = None
        self._preview: Surface | None = None
        self._glances: dict[tuple[int, int], Glance] = {}  # by width and channels
        if slow:
            log.info(
                "no GPU (%s): passes are drawn at %dx%d and enlarged",
                self.renderer,
                *self.chain.internal_size,
            )

    def warm(self, target: moderngl.Framebuffer) -> None:
        """Draw once all that can be drawn, so that nothing is left to be compiled in the show;
        ``target`` is what will be drawn to. A film has time."""
        if not self._live:
            return
        self.chain.warm(target)
        self.overlay.warm(target)
        self.image()
        target.clear()

    def expect(self, passes: Sequence[PassWeight]) -> None:
        """Make ready what `warm` does not know: passes that are files of their own."""
        self.chain.expect(passes)

    def spare(self, most_pixels: int | None, passes: int) -> None:
        """From now on draw at most so many pixels inside, and without the dearest ``passes``."""
        self.chain.limit(most_pixels)
        self.chain.sparing.passes = passes

    def draw(
        self, picture: Picture, controls: Controls, tick: Tick, target: moderngl.Framebuffer
    ) -> None:
        """One frame onto ``target``, words included."""
        if self._live:
            self.chain.poll(tick.time)
        self.chain.draw(picture, controls, tick, target)
        self.overlay.draw(target)

    def light(self, picture: Picture, controls: Controls, tick: Tick) -> moderngl.Texture:
        """One frame without words, for outputs that lay it themselves."""
        self.blank()
        assert self._light is not None
        if self._live:
            self.chain.poll(tick.time)
        self.chain.draw(picture, controls, tick, self._light.target)
        return self._light.texture

    def blank(self) -> moderngl.Texture:
        """The texture of `light`, before one was drawn or after; where a CPU draws, no larger than
        it draws inside."""
        size = self.chain.internal_size if self.software else self.chain.size
        if self._light is None or self._light.size != size:
            if self._light is not None:
                self._light.release()
            self._light = Surface(self._context, size, "f1" if self.software else "f2")
        return self._light.texture

    def preview(self) -> moderngl.Texture:
        """What was last drawn, small and without words, for another window to show."""
        width, height = self.chain.size
        longest = PREVIEW_PX // 2 if self.software else PREVIEW_PX
        scale = min(1.0, longest / width, longest / height)
        size = max(1, round(scale * width)), max(1, round(scale * height))
        if self._preview is None or self._preview.size != size:
            if self._preview is not None:
                self._preview.release()
            self._preview = Surface(self._context, size, "f1")
        self.chain.present(self._preview.target)
        return self._preview.texture

    def image(self, alpha: bool = False) -> ByteArray:
        """What was last drawn: uint8 [height, width, 3], with ``alpha`` 4, top row first."""
        if self._copy is None or self._copy.size != self.chain.size:
            if self._copy is not None:
                self._copy.release()
            self._copy = Surface(self._context, self.chain.size, "f1")
        self.chain.present(self._copy.target, alpha)
        self.overlay.draw(self._copy.target)
        return self._copy.pixels(4 if alpha else 3)

    def glance(self, width: int, alpha: bool = False) -> ByteArray | None:
        """A copy of the light, without words, so wide at most; from a GPU that of the call before
        for this width. With ``alpha`` it has a fourth channel."""
        channels = 4 if alpha else 3
        glance = self._glances.get((width, channels))
        if glance is None or not glance.fits(self.chain.size):
            if glance is not None:
                glance.release()
            glance = Glance(self._context, self.chain.size, width, self.software, channels)
            self._glances[width, channels] = glance
        return glance.take(lambda target: self.chain.present(target, alpha))

    def release(self) -> None:
        """Give back what the GPU holds."""
        self.chain.release()
        self.overlay.release()
        for held in (self._copy, self._light, self._preview, *self._glances.values()):
            if held is not None:
                held.release()
