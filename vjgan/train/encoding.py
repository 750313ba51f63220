"""The encoder's two networks, and their file: plain convolutions, whose normalisation is folded
in. One is shown the head, the other the eyes alone, larger."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from vjgan.camera.align import STRIP
from vjgan.train import sitter
from vjgan.train.state import write_weights
from vjgan.types import FloatArray

SQUEEZED, HIDDEN = 64, 192
FORMAT = "vjgan encoder"


@dataclass(frozen=True, slots=True)
class Part:
    """What a network is shown, ``height`` by ``width`` pixels of the face's square or of the strip
    in it that holds the eyes, as wide as ``span`` squares; which of the sitter's numbers it
    ``tells``; its feature maps after each halving."""

    name: str
    height: int
    width: int
    span: float
    tells: tuple[str, ...]
    channels: tuple[int, ...]

    @property
    def numbers(self) -> list[int]:
        """Where they stand among the sitter's 32."""
        return [sitter.INDEX[name] for name in self.tells]


FACE = Part("face", 64, 64, 1.0, sitter.NAMES, (24, 48, 96, 160))
EYES = Part("eyes", 32, 80, STRIP[0], ("sex", "age", "blink", "brow", "gaze"), (24, 48, 80, 96))
PARTS = {part.name: part for part in (FACE, EYES)}


class Block(nn.Module):
    """A convolution 3x3 with batch normalisation (Ioffe and Szegedy 2015)."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, self.norm(self.conv(x)))

    def folded(self) -> tuple[Tensor, Tensor]:
        """Weight [out, in, 3, 3] and bias [out] of the convolution that does the same."""
        norm = self.norm
        gain = norm.weight * (cast(Tensor, norm.running_var) + norm.eps).rsqrt()
        weight = self.conv.weight * gain[:, None, None, None]
        return weight, norm.bias - cast(Tensor, norm.running_mean) * gain


class Encoder(nn.Module):
    """Pictures [n, 3, height, width] in 0..1 -> the numbers of its ``part``, [n, numbers]. Each
    scale halves the picture, and but for the first has a residual pair (He et al. 2016)."""

    def __init__(self, part: Part = FACE) -> None:
        super().__init__()
        self.part = part
        self.down, self.first, self.second = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        last = 3
        for k, channels in enumerate(part.channels):
            self.down.append(Block(last, channels, 2))
            if k:
                self.first.append(Block(channels, channels))
                self.second.append(Block(channels, channels))
            last = channels
        self.squeeze = nn.Conv2d(last, SQUEEZED, 1)
        scale = 2 ** len(part.channels)
        self.hidden = nn.Linear(SQUEEZED * (part.height // scale) * (part.width // scale), HIDDEN)
        self.tell = nn.Linear(HIDDEN, len(part.tells))

    def forward(self, x: Tensor) -> Tensor:
        x = x * 4 - 2  # about unit variance
        for k, down in enumerate(self.down):
            x = down(x).relu()  # [n, c, s, s]
            if k:
                x = (x + self.second[k - 1](self.first[k - 1](x).relu())).relu()
        x = self.squeeze(x).relu().flatten(1)  # [n, 64 * h * w]
        return cast(Tensor, self.tell(self.hidden(x).relu()))


@torch.no_grad()
def export(
    networks: list[Encoder], geometry: Mapping[str, FloatArray], model: Path, out: Path, steps: int
) -> None:
    """Write the folded weights of a network for each part in half precision, and what was learnt
    of meshes. Raises ModelError."""
    tensors: dict[str, Tensor] = {}

    def put(name: str, weight: Tensor, bias: Tensor) -> None:
        tensors[f"{name}.weight"] = weight.half().contiguous()
        tensors[f"{name}.bias"] = bias.half().contiguous()

    for network in networks:
        prefix = network.part.name
        for name in ("down", "first", "second"):
            for k, block in enumerate(cast(list[Block], getattr(network, name))):
                put(f"{prefix}.{name}.{k}", *block.folded())
        for name in ("squeeze", "hidden", "tell"):
            layer = getattr(network, name)
            put(f"{prefix}.{name}", layer.weight, layer.bias)
    tensors |= {f"geometry.{name}": torch.from_numpy(row) for name, row in geometry.items()}
    metadata = {
        "format": FORMAT,
        "version": "2",
        "licence": "CC0-1.0",
        "model": model.stem,
        "model_sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "names": " ".join(sitter.NAMES),
        "steps": str(steps),
    }
    for part in PARTS.values():
        metadata[f"{part.name}_size"] = f"{part.height}x{part.width}"
        metadata[f"{part.name}_names"] = " ".join(part.tells)
    write_weights(out, tensors, metadata)
