"""Networks of OpenVINO's made ready to run."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def compiled(core: Any, model: Any, options: Mapping[str, Any]) -> Any:
    """A model of an ``openvino.Core``, ready for the processor.

    It is compiled in a thread that ends with it: OpenVINO gives the thread that compiles a stack
    for its signals (``sigaltstack``), whose memory goes with the model, whoever lets go of it. If
    that were the main thread's, the next Ctrl-C would end the program with SIGSEGV."""
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(core.compile_model, model, "CPU", dict(options)).result()
