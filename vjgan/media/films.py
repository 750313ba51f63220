"""Films: H.264 with a track's sound, each frame at exactly its time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream

from vjgan.errors import MediaError
from vjgan.files import part_of
from vjgan.media.files import url, writing
from vjgan.media.sounds import Sound, Source, decoded, open_sound, packets
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
BT709 = 1  # ITU-T H.273: the same number for primaries, transfer and matrix


class FilmWriter:
    """A film being written, as a context manager: H.264, 4:2:0, BT.709, frame k at exactly k / fps
    (in Matroska to the millisecond that it counts in).

    ``size`` is width and height in pixels, both even. The sound is ``track`` from ``start`` seconds
    on, for as long as the film becomes; a file's packets are copied where the container can hold
    them, all else becomes AAC. The same frames give the same bytes. An exception inside removes
    what was written, and an older film of that name stays as it was.

    ``crf`` 0..51 is libx264's quality (18: loss hardly visible), ``preset`` its effort; ``about``
    is what the file says of itself, see `described`.
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
        about: Mapping[str, str] | None = None,
    ) -> None:
        with writing("film", path):
            check_film(path, size, fps)
        self.path = path
        self.size = size
        self.fps = fps
        self.frames = 0  # written so far
        self._part = part_of(path)
        self._reformatter = VideoReformatter()
        self._container = _output(path)
        self._container.metadata.update(described(about or {}))
        self._video = _add_video(self._container, size, fps, crf, preset)
        self._packets = _sound_packets(self._container, path, track, Fraction(start))
        self._packet: Packet[AudioStream] | None = None  # the next one to be written

    def __enter__(self) -> Self:
        try:
            with writing("film", self.path):
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
        frame = as_video(image, self.size, self._reformatter)
        frame.pts, frame.time_base = self.frames, 1 / self.fps
        self.frames += 1
        with writing("film", self.path):
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
                with writing("film", self.path):
                    self._container.mux(self._video.encode(None))
                    self._container.close()
                    os.replace(self._part, self.path)
        finally:
            self._discard()

    def _add_sound(self) -> None:
        """Keep the sound level with the picture, so that the muxer need not hold either back."""
        while self._packet is not None and _time(self._packet) < self.frames / self.fps:
            with writing("film", self.path):
                self._container.mux(self._packet)
            self._packet = next(self._packets, None)

    def _discard(self) -> None:
        with suppress(OSError):  # emptied, or closing would move all of it to put the index first
            os.truncate(self._part, 0)
        with suppress(av.FFmpegError):
            self._container.close()
        with suppress(OSError):
            self._part.unlink(missing_ok=True)


def described(about: Mapping[str, str]) -> dict[str, str]:
    """What is known of a film, such as its model and its licence, in the fields that players show:
    the whole of it as the comment."""
    if not about:
        return {}
    words = {"comment": "; ".join(f"{key}: {value}" for key, value in about.items())}
    words |= {"title": about["Title"]} if "Title" in about else {}
    return words | ({"copyright": about["Licence"]} if "Licence" in about else {})


def check_film(path: Path, size: tuple[int, int], fps: Fraction) -> None:
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
    return av.open(url(part_of(path)), "w", format=format_, container_options=options)


def _add_video(
    container: OutputContainer, size: tuple[int, int], fps: Fraction, crf: int, preset: str
) -> VideoStream:
    # Unless cpu-independent, libx264 on AVX-512 sometimes gives the same frames other bytes.
    options = {"crf": str(crf), "preset": preset, "x264-params": "cpu-independent=1"}
    stream = container.add_stream("libx264", rate=fps, options=options)
    context = stream.codec_context
    set_picture(context, size)
    context.time_base = 1 / fps
    context.thread_type = "AUTO"  # PyAV's own choice, slices, costs quality
    return stream


def set_picture(context: VideoCodecContext, size: tuple[int, int]) -> None:
    """Pictures of a size in pixels, 4:2:0, BT.709."""
    context.width, context.height = size
    context.pix_fmt = "yuv420p"
    context.color_primaries = context.color_trc = context.colorspace = BT709
    context.color_range = ColorRange.MPEG.value


def as_video(image: ByteArray, size: tuple[int, int], reformatter: VideoReformatter) -> VideoFrame:
    """A picture uint8 [height, width, 3] as an encoder wants it, brought to a size."""
    return reformatter.reformat(
        VideoFrame.from_ndarray(np.ascontiguousarray(image)),
        *size,
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND,
    )


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
    source = open_sound(track)
    format_, codecs = FORMATS[path.suffix.lower()]
    if source.codec in codecs:
        # MP4 hides what lies before 0 by an edit list; Matroska would delay the picture instead.
        lead = format_ != "matroska"
        start += Fraction(next(decoded(open_sound(track)))[0], source.rate)
        return _copied(output.add_stream_from_template(source.stream), source, start, lead)
    blocks = (block for _, block in decoded(source))
    return _encoded(_add_aac(output, source.rate, source.channels), blocks, source.rate, start)


def _copied(
    stream: AudioStream, source: Source, start: Fraction, lead: bool
) -> Iterator[Packet[AudioStream]]:
    """The file's own packets from ``start`` on its clock. With ``lead``, the one that is sounding
    then and the one before it, by which a lossy decoder gets going, come first at negative times.
    """
    early: deque[Packet[AudioStream]] = deque(maxlen=2)
    for packet in packets(source):
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


def _time(packet: Packet[AudioStream]) -> Fraction:
    return (packet.pts or 0) * packet.time_base
