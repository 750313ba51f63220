"""A network that can be played, on the processor or a graphics card."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from vjgan.generator.bending import Bent
from vjgan.generator.checkpoint import load
from vjgan.generator.cuda import Cuda, CudaSettings
from vjgan.generator.device import find_device, set_threads
from vjgan.generator.directions import find_directions, in_order
from vjgan.generator.faults import NotFiniteError
from vjgan.generator.handover import HandOver
from vjgan.generator.interop import Interop
from vjgan.generator.ladder import Ladder, Way, nothing_to_spare, opening
from vjgan.generator.measure import measure, remembered
from vjgan.generator.metadata import Network
from vjgan.generator.runtime import Runtime, make_runtime
from vjgan.generator.shorten import shortened, smaller_sides
from vjgan.generator.space import Labels, Space
from vjgan.generator.stylegan2 import Linear, normalise
from vjgan.generator.superres import LIVE_MS, add_general, read_superres
from vjgan.generator.upscale import Upscaler, add_upscaler, model_of, read_upscaler
from vjgan.types import FloatArray, Frame, LatentState

SEEN = 64  # pixels, the side to which pictures are brought before they are compared
MEASURE_GFLOP = 80.0  # spent on measuring a model that has no ruler: about 2 s on two cores
MEASURE_PICTURES = (8, 128)  # at least, at most
GPU_SPEED = 20.0  # how much more a graphics card does in that time

Taken = TypeVar("Taken")


class Player:
    """A ``Generator``: a network at work in a runtime, its latent space and what it is called.
    ``prepare`` makes ready to be reached into. ``step_down`` is asked about each error: whether the
    work is worth another try since."""

    def __init__(
        self,
        runtime: Runtime,
        space: Space,
        name: str,
        trained: bool,
        resolution: tuple[int, int],
        step_down: Callable[[Exception], bool] = lambda error: False,
        prepare: Callable[[], None] = lambda: None,
        hand_over: HandOver | None = None,
    ) -> None:
        self.name = name
        self.trained = trained
        self.space = space
        self.resolution = resolution
        self.runtime = runtime
        self._prepare = prepare
        self._step_down = step_down
        self._hand_over = hand_over or HandOver()

    def prepare(self) -> None:
        """Make ready to be reached into."""
        self._prepare()

    @torch.inference_mode()
    def generate(self, latent: LatentState) -> Frame:
        """The picture of ``latent.w`` [num_ws, w_dim]."""
        picture = self._draw(latent.w, latent.noise, latent.inside, self._hand_over)
        return Frame(latent.time, picture)

    @torch.inference_mode()
    def glimpse(self, w: FloatArray) -> FloatArray:
        """The picture of w [w_dim] made small: [img, 64, 64] in -1..1, for comparing."""
        return self._draw(np.tile(w, (self.space.num_ws, 1)), 1.0, {}, _shrink)

    def _draw(
        self,
        w: FloatArray,
        noise: float,
        inside: Mapping[str, float],
        take: Callable[[Tensor], Taken],
    ) -> Taken:
        """What ``take`` makes of the picture of w [num_ws, w_dim], by a humbler way if need be."""
        while True:
            try:
                return take(self.runtime.draw(w, noise, inside))  # of the image [img, r, r]
            except Exception as error:
                if not self._step_down(error):
                    raise


def open_model(
    path: Path,
    device: str = "auto",
    live: bool = True,
    spare: Callable[[], Sequence[str]] = nothing_to_spare,
    processes: int = 1,
    upscale: int = 1,
) -> Player:
    """The model of a file, warmed up. Live, a core is left to sound and screen. ``spare`` puts
    other models out when memory is short; ``processes`` share the machine. Its pictures are made
    ``upscale`` times larger, a power of two; live, as far as the machine does that in time.

    Raises ModelError, and DeviceError when ``device`` is not there."""
    where = find_device(device)
    set_threads(live, processes)
    with opening(path):
        general = [read_superres()] * int(math.log2(upscale))
        return _warmed(path, where, spare, general, LIVE_MS if live else math.inf)


def _warmed(
    path: Path,
    where: torch.device,
    spare: Callable[[], Sequence[str]],
    general: Sequence[Upscaler],
    most_ms: float,
) -> Player:
    base = model_of(path)
    upscaler = read_upscaler(path) if base else None
    checkpoint = load(base or path)
    about, network = checkpoint.info, checkpoint.network
    space = make_space(network)
    stored = in_order(checkpoint.directions)
    space.find_directions = lambda own: stored or find_directions("sefa", network, own)
    player = make_player(
        network,
        space,
        about.name,
        about.trained,
        where,
        spare,
        upscaler,
        general,
        most_ms,
        about.bf16_db,
    )
    if checkpoint.ruler is not None:
        space.ruler = checkpoint.ruler
        player.glimpse(space.w_mean)
    else:
        pictures = _affordable(network, where)
        space.ruler = remembered(
            about.sha256, space.w_dim, lambda: measure(space, player.glimpse, pictures)
        )
    return player


def make_player(
    network: Network,
    space: Space,
    name: str,
    trained: bool,
    device: torch.device | None = None,
    spare: Callable[[], Sequence[str]] = nothing_to_spare,
    upscaler: Upscaler | None = None,
    general: Sequence[Upscaler] = (),
    most_ms: float = math.inf,
    bf16_db: float = 0.0,
) -> Player:
    """A player of ``network``, which must not change afterwards; its pictures are doubled by
    ``upscaler``, and then by each of the ``general`` ones that takes at most so many ms.
    ``bf16_db`` is how near its pictures in bf16 are to those in fp32. Raises DeviceError."""
    side = network.config.resolution

    def make(way: Way) -> Runtime:
        drawn = shortened(network, way.side) if 0 < way.side < side else network
        fast = make_runtime(drawn, way.device, way.settings, bf16_db)
        bent = Bent(fast, fast.network if isinstance(fast, Cuda) else drawn, way.device)
        if way.side:
            return bent
        own = bent if upscaler is None else add_upscaler(bent, upscaler, way.device, side)
        return add_general(own, general, way.device, side * own.factor, most_ms, name)

    settings = CudaSettings.read(os.environ.get("VJGAN_CUDA", ""))
    way = Way(device or torch.device("cpu"), settings)
    sides = [*([side] if upscaler or general else []), *smaller_sides(network)]
    ladder = Ladder(make, way, name, spare, sides)
    shown = side * ladder.factor
    way_out = HandOver(settings.pinned, Interop() if settings.gl else None)
    steps = ladder.step_down, ladder.prepare
    return Player(ladder, space, name, trained, (shown, shown), *steps, way_out)


def make_space(network: Network) -> Space:
    """The latent space of a network, in numpy, without a ruler yet."""
    mapping = network.mapping
    linears = [layer for layer in mapping.layers if isinstance(layer, Linear)]
    layers = [
        (_array(layer.weight * layer.weight_gain), _array(layer.bias * layer.bias_gain))
        for layer in linears
    ]
    labels = None
    if mapping.embed is not None:
        weight, bias = layers[0]
        z_dim = network.config.z_dim
        layers[0] = weight[:, :z_dim].copy(), bias
        embed = mapping.embed
        rows = F.pad(embed.weight.T * embed.weight_gain, (0, 0, 0, 1))  # [classes + 1, dim]
        embeddings = _array(normalise(rows + embed.bias * embed.bias_gain))  # the last: no class
        labels = Labels(embeddings, weight[:, z_dim:].copy())
    return Space(layers, _array(mapping.w_mean), network.config.num_ws, labels=labels)


def _shrink(image: Tensor) -> FloatArray:
    """[img, r, r] -> [img, 64, 64] in -1..1; raises NotFiniteError."""
    small = F.adaptive_avg_pool2d(image.clamp(-1.0, 1.0), min(SEEN, len(image[0])))
    array: FloatArray = small.cpu().numpy()  # [img, 64, 64]
    if not np.isfinite(array).all():
        raise NotFiniteError
    return array


def _array(tensor: Tensor) -> FloatArray:
    array: FloatArray = tensor.detach().cpu().float().numpy().copy()
    return array


def _affordable(network: Network, device: torch.device) -> int:
    speed = 1.0 if device.type == "cpu" else GPU_SPEED
    least, most = MEASURE_PICTURES
    return int(min(most, max(least, MEASURE_GFLOP * speed / network.config.gflop)))
