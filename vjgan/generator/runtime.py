"""What runs a network: one file a way of doing it, all behind one Protocol."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor

from vjgan.generator.allocator import keep_memory
from vjgan.generator.cuda import Cuda, CudaSettings
from vjgan.generator.openvino import OpenVINO, installed, wanted_precision
from vjgan.generator.stylegan2 import StyleGAN2
from vjgan.generator.stylegan3 import StyleGAN3, transform
from vjgan.types import FloatArray

log = logging.getLogger("vjgan")


class Runtime(Protocol):
    """A frozen network at work on a device."""

    @property
    def name(self) -> str:
        """For people, such as "torch, fp32, cpu"."""

    def draw(self, w: FloatArray, noise: float, inside: Mapping[str, float]) -> Tensor:
        """w [num_ws or more, w_dim] -> image [img, r, r], fp32, about -1..1; called from one thread
        at a time, in inference mode. ``inside`` as in ``LatentState``."""


def make_runtime(
    network: StyleGAN2 | StyleGAN3,
    device: torch.device,
    settings: CudaSettings | None = None,
    bf16_db: float = 0.0,
) -> Runtime:
    """The best way to run ``network`` on ``device``; the network must not change afterwards.
    ``bf16_db`` is how near its pictures in bf16 are to those in fp32."""
    if device.type == "cuda":
        return Cuda(network, device, settings)
    if device.type == "cpu" and isinstance(network, StyleGAN2):
        return on_processor(network, bf16_db)
    return Eager(network, device)


def on_processor(network: StyleGAN2, bf16_db: float = 0.0) -> Runtime:
    """OpenVINO where it is installed and can run ``network``, else torch: decided once, so that a
    show and a film are of one piece. Their pictures differ by rounding alone.

    Raises DeviceError where ``VJGAN_CPU`` asks for what there is not."""
    keep_memory()
    precision = wanted_precision(bf16_db)
    if not installed():
        log.debug("OpenVINO is not installed: torch plays, more slowly")
        return Traced(network)
    try:
        return OpenVINO(network, precision)
    except RuntimeError as error:
        log.warning("OpenVINO cannot run this model, torch plays it: %s", str(error).strip())
        return Traced(network)


class Eager:
    """Operation by operation: where calls only queue work, as on Apple's graphics, and for a
    StyleGAN3, whose operations are few and long."""

    def __init__(self, network: StyleGAN2 | StyleGAN3, device: torch.device) -> None:
        self.name = f"torch, fp32, {device.type}"
        self._device = device
        self._network = network.to(device).freeze()
        if device.type == "cpu":
            keep_memory()

    def draw(self, w: FloatArray, noise: float, inside: Mapping[str, float]) -> Tensor:
        """The image [img, r, r]."""
        ws = torch.from_numpy(w).to(self._device, torch.float32)[None]  # [1, num_ws, w_dim]
        image: Tensor  # [1, img, r, r]
        if isinstance(self._network, StyleGAN3):
            place = transform(*(inside.get(f"input.{name}", 0.0) for name in ("x", "y", "turn")))
            own = self._network.synthesis.input.transform  # [3, 3]
            image = self._network.synthesis(ws, own @ place.to(own))
        else:
            image = self._network.synthesis(ws, noise=noise)
        return image[0]


class Traced:
    """The synthesis as a single call into torch, on the processor.

    Layer by layer, each of some 150 operations would ask for the interpreter's lock, which a busy
    screen gives back only between two of its own: three times slower beside an OpenGL without a
    GPU."""

    def __init__(self, network: StyleGAN2) -> None:
        self.name = "torch, fp32, cpu"
        synthesis, config = network.cpu().freeze().synthesis, network.config
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the tracer warns of what is constant by intent
            example = torch.zeros(1, config.num_ws, config.w_dim), torch.tensor(1.0)
            # Unchecked: the check runs it three times, seconds for a large one.
            trace: Callable[..., Callable[[Tensor, Tensor], Tensor]] = torch.jit.trace
            self._draw = trace(
                lambda ws, noise: synthesis(ws, noise=noise), example, check_trace=False
            )

    def draw(self, w: FloatArray, noise: float, inside: Mapping[str, float]) -> Tensor:
        """The image [img, r, r]."""
        ws = torch.from_numpy(w).float()  # [num_ws, w_dim]
        return self._draw(ws[None], torch.tensor(noise))[0]
