"""A window, or a whole display."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import glfw
import moderngl

from vjgan.errors import DeviceError
from vjgan.screen.canvas import Canvas
from vjgan.types import ByteArray, Command, Controls, Event, Picture, Tick

log = logging.getLogger("vjgan")

LEAVE_SECONDS = 1.0  # Esc twice within this time leaves

KEYS = {
    glfw.KEY_SPACE: Command("freeze"),
    glfw.KEY_B: Command("blackout"),
    glfw.KEY_H: Command("help"),
    glfw.KEY_K: Command("strobe_kill"),
    glfw.KEY_P: Command("panic"),
    glfw.KEY_S: Command("snapshot"),
    glfw.KEY_I: Command("still"),
    glfw.KEY_R: Command("record"),
    glfw.KEY_Y: Command("take"),
    glfw.KEY_T: Command("tap"),
    glfw.KEY_O: Command("one"),
    glfw.KEY_C: Command("clock", -1),
    glfw.KEY_UP: Command("double"),
    glfw.KEY_DOWN: Command("halve"),
    glfw.KEY_COMMA: Command("nudge", -1),
    glfw.KEY_PERIOD: Command("nudge", 1),
    glfw.KEY_HOME: Command("home"),
    glfw.KEY_LEFT: Command("previous"),
    glfw.KEY_RIGHT: Command("next"),
    glfw.KEY_PAGE_UP: Command("back"),
    glfw.KEY_PAGE_DOWN: Command("go"),
    **{glfw.KEY_0 + number: Command("preset", number) for number in range(1, 10)},
    **{glfw.KEY_KP_0 + number: Command("preset", number) for number in range(1, 10)},
}


@dataclass(frozen=True, slots=True)
class Display:
    """A monitor; ``number`` counts from 1. Size and position in pixels of the desktop."""

    number: int
    name: str
    size: tuple[int, int]
    position: tuple[int, int]
    refresh_hz: int

    def __str__(self) -> str:
        (width, height), (x, y) = self.size, self.position
        return f"{self.number} '{self.name}' {width}x{height} at {x},{y}, {self.refresh_hz} Hz"


def displays() -> list[Display]:
    """The monitors of this machine. Raises DeviceError where there is no display at all."""
    _start()
    return [_display(number, one) for number, one in enumerate(glfw.get_monitors(), start=1)]


class Window:
    """Shows the light in a window, or on the whole of a display. F changes between the two."""

    def __init__(
        self,
        size: tuple[int, int] = (1280, 720),
        display: int | None = None,
        fullscreen: bool = False,
        title: str = "vjgan",
        shader_dir: Path | None = None,
        flash_limit: bool = True,
    ) -> None:
        """Raises DeviceError without a display, without that display or without OpenGL 3.3;
        ShaderError when a shader does not compile."""
        self._monitor = _chosen(display)
        self._window = _opened(size, title, self._monitor)
        self._place = (*glfw.get_window_pos(self._window), *size)  # of the window, when not full
        self._events: list[Event] = []
        self._escaped = -LEAVE_SECONDS
        self._wanted: str | None = None  # the display to fill, also while it is unplugged
        glfw.make_context_current(self._window)
        glfw.swap_interval(1)
        glfw.set_key_callback(self._window, self._key)
        glfw.set_monitor_callback(self._plugged)
        if fullscreen:
            self._fill(self._monitor or _where(self._window))
        glfw.show_window(self._window)
        self.size = self._pixels()
        self._context = moderngl.create_context(require=330)
        self.canvas = Canvas(
            self._context, self.size, live=True, shader_dir=shader_dir, flash_limit=flash_limit
        )
        self.canvas.warm(self._target())

    @property
    def fullscreen(self) -> bool:
        """Whether it fills a display now."""
        return bool(glfw.get_window_monitor(self._window))

    @property
    def software(self) -> bool:
        """Whether the light is drawn by the CPU."""
        return self.canvas.software

    def show(self, picture: Picture, controls: Controls, tick: Tick) -> None:
        """Draw the chain of passes and present it; waits for the display where it is honoured."""
        self._resize()
        if glfw.get_window_attrib(self._window, glfw.ICONIFIED):
            return
        self.canvas.draw(picture, controls, tick, self._target())
        glfw.swap_buffers(self._window)

    def events(self) -> Sequence[Event]:
        """Keys pressed since the last call, as commands; its close button is ``quit``."""
        glfw.poll_events()
        if glfw.window_should_close(self._window):
            glfw.set_window_should_close(self._window, False)  # the show ends it, not the window
            self._events.append(Command("quit"))
        events, self._events = self._events, []
        return events

    def image(self) -> ByteArray:
        """What was last drawn: uint8 [height, width, 3], top row first."""
        return self.canvas.image()

    def glance(self) -> ByteArray | None:
        """A small copy of the light, without words; from a GPU that of the call before."""
        return self.canvas.glance()

    def spare(self, most_pixels: int | None, passes: int) -> None:
        """From now on draw at most so many pixels inside (None: all), and without so many of the
        dearest passes."""
        self.canvas.spare(most_pixels, passes)

    def say(self, lines: Sequence[str]) -> None:
        """Text over the picture from the next frame on; an empty sequence removes it."""
        self.canvas.overlay.say(lines)

    def toggle_fullscreen(self) -> None:
        """Fill the display on which the window is, or become a window again."""
        if not self.fullscreen:
            x, y = glfw.get_window_pos(self._window)
            self._place = (x, y, *glfw.get_window_size(self._window))
            self._fill(_where(self._window))
            return
        self._wanted = None
        glfw.set_window_monitor(self._window, _NO_MONITOR, *self._place, glfw.DONT_CARE)
        glfw.set_input_mode(self._window, glfw.CURSOR, glfw.CURSOR_NORMAL)

    def close(self) -> None:
        """Close the window and let the display go."""
        self.canvas.release()
        glfw.set_monitor_callback(lambda monitor, event: None)
        glfw.destroy_window(self._window)
        glfw.terminate()

    def _target(self) -> moderngl.Framebuffer:
        screen = self._context.screen
        screen.viewport = (0, 0, *self.size)
        return screen

    def _fill(self, monitor: Any) -> None:
        mode = glfw.get_video_mode(monitor)
        self._wanted = _name(monitor)
        width, height = mode.size
        glfw.set_window_monitor(self._window, monitor, 0, 0, width, height, mode.refresh_rate)
        glfw.set_input_mode(self._window, glfw.CURSOR, glfw.CURSOR_HIDDEN)

    def _resize(self) -> None:
        size = self._pixels()
        if size != self.size and min(size) > 0:
            self.size = size
            self.canvas.chain.resize(size)

    def _pixels(self) -> tuple[int, int]:
        width, height = glfw.get_framebuffer_size(self._window)
        return int(width), int(height)

    def _key(self, _window: Any, key: int, _code: int, action: int, _mods: int) -> None:
        if action != glfw.PRESS:
            return
        if key == glfw.KEY_ESCAPE:
            now = glfw.get_time()
            if now - self._escaped < LEAVE_SECONDS:
                self._events.append(Command("quit"))
            self._escaped = now
        elif key == glfw.KEY_F:
            self.toggle_fullscreen()
        elif key in KEYS:
            self._events.append(KEYS[key])

    def _plugged(self, monitor: Any, event: int) -> None:
        """A display that was filled and comes back is filled again."""
        if event == glfw.CONNECTED and not self.fullscreen and _name(monitor) == self._wanted:
            self._fill(monitor)
        log.info("display '%s' %s", _name(monitor), "came" if event == glfw.CONNECTED else "left")


_NO_MONITOR: Any = None  # makes a window of what filled a display
# What glfw last complained of; it would otherwise print or raise from the middle of its calls.
_complaints: list[str] = []


def _start() -> None:
    glfw.set_error_callback(_complain)
    if not glfw.init():
        reason = _complaints[-1] if _complaints else "no reason given"
        raise DeviceError(f"no display: {reason}; --headless does without one")


def _complain(_code: int, message: str | bytes) -> None:
    text = message.decode(errors="replace") if isinstance(message, bytes) else message
    _complaints[:] = [text]
    log.debug("glfw: %s", _complaints[-1])


def _display(number: int, monitor: Any) -> Display:
    mode = glfw.get_video_mode(monitor)
    x, y = glfw.get_monitor_pos(monitor)
    size = (int(mode.size.width), int(mode.size.height))
    return Display(number, _name(monitor), size, (int(x), int(y)), int(mode.refresh_rate))


def _name(monitor: Any) -> str:
    name = glfw.get_monitor_name(monitor)
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)


def _chosen(display: int | None) -> Any:
    """The monitor of a number, None where none was asked for."""
    known = displays()
    if display is None:
        return None
    if not 1 <= display <= len(known):
        listed = "; ".join(map(str, known)) or "none"
        raise DeviceError(f"display {display} is unknown; there are: {listed}")
    return glfw.get_monitors()[display - 1]


def _opened(size: tuple[int, int], title: str, monitor: Any) -> Any:
    """A hidden window of OpenGL 3.3 core, in the middle of the monitor where one is given."""
    glfw.default_window_hints()
    glfw.window_hint(glfw.CONTEXT_VERSION_MAJOR, 3)
    glfw.window_hint(glfw.CONTEXT_VERSION_MINOR, 3)
    glfw.window_hint(glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE)
    glfw.window_hint(glfw.OPENGL_FORWARD_COMPAT, glfw.TRUE)
    glfw.window_hint(glfw.AUTO_ICONIFY, glfw.FALSE)  # a click elsewhere must not end the show
    glfw.window_hint(glfw.VISIBLE, glfw.FALSE)
    window = glfw.create_window(*size, title, None, None)
    if not window:
        reason = _complaints[-1] if _complaints else "no reason given"
        raise DeviceError(f"no window of {size[0]}x{size[1]} with OpenGL 3.3: {reason}")
    if monitor is not None:
        there = _display(0, monitor)
        glfw.set_window_pos(
            window,
            there.position[0] + (there.size[0] - size[0]) // 2,
            there.position[1] + (there.size[1] - size[1]) // 2,
        )
    return window


def _where(window: Any) -> Any:
    """The monitor that shows most of a window."""
    x, y = glfw.get_window_pos(window)
    width, height = glfw.get_window_size(window)

    def shared(monitor: Any) -> int:
        there = _display(0, monitor)
        wide = min(x + width, there.position[0] + there.size[0]) - max(x, there.position[0])
        high = min(y + height, there.position[1] + there.size[1]) - max(y, there.position[1])
        return int(max(0, wide) * max(0, high))

    return max(glfw.get_monitors(), key=shared)
