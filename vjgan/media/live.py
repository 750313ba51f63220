"""A film of a show while it lasts: on the disk piece by piece, so that a crash leaves the rest.

Sound has the say: it is written as it comes, sample after sample, and pictures are placed on its
clock. What was lost of it is silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from vjgan.errors import MediaError
from vjgan.media.files import url, writing
from vjgan.media.films import FORMATS, as_video, check_film, described, set_picture
from vjgan.smooth import approach
from vjgan.types import ByteArray, FloatArray

PIECE = 1.0  # seconds after which what was shot is on the disk
RATE = 48_000  # Hz, of the sound
BITS = 160_000  # a second of sound
TICKS = 90_000  # a second: pictures lie between frames of any rate
GAP = 0.1  # seconds by which sound must be off to be taken as lost
DRIFT = 5.0  # time constant of how far the clocks of sound and show are apart
PATIENCE, SLACK = 0.5, 0.25  # seconds without sound until silence is written, and up to where
# Encoders, best first, and how each is to encode at once, without frames from the future.
ENCODERS: tuple[tuple[str, dict[str, str]], ...] = (
    ("h264_nvenc", {"preset": "p4", "tune": "ll", "rc": "vbr", "cq": "21", "forced-idr": "1"}),
    (
        "libx264",
        {
            "preset": "ultrafast",  # half of superfast's time for a sixth more bytes
            "crf": "20",
            "forced-idr": "1",
            "x264-params": "scenecut=0:bframes=0:rc-lookahead=0:sync-lookahead=0:mbtree=0",
        },
    ),
)
OPTIONS = {
    "mp4": {"movflags": "+frag_keyframe+empty_moov+default_base_moof"},
    "matroska": {"cluster_time_limit": str(round(1e3 * PIECE))},
}
OPTIONS["mov"] = OPTIONS["mp4"]


class LiveFilm:
    """H.264 and AAC; all methods are for one thread, which they keep for as long as encoding takes.

    ``size`` is width and height in pixels, both even; ``begin`` when it begins, in seconds on the
    show's clock."""

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        fps: Fraction,
        begin: float,
        about: Mapping[str, str] | None = None,
    ) -> None:
        """Raises MediaError for what cannot be written, and when the file is there already."""
        check_live(path)
        check_film(path, size, fps)
        self.path = path
        self.frames = 0  # written so far
        self.encoder = ""
        self._size = size
        self._begin = begin
        self._reformatter = VideoReformatter()
        self._track = _Track()
        self._key = self._last = -1  # ticks of the last key frame and of the last frame
        format_ = FORMATS[path.suffix.lower()][0]
        options = {**OPTIONS[format_], "flush_packets": "1", "max_interleave_delta": "500000"}
        with writing("film", path):
            self._container = av.open(url(path), "w", format=format_, container_options=options)
            self._container.metadata.update(described(about or {}))
            self._video = self._add_video(fps)
            self._sound: AudioStream = self._container.add_stream("aac", rate=RATE)
            self._sound.codec_context.layout = "mono"
            self._sound.codec_context.bit_rate = BITS
            self._container.start_encoding()

    def show(self, image: ByteArray, time: float) -> None:
        """Append a picture uint8 [height, width, 3] that was seen at ``time``; one that is not
        after the last is left out. Raises MediaError."""
        place = time - self._begin - self._track.drift
        if place - self._track.seconds > PATIENCE:
            self._add_sound(self._track.silence(place - SLACK))
        stamp = round(place * TICKS)
        if stamp <= self._last:
            return
        frame = as_video(image, self._size, self._reformatter)
        frame.pts, frame.time_base = stamp, Fraction(1, TICKS)
        if self._key < 0 or stamp >= self._key + PIECE * TICKS:
            frame.pict_type = PictureType.I
            self._key = stamp
        self._last = stamp
        self.frames += 1
        with writing("film", self.path):
            self._container.mux(self._video.encode(frame))

    def hear(self, samples: FloatArray, rate: int, time: float) -> None:
        """Append sound [n], mono, of which the last sample was in the air at ``time``. Raises
        MediaError."""
        self._add_sound(self._track.add(samples, rate, time - self._begin))

    def close(self) -> None:
        """End the film. Raises MediaError."""
        try:
            with writing("film", self.path):
                self._container.mux(self._video.encode(None))
                self._add_sound(self._track.rest())
                self._container.mux(self._sound.encode(None))
        finally:
            with suppress(av.FFmpegError, OSError):
                self._container.close()

    def _add_video(self, fps: Fraction) -> VideoStream:
        self.encoder, options = _encoder(self._size)
        stream = self._container.add_stream(self.encoder, rate=fps, options=options)
        assert isinstance(stream, VideoStream)
        set_picture(stream.codec_context, self._size)
        stream.codec_context.time_base = Fraction(1, TICKS)
        stream.codec_context.gop_size = 4 * round(fps * Fraction(PIECE))  # keys come by time
        return stream

    def _add_sound(self, frames: list[AudioFrame]) -> None:
        with writing("film", self.path):
            packets: list[Packet[AudioStream]] = []
            for frame in frames:
                packets += self._sound.encode(frame)
            self._container.mux(packets)


class _Track:
    """Sound put together without a seam: frames for the encoder, each after the one before."""

    def __init__(self) -> None:
        self.drift = 0.0  # seconds by which sound comes late, smoothed
        self.seconds = 0.0  # how long it is
        self._done = 0  # samples handed on, at RATE
        self._rate = 0
        self._resampler = AudioResampler()

    def add(self, samples: FloatArray, rate: int, end: float) -> list[AudioFrame]:
        """Sound that ends at ``end`` seconds; what is missing before it is silence."""
        length = len(samples) / rate
        late = end - length - self.seconds
        frames: list[AudioFrame] = []
        if not self.seconds or abs(late - self.drift) > GAP:
            if late < 0.0:  # before the film, or heard already
                samples = samples[min(len(samples), round(-late * rate)) :]
            else:
                frames = self.silence(end - length)
            self.drift = 0.0
        else:
            self.drift = approach(self.drift, late, length, DRIFT)
        return frames + self._resampled(samples, rate) if len(samples) else frames

    def silence(self, until: float) -> list[AudioFrame]:
        """Silence from where it ends to ``until`` seconds."""
        count = round((until - self.seconds) * RATE)
        return self._resampled(np.zeros(count, np.float32), RATE) if count > 0 else []

    def rest(self) -> list[AudioFrame]:
        """What is still on its way, at the end."""
        return self._stamped(self._resampler.resample(None)) if self._rate else []

    def _resampled(self, samples: FloatArray, rate: int) -> list[AudioFrame]:
        frames: list[AudioFrame] = []
        if rate != self._rate:
            frames = self.rest()
            self._rate, self._resampler = rate, AudioResampler("fltp", "mono", RATE)
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples)[None], "flt", "mono")
        frame.sample_rate = rate
        self.seconds += len(samples) / rate
        return frames + self._stamped(self._resampler.resample(frame))

    def _stamped(self, frames: list[AudioFrame]) -> list[AudioFrame]:
        for frame in frames:
            frame.pts, frame.time_base = self._done, Fraction(1, RATE)
            self._done += frame.samples
        return frames


def check_live(path: Path) -> None:
    """Refuse at the door what cannot be a film, or would write over one. Raises MediaError."""
    check_film(path, (16, 16), Fraction(30))
    if path.exists():
        raise MediaError(f"film '{path}' exists already; give another name")


def _encoder(size: tuple[int, int]) -> tuple[str, dict[str, str]]:
    """The first encoder that opens here: names are there without the hardware."""
    for name, options in ENCODERS[:-1]:
        with suppress(av.FFmpegError, ValueError, TypeError):
            context = av.CodecContext.create(name, "w")
            assert isinstance(context, VideoCodecContext)
            set_picture(context, size)
            context.time_base = Fraction(1, TICKS)
            context.options = dict(options)
            context.open()
            return name, dict(options)
    name, options = ENCODERS[-1]
    return name, dict(options)
