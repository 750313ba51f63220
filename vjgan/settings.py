"""The options of ``vjgan live``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from vjgan.control import ControlSettings
from vjgan.rig import Rig


@dataclass(frozen=True)
class LiveSettings:
    """The options of ``vjgan live``; see its help."""

    input: str = ""
    preset: str = ""
    model: str = ""
    midi: str = ""
    midi_api: str = ""
    channel: int = 0
    display: str = ""  # a number, a part of a name, or "none": a window, and so from now on
    layout: str = ""  # empty: as before
    operator: bool = False
    window: tuple[int, int] | None = None
    headless: bool = False
    seconds: float | None = None
    stats: Path | None = None
    seed: int = 0
    mute: bool = False
    device: str = "auto"
    control: ControlSettings = field(default_factory=ControlSettings)
    clock: str = "auto"
    link: bool = False
    offset_ms: float | None = None  # None: the rig's
    rig: Rig = field(default_factory=Rig)
    setlist: Path | None = None
    quantise: str = "now"
    flash_limit: bool = True
    take: Path | None = None
    record: Path | None = None
    codec: str = ""  # of films; empty: the usual one of such files
    alpha: bool = False  # what of the light is clear is kept, where that can be
    outputs: tuple[str, ...] = ()  # to other programs, each KIND:PLACE
    upscale: int = 1  # times by which models' pictures are enlarged
    camera: str = ""  # a camera, or a video file in its place; "": none
    score: Path | None = None  # plays instead of presets, on its own track
