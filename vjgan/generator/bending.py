"""Reaching into a network while it plays: its feature maps moved, turned, thinned and worn, its
noise inputs exchanged (network bending: Broad, Leymarie and Grierson 2021).

The network that is played fast stays as it is. A second way through the same weights, with the
bends in it, is made when the first bend comes, and taken only while something is bent.
"""

from __future__ import annotations

import copy
import math
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vjgan.controls import CONTROLS
from vjgan.generator.noise import Fields, noisy
from vjgan.generator.runtime import Runtime
from vjgan.generator.stylegan2 import StyleGAN2
from vjgan.generator.stylegan3 import StyleGAN3, transform
from vjgan.types import FloatArray

BENDS = ("x", "y", "turn", "scale", "threshold", "erode", "share")  # the order in the tensor
WARM_UPS = 2  # runs in which torch prepares what it has traced
NEUTRAL = {name: CONTROLS[f"bend.{name}"].default for name in BENDS}
DOES_NOTHING = {"bend.layer", "bend.share"}  # alone

Network = StyleGAN2 | StyleGAN3
Strength = Tensor | float
Path = Callable[[Tensor, Strength, Tensor, Tensor, Tensor, Tensor], Tensor]


def bend(x: Tensor, bends: Tensor, amounts: Tensor, k: int, order: Tensor, extent: float) -> Tensor:
    """Feature maps x [1, c, r, r] bent as ``bends`` [7] say (see ``BENDS``; fractions of the
    picture, degrees clockwise), by the ``k``-th of ``amounts``, 0..1. Only the first ``share`` of
    them in ``order`` [c] are touched. Beyond its edges a map goes on as its mirror image: nothing
    tears. ``extent`` is the picture's side as a share of the map's, below 1 if that has margins."""
    amount = float(amounts[k])
    if amount <= 0.0:
        return x
    y = x.float()  # [1, c, r, r]
    right, down = 2.0 * extent * float(bends[0]), 2.0 * extent * float(bends[1])
    turn, scale = float(bends[2]), float(bends[3])
    if right != 0.0 or down != 0.0 or turn != 0.0 or scale != 1.0:
        cos = math.cos(turn * math.pi / 180.0) / scale
        sin = math.sin(turn * math.pi / 180.0) / scale
        way = torch.tensor([[cos, sin, -right], [-sin, cos, -down]])  # [2, 3]
        way = way[None].to(x.device)  # [1, 2, 3]
        grid = F.affine_grid(way, list(y.shape), align_corners=False)  # [1, r, r, 2]
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

    factor = 1  # of its pictures to the network's

    def __init__(self, fast: Runtime, network: Network, device: torch.device) -> None:
        self._fast = fast
        self._network = network
        self._device = device
        self._fields = Fields(network.synthesis)
        self._groups = ("bend.", "noise.") if self._fields.sizes else ("bend.",)
        self._spots = find_spots(network)
        self._making = threading.Lock()
        self._path: Path | None = None

    @property
    def name(self) -> str:
        """That of the fast one."""
        return self._fast.name

    def draw(self, w: FloatArray, noise: float, inside: Mapping[str, float]) -> Tensor:
        """w [num_ws, w_dim] -> image [img, r, r], about -1..1."""
        if not reaches_in(inside, self._groups):
            return self._fast.draw(w, noise, inside)
        self.prepare()
        assert self._path is not None
        strength = torch.tensor(noise) if self._device.type == "cpu" else noise
        return self._path(
            torch.from_numpy(w).to(self._device, torch.float32)[None],  # [1, num_ws, w_dim]
            strength,
            torch.tensor([inside.get(f"bend.{name}", NEUTRAL[name]) for name in BENDS]),
            self._amounts(inside),
            self._fields.at(inside).to(self._device),
            transform(*(inside.get(f"input.{name}", 0.0) for name in ("x", "y", "turn"))),
        )[0]

    def prepare(self) -> None:
        """Make the way through the network now, if there is none yet: as long as drawing a few
        pictures. May be called from any thread."""
        with self._making, torch.inference_mode(False):  # what is made there cannot be traced
            if self._path is None:
                self._path = make_path(self._network, self._device, self._fields, self._spots)

    def _amounts(self, inside: Mapping[str, float]) -> Tensor:
        """How much each resolution is bent [resolutions]: between two of them, both a little."""
        first, last = self._spots[0].k, self._spots[-1].k
        layer = inside.get("bend.layer", CONTROLS["bend.layer"].default)
        layer = min(max(layer, first), last)
        return (1.0 - (torch.arange(last + 1) - layer).abs()).clamp(min=0.0)


def reaches_in(inside: Mapping[str, float], groups: tuple[str, ...]) -> bool:
    """Whether controls of these groups ask for another way through the network."""
    return any(
        name not in DOES_NOTHING and value != CONTROLS[name].default
        for name, value in inside.items()
        if name.startswith(groups)
    )


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a network can be bent: behind the layer ``name``, the last one at 4 * 2**k pixels."""

    k: int
    name: str
    channels: int
    extent: float  # the picture's side as a share of the feature map's


def find_spots(network: Network) -> list[Spot]:
    """One spot a resolution, the lowest first."""
    if isinstance(network, StyleGAN2):
        config = network.config
        return [
            Spot(k, f"convs.{2 * k}", config.channels(r), 1.0) for k, r in enumerate(config.sizes)
        ]
    spots = {}
    for number, shape in enumerate(network.config.layers()[:-1]):
        k, extent = shape.rate_out.bit_length() - 3, min(1.0, shape.rate_out / shape.size_out)
        spots[k] = Spot(k, f"layers.{number}", shape.n_out, extent)
    return list(spots.values())


def make_path(
    network: Network, device: torch.device, fields: Fields, spots: Sequence[Spot]
) -> Path:
    """The synthesis with bends in it, sharing the network's weights: ws [1, num_ws, w_dim], noise,
    bends [7], amounts [resolutions], fields [sum r * r], transform [3, 3] -> [1, img, r, r]. A
    StyleGAN2 on a processor becomes a single call into torch, for the reason that ``Traced``
    gives."""
    tensors = [*network.synthesis.parameters(), *network.synthesis.buffers()]
    synthesis = copy.deepcopy(network.synthesis, {id(tensor): tensor for tensor in tensors})
    whole = device.type == "cpu" and isinstance(network, StyleGAN2)
    now: dict[str, Tensor] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, and without an equal on a processor
        touch: Callable[..., Tensor] = torch.jit.script(bend) if whole else bend
    for spot in spots:
        random = torch.Generator().manual_seed(spot.k)
        order = torch.randperm(spot.channels, generator=random).float()  # [c]
        hook = _hook(touch, now, spot, order.to(device))
        synthesis.get_submodule(spot.name).register_forward_hook(hook)
    layers = noisy(synthesis)

    def path(
        ws: Tensor, noise: Strength, bends: Tensor, amounts: Tensor, flat: Tensor, place: Tensor
    ) -> Tensor:
        now.update(bends=bends, amounts=amounts)
        if isinstance(network, StyleGAN3):
            place = network.synthesis.input.transform.to(place) @ place  # [3, 3]
            return cast(Tensor, synthesis(ws, place.to(ws.device)))
        for layer, field in zip(layers, torch.split(flat, fields.sizes), strict=True):
            assert layer.noise is not None
            layer.noise = field.view_as(layer.noise)
        return cast(Tensor, synthesis(ws, noise=noise))

    return _trace(path, network, fields, spots) if whole else path


def _trace(path: Path, network: Network, fields: Fields, spots: Sequence[Spot]) -> Path:
    config = network.config
    example = (
        torch.zeros(1, config.num_ws, config.w_dim),
        torch.tensor(1.0),
        torch.tensor([NEUTRAL[name] for name in BENDS]),
        torch.zeros(spots[-1].k + 1),
        fields.at({}),
        torch.eye(3),
    )
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns of what is constant by intent
        trace: Callable[..., Path] = torch.jit.trace
        traced = trace(path, example, check_trace=False)
        for _ in range(WARM_UPS):
            traced(*example)
        return traced


def _hook(
    touch: Callable[..., Tensor], now: Mapping[str, Tensor], spot: Spot, order: Tensor
) -> Callable[[nn.Module, object, Tensor], Tensor]:
    def hook(layer: nn.Module, given: object, x: Tensor) -> Tensor:
        return touch(x, now["bends"], now["amounts"], spot.k, order, spot.extent)

    return hook
