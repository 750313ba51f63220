"""How well the beat is heard: music with exact truth, scored by mir_eval, and aubio.tempo beside.

Davies, Degara and Plumbley, "Evaluation methods for musical audio beat tracking algorithms", 2009:
F-measure within 70 ms, CMLt and AMLt, all from second 5 on. Only what was said at the time counts:
a beat is where it was when it was counted. The phase error is that of all beats hit, the lock the
first second from which four beats in a row are hit.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import aubio
import mir_eval
import numpy as np
from numpy.typing import NDArray

from bench.music.render import PACKAGES, ready, sound
from bench.music.score import Piece, pieces
from vjgan.features import Analyser
from vjgan.types import AudioFrame, FloatArray

Times = NDArray[np.float64]
FROM = 5.0  # seconds
WITHIN = 0.07
FORMS = ((44100, 256), (44100, 512), (48000, 256), (48000, 512))  # rate in Hz, hop
FORM_PIECES, QUICK_FORM_PIECES = 12, 3  # that are heard in every form
COLUMNS = ("F", "CMLt", "AMLt", "phase_ms", "lock_s")


@dataclass(frozen=True, slots=True)
class Heard:
    """What a tracker said: beats, downbeats, and the seconds of processor it took a second."""

    beats: Times
    downbeats: Times
    load: float


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Scores by genre, for the pieces to tune on and those held back, and in all forms. It takes
    a quarter of an hour of one core; ``--quick``, one held-back piece a genre, five minutes;
    ``--forms``, nothing but some held-back pieces in all forms, three minutes."""
    if not ready():
        return {"left out": "it needs the Debian packages " + PACKAGES}
    os.nice(10)
    chosen = pieces() if not (options.quick or options.forms) else _one_a_genre(pieces())
    if options.forms:
        return {"forms": _forms(chosen[:: len(chosen) // FORM_PIECES])}
    rows = []
    for piece in chosen:
        samples = sound(piece, 44100)
        ours, theirs = hear(samples, 44100, 256), hear_aubio(samples, 44100, 256)
        rows.append((piece, score(ours, piece), score(theirs, piece), ours.load, theirs.load))
        print(f"    {piece.name:<20} {_line(rows[-1][1])}   aubio {_line(rows[-1][2])}", flush=True)
    result: dict[str, Any] = {"all": _table(rows)}
    for name, held in (("tuned on", False), ("held back", True)):
        some = [row for row in rows if row[0].held == held]
        result |= {name: _table(some)} if some else {}
    result["genres"] = {
        genre: _table([row for row in rows if row[0].genre == genre])
        for genre in dict.fromkeys(piece.genre for piece in chosen)
    }
    some = chosen[:: len(chosen) // (QUICK_FORM_PIECES if options.quick else FORM_PIECES)]
    result["forms"] = _forms(some)
    result["pieces"] = len(chosen)
    result["load of one core, median"] = float(np.median([row[3] for row in rows]))
    result["aubio's load"] = float(np.median([row[4] for row in rows]))
    return result


def _one_a_genre(found: list[Piece]) -> list[Piece]:
    """The first of each that is held back."""
    return list({piece.genre: piece for piece in reversed(found) if piece.held}.values())[::-1]


def hear(samples: FloatArray, sample_rate: int, hop: int) -> Heard:
    """What the ear of the show says, in blocks of ``hop`` samples."""
    analyser = Analyser(sample_rate)
    beats, downbeats, count = [], [], 0
    start = time.process_time()
    for k in range(0, len(samples) - hop + 1, hop):
        now = (k + hop) / sample_rate
        heard = analyser.analyse(AudioFrame(now, samples[k : k + hop], sample_rate))
        if heard.beat_count > count:
            count = heard.beat_count
            beats.append(heard.beat_time)
            if (heard.bar_phase + 0.125) % 1.0 < 0.25:
                downbeats.append(heard.beat_time)
    load = (time.process_time() - start) * sample_rate / len(samples)
    return Heard(_ordered(beats), _ordered(downbeats), load)


def hear_aubio(samples: FloatArray, sample_rate: int, hop: int) -> Heard:
    """What aubio.tempo says."""
    tempo = aubio.tempo("default", 4 * hop, hop, sample_rate)
    start = time.process_time()
    beats = []
    for k in range(0, len(samples) - hop + 1, hop):
        if tempo(samples[k : k + hop])[0]:
            beats.append(tempo.get_last_s())
    load = (time.process_time() - start) * sample_rate / len(samples)
    return Heard(_ordered(beats), np.zeros(0), load)


def score(heard: Heard, piece: Piece) -> dict[str, float]:
    """The columns of the table for one piece, and ``bar``, the F-measure of its downbeats."""
    truth, found = (times[times >= FROM] for times in (piece.beats, heard.beats))
    if len(found) < 2:
        return {
            "F": 0.0,
            "CMLt": 0.0,
            "AMLt": 0.0,
            "phase_ms": np.nan,
            "lock_s": np.nan,
            "bar": 0.0,
        }
    _, correct, _, any_level = mir_eval.beat.continuity(truth, found)
    away = np.abs(found[:, None] - truth).min(axis=1)
    bars = [times[times >= FROM] for times in (piece.downbeats, heard.downbeats)]
    return {
        "F": float(mir_eval.beat.f_measure(truth, found)),
        "CMLt": float(correct),
        "AMLt": float(any_level),
        "phase_ms": 1000.0 * float(np.median(away[away < WITHIN]))
        if min(away) < WITHIN
        else np.nan,
        "lock_s": lock(heard.beats, piece.beats, 0.0),
        "bar": float(mir_eval.beat.f_measure(*bars)) if len(bars[1]) else 0.0,
        "relock_s": lock(heard.beats, piece.beats, max(piece.changes, default=np.inf)),
    }


def lock(found: Times, truth: Times, start: float) -> float:
    """Seconds from ``start`` to the first of four beats in a row that are hit; nan for never."""
    later = truth[truth >= start]
    hit = [bool(len(found)) and float(np.abs(found - one).min()) < WITHIN for one in later]
    for k in range(len(later) - 3):
        if all(hit[k : k + 4]):
            return float(later[k] - max(start, truth[0]))
    return float("nan")


Row = tuple[Piece, dict[str, float], dict[str, float], float, float]


def _table(rows: Iterable[Row]) -> dict[str, Any]:
    ours, theirs = ([row[which] for row in rows] for which in (1, 2))
    table: dict[str, Any] = {"vjgan": _line(_mean(ours)), "aubio": _line(_mean(theirs))}
    table["values"] = {"vjgan": _mean(ours), "aubio": _mean(theirs)}
    return table


def _forms(some: list[Piece]) -> dict[str, str]:
    forms: dict[tuple[int, int], list[dict[str, float]]] = {form: [] for form in FORMS}
    for piece in some:
        for (rate, hop), scores in forms.items():
            scores.append(score(hear(sound(piece, rate), rate, hop), piece))
            print(f"    {piece.name:<20} {rate} {hop} {_line(scores[-1])}", flush=True)
    return {f"{rate} Hz, hop {hop}": _line(_mean(scores)) for (rate, hop), scores in forms.items()}


def _mean(scores: list[dict[str, float]]) -> dict[str, float]:
    """Means; of times and phases the median."""
    names = dict.fromkeys(name for one in scores for name in one)
    values = {
        name: [one[name] for one in scores if np.isfinite(one.get(name, np.nan))] for name in names
    }
    return {
        name: float((np.median if name[-2:] in ("_s", "ms") else np.mean)(some)) if some else np.nan
        for name, some in values.items()
    }


def _line(values: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.2f}" for name, value in values.items())


def _ordered(times: list[float]) -> Times:
    return np.unique(np.array(times, np.float64))
