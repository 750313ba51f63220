"""A film of a track, put together from the rooms."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from vjgan.audio.track import Track
from vjgan.beat import BeatClock
from vjgan.chapters import Chapters, GridTempo
from vjgan.errors import VjganError
from vjgan.features import Analyser
from vjgan.generator.worker import Direct
from vjgan.library import Library
from vjgan.listener import SteppedEar
from vjgan.media import FilmWriter, Sound, check_film, read_sound, save_image
from vjgan.people import People
from vjgan.render import frame_count, render
from vjgan.roles import Scenes, Tempo
from vjgan.score import Score
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.stage import Scene
from vjgan.stock import credit, demo_sound, make_library, notice
from vjgan.types import Clock, Ear, Hands
from vjgan.workers import check_workers, shared

# How many frames there will be and what of; a context that gives the function to tell each to.
Progress = Callable[[int, str], AbstractContextManager[Callable[[int], None]]]


@dataclass(frozen=True)
class FilmSettings:
    """The options of ``vjgan render``; see its help."""

    track: str
    output: Path
    preset: str = ""
    model: str = ""
    size: tuple[int, int] = (1280, 720)
    fps: Fraction = Fraction(30)
    seed: int = 0
    start: Fraction = Fraction(0)
    end: Fraction | None = None
    device: str = "auto"
    flash_limit: bool = True
    score: Path | None = None  # plays instead of a preset; an empty track is its own
    workers: str = ""  # a number of processes that draw the model's pictures, or "ray"


def film(settings: FilmSettings, progress: Progress, picture: Path | None = None) -> None:
    """Render a film of a track, and if asked its last frame as a picture."""
    library = make_library(settings.model, settings.seed, settings.device, live=False)
    score = None if settings.score is None else library.score(settings.score)
    if score is not None:
        settings = replace(settings, track=settings.track or score.track)
    path = None if settings.track == "demo" else Path(settings.track)
    sound = demo_sound() if path is None else read_sound(path)
    start, end = _span(settings, sound)
    preset = library.find(settings.preset)

    def part() -> Part:
        chapters = None if score is None else _chapters(library, score)
        return Part(
            scene=lambda: library.scene(preset) if chapters is None else chapters.first,
            sound=path or sound,
            start=start,
            frames=frame_count(end - start, settings.fps),
            ear=SteppedEar(Track(sound.samples, sound.sample_rate), Analyser(sound.sample_rate)),
            tempo=BeatClock() if chapters is None else chapters.tempo,
            about=_about(library, preset, score),
            scenes=chapters,
        )

    shoot_shared(settings, library, part, progress, picture)


def _chapters(library: Library, score: Score) -> Chapters:
    return Chapters(library.chapters(score), GridTempo(score.grid))


def _about(library: Library, preset: Path, score: Score | None) -> Mapping[str, str]:
    if score is not None:
        return credit(library, score.chapters[0].preset, f"score {score.path.name}")
    return credit(library, preset, library.preset(preset).name)


@dataclass(frozen=True)
class Part:
    """What a film shows: its first ``scene``, made when the film can be written, and whoever plays
    it; ``start`` is where in the ``sound`` it begins, in seconds, below 0 before it."""

    scene: Callable[[], Scene]
    sound: Path | Sound
    start: Fraction
    frames: int
    ear: Ear
    tempo: Tempo
    about: Mapping[str, str]  # what its file says of itself
    clock: Clock | None = None
    hands: Hands | None = None
    scenes: Scenes | None = None


def shoot_shared(
    settings: FilmSettings,
    library: Library,
    part: Callable[[], Part],
    progress: Progress,
    picture: Path | None = None,
) -> None:
    """Write a film, by many workers if there shall be any; ``part`` makes it anew when asked."""
    if not check_workers(settings.workers):
        shoot(settings, part(), progress, picture)
        return
    check_film(settings.output, settings.size, settings.fps)
    with shared(settings, library, part, progress) as planned:
        shoot(settings, planned, progress, picture)


def shoot(
    settings: FilmSettings, part: Part, progress: Progress, picture: Path | None = None
) -> None:
    """Write a film, and if asked its last frame as a picture."""
    with ExitStack() as room:
        check = room.enter_context(_interruptible())
        writer = room.enter_context(
            FilmWriter(
                settings.output,
                settings.size,
                settings.fps,
                part.sound,
                part.start,
                about=part.about,
            )
        )
        screen = room.enter_context(closing(_screen(settings)))
        scene = part.scene()
        shown = room.enter_context(progress(part.frames, settings.output.name))

        def count(done: int) -> None:
            shown(done)
            check()

        render(
            scene,
            part.ear,
            part.tempo,
            Direct(scene.generator),
            screen,
            writer,
            settings.fps,
            part.start,
            part.frames,
            count,
            notice(scene.generator, settings.flash_limit),
            part.clock,
            part.hands,
            part.scenes,
            People(settings.seed),
        )
        if picture is not None:
            save_image(picture, screen.image(), part.about)


def _screen(settings: FilmSettings) -> OffscreenScreen:
    return OffscreenScreen(settings.size, flash_limit=settings.flash_limit)


@contextmanager
def _interruptible() -> Iterator[Callable[[], None]]:
    """A function that raises KeyboardInterrupt if somebody asked for it since: between two frames.
    Wherever else it came, it could be lost inside a library, or leave one in the middle of things.
    """
    asked = False

    def ask(number: int, frame: object) -> None:
        nonlocal asked
        asked = True

    def check() -> None:
        if asked:
            raise KeyboardInterrupt

    numbers = signal.SIGINT, signal.SIGTERM
    before = [signal.signal(number, ask) for number in numbers]
    try:
        yield check
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _span(settings: FilmSettings, sound: Sound) -> tuple[Fraction, Fraction]:
    """The part of the track that is filmed, in seconds."""
    length = Fraction(len(sound.samples), sound.sample_rate)
    end = length if settings.end is None else settings.end
    if not settings.start < end <= length:
        raise VjganError(
            f"--from {float(settings.start):g} --to {float(end):g} is not a part of "
            f"'{settings.track}', which lasts {float(length):.2f} s"
        )
    return settings.start, end
