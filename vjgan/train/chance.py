"""Random numbers that belong to a sample rather than to a process.

What a sample draws depends on the run's seed, the purpose and the sample's number in the whole
training only. So a training goes on exactly where it stopped without keeping a generator's state,
and two processes that share a batch draw what one would have drawn alone.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

MASK = (1 << 64) - 1


def mix(*numbers: int) -> int:
    """A seed 0..2^63-1 out of several numbers; neighbours give unrelated ones (splitmix64, Steele
    et al. 2014)."""
    state = 0
    for number in numbers:
        state = (state + number + 0x9E3779B97F4A7C15) & MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & MASK
        state ^= state >> 31
    return state >> 1


def normal(
    key: tuple[int, ...], samples: Iterable[int], count: int, device: torch.device
) -> Tensor:
    """Standard normal numbers [n, count], a row for each of the ``samples``."""
    random = torch.Generator(device)
    return torch.stack(
        [
            torch.randn(count, generator=random.manual_seed(mix(*key, sample)), device=device)
            for sample in samples
        ]
    )


def uniform(
    key: tuple[int, ...], samples: Iterable[int], count: int, device: torch.device
) -> Tensor:
    """Numbers in 0..1, [n, count], a row for each of the ``samples``."""
    random = torch.Generator()
    rows = [
        torch.rand(count, generator=random.manual_seed(mix(*key, sample))) for sample in samples
    ]
    return torch.stack(rows).to(device)


def order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    """0..count-1 shuffled anew in each epoch."""
    return np.random.Generator(np.random.PCG64(mix(seed, epoch))).permutation(count)
