"""Before the show: every preset of a set list is loaded and played for a second, off screen."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from vjgan.assets import folder
from vjgan.audio.track import Track
from vjgan.beat import BeatClock
from vjgan.budget import FPS, SOFTWARE_FPS
from vjgan.errors import VjganError
from vjgan.features import Analyser
from vjgan.generator.checkpoint import find_model
from vjgan.generator.worker import Direct
from vjgan.library import NO_MODEL, Library
from vjgan.licence import UNKNOWN, about_model, terms
from vjgan.listener import SteppedEar
from vjgan.media import Sound
from vjgan.render import render
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.setlist import is_setlist, named_presets
from vjgan.stats import peak_memory_mb
from vjgan.stock import demo_sound, make_library
from vjgan.types import ByteArray

SECONDS = 1
HEARD_FROM = 45  # seconds into the demo track: in its drop all of it plays


@dataclass
class Finding:
    """What one preset, or a set list, is like on this machine. ``wrong`` is empty if it plays;
    ``notes`` are worth knowing. Times are the slowest but one of a hundred."""

    name: str
    model: str = ""
    wrong: str = ""
    notes: list[str] = field(default_factory=list)
    start_s: float | None = None  # until its first picture; a model that is warm stays so
    frame_ms: float | None = None  # of the light, without the model, which has a thread of its own
    model_ms: float | None = None
    memory_mb: float | None = None  # the most that the process held while it played
    licence: str = ""


def preflight(
    names: Sequence[str], size: tuple[int, int], model: str = "", device: str = "auto"
) -> Iterator[Finding]:
    """A finding for each set list and each preset among ``names``, or for every preset there is
    without any, as they are found. Raises DeviceError where nothing can be drawn, and ShaderError
    when a shader does not compile."""
    library = make_library(model, device=device)
    wanted: list[str] = []
    with closing(OffscreenScreen(size, live=True)) as screen:
        for name in names:
            if is_setlist(Path(name)):
                finding, named = _setlist(Path(name), library)
                yield finding
                wanted += named
            else:
                wanted.append(name)
        sound = _sound()
        everything = [] if names else [str(path) for path in library.paths()]
        for name in dict.fromkeys(wanted or everything):
            yield _preset(name, library, screen, sound)


def _setlist(path: Path, library: Library) -> tuple[Finding, list[str]]:
    """The set list itself, and the presets in it."""
    finding = Finding(path.name)
    try:
        count = len(library.setlist(path).tracks)
        finding.notes.append(f"{count} track{'' if count == 1 else 's'}")
    except VjganError as error:
        finding.wrong = str(error)
    return finding, named_presets(path)


def _preset(name: str, library: Library, screen: OffscreenScreen, sound: Sound) -> Finding:
    finding = Finding(Path(name).stem)
    with suppress(OSError):  # Linux: forget the peak so far
        Path("/proc/self/clear_refs").write_text("5")
    with _listening(finding):
        try:
            path = library.find(name)
            finding.name = path.stem
            finding.model = library.model_of(library.preset(path))
            if finding.model != NO_MODEL:
                _note_licence(finding)
            _play(path, library, screen, sound, finding)
        except VjganError as error:
            finding.wrong = str(error)
        except Exception as error:  # whatever a model or a driver throws: the other presets count
            finding.wrong = f"it cannot be played: {type(error).__name__}: {error}"
    return finding


def _play(
    path: Path, library: Library, screen: OffscreenScreen, sound: Sound, finding: Finding
) -> None:
    """Play a second of a preset, and note how that went."""
    began = time.perf_counter()
    scene = library.scene(path)
    fps = round(SOFTWARE_FPS if screen.software else FPS)
    painter, ended = Direct(scene.generator), _Ended()
    ear = SteppedEar(Track(sound), Analyser(sound.sample_rate))
    frames = fps * SECONDS + 1
    rate, start = Fraction(fps), Fraction(0)
    render(scene, ear, BeatClock(), painter, screen, ended, rate, start, frames)
    for layer in scene.layers:
        layer.close()
    finding.start_s = ended.times[0] - began
    model_ms = np.array(painter.durations_ms)
    finding.model_ms = float(np.percentile(model_ms, 99))
    took = np.diff(ended.times) * 1e3
    light = took - model_ms[1:] if len(model_ms) == frames else took
    finding.frame_ms = float(np.percentile(light, 99))
    finding.memory_mb = peak_memory_mb()
    if np.median(light) > 1e3 / fps:
        finding.notes.append(f"slow to draw for {fps} frames a second: passes will be left out")


class _Ended:
    """A film that only notes when its frames are done."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def write(self, image: ByteArray) -> None:
        self.times.append(time.perf_counter())


def _note_licence(finding: Finding) -> None:
    path = find_model(finding.model, folder("models"))
    about = about_model(finding.model)
    finding.model, finding.licence = path.stem, about.licence or UNKNOWN
    if said := terms(about):
        finding.notes.append(said)
    if not about.trained:
        finding.notes.append(f"model '{about.name}' is a seeded, untrained network")


@contextmanager
def _listening(finding: Finding) -> Iterator[None]:
    """Take what is logged meanwhile as part of the finding: during a show it would only be logged,
    and the show go on."""

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.ERROR:
                finding.wrong = finding.wrong or record.getMessage()
            elif record.levelno == logging.WARNING:
                finding.notes.append(record.getMessage())

    log, handler = logging.getLogger("vjgan"), Listener()
    before = log.propagate
    log.addHandler(handler)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.propagate = before


def _sound() -> Sound:
    """Loud music, a little longer than what is played."""
    sound = demo_sound()
    start = HEARD_FROM * sound.sample_rate
    return Sound(
        sound.samples[start : start + (SECONDS + 1) * sound.sample_rate], sound.sample_rate
    )
