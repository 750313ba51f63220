"""Up-resolution: a second, small network that doubles a generator's pictures and sharpens them.

It is taught on one model's own pictures beside the renders that they should be, so it lies beside
that model: ``portraits@2x.safetensors`` belongs to ``portraits.safetensors``, and ``portraits@2x``
is the name by which both together are played. Sub-pixel convolution: Shi et al. 2016.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional as F

from vjgan.errors import ModelError
from vjgan.files import replacing
from vjgan.generator.bending import Bent
from vjgan.generator.metadata import text
from vjgan.generator.openvino import Enlarger, has_bf16, installed
from vjgan.generator.stylegan2 import SLOPE
from vjgan.types import FloatArray

FACTOR = 2
MARK = f"@{FACTOR}x"  # in the file's name
WIDTH, NEAR, BLOCKS = 64, 32, 3  # feature maps far from and near the picture, residual blocks
ROOM = 1.1  # of what a convolution may be given, over the most that it was seen to be given


class Upscaler(nn.Module):
    """Doubles pictures: residual blocks at half their size, for sight, then two layers at it."""

    def __init__(self, width: int = WIDTH, near: int = NEAR, blocks: int = BLOCKS) -> None:
        super().__init__()
        self.enter = _conv(3 * 4, width)
        self.body = nn.ModuleList(_conv(width, width) for _ in range(2 * blocks))
        self.rise = nn.Conv2d(width, near * 4, 1)
        self.near = _conv(3, near)
        self.mix = _conv(near, near)
        self.leave = _conv(near, 3 * 4)
        # The largest size of what goes into each of ``body``; where it is known, 8 bits hold it.
        self.reach: tuple[float, ...] = ()

    def forward(self, image: Tensor) -> Tensor:
        """image [n, 3, h, w] in about -1..1, h and w even -> [n, 3, 2h, 2w]."""
        x = _bend(self.enter(F.pixel_unshuffle(image, 2)))  # [n, width, r/2, r/2]
        for first, second in zip(self.body[0::2], self.body[1::2], strict=True):
            x = x + second(_bend(first(x)))  # [n, width, r/2, r/2]
        x = _bend(F.pixel_shuffle(self.rise(x), 2) + self.near(image))  # [n, near, r, r]
        x = _bend(self.mix(x))  # [n, near, r, r]
        plain = F.interpolate(image, scale_factor=FACTOR, mode="bilinear")  # [n, 3, 2r, 2r]
        return plain + F.pixel_shuffle(self.leave(x), FACTOR)  # [n, 3, 2r, 2r]


@torch.no_grad()
def find_reach(network: Upscaler, pictures: Iterable[Tensor]) -> tuple[float, ...]:
    """What ``network.reach`` is to be, by pictures [n, 3, h, w] such as it will enlarge."""
    most = [0.0] * len(network.body)

    def note(k: int, x: Tensor) -> None:
        most[k] = max(most[k], ROOM * float(x.abs().max()))

    hooks = [
        layer.register_forward_pre_hook(lambda _, given, k=k: note(k, given[0]))
        for k, layer in enumerate(network.body)
    ]
    for part in pictures:
        network(part)
    for hook in hooks:
        hook.remove()
    return tuple(most)


def _conv(n_in: int, n_out: int) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, 3, padding=1)


def _bend(x: Tensor) -> Tensor:
    return F.leaky_relu(x, SLOPE)


@dataclass(slots=True)
class Upscaled:
    """A ``Runtime`` whose pictures are doubled."""

    runtime: Bent | Upscaled
    enlarge: Upscaler | Enlarger

    @property
    def factor(self) -> int:
        """How many times larger its pictures are than the network's."""
        return FACTOR * self.runtime.factor

    @property
    def name(self) -> str:
        """The runtime's own name, and that there is more."""
        return f"{self.runtime.name}, {MARK[1:]}"

    def draw(self, w: FloatArray, noise: float, inside: Mapping[str, float]) -> Tensor:
        """The image [3, 2r, 2r]."""
        image = self.runtime.draw(w, noise, inside)  # [3, r, r]
        return self.enlarge(image[None])[0]

    def prepare(self) -> None:
        """Make ready to be reached into."""
        self.runtime.prepare()


def add_upscaler(
    runtime: Bent | Upscaled, network: Upscaler, device: torch.device, side: int
) -> Upscaled:
    """``runtime``, whose pictures have ``side`` pixels, with its up-resolution."""
    if device.type == "cpu" and installed():
        # Unlike a generator it is off by a grey level at most, and four times faster so. Where a
        # processor multiplies in bf16 it does so in 8 bits, too, without a sum that runs over.
        reach = network.reach if has_bf16() else ()
        return Upscaled(runtime, Enlarger(network, (side, side), "bf16", reach))
    return Upscaled(runtime, network.to(device))


def model_of(path: Path) -> Path | None:
    """The model that an up-resolution's file belongs to; None if it is none, by its name."""
    if not path.stem.endswith(MARK):
        return None
    return path.with_name(path.stem.removesuffix(MARK) + path.suffix)


def describe_upscaler(path: Path) -> list[str]:
    """For people: what a file does, how large it is, whose it is. Raises ModelError."""
    network = read_upscaler(path)
    with safe_open(path, "pt") as file:
        licence = text(file.metadata() or {}, "licence")
    rows = {
        "enlarged": f"{FACTOR} times, by a network of its own",
        "parameters": f"{sum(x.numel() for x in network.parameters()):,}",
        "licence": licence or "not recorded",
        "file": str(path),
    }
    return [f"{key:<12}{value}" for key, value in rows.items()]


def write_upscaler(path: Path, network: Upscaler, **metadata: str) -> None:
    """Write a network in fp16; the file appears under its name only when whole."""
    if network.reach:
        metadata["reach"] = " ".join(f"{value:.4g}" for value in network.reach)
    tensors = {key: x.detach().half().contiguous() for key, x in network.state_dict().items()}
    with replacing(path) as part:
        part.write_bytes(save(tensors, metadata))


def read_upscaler(
    path: Path, width: int = WIDTH, near: int = NEAR, blocks: int = BLOCKS
) -> Upscaler:
    """The network of a file, every tensor checked. Raises ModelError."""
    with torch.device("meta"):
        network = Upscaler(width, near, blocks)
    try:
        with safe_open(path, "pt") as file:
            reach = (file.metadata() or {}).get("reach", "")
            tensors = {key: file.get_tensor(key).float().clone() for key in list(file.keys())}
    except (OSError, SafetensorError) as error:
        raise ModelError(f"up-resolution '{path}' cannot be read: {error}") from None
    wanted = {key: x.shape for key, x in network.state_dict().items()}
    if {key: x.shape for key, x in tensors.items()} != wanted:
        raise ModelError(f"up-resolution '{path}' holds other layers than it should")
    if not all(bool(x.isfinite().all()) for x in tensors.values()):
        raise ModelError(f"up-resolution '{path}' holds numbers that are not finite")
    network.load_state_dict(tensors, assign=True)
    network.reach = _read_reach(path, reach, len(network.body))
    return network.eval().requires_grad_(False)


def _read_reach(path: Path, words: str, count: int) -> tuple[float, ...]:
    """As many numbers as there are layers, or none. Raises ModelError."""
    try:
        reach = tuple(float(word) for word in words.split())
    except ValueError:
        reach = (math.nan,)
    if reach and not (len(reach) == count and all(0.0 < value < 1e4 for value in reach)):
        raise ModelError(
            f"up-resolution '{path}' has the reach '{words[:80]}', "
            f"not {count} numbers from 0 to 10000"
        )
    return reach
