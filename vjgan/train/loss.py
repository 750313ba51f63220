"""What the two networks minimise: the non-saturating loss (Goodfellow et al. 2014) with R1 for the
discriminator (Mescheder et al. 2018) and path lengths for the generator (Karras et al. 2020a)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def fool_loss(opinion: Tensor) -> Tensor:
    """The generator's: the discriminator's ``opinion`` [n] of its pictures should be high."""
    return F.softplus(-opinion).mean()


def tell_loss(real: Tensor, fake: Tensor) -> Tensor:
    """The discriminator's, of its opinions [n] of real and of made pictures."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def slope(opinion: Tensor, images: Tensor) -> Tensor:
    """R1: the mean squared length of the gradient of the ``opinion`` [n] with respect to real
    ``images`` [n, 3, r, r]."""
    (grad,) = torch.autograd.grad(opinion.sum(), images, create_graph=True)
    return grad.square().sum((1, 2, 3)).mean()


def path_lengths(image: Tensor, ws: Tensor, noise: Tensor) -> Tensor:
    """How far the ``image`` [n, c, r, r] moves along ``noise`` of its shape, for a step in ``ws``
    [n, num_ws, w_dim]: [n]."""
    along = (image * (noise / math.sqrt(image.shape[2] * image.shape[3]))).sum()
    (grad,) = torch.autograd.grad(along, ws, create_graph=True)
    return grad.square().sum(2).mean(1).sqrt()


def default_gamma(resolution: int, batch: int) -> float:
    """The weight of R1 that the published rule takes: 0.0002 r^2 / batch."""
    return 0.0002 * resolution**2 / batch
