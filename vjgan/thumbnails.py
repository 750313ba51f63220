"""Pictures of presets that were never played, drawn beside the show by a process that works only
while nobody else wants the processor."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from fractions import Fraction
from pathlib import Path

from vjgan.audio.track import Track
from vjgan.beat import BeatClock
from vjgan.features import Analyser
from vjgan.generator.worker import Direct
from vjgan.library import Library
from vjgan.listener import SteppedEar
from vjgan.media import Sound
from vjgan.remote.pictures import Thumbnails
from vjgan.render import render
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.stock import credit, demo_sound, make_library
from vjgan.types import ByteArray

log = logging.getLogger("vjgan")

SIZE = (320, 180)
FPS, FRAMES = 12, 30  # of what is played to see what a preset looks like
HEARD_FROM = 40  # seconds into the demo track: all of it plays
BEGIN_SECONDS = 15.0  # of the show, in which models are being warmed


class Illustrator:
    """Starts the process when presets lack pictures, one at a time, and not again for those for
    which it failed."""

    def __init__(self, folder: Path, now: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._now = now
        self._begin = now() + BEGIN_SECONDS
        self._tried: frozenset[Path] = frozenset()
        self._process: subprocess.Popen[bytes] | None = None

    def wish(self, presets: Sequence[Path]) -> None:
        """These presets lack a picture; returns at once."""
        wanted = frozenset(presets)
        if self._process is not None and self._process.poll() is None:
            return
        if not wanted - self._tried or self._now() < self._begin:
            return
        self._tried = wanted
        words = [sys.executable, "-m", "vjgan.thumbnails", self._folder, *sorted(wanted)]
        quiet = {"OMP_NUM_THREADS": "1", "VJGAN_WARM_GB": "0"}  # one model after the other
        with suppress(OSError):  # then they get their pictures when they are played
            self._process = subprocess.Popen(
                [str(word) for word in words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=dict(os.environ) | quiet,
            )
            _step_back(self._process.pid)

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()


def _step_back(process: int) -> None:
    """Let a process run only while no other wants to: its threads will, too."""
    with suppress(AttributeError, OSError):  # Linux only; it also rests half of its time
        os.sched_setscheduler(process, os.SCHED_IDLE, os.sched_param(0))


def draw(folder: Path, presets: Sequence[Path]) -> list[Path]:
    """Draw a thumbnail of each preset that has none in ``folder``; those that could be drawn.
    Raises DeviceError where nothing can be drawn."""
    thumbnails, sound = Thumbnails(folder), _sound()
    library = make_library(device="cpu", live=False)
    drawn = []
    with closing(OffscreenScreen(SIZE)) as screen:
        for path in presets:
            name = thumbnails.name(path)
            if not name or thumbnails.read(name) is not None:
                continue
            film = _Best()
            try:
                _play(path, library, screen, sound, film)
            except Exception as error:  # whatever a model or a driver throws: it has no picture
                log.debug("no thumbnail of '%s': %s", path, error)
                continue
            about = credit(library, path, path.stem)
            if film.image is not None and thumbnails.keep(name, film.image, about) is not None:
                drawn.append(path)
    return drawn


def _play(path: Path, library: Library, screen: OffscreenScreen, sound: Sound, film: _Best) -> None:
    scene = library.scene(path)
    try:
        ear = SteppedEar(Track(sound), Analyser(sound.sample_rate))
        painter, rate = Direct(scene.generator), Fraction(FPS)
        render(scene, ear, BeatClock(), painter, screen, film, rate, Fraction(0), FRAMES)
    finally:
        for layer in scene.layers:
            layer.close()


def _sound() -> Sound:
    sound = demo_sound()
    start, count = HEARD_FROM * sound.sample_rate, (FRAMES // FPS + 1) * sound.sample_rate
    return Sound(sound.samples[start : start + count], sound.sample_rate)


class _Best:
    """A film of which only the picture with the most contrast is kept, of the second half: trails
    have grown by then."""

    def __init__(self) -> None:
        self.image: ByteArray | None = None
        self._contrast = -1.0
        self._frames = 0
        self._ended = time.perf_counter()

    def write(self, image: ByteArray) -> None:
        self._frames += 1
        contrast = float(image.std())
        if self._frames > FRAMES // 2 and contrast > self._contrast:
            self.image, self._contrast = image, contrast
        time.sleep(min(1.0, time.perf_counter() - self._ended))
        self._ended = time.perf_counter()


if __name__ == "__main__":
    draw(Path(sys.argv[1]), [Path(word) for word in sys.argv[2:]])
