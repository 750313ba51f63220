"""What numbers a training computes with: 32 bits where it must, 16 where it may."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vjgan.errors import DeviceError
from vjgan.generator.stylegan2 import HALF_CLAMP, HALF_RESOLUTIONS

KINDS = ("auto", "fp32", "bf16", "fp16")
SMALLEST = 8  # the resolution from which bf16 is used; 4x4 is no work


@dataclass(frozen=True, slots=True)
class Precision:
    """The type of activations and of their products at the resolution ``start`` and above; below,
    and everywhere for weights, their gradients and averages, it is fp32. ``clamp`` bounds the
    activations, 0 for not at all."""

    dtype: torch.dtype = torch.float32
    start: int = 1 << 30
    clamp: float = 0.0

    def at(self, resolution: int) -> torch.dtype:
        """The type of activations at a resolution."""
        return self.dtype if resolution >= self.start else torch.float32

    @property
    def name(self) -> str:
        """For people."""
        return {torch.float16: "fp16", torch.bfloat16: "bf16"}.get(self.dtype, "fp32")


def find_precision(kind: str, device: torch.device, resolution: int) -> Precision:
    """The precision for ``kind``: auto takes fp16 on a graphics card, at the highest four
    resolutions and with clamping as published (Karras et al. 2020b), bf16 on a processor that has
    matrix units for it (AMX), and else fp32. Raises DeviceError."""
    if kind not in KINDS:
        raise DeviceError(f"precision '{kind}' is not one of {', '.join(KINDS)}")
    if kind == "auto":
        kind = {"cuda": "fp16", "cpu": "bf16" if _has_amx() else "fp32"}.get(device.type, "fp32")
    if kind == "fp16" and device.type == "cpu":
        raise DeviceError("precision fp16 needs a graphics card; a processor takes bf16 or fp32")
    if kind == "fp16":
        start = max(SMALLEST, resolution >> (HALF_RESOLUTIONS - 1))
        return Precision(torch.float16, start, HALF_CLAMP)
    return Precision(torch.bfloat16, SMALLEST) if kind == "bf16" else Precision()


def _has_amx() -> bool:
    known = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return bool(known is not None and known())
