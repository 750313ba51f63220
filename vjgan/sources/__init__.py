"""Second pictures: stills, films, cameras and what comes over the network, as layers that passes
read; see docs/sources.md.

A layer never makes the loop wait: what takes time is done when it is opened, or in a thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from vjgan.errors import DeviceError
from vjgan.sources.camera import Camera
from vjgan.sources.clip import Clip
from vjgan.sources.network import NdiSource
from vjgan.sources.still import Still
from vjgan.types import Beat, Frame, Tick


class Source(Protocol):
    """Where a layer's pictures come from."""

    def read(self, beat: Beat, tick: Tick, speed: float) -> Frame:
        """The picture of this frame: ``image`` uint8 [height, width, 4], colours multiplied by
        alpha, or [height, width, 3]. The same Frame as long as the picture is the same."""

    def close(self) -> None:
        """Let go; waits for nothing."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a preset asks for: ``kind`` "image", "video", "camera" or "ndi", ``place`` the file, or
    the name of a camera or NDI source; a video runs through once in so many ``beats`` (None: at its
    own pace)."""

    kind: str
    place: str
    beats: float | None = None


def open_source(wish: Wish, live: bool, channels: int = 4) -> Source:
    """A source that has its first picture, with so many ``channels``. Offline a video is decoded
    in step, so that the same times give the same pictures.

    Raises MediaError or DeviceError: one sentence."""
    if wish.kind == "image":
        return Still(Path(wish.place), channels)
    if wish.kind == "video":
        return Clip(Path(wish.place), wish.beats, live, channels)
    if not live:
        raise DeviceError(f"{wish.kind} '{wish.place}': a film is made without one; use a video")
    if wish.kind == "ndi":
        return NdiSource(wish.place, channels)
    return Camera(wish.place, channels)
