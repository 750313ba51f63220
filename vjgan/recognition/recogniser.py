"""A thread that hears what the ear hears, and says which track it is."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from vjgan.latest import Latest
from vjgan.priority import step_back
from vjgan.recognition.catalogue import Learnt
from vjgan.recognition.judge import Judge
from vjgan.recognition.matcher import Matcher
from vjgan.recognition.peaks import Peaks
from vjgan.types import AudioFrame, Features, FloatArray, Recognition

log = logging.getLogger("vjgan")

Analyse = Callable[[AudioFrame], Features]

NICENESS = 10  # of the thread: everything else goes first
LOOK_SECONDS = 0.5  # of sound from one look to the next
MOST_BLOCKS = 8192  # that wait; older ones are dropped
LONGEST_GAP = 0.3  # seconds that may be missing from the sound


class Hearing:
    """Recognises the tracks of a catalogue in blocks of sound, in the caller's thread."""

    def __init__(self, tracks: Sequence[Learnt]) -> None:
        self._tracks = tracks
        self._matcher = Matcher([one.peaks for one in tracks], [one.seconds for one in tracks])
        self._judge = Judge()
        self._rate = 0  # of nothing yet
        self._peaks = Peaks(44100)
        self._waiting: list[FloatArray] = []
        self._samples = self._looked = 0  # so far, and at the last look
        self._began = 0.0  # when the first sample was in the air

    def hear(self, frames: Sequence[AudioFrame]) -> Recognition | None:
        """What is heard after these blocks, if anything new is known."""
        for frame in frames:
            expected = self._began + (self._samples + len(frame.samples)) / max(1, self._rate)
            if frame.sample_rate != self._rate or abs(frame.time - expected) > LONGEST_GAP:
                self._begin(frame.sample_rate)
            self._samples += len(frame.samples)
            self._began = frame.time - self._samples / self._rate  # the two clocks may drift
            self._waiting.append(frame.samples)
        if self._samples < self._looked + LOOK_SECONDS * self._rate or not self._rate:
            return None
        self._looked = self._samples
        sound = np.nan_to_num(np.concatenate(self._waiting), posinf=0.0, neginf=0.0)
        self._waiting.clear()
        self._matcher.hear(self._peaks.step(sound), self._peaks.relief)
        return self._told()

    def _begin(self, rate: int) -> None:
        """Listen anew, to sound of another rate or after a gap."""
        self._matcher.forget()
        self._judge = Judge()
        self._rate, self._peaks = rate, Peaks(rate)
        self._waiting, self._samples, self._looked = [], 0, 0

    def _told(self) -> Recognition | None:
        verdict = self._judge.step(self._matcher.look(self._judge.expected))
        if verdict is None:
            return None
        match, sure = verdict
        track = self._tracks[match.track]
        return Recognition(
            self._began + match.time,
            track.title,
            track.name,
            match.position,
            match.speed,
            match.confidence,
            sure,
        )


class Recogniser:
    """Recognises tracks in a thread of its own, at the pace of the sound, and holds up nobody."""

    def __init__(self, tracks: Sequence[Learnt]) -> None:
        self._tracks = tracks
        self._frames: deque[AudioFrame] = deque(maxlen=MOST_BLOCKS)
        self._latest: Latest[Recognition | None] = Latest(None)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recogniser", daemon=True)
        self._thread.start()

    def put(self, frame: AudioFrame) -> None:
        """Take a block of sound; returns at once."""
        self._frames.append(frame)

    def overhearing(self, analyse: Analyse) -> Analyse:
        """``analyse``, which from now on lets the recogniser hear each block as well."""

        def both(frame: AudioFrame) -> Features:
            self.put(frame)
            return analyse(frame)

        return both

    def read(self) -> Recognition | None:
        """What was recognised last."""
        return self._latest.get()

    def close(self) -> None:
        """End the thread."""
        self._closed.set()
        self._thread.join(timeout=2.0)

    def _run(self) -> None:
        step_back(NICENESS)
        try:
            hearing, told = Hearing(self._tracks), ""
            while not self._closed.wait(LOOK_SECONDS / 2.0):
                found = hearing.hear([self._frames.popleft() for _ in range(len(self._frames))])
                if found is None:
                    continue
                self._latest.put(found)
                words = f"{'this is' if found.sure else 'this may be'} '{found.title}'"
                if words != told:
                    told = words
                    log.info("%s, at %.0f s", words, found.position)
        except Exception as error:  # whatever happens here, the show goes on
            log.error("tracks are not recognised any more: %s", error, exc_info=error)
