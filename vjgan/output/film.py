"""The show as a film, written beside it."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path

from vjgan.errors import VjganError
from vjgan.media.live import LiveFilm, check_live
from vjgan.output.rate import Rate
from vjgan.priority import step_back
from vjgan.types import AudioFrame, ByteArray

log = logging.getLogger("vjgan")

FPS = 30
MOST_PICTURES = FPS  # waiting to be encoded; more are dropped, and a crash loses those that wait
MOST_BYTES = 64_000_000  # of these; but so many may always wait:
LEAST_PICTURES = 8
MOST_BLOCKS = 20_000  # of sound, likewise: two minutes
NICENESS = 5  # of the encoder: the screen goes first, and it before the model
ENCODER_SECONDS = 20.0  # that ending may take
Item = AudioFrame | tuple[ByteArray, float]


class FilmOutput:
    """A film of ``FPS`` frames a second, from the first picture on. ``dropped`` counts the pictures
    for which the encoder had no time."""

    def __init__(
        self,
        path: Path,
        width: int,
        about: Callable[[], Mapping[str, str]],
        codec: str = "",
        alpha: bool = False,
    ) -> None:
        """``about`` tells, off the loop, what the file shall say of itself; ``codec`` and ``alpha``
        are those of LiveFilm. Raises MediaError for a name that cannot be written to."""
        self._codec = check_live(path, codec, alpha)
        self.alpha = alpha
        self.path = path
        self.width = width
        self.dropped = 0
        self.frames = 0  # written so far
        self._about = about
        self._failed = False
        self._rate = Rate(FPS)
        self._pictures = 0  # put into the queue; those taken out are counted apart: no lock
        self._taken = 0
        self._queue: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="film", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether it has failed."""
        return self._failed

    def due(self, time: float) -> bool:
        """Whether the next frame of the film is due."""
        return self._rate.due(time)

    def show(self, image: ByteArray, time: float) -> None:
        """Have a picture encoded, or drop it."""
        waiting = self._pictures - self._taken
        if waiting >= max(LEAST_PICTURES, min(MOST_PICTURES, MOST_BYTES // image.nbytes)):
            self.dropped += 1
            return
        self._pictures += 1
        self._queue.put((image, time))

    def hear(self, block: AudioFrame) -> None:
        """Have sound encoded."""
        if self._queue.qsize() < MOST_BLOCKS:
            self._queue.put(block)

    def close(self) -> None:
        """End the film, and say what it is."""
        self._queue.put(None)
        self._thread.join(ENCODER_SECONDS)
        if self.frames and not self._failed:
            lost = f", {self.dropped} dropped" if self.dropped else ""
            log.info("film '%s' kept: %d frames%s", self.path, self.frames, lost)

    def _run(self) -> None:
        step_back(NICENESS)  # and with it the threads that the encoder starts
        try:
            self._write()
        except VjganError as error:
            log.error("%s; the show goes on without", error)
            self._failed = True
        except Exception:
            log.exception("film '%s' ends here; the show goes on without", self.path)
            self._failed = True

    def _write(self) -> None:
        film: LiveFilm | None = None
        early: list[AudioFrame] = []
        try:
            while (item := self._queue.get()) is not None:
                if isinstance(item, AudioFrame):
                    if film is None:
                        early = [*early[-1:], item]  # the one that sounds when it begins
                    else:
                        film.hear(item.samples, item.sample_rate, item.time)
                    continue
                self._taken += 1
                image, time = item
                if film is None:
                    film = self._opened(image, time)
                    for block in early:
                        film.hear(block.samples, block.sample_rate, block.time)
                film.show(image, time)
                self.frames = film.frames
        finally:
            if film is not None:
                film.close(self._about())

    def _opened(self, image: ByteArray, time: float) -> LiveFilm:
        height, width = image.shape[:2]
        size = max(16, width // 2 * 2), max(16, height // 2 * 2)
        film = LiveFilm(
            self.path, size, Fraction(FPS), time, self._about(), self._codec, self.alpha
        )
        log.info("film '%s' begins: %dx%d by %s", self.path, *size, film.encoder)
        return film
