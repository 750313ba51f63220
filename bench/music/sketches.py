"""Pieces drawn at random, of which there is no end: to teach by. None is one of the bench's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bench.listening import drum_kit, played_anyhow
from bench.music.render import voiced
from bench.music.score import Note, Piece, compose
from bench.music.styles import BANDS, ELECTRONIC, NONE, Drums, Style
from vjgan.types import FloatArray

Random = np.random.Generator
Chances = NDArray[np.float64]
SEED = 100_000  # of the first piece; the bench's are below
# How often a kind of rhythm is drawn, and from which to which tempo in bpm.
KINDS = {
    "four": (0.17, (98.0, 150.0)),
    "back": (0.30, (62.0, 190.0)),
    "half": (0.07, (128.0, 152.0)),
    "break": (0.09, (84.0, 178.0)),
    "three": (0.06, (84.0, 180.0)),
    "onedrop": (0.04, (64.0, 96.0)),
    "latin": (0.07, (80.0, 140.0)),
    "march": (0.03, (96.0, 130.0)),
    "none": (0.17, (62.0, 132.0)),
}
# General MIDI's programs of basses, chords and melodies
BASSES = [32, 33, 34, 35, 36, 37, 38, 39, 42, 43, 58]
CHORDS = [0, 1, 4, 5, 6, 7, 11, 16, 17, 19, 24, 25, 26, 27, 28, 29]
CHORDS += [30, 46, 48, 50, 61, 81, 88, 89, 90, 105]
LEADS = [40, 41, 52, 53, 56, 57, 60, 61, 65, 66, 68, 71, 73, 74, 80, 81, 11, 22, 24, 25, 29, 30]
FEWEST = 30  # notes of a piece


def sketch(number: int) -> tuple[Piece, Callable[[], FloatArray]] | None:
    """A piece and what plays it, the same for a ``number`` at every call; None where too little of
    it was left."""
    random = np.random.default_rng([77, number])
    style, midi = _swung(random) if number % 10 == 9 else _style(random)
    if style.shape == "steady":
        shape = str(random.choice(["steady", "ramp", "jump"], p=[0.84, 0.08, 0.08]))
        style = replace(style, shape=shape)
    piece = compose("sketch", style, midi, False, SEED + number)
    piece = replace(piece, notes=tuple(_thinned(piece, random)))
    if len(piece.notes) < FEWEST:
        return None
    random = np.random.default_rng([78, number])
    return piece, partial(_by_fluidsynth if midi else _by_voices, piece, random)


def _by_voices(piece: Piece, random: Random) -> FloatArray:
    return voiced(piece, drum_kit(random) if random.random() < 0.6 else None)


def _by_fluidsynth(piece: Piece, random: Random) -> FloatArray:
    return played_anyhow(piece, random, quietest=50)


def _thinned(piece: Piece, random: Random) -> list[Note]:
    """The notes without those that this one leaves out: a breakdown, an intro, a part."""
    notes = list(piece.notes)
    if random.random() < 0.35:
        first = random.uniform(8, 25)
        notes = _without(notes, "drums", first, first + random.uniform(5, 20))
    if random.random() < 0.2:
        part = str(random.choice(["bass", "chords", "melody"]))
        first = random.choice([0, random.uniform(5, 25)])
        notes = _without(notes, part, first, random.choice([99, first + 10]))
    if random.random() < 0.15:
        part = str(random.permutation(["drums", "bass", "chords", "melody"])[0])
        part = "chords" if part == "melody" else part
        bars = min(len(piece.downbeats) - 1, int(random.choice([2, 4])))
        end = float(piece.downbeats[bars])
        kept = [note for note in notes if note.part == part or note.time >= end - 0.03]
        notes = kept if sum(note.time < end for note in kept) > 4 else notes
    if random.random() < 0.07 and piece.style.drums != NONE:
        notes = [note for note in notes if note.part == "drums"]
    return notes


def _without(notes: list[Note], part: str, first: float, end: float) -> list[Note]:
    return [note for note in notes if not (note.part == part and first <= note.time < end)]


def _style(random: Random) -> tuple[Style, bool]:
    """A style, and whether it is played by FluidSynth."""
    return _varied(random) if random.random() < 0.45 else _invented(random)


def _varied(random: Random) -> tuple[Style, bool]:
    """One of the bench's at other tempi, perhaps with the bass or the chords of another."""
    electronic = random.random() < 0.5
    pool = ELECTRONIC if electronic else BANDS
    style = pool[list(pool)[random.integers(len(pool))]]
    alike = [
        one
        for one in (*ELECTRONIC.values(), *BANDS.values())
        if (one.grid, one.beats) == (style.grid, style.beats)
    ]
    steps = style.grid * style.beats
    bass, chords, melody = style.bass, style.chords, style.melody
    other = alike[random.integers(len(alike))]
    if random.random() < 0.5:
        bass = other.bass if random.random() < 0.5 else (_bass(random, steps, style.grid),)
    other = alike[random.integers(len(alike))]
    if random.random() < 0.5:
        chords = other.chords if random.random() < 0.5 else (_chords(random, steps, style.grid),)
    if random.random() < 0.3:
        melody = float(random.uniform(0, 0.5))
    slowest, fastest = style.bpm
    shape = "steady" if style.shape == "breakdown" else style.shape
    bpm = (slowest * 0.93, fastest * 1.07)
    style = replace(style, bpm=bpm, bass=bass, chords=chords, melody=melody, shape=shape)
    return style, not electronic or bool(random.random() < 0.2)


def _invented(random: Random) -> tuple[Style, bool]:
    """One whose rhythm was drawn at random, of one of KINDS."""
    names = list(KINDS)
    chances = np.array([KINDS[name][0] for name in names])
    kind = names[random.choice(len(names), p=chances / chances.sum())]
    grid, beats = _metre(kind, random)
    bpm = _tempo(kind, grid, random)
    steps = grid * beats
    drums = NONE if kind == "none" else (_drums(random, kind, grid, beats),)
    human = random.random() < 0.6
    bass, chords, leads = (
        tuple(int(one) for one in random.choice(some, 3)) for some in (BASSES, CHORDS, LEADS)
    )
    return Style(
        (bpm * 0.98, bpm * 1.02),
        drums,
        (_bass(random, steps, grid),),
        (_chords(random, steps, grid),),
        melody=float(random.uniform(0, 0.5)),
        grid=grid,
        beats=beats,
        swing=_swing(random) if grid == 4 and bpm < 130 else 0.0,
        human=float(random.uniform(0.002, 0.012)) if human else 0.0,
        drift=float(random.uniform(0.001, 0.006)) if human else 0.0,
        programs=(bass, chords, leads),
    ), bool(random.random() < 0.55)


def _swung(random: Random) -> tuple[Style, bool]:
    """Jazz: ride and hat, comping, a walking bass."""
    beats = int(random.choice([4, 4, 4, 4, 3]))
    steps = 3 * beats
    ride, hat, kick, snare = np.zeros((4, steps))
    ride[::3] = 0.97
    ride[random.choice([2, 5]) :: random.choice([3, 6])] = 0.9
    hat[3 :: 6 if beats == 4 else 3] = 1
    kick[:: random.choice([3, 6, steps])] = random.choice([0.3, 0.95])
    snare[random.choice(steps, 2, replace=False)] = random.choice([0.2, 0.7])
    drums = {"R": _marks(random, ride, 5, 8), "H": _marks(random, hat, 5, 8)}
    drums |= {"K": _marks(random, kick, 3, 6), "S": _marks(random, snare, 3, 6)}
    walk = np.zeros(steps)
    walk[::3] = 0.98
    walk[2::3] = random.choice([0, 0, 0.3])
    bpm = float(random.uniform(100, 205))
    basses, chords = [int(one) for one in random.choice([32, 33, 35, 43], 2)], CHORDS[:16]
    return Style(
        (bpm * 0.98, bpm * 1.02),
        (drums if random.random() < 0.85 else {"H": drums["H"]},),
        (_marks(random, walk, 6, 9),),
        (_chords(random, steps, 3),),
        melody=float(random.uniform(0, 0.5)),
        grid=3,
        beats=beats,
        human=float(random.uniform(0.004, 0.012)),
        drift=float(random.uniform(0.001, 0.006)),
        programs=(
            tuple(basses),
            tuple(int(one) for one in random.choice(chords, 3)),
            tuple(int(one) for one in random.choice(LEADS, 3)),
        ),
    ), bool(random.random() < 0.85)


def _swing(random: Random) -> float:
    return float(random.choice([0, 0, 0, random.uniform(0.05, 0.33)]))


def _metre(kind: str, random: Random) -> tuple[int, int]:
    """Steps to a beat, and beats to a bar."""
    grid, beats = 4, 4
    free = kind in ("back", "none", "four")
    if kind == "three":
        beats, grid = 3, int(random.choice([4, 3, 2]))
    elif free and random.random() < 0.22:
        grid = 3
    elif free and random.random() < 0.12:
        grid = 2
    return grid, beats


def _tempo(kind: str, grid: int, random: Random) -> float:
    bpm = float(np.exp(random.uniform(*np.log(KINDS[kind][1]))))
    if kind == "back":
        bpm = float(np.clip(np.exp(random.normal(np.log(108), 0.28)), 62, 190))
    if grid == 3 and kind != "three":
        slow = random.random() < 0.4
        bpm = float(random.uniform(60, 84) if slow else random.uniform(84, 190))
    if kind == "back" and grid == 2:
        bpm = float(random.uniform(110, 195))
    if kind == "break":
        fast = random.random() < 0.5
        bpm = float(random.uniform(160, 178) if fast else random.uniform(84, 128))
    return bpm


def _marks(random: Random, chances: Chances, softest: int, loudest: int) -> str:
    return "".join(
        str(random.integers(softest, loudest + 1)) if random.random() < chance else "."
        for chance in chances
    )


def _drums(random: Random, kind: str, grid: int, beats: int) -> Drums:
    """A bar of drums."""
    steps = grid * beats
    kick, snare = np.zeros(steps), np.zeros(steps)
    HITS[kind](random, grid, kick, snare)
    drums: Drums = {}
    if kick.any():
        drums["K"] = _marks(random, kick, 6, 9)
    name = str(random.choice(["S", "C", "X"], p=[0.6, 0.25, 0.15]))
    if snare.any():
        drums[name] = _marks(random, snare, 5, 9)
    if random.random() < 0.85:
        hats = _hats(random, steps, grid)
        name = str(random.choice(["H", "O", "R", "M", "P"], p=[0.5, 0.12, 0.14, 0.14, 0.1]))
        drums[name] = hats
    if random.random() < 0.25:
        half = (random.random(steps // 2) < 0.35) * 0.95
        marks = _marks(random, np.tile(half, 2), 4, 8)
        drums[str(random.choice(["G", "B", "L", "T"]))] = marks
    if random.random() < 0.12 and len(drums) > 1:
        drums.pop(str(random.choice(list(drums))))
    return drums


def _four(random: Random, grid: int, kick: Chances, snare: Chances) -> None:
    kick[::grid] = 1
    snare[grid :: 2 * grid] = random.choice([0, 1, 1])
    if random.random() < 0.4:
        kick[random.integers(len(kick))] = 0.9


def _back(random: Random, grid: int, kick: Chances, snare: Chances) -> None:
    kick[0] = 0.98
    snare[grid :: 2 * grid] = 1
    if random.random() < 0.7:
        kick[2 * grid] = 0.9
    for _ in range(random.integers(0, 4)):
        place = random.integers(0, len(kick) // 2)
        kick[place * (2 if grid == 4 and random.random() < 0.6 else 1) % len(kick)] = 0.9
    for _ in range(random.integers(0, 3) if random.random() < 0.5 else 0):
        snare[random.integers(len(snare))] = 0.5
    kick[snare == 1] = 0


def _half(random: Random, grid: int, kick: Chances, snare: Chances) -> None:
    kick[0], snare[2 * grid] = 1, 1
    for _ in range(random.integers(0, 4)):
        kick[random.integers(len(kick))] = 0.9
    kick[2 * grid] = 0


def _break(random: Random, grid: int, kick: Chances, snare: Chances) -> None:
    kick[0] = 0.98
    snare[grid :: 2 * grid] = 1
    kick[2 * grid + 2] = 0.9
    for _ in range(random.integers(0, 3)):
        kick[random.integers(len(kick))] = 0.8
    for _ in range(random.integers(0, 4)):
        snare[random.integers(len(snare))] = 0.6


def _three(random: Random, grid: int, kick: Chances, snare: Chances) -> None:
    kick[0] = 1
    snare[grid::grid] = random.choice([0, 0.95, 0.95])


def _onedrop(random: Random, grid: int, kick: Chances, snare: Chances) -> None:
    kick[2 * grid] = 1
    snare[2 * grid] = random.choice([0, 1])
    kick[0] = random.choice([0, 0, 1])


def _latin(random: Random, grid: int, kick: Chances, snare: Chances) -> None:
    snare[random.choice(len(snare), random.integers(4, 8), replace=False)] = 0.97
    kick[:: random.choice([grid, 2 * grid])] = 0.9


def _march(random: Random, grid: int, kick: Chances, snare: Chances) -> None:
    kick[:: 2 * grid] = 1
    snare[:] = random.random(len(snare)) * 0.8
    snare[::grid] = 0.9


HITS: dict[str, Callable[[Random, int, Chances, Chances], None]] = {
    "four": _four,
    "back": _back,
    "half": _half,
    "break": _break,
    "three": _three,
    "onedrop": _onedrop,
    "latin": _latin,
    "march": _march,
}


def _hats(random: Random, steps: int, grid: int) -> str:
    kind = random.integers(6)
    chances, half = np.zeros(steps), max(1, grid // 2)
    if kind == 0:
        chances[::grid] = 1
    elif kind == 1:
        chances[::half] = 1
    elif kind == 2:
        chances[:] = 0.97
    elif kind == 3:
        chances[grid // 2 :: grid] = 1
    elif kind == 4:
        chances[::half] = 0.95
        chances[1::2] = 0.3
    else:
        drawn = random.random(steps) * (1.0 if random.random() < 0.5 else 0.5)
        chances = np.tile(drawn[: 2 * grid], steps)[:steps]
    loud = np.zeros(steps) + random.uniform(3, 6)
    loud[::grid] += random.uniform(-1, 2.5)
    if grid == 4:
        loud[1::2] -= random.uniform(0, 2)
    return "".join(
        str(int(np.clip(round(one + random.normal(0, 0.3)), 1, 9)))
        if random.random() < chance
        else "."
        for one, chance in zip(loud, chances, strict=True)
    )


def _bass(random: Random, steps: int, grid: int) -> str:
    kind, chances = random.integers(6), np.zeros(steps)
    if kind == 0:
        chances[0] = 1
        chances[steps // 2] = random.choice([0, 1])
    elif kind == 1:
        chances[::grid] = 1
    elif kind == 2:
        chances[:: max(1, grid // 2)] = 0.98
    elif kind == 3:
        chances[grid // 2 :: grid] = 1
    elif kind == 4:
        chances = np.tile((random.random(steps // 2) < 0.4) * 0.98, 2)
        chances[0] = 0.95
    else:
        chances[0] = 1
        chances[random.choice(steps, random.integers(2, 6), replace=False)] = 0.97
    return _marks(random, chances, 5, 9)


def _chords(random: Random, steps: int, grid: int) -> str:
    kind, chances = random.integers(7), np.zeros(steps)
    if kind == 0:
        chances[0] = 1
    elif kind == 1:
        chances[[0, steps // 2]] = 1
    elif kind == 2:
        chances[grid // 2 :: grid] = 1
    elif kind == 3:
        chances[:: max(1, grid // 2)] = 0.97
    elif kind == 4:
        chances[grid :: 2 * grid] = 1
    elif kind == 5:
        chances[random.choice(steps, random.integers(3, 7), replace=False)] = 1
    else:
        chances[::grid] = 1
    return _marks(random, chances, 5, 9)
