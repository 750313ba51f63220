"""How the show stands: what those are shown who watch it from outside the loop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vjgan.controls import Control
from vjgan.types import Beat, Controls, Features, FloatArray, LatentSpace, Visit


@dataclass(frozen=True, slots=True)
class Arrangement:
    """How the next preset will enter, and what else hands have arranged: ``crossfade`` in beats,
    -1 as each preset says; ``quantise`` 0..4 for now, beat, bar, four and sixteen bars; how many
    edits can be undone and redone; how many layers the preset has; ``quality`` in the words of the
    budget, "all" when nothing is given up."""

    crossfade: int = -1
    quantise: int = 0
    undo: int = 0
    redo: int = 0
    layers: int = 0
    quality: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Company:
    """Who is on, ``here`` of the ``people`` who came, counted from 1; 0 while nobody is, or one
    without a name. ``stands`` is what is met instead of the walk: a seed, a w, or nobody;
    ``shown`` w [num_ws, w_dim] is what is seen, of the model with this latent ``space``."""

    space: LatentSpace
    people: tuple[Visit, ...] = ()
    fits: tuple[bool, ...] = ()  # whether the model can show each of them
    here: int = 0
    stands: int | FloatArray | None = None
    shown: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """The show at ``time``. ``given`` are the controls' own values as the preset has them, ``own``
    as the preset or a hand set them, ``controls`` what routes and crossfades make of them."""

    time: float
    preset: str  # its key, such as 03-tide
    title: str
    source: Path | None  # the preset's file
    model: str
    table: Mapping[str, Control]
    given: Mapping[str, float]
    own: Mapping[str, float]
    controls: Controls
    features: Features
    beat: Beat
    frozen: bool = False
    black: bool = False
    panic: bool = False
    strobe_killed: bool = False
    track: str = ""  # where the set list is, in words
    learning: str = ""  # what is being learnt, or just was, in words
    lesson: bool = False  # a control or command is being chosen, or a knob for it,
    lesson_here: bool = False  # for this preset alone
    arrangement: Arrangement = Arrangement()
    company: Company | None = None
