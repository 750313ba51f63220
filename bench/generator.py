"""StyleGAN2 on the processor, ms a frame: done plainly, by torch, and by OpenVINO.

Each way has a process of its own, so that its memory can be told and no pool of threads disturbs
another; they draw in turn, so that a busy machine disturbs them alike. A convolution of the usual
shape, in the same turns, tells what the machine can do, and a copy how fast its memory is. The
floor is that of convolutions by their definition: with fewer products one can go below it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.plain import Plain
from vjgan.generator.device import set_threads
from vjgan.generator.openvino import OpenVINO
from vjgan.generator.runtime import Runtime, Traced, keep_memory
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config

SIZES = {  # resolution / channel base / most channels
    "alive (256/4096/64)": StyleGAN2Config(256, 64, 64, 0, 4096, 64, mapping_layers=2),
    "128/4096/64": StyleGAN2Config(128, channel_base=4096, channel_max=64),
    "256/16384/512": StyleGAN2Config(256, channel_base=16384),
    "512/16384/512": StyleGAN2Config(512, channel_base=16384),
    "1024/16384/512": StyleGAN2Config(1024, channel_base=16384),
    "512/32768/512": StyleGAN2Config(512, channel_base=32768),
}
WAYS: dict[str, Callable[[StyleGAN2], Runtime]] = {
    "plain": Plain,
    "torch": Traced,
    "openvino": OpenVINO,
}
SECONDS = 12.0  # of each size, once with all cores and once with all but one
TURN_MS = 100.0  # of a way, before the next one's
ROUNDS = (5, 100)  # at least, at most
SIDE, MAPS = 64, 256  # of the convolution that tells the peak
COPIED = 64 * 2**20  # bytes, of the copy


def run(options: argparse.Namespace) -> dict[str, Any]:
    """For each size, with the cores of a film and those of a show: ms a frame and what of it."""
    rows: dict[str, Any] = {}
    for live in (False, True):
        threads = set_threads(live)
        for size, config in SIZES.items():
            rows[f"{size}, {threads} threads"] = compare(config, threads)
    return rows


def compare(config: StyleGAN2Config, threads: int, seconds: float = SECONDS) -> dict[str, Any]:
    """ms a frame of every way, in turn, and how they compare."""
    with ExitStack() as stack:
        ways = {name: stack.enter_context(_process(name, config, threads)) for name in WAYS}
        ready = {name: way.recv() for name, way in ways.items()}
        machine = stack.enter_context(_process("", config, threads))
        took: dict[str, list[float]] = {name: [] for name in [*ways, "peak", "copy"]}
        worked: dict[str, list[float]] = {name: [] for name in ways}
        end = time.monotonic() + seconds
        for index in range(ROUNDS[1]):
            if index >= ROUNDS[0] and time.monotonic() > end:
                break
            for name, way in ways.items():
                way.send(index)
                ms, cpu_ms = way.recv()
                took[name].append(ms)
                worked[name].append(cpu_ms)
            machine.send(index)
            peak, copy = machine.recv()
            took["peak"].append(peak)
            took["copy"].append(copy)
        memory = {name: (way.send(None), way.recv())[1] for name, way in ways.items()}
    return summary(config, _arrays(took), _arrays(worked), ready, memory)


def summary(
    config: StyleGAN2Config,
    took: dict[str, np.ndarray],
    worked: dict[str, np.ndarray],
    ready: dict[str, tuple[float, np.ndarray]],
    memory: dict[str, float],
) -> dict[str, Any]:
    """The table of what every way ``took`` and the processors ``worked``, in ms, the seconds after
    which it was ``ready`` with its first picture, and its ``memory`` in MB."""
    gflops = 2 * 9 * MAPS**2 * SIDE**2 / 1e6 / took["peak"].min()
    floor = max(
        config.gflop / gflops, moved(config) / 1e9 / (2 * COPIED / 1e6 / took["copy"].min())
    )
    rows: dict[str, Any] = {
        "GFLOP a frame": config.gflop,
        "convolution peak, GFLOP/s": gflops,
        "floor of convolutions by their definition, ms": floor * 1e3,
        "rounds": len(took["peak"]),
    }
    plain = ready["plain"][1]
    for name in ready:
        ms = took[name]
        rows[name] = {
            "ms a frame, least": float(ms.min()),
            "ms a frame, median": float(np.median(ms)),
            "ms of all processors a frame, least": float(worked[name].min()),
            "plain / this, least": float(took["plain"].min() / ms.min()),
            "plain / this, median of rounds": float(np.median(took["plain"] / ms)),
            "share of the convolution peak": float(config.gflop / ms.min() * 1e3 / gflops),
            "share of the floor": float(floor * 1e3 / ms.min()),
            "ready after, s": ready[name][0],
            "memory at most, MB": memory[name],
            "largest difference to plain, relative": float(
                np.abs(ready[name][1] - plain).max() / np.abs(plain).max()
            ),
        }
    return rows


def _arrays(lists: dict[str, list[float]]) -> dict[str, np.ndarray]:
    return {name: np.array(values) for name, values in lists.items()}


def moved(config: StyleGAN2Config) -> float:
    """Bytes that the convolutions of a picture read and write at least, in fp32."""
    total, before = 0, 4
    for size in config.sizes:
        n_in, n = config.channels(before), config.channels(size)
        if size > 4:
            total += n_in * before**2 + n * size**2 + 9 * n_in * n
        total += 2 * n * size**2 + 9 * n * n
        before = size
    return 4.0 * total


@contextmanager
def _process(way: str, config: StyleGAN2Config, threads: int) -> Iterator[Connection]:
    """The other end of a process that draws by a way, or of one that measures the machine."""
    os.environ["OMP_WAIT_POLICY"] = "passive"  # who waits shall not disturb the others
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(
        target=_measure if not way else _draw, args=(there, way, config, threads)
    )
    process.start()
    there.close()
    try:
        yield here
    finally:
        here.close()
        process.join()


def _draw(pipe: Connection, way: str, config: StyleGAN2Config, threads: int) -> None:
    torch.set_num_threads(threads)
    network = make_network(config)
    w = torch.randn(config.num_ws, config.w_dim).numpy()
    if way != "plain":
        keep_memory()
    begin = time.perf_counter()
    runtime = WAYS[way](network)
    with torch.inference_mode():
        image = runtime.draw(w, 1.0, {}).numpy().copy()
        pipe.send((time.perf_counter() - begin, image))
        while (index := _next(pipe)) is not None:
            pipe.send(_turn(lambda step: runtime.draw(w + np.float32(step), 1.0, {}), index))
    pipe.send(_most_memory())
    _next(pipe)


def _turn(draw: Callable[[float], object], index: int) -> tuple[float, float]:
    """The median ms of some frames in a row, and that of all processors: a first one alone would
    find the caches full of what the others left."""
    took: list[tuple[float, float]] = []
    while sum(ms for ms, _ in took) < TURN_MS:
        begin, worked = time.perf_counter(), time.process_time()
        draw(0.01 * index + 0.001 * len(took))
        now, done = time.perf_counter(), time.process_time()
        took.append(((now - begin) * 1e3, (done - worked) * 1e3))
    ms, cpu_ms = np.median(took, axis=0)
    return float(ms), float(cpu_ms)


def _measure(pipe: Connection, way: str, config: StyleGAN2Config, threads: int) -> None:
    torch.set_num_threads(threads)
    x = torch.randn(1, MAPS, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    weight = torch.randn(MAPS, MAPS, 3, 3).contiguous(memory_format=torch.channels_last)
    source, target = torch.ones(COPIED // 4), torch.empty(COPIED // 4)
    with torch.inference_mode():
        while _next(pipe) is not None:
            pipe.send((
                _ms(lambda: torch.nn.functional.conv2d(x, weight, padding=1)),
                _ms(lambda: target.copy_(source)),
            ))  # fmt: skip


def make_network(config: StyleGAN2Config) -> StyleGAN2:
    """An untrained network, the same each time, in which every parameter has a say."""
    torch.manual_seed(0)
    network = StyleGAN2(config)
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name.endswith(("bias", "noise_strength")):
                value.add_(torch.randn(value.shape) * 0.1)
    return network


def _next(pipe: Connection) -> Any:
    """What is asked for next; None at the end."""
    try:
        return pipe.recv()
    except EOFError:
        return None


def _ms(work: Callable[[], object], times: int = 5) -> float:
    """The least of some runs."""
    best = float("inf")
    for _ in range(times):
        begin = time.perf_counter()
        work()
        best = min(best, (time.perf_counter() - begin) * 1e3)
    return best


def _most_memory() -> float:
    """What this process held at its peak, in MB; it includes torch itself, some 200 MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1e3
    return float("nan")
