"""A film of a take: the same show again, at another size and frame rate."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from vjgan.errors import MediaError, VjganError
from vjgan.film import FilmSettings, Part, Progress, shoot_shared
from vjgan.library import Library
from vjgan.libretto import read_told
from vjgan.licence import credits_of, warn
from vjgan.media import Sound, open_recording
from vjgan.render import frame_count
from vjgan.score import Score
from vjgan.snapshot import rooted
from vjgan.stage import Scene
from vjgan.stock import demo_sound, make_library
from vjgan.takes.replay import TakeBeat, TakeClock, TakeEar, TakeHands, TakeScenes
from vjgan.takes.take import Take, read_take
from vjgan.takes.writer import Entrance

DEMO = "demo"


def refilm(settings: FilmSettings, path: Path, progress: Progress) -> None:
    """Render the take of a file with a track's sound. Its seed is the take's, and so is its model
    unless another is asked for."""
    take = read_take(path)
    settings = replace(settings, seed=take.seed, model=settings.model or take.model)
    sound = _sound(settings, take)
    with ExitStack() as room:
        folder = Path(room.enter_context(tempfile.TemporaryDirectory(prefix="vjgan-take-")))
        library = make_library(settings.model, settings.seed, settings.device, live=False)
        sources = [_written(entrance, folder) for entrance in take.entrances if entrance.text]
        score = read_told(take.score, folder, library) if take.score else None
        warn(library, sources)
        length = Fraction(take.place(take.end) - take.place(take.start))

        def part() -> Part:
            clock = TakeClock(take, settings.fps, frame_count(length, settings.fps))
            scenes = TakeScenes(take, clock, scene_builder(library, folder, score))
            return Part(
                scene=lambda: scenes.first,
                sound=sound,
                start=Fraction(clock.place),
                frames=clock.frames,
                ear=TakeEar(take),
                tempo=TakeBeat(take),
                about=credits_of(library, sources, scenes.first.title),
                clock=clock,
                hands=TakeHands(take, clock),
                scenes=scenes,
            )

        if isinstance(sound, Path):
            settings = replace(settings, track=str(sound))
        shoot_shared(settings, library, part, progress, sources)


def describe_take(path: Path) -> list[str]:
    """What a take says of itself."""
    return read_take(path).lines()


def _sound(settings: FilmSettings, take: Take) -> Path | Sound:
    """The track that was asked for, or else the one that was played."""
    name = settings.track or take.input
    if name == DEMO:
        return _looped(demo_sound(), take.place(take.end))
    path = Path(name)
    if not settings.track and not path.is_file():
        raise VjganError(
            f"take '{take.path}' was played to '{take.input}', which is no file here: give the "
            "track with --audio"
        )
    open_recording(path)  # so that what cannot be read is told before the film
    return path


def _looped(sound: Sound, seconds: float) -> Sound:
    """The demo goes round and round in a show."""
    times = max(1, int(np.ceil(seconds / sound.seconds)))
    return Sound(np.tile(sound.samples, (times, 1)), sound.sample_rate)


def scene_builder(
    library: Library, folder: Path, score: Score | None
) -> Callable[[Entrance], Scene]:
    """Makes scenes of presets, or of the chapters of a score, as the take has them, whatever has
    become of their files since."""

    def build(entrance: Entrance) -> Scene:
        if score is not None and entrance.chapter is not None:
            if entrance.chapter < len(score.chapters):
                return library.chapter(score, entrance.chapter)
            raise MediaError(f"the take's score has no section {entrance.chapter + 1}")
        if not entrance.text:
            raise MediaError(f"the take does not hold preset '{entrance.key}'")
        return library.scene(_written(entrance, folder))

    return build


def _written(entrance: Entrance, folder: Path) -> Path:
    path = folder / f"{Path(entrance.key).name}.toml"
    text = rooted(entrance.text, entrance.source.parent) if entrance.source else entrance.text
    path.write_text(text, encoding="utf-8")
    return path
