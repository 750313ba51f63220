"""The picture on its way out: from numbers on a device to bytes that the screen takes."""

from __future__ import annotations

import logging
import math
from typing import cast

import torch
from torch import Tensor

from vjgan.generator.faults import NotFiniteError, first_line
from vjgan.generator.interop import Interop, OnCard
from vjgan.types import ByteArray

log = logging.getLogger("vjgan")


class HandOver:
    """Pictures [1, 3 or 4, h, w] in -1..1 to uint8 [h, w, 3]; grey fills all three.

    The device makes the bytes and tells whether all was finite, in buffers that stay. From a
    graphics card both then come through page-locked memory, one wait for the two. That wait is
    taken at once: a second buffer, one frame behind, would hide 0.3 ms of copying at 1024x1024 and
    show every picture a whole frame later. Each frame keeps its own memory, which torch lends
    again once the frame is forgotten. With ``interop`` the bytes stay on the card for OpenGL to
    take, as long as that works."""

    def __init__(self, pinned: bool = True, interop: Interop | None = None) -> None:
        self._pinned = pinned
        self._interop = interop
        self._levels = self._bytes = self._sum = torch.empty(0)

    def __call__(self, image: Tensor) -> ByteArray:
        """The bytes of a picture; raises NotFiniteError."""
        rgb = image[:3] if len(image) >= 3 else image[:1].expand(3, -1, -1)  # [3, h, w]
        rgb = rgb.permute(1, 2, 0)  # [h, w, 3]
        if self._levels.shape != rgb.shape or self._levels.device != rgb.device:
            self._levels = torch.empty(rgb.shape, device=rgb.device)
            self._bytes = torch.empty(rgb.shape, dtype=torch.uint8, device=rgb.device)
            self._sum = torch.empty(1, device=rgb.device)
        torch.mul(rgb, 127.5, out=self._levels).add_(128.0).clamp_(0.0, 255.0)  # [h, w, 3]
        torch.sum(self._levels.view(-1), 0, keepdim=True, out=self._sum)  # [1], NaN if any is
        self._bytes.copy_(self._levels)  # [h, w, 3]
        if self._interop is not None and self._interop.takes(self._bytes):
            return self._stay(self._interop)
        if rgb.is_cuda and self._pinned:
            host, total = self._fetch()
        else:
            host, total = self._bytes.to("cpu", copy=True), self._sum.cpu()
        _check(total)
        array: ByteArray = host.numpy()  # [h, w, 3]
        return array

    def _stay(self, interop: Interop) -> ByteArray:
        pixels = self._bytes.clone()  # [h, w, 3]
        _check(self._sum)  # which waits for all that came before
        return cast(ByteArray, OnCard(pixels, interop))

    def _fetch(self) -> tuple[Tensor, Tensor]:
        try:
            host = torch.empty(self._bytes.shape, dtype=torch.uint8, pin_memory=True)  # [h, w, 3]
            total = torch.empty(1, pin_memory=True)
        except RuntimeError as error:
            self._pinned = False
            log.warning(
                "page-locked memory not possible: %s; pictures go without", first_line(error)
            )
            return self._bytes.cpu(), self._sum.cpu()
        host.copy_(self._bytes, non_blocking=True)
        total.copy_(self._sum, non_blocking=True)
        # It sleeps rather than spins: cores are few.
        arrived = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        arrived.record()
        arrived.synchronize()
        return host, total


def _check(total: Tensor) -> None:
    """Raises NotFiniteError where the sum of a picture is none."""
    if not math.isfinite(total.item()):
        raise NotFiniteError
