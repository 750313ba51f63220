"""The painters: latent in, picture out; live in a thread that owns the model, offline in step."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from vjgan.generator.faults import first_line
from vjgan.generator.flow import flow
from vjgan.generator.trail import Trail
from vjgan.priority import step_back
from vjgan.smooth import Envelope
from vjgan.types import FloatArray, Frame, Generator, LatentState, Picture, Tick, model_of

log = logging.getLogger("vjgan")

REMEMBERED = 36_000  # durations kept: the last twenty minutes at 30 frames a second
NICENESS = 10  # of the thread that runs the model: a late picture is held, a late frame is seen
SLOW_MS = 500.0  # a model slower than this is told about, once
SEEN_BETWEEN = 1.25  # frames of the screen, to a frame of the model: some show what is in between
WAITING = 3  # frames ahead of the picture; a model that became faster skips some
LAG_ATTACK, LAG_RELEASE = 0.2, 3.0  # s, how soon the picture follows a slower and a faster model


@dataclass(slots=True)
class Job:
    """A latent, who draws it, the ``moment`` (s) that it belongs to, and the frame once drawn.
    ``asked`` is when the latent was there: that moment, until it is shown later than it should."""

    latent: LatentState
    generator: Generator
    moment: float
    frame: Frame | None = None
    asked: float = field(init=False)
    since: Frame | None = None  # the frame from which `motion` leads to this one
    motion: FloatArray | None = None

    def __post_init__(self) -> None:
        self.asked = self.moment


class Playout:
    """Moves the picture evenly over frames that come unevenly. What is shown at a time is the
    moment ``lag`` before it, the least for which there is usually a frame on either side; without
    one the last frame is held. Between two frames the picture has gone as far as the latent had."""

    def __init__(self) -> None:
        self.before: Job | None = None
        self.after: Job | None = None
        self.trail = Trail()
        self._waiting: deque[Job] = deque(maxlen=WAITING)
        self.every = 0.0  # seconds between two latents that are drawn; 0: as soon as possible
        self._lag = Envelope(LAG_ATTACK, LAG_RELEASE)
        self._taken = self._shown = self._begun = 0.0

    @property
    def lag(self) -> float:
        """How old the moment is that is shown, in seconds."""
        return self._lag.value

    def take(self, job: Job, time_: float) -> None:
        """A frame has been drawn, and is there at ``time_``."""
        delay = time_ - job.moment
        usual = max(delay, self.every)
        lag = delay + min(usual, job.moment - self._begun)  # the frame before it was begun then
        self._begun = job.moment
        if self.after is None or not _alike_drawn(job, self.after):
            self.before = self.after = job
            self._waiting.clear()
            self._lag.value = lag
        else:
            self._lag.step(lag, max(0.0, time_ - self._taken))
            # After a pause, or if late, it still gets the time to be moved to.
            newest = self._waiting[-1] if self._waiting else self.after
            job.moment = max(job.moment, newest.moment + 0.25 * delay)
            self._waiting.append(job)
        self._taken = time_

    def show(self, time_: float) -> Picture | None:
        """What to show at ``time_``; None before the first frame."""
        if self.before is None or self.after is None:
            return None
        self._shown = max(self._shown, time_ - self._lag.value)
        while self._waiting and self._shown >= self.after.moment:
            self.before, self.after = self.after, self._waiting.popleft()
        if self._shown >= self.after.moment:
            self.before = self.after
            self.after.moment = self.after.asked = self._shown
        before, after = self.before.frame, self.after.frame
        assert before is not None and after is not None
        motion = self.after.motion if self.after.since is before else None
        return Picture(before, after, self._share(self.before, self.after), motion=motion)

    def _share(self, before: Job, after: Job) -> float:
        """How much of the way from one frame to the other is gone, 0..1."""
        span = after.moment - before.moment
        if span <= 0.0:
            return 1.0
        share = min(1.0, max(0.0, (self._shown - before.moment) / span))  # of the time
        asked = before.asked + share * (after.asked - before.asked)
        gone = self.trail.share(before.latent.w, after.latent.w, before.asked, asked)
        return share if gone is None else gone


class Worker:
    """Plays a model live: a thread draws the newest latent, and ``paint`` never waits for it. A
    latent that stands still costs nothing. A model that fails leaves the last picture, and gets
    the next latent."""

    def __init__(self, generator: Generator) -> None:
        self.frames = 0  # drawn by the model so far
        self.durations_ms: deque[float] = deque(maxlen=REMEMBERED)
        self._generator = generator
        self._playout = Playout()
        self._flow = flow()
        self._asked: Job | None = None  # the newest
        self._last: Job | None = None  # that was drawn
        self._dt = 0.0  # of the screen
        self._due = 0.0  # when the next may be asked for, where the rate is limited
        self._mail: Job | None = None  # the newest, until the thread takes it
        self._drawn: deque[Job] = deque()
        self._closed = False
        self._wake = threading.Condition()
        self._warned: set[tuple[str, str]] = set()
        self._thread = threading.Thread(target=self._run, name="generator", daemon=True)
        self._thread.start()

    @property
    def lag(self) -> float:
        """How late a latent is seen, in seconds."""
        return self._playout.lag

    def use(self, generator: Generator) -> None:
        """Play another, already warmed generator from the next frame on."""
        self._generator = generator

    def limit(self, rate: float | None) -> None:
        """Draw at most so many pictures a second from now on; None: as many as possible."""
        self._playout.every = 1.0 / rate if rate else 0.0

    def paint(self, latent: LatentState, tick: Tick) -> Picture:
        """The picture for ``tick.present_time``, at once; ``latent`` is drawn as soon as the model
        is free, unless a newer one has come by then."""
        while self._drawn:
            self._playout.take(self._drawn.popleft(), tick.present_time)
        self._dt = tick.dt
        job = Job(latent, self._generator, tick.present_time)
        self._playout.trail.note(job.moment, latent.w)
        if self._asked is None or (self._is_due(tick) and not _alike(job, self._asked)):
            self._due = max(self._due, job.moment - self._playout.every) + self._playout.every
            with self._wake:
                self._asked = self._mail = job
                self._wake.notify()
        return self._playout.show(tick.present_time) or _dark(job)

    def close(self) -> None:
        """End the thread, after the frame under way."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(timeout=2.0)

    def _is_due(self, tick: Tick) -> bool:
        """Whether this frame is the nearest to the moment at which the next latent is due."""
        return tick.present_time + 0.5 * tick.dt >= self._due

    def _run(self) -> None:
        step_back(NICENESS)
        while (job := self._next()) is not None:
            start = time.perf_counter()
            try:
                job.frame = job.generator.generate(job.latent)
            except Exception as error:
                self._warn_once(job.generator, "fails, the last picture stays", first_line(error))
                continue
            ms = (time.perf_counter() - start) * 1e3
            if ms > SLOW_MS:
                self._warn_once(job.generator, "is slow here", f"{ms:.0f} ms a frame")
            self.durations_ms.append(ms)
            self._follow(job)
            self._drawn.append(job)
            self.frames += 1  # last: whoever counts finds it there

    def _follow(self, job: Job) -> None:
        """Find how the picture moves to this frame from the last one, if it is seen in between."""
        last, self._last = self._last, job
        if last is None or not _alike_drawn(last, job):
            return
        if job.asked - last.asked < SEEN_BETWEEN * self._dt:
            return
        assert last.frame is not None and job.frame is not None
        if last.frame.image.shape != job.frame.image.shape:
            return
        try:
            job.motion = self._flow.between(last.frame.image, job.frame.image)
        except Exception as error:
            self._warn_once(job.generator, "is faded from frame to frame", first_line(error))
            return
        job.since = last.frame

    def _next(self) -> Job | None:
        """The newest latent, as soon as there is one; None at the end."""
        with self._wake:
            self._wake.wait_for(lambda: self._closed or self._mail is not None)
            job, self._mail = self._mail, None
            return None if self._closed else job

    def _warn_once(self, generator: Generator, what: str, why: str) -> None:
        if (generator.name, what) not in self._warned:
            self._warned.add((generator.name, what))
            log.warning("model '%s' %s: %s", generator.name, what, why)


class Direct:
    """Draws every latent for its very frame: for films."""

    lag = 0.0

    def __init__(self, generator: Generator) -> None:
        self.frames = 0
        self.durations_ms: deque[float] = deque(maxlen=REMEMBERED)
        self._generator = generator
        self._last: Job | None = None

    def use(self, generator: Generator) -> None:
        """Play another generator from the next frame on."""
        self._generator = generator

    def paint(self, latent: LatentState, tick: Tick) -> Picture:
        """The picture of ``latent``, drawn now. Raises whatever the generator raises."""
        job = Job(latent, self._generator, tick.present_time)
        if self._last is None or not _alike(job, self._last):
            start = time.perf_counter()
            job.frame = job.generator.generate(latent)
            self.durations_ms.append((time.perf_counter() - start) * 1e3)
            self.frames += 1
            self._last = job
        assert self._last.frame is not None
        frame = Frame(latent.time, self._last.frame.image)
        return Picture(frame, frame)

    def close(self) -> None:
        """Nothing to end."""


def _alike(one: Job, other: Job) -> bool:
    """Whether two jobs give the same picture."""
    return (
        one.generator is other.generator
        and one.latent.noise == other.latent.noise
        and one.latent.inside == other.latent.inside
        and np.array_equal(one.latent.w, other.latent.w)
    )


def _alike_drawn(one: Job, other: Job) -> bool:
    """Whether the picture may move from one frame to the other: both are of one model."""
    return model_of(one.generator) is model_of(other.generator)


def _dark(job: Job) -> Picture:
    """What is shown before the first frame."""
    height, width = job.generator.resolution
    frame = Frame(job.latent.time, np.zeros((height, width, 3), np.uint8))
    return Picture(frame, frame)
