"""Workers on a Ray cluster: that of ``RAY_ADDRESS``, or one that is started on this machine for
the film. Chunks travel through Ray, so the machines need share no disk."""

from __future__ import annotations

import importlib.util
import logging
import os
import secrets
import socket
from collections.abc import Sequence
from typing import Any

from vjgan.crew.chunks import Job, read_task, write_pictures
from vjgan.crew.drawing import Drawer, Opening, reason
from vjgan.crew.foreman import Report
from vjgan.errors import DeviceError
from vjgan.types import ByteArray, LatentState

KNOCK_SECONDS = 10.0
STARTS = 3  # of a Ray of our own


class RayCrew:
    """An actor for each core of the cluster, with a model of its own from ``open_``. Raises
    DeviceError where Ray or its cluster is not there."""

    def __init__(self, open_: Opening) -> None:
        self._ray = _engine()
        _join(self._ray)
        self._open = open_
        self._alone = self._ray.remote(num_cpus=1, max_restarts=0)(Alone)
        self._actors: dict[int, Any] = {}
        self._given: dict[Any, tuple[int, Job]] = {}  # by what it will be known by
        self.size = max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def pid(self, worker: int) -> int | None:
        """The process of a worker; None before its first job."""
        if worker not in self._actors:
            return None
        return int(self._ray.get(self._actors[worker].pid.remote()))

    def give(self, worker: int, job: Job, proof: str) -> None:
        """Have a worker draw."""
        if worker not in self._actors:
            self._actors[worker] = self._alone.remote(self._open)
        latents = read_task(job.task)
        self._given[self._actors[worker].draw.remote(job.model, latents, proof)] = worker, job

    def reports(self, seconds: float) -> Sequence[Report]:
        """What was reported since."""
        ready, _ = self._ray.wait(list(self._given), num_returns=1, timeout=seconds)
        return [self._heard(reference, *self._given.pop(reference)) for reference in ready]

    def close(self) -> None:
        """End every actor, and leave the cluster."""
        for actor in self._actors.values():
            self._ray.kill(actor)
        self._ray.shutdown()

    def _heard(self, reference: Any, worker: int, job: Job) -> Report:
        errors = self._ray.exceptions
        try:
            pictures, failed = self._ray.get(reference)
        except (errors.RayActorError, errors.ObjectLostError, errors.OutOfMemoryError):
            self._actors.pop(worker, None)
            return Report(worker, lost=True)
        except errors.RayError as error:
            return Report(worker, failed=reason(error, job.model))
        if pictures is not None:
            write_pictures(job.pictures, pictures)
        return Report(worker, strange=pictures is None and not failed, failed=failed)


class Alone:
    """A worker in a process of its own."""

    def __init__(self, open_: Opening) -> None:
        self._drawer = Drawer(open_)

    def pid(self) -> int:
        """Its process."""
        return os.getpid()

    def draw(
        self, model: str, latents: Sequence[LatentState], proof: str
    ) -> tuple[ByteArray | None, str]:
        """The pictures, and why there are none."""
        try:
            return self._drawer.draw(model, latents, proof), ""
        except Exception as error:
            return None, reason(error, model)


def installed() -> bool:
    """Whether Ray is there."""
    return importlib.util.find_spec("ray") is not None


def _engine() -> Any:
    if not installed():
        raise DeviceError("--workers ray: Ray is not installed; pip install 'vjgan[ray]'")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would count its users
    if not os.environ.get("RAY_ADDRESS"):  # a Ray of our own obeys nobody else
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    return ray


def _join(ray: Any) -> None:
    """Enter the cluster. Starting one of this machine's own gives up after half a minute, which a
    busy machine may need."""
    address = os.environ.get("RAY_ADDRESS", "")
    own = {} if address else {"include_dashboard": False}
    for left in reversed(range(1 if address else STARTS)):
        try:
            _knock(address)
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **own)
            return
        except Exception as error:
            ray.shutdown()
            if left:
                continue
            first = str(error).strip().partition("\n")[0]
            where = f"the cluster at RAY_ADDRESS '{address}'" if address else "a Ray of its own"
            raise DeviceError(f"--workers ray: {where} does not answer: {first}") from None


def _knock(address: str) -> None:
    """Raises OSError where nobody listens: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), KNOCK_SECONDS).close()
