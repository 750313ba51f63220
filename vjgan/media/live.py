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
from av.video.frame import PictureType
from av.video.reformatter import VideoReformatter

from vjgan.errors import MediaError
from vjgan.media.codecs import TICKS, check_codec, find_encoder, set_picture
from vjgan.media.files import url, writing
from vjgan.media.films import (
    FORMATS,
    add_video,
    as_video,
    check_film,
    described,
    sound_codec,
)
from vjgan.smooth import approach
from vjgan.types import ByteArray, FloatArray

PIECE = 1.0  # seconds after which what was shot is on the disk
RATE = 48_000  # Hz, of the sound
BITS = 160_000  # a second of sound
GAP = 0.1  # seconds by which sound must be off to be taken as lost
DRIFT = 5.0  # time constant of how far the clocks of sound and show are apart
PATIENCE, SLACK = 0.5, 0.25  # seconds without sound until silence is written, and up to where
OPTIONS = {
    "mp4": {"movflags": "+frag_keyframe+empty_moov+default_base_moof"},
    "matroska": {"cluster_time_limit": str(round(1e3 * PIECE))},
}
OPTIONS["mov"], OPTIONS["webm"] = OPTIONS["mp4"], OPTIONS["matroska"]
ROOM = {"comment": 4096, "copyright": 512}  # bytes kept free for what is known only at the end
HEAD = 262_144  # bytes of a file's beginning, within which they lie


class LiveFilm:
    """All methods are for one thread, which they keep for as long as encoding takes.

    ``size`` is width and height in pixels, both even; ``begin`` when it begins, in seconds on the
    show's clock. ``codec`` is one of `codecs.CODECS` or of their encoders, empty: the usual one of
    such files; with ``alpha``, pictures have a fourth channel."""

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        fps: Fraction,
        begin: float,
        about: Mapping[str, str] | None = None,
        codec: str = "",
        alpha: bool = False,
    ) -> None:
        """Raises MediaError for what cannot be written, and when the file is there already."""
        codec = check_live(path, codec, alpha)
        check_film(path, size, fps)
        encoder = find_encoder(codec, size, live=True, alpha=alpha)
        self.path = path
        self.frames = 0  # written so far
        self.encoder = encoder.name
        self._size = size
        self._pixels = encoder.format(alpha)
        self._begin = begin
        self._reformatter = VideoReformatter()
        self._track = _Track()
        self._key = self._last = -1  # ticks of the last key frame and of the last frame
        format_ = FORMATS[path.suffix.lower()][0]
        options = {**OPTIONS[format_], "flush_packets": "1", "max_interleave_delta": "500000"}
        with writing("film", path):
            self._container = av.open(url(path), "w", format=format_, container_options=options)
            self._words = roomy(about or {})
            self._container.metadata.update(self._words)
            options = encoder.options(live=True, alpha=alpha)
            self._video = add_video(self._container, encoder, fps, options)
            set_picture(self._video.codec_context, size, encoder, alpha)
            self._video.codec_context.time_base = Fraction(1, TICKS)
            self._video.codec_context.gop_size = 4 * round(fps * Fraction(PIECE))  # keys: by time
            sound = self._container.add_stream(sound_codec(format_), rate=RATE)
            assert isinstance(sound, AudioStream)
            self._sound = sound
            self._sound.codec_context.layout = "mono"
            self._sound.codec_context.bit_rate = BITS
            self._container.start_encoding()

    def show(self, image: ByteArray, time: float) -> None:
        """Append a picture uint8 [height, width, 3 or 4] that was seen at ``time``; one that is not
        after the last is left out. Raises MediaError."""
        place = time - self._begin - self._track.drift
        if place - self._track.seconds > PATIENCE:
            self._add_sound(self._track.silence(place - SLACK))
        stamp = round(place * TICKS)
        if stamp <= self._last:
            return
        frame = as_video(image, self._size, self._reformatter, self._pixels)
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

    def close(self, about: Mapping[str, str] | None = None) -> None:
        """End the film, which says ``about`` itself what is known by now. Raises MediaError."""
        try:
            with writing("film", self.path):
                self._container.mux(self._video.encode(None))
                self._add_sound(self._track.rest())
                self._container.mux(self._sound.encode(None))
        finally:
            with suppress(av.FFmpegError, OSError):
                self._container.close()
        if about is not None:
            with writing("film", self.path):
                self._tell(roomy(about))

    def _tell(self, words: Mapping[str, str]) -> None:
        """Put other words where there was room for them: nothing else in the file moves."""
        with self.path.open("r+b") as file:
            head = file.read(HEAD)
            for key in ROOM.keys() & words.keys() & self._words.keys():
                before, place = self._words[key].encode(), -1
                while (place := head.find(before, place + 1)) >= 0:  # QuickTime's has it twice
                    file.seek(place)
                    file.write(words[key].encode())

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


def roomy(about: Mapping[str, str]) -> dict[str, str]:
    """What a film says of itself, in fields as long as their ROOM: cut, or filled with blanks."""
    words = described(about)
    for key in ROOM.keys() & words.keys():
        text = words[key].encode()[: ROOM[key]].decode(errors="ignore")
        words[key] = text + " " * (ROOM[key] - len(text.encode()))
    return words


def check_live(path: Path, codec: str = "", alpha: bool = False) -> str:
    """Refuse at the door what cannot be a film, or would write over one; the codec that it will
    have. Raises MediaError."""
    check_film(path, (16, 16), Fraction(30))
    codec = check_codec(path, codec, alpha)
    if path.exists():
        raise MediaError(f"film '{path}' exists already; give another name")
    return codec
