"""A network on an NVIDIA card: one CUDA graph a shape, buffers that stay, nothing waits.

Played operation by operation, a picture is some 700 launches, and launching them takes longer than
the card needs for the work. A graph is launched once. Each way of being fast has a switch, and
each that is not to be had says so and is left out. All but the graph itself also runs on a
processor, where the tests look at it.
"""

from __future__ import annotations

import contextlib
import copy
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor, nn

from vjgan.errors import DeviceError
from vjgan.generator.faults import first_line, out_of_memory
from vjgan.generator.stylegan2 import StyleConv, StyleGAN2
from vjgan.generator.stylegan3 import StyleGAN3, transform
from vjgan.types import FloatArray

log = logging.getLogger("vjgan")

SHAPES = 4  # graphs kept, each with its own memory; the least recently used goes first
WARM_UPS = 3  # runs before a capture: cuDNN chooses its algorithms, cuBLAS takes its memory

Work = Callable[[], Tensor]


@dataclass(frozen=True, slots=True)
class CudaSettings:
    """The switches, for ``VJGAN_CUDA``: such as ``no-graph compile``."""

    graph: bool = True  # one launch a picture
    half: bool = True  # the highest resolutions in fp16, clamped as published
    compile: bool = False  # torch.compile: fewer, larger operations; takes minutes at first
    pinned: bool = True  # page-locked host memory, copied while the card works
    gl: bool = False  # pictures go to OpenGL on the card itself: not yet seen on one

    @classmethod
    def read(cls, text: str) -> CudaSettings:
        """The settings that words such as ``no-graph`` and ``compile`` ask for. Raises
        DeviceError."""
        names = [field.name for field in fields(cls)]
        settings = cls()
        for word in text.replace(",", " ").split():
            name = word.removeprefix("no-")
            if name not in names:
                allowed = ", ".join(f"{name}, no-{name}" for name in names)
                raise DeviceError(f"VJGAN_CUDA: '{word}' is not one of {allowed}")
            settings = replace(settings, **{name: name == word})
        return settings


class Cuda:
    """A ``Runtime`` for an NVIDIA card. It plays a copy, its ``network``; the one given stays where
    it is, so that there is something to go on with should the card fail. What ``draw`` returns is
    overwritten by the next one."""

    def __init__(
        self,
        network: StyleGAN2 | StyleGAN3,
        device: torch.device,
        settings: CudaSettings | None = None,
        capture: Callable[[Work], Work] | None = None,
    ) -> None:
        self._settings = settings or CudaSettings()
        self._device = device
        torch.backends.cudnn.benchmark = True  # shapes never change: let it look for the fastest
        self.network = copy.deepcopy(network).to(device).freeze(half=self._settings.half)
        synthesis: nn.Module = self.network.synthesis
        self._own_place = torch.eye(3)  # [3, 3]
        if isinstance(network, StyleGAN3):
            self._own_place = network.synthesis.input.transform.detach().cpu().clone()
        else:
            synthesis = copy.deepcopy(synthesis, _tensors(synthesis))
            self._strengths, self._scaled = _gather(synthesis)
        self._placed: tuple[dict[str, float], FloatArray] = {}, self._own_place.flatten().numpy()
        self._synthesis: Callable[..., Tensor] = synthesis
        if self._settings.compile:
            self._synthesis = self._compiled(self._synthesis)
        self._capture = capture or capture_graph
        self._graphs = self._settings.graph
        self._shapes: OrderedDict[tuple[int, ...], _Shape] = OrderedDict()

    @property
    def name(self) -> str:
        """Such as "torch, fp16, cuda, graph"."""
        how = ["graph"] if self._graphs else []
        how += ["compiled"] if self._settings.compile else []
        half = "fp16" if self._settings.half else "fp32"
        return ", ".join(["torch", half, self._device.type, *how])

    def draw(self, w: FloatArray, noise: float, inside: Mapping[str, float]) -> Tensor:
        """The image [img, r, r]."""
        shape = self._shapes.get(w.shape) or self._prepare(w.shape)
        self._shapes.move_to_end(w.shape)
        shape.fill(w, noise, self._place(inside))
        return shape.work()

    def _prepare(self, size: tuple[int, ...]) -> _Shape:
        shape = _Shape(size, self._device, self._settings.pinned)

        def work() -> Tensor:
            if isinstance(self.network, StyleGAN3):
                return self._synthesis(shape.ws, shape.place)[0]  # [img, r, r]
            torch.mul(self._strengths, shape.noise, out=self._scaled)  # [layers]
            return self._synthesis(shape.ws)[0]  # [img, r, r]

        while len(self._shapes) >= SHAPES:
            self._shapes.popitem(last=False)
        shape.work = self._captured(work) if self._graphs else work
        self._shapes[size] = shape
        return shape

    def _place(self, inside: Mapping[str, float]) -> FloatArray:
        """Where a StyleGAN3 draws its picture [9]."""
        if inside == self._placed[0]:
            return self._placed[1]
        x, y, turn = (inside.get(f"input.{name}", 0.0) for name in ("x", "y", "turn"))
        place: FloatArray = (self._own_place @ transform(x, y, turn)).flatten().numpy()  # [9]
        self._placed = dict(inside), place
        return place

    def _captured(self, work: Work) -> Work:
        try:
            return self._capture(work)
        except RuntimeError as error:
            if out_of_memory(error):
                raise
            self._graphs = False
            log.warning(
                "CUDA graph not possible: %s; running operation by operation", first_line(error)
            )
            return work

    def _compiled(self, synthesis: Callable[..., Tensor]) -> Callable[..., Tensor]:
        fast: Callable[..., Tensor] = torch.compile(synthesis, dynamic=False)

        def first(*inputs: Tensor) -> Tensor:
            try:
                image = fast(*inputs)
                self._synthesis = fast
            except Exception as error:
                if out_of_memory(error):
                    raise
                self._settings = replace(self._settings, compile=False)
                self._synthesis = synthesis
                log.warning("torch.compile not possible: %s; running without", first_line(error))
                image = synthesis(*inputs)
            return image

        return first


class _Shape:
    """What stays for one shape of w: where the inputs lie, and the work done on them."""

    work: Work

    def __init__(self, size: tuple[int, ...], device: torch.device, pinned: bool) -> None:
        count = int(np.prod(size)) + 10
        self._host = _page_locked(count) if pinned else torch.empty(count)  # [count]
        self._array = self._host.numpy()
        self._inputs = torch.zeros(count, device=device)  # [count]: w, noise, place
        self._copied: torch.cuda.Event | None = None
        if device.type == "cuda":
            self._copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
        self.ws = self._inputs[:-10].view(1, *size)  # [1, num_ws, w_dim]
        self.noise = self._inputs[-10]  # []
        self.place = self._inputs[-9:].view(3, 3)  # [3, 3]

    def fill(self, w: FloatArray, noise: float, place: FloatArray) -> None:
        """Send a latent [num_ws, w_dim], the noise's strength and a place [9] on their way."""
        if self._copied is not None:
            self._copied.synchronize()  # long done, unless nobody looked at the last picture
        self._array[:-10] = w.ravel()
        self._array[-10] = noise
        self._array[-9:] = place
        self._inputs.copy_(self._host, non_blocking=True)
        if self._copied is not None:
            self._copied.record()


def capture_graph(work: Work) -> Work:
    """``work`` as a CUDA graph: what comes back launches it and gives the same tensor each time.

    Done with ``capture_begin`` rather than ``torch.cuda.graph``, which collects garbage and empties
    the cache first: a model is also prepared while another one plays. For the same reason only
    this thread is kept from what a capture forbids. Raises RuntimeError."""
    graph = torch.cuda.CUDAGraph()
    before = torch.cuda.current_stream()
    aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    aside.wait_stream(before)
    with torch.cuda.stream(aside):
        for _ in range(WARM_UPS):
            work()
        graph.capture_begin(capture_error_mode="thread_local")
        try:
            output = work()
        except Exception:
            with contextlib.suppress(RuntimeError):  # what broke the capture says more
                graph.capture_end()
            raise
        graph.capture_end()
    before.wait_stream(aside)

    def launch() -> Tensor:
        graph.replay()
        return output

    return launch


def _gather(synthesis: nn.Module) -> tuple[Tensor, Tensor]:
    """The strengths of all noise inputs [layers], and the same again as the layers now read them:
    scaled there, all at once, instead of by a number that a graph would keep for good."""
    strengths, noisy = [], []
    for layer in synthesis.modules():
        if isinstance(layer, StyleConv) and layer.noise_strength is not None:
            strengths.append(layer.noise_strength.detach())
            noisy.append(layer)
    if not noisy:
        nothing = torch.empty(0, device=next(synthesis.parameters()).device)
        return nothing, nothing
    own = torch.stack(strengths)  # [layers]
    scaled = own.clone()  # [layers]
    for layer, strength in zip(noisy, scaled, strict=True):
        layer.noise_strength = nn.Parameter(strength, requires_grad=False)
    return own, scaled


def _tensors(module: nn.Module) -> dict[int, object]:
    """What a copy shall share with a module: its tensors, by identity."""
    return {id(tensor): tensor for tensor in [*module.parameters(), *module.buffers()]}


def _page_locked(count: int) -> Tensor:
    try:
        return torch.empty(count, pin_memory=True)
    except RuntimeError as error:
        log.warning("page-locked memory not possible: %s; latents go without", first_line(error))
        return torch.empty(count)
