"""A general super-resolution: any picture of a show at twice its size, with sharp edges.

It is an up-resolution (``upscale``) of less weight, taught on pictures of every kind that vjgan
draws; see ``vjgan.train.superres``. Large pictures go through it in tiles, each with as much around
it as the network sees: put together, they are what the whole would be.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from vjgan.generator.bending import Bent
from vjgan.generator.device import find_device, set_threads
from vjgan.generator.openvino import Enlarger, installed
from vjgan.generator.upscale import FACTOR, Upscaled, Upscaler, add_upscaler, read_upscaler
from vjgan.types import ByteArray

log = logging.getLogger("vjgan")

WIDTH, NEAR, BLOCKS = 40, 24, 2
WEIGHTS = Path(__file__).with_name("superres.safetensors")  # 150 kB, CC0
LIVE_MS = 40.0  # that a doubling may take in a show: 25 pictures a second and those in between
TRIES = 4
TILE = 512  # pixels of a tile's sides, at most: what it takes of memory
# Pixels around a place of which the network may see something: at half the size 1 + 2 * BLOCKS,
# 2 more at the whole, and 1 for how the two lie upon each other; even, as pixels go in by fours.
AROUND = 14


# Takes uint8 [h, w, 3] to a larger one.
Enlarging = Callable[[ByteArray], ByteArray]


class SuperResolution:
    """Doubles pictures [h, w, 3], h and w even, on a device; ``precision`` is fp32, or bf16, which
    is off by a grey level or two and faster where the processor has it."""

    def __init__(
        self, network: Upscaler, device: torch.device | None = None, precision: str = "fp32"
    ) -> None:
        self._device = device or torch.device("cpu")
        self._network = network.to(self._device)
        self._precision = precision
        self._ready: dict[tuple[int, int], Callable[[Tensor], Tensor]] = {}  # by a tile's size

    @torch.inference_mode()
    def __call__(self, image: ByteArray) -> ByteArray:
        """image uint8 [h, w, 3] -> uint8 [2h, 2w, 3]."""
        small = torch.from_numpy(np.ascontiguousarray(image)).to(self._device)
        small = small.permute(2, 0, 1).float() / 127.5 - 1.0  # [3, h, w]
        large = torch.empty(FACTOR * small.shape[1], FACTOR * small.shape[2], 3, dtype=torch.uint8)
        for rows, columns, part in self.parts(small):
            levels = part.permute(1, 2, 0).mul(127.5).add_(128.0).clamp_(0.0, 255.0)  # [h, w, 3]
            large[rows, columns] = levels.byte().cpu()
        array: ByteArray = large.numpy()  # [2h, 2w, 3]
        return array

    @torch.inference_mode()
    def enlarge(self, image: Tensor) -> Tensor:
        """image [3, h, w] in -1..1 -> [3, 2h, 2w], about -1..1."""
        large = image.new_empty(3, FACTOR * image.shape[1], FACTOR * image.shape[2])
        for rows, columns, part in self.parts(image):
            large[:, rows, columns] = part
        return large

    def parts(self, image: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
        """The enlarged picture of image [3, h, w], in parts [3, ., .] with their places."""
        height, width = image.shape[1:]
        down, across = cuts(height), cuts(width)
        for top, bottom, row, row_end in down:
            for left, right, column, column_end in across:
                tile = image[None, :, top:bottom, left:right]  # [1, 3, th, tw]
                large = self._run(tile)[0]  # [3, 2 th, 2 tw]
                inner = (
                    slice(FACTOR * (row - top), FACTOR * (row_end - top)),
                    slice(FACTOR * (column - left), FACTOR * (column_end - left)),
                )
                rows = slice(FACTOR * row, FACTOR * row_end)
                columns = slice(FACTOR * column, FACTOR * column_end)
                yield rows, columns, large[:, inner[0], inner[1]]

    def _run(self, tile: Tensor) -> Tensor:
        size = tile.shape[2], tile.shape[3]
        if size not in self._ready:
            engine = self._device.type == "cpu" and installed()
            self._ready[size] = (
                Enlarger(self._network, size, self._precision) if engine else self._network
            )
        return self._ready[size](tile)


def cuts(length: int, most: int = TILE, around: int = AROUND) -> list[tuple[int, int, int, int]]:
    """How a side of ``length`` pixels, an even number, is cut into tiles of one size: where each
    begins and ends, and where that begins and ends which is taken of it."""
    if length <= most:
        return [(0, length, 0, length)]
    count = math.ceil((length - 2 * around) / (most - 2 * around))
    own = 2 * math.ceil((length - 2 * around) / count / 2)  # pixels of a tile without its rim
    size = own + 2 * around
    found = []
    for k in range(count):
        begin = min(k * own, length - size)
        end = begin + size
        found.append(
            (begin, end, begin + around if k else 0, end - around if k < count - 1 else length)
        )
    return found


def read_superres(path: Path = WEIGHTS) -> Upscaler:
    """The network that comes with vjgan. Raises ModelError."""
    return read_upscaler(path, WIDTH, NEAR, BLOCKS)


def add_general(
    runtime: Bent | Upscaled,
    networks: Sequence[Upscaler],
    device: torch.device,
    side: int,
    most_ms: float,
    name: str,
) -> Bent | Upscaled:
    """``runtime``, whose pictures have ``side`` pixels, doubled by each of the networks that takes
    ``most_ms`` at most here; those that take longer are told of and left out. ``name`` is the
    model's."""
    for network in networks:
        larger = add_upscaler(runtime, network, device, side)
        took = _fastest_ms(larger, side, device)
        if took > most_ms:
            log.warning(
                "model '%s' stays at %d pixels: to double that takes %.0f ms a picture here",
                name,
                side,
                took,
            )
            break
        runtime, side = larger, FACTOR * side
    return runtime


def _fastest_ms(larger: Upscaled, side: int, device: torch.device) -> float:
    """How long a doubling takes at best."""
    image, times = torch.zeros(1, 3, side, side, device=device), []
    for _ in range(TRIES):
        begin = time.perf_counter()
        float(larger.enlarge(image)[0, 0, 0, 0])  # which waits for a graphics card
        times.append(1e3 * (time.perf_counter() - begin))
    return min(times)


def open_superres(factor: int, device: str = "auto", path: Path = WEIGHTS) -> Enlarging:
    """What takes pictures [h, w, 3] to ``factor`` times their size, a power of two. Raises
    ModelError and DeviceError."""
    where = find_device(device)
    set_threads(live=False)
    double = SuperResolution(read_superres(path), where)

    def enlarge(image: ByteArray) -> ByteArray:
        for _ in range(int(math.log2(factor))):
            image = double(image)
        return image

    return enlarge
