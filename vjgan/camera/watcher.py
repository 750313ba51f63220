"""A camera that looks for a sitter, in a thread of its own that steps back for the show."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from vjgan.camera.follower import STATES, Follower, Seen
from vjgan.camera.reader import Reader
from vjgan.files import is_file
from vjgan.latest import Latest
from vjgan.priority import step_back
from vjgan.sources import Source, Wish, open_source
from vjgan.types import Beat, Tick

log = logging.getLogger("vjgan")

NICENESS = 3  # of the thread: a face that lags is seen, and its cost has a bound
RATE_HZ = 12.0  # pictures a second that are read
PATIENCE_SECONDS = 5.0  # until whoever ends the show goes on without it
SETTLED_SECONDS = 1.5  # that a state lasts before it is told of


class Watcher:
    """What a camera, or a video file in its place, sees of its sitter. It keeps no picture but the
    newest, and that in memory only."""

    def __init__(self, place: str, reader: Reader | None) -> None:
        """Raises DeviceError or MediaError: one sentence."""
        self._follower = Follower(reader)
        named = Path(place).suffix or "/" in place  # as no camera is
        kind = "video" if is_file(Path(place)) or named else "camera"
        self._source: Source = open_source(Wish(kind, place), live=True, channels=3)
        self._name = f"{kind} '{place}'"
        self._seen: Latest[Seen] = Latest(Seen())
        self._began = time.monotonic()
        self._looks = threading.Event()
        self._looks.set()
        self._closed = self._forgets = False
        self.cpu_seconds, self.pictures = 0.0, 0  # spent on so many
        self._told, self._state, self._since = "", "", 0.0
        self._thread = threading.Thread(target=self._run, name="sitter", daemon=True)
        self._thread.start()

    @property
    def looks(self) -> bool:
        """Whether it looks."""
        return self._looks.is_set()

    def look(self, on: bool) -> None:
        """Look, or look away: then whoever was seen is forgotten."""
        if on:
            self._looks.set()
        else:
            self._looks.clear()
            self.forget()

    def forget(self) -> None:
        """Forget whoever was seen."""
        self._forgets = True
        self._seen.put(Seen(state="nobody" if self.looks else "away"))

    def newest(self) -> Seen:
        """What was seen last."""
        return self._seen.get()

    def clock(self) -> float:
        """Now, on the clock of what is seen, in seconds."""
        return time.monotonic() - self._began

    def close(self) -> None:
        """End the thread; nothing stays."""
        self._closed = True
        self._looks.set()
        self._thread.join(PATIENCE_SECONDS)  # an engine at work must not see Python end
        self._source.close()

    def _run(self) -> None:
        step_back(NICENESS)
        last = 0.0
        while not self._closed:
            if not self._looks.wait(0.5):
                self._follower.forget()  # nothing of anybody stays while it looks away
                continue
            now, spent = self.clock(), time.thread_time()
            try:
                self._look(now, now - last)
            except Exception as error:
                self._tell(f"{type(error).__name__}: {error}")
            self.cpu_seconds += time.thread_time() - spent
            last = now
            time.sleep(max(0.005, 1 / RATE_HZ - (self.clock() - now)))

    def _look(self, now: float, dt: float) -> None:
        frame = self._source.read(Beat(), Tick(self.pictures, now, dt, now), 1.0)
        if self._forgets:
            self._forgets = False
            self._follower.forget()
        seen = self._follower.step(frame.image, now)
        self.pictures += 1
        if self._looks.is_set() and not self._forgets:
            self._seen.put(seen)
        if seen.state != self._state:
            self._state, self._since = seen.state, now
        if now - self._since > SETTLED_SECONDS:
            more = f"; of {seen.others + 1} people, the one who was first" if seen.others else ""
            self._tell(STATES[seen.state] + (more if seen.state == "sitter" else ""))

    def _tell(self, words: str) -> None:
        if words != self._told:
            self._told = words
            log.info("%s: %s", self._name, words)
