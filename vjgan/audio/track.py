"""A track as a source of sound: stepped for a film, or played in real time."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np

from vjgan.errors import DeviceError, MediaError
from vjgan.types import AudioFrame, FloatArray

log = logging.getLogger("vjgan")

LOOK = 0.002  # seconds between two looks whether there is room in the output


class Output(Protocol):
    """What a live track needs of ``vjgan.audio.soundcard.Speaker``."""

    def ready(self, count: int) -> bool:
        """Whether so many samples can be written without waiting."""

    def write(self, samples: FloatArray) -> float:
        """Play [n, channels]; when the last of them is in the air. Raises DeviceError."""

    def close(self) -> None: ...


class Recording(Protocol):
    """What a track needs of a ``vjgan.media.Recording``."""

    @property
    def sample_rate(self) -> int: ...

    @property
    def channels(self) -> int: ...

    def blocks(self) -> Iterator[FloatArray]:
        """The samples in order, [n, channels] at a time, -1..1. Raises MediaError."""


# From sample rate, channels and the show's clock.
OpenOutput = Callable[[int, int, Callable[[], float]], Output]


class Track:
    """A track read as fast as one likes: frame k ends at ``(k + 1) * hop / sample_rate`` after
    ``start``, None after the last, which silence fills up."""

    def __init__(self, recording: Recording, hop: int = 256, start: float = 0.0) -> None:
        """Begins ``start`` seconds into the ``recording``."""
        self.sample_rate = recording.sample_rate
        self.blocks_lost = 0
        self._blocks = _Blocks(recording, hop, round(start * self.sample_rate), loop=False)

    def read(self) -> AudioFrame | None:
        """The next block, mixed to mono."""
        block = self._blocks.next()
        if block is None:
            return None
        return _frame(self._blocks.position / self.sample_rate, block, self.sample_rate)

    def close(self) -> None:
        """Let go of the recording."""
        self._blocks.close()


class LiveTrack:
    """A track played in real time: aloud where an output opens, else in silence by the clock."""

    def __init__(
        self,
        recording: Recording,
        clock_time: Callable[[], float],
        open_speaker: OpenOutput | None = None,
        hop: int = 256,
        loop: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """An output that does not open is logged."""
        self.sample_rate = recording.sample_rate
        self.blocks_lost = 0
        self._blocks = _Blocks(recording, hop, 0, loop)
        self._clock_time = clock_time
        self._sleep = sleep
        self._queue: deque[AudioFrame] = deque()  # played, but not in the air yet
        self._written: float | None = None  # when the last block played is in the air
        self._speaker: Output | None = None
        if open_speaker is not None:
            try:
                self._speaker = open_speaker(recording.sample_rate, recording.channels, clock_time)
            except DeviceError as error:
                log.warning("the track is performed without being heard: %s", error)

    def read(self) -> AudioFrame | None:
        """The next block at the moment that it is in the air, which is its ``time``; None after
        the last one of a track that does not loop."""
        # What is played goes before what is heard: a listener that lags must not let it run dry.
        while self._speaker is not None:
            if self._speaker.ready(self._blocks.hop):
                if not self._play():
                    break
            elif self._due():
                break
            else:
                self._sleep(min(LOOK, self._until_due()))
        if not self._queue and not self._play():
            return None
        self._sleep(self._until_due())
        return self._queue.popleft()

    def close(self) -> None:
        """Give the output back, and let go of the recording."""
        self._blocks.close()
        speaker, self._speaker = self._speaker, None
        if speaker is not None:
            speaker.close()

    def _due(self) -> bool:
        return bool(self._queue) and self._until_due() == 0.0

    def _until_due(self) -> float:
        return max(0.0, self._queue[0].time - self._clock_time())

    def _play(self) -> bool:
        """Play one block; False at the end."""
        block = self._blocks.next()
        if block is None:
            return False
        self._written = self._write(block)
        self._queue.append(_frame(self._written, block, self.sample_rate))
        return True

    def _write(self, block: FloatArray) -> float:
        if self._speaker is not None:
            try:
                return self._speaker.write(block)
            except DeviceError as error:
                log.warning("the track goes on without being heard: %s", error)
                # Closing may hang as long as the device does.
                threading.Thread(target=self._speaker.close, daemon=True).start()
                self._speaker = None
        if self._written is None:
            self._written = self._clock_time()
        return self._written + len(block) / self.sample_rate


class _Blocks:
    """A recording cut into blocks [hop, channels]; ``position`` counts samples."""

    def __init__(self, recording: Recording, hop: int, position: int, loop: bool) -> None:
        self._recording = recording
        self._source: Iterator[FloatArray] | None = recording.blocks()
        self._ready = np.zeros((0, recording.channels), np.float32)  # decoded, not handed on
        self._skip = position
        self.hop = hop
        self._loop = loop
        self.position = position

    def next(self) -> FloatArray | None:
        while len(self._ready) < self.hop:
            more = self._decode()
            if more is None:
                break
            more = np.nan_to_num(more, nan=0.0, posinf=0.0, neginf=0.0)
            self._ready = np.concatenate([self._ready, more]) if len(self._ready) else more
        block, self._ready = self._ready[: self.hop], self._ready[self.hop :]
        if not len(block):
            return None
        self.position += self.hop
        if len(block) < self.hop:
            block = np.pad(block, ((0, self.hop - len(block)), (0, 0)))
        return block

    def close(self) -> None:
        """Let go of the file."""
        self._source = None

    def _decode(self) -> FloatArray | None:
        """The next that there is, from the beginning again where it loops; None at the end."""
        again = self._loop
        while self._source is not None:
            try:
                for block in self._source:
                    skipped = min(self._skip, len(block))
                    self._skip -= skipped
                    if skipped < len(block):
                        return block[skipped:]
                self._source = self._recording.blocks() if again else None
                again = False  # one that is empty is not read for ever
            except MediaError as error:
                log.warning("the track ends here: %s", error)
                self._source = None
        return None


def _frame(time: float, block: FloatArray, sample_rate: int) -> AudioFrame:
    """A block [n, channels] mixed to mono."""
    mixed = block.mean(axis=1, dtype=np.float64).astype(np.float32)  # [n]; sums may be huge
    return AudioFrame(time, mixed, sample_rate, float(np.abs(block).max(initial=0.0)))
