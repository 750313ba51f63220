"""The sampler: draws and rates a model's portraits one after the other, in a thread that steps
back for everything else."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable

from vjgan.gallery.curator import Curator
from vjgan.gallery.rating import Typicality, likeness, sharpness
from vjgan.gallery.sheet import Sample
from vjgan.priority import step_back
from vjgan.types import ByteArray, FloatArray

NICENESS = 15
RECENT = 50  # portraits by which the speed is told

log = logging.getLogger("vjgan")


class Sampler:
    """Draws the portraits of seeds 0 to ``count`` - 1 that are not there yet; ``paint`` gives the
    picture uint8 [h, w, 3] of a w, ``find_w`` the w of a seed. Larger pictures that somebody wants
    to see come first."""

    def __init__(
        self,
        curator: Curator,
        paint: Callable[[FloatArray], ByteArray],
        find_w: Callable[[int], FloatArray],
        typicality: Typicality,
        count: int,
    ) -> None:
        self.count = count
        self._curator = curator
        self._paint = paint
        self._find_w = find_w
        self._typicality = typicality
        self._asked: queue.SimpleQueue[tuple[FloatArray, Callable[[ByteArray], None]]] = (
            queue.SimpleQueue()
        )
        self._times: deque[float] = deque(maxlen=RECENT)
        self._closed = threading.Event()
        self.drawn = 0  # and already there
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def ask(self, w: FloatArray, take: Callable[[ByteArray], None]) -> None:
        """Draw a w as soon as possible; ``take`` is given the picture, in the sampler's thread."""
        self._asked.put((w, take))

    @property
    def rate(self) -> float:
        """Portraits a second, lately."""
        span = self._times[-1] - self._times[0] if len(self._times) > 1 else 0.0
        return (len(self._times) - 1) / span if span else 0.0

    def close(self) -> None:
        """End, after the portrait under way."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10.0)

    def _run(self) -> None:
        step_back(NICENESS)
        there, told = self._curator.seeds(), set[str]()
        self.drawn = len([seed for seed in there if seed < self.count])
        for seed in (seed for seed in range(self.count) if seed not in there):
            self._answer()
            if self._closed.is_set():
                return
            try:
                self._sample(seed)
            except Exception as error:  # whatever a model throws: the next one may be well
                if str(error) not in told:
                    told.add(str(error))
                    log.warning("portrait of seed %d is left out: %s", seed, error)
        self._times.clear()
        while not self._closed.is_set():
            self._answer(0.2)

    def _sample(self, seed: int) -> None:
        w = self._find_w(seed)
        image = self._paint(w)
        rated = Sample(seed, sharpness(image), self._typicality.strangeness(w), likeness(image))
        self._curator.add(rated, image)
        self.drawn += 1
        self._times.append(time.monotonic())

    def _answer(self, wait: float = 0.0) -> None:
        """Draw what somebody wants to see."""
        try:
            while not self._closed.is_set():
                w, take = self._asked.get(wait > 0.0, wait)
                take(self._paint(w))
        except queue.Empty:
            return
        except Exception as error:
            log.warning("a portrait could not be drawn: %s", error)
