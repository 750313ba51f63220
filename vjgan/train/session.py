"""A training from pictures to a playable model: prepares, goes on where it stopped, keeps what it
learned, and shows how it goes."""

from __future__ import annotations

import io
import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from vjgan.errors import ModelError, VjganError
from vjgan.generator import checkpoint
from vjgan.generator.allocator import keep_memory
from vjgan.generator.closeness import measured
from vjgan.generator.device import find_device
from vjgan.generator.stylegan2 import StyleGAN2
from vjgan.interruption import ending_by, ends
from vjgan.train import state
from vjgan.train.curve import Row, read_curve, write_curve
from vjgan.train.indicators import SHOWN, Easel, Indicators, sheet
from vjgan.train.kept import STATE, Kept, in_charge, kept_in, resolved
from vjgan.train.options import (
    Options,
    Pulse,
    Watch,
    check,
    default_width,
    out_of_memory_words,
    settings_of,
)
from vjgan.train.origin import Start, fresh_start, start_from
from vjgan.train.peers import Peers
from vjgan.train.prepare import Prepared, Tell, pictures_of, prepare
from vjgan.train.trainer import Trainer

log = logging.getLogger("vjgan")

DATA, MODEL, BEST = "data", "model.safetensors", "best.safetensors"
COLUMNS, ROWS = 8, 6  # of a sheet
TRUNCATION = 0.7  # of a sheet
PACE = 30.0  # seconds over which the speed is told


def train(options: Options, watch: Watch, tell: Tell = lambda done, total: None) -> None:
    """Train until ``options.kimg`` thousand pictures are seen, or interrupted. Raises VjganError,
    and KeyboardInterrupt after the state is safe."""
    device = find_device(options.device)
    check(options, device)
    peers = Peers(device)
    try:
        if peers.device.type == "cpu":
            keep_memory()
        with in_charge(options) if peers.first else nullcontext(), out_of_memory_words(options):
            session = _Session(resolved(options), peers, watch, tell)
            session.run()
    finally:
        peers.close()


def look(options: Options, tell: Tell = lambda done, total: None) -> Prepared:
    """Only make the pictures ready. Raises VjganError."""
    with in_charge(options):
        return _prepared(resolved(options), tell)


def _prepared(options: Options, tell: Tell = lambda done, total: None) -> Prepared:
    size, crop = options.size, None
    if size is None and options.init is not None:
        size = start_from(options.init).network.config.resolution
    if options.faces and options.cropper is not None:
        crop = options.cropper()
    return prepare(
        options.source,
        options.output / DATA,
        size,
        bool(options.classes),
        options.keep or frozenset(),
        tell,
        crop,
    )


class _Session:
    def __init__(self, options: Options, peers: Peers, watch: Watch, tell: Tell) -> None:
        self.options, self.peers, self.watch = options, peers, watch
        kept = kept_in(options.output)
        if peers.first:
            _prepared(options, tell)
        peers.wait()
        self.prepared = _prepared(options)
        pictures = pictures_of(options.output / DATA, self.prepared)
        start = self._start(kept)
        settings = settings_of(
            options,
            start.network.config.resolution,
            start.discriminator is not None,
            kept.settings if kept is not None else None,
        )
        self.trainer = Trainer(
            start.network, pictures, self.prepared.labels, settings, peers, start.discriminator
        )
        if start.average is not None:
            self.trainer.average.load_state_dict(start.average)
        self.minutes = 0.0
        if kept is not None:
            self._restore()
            self.minutes = kept.minutes
        self.rows = read_curve(options.output / "curve.csv", self.trainer.progress.seen / 1000)
        self.easel = Easel(
            self.trainer.average, self.prepared.labels, settings.seed, self.trainer.precision
        )
        self.indicators = Indicators(pictures, settings.seed)
        self.origin = start.origin
        self.licence = options.licence or start.licence
        # What it began with, if that is known.
        self.init = kept.init if kept else options.init.name if options.init else ""
        self.stopped = False

    def _start(self, kept: Kept | None) -> Start:
        options, classes = self.options, self.prepared.classes
        if kept is not None:
            kept.check_classes(options, classes)
            return Start(StyleGAN2(kept.config), None, None, kept.origin, kept.licence)
        if options.init is not None:
            start = start_from(options.init).fit(self.prepared.size, len(classes))
            base = start.network.config.channel_base
            if options.width not in (None, base):
                raise VjganError(
                    f"--width {options.width} is for new networks; '{options.init}' has {base}"
                )
            return start
        seed = dict(options.asked).get("seed", 0)
        width = options.width or default_width(self.peers.device)
        return fresh_start(self.prepared.size, width, len(classes), seed)

    def _restore(self) -> None:
        path = self.options.output / STATE
        try:
            self.trainer.restore(*state.read(path))
        except torch.OutOfMemoryError:
            raise
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise ModelError(f"'{path}' is not the state of a training: {error}") from None

    def run(self) -> None:
        trainer, total = self.trainer, int(self.options.kimg * 1000)
        began = saved = time.monotonic()
        before, news = self.minutes, ""
        pace = [(began, trainer.progress.seen)]
        if trainer.progress.seen >= total and not (self.options.output / MODEL).exists():
            self.save(0.0, last=True)
        with self._interruptible():
            while trainer.progress.seen < total:
                trainer.step()
                now = time.monotonic()
                self.minutes = before + (now - began) / 60.0
                pace = [row for row in pace if now - row[0] < PACE or row is pace[-1]]
                pace.append((now, trainer.progress.seen))
                over = trainer.progress.seen >= total
                due = now - saved > 60.0 * self.options.every
                stop, save = self.peers.total(float(self.stopped), float(due and self.peers.first))
                if stop or save or over:
                    news = self.save(_speed(pace), last=bool(stop) or over)
                    saved = time.monotonic()
                if self.peers.first:
                    self.watch(self._pulse(total, _speed(pace), news))
                news = ""
                if stop:
                    raise KeyboardInterrupt

    def save(self, speed: float, last: bool) -> str:
        """Keep all that was learned, and show it; what happened, in words. What takes time and
        only players need is left to the ``last`` time."""
        news = ""
        if self.peers.first:
            row = self._row(speed)
            self._show()
            self._export(MODEL)
            self.rows.append(row)
            kids = [r["kid"] for r in self.rows if "kid" in r]
            if "kid" in row and row["kid"] <= min(kids):
                self._export(BEST)
            write_curve(self.options.output, self.rows)
            about = self.trainer.about() | {
                "config": asdict(self.trainer.config),
                "minutes": self.minutes,
                "origin": self.origin,
                "chosen": self._chosen(),
            }
            state.write(self.options.output / STATE, self.trainer.tensors(), about)
            if last:
                self._measure_bf16()
            said = [f"{key} {row[key]:.4g}" for key in ("kid", "fid", "ppl") if key in row]
            news = " ".join([f"{row['kimg']:.1f} kimg kept", *said])
        self.peers.wait()
        return news

    def _chosen(self) -> dict[str, Any]:
        """What was asked for, as `Kept` reads it."""
        return {
            "classes": self.prepared.classes,
            "init": self.init,
            "keep": sorted(self.options.keep or ()),
            "faces": bool(self.options.faces),
            "licence": self.licence,
        }

    def _row(self, speed: float) -> Row:
        now, every = self.trainer.progress, self.options.measure
        row = {
            "kimg": now.seen / 1000,
            "minutes": self.minutes,
            "images_per_second": speed,
            "memory_mb": memory(self.peers.device) / 1e6,
            "r_t": now.r_t,
            "augment_p": now.p,
            "loss_generator": now.loss_paint,
            "loss_discriminator": now.loss_tell,
        }
        last = max((r["kimg"] for r in self.rows if "kid" in r), default=float("-inf"))
        if every and row["kimg"] - last >= every:
            row |= self.indicators.measure(self.easel)
        return row

    def _show(self) -> None:
        folder = self.options.output / "sheets"
        number = f"{self.trainer.progress.seen // 1000:06d}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(f"'{folder}' cannot be written: {error.strerror}") from None
        pictures = self.easel.pictures(SHOWN, COLUMNS * ROWS, TRUNCATION)
        data = io.BytesIO()
        Image.fromarray(sheet(pictures, COLUMNS)).save(data, "PNG")
        state.replace(folder / f"{number}.png", data.getvalue())

    def _export(self, name: str) -> None:
        kimg = self.trainer.progress.seen / 1000
        checkpoint.save(
            self.options.output / name,
            self.trainer.average,
            name=self.options.output.resolve().name,
            licence=self.licence,
            origin=self.origin,
            trained=True,
            description=f"Trained by vjgan on {self.prepared.count:,} pictures; "
            f"{kimg:.1f} thousand seen.",
            training_set=f"{self.options.source.name}, {self.prepared.count:,} pictures",
        )

    def _measure_bf16(self) -> None:
        """Let the models say how near bf16 comes, so that they may be played in it. They are read
        back: freezing the averaged network would end its training, and files hold fp16."""
        for path in (self.options.output / MODEL, self.options.output / BEST):
            if path.exists():
                known = measured(checkpoint.load(path))
                checkpoint.save_again(path, known, known.directions)

    def _pulse(self, total: int, speed: float, news: str) -> Pulse:
        now = self.trainer.progress
        left = max(0, total - now.seen) / speed if speed else float("inf")
        used = memory(self.peers.device)
        return Pulse(now.seen, total, speed, left, used, now.p, now.r_t, now.loss_tell, news)

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        """The first Ctrl-C, or whatever else asks it to, ends the training after its step, with the
        state safe; the second one at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(*_: object) -> None:
            self.stopped = True
            for number in ends():
                signal.signal(number, signal.default_int_handler)

        with ending_by(stop):
            yield


def memory(device: torch.device) -> int:
    """Bytes that the training takes."""
    if device.type == "cuda":
        return int(torch.cuda.memory_reserved(device))
    try:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def _speed(pace: list[tuple[float, int]]) -> float:
    (t0, first), (t1, last) = pace[0], pace[-1]
    return (last - first) / (t1 - t0) if t1 > t0 else 0.0
