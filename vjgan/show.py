"""A live show put together from its rooms, and a film likewise."""

from __future__ import annotations

import gc
import logging
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vjgan.assets import folder
from vjgan.audio.demo import demo
from vjgan.audio.soundcard import Microphone, Speaker, find_input
from vjgan.audio.track import LiveTrack, Track
from vjgan.beat import BeatClock
from vjgan.clock import WallClock
from vjgan.controls import CONTROLS, Control
from vjgan.engine import Engine
from vjgan.errors import DeviceError, MediaError, VjganError
from vjgan.features import Analyser
from vjgan.generator.checkpoint import find_model, info
from vjgan.generator.player import open_model
from vjgan.generator.worker import Direct, Worker
from vjgan.library import Library
from vjgan.listener import Listener, SteppedEar
from vjgan.loader import Loader
from vjgan.mapping import SIGNALS
from vjgan.media import FilmWriter, Sound, read_sound, save_image
from vjgan.midi import MidiIn
from vjgan.motion import MotionSettings, make_motion
from vjgan.preset import MotionTable
from vjgan.render import frame_count, render
from vjgan.screen.glsl import FIXED, declared_controls
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.screen.window import Window
from vjgan.stage import Mover, Scene, Stage
from vjgan.stats import Stats, write_stats
from vjgan.types import AudioSource, Generator, Hands, LatentSpace, Screen

# How many frames there will be and what of; a context that gives the function to tell each to.
Progress = Callable[[int, str], AbstractContextManager[Callable[[int], None]]]

log = logging.getLogger("vjgan")

DEFAULT_MODEL = "alive"
DEFAULT_WINDOW = (1280, 720)
FPS = 60.0
SOFTWARE_FPS = 30.0  # where the processor draws: what is left is the model's
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
    display: int | None = None
    window: tuple[int, int] | None = None
    headless: bool = False
    seconds: float | None = None
    stats: Path | None = None
    seed: int = 0
    mute: bool = False
    device: str = "auto"


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


def make_library(
    model: str = "", seed: int = 0, device: str = "auto", live: bool = True
) -> Library:
    """The bundled presets, shaders and models."""
    models = folder("models")
    return Library(
        presets_folder=folder("presets"),
        passes=passes,
        load=lambda name: open_model(find_model(name, models), device, live),
        moving=_moving,
        default_model=DEFAULT_MODEL,
        model=model,
        seed=seed,
    )


def passes() -> Mapping[str, Mapping[str, Control]]:
    """The shader passes that presets may name, with their controls."""
    declared = declared_controls(folder("shaders"))
    return {name: rows for name, rows in declared.items() if name not in FIXED}


def _moving(table: MotionTable, space: LatentSpace) -> Mover:
    stops = tuple((stop.seed, stop.bars) for stop in table.keyframes)
    return make_motion(
        MotionSettings(table.kind, table.seed, table.bars, table.anchors, stops), space
    )


def perform(settings: LiveSettings, say: Callable[[str], None], progress: Progress) -> None:
    """Perform until someone leaves. Where there is no display, a track becomes a short film."""
    library = make_library(settings.model, settings.seed, settings.device)
    path = library.find(settings.preset)
    source = _source(settings)
    with ExitStack() as room:
        midi = MidiIn(settings.midi or None, settings.midi_api or None)
        room.callback(midi.close)
        midi.check()
        scene = library.scene(path)
        try:
            screen = room.enter_context(closing(_screen(settings)))
        except DeviceError as error:
            if not isinstance(source, Sound) or settings.display is not None or settings.window:
                raise
            say(f"{error}; performing {SHOW_SECONDS} s offscreen into {SHOW_FILM}, {SHOW_PICTURE}")
        else:
            play(settings, library, path, scene, source, midi, screen)
            return
    _film_instead(settings, progress)


def _source(settings: LiveSettings) -> Sound | str:
    """The track to play, or the name of the sound input to listen to (empty: the default one)."""
    if settings.input == "demo":
        return _demo_sound()
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


def _demo_sound() -> Sound:
    track = demo()
    return Sound(track.samples, track.sample_rate)


def _screen(settings: LiveSettings) -> Screen:
    if settings.headless:
        return OffscreenScreen(settings.window or DEFAULT_WINDOW, live=True)
    return Window(
        size=settings.window or DEFAULT_WINDOW,
        display=settings.display,
        fullscreen=settings.display is not None,
    )


def play(
    settings: LiveSettings,
    library: Library,
    path: Path,
    scene: Scene,
    source: Sound | str,
    hands: Hands,
    screen: Screen,
) -> None:
    """Play a scene live, with everything in place, until someone leaves."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with ExitStack() as room:
        painter = Worker(scene.generator)
        room.callback(painter.close)
        scenes = Loader(library.scene, library.paths, path)
        room.callback(scenes.close)
        fps = SOFTWARE_FPS if screen.software else FPS
        clock = WallClock(fps, settings.seconds)
        ear = _ear(settings, source, clock)
        room.callback(ear.close)
        stats = Stats(fps)
        engine = Engine(
            clock,
            ear,
            hands,
            BeatClock(),
            scenes,
            Stage(scene),
            painter,
            screen,
            stats,
            now=clock.time,
            notice=_notice(scene.generator),
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: clock.stop())
        gc.freeze()  # what is loaded by now stays: no need to look through it during the show
        engine.run()
        if settings.stats is not None:
            write_stats(settings.stats, stats.summary(painter.frames, painter.durations_ms))


def _ear(settings: LiveSettings, source: Sound | str, clock: WallClock) -> Listener:
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
    return Listener(listens, Analyser, clock.time)


def _notice(generator: Generator) -> Sequence[str]:
    """What the audience's first seconds say of a model that has learned nothing yet."""
    return () if generator.trained else (f"{generator.name}: a seeded, untrained network",)


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
        ),
        progress,
        picture=SHOW_PICTURE,
    )


def film(settings: FilmSettings, progress: Progress, picture: Path | None = None) -> None:
    """Render a film of a track, and if asked its middle frame as a picture."""
    path = None if settings.track == "demo" else Path(settings.track)
    sound = _demo_sound() if path is None else read_sound(path)
    start, end = _span(settings, sound)
    frames = frame_count(end - start, settings.fps)
    library = make_library(settings.model, settings.seed, settings.device, live=False)
    preset = library.find(settings.preset)
    with ExitStack() as room:
        writer = room.enter_context(
            FilmWriter(settings.output, settings.size, settings.fps, path or sound, float(start))
        )
        screen = room.enter_context(closing(OffscreenScreen(settings.size)))
        scene = library.scene(preset)
        source = Track(sound.samples, sound.sample_rate)
        shown = room.enter_context(progress(frames, settings.output.name))
        render(
            scene,
            SteppedEar(source, Analyser(sound.sample_rate)),
            BeatClock(),
            Direct(scene.generator),
            screen,
            writer,
            settings.fps,
            start,
            frames,
            shown,
            _notice(scene.generator),
        )
        if picture is not None:
            save_image(picture, screen.image())


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


def list_presets() -> tuple[list[str], bool]:
    """A line for each preset, or what is wrong with it, and whether all are good."""
    library = make_library()
    lines, good = [], True
    for number, path in enumerate(library.paths(), start=1):
        try:
            preset = library.preset(path)
            lines.append(f"{number:2}  {preset.key:<14} {preset.description}")
        except VjganError as error:
            lines.append(f"{number:2}  {path.stem:<14} BROKEN: {error}")
            good = False
    return lines, good


def list_controls() -> list[str]:
    """A line for each control and each signal."""
    rows = [*CONTROLS.values(), *(row for own in passes().values() for row in own.values())]
    lines = ["Controls: name, range, default, what it does"]
    for row in rows:
        span = f"{row.minimum:g}..{row.maximum:g} {row.unit}".strip()
        lines.append(f"  {row.name:<22} {span:<18} {row.default:<6g} {row.does}")
    lines.append("Sources for routes (all 0..1)")
    lines += [f"  {name:<22} {does}" for name, does in SIGNALS.items()]
    others = {
        "lfo.NAME": "a wave of the preset's own",
        "midi.ccN": "a knob; midi.3.ccN only on channel 3; likewise noteN and pitch",
    }
    return lines + [f"  {name:<22} {does}" for name, does in others.items()]


def describe_model(name: str) -> list[str]:
    """What a model says of itself."""
    return info(find_model(name or DEFAULT_MODEL, folder("models"))).lines()
