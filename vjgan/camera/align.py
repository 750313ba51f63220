"""Where a face is cut out of a picture: as the renders of the default model hold theirs.

Eyes and mouth come to lie where they lie on the mean of those pictures, upright; so hair and
shoulders are in the picture, whoever sits before the camera and however far away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vjgan.types import ByteArray, FloatArray

# On the mean of the renders, in heights of the picture:
DROP = 0.286  # from the eyes down to the mouth
EYES = 0.468  # from the top to the eyes
STRIP = (0.5, 0.45)  # how wide the strip is that holds eyes and brows, and where its middle is


@dataclass(frozen=True, slots=True)
class Placement:
    """A square in a picture: its middle ``x`` and ``y`` and its ``side``, in pixels or, where the
    marks were, in shares of the picture; ``angle`` in radians, clockwise as it is seen."""

    x: float
    y: float
    side: float
    angle: float = 0.0

    def places(self, width: int, height: int) -> FloatArray:
        """The places [height, width, 2], x and y, that the pixels are taken from, as wide as the
        square."""
        at_x, at_y = (
            (np.arange(n, dtype=np.float32) + 0.5 - n / 2) / width * self.side
            for n in (width, height)
        )
        across, down = np.meshgrid(at_x, at_y)  # [height, width]
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        x = self.x + across * cosine - down * sine
        y = self.y + across * sine + down * cosine
        return np.stack([x, y], 2).astype(np.float32)


def place(marks: FloatArray) -> Placement:
    """The square for ``marks`` [3, 2]: the eye at the right of the picture, the one at its left,
    the mouth."""
    right, left, mouth = np.asarray(marks, np.float64)
    middle = (right + left) / 2
    angle = float(np.arctan2(right[1] - left[1], right[0] - left[0]))
    down = np.array([-np.sin(angle), np.cos(angle)])
    across = np.array([np.cos(angle), np.sin(angle)])
    reach = float((mouth - middle) @ down)
    side = max(reach, 0.5 * float(np.hypot(*(right - left))), 1e-6) / DROP
    # A head that turns moves its eyes and mouth by as much, so the square goes along by half.
    aside = 0.5 * float((mouth - middle) @ across)
    x, y = middle + across * aside + down * side * (0.5 - EYES)
    return Placement(float(x), float(y), side, angle)


def cover(seen: FloatArray, wanted: FloatArray) -> Placement:
    """The square whose places ``wanted`` [n, 2], in shares of its side, come nearest to the places
    ``seen`` [n, 2], in pixels, by least squares."""
    # Turned, scaled and moved is one complex product and sum.
    p, q = (np.asarray(rows, np.float64) @ np.array([1.0, 1.0j]) for rows in (seen, wanted))
    apart = q - q.mean()
    factor = complex(np.vdot(apart, p - p.mean()) / max(float(np.vdot(apart, apart).real), 1e-12))
    middle = p.mean() + factor * (0.5 + 0.5j - q.mean())
    return Placement(middle.real, middle.imag, abs(factor), float(np.angle(factor)))


def strip(face: Placement) -> Placement:
    """Where eyes and brows are in a face's square: as wide as they are, whatever its height."""
    wide, middle = STRIP
    down = face.side * (middle - 0.5)
    x, y = face.x - down * np.sin(face.angle), face.y + down * np.cos(face.angle)
    return Placement(float(x), float(y), face.side * wide, face.angle)


def cut(image: ByteArray, placement: Placement, width: int, rows: int = 0) -> ByteArray:
    """The square of an ``image`` uint8 [height, width, 3], its placement in pixels, or the middle
    ``rows`` of it, as uint8 [rows, width, 3]; beyond the image its edge goes on."""
    rows = rows or width
    near, placement = _reduced(image, placement, int(placement.side / width))
    places = placement.places(width, rows).reshape(-1, 2) - np.float32(0.5)
    last_y, last_x = near.shape[0] - 1, near.shape[1] - 1
    x = np.clip(places[:, 0], 0, last_x)
    y = np.clip(places[:, 1], 0, last_y)
    left, top = x.astype(np.intp), y.astype(np.intp)
    fx, fy = (x - left.astype(np.float32))[:, None], (y - top.astype(np.float32))[:, None]
    pixels = near.reshape(-1, 3)
    at = top * (last_x + 1) + left  # [n]
    right = (left < last_x).astype(np.intp)
    below = (top < last_y) * (last_x + 1)
    upper = _between(pixels[at], pixels[at + right], fx)  # [n, 3]
    lower = _between(pixels[at + below], pixels[at + below + right], fx)
    taken = _between(upper, lower, fy).reshape(rows, width, 3)
    return np.asarray(taken + np.float32(0.5), np.uint8)


def _between(a: FloatArray, b: FloatArray, share: FloatArray) -> FloatArray:
    return np.asarray(a + (b - a) * share, np.float32)


def _reduced(image: ByteArray, placement: Placement, factor: int) -> tuple[FloatArray, Placement]:
    """The part of an image around a square, each pixel the mean of ``factor`` times as many, so
    that fine patterns are averaged rather than skipped; and the square in it."""
    height, width = image.shape[:2]
    factor = max(1, min(factor, height, width))
    reach = placement.side * (abs(np.cos(placement.angle)) + abs(np.sin(placement.angle))) / 2
    left, top = (
        int(np.clip(middle - reach - factor, 0, max(0, length - 2 * factor)))
        for middle, length in ((placement.x, width), (placement.y, height))
    )
    columns = min(int(2 * reach) // factor + 3, (width - left) // factor) or 1
    rows = min(int(2 * reach) // factor + 3, (height - top) // factor) or 1
    part = image[top : top + rows * factor, left : left + columns * factor]
    taken = range(0, factor, max(1, factor // 4))  # four by four are mean enough
    near = np.zeros((rows, columns, 3), np.float32)
    for i in taken:
        for j in taken:
            near += part[i::factor, j::factor]
    near /= len(taken) ** 2
    moved = Placement(
        (placement.x - left) / factor,
        (placement.y - top) / factor,
        placement.side / factor,
        placement.angle,
    )
    return near, moved
