"""Low-pass filters of StyleGAN3, and resampling along one axis as a matrix.

Karras et al. 2021, "Alias-Free Generative Adversarial Networks", appendix C: Kaiser windows after
Kaiser 1974 and Oppenheim and Schafer, "Discrete-Time Signal Processing", 7.6; the radial filter is
the jinc function under the same window.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def lowpass(taps: int, cutoff: float, width: float, rate: float) -> Tensor:
    """A low-pass filter [taps] that sums to 1: a sinc under a Kaiser window.

    ``cutoff`` and ``width`` (of the whole transition band) are in the unit of ``rate``, the
    sampling rate."""
    window = torch.kaiser_window(taps, False, beta(taps, width / (rate / 2)), dtype=torch.float64)
    time = (torch.arange(taps, dtype=torch.float64) - (taps - 1) / 2) / rate  # [taps]
    row = torch.sinc(2 * cutoff * time) * window  # [taps]
    return (row / row.sum()).float()


def radial(taps: int, cutoff: float, width: float, rate: float) -> Tensor:
    """The radially symmetric low-pass filter [taps, taps] that sums to 1; units as `lowpass`."""
    window = torch.kaiser_window(taps, False, beta(taps, width / (rate / 2)), dtype=torch.float64)
    time = (torch.arange(taps, dtype=torch.float64) - (taps - 1) / 2) / rate  # [taps]
    radius = torch.hypot(time[:, None], time[None])  # [taps, taps], never 0: taps are even
    jinc: Tensor = torch.special.bessel_j1(2 * math.pi * cutoff * radius) / radius  # [taps, taps]
    plane = jinc * torch.outer(window, window)  # [taps, taps]
    return (plane / plane.sum()).float()


def beta(taps: int, width: float) -> float:
    """The shape of the Kaiser window whose transition band is ``width`` (1: the Nyquist rate)."""
    attenuation = 2.285 * (taps - 1) * math.pi * width + 7.95  # dB
    if attenuation > 50.0:
        return 0.1102 * (attenuation - 8.7)
    if attenuation > 21.0:
        return 0.5842 * math.pow(attenuation - 21.0, 0.4) + 0.07886 * (attenuation - 21.0)
    return 0.0


def upsampling(n_in: int, n_out: int, factor: int, pad: int, row: Tensor) -> Tensor:
    """The matrix [n_out, n_in] that puts ``factor`` - 1 zeros after each sample, ``pad`` zeros
    before the first, and filters by ``row`` [taps], keeping the signal's strength."""
    taps = len(row)
    at = torch.arange(n_out)[:, None] - pad - factor * torch.arange(n_in)[None]  # [n_out, n_in]
    # Output t sees padded samples t .. t + taps - 1; sample i lies at pad + factor * i.
    tap = taps - 1 + at  # [n_out, n_in], of the filter turned round, as a convolution does
    inside = (tap >= 0) & (tap < taps)
    return torch.where(inside, row.double()[tap.clamp(0, taps - 1)] * factor, 0.0)


def downsampling(n_in: int, n_out: int, factor: int, row: Tensor) -> Tensor:
    """The matrix [n_out, n_in] that filters by ``row`` [taps] and keeps every ``factor``-th."""
    taps = len(row)
    at = torch.arange(n_in)[None] - factor * torch.arange(n_out)[:, None]  # [n_out, n_in]
    inside = (at >= 0) & (at < taps)
    return torch.where(inside, row.double().flip(0)[at.clamp(0, taps - 1)], 0.0)
