"""Teach the ear how a pulse is to be read: ``python -m bench.judging`` writes ``vjgan/judge.npz``.

Music composed in code, whose beats and bars are known exactly, is heard through the show's own
onset strength: the pieces of ``bench.music`` that are not held back, and as many sketches, worn by
rooms, noise and compression. Of some beats of it, cut out anywhere, the network is to find the
right reading among all that the judge knows. Takes half an hour of one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bench.listening import save
from bench.music.render import RATE, sound
from bench.music.score import Piece, pieces
from bench.music.sketches import sketch
from vjgan.judge import (
    BEATS,
    INPUTS,
    LEVELS,
    OFFSETS,
    READINGS,
    SLOTS,
    SPAN,
    WEIGHTS,
    seen,
)
from vjgan.novelty import BANDS, FRAMES, Novelty
from vjgan.tracker import DELAY
from vjgan.types import FloatArray

CACHE = Path("build/judging")
SKETCHES, SECONDS = 348, 30.0
CUTS = 16  # from a piece
LENGTHS = (6, 8, 10, 12, 16, 16, 16)  # beats of a cut
UNSURE = 0.006  # seconds, standard deviation of the clock
SLOWEST, FASTEST = 55.0, 210.0  # bpm of readings
HIDDEN = (32, 16)
DROPPED, DEAF, NOISE, TEMPO = 0.4, 0.12, 0.3, 0.06  # what is spoilt in training
BATCH, STEPS, RATE_OF_LEARNING = 64, 1500, 4e-3
OWN = LEVELS.index(1.0) * OFFSETS  # the first reading at the level of the beats
QUARTERS = OFFSETS // BEATS


@dataclass(frozen=True, slots=True)
class Heard:
    """Onset strength [frames, BANDS], and what it was of: beats and downbeats in seconds, and beats
    to a bar."""

    strength: FloatArray
    beats: NDArray[np.float64]
    first: float
    bar: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sketches", type=int, default=SKETCHES)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    CACHE.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(2) as pool:
        drawn = [one for one in pool.map(hear_sketch, range(options.sketches)) if one]
        tuned = list(pool.map(hear_piece, [piece for piece in pieces() if not piece.held]))
    save(options.output, learn([*drawn, *tuned], options.steps))


def hear_piece(piece: Piece) -> Heard:
    """A piece of the bench, as it is."""
    path = CACHE / f"{piece.name.replace(' ', '-')}.npy"
    if not path.exists():
        np.save(path, strength(sound(piece, RATE)))
    return _heard(piece, np.load(path))


def hear_sketch(number: int) -> Heard | None:
    """A sketch, worn; None where there is none of that number."""
    made = sketch(number)
    if made is None:
        return None
    piece, play = made
    path = CACHE / f"{number}.npy"
    if not path.exists():
        random = np.random.default_rng([79, number])
        np.save(path, strength(_worn(play()[: round(SECONDS * RATE)], random)))
    return _heard(piece, np.load(path))


def _heard(piece: Piece, strength: FloatArray) -> Heard:
    return Heard(strength, piece.beats, float(piece.downbeats[0]), piece.style.beats)


def strength(samples: FloatArray) -> FloatArray:
    """The show's onset strength, [frames, BANDS]."""
    novelty = Novelty(RATE)
    ends = range(novelty.hop, len(samples) + 1, novelty.hop)
    return np.stack([novelty.step(samples[end - novelty.hop : end]) for end in ends])


def _worn(samples: FloatArray, random: np.random.Generator) -> FloatArray:
    """Squashed, in a room, of another tone, in noise, and softer: each by chance."""
    x = samples / np.abs(samples).max()
    if random.random() < 0.5:
        x = np.tanh(float(random.uniform(1.0, 5.0)) * x)
    if random.random() < 0.3:
        count = round(RATE * random.uniform(0.2, 1.0))
        fade = np.exp(-6.9 * np.arange(count) / count)
        room = random.normal(size=count) * fade * random.uniform(0.01, 0.03)
        room[0] = 1.0
        size = 1 << (len(x) + count).bit_length()
        x = np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(room, size), size)[: len(x)]
    if random.random() < 0.5:
        hertz = np.fft.rfftfreq(len(x), 1.0 / RATE) + 1.0
        spectrum = np.fft.rfft(x) * (hertz / 1000.0) ** random.normal(0.0, 0.25)
        if random.random() < 0.4:
            spectrum /= 1.0 + (random.uniform(30.0, 200.0) / hertz) ** 4
        if random.random() < 0.4:
            spectrum /= 1.0 + (hertz / random.uniform(2500.0, 12000.0)) ** 4
        x = np.fft.irfft(spectrum, len(x))
    x /= np.abs(x).max()
    if random.random() < 0.4:
        noise = random.standard_normal(len(x))
        if random.random() < 0.6:
            spectrum = np.fft.rfft(noise)
            noise = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 200.0), len(x))
        rms = np.sqrt(np.mean(x**2) / np.mean(noise**2))
        x = x + noise * rms * 10.0 ** random.uniform(-2.5, -0.4)
    loud = 0.7 * 10.0 ** random.uniform(-1.2, 0.0)
    return np.asarray(x * loud / np.abs(x).max(), np.float32)


Cut = tuple[FloatArray, NDArray[np.bool_], NDArray[np.bool_]]


def cuts(heard: Heard, random: np.random.Generator) -> Iterator[Cut]:
    """Some beats from anywhere: what the network sees [READINGS, INPUTS], which readings are
    possible, and which are right, [READINGS] each."""
    times = (np.arange(len(heard.strength)) + 1) / FRAMES - DELAY
    beats = heard.beats[heard.beats < times[-1]]
    first = int(np.abs(beats - heard.first).argmin())
    for length in random.choice(LENGTHS, CUTS):
        if len(beats) < length + 3:
            continue
        begin = int(random.integers(0, len(beats) - length - 1))
        some = beats[begin : begin + length + 1] + random.normal(0.0, UNSURE)
        turn = int(random.integers(SPAN))
        place = np.interp(times, some, np.arange(length + 1.0), left=-1.0, right=-1.0)
        within = (place >= 0.0) & (place < length)
        slot = (np.floor(place[within] * SLOTS).astype(np.intp) + turn * SLOTS) % (SPAN * SLOTS)
        bpm = 60.0 * length / (some[-1] - some[0])
        tempi = np.repeat(bpm / np.array(LEVELS), OFFSETS)
        right = np.zeros(READINGS, bool)
        # The network knows bars of four only; in others any beat will do.
        which = (first - begin + turn) % heard.bar if heard.bar == BEATS else slice(None)
        right[OWN : OWN + OFFSETS : QUARTERS][which] = True
        possible = (tempi > SLOWEST) & (tempi < FASTEST)
        yield seen(slot, heard.strength[within], float(bpm)), possible, right


def learn(heard: list[Heard], steps: int) -> torch.nn.Sequential:
    """The trained network."""
    random = np.random.default_rng(1)
    found = [cut for one in heard for cut in cuts(one, random)]
    x, possible, right = (torch.from_numpy(np.stack(part)) for part in zip(*found, strict=True))
    network = torch.nn.Sequential(
        torch.nn.Linear(INPUTS, HIDDEN[0]),
        torch.nn.ReLU(),
        torch.nn.Dropout(DROPPED),
        torch.nn.Linear(HIDDEN[0], HIDDEN[1]),
        torch.nn.ReLU(),
        torch.nn.Linear(HIDDEN[1], 1),
    )
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE_OF_LEARNING, total_steps=steps)
    total = 0.0
    for step in range(steps):
        some = torch.randint(0, len(x), (BATCH,))
        marks = network(_spoilt(x[some]))[..., 0].masked_fill(~possible[some], -1e9)
        hits = marks.masked_fill(~right[some], -1e9)
        loss = (torch.logsumexp(marks, 1) - torch.logsumexp(hits, 1)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        total += float(loss.detach())
        if step % 100 == 99:
            print(f"{step + 1}/{steps}  {total / 100:.3f}", flush=True)
            total = 0.0
    return network.eval()


def _spoilt(x: torch.Tensor) -> torch.Tensor:
    """[BATCH, READINGS, INPUTS] with noise, without some bands, and at a slightly other tempo."""
    bars = x[..., :-2] + NOISE * torch.randn(len(x), 1, INPUTS - 2)
    kept = torch.rand(len(x), 1, 1, BANDS) > DEAF
    bars = (bars.view(len(x), READINGS, -1, BANDS) * kept).flatten(2)
    octaves = x[..., -2:-1] + TEMPO * torch.randn(len(x), 1, 1)
    return torch.cat((bars, octaves, octaves**2), dim=-1)


if __name__ == "__main__":
    main()
