"""Who gives out a film's chunks, in order, and gives one out again when its worker is lost."""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from vjgan.crew.chunks import Job
from vjgan.errors import VjganError

log = logging.getLogger("vjgan")

MOST_LOSSES = 3  # of workers over one chunk: then it is the chunk
WAIT = 0.2  # seconds


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a worker's job: it is done, unless the worker is ``lost``, or ``strange``, for
    its model draws otherwise than here, or has ``failed``, and this is why."""

    worker: int
    lost: bool = False
    strange: bool = False
    failed: str = ""


class Crew(Protocol):
    """Some workers, by number. Each has one job at a time; when it reports that it is done, the
    job's pictures are in their file."""

    size: int

    def give(self, worker: int, job: Job, proof: str) -> None:
        """Have a worker draw, if its model draws what ``proof`` says; one that was lost is replaced
        first."""

    def reports(self, seconds: float) -> Sequence[Report]:
        """What was reported since, after so long a wait at most."""

    def close(self) -> None:
        """Send everybody home, at once."""


class Foreman:
    """Has ``jobs`` done by a crew, in a thread. ``proofs`` tells what each model draws here, in
    short; a worker who draws otherwise gets no more work."""

    def __init__(
        self,
        crew: Crew,
        jobs: Iterable[Job],
        proofs: Mapping[str, str],
        check: Callable[[], None] = lambda: None,
    ) -> None:
        """``check`` is called now and then by whoever waits."""
        self._check = check
        self._crew = crew
        self._proofs = proofs
        self._waiting = deque(dict.fromkeys(job for job in jobs if not job.done))
        self._given: dict[int, Job] = {}  # by worker
        self._idle = deque(range(crew.size))
        self._losses: Counter[Job] = Counter()
        self._error: VjganError | None = None
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="foreman", daemon=True)
        self._thread.start()

    def wait(self, job: Job) -> None:
        """Return when the pictures of a job are there. Raises VjganError when they will not be."""
        with self._changed:
            while not job.done:
                if self._error is not None:
                    raise self._error
                if not self._thread.is_alive():
                    raise VjganError(f"the pictures '{job.pictures}' are gone: start again")
                self._check()
                self._changed.wait(WAIT)

    def close(self) -> None:
        """End; what is being drawn is dropped."""
        self._closed = True
        self._thread.join()
        self._crew.close()

    def _run(self) -> None:
        try:
            while not self._closed and (self._waiting or self._given):
                self._give_out()
                for report in self._crew.reports(WAIT):
                    self._take(report)
                with self._changed:
                    self._changed.notify_all()
        except VjganError as error:
            self._error = error
        except Exception as error:
            log.exception("the workers cannot be led")
            self._error = VjganError(f"the workers cannot be led: {type(error).__name__}: {error}")
        with self._changed:
            self._changed.notify_all()

    def _give_out(self) -> None:
        if not self._idle and not self._given:
            raise VjganError(
                "no worker draws as this machine does (other processors or libraries): a film of "
                "one piece needs workers alike"
            )
        while self._idle and self._waiting:
            worker, job = self._idle.popleft(), self._waiting.popleft()
            self._given[worker] = job
            self._crew.give(worker, job, self._proofs[job.model])

    def _take(self, report: Report) -> None:
        job = self._given.pop(report.worker)
        if report.failed:
            raise VjganError(report.failed)
        if report.lost:
            self._losses[job] += 1
            if self._losses[job] >= MOST_LOSSES:
                raise VjganError(
                    f"{MOST_LOSSES} workers were lost over the same pictures of model "
                    f"'{job.model}': perhaps there is too little memory for so many"
                )
            log.warning("worker %d was lost; what it drew is drawn again", report.worker + 1)
            self._waiting.appendleft(job)
        if report.strange:
            log.warning(
                "worker %d draws model '%s' otherwise than this machine, and gets no work",
                report.worker + 1,
                job.model,
            )
            self._waiting.appendleft(job)
            return
        self._idle.append(report.worker)
