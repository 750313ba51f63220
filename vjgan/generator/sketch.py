"""Small pictures of a model by w, for pages: the network itself, cut short, on one core."""

from __future__ import annotations

from pathlib import Path

import torch

from vjgan.errors import ModelError
from vjgan.generator.checkpoint import find_model, load
from vjgan.generator.handover import HandOver
from vjgan.generator.metadata import Network
from vjgan.generator.reference import draw
from vjgan.generator.shorten import shortened, smaller_sides
from vjgan.generator.upscale import model_of
from vjgan.types import ByteArray, FloatArray

SIDE = 128  # pixels; larger models are drawn so small where they can be


class Sketch:
    """Draws small pictures of one model after the other; the last one stays loaded."""

    def __init__(self, folder: Path) -> None:
        """Models are named after files in ``folder``, or by path."""
        self._folder = folder
        self._loaded: tuple[str, Network] | None = None
        self._to_bytes = HandOver(pinned=False)

    @torch.inference_mode()
    def draw(self, model: str, w: FloatArray) -> ByteArray:
        """The picture uint8 [r, r, 3] of w [num_ws, w_dim]. Raises ModelError."""
        network = self._network(model)
        num_ws = network.config.num_ws
        if w.ndim != 2 or w.shape[1] != network.config.w_dim or len(w) < num_ws:
            raise ModelError(f"a w of shape {list(w.shape)} is not of model '{model}'")
        return self._to_bytes(draw(network, torch.from_numpy(w[None, :num_ws].copy()))[0])

    def _network(self, model: str) -> Network:
        if self._loaded is None or self._loaded[0] != model:
            path = find_model(model, self._folder)
            network = load(model_of(path) or path).network
            sides = [side for side in smaller_sides(network) if side >= SIDE]
            network = shortened(network, sides[-1]) if sides else network
            self._loaded = model, network.eval()
        return self._loaded[1]


def set_one_thread() -> None:
    """Let torch work on one core in this process."""
    torch.set_num_threads(1)
