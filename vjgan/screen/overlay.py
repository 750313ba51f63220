"""Words over the picture: a table is a panel in the middle, plain lines a notice in the corner."""

from __future__ import annotations

from collections.abc import Sequence

import moderngl
from PIL import Image, ImageDraw, ImageFont

from vjgan.screen.program import COVER, uneven

TEXT_HEIGHT = 1 / 40  # of the screen's height; a notice is smaller
SMALLEST_PX = 13
INK, KEY_INK, PAPER = (232, 234, 240), (255, 214, 140), (12, 13, 18, 186)
# From an output on which the picture is turned clockwise to the picture, by columns.
TURNS = {0: (1, 0, 0, 1), 90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}

_SHADER = """
#version 330 core
in vec2 at;
out vec4 drawn;
uniform sampler2D words;
uniform mat2 turn;
void main() {
    vec2 here = turn * (at - 0.5) + 0.5;
    drawn = texture(words, vec2(here.x, 1.0 - here.y));
}
"""


class Overlay:
    """The newest words, painted anew only when they or the screen's size change."""

    def __init__(self, context: moderngl.Context) -> None:
        self._context = context
        self._program = context.program(vertex_shader=COVER, fragment_shader=_SHADER)
        self._triangle = context.vertex_array(self._program, [])
        self._lines: tuple[str, ...] = ()
        self._painted: tuple[object, ...] = ()
        self._texture: moderngl.Texture | None = None

    def say(self, lines: Sequence[str]) -> None:
        """Show these lines from the next frame on; none removes them."""
        self._lines = tuple(lines)

    def warm(self, target: moderngl.Framebuffer) -> None:
        """Draw once: drivers finish compiling then."""
        self.say((".",))
        self.draw(target)
        self.say(())

    def draw(self, target: moderngl.Framebuffer, rotate: int = 0) -> None:
        """Draw the words, if any, onto ``target``, turned by quarters clockwise (degrees)."""
        if not self._lines:
            return
        x, y, across, up = target.viewport
        width, height = (across, up) if rotate % 180 == 0 else (up, across)
        if self._painted != (self._lines, height):
            self._painted = (self._lines, height)
            self._paint(height)
        assert self._texture is not None
        wide, high = self._texture.size
        margin = round(0.6 * height * TEXT_HEIGHT)
        left, low = margin, margin
        if column(self._lines):
            left, low = (width - wide) // 2, (height - high) // 2
        self._context.enable(moderngl.BLEND)
        self._context.blend_func = moderngl.ONE, moderngl.ONE_MINUS_SRC_ALPHA
        self._texture.use(0)
        left, low, wide, high = _turned((left, low, wide, high), (width, height), rotate)
        self._program["turn"] = TURNS[rotate]
        target.viewport = (x + left, y + low, wide, high)
        target.use()
        self._triangle.render(vertices=3)
        target.viewport = (x, y, across, up)
        self._context.disable(moderngl.BLEND)

    def release(self) -> None:
        """Give back what the GPU holds."""
        self._triangle.release()
        self._program.release()
        if self._texture is not None:
            self._texture.release()

    def _paint(self, height: int) -> None:
        image = panel(self._lines, height)
        if self._texture is not None:
            self._texture.release()
        self._texture = self._context.texture(image.size, 4, image.tobytes(), alignment=1)


def panel(lines: Sequence[str], screen_height: int) -> Image.Image:
    """The words as a picture, RGBA with premultiplied alpha, for a screen of that height."""
    second = column(lines)
    size = screen_height * TEXT_HEIGHT * (1.0 if second else 0.75)
    font = ImageFont.load_default(max(SMALLEST_PX, round(size)))
    step = round(1.55 * max(SMALLEST_PX, size))
    pad = round(0.9 * step) if second else round(0.45 * step)
    keys = [line[:second].rstrip() for line in lines]
    words = [line[second:] for line in lines]
    key_width = round(max(font.getlength(key) for key in keys) + 1.2 * step) if second else 0
    width = 2 * pad + key_width + round(max(font.getlength(word) for word in words))
    image = Image.new("RGBA", (uneven(width), uneven(2 * pad + step * len(lines))))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((0, 0, image.width - 1, image.height - 1), radius=0.6 * pad, fill=PAPER)
    for row, (key, word) in enumerate(zip(keys, words, strict=True)):
        middle = pad + step * (row + 0.5)
        draw.text((pad, middle), key, KEY_INK, font, anchor="lm")
        draw.text((pad + key_width, middle), word, INK, font, anchor="lm")
    return _premultiplied(image)


def column(lines: Sequence[str]) -> int:
    """Where the second column of a table begins in every line; 0 when the lines are no table."""
    if len(lines) < 2:
        return 0
    for at in range(2, min(map(len, lines))):
        parted = all(line[at - 1] == " " and line[at] != " " for line in lines)
        if parted and any(line[at - 2] == " " for line in lines):
            return at
    return 0


def _turned(
    box: tuple[int, int, int, int], size: tuple[int, int], rotate: int
) -> tuple[int, int, int, int]:
    """Where a box of a picture (left, low, width, height; of that size) lies on the output."""
    left, low, wide, high = box
    match rotate:
        case 90:
            return low, size[0] - left - wide, high, wide
        case 180:
            return size[0] - left - wide, size[1] - low - high, wide, high
        case 270:
            return size[1] - low - high, left, high, wide
        case _:
            return box


def _premultiplied(image: Image.Image) -> Image.Image:
    black = Image.new("RGBA", image.size, (0, 0, 0, 255))
    black.paste(image, (0, 0), image)
    black.putalpha(image.getchannel("A"))
    return black
