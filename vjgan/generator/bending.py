"""Reaching into a network while it plays: its feature maps moved, turned, thinned and worn, its
noise inputs exchanged (network bending: Broad, Leymarie and Grierson 2021).

The network that is played fast stays as it is. A second way through the same weights, with the
bends in it, is made when the first bend comes, and taken only while something is bent.
"""

from __future__ import annotations

import copy
import logging
import math
import threading
import warnings
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vjgan.controls import CONTROLS
from vjgan.generator.runtime import Runtime
from vjgan.generator.stylegan2 import StyleConv, StyleGAN2
from vjgan.types import FloatArray

log = logging.getLogger("vjgan")

BENDS = ("x", "y", "turn", "scale", "threshold", "erode", "share")  # the order in the tensor
NOISE_GROUPS = {"coarse": 8, "middle": 32, "fine": 1 << 30}  # up to which resolution
NEUTRAL = {name: CONTROLS[f"bend.{name}"].default for name in BENDS}
DOES_NOTHING = {"bend.layer", "bend.share"}  # alone

Path = Callable[[Tensor, "Tensor | float", Tensor, Tensor, Tensor], Tensor]


def bend(x: Tensor, bends: Tensor, amounts: Tensor, k: int, order: Tensor) -> Tensor:
    """Feature maps x [1, c, r, r] bent as ``bends`` [7] say (see ``BENDS``; fractions of the
    picture, degrees clockwise), by the ``k``-th of ``amounts``, 0..1. Only the first ``share`` of them in
    ``order`` [c] are touched. Beyond its edges a map goes on as its mirror image: nothing tears."""
    amount = float(amounts[k])
    if amount <= 0.0:
        return x
    y = x.float()  # [1, c, r, r]
    right, down, turn, scale = float(bends[0]), float(bends[1]), float(bends[2]), float(bends[3])
    if right != 0.0 or down != 0.0 or turn != 0.0 or scale != 1.0:
        cos = math.cos(turn * math.pi / 180.0) / scale
        sin = math.sin(turn * math.pi / 180.0) / scale
        way = torch.tensor([[cos, sin, -2.0 * right], [-sin, cos, -2.0 * down]])  # [2, 3]
        grid = F.affine_grid(
            way[None].to(x.device), list(y.shape), align_corners=False
        )  # [1, r, r, 2]
        y = F.grid_sample(y, grid, "bilinear", "reflection", align_corners=False)  # [1, c, r, r]
    threshold = float(bends[4])
    if threshold > 0.0:
        size = y.square().mean((2, 3), keepdim=True).sqrt()  # [1, c, 1, 1]
        y = y - y.clamp(-threshold * size, threshold * size)  # [1, c, r, r]
    erode = float(bends[5])
    if erode > 0.0:
        y = y - erode * (y + F.max_pool2d(-y, 3, 1, 1))  # [1, c, r, r]
    if erode < 0.0:
        y = y + erode * (y - F.max_pool2d(y, 3, 1, 1))  # [1, c, r, r]
    touched = (float(bends[6]) * len(order) - order).clamp(0.0, 1.0) * amount  # [c]
    return torch.lerp(x, y.to(x.dtype), touched[:, None, None].to(x.dtype))  # [1, c, r, r]


class Bent:
    """A ``Runtime`` that leaves the drawing to ``fast`` until a control reaches into the network,
    and then goes a way of its own through the same weights."""

    def __init__(self, fast: Runtime, network: StyleGAN2, device: torch.device) -> None:
        self.name = fast.name
        self._fast = fast
        self._network = network
        self._device = device
        self._lock = threading.Lock()
        self._path: Path | None = None
        self._fields = Fields(network)

    def draw(self, w: FloatArray, noise: float, inside: Mapping[str, float]) -> Tensor:
        """w [num_ws, w_dim] -> image [img, r, r], about -1..1."""
        if not reaches_in(inside):
            return self._fast.draw(w, noise, inside)
        self.prepare()
        assert self._path is not None
        bends = torch.tensor([inside.get(f"bend.{name}", NEUTRAL[name]) for name in BENDS])
        fields = self._fields.at(inside).to(self._device)
        ws = torch.from_numpy(w).to(self._device, torch.float32)  # [num_ws, w_dim]
        strength = torch.tensor(noise) if self._device.type == "cpu" else noise
        amounts = self._amounts(inside)
        return self._path(ws[None], strength, bends, amounts, fields)[0]

    def prepare(self) -> None:
        """Make the way through the network now, if there is none yet: as long as drawing a few
        pictures. May be called from any thread."""
        with self._lock:
            if self._path is None:
                self._path = make_path(self._network, self._device, self._fields)

    def _amounts(self, inside: Mapping[str, float]) -> Tensor:
        """How much each resolution is bent [resolutions]: between two of them, both a little."""
        count = len(self._network.config.sizes)
        layer = min(inside.get("bend.layer", CONTROLS["bend.layer"].default), count - 1.0)
        return (1.0 - (torch.arange(count) - layer).abs()).clamp(min=0.0)


def reaches_in(inside: Mapping[str, float]) -> bool:
    """Whether controls ask for anything that a network left alone does not do."""
    return any(
        name not in DOES_NOTHING and value != CONTROLS[name].default
        for name, value in inside.items()
        if name.startswith(("bend.", "noise."))
    )


class Fields:
    """The noise inputs of all layers in one tensor, lowest resolution first."""

    def __init__(self, network: StyleGAN2) -> None:
        convs = noisy(network.synthesis)
        own = [conv.noise.float().cpu().ravel() for conv in convs if conv.noise is not None]
        self.sizes = [len(field) for field in own]
        self._own = torch.cat([*own, torch.zeros(0)])  # [sum r * r]
        self._ends = [
            sum(n for n in self.sizes if n <= side * side) for side in NOISE_GROUPS.values()
        ]
        self._kept: dict[int, Tensor] = {}
        self._last: tuple[tuple[float, ...], Tensor] | None = None

    def at(self, inside: Mapping[str, float]) -> Tensor:
        """The noise [sum r * r] of a seed, between two whole ones a blend of theirs with the
        variance of either, and scaled by group."""
        seed = inside.get("noise.seed", 0.0)
        strengths = [inside.get(f"noise.{group}", 1.0) for group in NOISE_GROUPS]
        key = (seed, *strengths)
        if self._last is None or self._last[0] != key:
            self._last = key, self._make(seed, strengths)
        return self._last[1]

    def _make(self, seed: float, strengths: list[float]) -> Tensor:
        first = int(seed)
        turn = (seed - first) * math.pi / 2.0
        fields = math.cos(turn) * self._field(first)  # [sum r * r]
        if turn > 0.0:
            fields += math.sin(turn) * self._field(first + 1)
        for begin, end, strength in zip([0, *self._ends], self._ends, strengths, strict=False):
            if strength != 1.0:
                fields[begin:end] *= strength
        return fields

    def _field(self, seed: int) -> Tensor:
        """Seed 0 is the noise that the model came with."""
        if seed == 0:
            return self._own
        if seed not in self._kept:
            random = torch.Generator().manual_seed(seed)
            kept = [item for item in self._kept.items() if abs(item[0] - seed) <= 1]
            self._kept = dict(kept) | {seed: torch.randn(len(self._own), generator=random)}
        return self._kept[seed]


def noisy(synthesis: nn.Module) -> list[StyleConv]:
    """The layers of a network that have a noise input, in order."""
    return [
        layer
        for layer in synthesis.modules()
        if isinstance(layer, StyleConv) and layer.noise is not None
    ]


def make_path(network: StyleGAN2, device: torch.device, fields: Fields) -> Path:
    """The synthesis with bends in it, sharing the network's weights: ws [1, num_ws, w_dim], noise,
    bends [7], amounts [resolutions], fields [sum r * r] -> [1, img, r, r]. On a processor it is a
    single call into torch, for the reason that ``Traced`` gives."""
    tensors = [*network.synthesis.parameters(), *network.synthesis.buffers()]
    synthesis = copy.deepcopy(network.synthesis, {id(tensor): tensor for tensor in tensors})
    on_cpu = device.type == "cpu"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, and without an equal on a processor
        touch: Callable[..., Tensor] = torch.jit.script(bend) if on_cpu else bend
    now: dict[str, Tensor] = {}
    count = len(network.config.sizes)
    for k in range(count):
        order = torch.randperm(network.config.channels(4 << k), generator=_seeded(k)).float()
        hook = _hook(touch, now, k, order.to(device))
        synthesis.convs[2 * k].register_forward_hook(hook)
    layers = noisy(synthesis)

    def path(
        ws: Tensor, noise: Tensor | float, bends: Tensor, amounts: Tensor, flat: Tensor
    ) -> Tensor:
        now.update(bends=bends, amounts=amounts)
        for layer, field in zip(layers, torch.split(flat, fields.sizes), strict=True):
            assert layer.noise is not None
            layer.noise = field.view_as(layer.noise)
        image: Tensor = synthesis(ws, noise=noise)
        return image

    if not on_cpu:
        return path
    config = network.config
    example = (
        torch.zeros(1, config.num_ws, config.w_dim),
        torch.tensor(1.0),
        torch.tensor([NEUTRAL[name] for name in BENDS]),
        torch.zeros(count),
        fields.at({}),
    )
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns of what is constant by intent
        trace: Callable[..., Path] = torch.jit.trace
        return trace(path, example, check_trace=False)


def _hook(
    touch: Callable[..., Tensor], now: Mapping[str, Tensor], k: int, order: Tensor
) -> Callable[[nn.Module, object, Tensor], Tensor]:
    def hook(layer: nn.Module, given: object, x: Tensor) -> Tensor:
        return touch(x, now["bends"], now["amounts"], k, order)

    return hook


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
