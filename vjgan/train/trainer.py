"""One step of an adversarial training after another: StyleGAN2 with adaptive augmentation.

Karras et al. 2020a and 2020b. Everything random belongs to a sample's number (`chance`), so what
comes out depends on the settings and the pictures only: not on interruptions, and not on how many
processes share a batch.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vjgan.generator.stylegan2 import StyleGAN2
from vjgan.train import state
from vjgan.train.augment import EVERY, adapt, augment
from vjgan.train.discriminator import GROUP, Discriminator
from vjgan.train.loss import fool_loss, path_lengths, slope, tell_loss
from vjgan.train.paint import noise_shapes, paint
from vjgan.train.peers import Peers
from vjgan.train.precision import find_precision
from vjgan.train.settings import Settings
from vjgan.train.supply import Part, Supply, Use

Pick = Tensor | None  # classes [n, c_dim] one-hot, None without

R1_EVERY, PATH_EVERY = 16, 4  # steps: regularisation is lazy
PATH_DECAY = 0.01  # of the running mean of path lengths
W_DECAY = 0.002  # of the running mean of w
EMA_RAMP = 0.05  # the averaged weights reach back over no more than this part of the training
BETAS = (0.0, 0.99)


@dataclass(slots=True)
class Progress:
    """Where a training stands: pictures ``seen``, the augmentation's probability ``p``, the mean
    ``path`` length, and what the last steps said, for people."""

    seen: int = 0
    steps: int = 0
    p: float = 0.0
    path: float = 0.0
    r_t: float = 0.0
    sign_sum: float = 0.0
    sign_count: float = 0.0
    loss_paint: float = 0.0
    loss_tell: float = 0.0


class Trainer:
    """The two networks, the averaged generator, and everything needed to go on exactly."""

    def __init__(
        self,
        network: StyleGAN2,
        pictures: NDArray[np.uint8],
        labels: list[int],
        settings: Settings,
        peers: Peers,
        discriminator: Discriminator | None = None,
    ) -> None:
        self.settings, self.peers, self.device = settings, peers, peers.device
        self.share = peers.share(settings.batch, GROUP)
        config = network.config
        self.config = config
        self.supply = Supply(pictures, labels, config.c_dim, settings.seed, settings.mirror, peers)
        self.precision = find_precision(settings.precision, peers.device, config.resolution)
        self.network = network.to(self.device).train()
        self.average = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.discriminator = (discriminator or Discriminator(config)).to(self.device)
        self.paint_optimiser = self._adam(self.network, PATH_EVERY if settings.path_weight else 0)
        self.tell_optimiser = self._adam(self.discriminator, R1_EVERY)
        self.progress = Progress()

    def _adam(self, network: nn.Module, lazy: int) -> torch.optim.Optimizer:
        # A lazy regulariser is a step more in every so many: the memory is shortened to match.
        part = lazy / (lazy + 1) if lazy else 1.0
        betas = (BETAS[0] ** part, BETAS[1] ** part)
        return torch.optim.Adam(
            network.parameters(), self.settings.rate * part, betas=betas, eps=1e-8, foreach=True
        )

    def step(self) -> None:
        """One batch for each network, and what is due of the rest."""
        now, samples = self.progress, self.supply.samples(self.progress.seen, self.share)
        now.loss_paint = self._learn_to_paint(samples)
        if self.settings.path_weight and now.steps % PATH_EVERY == 0:
            self._even_paths(self.supply.samples(now.seen, max(1, self.share // 2)))
        now.loss_tell = self._learn_to_tell(samples)
        if self.settings.gamma and now.steps % R1_EVERY == 0:
            self._flatten(samples)
        now.seen += self.settings.batch
        now.steps += 1
        self._track()
        if self.settings.augment_kimg and now.steps % EVERY == 0:
            self._adapt()

    def _learn_to_paint(self, samples: list[int]) -> float:
        self.discriminator.requires_grad_(False)
        ws, c = self._map(Part.PAINT, samples, track=True)
        images = self._paint(ws, Part.PAINT, samples)
        loss = fool_loss(self._tell(images, c, Part.PAINT, Use.SEE_FAKE, samples))
        self._update(self.network, self.paint_optimiser, loss)
        return loss.item()

    def _even_paths(self, samples: list[int]) -> None:
        now = self.progress
        ws, _ = self._map(Part.PATH, samples)
        images = self._paint(ws, Part.PATH, samples)
        along = self.supply.normal(Part.PATH, Use.ALONG, samples, images[0].numel())
        lengths = path_lengths(images, ws, along.reshape(images.shape))  # [n]
        mean = lengths.detach().mean()
        self.peers.mean([mean])
        now.path += PATH_DECAY * (float(mean) - now.path)
        loss = (lengths - now.path).square().mean()
        loss = loss * (self.settings.path_weight * PATH_EVERY)
        self._update(self.network, self.paint_optimiser, loss)

    def _learn_to_tell(self, samples: list[int]) -> float:
        now = self.progress
        self.discriminator.requires_grad_(True)
        with torch.no_grad():
            ws, c = self._map(Part.TELL, samples)
            fake = self._paint(ws, Part.TELL, samples)
        real, label = self.supply.real(samples)
        said = self._tell(real, label, Part.TELL, Use.SEE_REAL, samples)
        loss = tell_loss(said, self._tell(fake, c, Part.TELL, Use.SEE_FAKE, samples))
        now.sign_sum += float(said.detach().sign().sum())
        now.sign_count += len(real)
        self._update(self.discriminator, self.tell_optimiser, loss)
        return loss.item()

    def _flatten(self, samples: list[int]) -> None:
        real, label = self.supply.real(samples)
        real.requires_grad_()
        said = self._tell(real, label, Part.SLOPE, Use.SEE_REAL, samples)
        loss = slope(said, real) * (self.settings.gamma / 2.0 * R1_EVERY)
        self._update(self.discriminator, self.tell_optimiser, loss)

    def _update(self, network: nn.Module, optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        grads = [p.grad for p in network.parameters() if p.grad is not None]
        self.peers.mean(grads)
        for grad in grads:
            torch.nan_to_num_(grad, nan=0.0, posinf=1e5, neginf=-1e5)
        optimiser.step()

    @torch.no_grad()
    def _track(self) -> None:
        """Let the new weights into the averaged ones."""
        now = self.progress
        reach = min(self.settings.ema_kimg * 1000.0, EMA_RAMP * now.seen)
        keep = 0.5 ** (self.settings.batch / max(reach, 1e-8))
        ours: list[Tensor] = list(self.average.parameters())
        new: list[Tensor] = list(self.network.parameters())
        torch._foreach_lerp_(ours, new, 1.0 - keep)
        for mine, theirs in zip(self.average.buffers(), self.network.buffers(), strict=True):
            mine.copy_(theirs)

    def _adapt(self) -> None:
        now = self.progress
        signs, count = self.peers.total(now.sign_sum, now.sign_count)
        now.r_t = signs / max(count, 1.0)
        now.sign_sum = now.sign_count = 0.0
        now.p = adapt(now.p, now.r_t, self.settings.batch * EVERY, self.settings.augment_kimg)

    def _map(self, part: Part, samples: list[int], track: bool = False) -> tuple[Tensor, Pick]:
        """ws [n, num_ws, w_dim], some of them of a second z from a layer on, and classes."""
        mapping, num_ws = self.network.mapping, self.config.num_ws
        c = self.supply.classes(part, samples)
        z = self.supply.normal(part, Use.Z, samples, self.config.z_dim)
        w = mapping(z, c)  # [n, w_dim]
        if track:
            mean = w.detach().mean(0)
            self.peers.mean([mean])
            mapping.w_mean.lerp_(mean, W_DECAY)
        ws = w[:, None].expand(-1, num_ws, -1)  # [n, num_ws, w_dim]
        if not self.settings.mixing:
            return ws.contiguous(), c
        cut = self.supply.cuts(part, samples, num_ws, self.settings.mixing)  # [n]
        other = mapping(self.supply.normal(part, Use.OTHER, samples, self.config.z_dim), c)
        own = torch.arange(num_ws, device=self.device)[None] < cut[:, None]  # [n, num_ws]
        return torch.where(own[..., None], ws, other[:, None]), c

    def _paint(self, ws: Tensor, part: Part, samples: list[int]) -> Tensor:
        count = sum(noise_shapes(self.network.synthesis))
        noise = self.supply.normal(part, Use.NOISE, samples, count) if count else None
        return paint(self.network.synthesis, ws, noise, self.precision)

    def _tell(self, images: Tensor, c: Pick, part: Part, use: Use, samples: list[int]) -> Tensor:
        """The discriminator's opinion [n] of images that it sees through the augmentation."""
        if self.progress.p > 0.0:
            images = augment(images, self.supply.sight(part, use, samples), self.progress.p)
        said: Tensor = self.discriminator(images, c, self.precision)
        return said

    # Where it stands, to go on from.

    def tensors(self) -> dict[str, Tensor]:
        """All that was learned, by part and name."""
        return (
            state.pack("network", self.network.state_dict())
            | state.pack("average", self.average.state_dict())
            | state.pack("discriminator", self.discriminator.state_dict())
            | state.pack("paint", state.momenta(self.network, self.paint_optimiser))
            | state.pack("tell", state.momenta(self.discriminator, self.tell_optimiser))
        )

    def about(self) -> dict[str, Any]:
        """Where the training stands, and its settings, as JSON takes them."""
        return {"progress": asdict(self.progress), "settings": asdict(self.settings)}

    def restore(self, tensors: dict[str, Tensor], about: dict[str, Any]) -> None:
        """Go on where `tensors` and `about` were taken."""
        for name in ("network", "average", "discriminator"):
            cast(nn.Module, getattr(self, name)).load_state_dict(state.unpack(name, tensors))
        state.remember(self.network, self.paint_optimiser, state.unpack("paint", tensors))
        state.remember(self.discriminator, self.tell_optimiser, state.unpack("tell", tensors))
        self.progress = Progress(**about["progress"])
