"""A picture brought into w of any model, by going down the slope of how unlike it is.

What is compared is a pyramid of the pictures and, where EfficientNet-Lite0 is installed, its
feature maps; w is drawn toward the mean of the model's own (as Karras et al. 2020 project, with a
penalty in place of their noise). Where an encoder has told a sitter's z, it is that which is
improved: what comes of it is always one of the model's own pictures.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from vjgan.camera.align import cover, cut
from vjgan.camera.follower import Seen
from vjgan.camera.reader import Reader
from vjgan.camera.smoothing import does
from vjgan.errors import ModelError
from vjgan.generator.metadata import Network
from vjgan.generator.reference import draw
from vjgan.train.features import Features
from vjgan.train.places import find_places
from vjgan.types import ByteArray, FloatArray

SIDE = 128  # pixels, at most, at which pictures are compared
DRAWN = 2_000  # vectors that the mean and spread of w are of
TRIED = 24  # pictures of which the likest is begun with
RATE = 0.08  # of Adam, in deviations of w
PULL = 0.02  # toward the mean, for a w one deviation away
WANTED = 0.5  # share of the feature maps in the unlikeness
FEATURE_SCALE = (1.0, 1.0, 1.0, 0.5)
HEAD = (0.40, 0.48)  # half width and height of the ellipse in which a sitter is compared
BEYOND = 0.15  # what a place beyond it weighs: a room is no backdrop
ENOUGH = 120  # steps for a sitter of whom an encoder tells: little is gained after them
HELD = 0.5  # as PULL, of what a face does, which encoders tell well: heads that turn drift away


class Projection:
    """A w [w_dim] that makes the model's picture liker and liker to the one aimed at."""

    def __init__(self, network: Network, seed: int = 0, label: int | None = None) -> None:
        self._network = network.eval().requires_grad_(False)
        chance = torch.Generator().manual_seed(seed)
        config = network.config
        self._side = min(SIDE, config.resolution)
        c = None
        if config.c_dim:
            c = torch.zeros(1, config.c_dim)
            if label is not None:
                c[0, label] = 1.0
        with torch.no_grad():
            z = torch.randn(DRAWN, config.z_dim, generator=chance)
            w = network.mapping(z, None if c is None else c.expand(DRAWN, -1))  # [n, w_dim]
        self._mean, self._spread = w.mean(0), w.std(0) + 1e-4
        self._others = torch.cat([self._mean[None], w[: TRIED - 1]])  # [n, w_dim]
        with torch.no_grad():
            self._pictures = torch.cat([self._draw(row) for row in self._others])
        self._features = _features()
        if self._features is not None:
            self._features.calibrate(self._pictures)
        self._weight: Tensor | None = None  # of places, [1, 1, s, s]
        self._aimed: Tensor | None = None
        self._maps: list[Tensor] = []
        self._fresh = True  # nothing has been aimed at
        self._place = torch.zeros_like(self._mean).requires_grad_(True)
        self._best: tuple[float, Tensor] = (float("inf"), self._place.detach().clone())
        self._begin()

    @property
    def w(self) -> FloatArray:
        """The likest so far, [w_dim], before truncation."""
        return np.asarray(self._find_w(self._best[1]).numpy(), np.float32).copy()

    @property
    def unlikeness(self) -> float:
        """How unlike the picture of that w is; 0 is the same."""
        return self._best[0]

    def aim(self, picture: ByteArray) -> None:
        """From now on make pictures like this one, uint8 [h, w, 3]; begin at the likest of some
        others, or at the likest so far."""
        self._take(picture)
        if self._fresh:
            losses = [float(self._unlike(picture[None])) for picture in self._pictures]
            self._put((self._others[int(np.argmin(losses))] - self._mean) / self._spread)
        else:
            self._put(self._best[1])
        self._fresh = False

    def step(self) -> float:
        """Go down once; how unlike it was. Nothing is to be done before ``aim``."""
        if self._aimed is None:
            return float("inf")
        with torch.enable_grad():
            image = self._draw(self._find_w(self._place))
            total = self._unlike(image) + PULL * self._strayed(self._place)
        if total.item() < self._best[0]:
            self._best = (total.item(), self._place.detach().clone())
        (self._place.grad,) = torch.autograd.grad(total, [self._place])
        self._optimiser.step()
        return total.item()

    def _find_w(self, place: Tensor) -> Tensor:
        """w [w_dim] at a place."""
        w: Tensor = self._mean + self._spread * place
        return w

    def _strayed(self, place: Tensor) -> Tensor:
        """How far a place is from where it is drawn to; 1 is a deviation."""
        far: Tensor = place.square().mean()
        return far

    def _take(self, picture: ByteArray) -> None:
        image = Image.fromarray(picture).convert("RGB")
        image = image.resize((self._side, self._side), Image.Resampling.LANCZOS)
        x = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 127.5 - 1
        self._aimed = x  # [1, 3, s, s]
        with torch.no_grad():
            self._maps = self._look(x)

    def _begin(self) -> None:
        self._optimiser = torch.optim.Adam([self._place], RATE, betas=(0.9, 0.99))

    def _put(self, place: Tensor) -> None:
        with torch.no_grad():
            self._place.copy_(place)
        self._best = (float("inf"), place)
        self._begin()

    def _draw(self, w: Tensor) -> Tensor:
        """The picture of w [w_dim], in colour and no larger than is compared: [1, 3, s, s]."""
        image = draw(self._network, w.expand(1, self._network.config.num_ws, -1))  # [1, c, r, r]
        image = image if image.shape[1] == 3 else image[:, :1].expand(-1, 3, -1, -1)
        return F.avg_pool2d(image, image.shape[-1] // self._side)

    def _unlike(self, image: Tensor) -> Tensor:
        assert self._aimed is not None
        if self._weight is not None:
            image = self._aimed + self._weight * (image - self._aimed)
        difference = image - self._aimed
        loss = difference.abs().mean()
        while difference.shape[-1] > 8:
            difference = F.avg_pool2d(difference, 2)
            loss = loss + 0.5 * difference.abs().mean()
        if self._maps:
            maps = zip(FEATURE_SCALE, self._look(image), self._maps, strict=True)
            loss = loss + WANTED * torch.stack([k * (a - b).abs().mean() for k, a, b in maps]).sum()
        return loss

    def _look(self, image: Tensor) -> list[Tensor]:
        return [] if self._features is None else self._features(image)


class SitterProjection(Projection):
    """A z that makes the model's picture liker and liker to a sitter's, from what an encoder tells
    of them. The sitter's head is compared, and what is beyond it little."""

    def __init__(self, network: Network, reader: Reader, seed: int = 0) -> None:
        """``reader`` is the network's encoder."""
        super().__init__(network, seed)
        self._places = reader.places
        self._place = torch.zeros(network.config.z_dim).requires_grad_(True)
        self._near = torch.zeros_like(self._place)
        at = (torch.arange(self._side) + 0.5) / self._side - 0.5
        wide, high = HEAD
        radius = ((at / wide).square()[None, :] + (at / high).square()[:, None]).sqrt()
        weight = (4 * (1 - radius) + 0.5).clamp(BEYOND, 1)  # [s, s]
        self._weight = weight[None, None]
        self._pull = torch.tensor([HELD / PULL if held else 1.0 for held in does(reader.names)])

    @property
    def z(self) -> FloatArray:
        """The likest so far, [z_dim]."""
        return np.asarray(self._best[1].numpy(), np.float32).copy()

    def meet(self, seen: Seen, start: FloatArray) -> None:
        """From now on be like a sitter who is ``seen``, whose z is told; begin at ``start``
        [z_dim], and be drawn to what was told."""
        assert seen.z is not None and seen.frame is not None and seen.marks is not None
        # In the portrait the face lies where z turns it to: the camera's is cut out to lie there.
        wanted = find_places(self._places, start[None])[0]
        self._take(cut(seen.frame, cover(seen.marks, wanted), self._side))
        self._near = torch.from_numpy(np.asarray(seen.z, np.float32).copy())
        self._put(torch.from_numpy(np.asarray(start, np.float32).copy()))

    def _find_w(self, place: Tensor) -> Tensor:
        w: Tensor = self._network.mapping(place[None])[0]
        return w

    def _strayed(self, place: Tensor) -> Tensor:
        far: Tensor = (self._pull * (place - self._near).square()).mean()
        return far


def improve_sitter(
    network: Network,
    reader: Reader,
    seen: Seen,
    steps: int,
    moved: Callable[[int], None] = lambda done: None,
) -> tuple[FloatArray, float]:
    """The likest z [z_dim] of a sitter who is ``seen`` after so many steps from what the network's
    encoder, the ``reader``, told; and how unlike its picture is. ``moved`` is called with the steps
    done."""
    assert seen.z is not None
    projection = SitterProjection(network, reader)
    projection.meet(seen, seen.z)
    for step in range(steps):
        projection.step()
        moved(step + 1)
    return projection.z, projection.unlikeness


def _features() -> Features | None:
    """The feature maps, where they are installed."""
    try:
        return Features()
    except ModelError:
        return None
