"""The operator's window: a preview of the light, how the show stands, keys, and what went wrong."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from functools import lru_cache

import moderngl
from PIL import Image, ImageDraw, ImageFont

from vjgan.screen.displays import Display
from vjgan.screen.overlay import INK, KEY_INK, column
from vjgan.screen.pane import Pane
from vjgan.screen.program import COVER, uneven

SIZE, SOFTWARE_SIZE = (1024, 576), (800, 450)
SECONDS = 0.1  # from one picture of it to the next
SOFTWARE_SECONDS = 0.25  # where the processor draws, whose time is the audience's
LINES_AT_ONCE = 2  # painted anew in one frame: about 1 ms each
TEXT_HEIGHT = 1 / 38  # of the window's height
PAPER, ALARM = (16, 17, 22), (255, 120, 100)
PREVIEW = 0.54  # of the window's width and height
MESSAGES = 6

_SHADER = """
#version 330 core
in vec2 at;
out vec4 drawn;
uniform sampler2D frame;
uniform float down;
void main() { drawn = texture(frame, vec2(at.x, mix(at.y, 1.0 - at.y, down))); }
"""
Place = tuple[int, int, int]  # left, top, width in pixels
Row = tuple[str, str, tuple[int, int, int]]  # a key, what it says, and in which colour


class Messages(logging.Handler):
    """The newest warnings and errors of the show."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: deque[str] = deque(maxlen=MESSAGES)

    def emit(self, record: logging.LogRecord) -> None:
        """Remember one."""
        self.lines.append(record.getMessage())


class OperatorWindow:
    """Drawn seldom and a few lines at a time, so that it costs the audience no frame. Its context
    shares the textures of ``first``; `draw` leaves its own current."""

    def __init__(self, first: Pane, home: Display | None, software: bool) -> None:
        """Raises DeviceError when there can be no second window."""
        self.pane = Pane(SOFTWARE_SIZE if software else SIZE, "vjgan: operator", home, share=first)
        self._home = home
        self._seconds = SOFTWARE_SECONDS if software else SECONDS
        self._drawn = -SECONDS
        self._said: tuple[str, ...] = ()
        self._status: tuple[str, ...] = ()
        self._help: tuple[str, ...] = ()
        self._messages = Messages()
        logging.getLogger("vjgan").addHandler(self._messages)
        context = self.pane.context
        self._program = context.program(vertex_shader=COVER, fragment_shader=_SHADER)
        self._triangle = context.vertex_array(self._program, [])
        self._program["frame"] = 0
        self._sheet: moderngl.Texture | None = None
        self._painted: dict[Place, Row] = {}
        self._preview: moderngl.Texture | None = None
        self.pane.reveal()

    def say(self, lines: Sequence[str]) -> None:
        """A table in place of the keys, or a notice above the messages; none: neither."""
        self._said = tuple(lines)

    def report(self, status: Sequence[str], help_: Sequence[str]) -> None:
        """How the show stands, and the keys. The first time, before the show, all of it is painted,
        and its own context stays current."""
        first = not self._status
        self._status, self._help = tuple(status), tuple(help_)
        if first:
            self.pane.use()
            self._paint(*self.pane.pixels, at_once=len(self._help) + len(self._status))

    def settle(self, home: Display | None) -> None:
        """Stand on a display; where it is moved to stays while that is the same."""
        if home is not None and home != self._home:
            x, y, width, height = home.place
            wide, high = self.pane.place[2:]
            self.pane.stand((x + (width - wide) // 2, y + (height - high) // 2, wide, high))
        self._home = home

    def due(self, time: float) -> bool:
        """Whether to draw it now, at a time of the show in seconds."""
        if abs(time - self._drawn) < self._seconds or not self.pane.is_seen:
            return False
        self._drawn = time
        return True

    def draw(self, light: moderngl.Texture) -> None:
        """Draw it, with a small picture of the light: a texture of the first window."""
        self.pane.use()
        target = self.pane.target()
        _, _, width, height = target.viewport
        if min(width, height) < 1:
            return
        sheet = self._paint(width, height)
        target.use()
        self._blit(sheet, down=1.0)
        if self._preview is None or self._preview.glo != light.glo:
            self._preview = self.pane.context.external_texture(
                light.glo, light.size, light.components, 0, light.dtype
            )
        margin, wide, high = _preview((width, height), light.size)
        target.viewport = (margin, height - margin - high, wide, high)
        target.use()
        self._blit(self._preview, down=0.0)
        self.pane.swap()

    def close(self) -> None:
        """Take it off the desktop."""
        logging.getLogger("vjgan").removeHandler(self._messages)
        self.pane.use()
        for held in (self._triangle, self._program, self._sheet):
            if held is not None:
                held.release()
        self.pane.close()

    def _blit(self, texture: moderngl.Texture, down: float) -> None:
        texture.use(0)
        self._program["down"] = down
        self._triangle.render(vertices=3)

    def _paint(self, width: int, height: int, at_once: int = LINES_AT_ONCE) -> moderngl.Texture:
        """The sheet of words, of which a few lines are painted anew."""
        size = uneven(width), uneven(height)
        if self._sheet is None or self._sheet.size != size:
            if self._sheet is not None:
                self._sheet.release()
            paper = Image.new("RGBA", size, PAPER).tobytes()
            self._sheet = self.pane.context.texture(size, 4, paper)
            self._painted = {}
        wanted = self._rows(width, height)
        step = _step(height)
        changed = [place for place in wanted if wanted[place] != self._painted.get(place)]
        gone = [place for place in self._painted if place not in wanted]
        for place in [*changed, *gone][:at_once]:
            row = wanted.get(place)
            left, top, wide = place
            if top + step <= height and wide > 0:
                image = _line(row or ("", "", INK), (wide, step))
                self._sheet.write(image.tobytes(), (left, top, wide, step))
            if row is None:
                del self._painted[place]
            else:
                self._painted[place] = row
        return self._sheet

    def _rows(self, width: int, height: int) -> dict[Place, Row]:
        """What stands where."""
        table = column(self._said) > 0
        step, margin = _step(height), _margin(height)
        low = margin + round(PREVIEW * height) + margin
        left = margin + round(PREVIEW * width) + 2 * margin
        notes = [("", line, KEY_INK) for line in (() if table else self._said)]
        alarms = [("", line, ALARM) for line in reversed(self._messages.lines)]
        below = [*_table(self._status), *notes, *alarms]
        beside = _table(self._said if table else self._help)
        rows: dict[Place, Row] = {}
        for k, row in enumerate(below):
            rows[margin, low + k * step, left - 2 * margin] = row
        for k, row in enumerate(beside):
            rows[left, margin + k * step, width - left - margin] = row
        return rows


def _table(lines: Sequence[str]) -> list[Row]:
    at = column(lines)
    return [(line[:at].rstrip(), line[at:], INK) for line in lines]


def _preview(size: tuple[int, int], light: tuple[int, int]) -> tuple[int, int, int]:
    """The margin, and the width and height of the light in its place, in pixels."""
    scale = min(PREVIEW * size[0] / light[0], PREVIEW * size[1] / light[1])
    return _margin(size[1]), max(1, round(scale * light[0])), max(1, round(scale * light[1]))


def _margin(height: int) -> int:
    return max(4, height // 45)


def _step(height: int) -> int:
    return round(1.45 * max(11, height * TEXT_HEIGHT))


@lru_cache(maxsize=4)
def _font(height: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(height)


def _line(row: Row, size: tuple[int, int]) -> Image.Image:
    key, word, ink = row
    image = Image.new("RGBA", size, PAPER)
    draw = ImageDraw.Draw(image)
    font = _font(round(size[1] / 1.45))
    indent = round(4.4 * size[1]) if key else 0
    draw.text((0, size[1] // 2), key, KEY_INK, font, anchor="lm")
    draw.text((indent, size[1] // 2), word, ink, font, anchor="lm")
    return image
