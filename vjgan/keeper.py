"""Keeps the show while it runs: as a take, as a film with its sound, as stills."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import vjgan
from vjgan.errors import MediaError
from vjgan.media.codecs import suffix_of
from vjgan.output import Output
from vjgan.output.film import FilmOutput
from vjgan.output.still import StillOutput
from vjgan.stage import Scene
from vjgan.takes.ledger import Ledger
from vjgan.takes.writer import Entrance, TakeWriter
from vjgan.types import AudioFrame, Beat, Command, Event, Features, Screen, Tick

log = logging.getLogger("vjgan")

TAKES, FILMS, STILLS = Path("out/takes"), Path("out/films"), Path("out/stills")
FILM_WIDTH = 1920  # pixels, at most
SOFTWARE_FILM_WIDTH = 640  # where the processor draws: what it draws inside is no larger

# What a picture of scenes says of itself; may take a second.
Credits = Callable[[Sequence[Scene]], Mapping[str, str]]


@dataclass(frozen=True)
class About:
    """What is played: said of every take."""

    seed: int = 0
    model: str = ""  # that is played whatever presets ask for, if any
    input: str = ""
    track: bool = False  # whether the input is a track, of which one can say where in it we are
    score: Mapping[str, Any] | None = None  # that is played, see ``vjgan.libretto``


class Keeper:
    """The witness of a live show. Its commands are ``take``, ``record`` and ``still``."""

    def __init__(
        self,
        about: About,
        scene: Scene,
        take: Path | None = None,
        film: Path | None = None,
        software: bool = False,
        credits: Credits = lambda scenes: {},
        seen: Callable[[], Sequence[Scene]] = tuple,
        codec: str = "",
        alpha: bool = False,
        lines: Sequence[Output] = (),
    ) -> None:
        """Begins a take and a film at once where their files are given; ``software`` where the
        processor draws; ``seen`` are the scenes that are on stage, two and more while one turns
        into another; films by ``codec`` and, as stills, with ``alpha``; ``lines`` take the light
        from the beginning. Raises MediaError."""
        self.about = about
        self._scene = scene
        self._film_width = light_width(software)
        self._codec, self._alpha = codec, alpha
        self._suffix = suffix_of(codec, alpha)
        self._credits = credits
        self._seen = seen
        self._filmed: list[Scene] = []  # replaced for each film
        self._ledger = Ledger(_entrance(scene, 0.0))
        self._take: TakeWriter | None = None
        self._film: FilmOutput | None = None
        self._ends: list[threading.Thread] = []
        # Replaced, never changed: the listener reads it.
        self._outputs: tuple[Output, ...] = tuple(lines)
        self._stills: set[Path] = set()  # some may not be there yet
        # When a GPU was asked for the light last, by width and whether with alpha.
        self._glanced: dict[tuple[int, bool], float] = {}
        if film is not None:
            self._begin_film(film)
        if take is not None:
            self._begin_take(take, 0.0)

    # What the loop calls.

    def obeyed(self, event: Event, tick: Tick) -> None:
        """Note a gesture; do what it asks of a keeper."""
        self._ledger.note(event)
        if self._take is not None:
            self._take.gesture(event, tick)
        try:
            match event:
                case Command("take"):
                    self._toggle_take(tick)
                case Command("record"):
                    self._toggle_film()
                case Command("still"):
                    self._begin_still()
        except MediaError as error:
            log.error("%s", error)

    def entered(self, scene: Scene, tick: Tick) -> None:
        """Note a preset that enters."""
        self._scene = scene
        self._filmed.append(scene)
        entrance = _entrance(scene, tick.time)
        self._ledger.enter(entrance)
        if self._take is not None:
            self._take.enter(entrance)

    def shown(self, beat: Beat, screen: Screen, tick: Tick) -> None:
        """Note a frame, and give its light to whoever wants it."""
        if self._take is not None:
            self._take.frame(tick, beat)
        wanted: dict[tuple[int, bool], list[Output]] = {}
        for output in self._outputs:
            if output.over:
                self._outputs = tuple(one for one in self._outputs if one is not output)
            elif output.due(tick.present_time):
                key = min(output.width, screen.size[0]), output.alpha
                wanted.setdefault(key, []).append(output)
        for key, outputs in wanted.items():  # who wants the same shares it: it is read once
            self._give(outputs, key, screen, tick.present_time)

    def _give(
        self, outputs: Sequence[Output], key: tuple[int, bool], screen: Screen, time: float
    ) -> None:
        image = screen.glance(*key)
        seen = time if screen.software else self._glanced.get(key)
        self._glanced[key] = time
        if image is None or seen is None:
            return
        for output in outputs:
            output.show(image, seen)

    # What the listener's thread calls.

    def heard(self, block: AudioFrame, features: Features, place: float) -> None:
        """A block of sound, what it was analysed to, and how many seconds have been heard since
        its source was opened."""
        take = self._take
        if take is not None:
            take.hear(features, place if self.about.track else None)
        for output in self._outputs:
            output.hear(block)

    def close(self) -> None:
        """End what is being recorded, and wait for what was ended before."""
        if self._take is not None:
            self._end_take(self._take)
        for output in self._outputs:
            output.close()
        for end in self._ends:
            end.join()

    # Within.

    def _toggle_take(self, tick: Tick) -> None:
        take, self._take = self._take, None
        if take is None:
            self._begin_take(dated(TAKES, ".take"), tick.time)
        else:
            self._finish(partial(self._end_take, take))

    def _toggle_film(self) -> None:
        film, self._film = self._film, None
        if film is None or film.over:
            self._begin_film(dated(FILMS, self._suffix))
            return
        self._outputs = tuple(one for one in self._outputs if one is not film)
        self._finish(film.close)

    def _finish(self, end: Callable[[], None]) -> None:
        """Let something come to its end, for which no frame waits."""
        self._ends = [one for one in self._ends if one.is_alive()]
        self._ends.append(threading.Thread(target=end, name="end of what was kept"))
        self._ends[-1].start()

    def _begin_film(self, path: Path) -> None:
        make_folder(path.parent)
        self._filmed = self._on_stage()
        self._film = FilmOutput(
            path, self._film_width, self._credit(self._filmed), self._codec, self._alpha
        )
        self._outputs = (*self._outputs, self._film)

    def _begin_still(self) -> None:
        path = dated(STILLS, ".png", self._stills)
        make_folder(path.parent)
        self._stills.add(path)
        self._outputs = (
            *self._outputs,
            StillOutput(path, self._credit(self._on_stage()), self._alpha),
        )

    def _on_stage(self) -> list[Scene]:
        return list(self._seen()) or [self._scene]

    def _credit(self, scenes: Sequence[Scene]) -> Callable[[], Mapping[str, str]]:
        """What a picture says of all ``scenes`` that it shows by then, and when it was begun."""
        begun = now()
        return lambda: {**self._credits(tuple(scenes)), "Creation Time": begun}

    def _begin_take(self, path: Path, time: float) -> None:
        make_folder(path.parent)
        take = TakeWriter(path, self._words(), now)
        entrance, events = self._ledger.standing(time)
        take.enter(entrance)
        for event in events:
            take.gesture(event, Tick(0, time, 0.0, time))
        self._take = take
        log.info("take '%s' begins", path)

    def _end_take(self, take: TakeWriter) -> None:
        take.close()
        if not take.failed:
            log.info("take '%s' kept (%.1f MB)", take.path, take.bytes / 1e6)

    def _words(self) -> Mapping[str, Any]:
        about = self.about
        words = {"seed": about.seed, "model": about.model, "input": about.input}
        words |= {} if about.score is None else {"score": about.score}
        return {"program": f"vjgan {vjgan.__version__}", **words}


class Analysis:
    """An analysis that also lets a keeper hear; see ``vjgan.listener``."""

    def __init__(self, analyse: Callable[[AudioFrame], Features], keeper: Keeper) -> None:
        self._analyse = analyse
        self._keeper = keeper
        self._place = 0.0  # seconds heard

    def analyse(self, frame: AudioFrame) -> Features:
        """What the ear knows after a block."""
        features = self._analyse(frame)
        self._place += len(frame.samples) / frame.sample_rate
        self._keeper.heard(frame, features, self._place)
        return features


def light_width(software: bool) -> int:
    """How wide the light is copied, in pixels; ``software`` where the processor draws."""
    return SOFTWARE_FILM_WIDTH if software else FILM_WIDTH


def dated(folder: Path, suffix: str, given: Collection[Path] = ()) -> Path:
    """A name in a folder by the time of day, which no file has yet, nor any of ``given``."""
    stem = datetime.now().strftime("%Y-%m-%d-%H%M%S")
    path, count = folder / f"{stem}{suffix}", 1
    while path.exists() or path in given:
        count += 1
        path = folder / f"{stem}-{count}{suffix}"
    return path


def make_folder(path: Path) -> None:
    """Make sure that a folder is there. Raises MediaError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MediaError(f"folder '{path}' cannot be made: {error.strerror}") from None


def now() -> str:
    """The date and time, for people and machines."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def _entrance(scene: Scene, time: float) -> Entrance:
    beats = scene.crossfade_beats
    return Entrance(time, scene.key, scene.source, beats, chapter=scene.chapter)
