"""Teach the ear its onsets and drums: ``python -m bench.listening`` writes ``vjgan/onsets.npz``.

Music composed in code, whose notes are known exactly, is heard through the show's own front end,
with its tone, loudness, noise and upper edge changed at random; noise, hum and applause are heard
too, in which nothing begins. Pieces of ``bench.music`` that are held back are never heard here.
Takes about twenty minutes of one core.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import mido
import numpy as np
import torch
from numpy.typing import NDArray

from bench.music import steady
from bench.music.render import FONTS, RATE, midi_of, played, voiced
from bench.music.score import Piece, compose, pieces
from bench.music.styles import BANDS, DRUMS, ELECTRONIC, GM
from vjgan.onsets import MELS, NAMES, PAST, WEIGHTS, Bands
from vjgan.spectrum import Spectrum
from vjgan.types import FloatArray

CACHE = Path("build/listening")
TURNS = {False: range(4, 10), True: range(4, 9)}  # seeds that bench.music does not use
KITS = (0, 8, 16, 24, 25, 32, 40, 48)  # General MIDI's drums
# Seconds after an onset from and up to which it is to be said. Which drum it was takes longer to
# tell. Around that time it may be said as well.
SAID = {"onset": (0.010, 0.031), "kick": (0.020, 0.042), "snare": (0.020, 0.042)}
SAID["hat"] = (0.016, 0.038)
LATER = 0.018
HIDDEN = (48, 16)
BATCH, ROUNDS, RATE_OF_LEARNING = 1024, 4, 4e-3
STEADY = 12  # clips of sound in which nothing begins


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    CACHE.mkdir(parents=True, exist_ok=True)
    jobs = [(piece, kit) for piece in scores() for kit in range(1 if piece.midi else 2)]
    with ProcessPoolExecutor(2) as pool:
        heard = list(pool.map(hear, jobs)) + list(pool.map(hear_steady, range(STEADY)))
    save(options.output, learn(heard, options.rounds))


def scores() -> list[Piece]:
    """What is heard: the pieces to tune on, and others with seeds of their own."""
    found = [piece for piece in pieces() if not piece.held]
    for midi, styles in ((False, ELECTRONIC), (True, BANDS)):
        for number, (genre, style) in enumerate(styles.items()):
            for turn in TURNS[midi]:
                seed = 1000 * midi + 10 * number + turn
                found.append(compose(genre, style, midi, False, seed))
    return found


Heard = tuple[FloatArray, FloatArray]  # bands [hops, MELS], target [hops, 4]: 1, 0, nan is either


def hear(job: tuple[Piece, int]) -> Heard:
    """A piece in one of its variants, as the network hears it."""
    piece, variant = job
    path = CACHE / f"{piece.name.replace(' ', '-')}-{piece.seed}-{variant}.npy"
    random = np.random.default_rng([piece.seed, variant])
    if not path.exists():
        sound = played_anyhow(piece, random) if piece.midi else _synthesised(piece, variant, random)
        np.save(path, _bands(_worn(sound, random)))
    bands = np.load(path)
    return bands, target(piece, len(bands))


def target(piece: Piece, hops: int) -> FloatArray:
    """What is to be said after each hop."""
    end = (np.arange(hops) + 1) * 256 / 44100
    wanted = np.zeros((hops, len(NAMES)), np.float32)
    for column, name in enumerate(NAMES):
        begins, ends = SAID[name]
        for time in piece.onsets(name):
            first, begin, over, late = np.searchsorted(
                end - time, (0.0, begins, ends, ends + LATER)
            )
            near = wanted[:, column]
            for place in (slice(first, begin), slice(over, late)):
                near[place] = np.where(near[place] == 1.0, 1.0, np.nan)
            near[begin:over] = 1.0
    return wanted


def hear_steady(number: int) -> Heard:
    """Noise, hum or applause for twenty seconds, after a moment of silence."""
    random = np.random.default_rng([9, number])
    makes = (
        lambda: steady.white(random, 20.0),
        lambda: steady.pink(random, 20.0),
        lambda: steady.hum(
            random,
            20.0,
            float(random.choice([50.0, 60.0, 110.0])),
            10.0 ** random.uniform(-4.0, -1.0),
        ),
        lambda: steady.applause(random, 20.0, float(random.uniform(300.0, 3000.0))),
    )
    sound = makes[number % 4]()
    sound *= 10.0 ** random.uniform(-2.5, 0.0) / np.abs(sound).max()
    sound[: RATE // 2] = 0.0
    bands = _bands(sound.astype(np.float32))
    return bands, np.zeros((len(bands), len(NAMES)), np.float32)


def played_anyhow(piece: Piece, random: np.random.Generator, quietest: int = 60) -> FloatArray:
    """A piece by FluidSynth, with any drum kit and another balance, from ``quietest`` of 127 up."""
    score = midi_of(piece)
    head = [mido.Message("program_change", channel=9, program=int(random.choice(KITS)))]
    for channel in (0, 1, 2, 9):
        loud = int(random.integers(quietest, 120))
        head.append(mido.Message("control_change", channel=channel, control=7, value=loud))
    score.tracks[0][1:1] = head
    return played(score, str(random.choice(FONTS)), piece.seconds)


def _synthesised(piece: Piece, variant: int, random: np.random.Generator) -> FloatArray:
    """By the demo's voices, and in the second variant with drums made anew."""
    return voiced(piece, drum_kit(random) if variant else None)


def drum_kit(random: np.random.Generator) -> dict[int, FloatArray]:
    """Drums by General MIDI note, each with its pitch, length and colour drawn at random."""
    rows = (
        (DRUMS["kick"], _kick, 0.9),
        (DRUMS["snare"], _snare, 0.7),
        (DRUMS["hat"], _hat, 0.35),
        ([GM[name] for name in "XTBGL"], _tom, 0.5),
    )
    kit = {}
    for notes, make, loud in rows:
        for note in notes:
            one = make(random)
            one *= loud * random.uniform(0.4, 1.0) / np.abs(one).max()
            kit[note] = one.astype(np.float32)
    return kit


def _kick(random: np.random.Generator) -> NDArray[np.float64]:
    time = np.arange(round(random.uniform(0.15, 0.5) * RATE)) / RATE
    base, sweep = random.uniform(38.0, 75.0), random.uniform(60.0, 400.0)
    hertz = base + sweep * np.exp(-time / random.uniform(0.008, 0.05))
    body = np.sin(2 * np.pi * np.cumsum(hertz) / RATE) * np.exp(-time / random.uniform(0.05, 0.25))
    click = random.standard_normal(len(time)) * np.exp(-time / random.uniform(0.001, 0.006))
    body = np.tanh(random.uniform(1.0, 3.0) * body)
    return (body + random.uniform(0.0, 0.4) * click) * np.minimum(1.0, time / 0.001)


def _snare(random: np.random.Generator) -> NDArray[np.float64]:
    time = np.arange(round(0.35 * RATE)) / RATE
    tone = np.sin(2 * np.pi * random.uniform(150.0, 260.0) * time) * np.exp(
        -time / random.uniform(0.03, 0.1)
    )
    hiss = _band(random, len(time), random.uniform(300.0, 1200.0), random.uniform(5000.0, 14000.0))
    fade = np.exp(-time / random.uniform(0.04, 0.15))
    bursts = sum(fade * (time > 0.011 * k) for k in range(random.integers(1, 4)))
    return random.uniform(0.0, 0.8) * tone + hiss * bursts


def _hat(random: np.random.Generator) -> NDArray[np.float64]:
    time = np.arange(round(0.5 * RATE)) / RATE
    hiss = _band(random, len(time), random.uniform(4000.0, 9000.0), 18000.0)
    ring = np.sign(sum(np.sin(2 * np.pi * random.uniform(3000.0, 9000.0) * time) for _ in range(5)))
    return (hiss + random.uniform(0.0, 0.5) * ring) * np.exp(-time / random.uniform(0.015, 0.2))


def _tom(random: np.random.Generator) -> NDArray[np.float64]:
    time = np.arange(round(0.4 * RATE)) / RATE
    hertz = random.uniform(90.0, 900.0) * (1.0 + 0.3 * np.exp(-time / 0.03))
    tone = np.sin(2 * np.pi * np.cumsum(hertz) / RATE)
    return tone * np.exp(-time / random.uniform(0.03, 0.15)) * np.minimum(1.0, time / 0.001)


def _band(
    random: np.random.Generator, count: int, low_hz: float, high_hz: float
) -> NDArray[np.float64]:
    spectrum = np.fft.rfft(random.standard_normal(count))
    hertz = np.fft.rfftfreq(count, 1.0 / RATE)
    spectrum *= (
        1.0 / (1.0 + (low_hz / np.maximum(hertz, 1.0)) ** 4) / (1.0 + (hertz / high_hz) ** 4)
    )
    sound = np.fft.irfft(spectrum, count)
    return sound / np.sqrt(np.mean(sound**2)) * 0.3


def _worn(sound: FloatArray, random: np.random.Generator) -> FloatArray:
    """Louder or softer, squashed as on a record, and in some noise."""
    sound = sound / np.abs(sound).max()
    if random.random() < 0.5:
        sound = np.tanh(float(random.uniform(1.0, 5.0)) * sound)
    sound = sound * 10.0 ** random.uniform(-1.5, 0.0)
    noise = 10.0 ** random.uniform(-5.0, -2.2) * np.sqrt(np.mean(sound**2))
    return (sound + noise * random.standard_normal(len(sound))).astype(np.float32)


def _bands(sound: FloatArray) -> FloatArray:
    spectrum = Spectrum(RATE)
    bands = Bands(spectrum.bins_hz)
    rows = []
    for k in range(0, len(sound) - spectrum.hop + 1, spectrum.hop):
        block = sound[k : k + spectrum.hop]
        rows.append(
            bands.step(spectrum.step(block), float(block @ block) / len(block), spectrum.dt)
        )
    return np.stack(rows)


def learn(heard: list[Heard], rounds: int) -> torch.nn.Sequential:
    """The trained network."""
    hops = [len(bands) for bands, _ in heard]
    starts = np.concatenate(([0], np.cumsum(hops)))
    bands = torch.from_numpy(np.concatenate([bands for bands, _ in heard]))
    wanted = torch.from_numpy(np.concatenate([target for _, target in heard]))
    places = np.concatenate([np.arange(a + max(PAST), b) for a, b in itertools.pairwise(starts)])
    sizes = (MELS * len(PAST), *HIDDEN, len(NAMES))
    layers: list[torch.nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(before, after), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1])
    steps = rounds * (len(places) // BATCH)
    optimiser = torch.optim.Adam(network.parameters(), RATE_OF_LEARNING)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE_OF_LEARNING, total_steps=steps)
    total = 0.0
    for step, (x, y) in enumerate(_batches(bands, wanted, places, steps)):
        known = ~torch.isnan(y)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(x)[known], y[known])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        total += float(loss.detach())
        if step % 500 == 499:
            print(f"{step + 1}/{steps}  {total / 500:.4f}", flush=True)
            total = 0.0
    return network


def _batches(
    bands: torch.Tensor, wanted: torch.Tensor, places: NDArray[np.int64], steps: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Random places, their tone and upper edge changed: [BATCH, inputs] and [BATCH, 4]."""
    random = np.random.default_rng(1)
    past = torch.tensor(PAST)
    mel = torch.linspace(-1.0, 1.0, MELS)
    for _ in range(steps):
        at = torch.from_numpy(random.choice(places, BATCH))
        x = bands[at[:, None] - past]  # [BATCH, PAST, MELS]
        tilt, bend, shift = (torch.randn(BATCH, 1, 1) * s for s in (0.5, 0.3, 0.25))
        x = torch.log1p(torch.expm1(x) * torch.exp(tilt * mel + bend * mel**2 + shift))
        edge = torch.where(torch.rand(BATCH) < 0.15, torch.randint(22, MELS, (BATCH,)), MELS)
        x = x * (torch.arange(MELS) < edge[:, None])[:, None]
        yield x.flatten(1), wanted[at]


def save(path: Path, network: torch.nn.Sequential) -> None:
    """Write the weights: w0, b0, w1, ..."""
    linear = [layer for layer in network if isinstance(layer, torch.nn.Linear)]
    arrays = {}
    for k, layer in enumerate(linear):
        arrays[f"w{k}"] = layer.weight.detach().numpy().astype(np.float16)
        arrays[f"b{k}"] = layer.bias.detach().numpy().astype(np.float32)
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


if __name__ == "__main__":
    main()
