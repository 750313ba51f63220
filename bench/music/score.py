"""Pieces of music and where their beats are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.music.styles import BANDS, DRUMS, ELECTRONIC, GM, NONE, Drums, Style

SECONDS = 44.0
BREAK_BARS = (12, 28)  # a breakdown of sixteen bars
START = 0.7  # seconds before the first beat
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))
PROGRESSIONS = ((0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 4, 4), (5, 3, 0, 4), (0, 6, 5, 4), (0, 0, 3, 3))


@dataclass(frozen=True, slots=True)
class Note:
    """``time`` and ``length`` in seconds; ``part`` is drums, bass, chords or melody."""

    time: float
    length: float
    part: str
    pitch: int
    loudness: float  # 0..1


@dataclass(frozen=True, slots=True)
class Piece:
    """Notes and their truth, in seconds; ``held`` pieces are for judging, not for tuning."""

    name: str
    genre: str
    midi: bool
    held: bool
    style: Style
    seed: int
    notes: tuple[Note, ...]
    beats: NDArray[np.float64]
    downbeats: NDArray[np.float64]
    seconds: float
    changes: tuple[float, ...] = ()  # where the tempo leaps

    def onsets(self, kind: str = "onset") -> NDArray[np.float64]:
        """When notes begin: all of them, or those of one of DRUMS; some within the same moment."""
        kinds = DRUMS.get(kind, ())
        wanted = [
            note.time
            for note in self.notes
            if kind == "onset" or (note.part == "drums" and note.pitch in kinds)
        ]
        return np.sort(np.array(wanted, np.float64))


def pieces() -> list[Piece]:
    """All of them, the same at every call: of each electronic genre four, of each band two, half
    of them held."""
    found = []
    for midi, styles, count in ((False, ELECTRONIC, 4), (True, BANDS, 2)):
        for number, (genre, style) in enumerate(styles.items()):
            for turn in range(count):
                seed = 1000 * midi + 10 * number + turn
                found.append(compose(genre, style, midi, turn % 2 == 1, seed))
    return found


def compose(genre: str, style: Style, midi: bool, held: bool, seed: int) -> Piece:
    """One piece: an intro, verses with fills, and for a breakdown bars without drums."""
    random = np.random.default_rng(seed)
    times, changes = _times(style, random)
    bars = (len(times) - 1) // style.beats
    steps = style.grid * style.beats
    key, scale = int(random.integers(-5, 7)), SCALES[int(random.integers(2))]
    progression = PROGRESSIONS[int(random.integers(len(PROGRESSIONS)))]
    pattern = style.drums[int(random.integers(len(style.drums)))]
    bass = style.bass[int(random.integers(len(style.bass)))]
    comping = style.chords[int(random.integers(len(style.chords)))]
    intro = int(random.choice([0, 0, 2, 4])) if style.shape == "steady" else 0
    notes: list[Note] = []

    def at(bar: int, step: float) -> float:
        step += style.swing * (step % 2)
        beat = bar * style.beats + step / style.grid
        return float(np.interp(beat, np.arange(len(times)), times))

    def play(part: str, bar: int, step: int, long: float, pitch: int, loudness: float) -> None:
        late = float(random.normal(0.0, style.human)) if style.human else 0.0
        time, end = at(bar, step), at(bar, step + long)
        loud = min(1.0, loudness * float(random.uniform(0.85, 1.1)))
        notes.append(Note(max(0.0, time + late), end - time, part, pitch, loud))

    def degree(number: int, octave: int) -> int:
        return 12 * (octave + number // 7) + scale[number % 7] + key

    for bar in range(bars):
        drums = _bar_of_drums(pattern, bar, intro, steps, style, random)
        for name, marks in drums.items():
            for step, loudness in _hits(marks, steps):
                if random.random() > 0.03:
                    play("drums", bar, step, 1, GM[name], loudness)
        root = progression[bar % 4]
        for step, loudness in _hits(bass, steps):
            play("bass", bar, step, 1.8, degree(root, 3), loudness)
        hits = _hits(comping, steps)
        for (step, loudness), (after, _) in zip(hits, [*hits[1:], (steps, 0.0)], strict=True):
            for third in (0, 2, 4):
                play("chords", bar, step, 0.9 * (after - step), degree(root + third, 5), loudness)
        for step in range(steps):
            weight = 1.6 if step % style.grid == 0 else 1.0 if step % 2 == 0 else 0.4
            if random.random() < style.melody * weight:
                pitch = degree(root + int(random.choice([0, 1, 2, 4, 6, 7])), 6)
                play("melody", bar, step, float(random.choice([1, 2, 4])), pitch, 0.6)
    return Piece(
        name=f"{genre} {seed % 10 + 1}",
        genre=genre,
        midi=midi,
        held=held,
        style=style,
        seed=seed,
        notes=tuple(sorted(notes, key=lambda note: note.time)),
        beats=times[: bars * style.beats],
        downbeats=times[: bars * style.beats : style.beats],
        seconds=float(times[bars * style.beats]) + 0.3,
        changes=changes,
    )


def _times(
    style: Style, random: np.random.Generator
) -> tuple[NDArray[np.float64], tuple[float, ...]]:
    """When the beats are, and where the tempo leaps."""
    bpm = float(random.uniform(*style.bpm))
    slope = float(random.choice([-1.0, 1.0])) if style.shape == "ramp" else 0.0
    other = bpm * float(random.choice([0.75, 0.8, 1.2, 1.3]))
    length = 90.0 if style.shape == "breakdown" else SECONDS
    times, changes = [START], []
    centre = bpm
    while times[-1] < START + length:
        beat = len(times) - 1
        if style.shape == "jump" and times[-1] > 22.0 and not changes and beat % 4 == 0:
            bpm = other
            changes.append(times[-1])
        if style.shape == "ramp" and 8.0 < times[-1] < 34.0:
            bpm += slope * 60.0 / bpm
        if style.drift:
            bpm += bpm * float(random.normal(0.0, style.drift)) + 0.05 * (centre - bpm)
        times.append(times[-1] + 60.0 / bpm)
    return np.array(times), tuple(changes)


def _bar_of_drums(
    pattern: Drums, bar: int, intro: int, steps: int, style: Style, random: np.random.Generator
) -> Drums:
    broken = style.shape == "breakdown" and BREAK_BARS[0] <= bar < BREAK_BARS[1]
    if bar < intro:
        return {name: marks for name, marks in pattern.items() if name in "HRM" and intro == 2}
    if broken or pattern is NONE[0]:
        return {}
    if bar % 8 == 7 and style.grid == 4 and random.random() < 0.6:  # a fill
        fill = "".join(random.choice(["7", ".", "5"]) for _ in range(4))
        return {**pattern, "S": (pattern.get("S", "") + "." * steps)[: steps - 4] + fill}
    return pattern


def _hits(marks: str, steps: int) -> list[tuple[int, float]]:
    return [(k, int(mark) / 9.0) for k, mark in enumerate(marks[:steps]) if mark != "."]
