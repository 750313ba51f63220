"""Where the audience looks: a window, a whole display, or several."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import glfw

from vjgan.errors import VjganError
from vjgan.screen.canvas import Canvas
from vjgan.screen.corners import Corners
from vjgan.screen.displays import (
    Display,
    Rectangle,
    again,
    around,
    displays,
    find,
    most_of,
    name_of,
    shared,
)
from vjgan.screen.keys import Keyboard
from vjgan.screen.layout import SPAN, WINDOW, Layout, Output, at_place
from vjgan.screen.mirror import Mirror
from vjgan.screen.operator import OperatorWindow
from vjgan.screen.outlet import Keep, Outlet
from vjgan.screen.pane import Pane
from vjgan.screen.projection import read_mask
from vjgan.types import GLANCE_WIDTH, ByteArray, Command, Controls, Event, PassWeight, Picture, Tick

log = logging.getLogger("vjgan")

LOOK_SECONDS = 1.0  # how often to look at displays whose mode may have changed: nobody tells


class Window:
    """Shows the light in a window, or on whole displays as its ``layout`` says. F changes between
    the two."""

    def __init__(
        self,
        size: tuple[int, int] = (1280, 720),
        display: int | str | None = None,
        fullscreen: bool = False,
        title: str = "vjgan",
        shader_dir: Path | None = None,
        flash_limit: bool = True,
        layout: Layout | None = None,
        keep: Keep = lambda name, output: None,
        operator: bool = False,
        alpha: bool = False,
    ) -> None:
        """``display`` is a number or a part of a name; ``keep`` is given the name and settings
        of an output whose corners were moved; with an ``operator`` all words go to a window of
        theirs; with ``alpha``, glances may tell what of the light is clear. Raises DeviceError
        without a display, without that display or without OpenGL 3.3; ShaderError when a shader
        does not compile; VjganError when a mask cannot be read."""
        self._there = displays()
        self._layout = layout or Layout()
        self._outputs = dict(self._layout.outputs)
        for output in self._outputs.values():
            if output.mask is not None:
                read_mask(output.mask)
        chosen = None if display is None else find(display, self._there)
        self._pane = Pane(size, title, chosen)
        self._place = self._pane.place  # of the window, when it fills nothing
        self._fills = fullscreen
        self._wanted = chosen or self._layout.known or most_of(self._place, self._there)
        self._stale = False  # displays came or went
        self._looked = 0.0
        self._outlet = Outlet(self._pane.context)
        self._mirrors: dict[str, Mirror] = {}  # by the display's name and place
        self._keep = keep
        self._operator: OperatorWindow | None = None
        self._operated = operator
        self._corners = Corners(self._outlets, self._kept)
        self._keyboard = Keyboard(self.toggle_fullscreen, self._corners)
        self._keyboard.listen(self._pane)
        glfw.set_monitor_callback(self._plugged)
        self._arrange()
        self._pane.reveal()
        self._pane.use()
        self.size = self._picture_size()
        self.canvas = Canvas(self._pane.context, self.size, True, shader_dir, flash_limit, alpha)
        self.canvas.warm(self._pane.target())
        if operator:
            self._operator = OperatorWindow(self._pane, self._home(), self.canvas.software)
            self._keyboard.listen(self._operator.pane)
            self._pane.use()
        if not self._is_plain():
            self._outlet.draw(self.canvas.blank(), self.size, self._pane.target())

    @property
    def fullscreen(self) -> bool:
        """Whether it fills a display now, or several."""
        return self._pane.fills

    @property
    def display(self) -> Display | None:
        """The display that it fills or that is waited for; None for a window."""
        return self._wanted if self._fills else None

    @property
    def software(self) -> bool:
        """Whether the light is drawn by the CPU."""
        return self.canvas.software

    def show(self, picture: Picture, controls: Controls, tick: Tick) -> None:
        """Draw the chain of passes and present it; waits for the display where it is honoured."""
        self._resize()
        if not self._pane.is_seen and not self._mirrors:
            return
        target = self._pane.target()
        if self._is_plain():
            self.canvas.draw(picture, controls, tick, target)
            self._pane.swap()
        else:
            light = self.canvas.light(picture, controls, tick)
            self._outlet.draw(light, self.size, target)
            self.canvas.overlay.draw(target, self._outlet.output.rotate)
            self._pane.swap()
            for mirror in self._mirrors.values():
                mirror.show(light, self.size)
            self._pane.use()
        if self._operator is not None and self._operator.due(tick.time):
            self._operator.draw(self.canvas.preview())
            self._pane.use()

    def events(self) -> Sequence[Event]:
        """Keys pressed since the last call, as commands; its close button is ``quit``."""
        glfw.poll_events()
        self._look()
        events = self._keyboard.read()
        if any(pane.asked_to_close() for pane in self._panes()):
            events.append(Command("quit"))  # the show ends it, not the window
        if self._operator is not None and self._operator.pane.asked_to_close():
            self._close_operator()  # the show goes on
        return events

    def image(self) -> ByteArray:
        """What was last drawn: uint8 [height, width, 3], top row first; as it was drawn, not as it
        is laid onto an output."""
        return self.canvas.image()

    def glance(self, width: int = GLANCE_WIDTH, alpha: bool = False) -> ByteArray | None:
        """A copy of the light, without words, so wide at most; from a GPU that of the call before
        for this width. With ``alpha`` it has a fourth channel."""
        return self.canvas.glance(width, alpha)

    def expect(self, passes: Sequence[PassWeight]) -> None:
        """Make ready passes that are files of their own, which may take seconds."""
        self.canvas.expect(passes)

    def spare(self, most_pixels: int | None, passes: int) -> None:
        """From now on draw at most so many pixels inside (None: all), and without so many of the
        dearest passes."""
        self.canvas.spare(most_pixels, passes)

    def costs(self, passes: Sequence[PassWeight]) -> Sequence[float]:
        """Seconds that every frame took, and then each of these passes, when they were tried."""
        return self.canvas.chain.costs(passes)

    def say(self, lines: Sequence[str]) -> None:
        """Text over the picture from the next frame on, or in the operator's window where there is
        one; an empty sequence removes it."""
        if self._operator is not None:
            self._operator.say(lines)
        else:
            self.canvas.overlay.say(lines)

    @property
    def is_operated(self) -> bool:
        """Whether there is an operator's window."""
        return self._operator is not None

    def report(self, status: Sequence[str], keys: Sequence[str]) -> None:
        """Tables for the operator's window: how the show stands, and what keys do."""
        if self._operator is not None:
            self._operator.report(status, keys)
            self._pane.use()

    def pattern(self) -> None:
        """Show the test pattern, or the light again."""
        self._corners.toggle()

    def toggle_fullscreen(self) -> None:
        """Fill the display on which the window is, or become a window again."""
        self._fills = not self._fills
        if self._fills:
            self._place = self._pane.place
            self._wanted = most_of(self._place, displays())
        self._arrange()

    def close(self) -> None:
        """Close the window and let the display go."""
        self._corners.keep()
        glfw.set_monitor_callback(lambda monitor, event: None)
        for mirror in self._mirrors.values():
            mirror.close()
        self._close_operator()
        self._outlet.release()
        self.canvas.release()
        self._pane.close()
        glfw.terminate()

    def _close_operator(self) -> None:
        if self._operator is not None:
            self._operator.close()
            self._operator, self._operated = None, False
        self._pane.use()

    def _home(self) -> Display | None:
        """The operator's display: the first that is not the audience's, if there are several."""
        taken = again(self._wanted, self._there) if self._wanted else None
        others = [one for one in self._there if one != taken]
        return others[0] if others and self._fills else None

    def _panes(self) -> list[Pane]:
        return [self._pane, *(mirror.pane for mirror in self._mirrors.values())]

    def _outlets(self) -> list[Outlet]:
        return [self._outlet, *(mirror.outlet for mirror in self._mirrors.values())]

    def _is_plain(self) -> bool:
        return not self._mirrors and self._outlet.is_plain(self._pane.pixels, self.size)

    def _picture_size(self) -> tuple[int, int]:
        width, height = self._pane.pixels
        upright = self._outlet.output.rotate % 180 == 0
        return self._layout.canvas or ((width, height) if upright else (height, width))

    def _resize(self) -> None:
        size = self._picture_size()
        if size != self.size and min(size) > 0:
            self.size = size
            self.canvas.chain.resize(size)

    def _look(self) -> None:
        """Follow displays that came, went or changed."""
        now = glfw.get_time()
        if not self._stale and (not self._fills or now < self._looked + LOOK_SECONDS):
            return
        self._looked = now
        if self._stale or displays() != self._there:
            self._stale = False
            try:
                self._arrange()
            except VjganError as error:  # the show goes on where it is
                log.error("%s", error)

    def _arrange(self) -> None:
        """Let the windows stand where they belong, on the displays that are there."""
        self._there = displays()
        home = self._home() if self._operated else None
        if self._operator is not None:
            self._operator.settle(home)
        there = [one for one in self._there if one != home]  # the audience's
        filled = again(self._wanted, there) if self._fills and self._wanted else None
        if self._fills and self._layout.way == "span" and there:
            self._pane.cover(around(there))
            self._use(SPAN, SPAN, self._outputs.get(SPAN, Output()))
        elif filled is None:
            self._pane.stand(self._standing())
            self._use(WINDOW, WINDOW, self._outputs.get(WINDOW, Output()))
        else:
            if self._layout.way == "borderless":
                self._pane.cover(filled.place)
            else:
                self._pane.fill(filled)
            self._use(self._key(filled), filled.name, self._output(filled))
        self._pane.hide_cursor(self._pane.fills or self._operated)
        mirrored = self._fills and self._layout.way == "mirror"
        self._mirror([one for one in there if one != filled] if mirrored else [])
        self._corners.arranged()
        self._pane.use()

    def _standing(self) -> Rectangle:
        """Where the window stands: where it was, or in the middle of a display that is left, if the
        operator does not need that."""
        seen = any(shared(self._place, one) for one in self._there)
        if seen or self._operated or not self._there:
            return self._place
        x, y, width, height = self._there[0].place
        _, _, wide, high = self._place
        return x + (width - wide) // 2, y + (height - high) // 2, wide, high

    def _mirror(self, others: Sequence[Display]) -> None:
        """Show the same on these displays too."""
        wanted = {at_place(one): one for one in others}
        for name in self._mirrors.keys() - wanted.keys():
            self._mirrors.pop(name).close()
        for name, display in wanted.items():
            if name not in self._mirrors:
                self._mirrors[name] = Mirror(self._pane)
                self._keyboard.listen(self._mirrors[name].pane)
            self._mirrors[name].fill(display, self._key(display), self._output(display))

    def _use(self, name: str, title: str, output: Output) -> None:
        self._pane.use()
        self._outlet.use(name, title, output)

    def _output(self, display: Display) -> Output:
        for name in (at_place(display), display.name):
            if name in self._outputs:
                return self._outputs[name]
        return Output()

    def _key(self, display: Display) -> str:
        """The name under which its settings are kept: its own, with its place among twins."""
        twins = [one for one in self._there if one.name == display.name]
        alone = len(twins) == 1 and at_place(display) not in self._outputs
        return display.name if alone else at_place(display)

    def _kept(self, name: str, output: Output) -> None:
        self._outputs[name] = output
        self._keep(name, output)

    def _plugged(self, monitor: Any, event: int) -> None:
        self._stale = True
        log.info("display '%s' %s", name_of(monitor), "came" if event == glfw.CONNECTED else "left")
