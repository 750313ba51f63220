"""Dreams as a layer: what a network sees in the picture, it draws into it, a little every frame,
into what it dreamed before, which comes nearer and turns meanwhile."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vjgan.retouch.ascent import Ascent, Eye, Wish, resized
from vjgan.types import ByteArray

SIDE = 128  # pixels, the shorter side of the picture whose details are the dream's at one octave
OCTAVE = 1.6  # from the side of one picture that is looked at to that of the next
LEAP = 1.0  # seconds; after a longer pause the dream begins anew
SHORTEST, LONGEST = 1.0 / 240.0, 0.25  # seconds of a frame, as far as its depth goes
STEP = 0.08  # of the range of a pixel: a longer way is gone in several steps
MOST_STEPS = 3
FURTHEST = 0.5  # of the range, by which a pixel of a dream may be off its picture's
DRIFT = 0.08  # of the range, by which a dream may be brighter or darker than its picture
CONTRAST, FLATTEST = 1.5, 0.16  # of the picture's deviation, and of the range: the most of it
FOREIGN = 0.5  # of the colours that are dreamed: those that the picture does not have
MARGIN = 16  # pixels around the picture that are looked at, too, now more here, now there


class Dream:
    """A ``Retouch``: the dreams of one network. ``side`` is the shorter side of the picture that is
    dreamed on, in pixels, 0 for the picture's own: what is new in a small dream is added to the
    picture in its own size."""

    controls: Sequence[str] = tuple(
        f"dream.{name}"
        for name in ("amount", "strength", "layer", "motif", "octaves", "zoom", "turn", "hold")
    )

    def __init__(self, eye: Eye, side: int = 0) -> None:
        self.ascent = Ascent(eye)
        self.side = side
        self._dream: Tensor | None = None  # [1, 3, h, w] in 0..1
        self._time = 0.0
        self._chance = np.random.default_rng(0)

    @torch.no_grad()
    def apply(self, image: ByteArray, values: Mapping[str, float], time: float) -> ByteArray:
        """The picture [h, w, 3] with the dream in it, of the same size."""
        whole = tensor_of(image)  # [1, 3, h, w]
        picture = self._small(whole)
        dt, self._time = time - self._time, time
        if self._dream is None or self._dream.shape != picture.shape or not 0.0 <= dt <= LEAP:
            dt, self._dream, self._chance = 0.0, picture, np.random.default_rng(0)
        dt = max(dt, SHORTEST)
        dream = moved(self._dream, picture, values, dt)
        self._dream = self._deeper(dream, picture, values, min(dt, LONGEST))
        new = FURTHEST * torch.tanh((self._dream - picture) / FURTHEST)
        new = resized(new, list(whole.shape[2:]))
        return image_of(whole + values["dream.amount"] * new)

    def _small(self, whole: Tensor) -> Tensor:
        short = min(whole.shape[2:])
        if not self.side or short <= self.side:
            return whole
        return resized(whole, [round(n * self.side / short) for n in whole.shape[2:]])

    def _deeper(
        self, dream: Tensor, picture: Tensor, values: Mapping[str, float], dt: float
    ) -> Tensor:
        """The dream after ``dt`` more seconds of it."""
        way = values["dream.strength"] * dt
        steps = min(MOST_STEPS, math.ceil(way / STEP))
        wish = Wish(values["dream.layer"], round(values["dream.motif"]))
        scales = scales_of(min(picture.shape[2:]), round(values["dream.octaves"]))
        palette = palette_of(picture)
        for _ in range(steps):
            shift = self._chance.integers(0, MARGIN + 1, 2).tolist()
            far = min(way / steps, 2 * STEP)
            dream = step(self.ascent, dream, wish, scales, far, shift, palette)
        # What is done every frame must do nothing more when done again, at any rate of frames.
        near = torch.clamp(dream, picture - FURTHEST, picture + FURTHEST)
        return tempered(near, picture)


def moved(before: Tensor, picture: Tensor, values: Mapping[str, float], dt: float) -> Tensor:
    """What is left of the dream before, nearer and turned, over the new picture."""
    hold = values["dream.hold"]
    kept = math.exp(-dt / hold) if hold > 0.0 else 0.0
    before = warped(before, 2.0 ** (values["dream.zoom"] * dt), values["dream.turn"] * dt)
    return torch.lerp(picture, before, kept)


def step(
    ascent: Ascent,
    x: Tensor,
    wish: Wish,
    scales: Sequence[float],
    way: float,
    shift: Sequence[int],
    palette: Tensor,
) -> Tensor:
    """x [1, 3, h, w] in 0..1 a step further up, in the colours of a ``palette`` [3, 3]. It is
    looked at with its mirror image around it, ``shift`` pixels of that above and to the left, so
    that neither the network's grid nor what it makes of edges leaves a mark."""
    top, left = shift
    around = [left, MARGIN - left, top, MARGIN - top]
    slope = ascent.slope(F.pad(x, around, "reflect"), wish, scales)
    height, width = x.shape[2:]
    slope = slope[:, :, top : top + height, left : left + width]
    slope = torch.einsum("ij,njhw->nihw", palette, slope)
    slope = slope / slope.square().mean().sqrt().clamp_min(1e-12)
    return (x + way * slope).clamp(0.0, 1.0)


def palette_of(picture: Tensor) -> Tensor:
    """How the colours of a picture [1, 3, h, w] vary together [3, 3], and a little of any: what is
    dreamed in these looks as if it were there."""
    spread = torch.cov(picture[0].flatten(1))  # [3, 3]
    spread = 3.0 * spread / spread.trace().clamp_min(1e-6)
    return (1.0 - FOREIGN) * spread + FOREIGN * torch.eye(3)


def scales_of(short: int, octaves: int) -> list[float]:
    """The sizes at which a picture is looked at, whose shorter side that is: one of SIDE and
    ``octaves`` - 1 smaller ones; of a larger picture also its own and those between, so that it has
    details of its own."""
    scales = [1.0]
    while short * scales[-1] / OCTAVE > SIDE:
        scales.append(scales[-1] / OCTAVE)
    first = min(1.0, SIDE / short)
    return sorted({*scales, *(first / OCTAVE**k for k in range(octaves))}, reverse=True)


def warped(x: Tensor, zoom: float, degrees: float) -> Tensor:
    """x [1, 3, h, w] magnified and turned clockwise, about its middle; mirrored at its edges."""
    if zoom == 1.0 and degrees == 0.0:
        return x
    height, width = x.shape[2:]
    c, s = (f(math.radians(degrees)) / zoom for f in (math.cos, math.sin))
    way = torch.tensor([[[c, s * height / width, 0.0], [-s * width / height, c, 0.0]]])
    grid = F.affine_grid(way, list(x.shape), align_corners=False)
    moved = F.grid_sample(x, grid, "bicubic", "reflection", align_corners=False)
    return moved.clamp(0.0, 1.0)


def tempered(dream: Tensor, picture: Tensor) -> Tensor:
    """A dream whose colours have not gone far from the picture's on the whole: neither white nor
    black, nor all contrast."""
    deviation, mean = torch.std_mean(dream, (2, 3), keepdim=True)  # [1, 3, 1, 1]
    own, middle = torch.std_mean(picture, (2, 3), keepdim=True)
    aim = middle + (mean - middle).clamp(-DRIFT, DRIFT)
    most = (CONTRAST * own).clamp_min(FLATTEST)
    gain = (most / deviation.clamp_min(1e-6)).clamp_max(1.0)
    return ((dream - mean) * gain + aim).clamp(0.0, 1.0)


def tensor_of(image: ByteArray) -> Tensor:
    """uint8 [h, w, 3] -> [1, 3, h, w] in 0..1."""
    array = np.ascontiguousarray(image[..., :3].transpose(2, 0, 1)[None])
    return torch.from_numpy(array).float() / 255.0


def image_of(x: Tensor) -> ByteArray:
    """[1, 3, h, w] in 0..1 -> uint8 [h, w, 3]."""
    image: ByteArray = (x[0].permute(1, 2, 0) * 255.0 + 0.5).clamp(0.0, 255.0).byte().numpy()
    return image
