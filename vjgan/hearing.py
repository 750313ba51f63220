"""What a live show hears with: the source of its sound, the ear, the beat, who knows the tracks."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from pathlib import Path

from vjgan.audio.soundcard import Microphone, Speaker, find_input
from vjgan.audio.track import LiveTrack
from vjgan.beat import BeatClock, Session
from vjgan.chapters import GridTempo, Played
from vjgan.clock import WallClock
from vjgan.errors import DeviceError, MediaError, VjganError
from vjgan.features import Analyser
from vjgan.keeper import Analysis, Keeper
from vjgan.listener import Listener
from vjgan.media import Recording, open_recording
from vjgan.recognition.catalogue import catalogue_file, load
from vjgan.recognition.recogniser import Recogniser
from vjgan.score import Score
from vjgan.setlist import Setlist
from vjgan.settings import LiveSettings
from vjgan.stock import demo_sound
from vjgan.types import AudioSource

log = logging.getLogger("vjgan")

HOP = 256  # samples of a block


def source_of(settings: LiveSettings) -> Recording | str:
    """The track to play, or the name of the sound input to listen to (empty: the default one)."""
    if settings.input == "demo":
        return demo_sound()
    path = Path(settings.input)
    if settings.input and path.is_file():
        return open_recording(path)
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


def make_tempo(
    settings: LiveSettings, source: Recording | str, clock: WallClock, room: ExitStack
) -> BeatClock:
    """The beat clock, with the latencies of this rig; it leaves Link with the ``room``."""
    rig = settings.rig
    offset = rig.offset if settings.offset_ms is None else settings.offset_ms / 1e3
    return BeatClock(
        hold=settings.clock,
        link=_link(settings, clock, room),
        latency=0.0 if isinstance(source, Recording) else rig.latency,
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


def make_recogniser(setlist: Setlist | None, room: ExitStack) -> Recogniser | None:
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


def make_ear(
    settings: LiveSettings,
    source: Recording | str,
    clock: WallClock,
    keeper: Keeper,
    recogniser: Recogniser | None,
) -> Listener:
    def microphone() -> AudioSource:
        channel = settings.channel or None
        return Microphone(str(source) or None, channel=channel, clock_time=clock.time)

    def track() -> AudioSource:
        assert isinstance(source, Recording)
        return LiveTrack(
            source,
            clock_time=clock.time,
            open_speaker=None if settings.mute else Speaker,
            hop=HOP,
            loop=_loops(settings),
        )

    listens = track if isinstance(source, Recording) else microphone

    def analysis(rate: int) -> Analysis:
        analyse = Analyser(rate).analyse
        heard = analyse if recogniser is None else recogniser.overhearing(analyse)
        return Analysis(heard, keeper)

    return Listener(listens, analysis, clock.time)


def score_tempo(settings: LiveSettings, score: Score, source: Recording | str) -> GridTempo:
    """The beat of a score, where the ``source`` is. Raises VjganError when that is no track."""
    if not isinstance(source, Recording):
        raise VjganError(
            f"--score '{score.path}': where its track is can be told only while vjgan plays it, "
            f"not from '{settings.input}'"
        )
    loop = round(score.grid.bar(source.seconds)) if _loops(settings) else 0
    return GridTempo(score.grid, Played(HOP / source.sample_rate), loop)


def _loops(settings: LiveSettings) -> bool:
    return settings.input == "demo"
