"""Films with a track's sound, each frame at exactly its time."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream

from vjgan.errors import MediaError
from vjgan.files import Part, check_place, in_utf8, in_words
from vjgan.media.codecs import Encoder, check_codec, find_encoder, set_picture
from vjgan.media.files import url, writing
from vjgan.media.sounds import Sound, Source, decoded, open_sound, packets
from vjgan.types import ByteArray, FloatArray

# Film suffix -> FFmpeg's format, and the sound codecs that players expect in it.
FORMATS = {
    ".mp4": ("mp4", {"aac", "ac3", "alac", "eac3", "flac", "mp3", "opus"}),
    ".mov": ("mov", {"aac", "ac3", "alac", "mp3", "pcm_s16le", "pcm_s24le"}),
    ".mkv": ("matroska", {"aac", "ac3", "flac", "mp3", "opus", "pcm_s16le", "vorbis"}),
    ".webm": ("webm", {"opus", "vorbis"}),
}
SOUNDS = {"webm": "libopus"}  # what other sound becomes there; elsewhere AAC
LARGEST = 16384  # pixels a side: libx264's limit
AAC_RATES_HZ = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000}
SOUND_BITS = 128_000  # a second and channel
BLOCK = 4096  # samples handed to the sound encoder at once


class FilmWriter:
    """A film being written, as a context manager: BT.709, frame k at exactly k / fps (in Matroska
    and WebM to the millisecond that they count in).

    ``size`` is width and height in pixels, both even. The sound is ``track`` from ``start`` seconds
    on, for as long as the film becomes; a file's packets are copied where the container can hold
    them, all else becomes AAC, or Opus in WebM. The same frames give the same bytes. An exception
    inside removes what was written, and an older film of that name stays as it was.

    ``crf`` 0..51 is libx264's quality (None: loss hardly visible), ``preset`` its effort; ``about``
    is what the file says of itself, see `described`; ``codec`` one of `codecs.CODECS` or of their
    encoders, empty: the usual one of such files. With ``alpha``, frames have a fourth channel.
    Raises MediaError for what cannot be written: on construction and entry where it can be known
    by then, else on ``write`` and at the end (a full disk)."""

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        fps: Fraction,
        track: Path | Sound | None = None,
        start: Fraction | float = 0.0,
        crf: int | None = None,
        preset: str = "",
        about: Mapping[str, str] | None = None,
        codec: str = "",
        alpha: bool = False,
    ) -> None:
        with writing("film", path):
            check_film(path, size, fps)
        codec = check_codec(path, codec, alpha)
        encoder = find_encoder(codec, size, live=False, alpha=alpha)
        self.path = path
        self.size = size
        self.fps = fps
        self.encoder = encoder.name
        self.frames = 0  # written so far
        self._shape = (size[1], size[0], 4 if alpha else 3)
        self._pixels = encoder.format(alpha)
        self._reformatter = VideoReformatter()
        given = {"crf": "" if crf is None else str(crf), "preset": preset}
        options = encoder.options(live=False, alpha=alpha) | {k: v for k, v in given.items() if v}
        with writing("film", path):
            self._part = Part(path)
        try:
            self._container = _output(path, self._part.path)
            self._container.metadata.update(described(about or {}))
            self._video = _add_video(self._container, size, fps, encoder, alpha, options)
            self._packets = _sound_packets(self._container, path, track, Fraction(start))
        except BaseException:
            self._part.close()
            raise
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
        """Append a frame: uint8 [height, width, 3], with alpha 4, top row first."""
        if image.shape != self._shape:
            raise ValueError(f"a frame of shape {image.shape} in a film of shape {self._shape}")
        frame = as_video(image, self.size, self._reformatter, self._pixels)
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
                    self._part.put()
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
            os.truncate(self._part.path, 0)
        with suppress(av.FFmpegError):
            self._container.close()
        self._part.close()


def described(about: Mapping[str, str]) -> dict[str, str]:
    """What is known of a film, such as its model and its licence, in the fields that players show:
    the whole of it as the comment."""
    if not about:
        return {}
    about = {key: in_utf8(text) for key, text in about.items()}
    words = {"comment": in_words(about)}
    words |= {"title": about["Title"]} if "Title" in about else {}
    return words | ({"copyright": about["Licence"]} if "Licence" in about else {})


def check_film(path: Path, size: tuple[int, int], fps: Fraction) -> None:
    """Refuse at the door what would fail at the first frame or, worse, at the last."""
    if path.suffix.lower() not in FORMATS:
        raise MediaError(f"film '{path}': the name must end in {', '.join(FORMATS)}")
    check_place("film", path, error=MediaError)
    if any(side % 2 or not 16 <= side <= LARGEST for side in size):
        raise MediaError(
            f"film '{path}': size {size[0]}x{size[1]} must be even numbers within 16..{LARGEST}"
        )
    if not 1 <= fps <= 1000:
        raise MediaError(f"film '{path}': {float(fps):g} frames a second is outside 1..1000")


def _output(path: Path, part: Path) -> OutputContainer:
    # No dates and no random numbers in it: the same film, the same bytes.
    options = {"movflags": "+faststart", "fflags": "+bitexact"}
    format_ = FORMATS[path.suffix.lower()][0]
    return av.open(url(part), "w", format=format_, container_options=options)


def _add_video(
    container: OutputContainer,
    size: tuple[int, int],
    fps: Fraction,
    encoder: Encoder,
    alpha: bool,
    options: dict[str, str],
) -> VideoStream:
    stream = add_video(container, encoder, fps, options)
    set_picture(stream.codec_context, size, encoder, alpha)
    stream.codec_context.time_base = 1 / fps
    stream.codec_context.thread_type = "AUTO"  # PyAV's own choice, slices, costs quality
    return stream


def add_video(
    container: OutputContainer, encoder: Encoder, fps: Fraction, options: dict[str, str]
) -> VideoStream:
    """A stream for an encoder's pictures."""
    stream = container.add_stream(encoder.name, rate=fps, options=options)
    assert isinstance(stream, VideoStream)
    if encoder.tag and container.format.name in ("mp4", "mov"):
        stream.codec_context.codec_tag = encoder.tag  # or Apple's players show nothing
    return stream


def as_video(
    image: ByteArray, size: tuple[int, int], reformatter: VideoReformatter, pixels: str = "yuv420p"
) -> VideoFrame:
    """A picture uint8 [height, width, 3 or 4] as an encoder wants it, brought to a size."""
    return reformatter.reformat(
        VideoFrame.from_ndarray(
            np.ascontiguousarray(image), format="rgba" if image.shape[2] == 4 else "rgb24"
        ),
        *size,
        format=pixels,
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
        return _encoded(_add_sound(output, rate, samples.shape[1]), blocks, rate, start)
    source = open_sound(track)
    format_, codecs = FORMATS[path.suffix.lower()]
    if source.codec in codecs:
        # MP4 hides what lies before 0 by an edit list; Matroska would delay the picture instead.
        lead = format_ not in ("matroska", "webm")
        start += Fraction(next(decoded(open_sound(track)))[0], source.rate)
        return _copied(output.add_stream_from_template(source.stream), source, start, lead)
    blocks = (block for _, block in decoded(source))
    return _encoded(_add_sound(output, source.rate, source.channels), blocks, source.rate, start)


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


def _add_sound(output: OutputContainer, rate: int, channels: int) -> AudioStream:
    codec = sound_codec(output.format.name)
    known = codec == "aac" and rate in AAC_RATES_HZ
    stream = output.add_stream(codec, rate=rate if known else 48000)
    assert isinstance(stream, AudioStream)
    stream.codec_context.layout = "mono" if channels == 1 else "stereo"
    stream.codec_context.bit_rate = SOUND_BITS * min(channels, 2)
    return stream


def sound_codec(format_: str) -> str:
    """What sound becomes in one of FFmpeg's formats."""
    return SOUNDS.get(format_, "aac")


def _encoded(
    stream: AudioStream, blocks: Iterator[FloatArray], rate: int, start: Fraction
) -> Iterator[Packet[AudioStream]]:
    """The blocks [n, channels] from ``start`` on; the encoder resamples and mixes down."""
    position = -round(start * rate)
    for block in blocks:
        kept = block[max(0, -position) :]
        if len(kept):
            kept = kept if _has_layout(kept.shape[1]) else _by_turns(kept)
            packed = np.ascontiguousarray(kept, np.float32).reshape(1, -1)
            frame = AudioFrame.from_ndarray(packed, "flt", f"{kept.shape[1]}c")
            frame.sample_rate = rate
            frame.pts, frame.time_base = max(0, position), Fraction(1, rate)
            yield from stream.encode(frame)
        position += len(block)
    yield from stream.encode(None)


@cache
def _has_layout(channels: int) -> bool:
    """Whether it is known where so many loudspeakers stand."""
    try:
        return av.AudioLayout(f"{channels}c").nb_channels == channels
    except ValueError:
        return False


def _by_turns(block: FloatArray) -> FloatArray:
    """Tracks of who knows what [n, channels], every other one left and right, as stereo [n, 2]."""
    return np.stack([block[:, side::2].mean(1) for side in (0, 1)], 1)


def _time(packet: Packet[AudioStream]) -> Fraction:
    return (packet.pts or 0) * packet.time_base
