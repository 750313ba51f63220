"""How good the averaged generator is by now: its sheets, KID, FID and path lengths."""

from __future__ import annotations

import logging

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from vjgan.errors import ModelError
from vjgan.generator.stylegan2 import StyleGAN2
from vjgan.train import chance, quality
from vjgan.train.paint import kept_noise, paint
from vjgan.train.precision import Precision

log = logging.getLogger("vjgan")

SHOWN, MEASURED = 1, 2  # what random latents are for
PICTURES = 512  # compared; FID depends on how many
PATH_SHARE = 4  # a quarter of them are the ends of the paths that are measured
AT_ONCE = 16


class Easel:
    """The averaged generator at work: pictures of latents that stay the same all through."""

    def __init__(
        self, network: StyleGAN2, labels: list[int], seed: int, precision: Precision
    ) -> None:
        self._network, self._precision = network, precision
        self._labels, self._seed = np.array(labels, np.int64), seed
        self.device = network.mapping.w_mean.device

    def latents(self, use: int, count: int) -> tuple[Tensor, Tensor | None]:
        """z [n, z_dim] and classes [n, c_dim] as often as among the pictures."""
        config = self._network.config
        z = chance.normal((self._seed, use), range(count), config.z_dim, torch.device("cpu"))
        if not config.c_dim:
            return z, None
        pick = np.arange(count) * len(self._labels) // count
        label = torch.from_numpy(np.sort(self._labels)[pick])
        return z, F.one_hot(label, config.c_dim).float()

    @torch.no_grad()
    def map(self, z: Tensor, c: Tensor | None) -> Tensor:
        """z [n, z_dim] -> w [n, w_dim]."""
        c = None if c is None else c.to(self.device)
        w: Tensor = self._network.mapping(z.to(self.device), c)
        return w

    @torch.no_grad()
    def draw(self, w: Tensor, psi: float = 1.0) -> Tensor:
        """w [n, w_dim] -> pictures [n, 3, r, r] with the noise that the model is kept with."""
        synthesis = self._network.synthesis
        ws = self._network.truncate(w, psi)
        return paint(synthesis, ws, kept_noise(synthesis, len(w)), self._precision)

    def pictures(self, use: int, count: int, psi: float = 1.0) -> NDArray[np.uint8]:
        """uint8 [n, r, r, 3]."""
        w = self.map(*self.latents(use, count))
        return np.concatenate([_bytes(self.draw(some, psi)) for some in torch.split(w, AT_ONCE)])


def _bytes(x: Tensor) -> NDArray[np.uint8]:
    levels = (x * 127.5 + 128.0).clamp(0, 255).byte()
    return levels.permute(0, 2, 3, 1).cpu().numpy()


class Indicators:
    """Measures a generator against the pictures that it learns from."""

    def __init__(self, pictures: NDArray[np.uint8], seed: int, count: int = PICTURES) -> None:
        self._pictures, self._seed, self._count = pictures, seed, count
        self._real: quality.Floats | None = None
        self._able = True

    def measure(self, easel: Easel) -> dict[str, float]:
        """kid, kid_deviation, fid and ppl; nothing, said once, where their network is missing."""
        if not self._able:
            return {}
        try:
            return self._measure(easel)
        except ModelError as error:
            self._able = False
            log.warning("KID, FID and PPL are left out: %s", error)
            return {}

    def _measure(self, easel: Easel) -> dict[str, float]:
        if self._real is None:
            order = chance.order(chance.mix(self._seed, MEASURED), 0, len(self._pictures))
            some = np.sort(order[: self._count])
            self._real = quality.embed(np.stack([self._pictures[k] for k in some]))
        fake = quality.embed(easel.pictures(MEASURED, self._count))
        distance = quality.kid(fake, self._real)
        w = easel.map(*easel.latents(MEASURED, self._count // PATH_SHARE)).cpu()
        return {
            "kid": distance.mean,
            "kid_deviation": distance.deviation,
            "fid": quality.fid(fake, self._real),
            "ppl": quality.path_length(lambda rows: easel.draw(rows.to(easel.device)).cpu(), w),
        }


def sheet(pictures: NDArray[np.uint8], columns: int) -> NDArray[np.uint8]:
    """Pictures [n, r, r, 3] in rows of ``columns``."""
    rows = len(pictures) // columns
    side = pictures.shape[1]
    grid = pictures[: rows * columns].reshape(rows, columns, side, side, 3)
    return grid.transpose(0, 2, 1, 3, 4).reshape(rows * side, columns * side, 3)
