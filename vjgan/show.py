"""A live show, put together from the rooms."""

from __future__ import annotations

import gc
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

from vjgan.beat import check_clock
from vjgan.bindings import Controller
from vjgan.booth import DEFAULT_WINDOW, Watch, open_window
from vjgan.budget import FPS, SOFTWARE_FPS, Budget
from vjgan.chapters import Chapters
from vjgan.clock import WallClock
from vjgan.conductor import Conductor
from vjgan.control import PresetPen, make_desk, serve
from vjgan.engine import Engine
from vjgan.errors import DeviceError, MediaError, VjganError
from vjgan.files import check_place
from vjgan.film import FilmSettings, Progress, check_factor, film
from vjgan.generator.worker import NICENESS, Worker
from vjgan.hands import bind
from vjgan.hearing import make_ear, make_recogniser, make_tempo, score_tempo, source_of
from vjgan.interruption import ends
from vjgan.keeper import About, Keeper, light_width
from vjgan.learning import controllers_of
from vjgan.library import Library
from vjgan.libretto import told
from vjgan.licence import credits_of, warn
from vjgan.loader import Loader
from vjgan.media import Recording
from vjgan.media.codecs import check_codec, suffix_of
from vjgan.midi import MidiIn
from vjgan.output.line import check_line, open_line
from vjgan.people import People
from vjgan.priority import behind
from vjgan.remote.desk import Together
from vjgan.rig import load_rig
from vjgan.roles import Onlooker
from vjgan.score import Score
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.screen.window import Window
from vjgan.setlist import Setlist, check_unit
from vjgan.settings import LiveSettings
from vjgan.sitting import open_sitting
from vjgan.stage import Scene, Stage
from vjgan.stats import Stats, write_stats
from vjgan.stock import make_library, notice, runtime
from vjgan.types import Hands, Screen

log = logging.getLogger("vjgan")

SWITCH_INTERVAL_S = 0.001  # the interpreter's default of 5 ms is a third of a frame

# What `live` makes of a track where there is no display.
SHOW_FILM = Path("out/show.mp4")
SHOW_PICTURE = Path("out/show.png")
SHOW_SECONDS = Fraction(20)
SHOW_START = Fraction(37)  # through the build and into the drop
SHOW_SIZE = (640, 360)
SHOW_FPS = Fraction(30)


def perform(settings: LiveSettings, say: Callable[[str], None], progress: Progress) -> None:
    """Perform until someone leaves. Where there is no display, a track becomes a short film."""
    check_clock(settings.clock)
    settings = replace(settings, rig=load_rig())
    check_factor(settings.upscale)
    _check_outputs(settings)
    library = make_library(settings.model, settings.seed, settings.device, upscale=settings.upscale)
    setlist, score = _setlist(settings, library), _score(settings, library)
    if score is not None:
        settings = replace(settings, input=settings.input or score.track)
    path = _first(settings, library, setlist, score)
    settings = replace(settings, preset=str(path))
    warn(library, library.paths() if setlist is None else [t.preset for t in setlist.tracks])
    controllers = controllers_of(settings.rig)
    source = source_of(settings)
    with ExitStack() as room:
        midi = MidiIn(settings.midi or None, settings.midi_api or None)
        room.callback(midi.close)
        midi.check()
        chapters = None
        if score is not None:
            chapters = behind(NICENESS, partial(_chapters, settings, library, score, source))
        stage = Stage(first_scene(library, path) if chapters is None else chapters.first)
        try:
            screen = room.enter_context(closing(_screen(settings)))
        except DeviceError as error:
            kept = settings.take or settings.record or settings.outputs
            asked = settings.display or settings.window or kept
            if not isinstance(source, Recording) or asked:
                raise
            say(f"{error}; performing {SHOW_SECONDS} s offscreen into {SHOW_FILM}, {SHOW_PICTURE}")
        else:
            play(
                settings,
                library,
                path,
                stage,
                source,
                midi,
                screen,
                setlist,
                controllers,
                chapters,
                score,
            )
            return
    _film_instead(settings, progress)


def first_scene(library: Library, path: Path) -> Scene:
    """The scene of a show's first preset. What its model's libraries start goes behind the screen,
    as the model itself does."""
    return behind(NICENESS, partial(library.scene, path))


def _check_outputs(settings: LiveSettings) -> None:
    """Refuse at the door what could not be kept or shown elsewhere."""
    film = settings.record or Path(f"show{suffix_of(settings.codec, settings.alpha)}")
    check_codec(film, settings.codec, settings.alpha)
    for text in settings.outputs:
        check_line(text)
    if settings.stats is not None:
        check_place("statistics", settings.stats)


def _first(
    settings: LiveSettings, library: Library, setlist: Setlist | None, score: Score | None
) -> Path:
    """The preset that is on stage when the show begins."""
    if score is not None:
        return score.chapters[0].preset
    return setlist.tracks[0].preset if setlist else library.find(settings.preset)


def _score(settings: LiveSettings, library: Library) -> Score | None:
    if settings.score is None:
        return None
    if settings.preset or settings.setlist:
        raise VjganError(f"--score '{settings.score}' says what is played: no preset, no set list")
    return library.score(settings.score)


def _chapters(
    settings: LiveSettings, library: Library, score: Score, source: Recording | str
) -> Chapters:
    return Chapters(library.chapters(score), score_tempo(settings, score, source))


def _setlist(settings: LiveSettings, library: Library) -> Setlist | None:
    check_unit("--quantise", settings.quantise)
    if settings.setlist is None:
        return None
    if settings.preset:
        raise VjganError(
            f"--preset '{settings.preset}': the set list '{settings.setlist}' says what is played"
        )
    return library.setlist(settings.setlist)


def _screen(settings: LiveSettings) -> Screen:
    if settings.headless:
        return OffscreenScreen(
            settings.window or DEFAULT_WINDOW,
            live=True,
            flash_limit=settings.flash_limit,
            alpha=settings.alpha,
        )
    return open_window(
        settings.rig,
        settings.display,
        settings.layout,
        settings.window,
        settings.flash_limit,
        settings.operator,
        settings.alpha,
    )


def play(
    settings: LiveSettings,
    library: Library,
    path: Path,
    stage: Stage,
    source: Recording | str,
    hands: Hands,
    screen: Screen,
    setlist: Setlist | None = None,
    controllers: Sequence[Controller] = (),
    chapters: Chapters | None = None,
    score: Score | None = None,
) -> None:
    """Play what is on stage live, with everything in place, until someone leaves; the ``chapters``
    of a ``score`` instead of presets."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with ExitStack() as room:
        screen.expect(library.passes_of_files())
        painter = Worker(stage.scene.generator)
        room.callback(painter.close)
        room.callback(stage.close)
        scenes = Loader(library.scene, library.paths, path, library.prepare, library.known)
        room.callback(scenes.close)
        fps = SOFTWARE_FPS if screen.software else FPS
        clock = WallClock(fps, settings.seconds)
        keeper = _keeper(settings, source, stage, library, screen, score)
        room.callback(keeper.close)
        recogniser = make_recogniser(setlist, room)
        ear = make_ear(settings, source, clock, keeper, recogniser)
        room.callback(ear.close)
        stats = Stats(fps)
        budget = Budget(screen, painter, clock.period)
        tempo = make_tempo(settings, source, clock, room)
        heard = (lambda: None) if recogniser is None else recogniser.read
        conductor = Conductor(scenes, path, settings.quantise, setlist, tempo.expect, heard)
        desk = make_desk(library, scenes)
        sitting = open_sitting(settings.camera, stage, library) if settings.camera else None
        if sitting is not None:
            room.callback(sitting.close)
        seen = None if sitting is None else sitting.words
        pen = PresetPen(library, scenes, desk)
        bound, lesson = bind(hands, controllers, desk.standing, clock.time, library, room, pen)
        room.callback(serve(settings.control, desk, library, painter, fps, seen).close)
        onlooker: Onlooker = desk
        if isinstance(screen, Window) and screen.is_operated:
            onlooker = Watch(desk, screen, clock.period, lambda: (tempo.line(), budget.words()))
        engine = Engine(
            clock,
            ear,
            Together(bound, desk) if sitting is None else Together(bound, desk, sitting),
            tempo if chapters is None else chapters.tempo,
            conductor if chapters is None else chapters,
            stage,
            painter,
            screen,
            stats,
            now=clock.time,
            notice=notice(stage.scene.generator, settings.flash_limit),
            onlooker=onlooker,
            budget=budget,
            score=conductor if chapters is None else None,
            pupil=lesson,
            witness=keeper,
            people=People(settings.seed),
            mirror=sitting,
        )
        for number in ends():
            signal.signal(number, lambda *_: clock.stop())
        gc.freeze()  # what is loaded by now stays: no need to look through it during the show
        engine.run()
        if settings.stats is not None:
            ran = {"runtime": runtime(stage.scene.generator), "quality": budget.summary()}
            ran |= {} if sitting is None else {"camera": sitting.summary()}
            summary = stats.summary(painter.frames, painter.durations_ms)
            write_stats(settings.stats, summary | ran)


def _keeper(
    settings: LiveSettings,
    source: Recording | str,
    stage: Stage,
    library: Library,
    screen: Screen,
    score: Score | None,
) -> Keeper:
    track = isinstance(source, Recording)
    heard = settings.input or "the system's sound input"
    return Keeper(
        About(settings.seed, settings.model, heard, track, None if score is None else told(score)),
        stage.scene,
        settings.take,
        settings.record,
        screen.software,
        lambda scenes: credits_of(library, [one.source for one in scenes], scenes[0].title),
        lambda: stage.scenes,
        settings.codec,
        settings.alpha,
        [
            open_line(text, light_width(screen.software), settings.alpha)
            for text in settings.outputs
        ],
    )


def _film_instead(settings: LiveSettings, progress: Progress) -> None:
    try:
        SHOW_FILM.parent.mkdir(exist_ok=True)
    except OSError as error:
        raise MediaError(f"folder '{SHOW_FILM.parent}' cannot be made: {error.strerror}") from None
    film(
        FilmSettings(
            track=settings.input,
            output=SHOW_FILM,
            preset=settings.preset,
            model=settings.model,
            size=SHOW_SIZE,
            fps=SHOW_FPS,
            seed=settings.seed,
            start=SHOW_START,
            end=SHOW_START + SHOW_SECONDS,
            device=settings.device,
            flash_limit=settings.flash_limit,
        ),
        progress,
        picture=SHOW_PICTURE,
    )
