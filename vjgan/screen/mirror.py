"""A second display with the same light."""

from __future__ import annotations

import moderngl

from vjgan.screen.displays import Display
from vjgan.screen.layout import Output
from vjgan.screen.outlet import Outlet
from vjgan.screen.pane import Pane


class Mirror:
    """Fills one more display from the texture that the first one has, laid as that display needs
    it. Leaves its own context current."""

    def __init__(self, first: Pane) -> None:
        """Raises DeviceError when there can be no second window."""
        self.pane = Pane(first.pixels, "vjgan", share=first)
        self.outlet = Outlet(self.pane.context)
        self._seen: tuple[int, moderngl.Texture] | None = None

    def fill(self, display: Display, name: str, output: Output) -> None:
        """Take the whole of a display."""
        self.pane.use()
        self.outlet.use(name, display.name, output)
        self.pane.fill(display)
        self.pane.hide_cursor(True)
        self.pane.reveal()

    def show(self, light: moderngl.Texture, picture: tuple[int, int]) -> None:
        """Draw a texture of the first window, which stands for a picture of that size."""
        self.pane.use()
        if self._seen is None or self._seen[0] != light.glo or self._seen[1].size != light.size:
            self._seen = light.glo, shared(self.pane.context, light)
        self.outlet.draw(self._seen[1], picture, self.pane.target())
        self.pane.swap()

    def close(self) -> None:
        """Let the display go."""
        self.pane.use()
        self.outlet.release()
        self.pane.close()


def shared(context: moderngl.Context, texture: moderngl.Texture) -> moderngl.Texture:
    """A texture of another context that shares its own, as one of this; not to be released."""
    return context.external_texture(texture.glo, texture.size, texture.components, 0, texture.dtype)
