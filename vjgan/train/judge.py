"""A projected discriminator: small heads on frozen feature maps tell portraits from paintings.

After Sauer et al. 2021: features of a network that knows the world already, so that a judge learns
from few pictures. Logistic loss, with R1 (Mescheder et al. 2018) on what the heads see.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CHANNELS = (3, 32, 24, 40)  # colour, and the feature maps at 1/2, 1/4 and 1/8
WIDTH = 64
SLOPE = 0.2


class Judge(nn.Module):
    """One head for colour and each of the first three feature maps."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, WIDTH, 3, stride=2 if k < 2 else 1, padding=1),
                nn.LeakyReLU(SLOPE),
                nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
                nn.LeakyReLU(SLOPE),
                nn.Conv2d(WIDTH, 1, 1),
            )
            for k, channels in enumerate(CHANNELS)
        )

    def forward(self, maps: list[Tensor]) -> list[Tensor]:
        """Each head's opinion [n, 1, h, w] of its map: positive for a portrait."""
        return [head(m) for head, m in zip(self.heads, maps, strict=False)]


def judge_loss(judge: Judge, real: list[Tensor], fake: list[Tensor], gamma: float) -> Tensor:
    """What the judge minimises: at each place the portrait looks truer to it than the painting of
    the same sitter, and it is flat (``gamma`` times R1 an element, 0 to leave it out) around
    portraits. Maps are without gradients. Relativistic, after Jolicoeur-Martineau 2019: as sitter
    and place are the same on both sides, what is left to tell them apart is how crisp they are."""
    real = [m.detach().requires_grad_(gamma > 0.0) for m in real[: len(CHANNELS)]]
    opinions = judge(real)
    others = judge([m.detach() for m in fake])
    pairs = zip(opinions, others, strict=True)
    loss = torch.stack([F.softplus((other - own).float()).mean() for own, other in pairs]).sum()
    if not gamma:
        return loss
    slopes = torch.autograd.grad(
        torch.stack([o.float().sum() for o in opinions]).sum(), real, create_graph=True
    )
    # The mean over a map's elements keeps the penalty's size the same at every scale.
    flat = [s.float().square().mean() * o[0].numel() for s, o in zip(slopes, opinions, strict=True)]
    return loss + gamma * torch.stack(flat).sum()


def fool_loss(judge: Judge, real: list[Tensor], fake: list[Tensor]) -> Tensor:
    """What the painter minimises: the judge takes its maps for truer than the portraits'."""
    with torch.no_grad():
        opinions = judge(real)
    pairs = zip(opinions, judge(fake), strict=True)
    return torch.stack([F.softplus((other - own).float()).mean() for other, own in pairs]).sum()
