"""The way down when memory runs out: each step gives something up, says so, and plays on."""

from __future__ import annotations

import contextlib
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from vjgan.generator.bending import Bent
from vjgan.generator.cuda import CudaSettings
from vjgan.generator.faults import (
    MemoryShortageError,
    NotFiniteError,
    device_lost,
    first_line,
    out_of_memory,
)
from vjgan.generator.runtime import Runtime
from vjgan.generator.upscale import Upscaled
from vjgan.types import FloatArray

log = logging.getLogger("vjgan")

PROCESSOR = torch.device("cpu")
CARD_SIDE = 256  # pixels: smaller than this, the processor takes over from a graphics card


@dataclass(frozen=True, slots=True)
class Way:
    """One way of running a network: where, with which of a graphics card's means, and how far:
    up to pictures of ``side`` pixels, 0 for all of it."""

    device: torch.device
    settings: CudaSettings
    side: int = 0


def nothing_to_spare() -> Sequence[str]:
    """No other model is warm."""
    return ()


class Ladder:
    """A ``Runtime`` that is replaced by a humbler one when it fails for want of memory.

    ``make`` builds the runtime of a way; ``spare`` puts other warm models out and says which;
    ``sides`` are the smaller sizes in which the network can draw, the largest first.
    Out of memory: fp16 rather than fp32, then no other warm models, then no CUDA graph, then
    smaller pictures, then the processor, then still smaller ones. A picture that is not finite:
    fp32, from where there is no way back to fp16. A card that is lost: the processor. There is no
    way up: what once failed would fail again."""

    def __init__(
        self,
        make: Callable[[Way], Runtime],
        way: Way,
        model: str,
        spare: Callable[[], Sequence[str]] = nothing_to_spare,
        sides: Sequence[int] = (),
    ) -> None:
        self._make = make
        self._sides = sides
        self._way = way
        self._model = model
        self._spare = spare
        self._overflowed = False
        self._runtime: Runtime | None = None
        self._build()

    @property
    def name(self) -> str:
        """The runtime's own name, and the size if it is not the model's."""
        name = self._runtime.name if self._runtime is not None else "none"
        return f"{name}, {self._way.side}x{self._way.side}" if self._way.side else name

    def draw(self, w: FloatArray, noise: float, inside: Mapping[str, float]) -> Tensor:
        """The image [img, r, r]."""
        runtime = self._runtime or self._build()
        return runtime.draw(w, noise, inside)

    @property
    def factor(self) -> int:
        """How many times larger its pictures are than the network's."""
        return int(getattr(self._runtime, "factor", 1))

    def prepare(self) -> None:
        """Let the runtime make ready to be reached into."""
        if isinstance(self._runtime, Bent | Upscaled):
            self._runtime.prepare()

    def step_down(self, error: Exception) -> bool:
        """Whether the work that ended in ``error`` is worth another try, by a humbler way."""
        if not self._descend(error):
            return False
        self._build()
        return True

    def _build(self) -> Runtime:
        """The runtime of the way we are on, or of the next below that can be had."""
        while self._runtime is None:
            try:
                with torch.inference_mode(False):  # what is made there could not be traced
                    self._runtime = self._make(self._way)
            except Exception as error:
                if not self._descend(error):
                    raise
        return self._runtime

    def _descend(self, error: Exception) -> bool:
        """Give one thing up, if there is one whose want explains the error; say which."""
        found = self._below(error)
        if found is None:
            return False
        what, way = found
        log.warning("model '%s' %s", self._model, what)
        if way != self._way:
            self._runtime = None
        error.__traceback__ = None  # it holds on to what the failed work had made so far
        self._way = way
        if torch.cuda.is_available():
            with contextlib.suppress(RuntimeError):  # a lost card
                torch.cuda.empty_cache()
        return True

    def _below(self, error: Exception) -> tuple[str, Way] | None:
        """What to say, and the next way."""
        way, settings, where = self._way, self._way.settings, self._way.device.type
        if isinstance(error, NotFiniteError):
            if where != "cuda" or not settings.half:
                return None
            self._overflowed = True
            return (
                "runs over in fp16, and goes on in fp32",
                replace(way, settings=replace(settings, half=False)),
            )
        if device_lost(error) and where != "cpu":
            return (
                f"lost its device ({first_line(error)}), and goes on on the processor",
                replace(way, device=PROCESSOR),
            )
        return self._shortened() if out_of_memory(error) else None

    def _shortened(self) -> tuple[str, Way] | None:
        way, settings, where = self._way, self._way.settings, self._way.device.type
        lacks = f"is out of memory ({where})"
        if where == "cuda" and not settings.half and not self._overflowed:
            return (
                f"{lacks}, and goes on in fp16",
                replace(way, settings=replace(settings, half=True)),
            )
        if spared := self._spare():
            return f"{lacks}; put out for it: {', '.join(spared)}", way
        if where == "cuda" and settings.graph:
            return (
                f"{lacks}, and goes on without a CUDA graph",
                replace(way, settings=replace(settings, graph=False)),
            )
        if side := self._smaller():
            return f"{lacks}, and goes on at {side}x{side} pixels", replace(way, side=side)
        if where != "cpu":
            return f"{lacks}, and goes on on the processor", replace(way, device=PROCESSOR)
        return None

    def _smaller(self) -> int:
        """The next size that is worth drawing where we are, 0 if there is none."""
        now = self._way.side or math.inf
        least = 0 if self._way.device.type == "cpu" else CARD_SIDE
        return next((side for side in self._sides if least <= side < now), 0)


@contextlib.contextmanager
def opening(path: Path) -> Iterator[None]:
    """Turns a shortage of memory, where nothing has helped, into one sentence.

    Raises MemoryShortageError."""
    try:
        yield
    except Exception as error:
        if not out_of_memory(error):
            raise
        raise MemoryShortageError(
            f"model '{path}' needs more memory than is free here ({first_line(error)})"
        ) from None
