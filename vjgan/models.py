"""What ``vjgan model`` does: convert, sample and check the files that artists have."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import vjgan
from vjgan.assets import folder
from vjgan.errors import DeviceError, ModelError, VjganError
from vjgan.files import check_apart, check_place
from vjgan.generator import reference
from vjgan.generator.checkpoint import Checkpoint, find_model, info, load, model_file, save_again
from vjgan.generator.closeness import measured
from vjgan.generator.device import find_device, set_threads
from vjgan.generator.openvino import has_bf16
from vjgan.generator.player import Player, make_player, make_space
from vjgan.generator.sample import draw_seeds
from vjgan.generator.stylegan2 import StyleGAN2
from vjgan.generator.upscale import Upscaler, model_of, read_upscaler
from vjgan.media import save_image
from vjgan.stock import credit_of
from vjgan.types import ByteArray, LatentState

W_BOUND, IMAGE_BOUND = 1e-5, 1e-4  # relative errors up to which a model is right
WARM, FRAMES, SECONDS = 2, 30, 5.0  # pictures drawn before, and at most while, time is taken
MOST_SEEDS = 400
SHEET_SIDE = 4096  # pixels, the longest side of a sheet of samples


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found, line by line, and whether all of it is well."""

    lines: list[str]
    good: bool


def convert(source: str, output: Path, half: bool = False, bf16: bool = False) -> list[str]:
    """Write any known file as one of vjgan's own, every bit of it or in fp16, and say what it is;
    with ``bf16`` also how near its pictures come in that. Raises ModelError, and DeviceError where
    the processor does not multiply in bf16."""
    model_file(output)
    checkpoint = _open(source)
    check_apart("model", output, [checkpoint.info.path], ModelError)
    if bf16:
        if not has_bf16():
            raise DeviceError("--bf16: this processor does not multiply in bf16; leave it out here")
        if not isinstance(checkpoint.network, StyleGAN2):
            raise ModelError(f"--bf16: '{source}' is a StyleGAN3, which is played in fp32")
        checkpoint = measured(checkpoint)
    save_again(output, checkpoint, checkpoint.directions, half)
    return info(output).lines()


def sample(
    source: str, output: Path, seeds: Sequence[int], psi: float, label: int | None
) -> list[str]:
    """Write a sheet of a model's pictures, one a seed, and say how large it is.
    Raises ModelError, and MediaError for what cannot be written."""
    check_place("picture", output, ".png")
    checkpoint, upscaler = _open_whole(source)
    set_threads(live=False)
    sheet = _sheet(draw_seeds(checkpoint.network, seeds, psi, label, upscaler))
    said = {"Software": f"vjgan {vjgan.__version__}", "Seed": ", ".join(map(str, seeds))}
    save_image(output, sheet, {**said, **credit_of(checkpoint.info)})
    return [f"{output}: {len(seeds)} pictures, {sheet.shape[1]}x{sheet.shape[0]} pixels"]


def check(source: str, against: Path | None = None, device: str = "auto") -> Verdict:
    """Load a model, draw with it and take the time; with ``against`` also compare it with the
    pictures of another program. Raises ModelError and DeviceError."""
    began = time.perf_counter()
    checkpoint, upscaler = _open_whole(source)
    lines = [f"loads       {time.perf_counter() - began:.1f} s"]
    cases = reference.read_cases(against, checkpoint.info.config) if against else []
    set_threads(live=False)
    errors = [reference.compare(checkpoint.network, case) for case in cases]
    about, space = checkpoint.info, make_space(checkpoint.network)
    where = find_device(device)
    if cases:
        upscaler = None  # theirs are the network's own
    player = make_player(
        checkpoint.network, space, about.name, about.trained, where, upscaler=upscaler
    )
    lines += _timing(player)
    if not errors:
        return Verdict(lines, True)
    played = _worst(reference.compare_played(player.runtime, case) for case in cases)
    w, image = _worst(error.w for error in errors), _worst(error.image for error in errors)
    lines += [
        f"against     {len(cases)} cases; errors are max|ours - theirs| / max|theirs|",
        f"w           {w:.1e}, allowed {W_BOUND:.0e}",
        f"image       {image:.1e}, allowed {IMAGE_BOUND:.0e}",
        f"as played   {played:.1e}",
    ]
    # Cards play in fp16, which is not held to that.
    image = _worst((image, played)) if where.type == "cpu" else image
    good = w <= W_BOUND and image <= IMAGE_BOUND
    return Verdict([*lines, "agrees" if good else "DOES NOT AGREE"], good)


def _worst(errors: Iterable[float]) -> float:
    return float(np.max(list(errors)))  # unlike max(), NaN if one is


def parse_seeds(text: str) -> list[int]:
    """Seeds as people write them, such as ``0-15`` or ``3,7,20-22``. Raises VjganError."""
    seeds: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        ends = [first, last if dash else first]
        if not all(end.isdecimal() and len(end) <= 10 and int(end) < 2**32 for end in ends):
            raise VjganError(f"--seeds '{text}' is not a list such as 0-15 or 3,7, up to 2^32 - 1")
        span = range(int(ends[0]), int(ends[1]) + 1)
        if not span or len(seeds) + len(span) > MOST_SEEDS:
            raise VjganError(f"--seeds '{text}' must be 1 to {MOST_SEEDS} seeds, each span upward")
        seeds += span
    return seeds


def _open(source: str) -> Checkpoint:
    return load(find_model(source, folder("models")))


def _open_whole(source: str) -> tuple[Checkpoint, Upscaler | None]:
    """A model, and what enlarges its pictures where that is named with it."""
    path = find_model(source, folder("models"))
    base = model_of(path)
    return load(base or path), None if base is None else read_upscaler(path)


def _timing(player: Player) -> list[str]:
    space = player.space
    latent = LatentState(0.0, np.tile(space.w_mean, (space.num_ws, 1)))
    began = time.perf_counter()
    for _ in range(WARM):
        player.generate(latent)
    warm = time.perf_counter() - began
    took: list[float] = []
    end = time.perf_counter() + SECONDS
    while len(took) < FRAMES and (not took or time.perf_counter() < end):
        began = time.perf_counter()
        frame = player.generate(latent)
        took.append(time.perf_counter() - began)
    height, width = frame.image.shape[:2]
    return [
        f"draws       {width}x{height}",
        f"with        {player.runtime.name}, ready after {warm:.1f} s",
        f"speed       {1e3 * statistics.median(took):.1f} ms a picture ({len(took)} drawn)",
        *_memory(),
    ]


def _memory() -> list[str]:
    try:
        import resource
    except ImportError:  # Windows does not tell in this way
        return []
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return [f"memory      {peak / 1e6:.0f} MB at most, torch and vjgan itself included"]


def _sheet(pictures: Sequence[ByteArray]) -> ByteArray:
    """Pictures [side, side, 3] in rows, made smaller where the sheet would be too large."""
    columns = min(len(pictures), int(np.ceil(np.sqrt(len(pictures)))))
    rows = -(-len(pictures) // columns)
    side = len(pictures[0])
    step = 1
    while columns * (side // step) > SHEET_SIDE and side // step > 64:
        step *= 2
    small = side // step
    sheet = np.zeros((rows * small, columns * small, 3), np.uint8)
    for k, picture in enumerate(pictures):
        y, x = k // columns * small, k % columns * small
        blocks = picture.reshape(small, step, small, step, 3)
        sheet[y : y + small, x : x + small] = blocks.mean((1, 3)).round()
    return sheet
