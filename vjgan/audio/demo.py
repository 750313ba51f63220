"""The bundled demo track: "First Light", melodic techno in F minor at 124 bpm, composed in code.

The score is data: sections in bars, a chord a bar, rhythms as sixteenths (a digit is the loudness,
a dot a rest), melodies as notes. Every beat and kick is where it is by construction, so tests can
rely on them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from vjgan.audio import voices
from vjgan.audio.desk import Desk
from vjgan.audio.voices import RATE
from vjgan.types import FloatArray

BPM = 124
BEAT = 60.0 / BPM  # seconds
BAR = 4.0 * BEAT
STEP = BEAT / 4.0  # a sixteenth
SWING = 0.10  # of a step, by which every second sixteenth comes late

SECTIONS = {  # first bar, level of the fader
    "intro": (0, 0.85),
    "groove": (4, 0.85),
    "breakdown": (12, 0.75),
    "build": (18, 0.85),
    "drop": (22, 1.0),
    "outro": (30, 0.9),
}
GROOVE, BREAKDOWN, BUILD, DROP, OUTRO = (SECTIONS[name][0] for name in list(SECTIONS)[1:])
BARS = 32
HUSH = DROP - 0.25  # the bar from which on nothing sounds before the drop

CHORDS = {  # root of the bass, voicing of the pad (MIDI notes)
    "Fm": (41, (53, 56, 60, 63, 67)),
    "Db": (37, (53, 56, 60, 63, 65)),
    "Ab": (32, (51, 56, 60, 63, 70)),
    "Eb": (39, (51, 55, 58, 65, 67)),
    "Bbm": (34, (53, 58, 61, 65, 68)),
    "C": (36, (55, 58, 60, 65, 67)),
}
HARMONY = (4 * "Fm Db Ab Eb " + "Bbm C " + "Db Db Eb Eb " + 2 * "Fm Db Ab Eb " + "Fm Fm").split()

KIT = {  # gain, pan, how much of it goes into the room
    "kick": (0.74, 0.0, 0.0),
    "clap": (0.75, 0.0, 0.25),
    "closed": (0.55, 0.25, 0.02),
    "open": (0.34, -0.15, 0.05),
    "ride": (0.13, 0.35, 0.05),
    "low": (0.42, -0.35, 0.25),
    "high": (0.34, 0.40, 0.25),
}
DRUMS = (  # instrument, first bar, bar after the last, sixteenths
    ("kick", 4, 11, "9...9...9...9..."),
    ("kick", 11, 12, "9...9...9......."),
    ("kick", 18, 20, "9...9...9...9..."),
    ("kick", 22, 29, "9...9...9...9..."),
    ("kick", 29, 30, "9...9...9...9.9."),
    ("kick", 30, 31, "9..............."),
    ("clap", 6, 12, "....9.......9..."),
    ("clap", 22, 30, "....9.......9..."),
    ("closed", 2, 4, "2.4.2.4.2.4.2.43"),
    ("closed", 4, 8, "3.623.623.623.64"),
    ("closed", 8, 12, "3364336433643375"),
    ("closed", 18, 20, "3364336433643375"),
    ("closed", 22, 30, "4475447544754476"),
    ("open", 6, 12, "..8...8...8...8."),
    ("open", 18, 20, "..8...8...8...8."),
    ("open", 22, 30, "..9...9...9...9."),
    ("ride", 24, 30, "6.5.6.5.6.5.6.5."),
    ("low", 8, 12, "...7......7....."),
    ("high", 8, 12, "......5......7.4"),
    ("low", 22, 30, "...7......7....."),
    ("high", 22, 30, "......5......7.4"),
)
ROLL = ("5...5...5...5...", "5...5...5.5.5.5.", "5.5.6.6.6.6.7.7.", "667778888999....")
BASS = (".799.799.799.799", "000000000000000c")  # loudness, and what is added to the root
ARPEGGIO = "0.24.13.42.0.341"  # which note of the chord, an octave above the pad

# bar, value: how far the low-pass of the strings is open, 0..2; loudness of strings and choir
OPENING = ((0, 0.1), (4, 1.1), (8, 0.7), (12, 1.2), (13, 0.5), (18, 1.1), (21.7, 1.9), (26, 1.4),
           (30, 1.8), (32, 0.3), (33, 0.2))  # fmt: skip
STRINGS = ((0, 0.2), (1, 0.4), (4, 0.8), (4.1, 0.6), (12, 0.8), (12.2, 0.4), (18, 0.6), (22, 1.0),
           (30, 1.0), (33, 0.8))  # fmt: skip
CHOIR = ((12, 0.0), (13, 0.3), (18, 0.5), (21.7, 0.9), (22, 0.0))

# melodies: bar from the section's start, step, length in steps, MIDI note
VOICE = (
    (0, 0, 12, 60), (0, 12, 4, 63), (1, 0, 10, 65), (1, 10, 6, 68), (2, 0, 12, 67), (2, 12, 4, 63),
    (3, 0, 8, 58), (3, 8, 8, 62), (4, 0, 8, 65), (4, 8, 8, 61), (5, 0, 16, 60),
)  # fmt: skip
LEAD = (
    (0, 0, 6, 72), (0, 6, 4, 75), (0, 10, 6, 77), (1, 0, 6, 77), (1, 6, 4, 75), (1, 10, 6, 72),
    (2, 0, 6, 75), (2, 6, 4, 72), (2, 10, 6, 70), (3, 0, 6, 70), (3, 6, 4, 67), (3, 10, 3, 70),
    (3, 13, 3, 72), (4, 0, 6, 72), (4, 6, 4, 75), (4, 10, 6, 79), (5, 0, 6, 80), (5, 6, 4, 79),
    (5, 10, 6, 77), (6, 0, 6, 75), (6, 6, 4, 77), (6, 10, 6, 79), (7, 0, 8, 82), (7, 8, 4, 79),
    (7, 12, 4, 75),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the track, in seconds."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Demo:
    """The track, ``samples`` float32 [n, 2] within -1..1, and where everything in it is, in seconds
    from its start."""

    samples: FloatArray
    sample_rate: int
    bpm: float
    beats: NDArray[np.float64]
    downbeats: NDArray[np.float64]
    kicks: NDArray[np.float64]
    sections: tuple[Section, ...]


@cache
def demo() -> Demo:
    """The track, composed at the first call."""
    return compose()


def compose() -> Demo:
    """The track, composed anew: the same samples every time."""
    desk = Desk(round(BARS * BAR * RATE))
    play_drums(desk)
    play_bass(desk)
    play_pads(desk)
    play_arpeggio(desk)
    play_voice(desk)
    play_lead(desk)
    play_build(desk)
    play_effects(desk)
    bars = [*(bar for bar, _ in SECTIONS.values()), BARS]
    return Demo(
        samples=desk.master(kicks(), fader(desk.count), BEAT),
        sample_rate=RATE,
        bpm=BPM,
        beats=np.array([beat * BEAT for beat in range(4 * BARS)], np.float64),
        downbeats=np.array([bar * BAR for bar in range(BARS)], np.float64),
        kicks=np.array(kicks(), np.float64),
        sections=tuple(
            Section(name, first * BAR, last * BAR)
            for name, first, last in zip(SECTIONS, bars[:-1], bars[1:], strict=True)
        ),
    )


def when(bar: float, step: float = 0) -> float:
    """The time of a step in a bar, in seconds; every second sixteenth swings."""
    return (16 * bar + step + SWING * (step % 2)) * STEP


def hits(sixteenths: str, first: int, last: int) -> Iterator[tuple[int, int, float]]:
    """Bar, step and loudness 0..1 of each hit of a rhythm."""
    for bar in range(first, last):
        for step, mark in enumerate(sixteenths):
            if mark != ".":
                yield bar, step, int(mark) / 9.0


def kicks() -> list[float]:
    """The time of every kick."""
    rows = [row[1:] for row in DRUMS if row[0] == "kick"]
    return [when(b, s) for first, last, marks in rows for b, s, _ in hits(marks, first, last)]


def fader(count: int) -> FloatArray:
    """The level of each section, the hush before the drop, and the ends: [n], 0..1."""
    gain = np.zeros(count, np.float32)
    for bar, level in sorted([*SECTIONS.values(), (HUSH, 0.002)]):
        place, soft = round(bar * BAR * RATE), 1500  # it is there when the bar begins
        before = gain[max(0, place - soft) : place]
        before[:] = np.linspace(before[:1].sum(), level, len(before))
        gain[place:] = level
    gain[:200] *= np.linspace(0.0, 1.0, 200)
    last = round(3.0 * BEAT * RATE)
    gain[-last:] *= np.cos(np.linspace(0.0, 0.5 * np.pi, last)) ** 2
    return gain


def play_drums(desk: Desk) -> None:
    """Everything in the table DRUMS."""
    sounds = {
        "kick": [voices.kick()],
        "clap": [voices.clap()],
        "closed": [voices.hat(0.022, 0.09, 7500.0, seed) for seed in (11, 12, 13)],
        "open": [voices.hat(0.11, 0.26, 6500.0, 14)],
        "ride": [voices.hat(0.25, 0.50, 5000.0, 15)],
        "low": [voices.conga(175.0)],
        "high": [voices.conga(262.0)],
    }
    for name, first, last, marks in DRUMS:
        gain, pan, room = KIT[name]
        bus = desk.music if name in ("ride", "low", "high") else desk.drums
        for turn, (bar, step, loudness) in enumerate(hits(marks, first, last)):
            sound = sounds[name][turn % len(sounds[name])]
            desk.play(bus, sound, when(bar, step), gain * loudness**1.5, pan, room)


def play_bass(desk: Desk) -> None:
    """The rolling bass between the kicks."""
    note = cache(voices.bass)
    for first, last, gain in ((4, 6, 0.25), (6, 12, 0.36), (DROP, OUTRO, 0.40)):
        for bar, step, loudness in hits(BASS[0], first, last):
            pitch = CHORDS[HARMONY[bar]][0] + int(BASS[1][step], 16)
            desk.play(desk.music, note(pitch, 1.15 * STEP), when(bar, step), gain * loudness)


def play_pads(desk: Desk) -> None:
    """Strings and a choir, their low-pass opening and closing over the bars, and a deep tone below
    them where the bass is silent."""
    count, grain = 1 << 17, 64  # the curves move every 64 samples
    tones = [voices.low_pass(count, cutoff, 1.3) for cutoff in (380.0, 1200.0, 4200.0)]
    tones.append(2.0 * voices.formants(count, "ah"))
    phases = voices.players(count, 21)
    chord_of = cache(lambda name: voices.ensemble(CHORDS[name][1], tones, phases, 14.0))
    hold = round(BAR * RATE)
    length = (hold + 26000) // grain * grain
    shape = np.interp(np.arange(length), (0, 3500, hold, length), (0, 1, 1, 0)).astype(np.float32)
    for bar, name in enumerate(HARMONY):
        bars = bar + np.arange(0, length, grain) / (BAR * RATE)
        opening = at(OPENING, bars) + 0.15 * np.sin(bars * (2.0 * np.pi / 1.5))
        levels = [at(STRINGS, bars) * np.maximum(0.0, 1.0 - np.abs(opening - k)) for k in range(3)]
        sound = np.zeros((2, length), np.float32)
        for level, player in zip([*levels, at(CHOIR, bars)], chord_of(name), strict=True):
            if level.any():
                sound += player[:, :length] * (np.repeat(level, grain).astype(np.float32) * shape)
        desk.play(desk.music, sound, bar * BAR, 0.12, room=0.4)
        if bar < GROOVE or BREAKDOWN <= bar < DROP or bar >= OUTRO:
            deep = voices.phase(np.full(length, voices.hertz(CHORDS[name][0])))
            desk.play(desk.music, np.sin(deep) * shape, bar * BAR, 0.07)


def at(curve: tuple[tuple[float, float], ...], bars: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values of a curve through (bar, value) points."""
    points = np.array(curve, np.float64)
    return np.asarray(np.interp(bars, points[:, 0], points[:, 1]))


def play_arpeggio(desk: Desk) -> None:
    """A pluck that runs through the chords, brighter toward the drop."""
    note = cache(voices.pluck)
    shades = (900.0, 1700.0, 3000.0, 5000.0)  # Hz, the low-pass of a note at its start
    light = [1, 1, 2, 2, 1, 1, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, *[3] * 8, 1, 0]
    for bar, shade in enumerate(light):
        for step, mark in enumerate(ARPEGGIO):
            if mark != ".":
                pitch = CHORDS[HARMONY[bar]][1][int(mark)] + 12
                gain = 0.34 if step in (0, 3, 6, 10, 13) else 0.24
                pan = 0.25 * (-1) ** step
                desk.play(
                    desk.music, note(pitch, shades[shade]), when(bar, step), gain, pan, 0.3, 0.6
                )


def sung(
    melody: tuple[tuple[int, int, int, int], ...], glide: float, vibrato: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """A melody as one line: its frequency in Hz (sliding from note to note within ``glide``
    seconds, with a vibrato of so many semitones), its loudness 0..1 and the seconds since the
    note began, each [n]."""
    time = voices.seconds((melody[-1][0] + 1) * BAR)
    starts = np.array([when(bar, step) for bar, step, _, _ in melody], np.float32)
    ends = np.array([when(bar, step + length) for bar, step, length, _ in melody], np.float32)
    notes = np.array([melody[0][3], *(note for *_, note in melody)], np.float32)
    which = np.searchsorted(starts, time, side="right") - 1
    since, left = time - starts[which], ends[which] - time
    pitch = notes[which + 1] + (notes[which] - notes[which + 1]) * np.exp(since / -glide)
    depth = vibrato * np.clip((since - 0.25) / 0.4, 0.0, 1.0)
    pitch += depth * np.sin(np.float32(2.0 * np.pi * 5.3) * time)
    frequency = np.float32(440.0) * np.exp2((pitch - 69.0) / 12.0)
    return frequency, np.clip(np.minimum(since / 0.02, left / 0.08), 0.0, 1.0), since


def play_voice(desk: Desk) -> None:
    """A voice that sings over the breakdown, from "oh" to "ah" on every note."""
    frequency, loudness, since = sung(VOICE, 0.05, 0.35)
    mouths = [voices.formants(len(since), vowel) for vowel in ("oh", "ah")]
    bright = np.clip(since / 0.5, 0.0, 1.0)
    sides = []
    for detune in (0.9965, 1.0035):
        dark, light = voices.filtered(
            voices.saw(voices.phase(frequency * np.float32(detune)), frequency / 5000.0), mouths
        )
        sides.append(dark + bright * (light - dark))
    desk.play(desk.music, loudness * np.stack(sides), BREAKDOWN * BAR, 0.40, 0.0, 0.4, 0.5)


def play_lead(desk: Desk) -> None:
    """The tune of the drop, on two saws to the left and two to the right."""
    frequency, loudness, since = sung(LEAD, 0.025, 0.15)
    softness = frequency / (1100.0 + 2600.0 * np.exp(since / -0.20))
    sides = [
        sum(voices.saw(voices.phase(frequency * np.float32(detune)), softness) for detune in pair)
        for pair in ((0.9937, 1.0023), (0.9977, 1.0064))
    ]
    desk.play(desk.music, loudness * np.stack(sides), DROP * BAR, 0.20, 0.0, 0.3, 0.5)


def play_build(desk: Desk) -> None:
    """What rises toward the drop: a snare roll, a storm of noise and a siren of saws."""
    for bar, marks in enumerate(ROLL):
        snare = voices.snare(1.0 + 0.12 * bar)
        for _, step, loudness in hits(marks, 0, 1):
            time = when(BUILD + bar, step)
            desk.play(desk.drums, snare, time, 0.45 * loudness**1.5 * (0.6 + 0.1 * bar), 0.0, 0.35)
    count = round((HUSH - BUILD) * BAR * RATE)
    rise = np.linspace(0.0, 1.0, count, dtype=np.float32)
    hiss, storm = voices.noise(count, 30), np.zeros(count, np.float32)
    bands = [voices.between(count, 300.0 * 2.0**k, 1000.0 * 2.0**k) for k in range(5)]
    for k, part in enumerate(voices.filtered(hiss, bands)):
        storm += part * np.maximum(0.0, 1.0 - np.abs(4.0 * rise - k))
    desk.play(desk.music, storm * rise**2, BUILD * BAR, 0.15, 0.0, 0.5)
    siren = sum(
        voices.saw(voices.phase(hertz * np.exp2(rise * rise)), hertz / (500.0 + 4000.0 * rise))
        for hertz in (174.2, 174.9, 261.2, 262.1)
    )
    desk.play(desk.music, siren * rise**2, BUILD * BAR, 0.05, 0.0, 0.5)


def play_effects(desk: Desk) -> None:
    """Cymbals and blows where parts begin, and a reversed cymbal where a kick is to come."""
    crash, boom = voices.crash(2.8, 50), voices.boom()
    rings = ((GROOVE, 0.22), (BREAKDOWN, 0.25), (DROP, 0.40), (DROP + 4, 0.30), (OUTRO, 0.40))
    for bar, gain in rings:
        desk.play(desk.music, crash, bar * BAR, gain, room=0.4)
    for bar, gain in ((BREAKDOWN, 0.50), (DROP, 0.45), (OUTRO, 0.60)):
        desk.play(desk.drums, boom, bar * BAR, gain, room=0.1)
    for bar in (GROOVE, BUILD):
        desk.play(desk.music, crash[:, ::-1], bar * BAR - 2.8, 0.12, room=0.4)
