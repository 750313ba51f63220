"""Pictures painted by style networks (Johnson et al. 2016; several in one: Dumoulin et al. 2017).

What shimmers from frame to frame is held still by the painting before, moved along with what is
seen (Ruder et al. 2016), as far as it is still seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from vjgan.controls import STYLES
from vjgan.errors import RetouchError
from vjgan.retouch.onnx import Style
from vjgan.types import ByteArray, FloatArray

SIDE = 256  # pixels, the shorter side of what is painted, where a network leaves it open
FOURS = 4  # what networks halve twice
RANGES = ((0.0, 255.0), (0.0, 1.0), (-1.0, 1.0))  # in which networks have their pictures
BEYOND, LEAST = 0.15, 0.1  # of a range: what may lie outside it, and what must be used of it
STEP = 1 / 30  # s, after which `style.steady` of the last painting is left
LEAP = 0.5  # s; after a longer pause a painting begins anew
NOTHING = 1e-3  # a share so small is none

Size = tuple[int, int]  # height, width
# A style at work: a picture uint8 [h, w, 3] and shares [styles] of 1 -> the painting, of its size.
Painter = Callable[[ByteArray, FloatArray], ByteArray]
# What makes one, for pictures of a size to be painted in another.
Making = Callable[[Size, Size], Painter]
# The picture before, this one, the painting before, this one, and how much of that before is kept,
# to what is shown: uint8 [h, w, 3].
Holding = Callable[[ByteArray, ByteArray, ByteArray, ByteArray, float], ByteArray]


class Painting:
    """The styles of one network; ``chosen`` are those that are used, by their place in it."""

    def __init__(
        self, make: Making, side: Size | None = None, styles: int = 1, chosen: Sequence[int] = (0,)
    ) -> None:
        self.chosen = tuple(chosen)
        self._make = make
        self._side = side
        self._styles = styles
        self._painters: dict[Size, Painter] = {}

    def paint(self, image: ByteArray, shares: Sequence[float]) -> ByteArray:
        """The painting uint8 [h, w, 3] of a picture, with so much of each chosen style."""
        mixed = np.zeros(self._styles, np.float32)
        mixed[list(self.chosen)] = shares
        return self._painter(image.shape[:2])(image, mixed / mixed.sum())

    def _painter(self, size: tuple[int, ...]) -> Painter:
        height, width = size
        if (height, width) not in self._painters:
            self._painters.clear()  # a model keeps its size, but for want of memory
            side = self._side or painted_size(height, width)
            self._painters[height, width] = self._make((height, width), side)
        return self._painters[height, width]


def painted_size(height: int, width: int) -> Size:
    """The size in which a picture is painted, where the network takes any."""
    scale = SIDE / min(height, width)
    tall, wide = (max(FOURS, round(side * scale / FOURS) * FOURS) for side in (height, width))
    return tall, wide


class Styles:
    """A ``Retouch``: paintings whose styles are mixed as the controls ``style.1``, ``style.2``, ...
    say, in the order of the preset."""

    def __init__(self, paintings: Sequence[Painting], hold: Holding) -> None:
        self._paintings = tuple(paintings)
        count = sum(len(painting.chosen) for painting in paintings)
        self._shares = [f"style.{k}" for k in STYLES][:count]
        self.controls = ("style.amount", "style.steady", *self._shares)
        self._hold = hold
        self._last: tuple[float, ByteArray, ByteArray] | None = None  # time, picture, painting

    def apply(self, image: ByteArray, values: Mapping[str, float], time: float) -> ByteArray:
        """The painting of a picture uint8 [h, w, 3], as much of it as ``style.amount`` says."""
        shares = [values[name] for name in self._shares]
        if max(shares) < NOTHING:
            self._last = None
            return image
        painted = self._steadied(image, self._painted(image, shares), values["style.steady"], time)
        self._last = time, image, painted
        return mixed(image, painted, values["style.amount"])

    def _painted(self, image: ByteArray, shares: Sequence[float]) -> ByteArray:
        painted, gone = image, 0.0
        for painting in self._paintings:
            count = len(painting.chosen)
            own, shares = shares[:count], shares[count:]
            if sum(own) >= NOTHING:
                gone += sum(own)
                painted = mixed(painted, painting.paint(image, own), sum(own) / gone)
        return painted

    def _steadied(
        self, image: ByteArray, painted: ByteArray, steady: float, time: float
    ) -> ByteArray:
        if self._last is None:
            return painted
        then, before, painted_before = self._last
        dt = time - then
        if steady <= 0.0 or not 0.0 < dt < LEAP or before.shape != image.shape:
            return painted
        return self._hold(before, image, painted_before, painted, steady ** (dt / STEP))


def mixed(under: ByteArray, over: ByteArray, share: float) -> ByteArray:
    """``share`` of one picture uint8 [h, w, 3] over another."""
    if share >= 1.0 - NOTHING:
        return over
    part = np.int32(round(share * 256.0))
    both: ByteArray = ((under * (256 - part) + over * part + 128) >> 8).astype(np.uint8)
    return both


def choose(style: Style, wanted: str) -> list[int]:
    """The places of the styles that are used: those counted from 0 in ``wanted``, such as "3,7", or
    the first ones. Raises RetouchError."""
    if not wanted:
        return list(range(min(style.styles, len(STYLES))))
    numbers = [int(word) if word.strip().isdecimal() else -1 for word in wanted.split(",")]
    for word, number in zip(wanted.split(","), numbers, strict=True):
        if not 0 <= number < style.styles:
            raise RetouchError(
                f"style '{style.path.name}': '{word}' is not one of its styles, "
                f"0..{style.styles - 1}"
            )
    return list(dict.fromkeys(numbers))


# The pictures that a network makes of several, just as they are.
Trying = Callable[[Style, Sequence[FloatArray]], Sequence[FloatArray]]


def find_range(style: Style, try_: Trying) -> tuple[float, float]:
    """In which range a network has its pictures, by what it makes of one in each of them. Raises
    RetouchError where that is no picture, or of none of the ranges."""
    side = style.side or (SIDE // 2, SIDE // 2)
    sample = _sample(*side, style.colours_first)  # in 0..1
    pictures = [(low + (high - low) * sample).astype(style.picture.kind) for low, high in RANGES]
    made = try_(style, pictures)
    name, found = style.path.name, []
    for (low, high), picture in zip(RANGES, made, strict=True):
        _check_picture(name, picture, style)
        least, most = (float(np.percentile(picture, part)) for part in (1, 99))
        inside = (least - low) / (high - low), (most - low) / (high - low)
        found.append(f"{least:.3g}..{most:.3g}")
        if inside[0] >= -BEYOND and inside[1] <= 1.0 + BEYOND and inside[1] - inside[0] >= LEAST:
            return low, high
    allowed = ", ".join(f"{low:g}..{high:g}" for low, high in RANGES)
    raise RetouchError(
        f"style '{name}': of pictures in {allowed} it makes {', '.join(found)}; it must make "
        "pictures of the same range"
    )


def _check_picture(name: str, picture: FloatArray, style: Style) -> None:
    shape = picture.shape
    axis = 1 if style.colours_first else 3
    if len(shape) != 4 or shape[0] != 1 or shape[axis] != 3:
        wanted = "[1, 3, h, w]" if style.colours_first else "[1, h, w, 3]"
        raise RetouchError(f"style '{name}': what comes out is {list(shape)}; it must be {wanted}")
    if not np.isfinite(picture).all():
        raise RetouchError(f"style '{name}': what comes out are not all finite numbers")


def _sample(height: int, width: int, colours_first: bool) -> FloatArray:
    """Something to look at: [1, 3, h, w] or [1, h, w, 3] in 0..1, with shades, hues and edges."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    disc = np.hypot(y - 0.5, x - 0.5) < 0.3
    colours = np.stack([x, np.where(disc, 1.0 - y, y), 0.5 + 0.5 * np.sin(20.0 * x * y)])
    picture = colours[None].astype(np.float32)  # [1, 3, h, w]
    return picture if colours_first else picture.transpose(0, 2, 3, 1)
