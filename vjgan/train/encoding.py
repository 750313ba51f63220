"""The encoder's network, and its file: plain convolutions, whose normalisation is folded in."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from vjgan.train import sitter
from vjgan.train.state import write_weights
from vjgan.types import FloatArray

SIZE = 64  # pixels a side of what it is shown
CHANNELS = (24, 48, 96, 160)  # at 32, 16, 8 and 4 pixels
SQUEEZED, HIDDEN = 64, 192
FORMAT = "vjgan encoder"


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
    """Pictures [n, 3, SIZE, SIZE] in 0..1 -> vectors [n, 32]. Each scale halves the picture, and
    but for the first has a residual pair (He et al. 2016)."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.first, self.second = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        last = 3
        for k, channels in enumerate(CHANNELS):
            self.down.append(Block(last, channels, 2))
            if k:
                self.first.append(Block(channels, channels))
                self.second.append(Block(channels, channels))
            last = channels
        self.squeeze = nn.Conv2d(last, SQUEEZED, 1)
        self.hidden = nn.Linear(SQUEEZED * (SIZE // 16) ** 2, HIDDEN)
        self.tell = nn.Linear(HIDDEN, len(sitter.NAMES))

    def forward(self, x: Tensor) -> Tensor:
        x = x * 4 - 2  # about unit variance
        for k, down in enumerate(self.down):
            x = down(x).relu()  # [n, c, s, s]
            if k:
                x = (x + self.second[k - 1](self.first[k - 1](x).relu())).relu()
        x = self.squeeze(x).relu().flatten(1)  # [n, 64 * 9]
        return cast(Tensor, self.tell(self.hidden(x).relu()))


@torch.no_grad()
def export(
    network: Encoder, geometry: Mapping[str, FloatArray], model: Path, out: Path, steps: int
) -> None:
    """Write the folded weights in half precision, and what was learnt of meshes. Raises
    ModelError."""
    tensors: dict[str, Tensor] = {}

    def put(name: str, weight: Tensor, bias: Tensor) -> None:
        tensors[f"{name}.weight"] = weight.half().contiguous()
        tensors[f"{name}.bias"] = bias.half().contiguous()

    for name in ("down", "first", "second"):
        for k, block in enumerate(cast(list[Block], getattr(network, name))):
            put(f"{name}.{k}", *block.folded())
    for name in ("squeeze", "hidden", "tell"):
        layer = getattr(network, name)
        put(name, layer.weight, layer.bias)
    tensors |= {f"geometry.{name}": torch.from_numpy(row) for name, row in geometry.items()}
    metadata = {
        "format": FORMAT,
        "version": "1",
        "licence": "CC0-1.0",
        "size": str(SIZE),
        "model": model.stem,
        "model_sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
        "names": " ".join(sitter.NAMES),
        "steps": str(steps),
    }
    write_weights(out, tensors, metadata)
