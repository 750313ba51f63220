"""A live show, put together from the rooms."""

from __future__ import annotations

import gc
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

from vjgan.audio.soundcard import Microphone, Speaker, find_input
from vjgan.audio.track import LiveTrack
from vjgan.beat import BeatClock, Session, check_clock
from vjgan.bindings import Controller
from vjgan.booth import DEFAULT_WINDOW, Watch, open_window
from vjgan.budget import FPS, SOFTWARE_FPS, Budget
from vjgan.clock import WallClock
from vjgan.conductor import Conductor
from vjgan.control import ControlSettings, make_desk, serve
from vjgan.engine import Engine, Onlooker
from vjgan.errors import DeviceError, MediaError, VjganError
from vjgan.features import Analyser
from vjgan.film import FilmSettings, Progress, film
from vjgan.generator.worker import Worker
from vjgan.hands import bind
from vjgan.keeper import About, Analysis, Keeper
from vjgan.learning import controllers_of
from vjgan.library import Library
from vjgan.listener import Listener
from vjgan.loader import Loader
from vjgan.media import Sound, read_sound
from vjgan.midi import MidiIn
from vjgan.recognition.catalogue import catalogue_file, load
from vjgan.recognition.recogniser import Recogniser
from vjgan.remote.desk import Together
from vjgan.rig import Rig, load_rig
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.screen.window import Window
from vjgan.setlist import Setlist, check_unit
from vjgan.stage import Stage
from vjgan.stats import Stats, write_stats
from vjgan.stock import credit, demo_sound, make_library, notice, runtime
from vjgan.types import AudioSource, Hands, Screen

log = logging.getLogger("vjgan")

SWITCH_INTERVAL_S = 0.001  # the interpreter's default of 5 ms is a third of a frame

# What `live` makes of a track where there is no display.
SHOW_FILM = Path("out/show.mp4")
SHOW_PICTURE = Path("out/show.png")
SHOW_SECONDS = Fraction(20)
SHOW_START = Fraction(37)  # through the build and into the drop
SHOW_SIZE = (640, 360)
SHOW_FPS = Fraction(30)


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


def perform(settings: LiveSettings, say: Callable[[str], None], progress: Progress) -> None:
    """Perform until someone leaves. Where there is no display, a track becomes a short film."""
    check_clock(settings.clock)
    settings = replace(settings, rig=load_rig())
    library = make_library(settings.model, settings.seed, settings.device)
    setlist = _setlist(settings, library)
    path = setlist.tracks[0].preset if setlist else library.find(settings.preset)
    settings = replace(settings, preset=str(path))
    controllers = controllers_of(settings.rig)
    source = _source(settings)
    with ExitStack() as room:
        midi = MidiIn(settings.midi or None, settings.midi_api or None)
        room.callback(midi.close)
        midi.check()
        stage = Stage(library.scene(path))
        try:
            screen = room.enter_context(closing(_screen(settings)))
        except DeviceError as error:
            if not isinstance(source, Sound) or settings.display or settings.window:
                raise
            say(f"{error}; performing {SHOW_SECONDS} s offscreen into {SHOW_FILM}, {SHOW_PICTURE}")
        else:
            play(settings, library, path, stage, source, midi, screen, setlist, controllers)
            return
    _film_instead(settings, progress)


def _setlist(settings: LiveSettings, library: Library) -> Setlist | None:
    check_unit("--quantise", settings.quantise)
    if settings.setlist is None:
        return None
    if settings.preset:
        raise VjganError(
            f"--preset '{settings.preset}': the set list '{settings.setlist}' says what is played"
        )
    return library.setlist(settings.setlist)


def _source(settings: LiveSettings) -> Sound | str:
    """The track to play, or the name of the sound input to listen to (empty: the default one)."""
    if settings.input == "demo":
        return demo_sound()
    path = Path(settings.input)
    if settings.input and path.is_file():
        return read_sound(path)
    try:
        device = find_input(settings.input or None)
        if settings.channel > device.channels:
            raise VjganError(
                f"--channel {settings.channel}: sound input '{device.name}' has channels "
                f"1 to {device.channels}"
            )
    except DeviceError as error:
        if path.suffix or len(path.parts) > 1:
            raise MediaError(f"--input '{settings.input}': no such file; {error}") from None
        if settings.input:
            raise
        log.warning("%s; the show waits for one", error)
    return settings.input


def _screen(settings: LiveSettings) -> Screen:
    if settings.headless:
        return OffscreenScreen(
            settings.window or DEFAULT_WINDOW, live=True, flash_limit=settings.flash_limit
        )
    return open_window(
        settings.rig,
        settings.display,
        settings.layout,
        settings.window,
        settings.flash_limit,
        settings.operator,
    )


def play(
    settings: LiveSettings,
    library: Library,
    path: Path,
    stage: Stage,
    source: Sound | str,
    hands: Hands,
    screen: Screen,
    setlist: Setlist | None = None,
    controllers: Sequence[Controller] = (),
) -> None:
    """Play what is on stage live, with everything in place, until someone leaves."""
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
        keeper = _keeper(settings, source, stage, library, screen)
        room.callback(keeper.close)
        recogniser = _recogniser(setlist, room)
        ear = _ear(settings, source, clock, keeper, recogniser)
        room.callback(ear.close)
        stats = Stats(fps)
        budget = Budget(screen, painter, clock.period)
        tempo = _tempo(settings, source, clock, room)
        heard = (lambda: None) if recogniser is None else recogniser.read
        conductor = Conductor(scenes, path, settings.quantise, setlist, tempo.expect, heard)
        desk = make_desk(library, scenes)
        bound, lesson = bind(hands, controllers, desk.standing, clock.time, library.paths, room)
        room.callback(serve(settings.control, desk, library, painter, fps).close)
        onlooker: Onlooker = desk
        if isinstance(screen, Window) and screen.is_operated:
            onlooker = Watch(desk, screen, clock.period, lambda: (tempo.line(), budget.words()))
        engine = Engine(
            clock,
            ear,
            Together(bound, desk),
            tempo,
            conductor,
            stage,
            painter,
            screen,
            stats,
            now=clock.time,
            notice=notice(stage.scene.generator, settings.flash_limit),
            onlooker=onlooker,
            budget=budget,
            score=conductor,
            pupil=lesson,
            witness=keeper,
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: clock.stop())
        gc.freeze()  # what is loaded by now stays: no need to look through it during the show
        engine.run()
        if settings.stats is not None:
            ran = {"runtime": runtime(stage.scene.generator), "quality": budget.summary()}
            summary = stats.summary(painter.frames, painter.durations_ms)
            write_stats(settings.stats, summary | ran)


def _tempo(
    settings: LiveSettings, source: Sound | str, clock: WallClock, room: ExitStack
) -> BeatClock:
    """The beat clock, with the latencies of this rig; it leaves Link with the ``room``."""
    rig = settings.rig
    offset = rig.offset if settings.offset_ms is None else settings.offset_ms / 1e3
    return BeatClock(
        hold=settings.clock,
        link=_link(settings, clock, room),
        latency=0.0 if isinstance(source, Sound) else rig.latency,
        offset=offset,
    )


def _link(settings: LiveSettings, clock: WallClock, room: ExitStack) -> Session | None:
    """A seat in the Link session, where the performer wants to open the show to the network."""
    if not (settings.link or settings.rig.link or settings.clock == "link"):
        return None
    try:
        from vjgan.beat.link import LinkSession
    except ImportError:
        raise VjganError("Ableton Link is not installed: pip install -e '.[link]'") from None
    session = LinkSession(clock.time)
    room.callback(session.close)
    return session


def _keeper(
    settings: LiveSettings, source: Sound | str, stage: Stage, library: Library, screen: Screen
) -> Keeper:
    track = isinstance(source, Sound)
    heard = settings.input or "the system's sound input"
    return Keeper(
        About(settings.seed, settings.model, heard, track),
        stage.scene,
        settings.take,
        settings.record,
        screen.software,
        lambda scene: credit(library, scene.source, scene.title),
    )


def _recogniser(setlist: Setlist | None, room: ExitStack) -> Recogniser | None:
    """Who says which track is playing, where the set list names files that were learnt. Raises
    VjganError."""
    wanted = [] if setlist is None else setlist.files()
    if not wanted:
        return None
    tracks = load(catalogue_file())
    for name in wanted:
        if name not in [one.name for one in tracks]:
            log.warning("set list: '%s' will not be recognised: learn it by `vjgan learn`", name)
    if not tracks:
        return None
    recogniser = Recogniser(tracks)  # all of them: what is known is not taken for another
    room.callback(recogniser.close)
    return recogniser


def _ear(
    settings: LiveSettings,
    source: Sound | str,
    clock: WallClock,
    keeper: Keeper,
    recogniser: Recogniser | None,
) -> Listener:
    def microphone() -> AudioSource:
        channel = settings.channel or None
        return Microphone(str(source) or None, channel=channel, clock_time=clock.time)

    def track() -> AudioSource:
        assert isinstance(source, Sound)
        return LiveTrack(
            source.samples,
            source.sample_rate,
            clock_time=clock.time,
            open_speaker=None if settings.mute else Speaker,
            loop=settings.input == "demo",
        )

    listens = track if isinstance(source, Sound) else microphone

    def analysis(rate: int) -> Analysis:
        analyse = Analyser(rate).analyse
        heard = analyse if recogniser is None else recogniser.overhearing(analyse)
        return Analysis(heard, keeper)

    return Listener(listens, analysis, clock.time)


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
