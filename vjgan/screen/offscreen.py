"""A screen without a display: the same light, into memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import moderngl

from vjgan.errors import DeviceError
from vjgan.screen.canvas import Canvas
from vjgan.screen.program import Surface
from vjgan.types import GLANCE_WIDTH, ByteArray, Controls, Event, PassWeight, Picture, Tick


class OffscreenScreen:
    """Draws every pixel, or, ``live``, what the machine can draw in time."""

    def __init__(
        self,
        size: tuple[int, int] = (1280, 720),
        live: bool = False,
        shader_dir: Path | None = None,
        flash_limit: bool = True,
        alpha: bool = False,
    ) -> None:
        """With ``alpha``, pictures have a fourth channel that tells what of them is clear, and
        glances may have. Raises DeviceError without OpenGL 3.3, ShaderError when a shader does not
        compile."""
        self.size = size
        self._context = _standalone()
        self._alpha = alpha
        self.canvas = Canvas(self._context, size, live, shader_dir, flash_limit, alpha)
        self._light = Surface(self._context, size, "f1")
        self.canvas.warm(self._light.target)

    @property
    def renderer(self) -> str:
        """What draws, in OpenGL's words."""
        return self.canvas.renderer

    @property
    def software(self) -> bool:
        """Whether the CPU draws, for want of a GPU."""
        return self.canvas.software

    def show(self, picture: Picture, controls: Controls, tick: Tick) -> None:
        """Draw the chain of passes."""
        with self._context:
            self.canvas.draw(picture, controls, tick, self._light.target)

    def events(self) -> Sequence[Event]:
        """Nobody presses a key here."""
        return ()

    def image(self) -> ByteArray:
        """What was last drawn: uint8 [height, width, 3], with alpha 4, top row first; black at
        first."""
        with self._context:
            return self.canvas.image(alpha=True) if self._alpha else self._light.pixels()

    def glance(self, width: int = GLANCE_WIDTH, alpha: bool = False) -> ByteArray | None:
        """A copy of the light, without words, so wide at most; from a GPU that of the call before
        for this width. With ``alpha`` it has a fourth channel."""
        with self._context:
            return self.canvas.glance(width, alpha)

    def expect(self, passes: Sequence[PassWeight]) -> None:
        """Make ready passes that are files of their own, which may take seconds."""
        with self._context:
            self.canvas.expect(passes)

    def spare(self, most_pixels: int | None, passes: int) -> None:
        """From now on draw at most so many pixels inside (None: all), and without so many of the
        dearest passes."""
        with self._context:
            self.canvas.spare(most_pixels, passes)

    def costs(self, passes: Sequence[PassWeight]) -> Sequence[float]:
        """Seconds that every frame took, and then each of these passes, when they were tried."""
        return self.canvas.chain.costs(passes)

    def say(self, lines: Sequence[str]) -> None:
        """Text over the picture from the next frame on; an empty sequence removes it."""
        self.canvas.overlay.say(lines)

    def pattern(self) -> None:
        """There is no display to be set up."""

    def close(self) -> None:
        """Give back what the GPU holds."""
        with self._context:
            self.canvas.release()
            self._light.release()
        self._context.release()


def _standalone() -> moderngl.Context:
    """An OpenGL context without a window: through the X server where there is one (a context of
    EGL beside a window of it kills the process), else straight from EGL."""
    reasons = []
    ways: list[dict[str, Any]] = [{"backend": "egl"}]
    if os.environ.get("DISPLAY"):
        ways.insert(0, {})
    for way in ways:
        try:
            return moderngl.create_context(standalone=True, require=330, **way)
        except Exception as error:  # glcontext raises plain Exceptions
            reasons.append(str(error))
    raise DeviceError(f"no OpenGL 3.3 to draw with: {'; '.join(reasons)}")
