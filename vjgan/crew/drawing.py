"""What a worker does, in whatever process: draws jobs, and shows by a proof that it draws them as
everybody else does."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np

from vjgan.errors import VjganError
from vjgan.types import ByteArray, Generator, LatentState

OPEN_MODELS = 2  # at a time; a film seldom has more in one place

# Opens the model of a name or path.
Opening = Callable[[str], Generator]


class Drawer:
    """A worker's models."""

    def __init__(self, open_: Opening) -> None:
        self._open = open_
        self._models: dict[str, tuple[Generator, str]] = {}  # and their proofs

    def draw(self, model: str, latents: Sequence[LatentState], proof: str) -> ByteArray | None:
        """The pictures [n, h, w, 3] of latents; None where the model does not draw here what its
        ``proof`` says. Raises VjganError, and whatever a model raises."""
        generator, own = self._model(model)
        if own != proof:
            return None
        frames = [np.asarray(generator.generate(latent).image) for latent in latents]
        if any(frame.shape[:2] != generator.resolution for frame in frames):
            raise VjganError(f"model '{model}' had to draw smaller pictures: too little memory")
        return np.stack(frames)

    def _model(self, name: str) -> tuple[Generator, str]:
        known = self._models.pop(name, None)
        if known is None:
            while len(self._models) >= OPEN_MODELS:
                del self._models[next(iter(self._models))]
            generator = self._open(name)
            known = generator, prove(generator)
        self._models[name] = known  # the newest last
        return known


def prove(generator: Generator) -> str:
    """What a generator draws at the middle of its space, in short: the same wherever its pictures
    are the same, bit for bit."""
    space = generator.space
    w = np.tile(space.w_mean, (space.num_ws, 1)).astype(np.float32)
    image = np.asarray(generator.generate(LatentState(0.0, w)).image)
    return hashlib.sha256(f"{image.shape}".encode() + image.tobytes()).hexdigest()


def reason(error: Exception, model: str) -> str:
    """Why a job cannot be done, in one sentence."""
    if isinstance(error, VjganError):
        return str(error)
    return f"model '{model}' cannot be drawn by a worker: {type(error).__name__}: {error}"
