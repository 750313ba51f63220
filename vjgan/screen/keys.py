"""What keys do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import glfw

from vjgan.screen.corners import Corners
from vjgan.screen.pane import Pane
from vjgan.types import Command, Event

LEAVE_SECONDS = 1.0  # Esc twice within this time leaves
FAR = 10  # pixels that a corner moves with Shift

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
    glfw.KEY_L: Command("learn"),
    glfw.KEY_M: Command("learn_preset"),
    glfw.KEY_U: Command("unlearn"),
    glfw.KEY_COMMA: Command("nudge", -1),
    glfw.KEY_PERIOD: Command("nudge", 1),
    glfw.KEY_HOME: Command("home"),
    glfw.KEY_N: Command("person"),
    glfw.KEY_W: Command("walk"),
    glfw.KEY_J: Command("child"),
    glfw.KEY_E: Command("keep"),
    glfw.KEY_V: Command("look"),
    glfw.KEY_G: Command("capture"),
    glfw.KEY_X: Command("forget"),
    glfw.KEY_LEFT: Command("previous"),
    glfw.KEY_RIGHT: Command("next"),
    glfw.KEY_PAGE_UP: Command("back"),
    glfw.KEY_PAGE_DOWN: Command("go"),
    glfw.KEY_F2: Command("pattern"),
    **{glfw.KEY_0 + number: Command("preset", number) for number in range(1, 10)},
    **{glfw.KEY_KP_0 + number: Command("preset", number) for number in range(1, 10)},
}
# While the test pattern is shown: right and down.
MOVES = {
    glfw.KEY_LEFT: (-1, 0),
    glfw.KEY_RIGHT: (1, 0),
    glfw.KEY_UP: (0, -1),
    glfw.KEY_DOWN: (0, 1),
}


class Keyboard:
    """The events of keys on every pane that it listens to. F is ``toggle``'s; while the pattern is
    shown, some are those of its ``corners``."""

    def __init__(self, toggle: Callable[[], None], corners: Corners) -> None:
        self._toggle = toggle
        self._corners = corners
        self._events: list[Event] = []
        self._escaped = -LEAVE_SECONDS

    def listen(self, pane: Pane) -> None:
        """Take the keys of one more pane."""
        glfw.set_key_callback(pane.handle, self._key)

    def read(self) -> list[Event]:
        """The commands since the last call."""
        events, self._events = self._events, []
        return events

    def _key(self, _window: Any, key: int, _code: int, action: int, mods: int) -> None:
        if action == glfw.RELEASE or (self._corners.shown and self._pinned(key, mods)):
            return
        if action != glfw.PRESS:  # a key that is held
            return
        if key == glfw.KEY_ESCAPE:
            now = glfw.get_time()
            if now - self._escaped < LEAVE_SECONDS:
                self._events.append(Command("quit"))
            self._escaped = now
        elif key == glfw.KEY_F:
            self._toggle()
        elif key in KEYS:
            self._events.append(KEYS[key])

    def _pinned(self, key: int, mods: int) -> bool:
        """Whether a key was for the corners."""
        if key in MOVES:
            far = FAR if mods & glfw.MOD_SHIFT else 1
            right, down = MOVES[key]
            self._corners.move(far * right, far * down)
        elif glfw.KEY_1 <= key <= glfw.KEY_4:
            self._corners.choose(key - glfw.KEY_1)
        elif key == glfw.KEY_TAB:
            self._corners.turn_to_next()
        elif key == glfw.KEY_BACKSPACE:
            self._corners.square()
        else:
            return False
        return True
