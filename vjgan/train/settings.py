"""How a training is to go."""

from __future__ import annotations

from dataclasses import dataclass

from vjgan.errors import VjganError
from vjgan.generator.stylegan2 import StyleGAN2Config
from vjgan.train.augment import FULL_KIMG


@dataclass(frozen=True, slots=True)
class Settings:
    """What decides the weights that come out, besides the pictures and the network's shape.

    ``batch`` pictures a step; ``gamma`` weighs R1; ``rate`` is Adam's; ``ema_kimg`` is the
    half-life of the averaged weights in thousand pictures; ``path_weight`` weighs path lengths, 0
    leaves them out; ``augment_kimg`` is in how many thousand pictures the augmentation's strength
    can go from 0 to 1, 0 leaves it out; ``mirror`` shows every picture both ways round."""

    batch: int = 16
    gamma: float = 1.0
    rate: float = 0.0025
    ema_kimg: float = 10.0
    path_weight: float = 2.0
    mixing: float = 0.9
    augment_kimg: float = FULL_KIMG
    mirror: bool = False
    seed: int = 0
    precision: str = "auto"

    def check(self) -> None:
        """Raises VjganError for what cannot be."""
        rules = {
            "--batch": (self.batch, 1, 4096),
            "--gamma": (self.gamma, 0.0, 10_000.0),
            "--rate": (self.rate, 1e-6, 0.1),
        }
        for option, (value, low, high) in rules.items():
            if not low <= value <= high:
                raise VjganError(f"{option} {value:g} is outside {low:g}..{high:g}")


LIVE_WIDTH = 4096  # the channel base of a network that a processor plays live


def check_size(size: int) -> None:
    """Raises VjganError for a size that no network has."""
    if size & (size - 1) or not 16 <= size <= 1024:
        near = (16, 32, 64, 128, 256, 512, 1024)
        below = max((side for side in near if side <= size), default=16)
        above = min((side for side in near if side >= size), default=1024)
        fit = f"{below} or {above}" if below != above else f"{below}"
        raise VjganError(f"--size {size} is not a power of two from 16 to 1024; take {fit}")


def shape(size: int, width: int, classes: int) -> StyleGAN2Config:
    """A new network: ``width`` is its channel base. Those up to 8192 are small all through, so that
    a processor can play them live. Raises VjganError."""
    check_size(size)
    if not size <= width <= 65_536:
        raise VjganError(f"--width {width} is outside {size}..65536")
    live = width <= 2 * LIVE_WIDTH
    return StyleGAN2Config(
        resolution=size,
        channel_base=width,
        c_dim=classes,
        z_dim=128 if live else 512,
        w_dim=128 if live else 512,
        mapping_layers=4 if live else 8,
        channel_max=128 if live else 512,
    )
