"""Small checkpoints of every kind, written without the programs that write the large ones."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch


class Foreign:
    """A function or class of another program, which a pickle names."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> str:
        return self.name

    def __call__(self) -> None:
        raise AssertionError


class Made:
    """What a pickle asks such a function to make."""

    def __init__(self, name: str, *args: object, state: object = None) -> None:
        self.reduced = Foreign(name), args, state

    def __reduce__(self) -> Any:
        return self.reduced


class Writer(pickle._Pickler):  # type: ignore[name-defined,misc]
    """Pickles names that need not exist here."""

    def save_global(self, thing: Any, name: str | None = None) -> None:
        module = thing.__module__ if name is None or "." not in name else name.rpartition(".")[0]
        last = (name or thing.__qualname__).rpartition(".")[2]
        if self.proto >= 4:
            self.save(module)
            self.save(last)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(f"c{module}\n{last}\n".encode())
        self.memoize(thing)


def written(value: object, protocol: int) -> bytes:
    """A pickle of values, numpy arrays, torch tensors and ``Made`` objects."""
    file = io.BytesIO()
    Writer(file, protocol).dump(value)
    return file.getvalue()


def saved(value: object, new: bool) -> bytes:
    """What torch.save writes: the zip, or the stream of before torch 1.6."""
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=new)
    return file.getvalue()


def _persistent(name: str, **state: object) -> Made:
    meta = {"type": "class", "version": 6, "module_src": "raise SystemExit", "class_name": name}
    return Made("torch_utils.persistence._reconstruct_persistent_obj", {**meta, "state": state})


def _seeds() -> dict[str, bytes]:
    weight = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3))
    module = _persistent(
        "Generator",
        _parameters={"weight": weight},
        _buffers=OrderedDict(w_avg=torch.zeros(2).half()),
        _non_persistent_buffers_set={"a"},
        _modules={"mapping": _persistent("MappingNetwork", size=np.array([4, 4]))},
        alpha=np.float32(0.5),
    )
    network = Made(
        "dnnlib.tflib.network.Network",
        state={"version": 4, "name": "G", "static_kwargs": Made("dnnlib.util.EasyDict"),
               "variables": [("4x4/Const/const", np.ones((1, 2, 3), np.float32)),
                             ("w_avg", np.asfortranarray(np.eye(3)))]},
    )  # fmt: skip
    tensors = OrderedDict(
        a=weight, b=weight[:, 1:], c=torch.tensor([True]), d=torch.ones(2).bfloat16()
    )
    state = {
        "g_ema": tensors,
        "latent_avg": torch.zeros(3),
        "n": 7,
        "ids": {140_000_000_000_000: None},
    }
    return {
        "pytorch": written({"G_ema": module, "kwargs": {"xflip": True, "n": -70_000}}, 4),
        "pytorch, protocol 2": written({"G_ema": module}, 2),
        "tensorflow": written((network, network), 3),
        "tensorflow, protocol 2": written((network,), 2),
        "numpy, protocol 5": written([np.ones((2, 2)), np.eye(2, order="F"), {1}, ()], 5),
        "numpy, protocol 2": written([np.linspace(-1.0, 1.0, 600), np.zeros(500)], 2),  # long texts
        "zip": saved(state, new=True),
        "zipped": zipfile.ZipFile(io.BytesIO(saved(state, new=True))).read("archive/data.pkl"),
        "stream": saved(state, new=False),
        "nested": saved(torch.ones(3), new=False),
    }  # fmt: skip


def zipped(data: bytes) -> bytes:
    """A whole file of torch.save around the pickle in one."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        for key in range(4):
            archive.writestr(f"archive/data/{key}", bytes(24))
    return file.getvalue()


def nested(data: bytes) -> bytes:
    """A plain pickle around a stream of torch.save."""
    length = struct.pack("<I", len(data))
    return b"\x80\x03ctorch.storage\n_load_from_bytes\nB" + length + data + b"\x85R."


SEEDS = _seeds()
WRAPS: dict[str, Callable[[bytes], bytes]] = {"zipped": zipped, "nested": nested}
