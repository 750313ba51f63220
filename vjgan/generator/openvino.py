"""OpenVINO at work: the fastest way through a StyleGAN2 on a processor."""

from __future__ import annotations

import importlib.util
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vjgan.compiling import compiled
from vjgan.errors import DeviceError
from vjgan.generator.graph import Graph, Layer, Parts, enlarging
from vjgan.generator.stylegan2 import StyleGAN2
from vjgan.generator.tiles import Doubled, Kept, Tiled, worthwhile
from vjgan.generator.winograd import Memory
from vjgan.types import ByteArray, FloatArray

MOST_NUMBERS = 2**26  # of a feature map of somebody's file
PRECISIONS = {"fp32": "f32", "bf16": "bf16"}  # ours, and as the engine calls them
INVISIBLE_DB = 48.1  # from the picture in fp32: one grey level of 255 (rms), in the worst one


def wanted_precision(bf16_db: float) -> str:
    """What ``VJGAN_CPU`` asks for, fp32 or bf16. Unasked it is fp32, but where the processor
    multiplies in bf16, which is three to five times as fast, and the model's pictures are known to
    look the same: ``bf16_db`` (PSNR) from fp32. Raises DeviceError."""
    precision = os.environ.get("VJGAN_CPU", "")
    if precision and precision not in PRECISIONS:
        raise DeviceError(f"VJGAN_CPU: '{precision}' is not one of {', '.join(PRECISIONS)}")
    return precision or ("bf16" if bf16_db >= INVISIBLE_DB and has_bf16() else "fp32")


def has_bf16() -> bool:
    """Whether the engine is there, and the processor multiplies in bf16."""
    if not installed():
        return False
    return "BF16" in _engine().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def installed() -> bool:
    """Whether the engine is there."""
    return importlib.util.find_spec("openvino") is not None


class OpenVINO:
    """A ``Runtime`` on torch's number of threads, with torch for the widest layers. Raises
    RuntimeError where the engine cannot run the network. What ``draw`` returns is overwritten by
    the next one."""

    def __init__(self, network: StyleGAN2, precision: str = "fp32") -> None:
        frozen = network.cpu().freeze()
        tiled = worthwhile(network) if precision == "fp32" else []
        graphs = [
            _compile(parts, precision) for parts in Graph(frozen, _operations(), tiled).parts()
        ]
        half = "bfloat16" in str(graphs[0].get_property("INFERENCE_PRECISION_HINT"))
        self.name = f"OpenVINO, {'bf16' if half else 'fp32'}, cpu"
        requests = [graph.create_infer_request() for graph in graphs]
        memory, sizes = Memory(), network.config.sizes
        convs: Layer = network.synthesis.convs
        self._noise = torch.ones(())
        self._steps: list[tuple[Any, Tiled, list[Tensor]]] = []  # a graph, what follows, for that
        self._last = requests[-1]
        for (here, there), k in zip(pairwise(requests), tiled, strict=True):
            side, given = sizes[k // 2], []
            layer: Tiled = (
                Doubled(convs[k], side, memory) if k % 2 else Kept(convs[k], side, memory)
            )
            _share(here.set_output_tensor, 0, layer.source)
            _share(there.set_input_tensor, 2, layer.result)
            if len(there.model_inputs) > 3:
                there.set_input_tensor(3, here.get_output_tensor(1))
            if isinstance(layer, Kept):
                demod = torch.from_numpy(here.get_output_tensor(len(here.model_outputs) - 1).data)
                given = [demod[0], self._noise]
            self._steps.append((here, layer, given))
        self._w = network.synthesis.const.new_zeros(network.config.num_ws, network.config.w_dim)
        for request in requests:
            _share(request.set_input_tensor, 0, self._w, False)
            _share(request.set_input_tensor, 1, self._noise.view(1, 1, 1, 1), False)

    def draw(self, w: FloatArray, noise: float, inside: Mapping[str, float]) -> Tensor:
        """The image [img, r, r]."""
        self._w.copy_(torch.from_numpy(w[: len(self._w)]))
        self._noise.fill_(noise)
        for request, layer, given in self._steps:
            request.infer(share_outputs=True)
            layer.draw(*given)
        self._last.infer(share_outputs=True)
        image = torch.from_numpy(self._last.get_output_tensor(0).data)  # [1, r, r, img]
        return image[0].permute(2, 0, 1)  # [img, r, r]


class Enlarger:
    """An up-resolution at work on torch's number of threads. What it returns is overwritten by the
    next one."""

    def __init__(
        self,
        network: Layer,
        size: tuple[int, int],
        precision: str = "fp32",
        reach: tuple[float, ...] = (),
    ) -> None:
        """For pictures of ``size`` h, w; in 8 bits what is within ``reach``, see
        ``Upscaler.reach``."""
        compiled = _compile(enlarging(network, size, _operations(), reach), precision)
        self._request = compiled.create_infer_request()
        self._image = self._request.get_input_tensor(0).data  # [1, 3, h, w]

    def __call__(self, image: Tensor) -> Tensor:
        """image [1, 3, h, w] -> [1, 3, 2h, 2w]."""
        self._image[:] = image.numpy()
        self._request.infer(share_outputs=True)
        return torch.from_numpy(self._request.get_output_tensor(0).data).permute(0, 3, 1, 2)


class PictureNetwork:
    """A network of an ONNX file's ``data`` that makes pictures of pictures uint8 [h, w, 3] of one
    ``size``, at work on torch's number of threads. What goes in by ``picture`` is of its own
    ``side``, with the colours first or last, from ``low`` to ``high``, and so is what comes out;
    what goes in by ``shares``, if anything, is [styles]. A ``margin`` of so many pixels, in which
    the picture goes on as its mirror image, keeps seams at the edges out. Raises RuntimeError where
    the engine cannot run it, MemoryError where its feature maps are absurdly large."""

    def __init__(
        self,
        data: bytes,
        picture: str,
        colours_first: bool,
        side: tuple[int, int],
        size: tuple[int, int],
        low: float,
        high: float,
        shares: str = "",
        margin: int = 0,
    ) -> None:
        op = _operations()
        whole = side[0] + 2 * margin, side[1] + 2 * margin
        model = _of_side(data, picture, colours_first, whole)
        given = op.parameter([1, *size, 3], np.uint8)  # [1, h, w, 3]
        x = op.convert(given, "f32")
        x = op.add(op.multiply(x, np.float32((high - low) / 255.0)), np.float32(low))
        x = _resized(op, x, size, side)
        around = [0, margin, margin, 0]
        x = op.pad(x, around, around, "reflect") if margin else x
        x = op.transpose(x, [0, 3, 1, 2]) if colours_first else x
        model.input(picture).replace(_as(op, x, model.input(picture)).output(0))
        y = op.convert(model.output(0).get_node().input_value(0), "f32")
        y = op.transpose(y, [0, 2, 3, 1]) if colours_first else y
        y = op.multiply(op.subtract(y, np.float32(low)), np.float32(255.0 / (high - low)))
        made = tuple(y.shape)[1:3]
        edges = [m * margin // w for m, w in zip(made, whole, strict=True)]
        ends = [m - edge for m, edge in zip(made, edges, strict=True)]
        y = op.slice(y, edges, ends, [1, 1], [1, 2]) if margin else y
        y = op.clamp(_resized(op, y, tuple(y.shape)[1:3], size), 0.0, 255.0)
        y = op.convert(op.round(y, "half_to_even"), "u8")  # [1, h, w, 3]
        more = [model.input(shares).get_node()] if shares else []
        compiled = _compile(([op.result(y)], [given, *more]), "fp32")
        self._request = compiled.create_infer_request()
        self._picture = self._request.get_input_tensor(0).data  # [1, h, w, 3]
        self._shares = self._request.get_input_tensor(1).data if shares else None

    def __call__(self, image: ByteArray, shares: FloatArray) -> ByteArray:
        """The picture uint8 [h, w, 3] of one."""
        self._picture[0] = image
        if self._shares is not None:
            self._shares[...] = shares.reshape(self._shares.shape)
        self._request.infer(share_outputs=True)
        painted: ByteArray = self._request.get_output_tensor(0).data[0].copy()
        return painted


def tried(
    data: bytes, name: str, pictures: Sequence[FloatArray], shares: Mapping[str, FloatArray]
) -> list[FloatArray]:
    """What the network of an ONNX file makes of pictures, one after the other, just as they go in
    by ``name``. Raises RuntimeError or MemoryError as ``PictureNetwork`` does."""
    first = pictures[0].shape[1] == 3
    model = _of_side(data, name, first, pictures[0].shape[2:] if first else pictures[0].shape[1:3])
    request = _run(model).create_infer_request()
    return [
        np.asarray(next(iter(request.infer({name: picture, **shares}).values())), np.float32)
        for picture in pictures
    ]


def _of_side(data: bytes, name: str, colours_first: bool, side: tuple[int, ...]) -> Any:
    """The network of an ONNX file for pictures of one size."""
    model = _engine().Core().read_model(data)
    model.reshape({name: [1, 3, *side] if colours_first else [1, *side, 3]})
    for node in model.get_ops():
        for port in node.outputs():
            shape = port.get_partial_shape()
            if shape.is_static and math.prod(shape.to_shape()) > MOST_NUMBERS:
                raise MemoryError(f"a feature map of {list(shape.to_shape())}")
    return model


def _resized(op: Any, x: Any, size: tuple[int, ...], wanted: tuple[int, ...]) -> Any:
    """[1, h, w, 3] of another size, smoothly."""
    if tuple(size) == tuple(wanted):
        return x
    axes = np.array([1, 2], np.int64)
    sizes = np.array(wanted, np.int64)
    return op.interpolate(x, sizes, "linear_onnx", "sizes", axes=axes, antialias=False)


def _as(op: Any, x: Any, port: Any) -> Any:
    return op.convert(x, port.get_element_type().get_type_name())


def _compile(parts: Parts, precision: str) -> Any:
    """Results and parameters of a graph, ready to run."""
    return _run(_engine().Model(*parts, "vjgan"), precision)


def _run(model: Any, precision: str = "fp32") -> Any:
    ov = _engine()
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "ENABLE_CPU_PINNING": False,  # sound and screen may need just that core
        "INFERENCE_PRECISION_HINT": PRECISIONS[precision],  # else bf16 wherever there is AMX
    }
    return compiled(ov.Core(), model, options)


def _share(
    bind: Callable[[int, Any], None], index: int, memory: Tensor, batch: bool = True
) -> None:
    """Let an engine read or write ``memory``, there a batch of one, at this place."""
    array = memory.detach().numpy()
    bind(index, _engine().Tensor(array[None] if batch else array, shared_memory=True))


def _engine() -> Any:
    # Its converter, which we do not need, would count its users. Without this it does not.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def _operations() -> Any:
    """What graphs are made of."""
    _engine()
    from openvino import opset13

    return opset13
