"""What a step of a training works on: latents, noise, pictures, by the numbers of its samples."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from vjgan.train import chance
from vjgan.train.augment import NUMBERS
from vjgan.train.peers import Peers


class Part(IntEnum):
    """Of a step."""

    PAINT, PATH, TELL, SLOPE, ORDER = range(5)


class Use(IntEnum):
    """Of random numbers within a part, so that no two draw the same."""

    Z, CLASS, CUT, OTHER, NOISE, ALONG, MIRROR, SEE_REAL, SEE_FAKE = range(9)


class Supply:
    """Hands this process its share of what belongs to samples ``seen`` ... ``seen + batch - 1``."""

    def __init__(
        self,
        pictures: NDArray[np.uint8],
        labels: list[int],
        classes: int,
        seed: int,
        mirror: bool,
        peers: Peers,
    ) -> None:
        self._pictures = pictures  # [m, r, r, 3]
        self._labels = np.array(labels, np.int64)  # [m], empty without classes
        self._classes = classes
        self._seed, self._mirror, self._peers = seed, mirror, peers
        self._orders: dict[int, NDArray[np.int64]] = {}

    def samples(self, seen: int, count: int) -> list[int]:
        """The numbers of this process's samples in the whole training, ``count`` a process."""
        start = seen + self._peers.rank * count
        return list(range(start, start + count))

    def normal(self, part: Part, use: Use, samples: list[int], count: int) -> Tensor:
        """Standard normal [n, count]."""
        return chance.normal((self._seed, part, use), samples, count, self._peers.device)

    def uniform(self, part: Part, use: Use, samples: list[int], count: int) -> Tensor:
        """0..1, [n, count]."""
        return chance.uniform((self._seed, part, use), samples, count, self._peers.device)

    def sight(self, part: Part, use: Use, samples: list[int]) -> Tensor:
        """What decides how the discriminator sees pictures: [n, NUMBERS]."""
        return self.uniform(part, use, samples, NUMBERS)

    def classes(self, part: Part, samples: list[int]) -> Tensor | None:
        """Classes [n, classes] one-hot, as often as among the pictures; None without."""
        if not self._classes:
            return None
        pick = self.uniform(part, Use.CLASS, samples, 1)[:, 0].cpu().numpy()
        return self._one_hot((pick * len(self._labels)).astype(np.int64))

    def cuts(self, part: Part, samples: list[int], num_ws: int, mixing: float) -> Tensor:
        """From which layer on each picture takes a second w, with the probability ``mixing``:
        [n], 1..num_ws."""
        u = self.uniform(part, Use.CUT, samples, 2)  # [n, 2]
        cut = 1 + (u[:, 1] * (num_ws - 1)).long()  # [n]
        return torch.where(u[:, 0] < mixing, cut, num_ws)

    def real(self, samples: list[int]) -> tuple[Tensor, Tensor | None]:
        """Pictures [n, 3, r, r] in -1..1, all of them once before one comes again, and classes."""
        count = len(self._pictures)
        where = np.array([self._order(s // count)[s % count] for s in samples])
        batch = np.stack([self._pictures[k] for k in where])
        x = torch.from_numpy(batch).to(self._peers.device).permute(0, 3, 1, 2).float() / 127.5 - 1.0
        if self._mirror:
            u = self.uniform(Part.TELL, Use.MIRROR, samples, 1)  # [n, 1]
            x = torch.where(u[..., None, None] < 0.5, x.flip(3), x)
        return x.contiguous(), self._one_hot(where) if self._classes else None

    def _one_hot(self, picture: NDArray[np.int64]) -> Tensor:
        label = torch.from_numpy(self._labels[picture])
        return F.one_hot(label, self._classes).float().to(self._peers.device)

    def _order(self, epoch: int) -> NDArray[np.int64]:
        if epoch not in self._orders:
            before = {k: v for k, v in self._orders.items() if k == epoch - 1}
            seed = chance.mix(self._seed, Part.ORDER)
            self._orders = before | {epoch: chance.order(seed, epoch, len(self._pictures))}
        return self._orders[epoch]
