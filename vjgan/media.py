"""Sound and film files: any sound FFmpeg can decode comes in; H.264 films, WAVs and PNGs go out.

The only file that imports ``av``. What is written appears under its name only when complete: it
grows in a hidden ``.NAME.part`` beside it, which is renamed at the end or removed. libav's own log
stays off, as PyAV has it; its errors come back as MediaError.
"""

from __future__ import annotations

import os
import stat
import wave
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream
from PIL import Image

from vjgan.errors import MediaError
from vjgan.files import part_of, replacing
from vjgan.types import ByteArray, FloatArray

# Film suffix -> FFmpeg's format, and the sound codecs that players expect in it.
FORMATS = {
    ".mp4": ("mp4", {"aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"}),
    ".mov": ("mov", {"aac", "ac3", "alac", "mp3", "pcm_s16le", "pcm_s24le"}),
    ".mkv": ("matroska", {"aac", "ac3", "flac", "mp3", "opus", "pcm_s16le", "vorbis"}),
}
LARGEST = 16384  # pixels a side: libx264's limit
AAC_RATES_HZ = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000}
AAC_BITS = 128_000  # a second and channel
BLOCK = 4096  # samples handed to the sound encoder at once
TOLERANCE = 0.01  # seconds by which a file's clock may stray before silence is put in
LONGEST_GAP = 600.0  # seconds; a longer one is a broken clock rather than silence
BT709 = 1  # ITU-T H.273: the same number for primaries, transfer and matrix


@dataclass(frozen=True, slots=True)
class Sound:
    """Decoded sound: ``samples`` float32 [n, channels], -1..1; ``sample_rate`` in Hz."""

    samples: FloatArray
    sample_rate: int

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return len(self.samples) / self.sample_rate


def read_sound(path: Path) -> Sound:
    """The whole sound of a sound file or film, at its own rate and with its own channels.

    What is broken or left out in the middle is silence, so that the rest stays in time.
    Raises MediaError when the file is missing, unreadable or holds no sound."""
    source = _open_sound(path)
    samples = bytearray()  # grows in place: an hour of stereo is 1.3 GB
    for _, block in _decoded(source):
        samples += block.tobytes()
    return Sound(np.frombuffer(samples, np.float32).reshape(-1, source.channels), source.rate)


def write_wav(path: Path, sound: Sound) -> None:
    """Write ``sound`` as 16-bit PCM. Raises MediaError when it cannot be written."""
    pcm = np.rint(np.clip(sound.samples, -1.0, 1.0) * 32767.0).astype("<i2")
    with _writing("sound", path), replacing(path) as part, wave.open(str(part), "wb") as file:
        file.setnchannels(pcm.shape[1])
        file.setsampwidth(2)
        file.setframerate(sound.sample_rate)
        file.writeframes(pcm.tobytes())


def save_image(path: Path, image: ByteArray) -> None:
    """Write ``image`` uint8 [height, width, 3] as PNG. Raises MediaError when it cannot."""
    with _writing("picture", path), replacing(path) as part:
        Image.fromarray(image).save(part, format="PNG")


def write_text(path: Path, text: str) -> None:
    """Write ``text``, all of it or nothing. Raises MediaError when it cannot be written."""
    with _writing("file", path), replacing(path) as part:
        part.write_text(text, encoding="utf-8")


class FilmWriter:
    """A film being written, as a context manager: H.264, 4:2:0, BT.709, frame k at exactly k / fps
    (in Matroska to the millisecond that it counts in).

    ``size`` is width and height in pixels, both even. The sound is ``track`` from ``start`` seconds
    on, for as long as the film becomes; a file's packets are copied where the container can hold
    them, all else becomes AAC. The same frames give the same bytes. An exception inside removes
    what was written, and an older film of that name stays as it was.

    ``crf`` 0..51 is libx264's quality (18: loss hardly visible), ``preset`` its effort.
    Raises MediaError for what cannot be written: on construction and entry where it can be known
    by then, else on ``write`` and at the end (a full disk)."""

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        fps: Fraction,
        track: Path | Sound | None = None,
        start: Fraction | float = 0.0,
        crf: int = 18,
        preset: str = "medium",
    ) -> None:
        with _writing("film", path):
            _check(path, size, fps)
        self.path = path
        self.size = size
        self.fps = fps
        self.frames = 0  # written so far
        self._part = part_of(path)
        self._reformatter = VideoReformatter()
        self._container = _output(path)
        self._video = _add_video(self._container, size, fps, crf, preset)
        self._packets = _sound_packets(self._container, path, track, Fraction(start))
        self._packet: Packet[AudioStream] | None = None  # the next one to be written

    def __enter__(self) -> Self:
        try:
            with _writing("film", self.path):
                self._container.start_encoding()
            self._packet = next(self._packets, None)
        except BaseException:
            self._discard()
            raise
        return self

    def write(self, image: ByteArray) -> None:
        """Append a frame: uint8 [height, width, 3], top row first."""
        if image.shape != (self.size[1], self.size[0], 3):
            raise ValueError(f"a frame of shape {image.shape} in a film of size {self.size}")
        frame = self._reformatter.reformat(
            VideoFrame.from_ndarray(np.ascontiguousarray(image)),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND,
        )
        frame.pts, frame.time_base = self.frames, 1 / self.fps
        self.frames += 1
        with _writing("film", self.path):
            self._container.mux(self._video.encode(frame))
        self._add_sound()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None and not self.frames:
                raise MediaError(f"film '{self.path}' cannot be written: it has no frames")
            if kind is None:
                with _writing("film", self.path):
                    self._container.mux(self._video.encode(None))
                    self._container.close()
                    os.replace(self._part, self.path)
        finally:
            self._discard()

    def _add_sound(self) -> None:
        """Keep the sound level with the picture, so that the muxer need not hold either back."""
        while self._packet is not None and _time(self._packet) < self.frames / self.fps:
            with _writing("film", self.path):
                self._container.mux(self._packet)
            self._packet = next(self._packets, None)

    def _discard(self) -> None:
        with suppress(OSError):  # emptied, or closing would move all of it to put the index first
            os.truncate(self._part, 0)
        with suppress(av.FFmpegError):
            self._container.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)


def _check(path: Path, size: tuple[int, int], fps: Fraction) -> None:
    """Refuse at the door what would fail at the first frame or, worse, at the last."""
    if path.suffix.lower() not in FORMATS:
        raise MediaError(f"film '{path}': the name must end in {', '.join(FORMATS)}")
    if path.is_dir():
        raise MediaError(f"film '{path}' cannot be written: there is a folder of that name")
    if not path.parent.is_dir():
        raise MediaError(f"film '{path}' cannot be written: there is no folder '{path.parent}'")
    if any(side % 2 or not 16 <= side <= LARGEST for side in size):
        raise MediaError(
            f"film '{path}': size {size[0]}x{size[1]} must be even numbers within 16..{LARGEST}"
        )
    if not 1 <= fps <= 1000:
        raise MediaError(f"film '{path}': {float(fps):g} frames a second is outside 1..1000")


def _output(path: Path) -> OutputContainer:
    # No dates and no random numbers in it: the same film, the same bytes.
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    format_ = FORMATS[path.suffix.lower()][0]
    return av.open(_url(part_of(path)), "w", format=format_, container_options=options)


def _add_video(
    container: OutputContainer, size: tuple[int, int], fps: Fraction, crf: int, preset: str
) -> VideoStream:
    # Unless cpu-independent, libx264 on AVX-512 sometimes gives the same frames other bytes.
    options = {"crf": str(crf), "preset": preset, "x264-params": "cpu-independent=1"}
    stream = container.add_stream("libx264", rate=fps, options=options)
    context = stream.codec_context
    context.width, context.height = size
    context.pix_fmt = "yuv420p"
    context.time_base = 1 / fps
    context.color_primaries = context.color_trc = context.colorspace = BT709
    context.color_range = ColorRange.MPEG.value
    context.thread_type = "AUTO"  # PyAV's own choice, slices, costs quality
    return stream


def _sound_packets(
    output: OutputContainer, path: Path, track: Path | Sound | None, start: Fraction
) -> Iterator[Packet[AudioStream]]:
    """Add a stream for the sound; its packets, timed so that ``start`` becomes 0."""
    if track is None:
        return iter(())
    if isinstance(track, Sound):
        samples, rate = track.samples, track.sample_rate
        blocks = (samples[i : i + BLOCK] for i in range(0, len(samples), BLOCK))
        return _encoded(_add_aac(output, rate, samples.shape[1]), blocks, rate, start)
    source = _open_sound(track)
    format_, codecs = FORMATS[path.suffix.lower()]
    if source.codec in codecs:
        # MP4 hides what lies before 0 by an edit list; Matroska would delay the picture instead.
        lead = format_ != "matroska"
        start += Fraction(next(_decoded(_open_sound(track)))[0], source.rate)
        return _copied(output.add_stream_from_template(source.stream), source, start, lead)
    blocks = (block for _, block in _decoded(source))
    return _encoded(_add_aac(output, source.rate, source.channels), blocks, source.rate, start)


def _copied(
    stream: AudioStream, source: _Source, start: Fraction, lead: bool
) -> Iterator[Packet[AudioStream]]:
    """The file's own packets from ``start`` on its clock. With ``lead``, the one that is sounding
    then and the one before it, by which a lossy decoder gets going, come first at negative times.
    """
    early: deque[Packet[AudioStream]] = deque(maxlen=2)
    for packet in _packets(source):
        if packet.pts is None or packet.dts is None:  # the end
            continue
        packet.stream = stream
        shift = round(start / packet.time_base)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        if packet.pts > 0:
            yield from early
            early.clear()
            yield packet
        elif lead or packet.pts == 0:
            early.append(packet)


def _add_aac(output: OutputContainer, rate: int, channels: int) -> AudioStream:
    stream = output.add_stream("aac", rate=rate if rate in AAC_RATES_HZ else 48000)
    stream.codec_context.layout = "mono" if channels == 1 else "stereo"
    stream.codec_context.bit_rate = AAC_BITS * min(channels, 2)
    return stream


def _encoded(
    stream: AudioStream, blocks: Iterator[FloatArray], rate: int, start: Fraction
) -> Iterator[Packet[AudioStream]]:
    """AAC of the blocks [n, channels] from ``start`` on; the encoder resamples and mixes down."""
    position = -round(start * rate)
    for block in blocks:
        kept = block[max(0, -position) :]
        if len(kept):
            packed = np.ascontiguousarray(kept, np.float32).reshape(1, -1)
            frame = AudioFrame.from_ndarray(packed, "flt", f"{kept.shape[1]}c")
            frame.sample_rate = rate
            frame.pts, frame.time_base = max(0, position), Fraction(1, rate)
            yield from stream.encode(frame)
        position += len(block)
    yield from stream.encode(None)


@dataclass(frozen=True, slots=True)
class _Source:
    """A sound file that is open."""

    path: Path
    container: InputContainer
    stream: AudioStream
    codec: str
    rate: int
    layout: str
    channels: int


def _open_sound(path: Path) -> _Source:
    """The best sound track of a file. Raises MediaError when there is none."""
    with _reading(path):
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise MediaError(f"sound '{path}' cannot be read: it is not a file")
        if not status.st_size:
            raise MediaError(f"sound '{path}' cannot be read: it is empty")
        container = av.open(_url(path))
    stream = container.streams.best("audio")
    if not isinstance(stream, AudioStream) or not stream.channels:
        container.close()
        raise MediaError(f"sound '{path}' cannot be read: there is no sound in it")
    codec = stream.codec_context.codec.canonical_name
    layout = stream.layout.name  # as it is now: a decoder changes it on its way
    return _Source(path, container, stream, codec, stream.rate, layout, stream.channels)


def _decoded(source: _Source) -> Iterator[tuple[int, FloatArray]]:
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


def _frames(source: _Source) -> Iterator[AudioFrame]:
    """Decoded frames as packed float of one rate and layout; what is broken is left out."""
    format_, resampler = ("", "", 0), AudioResampler()
    for packet in _packets(source):
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


def _packets(source: _Source) -> Iterator[Packet[AudioStream]]:
    """The file's packets; where it is cut off, what came before counts."""
    with _reading(source.path), source.container, suppress(av.error.InvalidDataError):
        yield from source.container.demux(source.stream)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Tell of a failure inside in one sentence."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        raise MediaError(f"sound '{path}' cannot be read: {error.strerror}") from error


@contextmanager
def _writing(kind: str, path: Path) -> Iterator[None]:
    """Tell of a failure inside in one sentence."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        raise MediaError(f"{kind} '{path}' cannot be written: {error.strerror}") from error


def _url(path: Path) -> str:
    """Without ``file:``, FFmpeg would take what stands before a colon for a protocol."""
    return f"file:{path}"


def _time(packet: Packet[AudioStream]) -> Fraction:
    return (packet.pts or 0) * packet.time_base
