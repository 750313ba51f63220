"""A network that stops early: smaller pictures, for less memory and time.

With the "skip" architecture (Karras et al. 2020a) every resolution adds its colour to a picture
that is whole by then, so what comes after can be left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vjgan.generator.metadata import Network, skeleton
from vjgan.generator.stylegan2 import StyleGAN2

LEAST_SIDE = 64  # pixels; below, there is no memory to be gained


def smaller_sides(network: Network) -> Sequence[int]:
    """The sizes below its own in which a network can draw, the largest first."""
    if not isinstance(network, StyleGAN2) or network.config.architecture != "skip":
        return ()
    return [side for side in reversed(network.config.sizes[:-1]) if side >= LEAST_SIDE]


def shortened(network: Network, side: int) -> Network:
    """The network up to one of its ``smaller_sides``, sharing its weights; it takes the same w,
    of which it leaves the last ones."""
    assert isinstance(network, StyleGAN2)
    widths = network.config.widths[: side.bit_length() - 2]
    config = replace(network.config, resolution=side, widths=widths)
    whole = network.state_dict()
    return StyleGAN2.of(config, {key: whole[key] for key in skeleton(config).state_dict()})
