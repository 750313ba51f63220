"""The test pattern: what is straight, round and sharp, which colour and which display."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont

SQUARES = 16  # of the grid along the longer side
GREY, WHITE, MARK = (110, 110, 110), (255, 255, 255), (255, 160, 0)
BARS = tuple(  # at three quarters, as of SMPTE EG 1
    (191 * (k >> 1 & 1), 191 * (k >> 2), 191 * (k & 1)) for k in (7, 6, 5, 4, 3, 2, 1, 0)
)
STEPS = 11  # of grey


def pattern(size: tuple[int, int], name: str, corner: int | None = None) -> Image.Image:
    """The pattern for a picture of a size in pixels, RGB, with a name in it; ``corner`` 0..3, from
    the top left and clockwise, is marked."""
    image = Image.new("RGB", size)
    draw = ImageDraw.Draw(image)
    width, height = size
    _grid(draw, width, height)
    _bars(draw, width, height)
    _circles(draw, width, height)
    draw.rectangle((0, 0, width - 1, height - 1), outline=WHITE)
    _words(draw, size, f"{name}\n{width} x {height}")
    if corner is not None:
        _mark(draw, width, height, corner)
    return image


def _grid(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    step = max(width, height) / SQUARES
    for k in range(-SQUARES, SQUARES + 1):
        x, y = width / 2 + k * step, height / 2 + k * step
        ink = WHITE if k == 0 else GREY
        draw.line((x, 0, x, height), fill=ink)
        draw.line((0, y, width, y), fill=ink)


def _bars(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    for row, (colours, top) in enumerate(((BARS, 0.62), (_greys(), 0.72))):
        wide = 0.5 * width / len(colours)
        for k, colour in enumerate(colours):
            left = 0.25 * width + k * wide
            box = (left, top * height, left + wide, (top + 0.1) * height - row)
            if box[3] >= box[1]:
                draw.rectangle(box, fill=colour)


def _greys() -> tuple[tuple[int, int, int], ...]:
    return tuple((round(255 * k / (STEPS - 1)),) * 3 for k in range(STEPS))


def _circles(draw: ImageDraw.ImageDraw, width: int, height: int) -> None:
    large, small = 0.48 * min(width, height), 0.1 * min(width, height)
    draw.ellipse(_box(width / 2, height / 2, large), outline=WHITE, width=2)
    for x in (small, width - 1 - small):
        for y in (small, height - 1 - small):
            draw.ellipse(_box(x, y, small), outline=WHITE)


def _words(draw: ImageDraw.ImageDraw, size: tuple[int, int], words: str) -> None:
    width, height = size
    font = ImageFont.load_default(max(8, round(min(height / 12, width / 14))))
    middle = (width / 2, height * 0.36)
    box = draw.multiline_textbbox(middle, words, font, anchor="mm", align="center")
    draw.rectangle((box[0] - 8, box[1] - 8, box[2] + 8, box[3] + 8), fill=(0, 0, 0))
    draw.multiline_text(middle, words, WHITE, font, anchor="mm", align="center")


def _mark(draw: ImageDraw.ImageDraw, width: int, height: int, corner: int) -> None:
    x, y = ((0, 0), (width - 1, 0), (width - 1, height - 1), (0, height - 1))[corner]
    for k in (1, 2, 3):
        draw.ellipse(_box(x, y, k * 0.04 * min(width, height)), outline=MARK, width=3)


def _box(x: float, y: float, radius: float) -> tuple[float, float, float, float]:
    return x - radius, y - radius, x + radius, y + radius
