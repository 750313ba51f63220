"""How well onsets and drums are heard: music with exact truth, and plain ``aubio.onset`` beside.

Within 50 ms, truth within 30 ms of another merged with it (Böck, Krebs and Schedl, "Evaluating the
online capabilities of onset detection methods", 2012). Only what was said at the time counts. The
delay is from the note to the end of the block of sound in which it was counted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import aubio
import mir_eval
import numpy as np
from numpy.typing import NDArray

from bench.music import steady
from bench.music.render import PACKAGES, ready, sound
from bench.music.score import Piece, pieces
from vjgan.features import Analyser
from vjgan.types import AudioFrame, FloatArray

Times = NDArray[np.float64]
RATE, HOP = 44100, 256
WINDOW, MERGE = 0.05, 0.03
KINDS = ("onset", "kick", "snare", "hat")
STEADY_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Told:
    """Onsets: when they were, and when they were counted."""

    times: Times
    counted: Times


@dataclass(frozen=True, slots=True)
class Tally:
    """Hits, what was found, what there was, and the delays of the hits in ms."""

    hits: int
    found: int
    truth: int
    delays: Sequence[float]


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Scores of onsets and drums, in the mix and of drums alone, and onsets in steady sound."""
    if not ready():
        return {"left out": "it needs the Debian packages " + PACKAGES}
    rows: list[tuple[Piece, dict[str, Tally]]] = []
    loads = []
    for piece in pieces():
        samples = sound(piece, RATE)
        ours, load = hear(samples)
        theirs, their_load = hear_aubio(samples)
        tallies = {kind: tally(ours[kind], piece.onsets(kind)) for kind in KINDS}
        tallies["aubio"] = tally(theirs, piece.onsets())
        rows.append((piece, tallies))
        loads.append((load, their_load))
        print(f"    {piece.name:<20} {_line([tallies['onset']])}", flush=True)
    result: dict[str, Any] = {"all": _both(rows)}
    for name, held in (("taught on", False), ("held back", True)):
        result[name] = _both([row for row in rows if row[0].held == held])
    result["genres"] = {
        genre: _both([row for row in rows if row[0].genre == genre])
        for genre in dict.fromkeys(row[0].genre for row in rows)
    }
    kept = [row for row in rows if row[0].held]
    result["drums in the mix, held back"] = _drums(kept)
    for midi in (False, True):
        name = f"drums alone, held back, {'bands' if midi else 'electronic'}"
        result[name] = _drums([_alone(row[0]) for row in kept if row[0].midi == midi])
    result["values, held back"] = {
        kind: _numbers([tallies[kind] for _, tallies in kept]) for kind in (*KINDS, "aubio")
    }
    result["onsets in 20 s of steady sound"] = in_steady_sound()
    result["load of one core, median"], result["aubio's load"] = map(
        float, np.median(loads, axis=0)
    )
    return result


class _Ear(Analyser):
    """The show's ear without its tracker, which onsets do not need and which takes most time."""

    def _track(self, block: FloatArray, silent: bool, time: float) -> None: ...


def hear(samples: FloatArray) -> tuple[dict[str, Told], float]:
    """What the show's ear counts, by kind, and the share of a core that it took."""
    analyser = _Ear(RATE)
    told: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
    counts = dict.fromkeys(KINDS, 0)
    start = time.process_time()
    for now, block in _blocks(samples):
        heard = analyser.analyse(AudioFrame(now, block, RATE))
        for kind in KINDS:
            count = getattr(heard, f"{kind}_count")
            if count > counts[kind]:
                counts[kind] = count
                told[kind].append((getattr(heard, f"{kind}_time"), now))
    load = (time.process_time() - start) * RATE / len(samples)
    return {kind: _told(some) for kind, some in told.items()}, load


def hear_aubio(samples: FloatArray) -> tuple[Told, float]:
    """What ``aubio.onset`` says as it comes."""
    onset = aubio.onset("default", 4 * HOP, HOP, RATE)
    start = time.process_time()
    told = [(onset.get_last_s(), now) for now, block in _blocks(samples) if onset(block)[0]]
    return _told(told), (time.process_time() - start) * RATE / len(samples)


def tally(told: Told, truth: Times) -> Tally:
    """How much of the truth was told."""
    wanted = merged(truth)
    pairs = mir_eval.util.match_events(wanted, told.times, WINDOW)
    delays = [1000.0 * float(told.counted[found] - wanted[true]) for true, found in pairs]
    return Tally(len(pairs), len(told.times), len(wanted), delays)


def merged(times: Times) -> Times:
    """Times without those that come within MERGE of the last one kept."""
    kept: list[float] = []
    for one in times.tolist():
        if not kept or one - kept[-1] > MERGE:
            kept.append(one)
    return np.array(kept)


def in_steady_sound() -> dict[str, Any]:
    """How many onsets are counted in sound in which nothing begins, after its own first."""
    random = np.random.default_rng(77)
    kinds: dict[str, Callable[[], Any]] = {
        "white noise": lambda: steady.white(random, STEADY_SECONDS),
        "pink noise": lambda: steady.pink(random, STEADY_SECONDS),
        "hum of 50 Hz": lambda: steady.hum(random, STEADY_SECONDS, 50.0, 1e-3),
        "sparse applause": lambda: steady.applause(random, STEADY_SECONDS, 150.0),
        "applause": lambda: steady.applause(random, STEADY_SECONDS, 1500.0),
    }
    table = {}
    for name, make in kinds.items():
        for level in (0.3, 0.02):
            made = np.asarray(make(), np.float64)
            samples = (level * made / np.abs(made).max()).astype(np.float32)
            ours, theirs = hear(samples)[0], hear_aubio(samples)[0]
            drums = ", ".join(f"{kind} {len(ours[kind].times)}" for kind in KINDS)
            table[f"{name}, peak {level:g}"] = f"{drums}   aubio {len(theirs.times)}"
    return table


def _alone(piece: Piece) -> tuple[Piece, dict[str, Tally]]:
    """A piece's drums without the rest."""
    notes = tuple(note for note in piece.notes if note.part == "drums")
    if not notes:
        return piece, {}
    drums = replace(piece, notes=notes)
    told, _ = hear(sound(drums, RATE))
    return drums, {kind: tally(told[kind], drums.onsets(kind)) for kind in KINDS}


def _both(rows: Iterable[tuple[Piece, dict[str, Tally]]]) -> dict[str, Any]:
    some = [tallies for _, tallies in rows]
    return {
        name: _line([tallies[kind] for tallies in some])
        for name, kind in (("vjgan", "onset"), ("aubio", "aubio"))
    }


def _drums(rows: Iterable[tuple[Piece, dict[str, Tally]]]) -> dict[str, Any]:
    some = [tallies for _, tallies in rows if tallies]
    return {kind: _line([tallies[kind] for tallies in some]) for kind in KINDS}


def _line(tallies: Sequence[Tally]) -> str:
    """All of them together, in words."""
    numbers = _numbers(tallies).items()
    return "  ".join(f"{name} {value:.{1 if 'ms' in name else 3}f}" for name, value in numbers)


def _numbers(tallies: Sequence[Tally]) -> dict[str, float]:
    hits, found, truth = (
        sum(getattr(one, name) for one in tallies) for name in ("hits", "found", "truth")
    )
    numbers = {
        "F": 2.0 * hits / max(1, found + truth),
        "precision": hits / max(1, found),
        "recall": hits / max(1, truth),
    }
    delays = [delay for one in tallies for delay in one.delays]
    if delays:
        p50, p95 = np.percentile(delays, (50, 95))
        numbers |= {"delay ms p50": float(p50), "p95 ms": float(p95)}
    return numbers


def _blocks(samples: FloatArray) -> Iterable[tuple[float, FloatArray]]:
    for k in range(0, len(samples) - HOP + 1, HOP):
        yield (k + HOP) / RATE, samples[k : k + HOP]


def _told(pairs: Sequence[tuple[float, float]]) -> Told:
    ordered = sorted(pairs)
    return Told(np.array([one for one, _ in ordered]), np.array([now for _, now in ordered]))
