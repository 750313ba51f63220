"""What an artist asks of a training, and what is told of it while it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from vjgan.errors import DeviceError, VjganError
from vjgan.generator.metadata import TEXT_LENGTH
from vjgan.train.augment import TAKEN_OVER_KIMG
from vjgan.train.loss import default_gamma
from vjgan.train.precision import find_precision
from vjgan.train.prepare import Crop
from vjgan.train.settings import LIVE_WIDTH, Settings, check_size


@dataclass(frozen=True, slots=True)
class Options:
    """What an artist asks for; None is as the training in the folder has it, or as usual."""

    source: Path
    output: Path
    size: int | None = None
    init: Path | None = None
    width: int | None = None
    kimg: float = 5000.0
    classes: bool | None = None
    keep: frozenset[str] | None = None
    faces: bool | None = None
    cropper: Callable[[], Crop] | None = None  # makes what finds faces
    every: float = 10.0  # minutes between two checkpoints
    measure: float = 20.0  # thousand pictures between two measurements, 0: never
    device: str = "auto"
    licence: str | None = None
    asked: tuple[tuple[str, Any], ...] = ()  # settings by name


@dataclass(frozen=True, slots=True)
class Pulse:
    """Where a training stands, for people. ``speed`` is in pictures a second, ``left`` in seconds,
    ``memory`` in bytes; ``news`` is something that happened."""

    seen: int
    total: int
    speed: float
    left: float
    memory: int
    p: float
    r_t: float
    loss: float  # of the discriminator
    news: str = ""


Watch = Callable[[Pulse], None]


def check(options: Options, device: torch.device) -> None:
    """What can be known before the pictures are looked at. Raises VjganError."""
    settings = replace(Settings(), **dict(options.asked))
    settings.check()
    find_precision(settings.precision, device, 64)
    if options.size is not None:
        check_size(options.size)
    if options.licence is not None:
        text = options.licence
        if len(text) > TEXT_LENGTH or not text.isprintable():
            raise VjganError(
                f"--licence '{text[:40]}...' is not one line of at most {TEXT_LENGTH} letters"
            )


def settings_of(
    options: Options, resolution: int, taken_over: bool, kept: Settings | None
) -> Settings:
    """The settings of a new training at a ``resolution``, ``taken_over`` with both networks of
    another or not; or those ``kept`` of the one that goes on, which must not be asked for
    otherwise. Raises VjganError."""
    asked = dict(options.asked)
    if kept is not None:
        for name, value in asked.items():
            if getattr(kept, name) != value:
                raise VjganError(
                    f"'{options.output}' holds a training with "
                    f"{_option(name, getattr(kept, name))}, not {_option(name, value)}; go on "
                    "with that, or give another -o"
                )
        return kept
    usual = Settings()
    batch = asked.get("batch", usual.batch)
    usual = replace(usual, gamma=default_gamma(resolution, max(1, batch)))
    if taken_over:
        usual = replace(usual, augment_kimg=TAKEN_OVER_KIMG)
    settings = replace(usual, **asked)
    settings.check()
    return settings


def _option(name: str, value: Any) -> str:
    """A setting as one asks for it."""
    if name == "augment_kimg":
        return "augmentation" if value else "--no-augment"
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no-{name}"
    return f"--{name} {value}"


def default_width(device: torch.device) -> int:
    """The channel base of a new network: on a processor one that it can train and play."""
    return LIVE_WIDTH if device.type == "cpu" else 16_384


@contextmanager
def out_of_memory_words(options: Options) -> Iterator[None]:
    """A shortage of memory as one sentence that says what to lower."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError):
        pass
    except RuntimeError as error:
        if "allocate memory" not in str(error) and "out of memory" not in str(error):
            raise
    else:
        return
    batch = dict(options.asked).get("batch", Settings().batch)
    raise DeviceError(
        f"not enough memory for --batch {batch}; lower it to {max(1, batch // 2)}, or give a "
        "smaller --width or --size"
    )
