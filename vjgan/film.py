"""A film of a track, put together from the rooms."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from vjgan.audio.track import Track
from vjgan.beat import BeatClock
from vjgan.chapters import Chapters, GridTempo
from vjgan.errors import MediaError, VjganError
from vjgan.features import Analyser
from vjgan.files import check_apart
from vjgan.generator.superres import Enlarging, open_superres
from vjgan.generator.worker import Direct
from vjgan.interruption import interruptible
from vjgan.library import Library
from vjgan.licence import credits_of, warn
from vjgan.listener import SteppedEar
from vjgan.media import FilmWriter, Recording, Sound, check_film, open_recording, save_image
from vjgan.media.codecs import check_codec
from vjgan.people import People
from vjgan.render import Film, frame_count, render
from vjgan.roles import Scenes, Tempo
from vjgan.score import Score
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.stage import Scene
from vjgan.stock import credit, demo_sound, make_library, notice
from vjgan.types import ByteArray, Clock, Ear, Hands
from vjgan.workers import check_workers, shared

log = logging.getLogger("vjgan")

FACTORS = (1, 2, 4)  # by which light can be enlarged

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
    upscale: int = 1  # times by which the light is enlarged to that size
    codec: str = ""  # empty: the usual one of such files
    alpha: bool = False  # what of the light is clear is kept
    workers: str = ""  # a number of processes that draw the model's pictures, or "ray"


def film(settings: FilmSettings, progress: Progress, picture: Path | None = None) -> None:
    """Render a film of a track, and if asked its last frame as a picture."""
    library = make_library(settings.model, settings.seed, settings.device, live=False)
    score = None if settings.score is None else library.score(settings.score)
    if score is not None:
        settings = replace(settings, track=settings.track or score.track)
    path = None if settings.track == "demo" else Path(settings.track)
    sound = demo_sound() if path is None else open_recording(path)
    start, end = _span(settings, sound)
    preset = library.find(settings.preset)
    sources = [preset] if score is None else [chapter.preset for chapter in score.chapters]
    warn(library, sources)

    def part() -> Part:
        chapters = None if score is None else _chapters(library, score)
        return Part(
            scene=lambda: library.scene(preset) if chapters is None else chapters.first,
            sound=sound if isinstance(sound, Sound) else sound.path,
            start=start,
            frames=frame_count(end - start, settings.fps),
            ear=SteppedEar(Track(sound), Analyser(sound.sample_rate)),
            tempo=BeatClock() if chapters is None else chapters.tempo,
            about=_about(library, preset, score),
            scenes=chapters,
        )

    shoot_shared(settings, library, part, progress, sources, picture)


def _chapters(library: Library, score: Score) -> Chapters:
    return Chapters(library.chapters(score), GridTempo(score.grid))


def _about(library: Library, preset: Path, score: Score | None) -> Mapping[str, str]:
    if score is not None:
        sources = [chapter.preset for chapter in score.chapters]
        return credits_of(library, sources, f"score {score.path.name}")
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
    sources: Sequence[Path],
    picture: Path | None = None,
) -> None:
    """Write a film, by many workers if there shall be any; ``part`` makes it anew when asked, of
    presets with these ``sources``."""
    inner_size(settings.size, settings.upscale)
    if settings.alpha and settings.upscale > 1:
        raise VjganError(f"--upscale {settings.upscale} knows no alpha; leave out one of them")
    check_codec(settings.output, settings.codec, settings.alpha)
    layers = [row for source in sources for row in library.preset(source).layers]
    read = [Path(settings.track), *(Path(row.place) for row in layers if row.kind == "video")]
    check_apart("film", settings.output, read, MediaError)
    with interruptible() as check:
        if not check_workers(settings.workers):
            shoot(settings, part(), progress, check, picture)
            return
        check_film(settings.output, settings.size, settings.fps)
        with shared(settings, library, part, progress, check) as planned:
            shoot(settings, planned, progress, check, picture)


def shoot(
    settings: FilmSettings,
    part: Part,
    progress: Progress,
    check: Callable[[], None],
    picture: Path | None = None,
) -> None:
    """Write a film, and if asked its last frame as a picture; ``check`` is called between two
    frames."""
    about = part.about
    if settings.upscale > 1:
        about = {**about, "Enlarged": f"{settings.upscale} times, by a network of vjgan's own"}
    with ExitStack() as room:
        writer = room.enter_context(
            FilmWriter(
                settings.output,
                settings.size,
                settings.fps,
                part.sound,
                part.start,
                about=about,
                codec=settings.codec,
                alpha=settings.alpha,
            )
        )
        log.info("film '%s': %dx%d by %s", settings.output, *settings.size, writer.encoder)
        screen = room.enter_context(closing(_screen(settings)))
        enlarge = _enlarging(settings)
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
            Enlarged(writer, enlarge),
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
            save_image(picture, enlarge(screen.image()), about)


class Enlarged:
    """A film whose frames are enlarged on their way there."""

    def __init__(self, film: Film, enlarge: Enlarging) -> None:
        self._film = film
        self._enlarge = enlarge

    def write(self, image: ByteArray) -> None:
        """Append a frame."""
        self._film.write(self._enlarge(image))


def inner_size(size: tuple[int, int], upscale: int) -> tuple[int, int]:
    """The width and height at which the light is drawn that is then enlarged to ``size``. Raises
    VjganError."""
    check_factor(upscale)
    if upscale > 1 and any(side % (2 * upscale) for side in size):
        raise VjganError(
            f"--size {size[0]}x{size[1]} with --upscale {upscale} must be multiples of "
            f"{2 * upscale}"
        )
    return size[0] // upscale, size[1] // upscale


def check_factor(upscale: int) -> None:
    """Raises VjganError for what is no ``--upscale``."""
    if upscale not in FACTORS:
        raise VjganError(f"--upscale {upscale} is none of {', '.join(map(str, FACTORS))}")


def _enlarging(settings: FilmSettings) -> Enlarging:
    if settings.upscale == 1:
        return lambda image: image
    return open_superres(settings.upscale, settings.device)


def _screen(settings: FilmSettings) -> OffscreenScreen:
    size = inner_size(settings.size, settings.upscale)
    return OffscreenScreen(size, flash_limit=settings.flash_limit, alpha=settings.alpha)


def _span(settings: FilmSettings, sound: Recording) -> tuple[Fraction, Fraction]:
    """The part of the track that is filmed, in seconds."""
    length = Fraction(sound.count(), sound.sample_rate)
    end = length if settings.end is None else settings.end
    if not settings.start < end <= length:
        raise VjganError(
            f"--from {float(settings.start):g} --to {float(end):g} is not a part of "
            f"'{settings.track}', which lasts {float(length):.2f} s"
        )
    return settings.start, end
