"""Workers on this machine: a process each."""

from __future__ import annotations

import json
import multiprocessing
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from vjgan.crew.chunks import Job, read_task, write_pictures
from vjgan.crew.drawing import Drawer, Opening, reason
from vjgan.crew.foreman import Report
from vjgan.priority import step_back

END_SECONDS = 5.0  # that a process may take to end


class LocalCrew:
    """So many processes, each with a model of its own from ``open_``, which must be a function that
    a new process finds by its name."""

    def __init__(self, size: int, open_: Opening) -> None:
        self.size = size
        self._open = open_
        self._context = multiprocessing.get_context("spawn")  # a fork would share OpenGL's state
        self._workers: dict[int, tuple[BaseProcess, Connection]] = {}
        self._lost: list[int] = []

    def pid(self, worker: int) -> int | None:
        """The process of a worker; None before its first job."""
        return self._workers[worker][0].pid if worker in self._workers else None

    def give(self, worker: int, job: Job, proof: str) -> None:
        """Have a worker draw."""
        if worker not in self._workers:
            self._workers[worker] = self._hire(worker)
        order = {"model": job.model, "proof": proof}
        order |= {"task": str(job.task), "pictures": str(job.pictures)}
        try:
            self._workers[worker][1].send_bytes(json.dumps(order).encode())
        except OSError:
            self._lost.append(worker)

    def reports(self, seconds: float) -> Sequence[Report]:
        """What was reported since."""
        lost, self._lost = self._lost, []
        for worker in lost:
            self._drop(worker)
        found = [Report(worker, lost=True) for worker in lost]
        numbers = {connection: worker for worker, (_, connection) in self._workers.items()}
        for ready in wait(list(numbers), 0.0 if found else seconds):
            assert isinstance(ready, Connection)
            found.append(self._heard(numbers[ready], ready))
        return found

    def close(self) -> None:
        """End every process."""
        for process, connection in self._workers.values():
            process.kill()
            connection.close()
        for process, _ in self._workers.values():
            process.join(END_SECONDS)
        self._workers.clear()

    def _hire(self, worker: int) -> tuple[BaseProcess, Connection]:
        ours, theirs = self._context.Pipe()
        name = f"vjgan worker {worker + 1}"
        process = self._context.Process(
            target=work, args=(theirs, self._open), name=name, daemon=True
        )
        process.start()
        theirs.close()
        return process, ours

    def _heard(self, worker: int, connection: Connection) -> Report:
        try:
            said = json.loads(connection.recv_bytes())
        except (EOFError, OSError):
            self._drop(worker)
            return Report(worker, lost=True)
        return Report(worker, strange=said["strange"], failed=said["failed"])

    def _drop(self, worker: int) -> None:
        process, connection = self._workers.pop(worker)
        connection.close()
        process.kill()
        process.join(END_SECONDS)


def work(orders: Connection, open_: Opening) -> None:
    """A worker's life: draw what is ordered until nobody is there any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the film that is interrupted
    step_back(1)  # whoever puts the film together goes first
    drawer = Drawer(open_)
    while True:
        try:
            order = json.loads(orders.recv_bytes())
        except (EOFError, OSError):
            return
        try:
            latents = read_task(Path(order["task"]))
            pictures, failed = drawer.draw(order["model"], latents, order["proof"]), ""
            if pictures is not None:
                write_pictures(Path(order["pictures"]), pictures)
        except Exception as error:
            pictures, failed = None, reason(error, order["model"])
        said = {"strange": pictures is None and not failed, "failed": failed}
        orders.send_bytes(json.dumps(said).encode())
