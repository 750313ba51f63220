"""Moving pictures decoded: films by their time, cameras as they come. The only file of this room
that imports ``av``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from vjgan.errors import DeviceError, MediaError
from vjgan.types import ByteArray

LARGEST = 1280  # pixels a side of what is sent to the GPU; what is larger is made smaller
FAR = 3.0  # seconds by which the film may be behind before it is wound rather than decoded
FORMATS = {3: "rgb24", 4: "rgba"}
CAMERAS = Path("/sys/class/video4linux")


Opener = Callable[[], InputContainer]


class GoneError(Exception):
    """What was decoded is there no longer; the text says why."""


@dataclass(frozen=True, slots=True)
class Shot:
    """A decoded picture, not yet converted, from ``start`` to ``end`` seconds."""

    start: float
    end: float
    frame: VideoFrame


class Converter:
    """Decoded pictures to uint8 [height, width, channels], of at most ``LARGEST`` a side."""

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> ByteArray:
        scale = min(1.0, LARGEST / max(frame.width, frame.height))
        converted = self._reformatter.reformat(
            frame,
            width=max(1, round(frame.width * scale)),
            height=max(1, round(frame.height * scale)),
            format=FORMATS[self._channels],
            interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND,
        )
        image: ByteArray = converted.to_ndarray().astype(np.uint8, copy=False)
        turns = round(frame.rotation / 90.0) % 4  # as telephones tell how they were held
        return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


class Shrinker:
    """Pictures uint8 [height, width, 4] to at most ``LARGEST`` a side."""

    def __init__(self) -> None:
        self._convert = Converter(4)

    def __call__(self, image: ByteArray) -> ByteArray:
        return self._convert(VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgba"))


class Reel:
    """A video file, over and over. ``seconds`` is how long it lasts."""

    def __init__(self, path: Path) -> None:
        """Raises MediaError when the file is missing or holds no video."""
        self.path = path
        try:
            with _opened(path) as container:
                self.seconds, self._frame_seconds = _length(container)
                first = next(container.decode(container.streams.video[0]), None)
            if first is not None and self.seconds <= 0.0:
                with _opened(path) as container:
                    self.seconds = _counted(container, self._frame_seconds)
        except (av.FFmpegError, OSError, IndexError) as error:
            reason = getattr(error, "strerror", None) or "there is no video in it"
            raise MediaError(f"video '{path}' cannot be read: {reason}") from None
        if first is None or self.seconds <= 0.0:
            raise MediaError(f"video '{path}' cannot be read: nothing in it can be decoded")

    def shots(self, aim: Callable[[], float] | None = None) -> Iterator[Shot]:
        """Every picture of the first round, of the second, and so on, in order; the times go on
        from round to round. Where ``aim`` (s) runs far ahead, it is wound. Raises GoneError."""
        round_, offset, wound_to = 0, 0.0, 0.0
        while True:
            shown, base = False, round_ * self.seconds
            round_ += 1
            for shot in self._round(base, offset):
                shown = True
                yield shot
                # Winding ends at a key frame, which may be long before what was wanted.
                if aim is not None and shot.end >= wound_to and aim() - shot.end > FAR:
                    wound_to = aim()
                    round_ = int(wound_to // self.seconds)
                    offset = wound_to % self.seconds
                    break
            else:
                if not shown and not offset:
                    raise GoneError("nothing in it can be decoded")
                offset = 0.0

    def _round(self, base: float, offset: float) -> Iterator[Shot]:
        """The pictures of one round from ``offset`` seconds on, or from a little before."""
        try:
            with _opened(self.path) as container:
                if offset > 0.0:
                    container.seek(round(offset * av.time_base))
                stream = container.streams.video[0]
                first = float((stream.start_time or 0) * (stream.time_base or 0))
                time = 0.0
                for frame in _decoded(container):
                    time = time if frame.time is None else frame.time - first
                    if time >= self.seconds:
                        return
                    end = time + self._frame_seconds
                    yield Shot(base + max(0.0, time), base + end, frame)
                    time = end
        except (av.FFmpegError, OSError, IndexError) as error:
            raise GoneError(getattr(error, "strerror", None) or str(error)) from None


def find_camera(name: str) -> Opener:
    """What opens the camera of a number, a device or a part of its name. Raises DeviceError when
    there is none of that name, where that can be known."""
    if sys.platform == "darwin":
        return lambda: av.open(name, format="avfoundation")
    if sys.platform == "win32":
        return lambda: av.open(f"video={name}", format="dshow")
    there = cameras()
    device = Path(name) if name.startswith("/") else Path(f"/dev/video{name}")
    if not device.exists():
        found = [place for place, called in there.items() if name.lower() in called.lower()]
        if not found:
            listed = ", ".join(f"{place.name[5:]} ({called})" for place, called in there.items())
            raise DeviceError(f"camera '{name}' is not there; there are: {listed or 'none'}")
        device = found[0]
    return lambda: av.open(str(device), format="v4l2")


def cameras() -> dict[Path, str]:
    """The cameras of a Linux machine: device and name."""
    found = {}
    for place in sorted(CAMERAS.glob("video*")):
        with suppress(OSError):
            found[Path("/dev") / place.name] = (place / "name").read_text().strip()
    return found


def grabbed(open_: Opener) -> Iterator[VideoFrame]:
    """What a camera sees, as it comes. Raises GoneError when it is no longer there."""
    try:
        with open_() as container:
            yield from _decoded(container)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise GoneError(getattr(error, "strerror", None) or str(error)) from None
    raise GoneError("no more pictures come")


def _opened(path: Path) -> InputContainer:
    # Without "file:", FFmpeg would take what stands before a colon for a protocol.
    return av.open(f"file:{path}")


def _decoded(container: InputContainer) -> Iterator[VideoFrame]:
    """Decoded pictures; what is broken is left out, and where a file is cut off, it ends."""
    stream = container.streams.video[0]
    stream.codec_context.thread_count = 1  # the other processors are the show's
    with suppress(av.error.InvalidDataError):
        for packet in container.demux(stream):
            with suppress(av.error.InvalidDataError):
                yield from packet.decode()


def _counted(container: InputContainer, frame: float) -> float:
    """How long a video lasts whose file does not tell, as of a show that was cut off, in seconds:
    all of it is gone through."""
    stream = container.streams.video[0]
    packets = [packet for packet in container.demux(stream) if packet.size]
    times = [packet.pts for packet in packets if packet.pts is not None]
    if not times:
        return len(packets) * frame
    return float((max(times) - min(times)) * (stream.time_base or 0)) + frame


def _length(container: InputContainer) -> tuple[float, float]:
    """How long a video and one of its frames last, in seconds."""
    stream = container.streams.video[0]
    frame = float(1 / (stream.average_rate or stream.guessed_rate or 25))
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base), frame
    if container.duration:
        # Matroska's is the time at which it ends.
        begins = container.start_time or 0 if "matroska" in container.format.name else 0
        return (container.duration - max(0, begins)) / av.time_base, frame
    return stream.frames * frame, frame
