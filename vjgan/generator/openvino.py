"""OpenVINO at work: the fastest way through a StyleGAN2 on a processor, in fp32."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from vjgan.errors import DeviceError
from vjgan.generator.graph import Graph, Layer, Node, enlarging
from vjgan.generator.stylegan2 import StyleGAN2
from vjgan.types import FloatArray

PRECISIONS = {"fp32": "f32", "bf16": "bf16"}  # ours, and as the engine calls them


def wanted_precision() -> str:
    """What ``VJGAN_CPU`` asks for: fp32, or bf16, which is faster where the processor has it and
    some 42 dB from fp32, for some models far less. Raises DeviceError."""
    precision = os.environ.get("VJGAN_CPU") or "fp32"
    if precision not in PRECISIONS:
        raise DeviceError(f"VJGAN_CPU: '{precision}' is not one of {', '.join(PRECISIONS)}")
    return precision


def installed() -> bool:
    """Whether the engine is there."""
    return importlib.util.find_spec("openvino") is not None


class OpenVINO:
    """A ``Runtime`` on torch's number of threads. Raises RuntimeError where the engine cannot run
    the network. What ``draw`` returns is overwritten by the next one."""

    def __init__(self, network: StyleGAN2, precision: str = "fp32") -> None:
        graph = Graph(network.cpu().freeze(), _operations(), tiles=precision == "fp32")
        compiled = _compile(graph.parts(), precision)
        half = "bfloat16" in str(compiled.get_property("INFERENCE_PRECISION_HINT"))
        self.name = f"OpenVINO, {'bf16' if half else 'fp32'}, cpu"
        self._request = compiled.create_infer_request()
        self._w = self._request.get_input_tensor(0).data  # [num_ws, w_dim]
        self._noise = self._request.get_input_tensor(1).data  # [1, 1, 1, 1]

    def draw(self, w: FloatArray, noise: float, inside: Mapping[str, float]) -> Tensor:
        """The image [img, r, r]."""
        self._w[:] = w[: len(self._w)]
        self._noise[:] = noise
        self._request.infer(share_outputs=True)
        image = torch.from_numpy(self._request.get_output_tensor(0).data)  # [1, r, r, img]
        return image[0].permute(2, 0, 1)  # [img, r, r]


class Enlarger:
    """An up-resolution at work on torch's number of threads. What it returns is overwritten by the
    next one."""

    def __init__(self, network: Layer, size: tuple[int, int], precision: str = "fp32") -> None:
        """For pictures of ``size`` h, w."""
        compiled = _compile(enlarging(network, size, _operations()), precision)
        self._request = compiled.create_infer_request()
        self._image = self._request.get_input_tensor(0).data  # [1, 3, h, w]

    def __call__(self, image: Tensor) -> Tensor:
        """image [1, 3, h, w] -> [1, 3, 2h, 2w]."""
        self._image[:] = image.numpy()
        self._request.infer(share_outputs=True)
        return torch.from_numpy(self._request.get_output_tensor(0).data).permute(0, 3, 1, 2)


def _compile(parts: tuple[list[Node], list[Node]], precision: str) -> Any:
    """Results and parameters of a graph, ready to run."""
    ov = _engine()
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "ENABLE_CPU_PINNING": False,  # sound and screen may need just that core
        "INFERENCE_PRECISION_HINT": PRECISIONS[precision],  # else bf16 wherever there is AMX
    }
    return ov.Core().compile_model(ov.Model(*parts, "vjgan"), "CPU", options)


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
