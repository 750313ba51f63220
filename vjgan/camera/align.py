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


@dataclass(frozen=True, slots=True)
class Placement:
    """A square in a picture: its middle ``x`` and ``y`` and its ``side``, in pixels or, where the
    marks were, in shares of the picture; ``angle`` in radians, clockwise as it is seen."""

    x: float
    y: float
    side: float
    angle: float = 0.0

    def places(self, size: int) -> FloatArray:
        """The places [size, size, 2], x and y, that the square's pixels are taken from."""
        at = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
        across, down = np.meshgrid(at * self.side, at * self.side)  # [size, size]
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


def cut(image: ByteArray, placement: Placement, size: int) -> ByteArray:
    """The square of an ``image`` uint8 [height, width, 3], its placement in pixels, as uint8 [size,
    size, 3]; beyond the image its edge goes on."""
    near, placement = _reduced(image, placement, int(placement.side / size))
    places = placement.places(size).reshape(-1, 2) - np.float32(0.5)
    height, width = near.shape[:2]
    x = np.clip(places[:, 0], 0, width - 1)
    y = np.clip(places[:, 1], 0, height - 1)
    left, top = x.astype(np.intp), y.astype(np.intp)
    fx, fy = (x - left.astype(np.float32))[:, None], (y - top.astype(np.float32))[:, None]
    pixels = near.reshape(-1, 3)
    at = top * width + left  # [n]
    right = (left < width - 1).astype(np.intp)
    below = (top < height - 1) * width
    upper = _between(pixels[at], pixels[at + right], fx)  # [n, 3]
    lower = _between(pixels[at + below], pixels[at + below + right], fx)
    taken = _between(upper, lower, fy).reshape(size, size, 3)
    return np.asarray(taken + np.float32(0.5), np.uint8)


def _between(a: FloatArray, b: FloatArray, share: FloatArray) -> FloatArray:
    return np.asarray(a + (b - a) * share, np.float32)


def _reduced(image: ByteArray, placement: Placement, factor: int) -> tuple[FloatArray, Placement]:
    """The part of an image around a square, each pixel the mean of ``factor`` times as many, so
    that fine patterns are averaged rather than skipped; and the square in it."""
    factor = max(1, factor)
    height, width = image.shape[:2]
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
