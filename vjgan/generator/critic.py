"""The discriminator that came with a model, as far as its features go: what it looks for, dreams
may be made of. It is read from the file's numbers; nothing in the file is ever run.

StyleGAN2's residual and skip discriminators (Karras et al. 2020a), which StyleGAN3 has, too.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from vjgan.errors import ModelError
from vjgan.generator import official
from vjgan.generator.layout import Array
from vjgan.generator.pickles import MARKS, Record, read
from vjgan.generator.records import RefusedError
from vjgan.generator.stylegan2 import GAIN, MEET, SLOPE

BLOCK = re.compile(r"b(\d{1,5})\.conv0\.weight")
MOST = 5  # blocks: those after them would see a whole picture


class Critic:
    """The first blocks of a discriminator, as an eye. Pictures may be of any size."""

    def __init__(self, name: str, arrays: dict[str, Array]) -> None:
        self.name = name
        sizes = sorted((int(m[1]) for key in arrays if (m := BLOCK.fullmatch(key))), reverse=True)
        self.sizes = sizes[:MOST]
        self.layers = len(self.sizes)
        self.reach = 4 * 2**self.layers
        self.channels = 0  # of the pictures
        self._parts = {
            key: torch.tensor(value)  # a copy: the file's may be gone
            for key, value in arrays.items()
            if key.startswith(tuple(f"b{size}." for size in self.sizes))
        }
        _check(self._parts, self.sizes)
        self.channels = self._parts[f"b{self.sizes[0]}.fromrgb.weight"].shape[1]

    def maps(self, x: Tensor, depth: int) -> list[Tensor]:
        """x [n, 3, h, w] in -1..1 -> what each of the first ``depth`` blocks gives."""
        image = x.mean(1, keepdim=True) if self.channels == 1 else x
        y: Tensor | None = None
        found = []
        for size in self.sizes[:depth]:
            block = f"b{size}"
            if f"{block}.fromrgb.weight" in self._parts:
                seen = self._conv(image, f"{block}.fromrgb")
                y = seen if y is None else y + seen
            assert y is not None
            y = self._block(y, block)
            image = self._blurred(image, block, 1)[..., ::2, ::2]
            found.append(y)
        return found

    def _block(self, x: Tensor, block: str) -> Tensor:
        y = self._conv(x, f"{block}.conv0")
        if f"{block}.skip.weight" not in self._parts:
            return self._conv(self._blurred(y, block, 2), f"{block}.conv1", stride=2, padding=0)
        y = self._conv(self._blurred(y, block, 2), f"{block}.conv1", 2, 0, MEET)
        small = self._blurred(x, block, 1)[..., ::2, ::2]
        return y + F.conv2d(small, self._weight(f"{block}.skip") * MEET)

    def _conv(
        self, x: Tensor, name: str, stride: int = 1, padding: int | None = None, gain: float = 1.0
    ) -> Tensor:
        weight = self._weight(name)
        padding = weight.shape[2] // 2 if padding is None else padding
        x = F.conv2d(x, weight, self._parts[f"{name}.bias"], stride, padding)
        return F.leaky_relu(x, SLOPE) * (GAIN * gain)

    def _weight(self, name: str) -> Tensor:
        weight = self._parts[f"{name}.weight"]
        return weight / math.sqrt(weight[0].numel())

    def _blurred(self, x: Tensor, block: str, pad: int) -> Tensor:
        taps = self._parts[f"{block}.resample_filter"].to(x)
        kernel = (taps / taps.sum()).expand(x.shape[1], 1, *taps.shape)
        return F.conv2d(F.pad(x, [pad] * 4), kernel, groups=x.shape[1])


def open_critic(path: Path) -> Critic:
    """The discriminator in a model's file. Raises ModelError when there is none."""
    without = f"model '{path}' holds no discriminator of StyleGAN2 or StyleGAN3 to dream with"
    if not _is_pickle(path):
        raise ModelError(without)
    tree = read(path)
    part = tree.get("D") if isinstance(tree, dict) else None
    if not isinstance(part, Record):
        raise ModelError(without)
    try:
        arrays, _ = official.flatten(part)
        return Critic(f"the discriminator of {path.name}", arrays)
    except RefusedError as refused:
        raise ModelError(f"model '{path}': its discriminator {refused}") from None


def _is_pickle(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            first = file.read(9)
    except OSError as error:
        raise ModelError(f"model '{path}' cannot be read: {error.strerror}") from None
    return first[8:] != b"{" and first.startswith(MARKS)


def _check(parts: dict[str, Tensor], sizes: list[int]) -> None:
    """The parts of all blocks are there and fit. Raises RefusedError."""
    if not sizes:
        raise RefusedError("is of a kind that is not known here")
    wide = 0
    for size in sizes:
        first, second = (_shape(parts, f"b{size}.conv{k}.weight") for k in (0, 1))
        if size == sizes[0] or f"b{size}.fromrgb.weight" in parts:
            rgb = _shape(parts, f"b{size}.fromrgb.weight")
            if rgb[1] not in (1, 3) or (wide and rgb[0] != wide):
                raise RefusedError(f"looks at pictures of {rgb[1]} channels; 1 or 3 are known")
            wide = rgb[0]
            _shape(parts, f"b{size}.fromrgb.bias", 1)
        skip = f"b{size}.skip.weight"
        if skip in parts and _shape(parts, skip)[:2] != (second[0], wide):
            raise RefusedError("has layers that do not fit one another")
        if first[1] != wide or second[1] != first[0]:
            raise RefusedError("has layers that do not fit one another")
        for k, count in ((0, first[0]), (1, second[0])):
            if _shape(parts, f"b{size}.conv{k}.bias", 1) != (count,):
                raise RefusedError("has layers that do not fit one another")
        if _shape(parts, f"b{size}.resample_filter", 2) != (4, 4):
            raise RefusedError("resamples in a way that is not known here")
        wide = second[0]
    if not all(bool(value.isfinite().all()) for value in parts.values()):
        raise RefusedError("holds numbers that are not finite")


def _shape(parts: dict[str, Tensor], key: str, axes: int = 4) -> tuple[int, ...]:
    if key not in parts or parts[key].ndim != axes:
        raise RefusedError(f"has no tensor '{key}' of {axes} axes")
    return tuple(parts[key].shape)
