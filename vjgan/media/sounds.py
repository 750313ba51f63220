"""Sound files: whatever FFmpeg can decode comes in, WAVs go out."""

from __future__ import annotations

import stat
import wave
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet

from vjgan.errors import MediaError
from vjgan.files import replacing
from vjgan.media.files import reading, url, writing
from vjgan.types import FloatArray

TOLERANCE = 0.01  # seconds by which a file's clock may stray before silence is put in
PIECE = 65_536  # samples of a sound that are handed on at a time
SLOWEST_RATE, FASTEST_RATE = 1000, 1_536_000  # Hz
LONGEST_GAP = 600.0  # seconds; a longer one is a broken clock rather than silence


@dataclass(frozen=True, slots=True)
class Sound:
    """Decoded sound: ``samples`` float32 [n, channels], -1..1; ``sample_rate`` in Hz."""

    samples: FloatArray
    sample_rate: int

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.sample_rate

    @property
    def channels(self) -> int:
        """How many there are."""
        return int(self.samples.shape[1])

    def count(self) -> int:
        """How many samples a channel has."""
        return len(self.samples)

    def blocks(self) -> Iterator[FloatArray]:
        """The samples in order, [n, channels] at a time."""
        for start in range(0, len(self.samples), PIECE):
            yield self.samples[start : start + PIECE]


@dataclass(frozen=True, slots=True)
class SoundFile:
    """A sound file that is decoded while it is played, so that its length costs no memory."""

    path: Path
    sample_rate: int
    channels: int

    def count(self) -> int:
        """How many samples a channel has; all is decoded to know it. Raises MediaError."""
        return sum(len(block) for block in self.blocks())

    @property
    def seconds(self) -> float:
        """How long it lasts; all is decoded to know it. Raises MediaError."""
        return self.count() / self.sample_rate

    def blocks(self) -> Iterator[FloatArray]:
        """The samples in order, [n, channels] at a time. What is broken or left out in the middle
        is silence, so that the rest stays in time. Raises MediaError."""
        return (block for _, block in decoded(open_sound(self.path)))


Recording = Sound | SoundFile


def open_recording(path: Path) -> SoundFile:
    """A sound file or film to play. Raises MediaError when it is missing, unreadable or nothing in
    it can be decoded."""
    source = open_sound(path)
    next(decoded(source))
    source.container.close()
    return SoundFile(path, source.rate, source.channels)


def write_wav(path: Path, sound: Sound) -> None:
    """Write ``sound`` as 16-bit PCM. Raises MediaError when it cannot be written."""
    pcm = np.rint(np.clip(sound.samples, -1.0, 1.0) * 32767.0).astype("<i2")
    with writing("sound", path), replacing(path) as part, wave.open(str(part), "wb") as file:
        file.setnchannels(pcm.shape[1])
        file.setsampwidth(2)
        file.setframerate(sound.sample_rate)
        file.writeframes(pcm.tobytes())


@dataclass(frozen=True, slots=True)
class Source:
    """A sound file that is open."""

    path: Path
    container: InputContainer
    stream: AudioStream
    codec: str
    rate: int
    layout: str
    channels: int


def open_sound(path: Path) -> Source:
    """The best sound track of a file. Raises MediaError when there is none."""
    with reading(path):
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise MediaError(f"sound '{path}' cannot be read: it is not a file")
        if not status.st_size:
            raise MediaError(f"sound '{path}' cannot be read: it is empty")
        container = av.open(url(path))
    stream = container.streams.best("audio")
    if not isinstance(stream, AudioStream) or not stream.channels:
        container.close()
        raise MediaError(f"sound '{path}' cannot be read: there is no sound in it")
    if not SLOWEST_RATE <= stream.rate <= FASTEST_RATE:
        container.close()
        raise MediaError(
            f"sound '{path}' cannot be read: {stream.rate} samples a second are outside "
            f"{SLOWEST_RATE}..{FASTEST_RATE}"
        )
    codec = stream.codec_context.codec.canonical_name
    layout = stream.layout.name  # as it is now: a decoder changes it on its way
    return Source(path, container, stream, codec, stream.rate, layout, stream.channels)


def decoded(source: Source) -> Iterator[tuple[int, FloatArray]]:
    """Blocks of samples float32 [n, channels] without a gap, each with the place of its first
    sample on the file's clock. That need not begin at 0: an MP3's does after its encoder's delay.
    """
    place: int | None = None
    for frame in _frames(source):
        block = frame.to_ndarray().reshape(-1, source.channels).astype(np.float32, copy=False)
        stamp = round((frame.time or 0.0) * source.rate)
        if place is None:
            place = stamp
        elif TOLERANCE < (stamp - place) / source.rate < LONGEST_GAP:
            yield place, np.zeros((stamp - place, source.channels), np.float32)
            place = stamp
        yield place, block
        place += len(block)
    if place is None:
        raise MediaError(f"sound '{source.path}' cannot be read: nothing in it can be decoded")


def _frames(source: Source) -> Iterator[AudioFrame]:
    """Decoded frames as packed float of one rate and layout; what is broken is left out."""
    format_, resampler = ("", "", 0), AudioResampler()
    for packet in packets(source):
        try:
            frames = source.stream.decode(packet)
        except av.error.InvalidDataError:
            continue
        for frame in frames:
            changed = (frame.format.name, frame.layout.name, frame.sample_rate)
            if changed != format_:  # at the start, and within some recordings of radio streams
                format_ = changed
                resampler = AudioResampler("flt", source.layout, source.rate)
            yield from resampler.resample(frame)


def packets(source: Source) -> Iterator[Packet[AudioStream]]:
    """The file's packets; where it is cut off, what came before counts."""
    with reading(source.path), source.container, suppress(av.error.InvalidDataError):
        yield from source.container.demux(source.stream)
