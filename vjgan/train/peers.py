"""The processes that train together, one a graphics card or machine, started by ``torchrun``.

Each takes its share of a batch; sums go through torch.distributed. Everything random belongs to a
sample's number, so that the weights are the same however many processes share the work.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable

import torch
from torch import Tensor, distributed

from vjgan.errors import DeviceError

PATIENCE = datetime.timedelta(hours=12)  # the others wait while the first looks at pictures


class Peers:
    """This process among ``count``; ``rank`` 0 is the one that writes files."""

    def __init__(self, device: torch.device) -> None:
        self.count = int(os.environ.get("WORLD_SIZE", "1"))
        self.rank = int(os.environ.get("RANK", "0"))
        self.device = device
        if device.type == "cuda":
            local = int(os.environ.get("LOCAL_RANK", "0"))
            if local >= torch.cuda.device_count():
                raise DeviceError(
                    f"torchrun started process {local + 1} on this machine, which has "
                    f"{torch.cuda.device_count()} graphics cards; lower --nproc-per-node"
                )
            self.device = torch.device("cuda", local)
            torch.cuda.set_device(self.device)
        if self.count > 1:
            backend = "nccl" if device.type == "cuda" else "gloo"
            distributed.init_process_group(backend, timeout=PATIENCE)

    @property
    def first(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def share(self, batch: int, group: int) -> int:
        """How many samples of a batch each process takes. Raises DeviceError."""
        group = min(group, batch)
        if batch % (self.count * group):
            shared = f", for {self.count} processes share it" if self.count > 1 else ""
            raise DeviceError(f"--batch {batch} is not a multiple of {self.count * group}{shared}")
        return batch // self.count

    def mean(self, tensors: Iterable[Tensor]) -> None:
        """Replace each tensor by its mean over all processes."""
        if self.count == 1:
            return
        kept = list(tensors)
        flat = torch.cat([value.detach().reshape(-1) for value in kept])
        distributed.all_reduce(flat)
        flat /= self.count
        parts = torch.split(flat, [value.numel() for value in kept])
        for value, part in zip(kept, parts, strict=True):
            value.copy_(part.reshape(value.shape))

    def total(self, *values: float) -> list[float]:
        """Each value summed over all processes."""
        if self.count == 1:
            return list(values)
        sums = torch.tensor(values, dtype=torch.float64)
        if self.device.type == "cuda":
            sums = sums.to(self.device)
        distributed.all_reduce(sums)
        found: list[float] = sums.tolist()
        return found

    def wait(self) -> None:
        """Until all are here."""
        if self.count > 1:
            distributed.barrier()

    def close(self) -> None:
        """Part."""
        if self.count > 1 and distributed.is_initialized():
            distributed.destroy_process_group()
