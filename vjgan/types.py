"""The values that flow from sound to light, and the Protocols of the stages between them.

Every value is frozen and carries ``time``: seconds on the show's one clock (0 at the start).
Since ``time`` travels with the data, sound-to-light latency is one subtraction at the screen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]

OCTAVES = 8  # bands of sound, each about an octave wide
GLANCE_WIDTH = 320  # pixels
LEAST_DB = -120.0  # of full scale: nothing


@dataclass(frozen=True, slots=True)
class Tick:
    """One beat of the loop's own clock: frame ``index``, its ``time``, ``dt`` since the last one,
    and ``present_time``, when this frame's light is expected to leave the screen (seconds)."""

    index: int
    time: float
    dt: float
    present_time: float


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """A block of sound. ``time`` is when its last sample was in the air."""

    time: float
    samples: FloatArray  # [block], mono, -1..1
    sample_rate: int  # Hz
    peak: float | None = None  # the largest of all channels, before they were mixed; None: of these


@dataclass(frozen=True, slots=True)
class Features:
    """What the ear knows at ``time``. Counters only grow, so reading only the newest value never
    loses an onset or a beat."""

    time: float = 0.0
    level: float = 0.0  # 1.0 = running mean, 0..8
    low: float = 0.0  # energy below 150 Hz, same scale
    mid: float = 0.0  # 150 Hz to 2 kHz
    high: float = 0.0  # above 2 kHz
    bands: tuple[float, ...] = (0.0,) * OCTAVES  # same scale; below 80, 150, 350, 850 Hz, 2, 4, 8 k
    centroid_hz: float = 0.0
    flatness: float = 0.0  # 0 a tone, 1 noise
    intensity: float = 0.0  # 0..1, against the last minutes
    peak_db: float = LEAST_DB  # of full scale, falling slowly; 0 and more is clipped
    clip_count: int = 0  # blocks that reached full scale
    bpm: float = 0.0  # 0 = not known yet
    beat_phase: float = 0.0  # 0..1 at `time`
    confidence: float = 0.0  # 0..1, of bpm and phase
    bar_phase: float = 0.0  # 0..1 at `time`, of a bar of `bar_beats`
    bar_beats: int = 4  # or 3
    bar_confidence: float = 0.0  # 0..1
    onset_count: int = 0
    onset_time: float = -1e9  # of the newest onset
    kick_count: int = 0
    kick_time: float = -1e9
    snare_count: int = 0
    snare_time: float = -1e9
    hat_count: int = 0  # and every other cymbal
    hat_time: float = -1e9
    beat_count: int = 0
    beat_time: float = -1e9  # of the newest beat
    silent: bool = True
    alive: bool = False  # the source delivers blocks
    blocks_read: int = 0
    blocks_lost: int = 0


@dataclass(frozen=True, slots=True)
class Beat:
    """The musical position at the frame's present time. ``position`` counts beats, never falls and
    never jumps; its whole part is the beat, its fraction the phase."""

    position: float = 0.0
    bpm: float = 120.0
    confidence: float = 0.0  # 0..1
    source: str = "free"  # "link", "midi", "tracker", "tap" or "free"
    downbeat: float = 0.0  # a position at which a bar begins; whole, and not above `position`

    @property
    def bar(self) -> float:
        """Bars of four beats: the whole part counts them and never falls, the fraction is 0..1
        through this one."""
        return (self.position - self.downbeat) / 4.0

    def after(self, seconds: float) -> Beat:
        """Where the music will be in so many seconds."""
        return replace(self, position=self.position + self.bpm / 60.0 * seconds)


@dataclass(frozen=True, slots=True)
class ControlEvent:
    """A performer's gesture on a controller: ``source`` as presets write it after ``midi.``
    (``cc74``, ``note36``, ``pitch``), ``value`` 0..1, ``channel`` 1..16; it came from ``port``."""

    source: str
    value: float
    channel: int = 1
    port: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Command:
    """Something to do once: ``name`` from ``vjgan.gestures.COMMANDS``; ``value`` where it needs one
    (for ``preset``: its number, counted from 1)."""

    name: str
    value: int = 0


@dataclass(frozen=True, slots=True)
class Setting:
    """A control's own value, to which routes add, as a hand sets it; a ``value`` of None gives back
    the preset's, and that without a ``name`` those of all controls."""

    name: str = ""
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Pulse:
    """A message of a MIDI clock: ``kind`` is "clock" (24 of them a beat), "start", "stop",
    "continue" or "song" (``value``: the position in sixteenths); it came ``age`` seconds before it
    was read, from ``port``."""

    kind: str
    age: float = 0.0
    value: int = 0
    port: str = ""


@dataclass(frozen=True, slots=True)
class TempoHint:
    """What a preset knows of its music's tempo, in bpm: the one to expect, and between which it
    is; 0 where it does not know."""

    bpm: float = 0.0
    slowest: float = 0.0
    fastest: float = 0.0


NO_HINT = TempoHint()


@dataclass(frozen=True, slots=True)
class Kept:
    """What was set on the preset of the file ``before`` has been saved to ``path``, the same or a
    copy: ``values`` are the controls' own that it gives now."""

    before: Path
    path: Path
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Visit:
    """Somebody comes instead of the walk: ``w`` [w_dim] or [num_ws, w_dim] before truncation, of
    the model that is on, or a seed, of any. One without a ``name``, such as a face in front of a
    camera, is remembered nowhere. One that is ``quantised`` waits for the beat that presets called
    by hand wait for."""

    w: FloatArray | int
    name: str = ""
    quantised: bool = False


Event = ControlEvent | Command | Setting | Pulse | Kept | Visit


@dataclass(frozen=True, slots=True)
class Recognition:
    """A track that is heard, which was learnt: at ``time`` it is at ``position`` seconds and goes
    ``speed`` times as fast as it was learnt. ``sure`` if it is to be acted upon; else a guess."""

    time: float
    title: str
    file: str  # its name
    position: float
    speed: float = 1.0
    confidence: float = 0.0  # 0..1
    sure: bool = False

    def at(self, time: float) -> float:
        """Where in the track it is at another time."""
        return self.position + self.speed * (time - self.time)


@dataclass(frozen=True, slots=True)
class PassWeight:
    """One shader pass in the chain; ``weight`` 0..1 mixes its output over its input. ``source`` is
    its file, where it is not one of our own."""

    name: str
    weight: float = 1.0
    source: Path | None = None


@dataclass(frozen=True, slots=True)
class Controls:
    """All that steers one frame: control values by name (natural units, inside the table's range),
    signals by name (0..1: level, low, mid, high, onset, beat, ...), the chain of passes; ``calm``
    leaves out those of them that flicker."""

    time: float
    values: Mapping[str, float]
    signals: Mapping[str, float] = field(default_factory=dict)
    passes: tuple[PassWeight, ...] = ()
    calm: bool = False

    def __getitem__(self, name: str) -> float:
        return self.values[name]


@dataclass(frozen=True, slots=True)
class LatentState:
    """Where the generator stands: ``w`` [num_ws, w_dim] after truncation and mixing, ``noise``
    0..1 the strength of the noise inputs, ``inside`` the controls that reach into the network by
    name, where they are not at their defaults. ``time`` is that of the sound it answers to."""

    time: float
    w: FloatArray
    noise: float = 1.0
    inside: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture: ``image`` uint8 [height, width, 3], sRGB, top row first; ``time`` of the sound."""

    time: float
    image: ByteArray


@dataclass(frozen=True, slots=True)
class Picture:
    """What the first pass shows: ``blend`` 0..1 of the way from frame ``before`` to ``after``.
    ``layers`` are the second pictures that passes may read, by number from 1; frames of those may
    have a fourth channel, by which their colours are multiplied.

    ``motion`` float32 [h, w, 4], if known, is the way of what is seen at each place, in pictures to
    the right and down: it comes from ``place - blend * motion[..., :2]`` of ``before`` and goes to
    ``place + (1 - blend) * motion[..., 2:]`` of ``after``."""

    before: Frame
    after: Frame
    blend: float = 1.0
    layers: tuple[Picture | None, ...] = ()
    motion: FloatArray | None = field(default=None, compare=False)


class LatentSpace(Protocol):
    """What motion needs to know of a generator; numpy only, safe to call from any thread."""

    z_dim: int
    w_dim: int
    num_ws: int
    w_mean: FloatArray  # [w_dim], the centre of truncation
    classes: int  # how many there are, 0 for a model without

    def map(self, z: FloatArray, label: int | None = None) -> FloatArray:
        """The mapping network: z [n, z_dim], and a class 0..classes-1 or None for none of them
        -> w [n, w_dim], not truncated."""

    def directions(self) -> Mapping[str, FloatArray]:
        """Ways through w [w_dim] or [num_ws, w_dim] by name, one standard deviation long; the
        first call may take a second."""

    def length(self, w0: FloatArray, w1: FloatArray) -> FloatArray:
        """How much the picture changes along each short step w0 -> w1 [n, w_dim] -> [n].

        One unit is the generator's own mean: a step of length 1 changes the picture by as much as
        one tenth of the difference between two random pictures."""


class Generator(Protocol):
    """A model that can be played."""

    name: str
    trained: bool
    resolution: tuple[int, int]  # height, width

    @property
    def space(self) -> LatentSpace: ...

    def generate(self, latent: LatentState) -> Frame:
        """The picture of a latent. Called from one thread at a time."""

    def prepare(self) -> None:
        """Make ready to be reached into (``LatentState.inside``), which may take a second. Called
        from any thread."""


def model_of(generator: Generator) -> Generator:
    """The model itself, under the layers that draw its pictures anew, if there are any."""
    under: Generator = getattr(generator, "under", generator)
    return under


class AudioSource(Protocol):
    """Blocks of sound, in order."""

    sample_rate: int
    blocks_lost: int  # so far, because nobody read them in time

    def read(self) -> AudioFrame | None:
        """The next block; waits for it in a live source. None at the end of a finite one."""

    def close(self) -> None: ...


class Clock(Protocol):
    """Paces the loop: one Tick an iteration, until the show is over or ``stop`` is called."""

    def __iter__(self) -> Iterator[Tick]: ...

    def stop(self) -> None: ...


class Ear(Protocol):
    """The newest features at a tick. Live: whatever the listener has. Offline: stepped to it."""

    def read(self, tick: Tick) -> Features: ...

    def close(self) -> None: ...


class Hands(Protocol):
    """The performer's gestures since the last call; never waits."""

    def read(self) -> Sequence[Event]: ...

    def close(self) -> None: ...


class Painter(Protocol):
    """Latent in, picture out. Live: hands the latent to a worker and returns the newest frames
    without waiting. Offline: runs the generator for this very frame."""

    @property
    def lag(self) -> float:
        """How many seconds after its own frame a latent is seen."""

    def paint(self, latent: LatentState, tick: Tick) -> Picture: ...

    def use(self, generator: Generator) -> None:
        """Play another, already warmed generator from the next frame on."""

    def close(self) -> None: ...


class Screen(Protocol):
    """Where the light comes out."""

    size: tuple[int, int]  # width, height in pixels

    @property
    def software(self) -> bool:
        """Whether the light is drawn by the CPU, for want of a GPU."""

    def show(self, picture: Picture, controls: Controls, tick: Tick) -> None:
        """Draw the chain of passes and present it."""

    def events(self) -> Sequence[Event]:
        """Keys pressed since the last call, as commands."""

    def image(self) -> ByteArray:
        """What was last drawn: uint8 [height, width, 3], top row first."""

    def glance(self, width: int = GLANCE_WIDTH, alpha: bool = False) -> ByteArray | None:
        """A copy of the light, without words, at most so wide: uint8 [height, width, 3], top row
        first; with ``alpha`` 4, its colours not multiplied by that. From a GPU it is that of the
        call before for this width, None at first, so that nobody waits."""

    def expect(self, passes: Sequence[PassWeight]) -> None:
        """Make ready passes that are files of their own, which may take seconds."""

    def spare(self, most_pixels: int | None, passes: int) -> None:
        """From now on draw at most so many pixels inside (None: all), and without so many of the
        dearest passes."""

    def costs(self, passes: Sequence[PassWeight]) -> Sequence[float]:
        """Seconds that every frame took, and then each of these passes, when they were tried at the
        size that was then drawn inside; empty where nothing was tried."""

    def say(self, lines: Sequence[str]) -> None:
        """Text over the picture (help, notices); an empty sequence removes it."""

    def pattern(self) -> None:
        """Show the test pattern in place of the light, or the light again."""

    def close(self) -> None: ...
