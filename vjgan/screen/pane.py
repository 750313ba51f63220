"""A window of the desktop with an OpenGL context in it: small, or over a display or several."""

from __future__ import annotations

from typing import Any

import glfw
import moderngl

from vjgan.errors import DeviceError
from vjgan.screen.displays import Display, Rectangle, complaint, monitor_of

_NONE: Any = None  # glfw's word for no monitor, of which its stubs know nothing


class Pane:
    """Hidden at first. Panes that ``share`` have their textures in common, and their contexts
    become current one at a time: see `use`."""

    def __init__(
        self,
        size: tuple[int, int],
        title: str,
        on: Display | None = None,
        share: Pane | None = None,
    ) -> None:
        """In the middle of a display, where one is given. Raises DeviceError without OpenGL 3.3."""
        self.handle: Any = _opened(size, title, None if share is None else share.handle)
        self._asked: tuple[object, ...] = ()
        self.is_seen = True  # not put away
        # Told of, since to ask for them is to wait for the desktop at every frame.
        glfw.set_framebuffer_size_callback(self.handle, self._resized)
        glfw.set_window_iconify_callback(self.handle, self._iconified)
        if on is not None:
            x, y, width, height = on.place
            glfw.set_window_pos(
                self.handle, x + (width - size[0]) // 2, y + (height - size[1]) // 2
            )
        self.use()
        glfw.swap_interval(1 if share is None else 0)  # one display is waited for, not each
        self.context = moderngl.create_context(require=330)
        self._measure()

    @property
    def place(self) -> Rectangle:
        """Where it is on the desktop, in pixels."""
        x, y = glfw.get_window_pos(self.handle)
        width, height = glfw.get_window_size(self.handle)
        return int(x), int(y), int(width), int(height)

    @property
    def fills(self) -> bool:
        """Whether it takes more than a window's place."""
        gone = self._asked[:1] == ("fill",) and not glfw.get_window_monitor(self.handle)
        return self._asked[:1] in (("fill",), ("cover",)) and not gone

    def use(self) -> None:
        """Make its context the current one: all that draws, makes or releases needs that."""
        glfw.make_context_current(self.handle)

    def target(self) -> moderngl.Framebuffer:
        """What is drawn to be seen."""
        screen = self.context.screen
        screen.viewport = (0, 0, *self.pixels)
        return screen

    def swap(self) -> None:
        """Show what was drawn."""
        glfw.swap_buffers(self.handle)

    def reveal(self) -> None:
        """Be seen."""
        glfw.show_window(self.handle)
        self._measure()

    def fill(self, display: Display) -> None:
        """Take the whole of a display, in the mode in which it is."""
        monitor = monitor_of(display)
        if monitor is None:
            return
        if not glfw.get_window_monitor(self.handle):
            self._asked = ()  # it was, and its display went away
        if self._new("fill", display.name, display.place, display.refresh_hz):
            glfw.set_window_monitor(self.handle, monitor, 0, 0, *display.size, display.refresh_hz)
            self._measure()

    def cover(self, place: Rectangle) -> None:
        """Lie over a part of the desktop, without a border and above all else."""
        if self._new("cover", place):
            glfw.set_window_attrib(self.handle, glfw.DECORATED, glfw.FALSE)
            glfw.set_window_attrib(self.handle, glfw.FLOATING, glfw.TRUE)
            glfw.set_window_monitor(self.handle, _NONE, *place, glfw.DONT_CARE)
            self._measure()

    def stand(self, place: Rectangle) -> None:
        """Be a window again."""
        if self._new("stand", place):
            glfw.set_window_attrib(self.handle, glfw.FLOATING, glfw.FALSE)
            glfw.set_window_attrib(self.handle, glfw.DECORATED, glfw.TRUE)
            glfw.set_window_monitor(self.handle, _NONE, *place, glfw.DONT_CARE)
            self._measure()

    def hide_cursor(self, hidden: bool) -> None:
        """Whether the mouse is seen over it."""
        glfw.set_input_mode(
            self.handle, glfw.CURSOR, glfw.CURSOR_HIDDEN if hidden else glfw.CURSOR_NORMAL
        )

    def asked_to_close(self) -> bool:
        """Whether someone pressed its close button since the last call."""
        asked = bool(glfw.window_should_close(self.handle))
        if asked:
            glfw.set_window_should_close(self.handle, False)
        return asked

    def close(self) -> None:
        """Take it off the desktop; what was made in its context goes with it."""
        glfw.destroy_window(self.handle)

    def _measure(self) -> None:
        self._resized(None, *glfw.get_framebuffer_size(self.handle))

    def _resized(self, _window: Any, width: int, height: int) -> None:
        self.pixels = int(width), int(height)  # of what is drawn to; (0, 0) while put away

    def _iconified(self, _window: Any, iconified: int) -> None:
        self.is_seen = not iconified

    def _new(self, *asked: object) -> bool:
        same, self._asked = asked == self._asked, asked
        return not same


def _opened(size: tuple[int, int], title: str, share: Any) -> Any:
    """A hidden window of OpenGL 3.3 core."""
    glfw.default_window_hints()
    glfw.window_hint(glfw.CONTEXT_VERSION_MAJOR, 3)
    glfw.window_hint(glfw.CONTEXT_VERSION_MINOR, 3)
    glfw.window_hint(glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE)
    glfw.window_hint(glfw.OPENGL_FORWARD_COMPAT, glfw.TRUE)
    glfw.window_hint(glfw.AUTO_ICONIFY, glfw.FALSE)  # a click elsewhere must not end the show
    glfw.window_hint(glfw.FOCUS_ON_SHOW, glfw.TRUE if share is None else glfw.FALSE)
    glfw.window_hint(glfw.VISIBLE, glfw.FALSE)
    window = glfw.create_window(*size, title, None, share)
    if not window:
        raise DeviceError(f"no window of {size[0]}x{size[1]} with OpenGL 3.3: {complaint()}")
    return window
