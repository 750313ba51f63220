"""From notes to sound: FluidSynth with a General MIDI soundfont, or the demo's voices."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Callable
from functools import cache
from pathlib import Path

import mido
import numpy as np
from scipy.signal import resample_poly

from bench.music.score import Note, Piece
from vjgan.audio import voices
from vjgan.types import FloatArray

CACHE = Path("build/music")
RATE = voices.RATE
FONTS = ("TimGM6mb.sf2", "FluidR3_GM.sf2")
PACKAGES = "fluidsynth timgm6mb-soundfont fluid-soundfont-gm"
FONT_FOLDER = Path("/usr/share/sounds/sf2")
PARTS = ("bass", "chords", "melody")
TICKS = 1000  # a second: at 60 bpm a beat is one


def sound(piece: Piece, sample_rate: int) -> FloatArray:
    """[n], mono, peak 0.7. Kept on disk, as it takes long to make."""
    key = hashlib.sha1(repr((piece.notes, piece.style.programs, piece.seed)).encode()).hexdigest()
    path = CACHE / f"{key[:16]}.npy"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        made = _fluid(piece) if piece.midi else voiced(piece)
        np.save(path, (made * (0.7 / np.abs(made).max())).astype(np.float16))
    samples = np.load(path).astype(np.float32)
    if sample_rate == RATE:
        return samples
    part = int(np.gcd(sample_rate, RATE))
    return np.asarray(resample_poly(samples, sample_rate // part, RATE // part), np.float32)


def ready() -> bool:
    """Whether FluidSynth and its soundfonts are there."""
    fonts = all((FONT_FOLDER / name).exists() for name in FONTS)
    return fonts and shutil.which("fluidsynth") is not None


def played(score: mido.MidiFile, font: str, seconds: float) -> FloatArray:
    """A score by FluidSynth with one of FONTS: [n], mono."""
    with tempfile.TemporaryDirectory() as folder:
        notes, out = Path(folder) / "piece.mid", Path(folder) / "piece.wav"
        score.save(notes)
        command = ["fluidsynth", "-ni", "-g", "0.5", "-r", str(RATE), "-F", str(out)]
        subprocess.run(
            [*command, str(FONT_FOLDER / font), str(notes)], check=True, capture_output=True
        )
        with wave.open(str(out)) as file:
            data = np.frombuffer(file.readframes(file.getnframes()), np.int16)
    mono = data.reshape(-1, 2).mean(axis=1).astype(np.float32) / 32768.0
    return mono[: round(seconds * RATE)]


def _fluid(piece: Piece) -> FloatArray:
    return played(midi_of(piece), FONTS[piece.seed % len(FONTS)], piece.seconds)


def midi_of(piece: Piece) -> mido.MidiFile:
    random = np.random.default_rng(piece.seed)
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=1_000_000)])
    for channel, choices in enumerate(piece.style.programs):
        program = int(random.choice(choices))
        track.append(mido.Message("program_change", channel=channel, program=program))
    events: list[tuple[float, str, int, int, int]] = []
    for note in piece.notes:
        channel = 9 if note.part == "drums" else PARTS.index(note.part)
        loud = max(1, min(127, round(30 + 97 * note.loudness)))
        events.append((note.time, "note_on", channel, note.pitch, loud))
        events.append((note.time + note.length, "note_off", channel, note.pitch, 0))
    now = 0
    for time, kind, channel, pitch, loud in sorted(events):
        tick = round(time * TICKS)
        track.append(
            mido.Message(kind, channel=channel, note=pitch, velocity=loud, time=tick - now)
        )
        now = tick
    return mido.MidiFile(ticks_per_beat=TICKS, tracks=[track])


def voiced(piece: Piece, other_kit: dict[int, FloatArray] | None = None) -> FloatArray:
    random = np.random.default_rng(piece.seed)
    out = np.zeros(round(piece.seconds * RATE), np.float32)
    kit = _kit(random) | (other_kit or {})
    gains = {part: float(random.uniform(0.1, 0.3)) for part in PARTS}
    cutoff = float(random.uniform(900.0, 4000.0))
    pluck = cache(voices.pluck)
    soft = float(random.uniform(0.005, 0.03))
    for note in piece.notes:
        if note.part == "drums":
            one = kit[note.pitch]
        elif note.part == "bass":
            one = gains["bass"] * 2.0 * voices.bass(note.pitch, max(0.1, note.length))
        elif note.part == "chords" and note.length > 0.6:
            one = gains["chords"] * _pad(note, 4.0 * soft)
        else:
            one = gains[note.part] * _mono(pluck(note.pitch, cutoff))
        first = round(note.time * RATE)
        rest = max(0, len(out) - first)
        out[first : first + len(one)] += (note.loudness**1.5 * one)[:rest]
    return np.tanh(out)


def _pad(note: Note, attack: float) -> FloatArray:
    time = voices.seconds(note.length)
    hertz = voices.hertz(note.pitch)
    tone = voices.saw(voices.phase(np.full(len(time), hertz)), hertz / 1500.0)
    shape = np.minimum(1.0, np.minimum(time / attack, (note.length - time) / 0.08))
    return voices.single(0.6 * tone * shape)


def _mono(samples: FloatArray) -> FloatArray:
    return voices.single(samples.mean(axis=0) if samples.ndim == 2 else samples)


def _kit(random: np.random.Generator) -> dict[int, FloatArray]:
    """Drums by General MIDI note, tuned and balanced anew for each piece."""
    pitch = float(random.uniform(0.8, 1.25))

    def tuned(one: FloatArray) -> FloatArray:
        places = np.arange(0, len(one) - 1, pitch)
        return voices.single(np.interp(places, np.arange(len(one)), one))

    def closed() -> FloatArray:
        return voices.hat(0.022, 0.09, 7500.0, 11)

    rows: tuple[tuple[int, Callable[[], FloatArray], float], ...] = (
        (36, voices.kick, 0.8),
        (38, lambda: voices.snare(1.0), 0.6),
        (39, lambda: _mono(voices.clap()), 0.6),
        (42, closed, 0.35),
        (46, lambda: voices.hat(0.11, 0.26, 6500.0, 14), 0.35),
        (51, lambda: voices.hat(0.25, 0.5, 5000.0, 15), 0.2),
        (37, lambda: voices.conga(500.0), 0.4),
        (45, lambda: voices.conga(110.0), 0.5),
        (56, lambda: voices.conga(560.0), 0.3),
        (63, lambda: voices.conga(210.0), 0.4),
        (70, closed, 0.25),
        (75, lambda: voices.conga(900.0), 0.3),
        (54, closed, 0.3),
    )
    return {
        note: float(random.uniform(0.6, 1.2)) * gain * tuned(make()) for note, make, gain in rows
    }
