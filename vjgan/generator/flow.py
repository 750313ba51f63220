"""How the picture moves from one frame of a model to the next, by a small network of our own.

It looks at both frames at 64x64 and says for 32x32 places where what is seen half-way came from and
where it goes. It begins with what Lucas and Kanade (1981) find at three sizes, which is all that
brightness alone can tell, and learned the rest from in-betweens that models drew (`tools/flow.py`).
Where moving does not bring the frames nearer to one another, they are faded.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vjgan.types import ByteArray, FloatArray

WEIGHTS = Path(__file__).with_name("flow.npz")
SEEN = 64  # pixels, the side of what it looks at
SIDE = 32  # and of what it gives
SIZES = (64, 32, 16)  # of the pictures on which slopes are taken
FURTHEST = 2.0  # pixels of those, of motion that slopes can tell
UNIT = 0.02  # of the picture: motion in the network is near 1
WARM = 3  # runs after which torch has put the traced network in order
NOISE = 0.01  # of the brightest: frames that differ by less are rather faded
LITTLE, MUCH = 0.1, 0.4  # of the difference between the frames, that motion takes away: less is no
# motion but change, from this on it is trusted


class FlowNet(nn.Module):
    """Two pictures [n, 3, 64, 64] in 0..1 to motion [n, 4, 32, 32] as ``Picture.motion``."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = _conv(24 + 3 * len(SIZES), 24)
        self.down1, self.mid1 = _conv(24, 32, 2), _conv(32, 32)
        self.down2, self.mid2 = _conv(32, 48, 2), _conv(48, 48)
        self.up1, self.up2 = _conv(48 + 32, 32), _conv(32 + 24, 24)
        self.leave = _conv(24, 4 + len(SIZES))
        nn.init.zeros_(self.leave.weight)
        assert self.leave.bias is not None
        with torch.no_grad():  # untrained it says what the slopes say, a little of each
            self.leave.bias.copy_(torch.tensor([0.0, 0.0, 0.0, 0.0, -1.2, -0.8, -1.2]))

    def forward(self, one: Tensor, two: Tensor) -> Tensor:
        found = [slopes(one, two, size) for size in SIZES]  # of [n, 3, 32, 32]
        pair = F.pixel_unshuffle(torch.cat([one + two - 1.0, 4.0 * (two - one)], 1), 2)
        fine = _act(self.enter(torch.cat([pair, *found], 1)))  # [n, 24, 32, 32]
        middle = _act(self.mid1(_act(self.down1(fine))))  # [n, 32, 16, 16]
        coarse = _act(self.mid2(_act(self.down2(middle))))  # [n, 48, 8, 8]
        middle = _act(self.up1(torch.cat([_doubled(coarse), middle], 1)))  # [n, 32, 16, 16]
        fine = _act(self.up2(torch.cat([_doubled(middle), fine], 1)))  # [n, 24, 32, 32]
        said = self.leave(fine)  # [n, 7, 32, 32]
        shares = torch.sigmoid(said[:, 4:])
        moved = torch.stack([shares[:, k : k + 1] * v[:, :2] for k, v in enumerate(found)]).sum(0)
        motion: Tensor = UNIT * (said[:, :4] + torch.cat([moved, moved], 1))  # [n, 4, 32, 32]
        return motion


def slopes(one: Tensor, two: Tensor, size: int) -> Tensor:
    """What the slopes of two pictures [n, 3, 64, 64] tell at a size: motion in units to the right
    and down, and how steep it is there: [n, 3, 32, 32]. Lucas and Kanade 1981, over 5x5 pixels."""
    if size < SEEN:
        one, two = (F.avg_pool2d(x, SEEN // size) for x in (one, two))
    mean, t = F.pad(0.5 * (one + two), (1, 1, 1, 1), mode="replicate"), two - one
    x = 0.5 * (mean[:, :, 1:-1, 2:] - mean[:, :, 1:-1, :-2])  # [n, 3, size, size]
    y = 0.5 * (mean[:, :, 2:, 1:-1] - mean[:, :, :-2, 1:-1])
    products = torch.stack([(a * b).sum(1) for a, b in ((x, x), (x, y), (y, y), (x, t), (y, t))], 1)
    xx, xy, yy, xt, yt = _mean(products).unbind(1)  # [n, size, size]
    steep = xx + yy
    xx, yy = (v + 3e-4 + 0.02 * steep for v in (xx, yy))  # where it is flat, nothing moves
    way = torch.stack([xy * yt - yy * xt, xy * xt - xx * yt], 1) / (xx * yy - xy * xy)[:, None]
    way = way.clamp(-FURTHEST, FURTHEST) / (size * UNIT)
    found = torch.cat([way, 4.0 * steep[:, None].sqrt()], 1)  # [n, 3, size, size]
    if size > SIDE:
        return F.avg_pool2d(found, size // SIDE)
    if size < SIDE:
        return F.interpolate(found, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    return found


class Flow:
    """Tells the motion between two frames of a model."""

    def __init__(self) -> None:
        net = FlowNet().eval().requires_grad_(False)
        with np.load(WEIGHTS) as held:
            state = {name: torch.from_numpy(held[name].astype(np.float32)) for name in held.files}
        net.load_state_dict(state)

        def trusted(one: Tensor, two: Tensor) -> Tensor:
            motion = net(one, two)
            return cast(Tensor, motion * trust(one, two, motion))

        example = torch.zeros(1, 3, SEEN, SEEN)
        with warnings.catch_warnings(), torch.inference_mode():
            warnings.simplefilter("ignore")  # the tracer warns of what is constant by intent
            trace: Callable[..., Callable[[Tensor, Tensor], Tensor]] = torch.jit.trace
            self._trusted = trace(trusted, (example, example), check_trace=False)
            for _ in range(WARM):
                self._trusted(example, example)

    @torch.inference_mode()
    def between(self, before: ByteArray, after: ByteArray) -> FloatArray:
        """The motion [32, 32, 4] from one picture uint8 [h, w, 3] to the next of its size; 0 where
        it is not to be trusted."""
        motion = self._trusted(_seen(before), _seen(after))[0]  # [4, 32, 32]
        return np.ascontiguousarray(motion.permute(1, 2, 0).numpy())


@cache
def flow() -> Flow:
    """The one Flow; the first call takes a moment."""
    return Flow()


def trust(one: Tensor, two: Tensor, motion: Tensor) -> Tensor:
    """How far motion [n, 4, 32, 32] may be trusted, 0..1 [n, 1, 32, 32]: by how much more pictures
    [n, 3, 64, 64] are alike when both are moved half-way."""
    one, two = (F.avg_pool2d(x, SEEN // SIDE) for x in (one, two))
    there = warped(one, -0.5 * motion[:, :2]) - warped(two, 0.5 * motion[:, 2:])
    left, apart = (_mean(x.abs().mean(1, keepdim=True)) for x in (there, one - two))
    taken = (apart - left) / (apart + NOISE)
    return ((taken - LITTLE) / (MUCH - LITTLE)).clamp(0.0, 1.0)


def warped(picture: Tensor, way: Tensor) -> Tensor:
    """A picture [n, c, h, w] read at each place + way [n, 2, h, w]."""
    height, width = picture.shape[2:]
    rows = (torch.arange(height) * 2.0 + 1.0) / height - 1.0
    columns = (torch.arange(width) * 2.0 + 1.0) / width - 1.0
    places = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)  # [h, w, 2]
    places = places + 2.0 * way.permute(0, 2, 3, 1)
    return F.grid_sample(picture, places, padding_mode="border", align_corners=False)


def _seen(image: ByteArray) -> Tensor:
    """A picture uint8 [h, w, 3] small, [1, 3, 64, 64] in 0..1."""
    pixels = torch.from_numpy(np.asarray(image))
    skipped = max(1, min(pixels.shape[:2]) // (4 * SEEN))  # of large pictures, not every pixel
    small = pixels[::skipped, ::skipped].permute(2, 0, 1)[None].float()
    return F.adaptive_avg_pool2d(small, SEEN) / 255.0


def _mean(x: Tensor) -> Tensor:
    """The mean of 5x5 around each of [n, c, h, w]."""
    return F.avg_pool2d(F.pad(x, (2, 2, 2, 2), mode="replicate"), 5, 1)


def _conv(n_in: int, n_out: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, 3, stride, 1)


def _act(x: Tensor) -> Tensor:
    return F.leaky_relu_(x, 0.1)


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
