"""The ears of a show: a thread that listens, and the same without a thread for films."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from vjgan.latest import Latest
from vjgan.priority import step_ahead
from vjgan.types import AudioFrame, AudioSource, Features, Tick

log = logging.getLogger("vjgan")

LISTENER_STEPS = 5  # of priority: what is not read in time is lost, and it takes little time
STALL = 0.5  # seconds without a block after which the sound counts as lost
FIRST_BLOCK = 4.0  # seconds that a source just opened may take: some sound servers need two
RETRY = 1.0  # seconds between two attempts to open it
LOOK = 0.05  # seconds between two looks of the watchdog


class Analysis(Protocol):
    """What an ear needs of ``vjgan.features.Analyser``."""

    def analyse(self, frame: AudioFrame) -> Features: ...


class Listener:
    """Listens in a thread of its own. Whatever the sound does (fails, stalls, hangs, changes its
    rate, was never there), ``read`` returns at once, and the source is opened anew until it works.
    A track that has come to its end is not."""

    def __init__(
        self,
        open_source: Callable[[], AudioSource],
        make_analyser: Callable[[int], Analysis],
        clock_time: Callable[[], float],
    ) -> None:
        """``open_source`` is called in the thread, ``make_analyser`` with its sample rate in Hz."""
        self._open_source = open_source
        self._make_analyser = make_analyser
        self._clock_time = clock_time
        self._latest = Latest(Features())
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._stuck: list[_Reader] = []  # given up, but inside a call that does not return
        self._reader = _Reader(self._latest.get(), clock_time())
        self._watcher = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        self._start(self._reader)
        self._watcher.start()

    def read(self, tick: Tick) -> Features:
        """The newest features. Without sound they are silent and not alive, and the beat runs on
        at the last tempo."""
        features = self._latest.get()
        return features if self._alive() else unheard(features, tick.time)

    def close(self) -> None:
        """Stop listening. A thread that hangs in a device is left behind."""
        self._closed.set()
        for thread in (self._watcher, self._reader.thread):
            thread.join(RETRY)

    def _alive(self) -> bool:
        return self._clock_time() - self._reader.heard <= STALL

    def _watch(self) -> None:
        """Replaces a reader that has failed; each that hangs makes the next one wait longer."""
        told, looked, patient = False, self._clock_time(), 0.0
        while not self._closed.wait(LOOK):
            reader, now = self._reader, self._clock_time()
            if now - looked > STALL / 2.0:  # something held up this thread, and so the reader
                patient = now + STALL
            looked = now
            if now < patient:
                continue
            self._stuck = [other for other in self._stuck if other.thread.is_alive()]
            if reader.trouble(now) and now > reader.started + RETRY * (1 + len(self._stuck)):
                if not told:
                    log.warning("no sound: %s; the show goes on", reader.trouble(now))
                told = True
                self._replace(reader, now)
            elif told and self._alive() and now > reader.started + RETRY:
                log.warning("the sound is back")
                told = False

    def _replace(self, reader: _Reader, now: float) -> None:
        self._stuck.append(reader)
        with self._lock:
            self._reader = _Reader(self._latest.get(), now)
        self._start(self._reader)

    def _start(self, reader: _Reader) -> None:
        reader.thread = threading.Thread(
            target=self._listen, args=(reader,), name="listener", daemon=True
        )
        reader.thread.start()

    def _listen(self, reader: _Reader) -> None:
        step_ahead(LISTENER_STEPS)
        # Whatever goes wrong in a source or in the analysis, the show goes on and tries again.
        try:
            source = self._open_source()
            try:
                self._hear(reader, source)
            finally:
                source.close()
        except Exception as error:
            reader.error = str(error) or type(error).__name__

    def _hear(self, reader: _Reader, source: AudioSource) -> None:
        analyser = self._make_analyser(source.sample_rate)
        while not self._closed.is_set() and reader is self._reader:
            frame = source.read()
            if frame is None:
                return
            features = _continued(reader.before, analyser.analyse(frame), source.blocks_lost)
            with self._lock:
                if reader is self._reader:
                    reader.heard = self._clock_time()
                    self._latest.put(features)


class _Reader:
    """One attempt to listen: what was known before it, and how it goes."""

    def __init__(self, before: Features, started: float) -> None:
        self.before = before
        self.started = started
        self.heard = -math.inf  # when its newest block came
        self.error = ""
        self.thread = threading.Thread()

    def trouble(self, now: float) -> str:
        """What is wrong with it; empty when nothing is."""
        if not self.thread.is_alive():
            return self.error
        first = self.heard == -math.inf
        due = self.started + FIRST_BLOCK if first else self.heard + STALL
        return "no sound comes" if now > due else ""


class SteppedEar:
    """Hears a finite source exactly up to each tick, in the caller's thread."""

    def __init__(self, source: AudioSource, analyser: Analysis) -> None:
        self._source = source
        self._analyser = analyser
        self._features = Features()
        self._time = -math.inf
        self._over = False

    def read(self, tick: Tick) -> Features:
        """Features of the first block that ends at or after the tick; after the last block silent
        and not alive, as with a live source that has ended."""
        while not self._over and self._time < tick.time:
            frame = self._source.read()
            if frame is None:
                self._over = True
            else:
                self._time = frame.time
                self._features = self._analyser.analyse(frame)
        return unheard(self._features, tick.time) if self._over else self._features

    def close(self) -> None:
        """Give the source back."""
        self._source.close()


def _continued(before: Features, now: Features, lost: int) -> Features:
    """``now``, from an analyser that has begun anew, with what was counted and known before."""
    if not before.blocks_read and not lost:
        return now  # there was nothing before, and to copy it all takes 30 µs a block
    bpm = now.bpm or before.bpm
    beat_time = max(before.beat_time, now.beat_time)
    return replace(
        now,
        bpm=bpm,
        beat_phase=now.beat_phase if now.bpm else _phase(now.time, beat_time, bpm),
        onset_count=before.onset_count + now.onset_count,
        onset_time=max(before.onset_time, now.onset_time),
        kick_count=before.kick_count + now.kick_count,
        kick_time=max(before.kick_time, now.kick_time),
        snare_count=before.snare_count + now.snare_count,
        snare_time=max(before.snare_time, now.snare_time),
        hat_count=before.hat_count + now.hat_count,
        hat_time=max(before.hat_time, now.hat_time),
        clip_count=before.clip_count + now.clip_count,
        beat_count=before.beat_count + now.beat_count,
        beat_time=beat_time,
        blocks_read=before.blocks_read + now.blocks_read,
        blocks_lost=before.blocks_lost + lost,
    )


def unheard(last: Features, time: float) -> Features:
    """What is left of the last features when nothing is heard."""
    nothing = Features()
    return replace(
        last,
        time=time,
        level=0.0,
        low=0.0,
        mid=0.0,
        high=0.0,
        bands=nothing.bands,
        flatness=0.0,
        intensity=0.0,
        peak_db=nothing.peak_db,
        beat_phase=_phase(time, last.beat_time, last.bpm),
        confidence=0.0,
        bar_confidence=0.0,
        silent=True,
        alive=False,
    )


def _phase(time: float, beat_time: float, bpm: float) -> float:
    return (time - beat_time) * bpm / 60.0 % 1.0 if bpm > 0.0 else 0.0
