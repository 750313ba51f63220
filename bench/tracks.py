"""Which track is playing: pieces of ``bench.music``, half of them learnt, are played by a DJ at
other speeds, from their beginning and from 30 s on, with and without a crowd 6 dB below the music.

What counts are the genres that were not used for choosing thresholds: every second one. All learnt
pieces are in the catalogue. The others, strangers in the same genres and with the same instruments,
must not be taken for any of them. ``--quick`` plays each at some of the speeds only.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy.signal import resample_poly

from bench.music import steady
from bench.music.render import RATE, sound
from bench.music.score import Piece, pieces
from vjgan.recognition.catalogue import Learnt, learn, save
from vjgan.recognition.recogniser import Hearing
from vjgan.types import AudioFrame, FloatArray, Recognition

SPEEDS = (0.94, 0.97, 1.0, 1.03, 1.06)
STARTS = (0.0, 30.0)
HEARD = 10.0  # seconds of a piece that are played
IN_TIME = 8.0  # seconds within which it is to be known
CROWD_DB = -6.0
BLOCK = 1024
NEAR = 0.1  # seconds by which a position may be off to be the right one: music repeats itself
LIBRARY_MINUTES = 200.0  # of forty tracks
CLOCK = itertools.count(0.0, 100.0)  # seconds; after such a gap in it one listens anew


@dataclass
class Played:
    """One piece played once, and what was made of it."""

    piece: Piece
    start: float
    speed: float
    crowd: bool
    first: Recognition | None = None  # that was right and sure
    known_at: float = np.inf  # seconds of it heard by then
    last: Recognition | None = None
    wrong: str = ""  # a track that it was taken for
    guessed: bool = False  # wrongly, but only told

    def off(self, heard: Recognition) -> float:
        """By how many seconds a position is wrong."""
        return abs(heard.position - self.start - self.speed * heard.time)


def run(options: argparse.Namespace) -> dict[str, Any]:
    everything = pieces()
    tracks = [
        learn(Path(f"{piece.name}.wav"), piece.name, [sound(piece, RATE)[:, None]], RATE)
        for piece in everything
        if not piece.held
    ]
    genres = list(dict.fromkeys(piece.genre for piece in everything))
    judged = [piece for piece in everything if genres.index(piece.genre) % 2]
    hearing = Hearing(tracks)
    noise = crowd(np.random.default_rng(0), 20.0)
    played = [
        one
        for number, piece in enumerate(judged)
        for one in plays(number, piece, hearing, noise, options.quick)
    ]
    rows: dict[str, Any] = {
        "tracks learnt": len(tracks),
        "of those played": sum(not piece.held for piece in judged),
        "strangers": sum(piece.held for piece in judged),
    }
    for with_crowd in (False, True):
        for start in STARTS:
            some = [one for one in played if one.crowd == with_crowd and one.start == start]
            name = f"{'crowd at -6 dB' if with_crowd else 'alone'}, from {start:.0f} s"
            rows[name] = figures(some)
    rows["all"] = figures(played)
    rows["crowd at -6 dB, by speed"] = by_speed([one for one in played if one.crowd])
    return rows | cost(tracks, judged[::12])


def plays(
    number: int, piece: Piece, hearing: Hearing, noise: FloatArray, quick: bool
) -> Iterator[Played]:
    """Play a piece in every way."""
    random = np.random.default_rng(number)
    double = resample_poly(sound(piece, RATE), 2, 1).astype(np.float32)
    for turn, (start, with_crowd) in enumerate((s, c) for s in STARTS for c in (True, False)):
        count = 1 if quick else len(SPEEDS)
        for k in range(count):
            speed = SPEEDS[(number + turn + 2 * k) % len(SPEEDS)] if quick else SPEEDS[k]
            samples = played_at(double, start, speed)
            if with_crowd:
                shift = int(random.integers(len(noise)))
                level = np.sqrt(np.mean(samples**2)) * 10.0 ** (CROWD_DB / 20.0)
                samples = samples + level * np.roll(noise, shift)[: len(samples)]
            one = Played(piece, start, speed, with_crowd)
            listen(hearing, 0.5 * samples / np.abs(samples).max(), one)
            yield one


def played_at(double: FloatArray, start: float, speed: float) -> FloatArray:
    """HEARD seconds of a piece at a speed, from its samples at twice the rate."""
    places = 2.0 * (start * RATE + speed * np.arange(round(HEARD * RATE)))
    places = places[places < len(double) - 1]
    first, last = int(places[0]), int(places[-1]) + 2
    part = double[first:last]
    return np.asarray(np.interp(places - first, np.arange(len(part)), part), np.float32)


def listen(hearing: Hearing, samples: FloatArray, one: Played) -> None:
    """Let it be heard, as if nothing had been before."""
    offset = next(CLOCK)
    for start in range(0, len(samples) - BLOCK, BLOCK):
        now = (start + BLOCK) / RATE
        found = hearing.hear([AudioFrame(offset + now, samples[start : start + BLOCK], RATE)])
        if found is None:
            continue
        right = not one.piece.held and found.title == one.piece.name
        if not right:
            one.guessed = True
            one.wrong = found.title if found.sure else one.wrong
        elif found.sure:
            moved = Recognition(
                found.time - offset, found.title, found.file, found.position, found.speed
            )
            one.first, one.last = one.first or moved, moved
            one.known_at = min(one.known_at, now)


def figures(played: list[Played]) -> dict[str, Any]:
    """What is told of some of them."""
    known = [one for one in played if not one.piece.held]
    strangers = [one for one in played if one.piece.held]
    found = [one for one in known if one.first is not None]
    loads = len(found) + sum(bool(one.wrong) for one in played)
    when = np.array([one.known_at for one in found])
    first = np.array([one.off(one.first) for one in found if one.first])
    last = np.array([one.off(one.last) for one in found if one.last])
    speed = np.array([abs(one.first.speed - one.speed) for one in found if one.first])
    if not (first < NEAR).any():
        return {"played: known, strangers": f"{len(known)}, {len(strangers)}", "recognised": 0}
    return {
        "played: known, strangers": f"{len(known)}, {len(strangers)}",
        "recall within 8 s": float(np.mean([one.known_at <= IN_TIME for one in known])),
        "recall within 10 s": len(found) / len(known),
        "precision": len(found) / max(1, loads),
        "wrong loads": [f"{one.piece.name} as {one.wrong}" for one in played if one.wrong],
        "strangers guessed at": float(np.mean([one.guessed for one in strangers])),
        "seconds, median": float(np.median(when)),
        "seconds, 95 %": float(np.percentile(when, 95)),
        "place right at once": float(np.mean(first < NEAR)),
        "place right after 10 s": float(np.mean(last < NEAR)),
        "place error where right, s, median": float(np.median(first[first < NEAR])),
        "place error where right, s, 95 %": float(np.percentile(first[first < NEAR], 95)),
        "speed error, median": float(np.median(speed)),
        "speed error, 95 %": float(np.percentile(speed, 95)),
    }


def by_speed(played: list[Played]) -> dict[str, str]:
    """Recall within 8 s at each speed."""
    rows = {}
    for speed in SPEEDS:
        some = [
            one.known_at <= IN_TIME for one in played if one.speed == speed and not one.piece.held
        ]
        rows[f"{speed - 1.0:+.0%}"] = f"{sum(some)} of {len(some)}"
    return rows


def cost(tracks: list[Learnt], heard: list[Piece]) -> dict[str, Any]:
    """The share of one core that recognising takes, and the room that a minute takes on disk."""
    minutes = sum(one.seconds for one in tracks) / 60.0
    with TemporaryDirectory() as folder:
        path = Path(folder) / "tracks.npz"
        save(path, tracks)
        size = path.stat().st_size / 1024.0 / minutes
    rows: dict[str, Any] = {"kilobytes a minute": size}
    for wanted in (minutes, LIBRARY_MINUTES):
        many = [*tracks, *others(tracks, wanted - minutes)]
        hearing = Hearing(many)
        took = seconds = 0.0
        for piece in heard:
            samples = sound(piece, RATE)[: 20 * RATE]
            began = time.process_time()
            listen(hearing, samples, Played(piece, 0.0, 1.0, False))
            took += time.process_time() - began
            seconds += len(samples) / RATE
        rows[f"share of a core, {wanted:.0f} minutes learnt"] = took / seconds
    return rows


def others(tracks: list[Learnt], minutes: float) -> list[Learnt]:
    """More tracks, made of these: backwards and moved in pitch."""
    made: list[Learnt] = []
    turn = 0
    while sum(one.seconds for one in made) < 60.0 * minutes:
        one = tracks[turn % len(tracks)]
        peaks = one.peaks[::-1] * (-1.0, 1.0) + (one.seconds, 1.3 * (1 + turn // len(tracks)))
        made.append(Learnt(f"other {turn}", f"other {turn}", "", one.seconds, peaks))
        turn += 1
    return made


def crowd(random: np.random.Generator, seconds: float) -> FloatArray:
    """People who talk, clap and breathe: babble of twelve voices, applause and pink noise, with a
    mean square of 1."""
    time_ = np.arange(round(seconds * RATE)) / RATE
    voices = sum(voice(random, time_) for _ in range(12))
    parts = (
        (1.0, np.asarray(voices)),
        (0.7, steady.applause(random, seconds, 800.0)),
        (0.6, steady.pink(random, seconds)),
    )
    mixed = sum(gain * part / np.sqrt(np.mean(part**2)) for gain, part in parts)
    return np.asarray(mixed / np.sqrt(np.mean(np.square(mixed))), np.float32)


def voice(random: np.random.Generator, time_: np.ndarray) -> np.ndarray:
    """Somebody who talks: a gliding pitch with formants that change, in syllables."""
    ends = np.arange(0.0, time_[-1] + 0.4, 0.2)
    syllables = np.interp(time_, ends, random.uniform(0.0, 1.0, len(ends)) ** 2)
    glide = 1.0 + 0.1 * np.interp(time_, ends, random.standard_normal(len(ends)))
    phase = 2.0 * np.pi * np.cumsum(random.uniform(90.0, 260.0) * glide) / RATE
    formant = np.interp(time_, ends, random.uniform(300.0, 1400.0, len(ends)))
    tones = [
        np.sin(k * phase) * np.exp(-(((170.0 * k - formant) / 500.0) ** 2)) for k in range(1, 16)
    ]
    return np.asarray(syllables * np.sum(tones, axis=0))
