"""Foreign checkpoints: the good are read to the byte, the bad say why, and none leaves a trace."""

import argparse
import io
import pickle
import pickletools
import struct
import sys
import tracemalloc
import warnings
import zipfile
from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.fuzz import fuzz, watched
from bench.seeds import SEEDS, WRAPS, Made, written
from vjgan.errors import ModelError
from vjgan.generator import records
from vjgan.generator.arrays import widened
from vjgan.generator.pickles import Record, read
from vjgan.generator.records import FLOOR_BYTES
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config

REFERENCE = Path(__file__).parent / "reference"
CHECKPOINTS = sorted(REFERENCE.glob("*.pkl"))
assert CHECKPOINTS


def kept(folder: Path, data: bytes) -> Path:
    path = folder / "x.pkl"
    path.write_bytes(data)
    return path


def refused(folder: Path, data: bytes, words: str) -> None:
    """One sentence that names the file; nothing imported, nothing written, little memory taken."""
    path = kept(folder, data)
    modules, files = set(sys.modules), set(folder.iterdir())
    tracemalloc.start()
    try:
        with watched() as events, pytest.raises(ModelError, match=words) as caught:
            read(path)
        left, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert message.startswith(f"model '{path}' ") and message.isprintable() and len(message) < 500
    assert set(sys.modules) == modules and set(folder.iterdir()) == files
    assert [event.split()[0] for event in events] == ["open"]
    assert peak < 2 * len(data) + FLOOR_BYTES and left < 10**6  # the error keeps no file


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # where a payload that ran would leave its trace


# the good


def storages(data: bytes) -> list[bytes]:
    """The contents of all torch storages in a pickle, found by other readers than ours."""
    found = []
    for _, argument, _ in pickletools.genops(data):
        if isinstance(argument, bytes) and argument[3:6] == b"\nl\xfc":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                store = torch.load(io.BytesIO(argument), weights_only=True)
                raw = torch.tensor([], dtype=torch.uint8).set_(store.untyped())
            found.append(raw.numpy().tobytes())
    return found


def arrays(node: Any, seen: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
    if isinstance(node, np.ndarray):
        seen[id(node)] = node
    elif isinstance(node, Record):
        arrays(node.state, seen)
    elif isinstance(node, (dict, list, tuple)):
        for part in node.values() if isinstance(node, dict) else node:
            arrays(part, seen)
    return seen


def parameters(module: Record) -> int:
    own = sum(p.size for p in module.get("_parameters").values())  # type: ignore[attr-defined]
    return own + sum(parameters(m) for m in module.get("_modules").values())  # type: ignore


@pytest.mark.parametrize("path", CHECKPOINTS, ids=lambda path: path.stem)
def test_every_reference_reads_to_the_byte(path: Path) -> None:
    model = read(path)
    data = path.read_bytes()
    found = arrays(model, {}).values()
    assert all(not array.flags.writeable for array in found)
    if isinstance(model, tuple):
        assert [net.name for net in model] == ["Network"] * 3
        assert sum(array.nbytes for array in found) > 0.9 * len(data)
        return
    assert isinstance(model, dict) and {"G", "D", "G_ema"} <= set(model)
    tensors = Counter(storages(data))
    assert len(tensors) > 50 and tensors <= Counter(array.tobytes() for array in found)


def test_a_reference_generator_has_its_parameters() -> None:
    model = read(REFERENCE / "sg2ada_64_cond10.pkl")
    assert isinstance(model, dict)
    config = StyleGAN2Config(
        resolution=64, z_dim=64, w_dim=64, c_dim=10, channel_base=1024, channel_max=32,
        mapping_layers=2,
    )  # fmt: skip
    wanted = sum(p.numel() for p in StyleGAN2(config).parameters())
    generator = model["G_ema"]
    assert (generator.module, generator.name) == ("torch_utils.persistence", "Generator")
    assert parameters(generator) == wanted
    assert generator.source.startswith("raise SystemExit") and len(generator.source_sha256) == 64


BASE = torch.arange(24.0).reshape(2, 3, 4)
TENSORS = {
    "whole": BASE,
    "turned": BASE.permute(2, 0, 1),
    "cut": BASE[1:, ::2],
    "half": BASE.half(),
    "double": BASE.double(),
    "bytes": BASE.byte(),
    "long": torch.arange(5),
    "bool": torch.tensor([True, False]),
    "none": torch.empty(0, 3),
    "one": torch.tensor(3.5),
    "parameter": torch.nn.Parameter(torch.ones(3)),
    "bfloat16": BASE.bfloat16(),
}


@pytest.mark.parametrize("new", [True, False], ids=["zip", "stream"])
def test_files_of_torch_save(tmp_path: Path, new: bool) -> None:
    ordered = OrderedDict(TENSORS)
    ordered._metadata = {"": {"version": 1}}  # type: ignore[attr-defined]
    path = tmp_path / "x.pt"
    torch.save(
        {"g_ema": ordered, "args": argparse.Namespace(size=8), "ids": {140_000_000_000_000: 1}},
        path,
        _use_new_zipfile_serialization=new,
    )
    model = read(path)
    assert isinstance(model, dict)
    for name, tensor in TENSORS.items():
        wanted = (tensor.float() if name == "bfloat16" else tensor).detach().numpy()
        np.testing.assert_array_equal(widened(model["g_ema"][name]), wanted, strict=True)
        assert not model["g_ema"][name].flags.writeable
    assert (model["args"].name, model["args"].get("size")) == ("Namespace", 8)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_plain_pickles_of_every_protocol(tmp_path: Path, protocol: int) -> None:
    shared = np.arange(12.0).reshape(3, 4)
    values: dict[str, Any] = {
        "array": shared,
        "fortran": np.asfortranarray(shared),
        "large": np.full((60, 60), 7, np.int16),
        "empty": np.ones((0, 4)),
        "flags": np.array([True, False]),
        "texts": ["", "a", "ä" * 300, "\U0001f600" * 2000],
        "bytes": [b"", b"\xff\x00", bytes(range(256)) * 30],
        "numbers": [0, -1, 300, 70_000, -70_000, 10**20, -(10**20), 1.5, True, False, None],
        "more": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), {1, "a"}, [], {}, [[]]),
    }
    model = read(kept(tmp_path, pickle.dumps(values | {"again": shared}, protocol)))
    assert isinstance(model, dict)
    for key, value in values.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(model[key], value, strict=True)
        else:
            assert model[key] == value
    assert model["again"] is model["array"]
    scalar = read(kept(tmp_path, pickle.dumps(np.float32(0.1), protocol)))
    assert type(scalar) is float and scalar == float(np.float32(0.1))


@pytest.mark.parametrize("kind", ["protocol 2", "protocol 2, all letters", "bfloat16"])
def test_a_large_file_takes_no_more_than_twice_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(records, "FLOOR_BYTES", 200_000)  # so that files need not be large here
    values = np.random.default_rng(0).standard_normal((8, 100_000), np.float32)
    if kind == "bfloat16":
        torch.save({"a": torch.from_numpy(values).bfloat16()}, tmp_path / "x.pt")
        data = (tmp_path / "x.pt").read_bytes()
    else:
        values = values if "letters" not in kind else np.zeros_like(values)
        data = pickle.dumps(list(values), 2)
    path = kept(tmp_path, data)
    tracemalloc.start()
    try:
        model: Any = read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * len(data) + records.FLOOR_BYTES
    if kind == "bfloat16":
        np.testing.assert_allclose(widened(model["a"]), values, rtol=1 / 128)
    else:
        np.testing.assert_array_equal(model, values)


# the bad: names


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def by_global(module: str, name: str, argument: str) -> bytes:
    return f"\x80\x02c{module}\n{name}\n".encode("latin1") + text(argument) + b"\x85R."


def by_stack(module: str, name: str, argument: str) -> bytes:
    return b"\x80\x04" + text(module) + text(name) + b"\x93" + text(argument) + b"\x85R."


def by_newobj(module: str, name: str, argument: str) -> bytes:
    return b"\x80\x04" + text(module) + text(name) + b"\x93" + text(argument) + b"\x85\x81."


def without_mark(module: str, name: str, argument: str) -> bytes:
    return f"c{module}\n{name}\n".encode() + text(argument) + b"\x85R."


STREAM_HEAD = b"".join(
    pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})
)


def in_stream(module: str, name: str, argument: str) -> bytes:
    return STREAM_HEAD + by_global(module, name, argument) + pickle.dumps([], 2)


def nested(module: str, name: str, argument: str) -> bytes:
    inner = in_stream(module, name, argument)
    return (
        b"\x80\x04ctorch.storage\n_load_from_bytes\nB"
        + struct.pack("<I", len(inner))
        + inner
        + b"\x85R."
    )


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def in_zip(module: str, name: str, argument: str) -> bytes:
    return zipped({"archive/data.pkl": by_global(module, name, argument)})


WAYS = [by_global, by_stack, by_newobj, without_mark, in_stream, nested, in_zip]
GADGETS = [
    "os.system", "posix.system", "nt.system", "subprocess.Popen", "subprocess.check_output",
    "builtins.eval", "builtins.exec", "builtins.getattr", "builtins.__import__", "builtins.open",
    "builtins.compile", "__builtin__.eval", "builtins.setattr", "builtins.globals",
    "operator.attrgetter", "operator.methodcaller", "operator.itemgetter", "functools.partial",
    "functools.reduce", "runpy._run_code", "runpy.run_path", "pty.spawn", "webbrowser.open",
    "timeit.timeit", "pdb.run", "code.interact", "bdb.Bdb.run", "cProfile.run", "profile.run",
    "pip.main", "pydoc.pipepager", "importlib.import_module", "imp.load_source", "types.CodeType",
    "types.FunctionType", "marshal.loads", "pickle.loads", "_pickle.loads", "dill.loads",
    "cloudpickle.loads", "joblib.load", "torch.load", "torch.jit.load", "torch.hub.load",
    "torch.serialization.load", "torch.storage._load_from_bytes.__globals__",
    "torch.utils.collect_env.run", "torch._dynamo.guards.GuardBuilder.get", "torch.fx.Interpreter",
    "numpy.load", "numpy.f2py.crackfortran.myeval", "numpy.testing._private.utils.runstring",
    "numpy.ndarray.tofile", "numpy.fromfile", "numpy.memmap", "shutil.rmtree", "os.unlink",
    "ctypes.CDLL", "socket.socket", "urllib.request.urlopen", "http.client.HTTPConnection",
    "sys.modules", "sys.exit", "asyncio.create_subprocess_shell", "multiprocessing.Process",
    "signal.alarm", "tempfile.mkstemp", "copyreg._reconstructor", "collections.namedtuple",
    "string.Formatter.format", "ensurepip._run_pip", "distutils.spawn.spawn", "aifc.open",
    "vjgan.cli.main", "vjgan.generator.opcodes.Machine", "__main__.read", ".", "os.", ".system",
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_no_gadget_is_found(tmp_path: Path, way: Any) -> None:
    for gadget in GADGETS:
        module, _, name = gadget.rpartition(".")
        refused(tmp_path, way(module, name, "touch trace"), f"asks for '{module}.{name}', which no")


class Gadget:
    def __init__(self, *reduced: Any) -> None:
        self.reduced = reduced

    def __reduce__(self) -> Any:
        return self.reduced


def pickled(function: Any, *arguments: Any, state: Any = None) -> bytes:
    return pickle.dumps({"G": Gadget(function, arguments, state)}, 4)


def test_gadgets_as_python_writes_them(tmp_path: Path) -> None:
    import os
    import subprocess

    for data in (
        pickled(os.system, "touch trace"),
        pickled(subprocess.Popen, ["touch", "trace"]),
        pickled(eval, "open('trace', 'w')"),
        pickled(getattr, [], "append"),
        pickled(OrderedDict, [("a", Gadget(os.system, ("touch trace",)))]),
        pickled(argparse.Namespace, state=Gadget(exec, ("open('trace', 'w')",))),
    ):
        refused(tmp_path, data, "asks for '.*', which no checkpoint needs; nothing was run")
    buffer = io.BytesIO()
    torch.save(Gadget(os.system, ("touch trace",)), buffer)
    refused(tmp_path, buffer.getvalue(), "asks for 'posix.system'")
    np.save("x.npy", np.array([Gadget(os.system, ("touch trace",))], object), allow_pickle=True)
    refused(tmp_path, Path("x.npy").read_bytes(), "is neither a pickle nor a file of torch.save")


OS_SYSTEM = b"cos\nsystem\n"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"(S'touch trace'\nios\nsystem\n.", "instruction 'STRING'"),
        (b"\x80\x02(" + text("touch trace") + b"ios\nsystem\n.", "instruction 'INST'"),
        (b"\x80\x02(" + OS_SYSTEM + text("touch trace") + b"o.", "asks for 'os.system'"),
        (b"\x80\x02(ctorch\nFloatStorage\n" + text("x") + b"o.", "instruction 'OBJ'"),
        (b"\x80\x02\x82\x01.", "instruction 'EXT1'"),
        (b"\x80\x02\x83\x01\x00.", "instruction 'EXT2'"),
        (b"\x80\x02\x84\x01\x00\x00\x00.", "instruction 'EXT4'"),
        (b"\x80\x04ccollections\nOrderedDict\n)}\x92.", "instruction 'NEWOBJ_EX'"),
        (b"\x80\x02P/etc/passwd\n.", "instruction 'PERSID'"),
        (b"\x80\x02" + text("/etc/passwd") + b"Q.", "refers to data outside"),
        (STREAM_HEAD + b"\x80\x02" + text("/etc/passwd") + b"Q.", "refers to data outside"),
        (STREAM_HEAD + b"\x80\x02" + text("x") + b"\x85Q.", "no storage of torch"),
        (b"\x80\x05\x97.", "instruction 'NEXT_BUFFER'"),
        (b"\x80\x02N2222.", "instruction 'DUP'"),
        (b"\x80\x02NNN\xff.", "instruction '0xff'"),
        (b"\x80\x06N.", "protocol 6"),
        (b"\x80\x02]" + text("__class__") + OS_SYSTEM + b"b.", "asks for 'os.system'"),
        (b"\x80\x02]}" + text("__class__") + b"Nsb.", "sets the state of what has none"),
        (b"\x80\x02cnumpy\nndarray\n}" + text("__setstate__") + b"Nsb.", "sets the state"),
        (b"\x80\x02cnumpy\nndarray\n)R.", "calls 'numpy.ndarray'; nothing was run"),
        (b"\x80\x02ccollections\nOrderedDict\n.", "names a class"),
        (b"\x80\x02]" + text("x") + b"\x85R.", "calls what is no function"),
        (b"\x80\x02ccollections\nOrderedDict\n]R.", "calls 'collections.OrderedDict'"),
        (b"\x80\x04NN\x93.", "whose name is no text"),
        (b"\x80\x02c" + b"a" * 5000, "a name that does not end"),
        (b"\x80\x02]]Q.", "refers to data outside"),
        (b"\x80\x02Na.", "damaged or cut short"),
        (b"\x80\x02a.", "damaged or cut short"),
        (b"\x80\x02\x87.", "damaged or cut short"),
        (b"\x80\x02t.", "damaged or cut short"),
        (b"\x80\x02h\x05.", "damaged or cut short"),
        (b"\x80\x02X\x02\0\0\0\xff\xfe.", "damaged or cut short"),
        (b"", "is neither a pickle nor"),
        (b"PK\x03\x04", "cut short"),
        (b"\x89HDF\r\n\x1a\n", "is neither a pickle nor"),
        (b"<html>not found</html>", "is neither a pickle nor a file of torch.save"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is neither a pickle"),
    ],
)
def test_instructions_that_no_checkpoint_needs(tmp_path: Path, data: bytes, words: str) -> None:
    refused(tmp_path, data, words)


# the bad: what is allowed, misused


def call(name: str, *arguments: bytes) -> bytes:
    module, _, last = name.rpartition(".")
    return f"c{module}\n{last}\n(".encode() + b"".join(arguments) + b"tR"


def number(value: int) -> bytes:
    return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)


def sizes(*values: int) -> bytes:
    return b"(" + b"".join(map(number, values)) + b"t"


def storage(count: int, kind: str = "FloatStorage") -> bytes:
    return (
        b"("
        + text("storage")
        + f"ctorch\n{kind}\n".encode()
        + text("0")
        + text("cpu")
        + number(count)
        + b"tQ"
    )


def stream(
    count: int, body: bytes, declared: int | None = None, kind: str = "FloatStorage"
) -> bytes:
    """A stream with one storage of ``count`` zeros, which ``body`` may use."""
    declared = count if declared is None else declared
    body = body.replace(b"STORAGE", storage(declared, kind))
    tail = pickle.dumps(["0"], 2) + struct.pack("<q", declared) + bytes(4 * count)
    return STREAM_HEAD + b"\x80\x02" + body + b"." + tail


def both(body: bytes) -> bytes:
    """The storage, and then what only the second reading of a stream looks at."""
    return stream(4, b"(STORAGE" + body + b"t")


def rebuilt(shape: bytes, stride: bytes, offset: int = 0) -> bytes:
    return call(
        "torch._utils._rebuild_tensor_v2", b"STORAGE", number(offset), shape, stride, b"\x89", b"N"
    )


DTYPE = call("numpy.dtype", text("f4"), b"\x89", b"\x88")
EMPTY = call("numpy.core.multiarray._reconstruct", b"cnumpy\nndarray\n", sizes(0), b"C\x01b")


def array(shape: bytes, data: bytes, dtype: bytes = DTYPE) -> bytes:
    return b"\x80\x03" + EMPTY + b"(K\x01" + shape + dtype + b"\x89" + data + b"tb."


def test_the_writers_of_these_tests_write_what_is_read(tmp_path: Path) -> None:
    good = rebuilt(sizes(2, 2), sizes(2, 1), 2)
    assert read(kept(tmp_path, stream(6, good))).shape == (2, 2)  # type: ignore[attr-defined]
    good = array(sizes(2), b"C\x08" + bytes(8))
    assert read(kept(tmp_path, good)).shape == (2,)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (stream(4, rebuilt(sizes(2**40, 2**20), sizes(0, 0))), "cannot fill"),
        (stream(4, rebuilt(sizes(2**62), sizes(1))), "a size that is no size"),
        (stream(4, rebuilt(sizes(5), sizes(0))), "cannot fill"),
        (stream(4, rebuilt(sizes(4), sizes(2))), "cannot fill"),
        (stream(4, rebuilt(sizes(4), sizes(1), 1)), "cannot fill"),
        (stream(4, rebuilt(sizes(4), sizes(-1), 3)), "a size that is no size"),
        (stream(4, rebuilt(sizes(4), sizes(1), -1)), "offset or stride"),
        (stream(4, rebuilt(sizes(4), sizes(1), 2**60)), "offset or stride"),
        (stream(4, rebuilt(sizes(2, 2), sizes(1))), "offset or stride"),
        (stream(4, rebuilt(sizes(*[1] * 99), sizes(*[1] * 99))), "no shape of up to 16"),
        (stream(4, rebuilt(b"N", b"N")), "no shape"),
        (stream(4, rebuilt(text("ab"), text("ab"))), "no shape"),
        (both(call("torch._utils._rebuild_tensor_v2", b"NNNN")), "without a storage"),
        (both(call("torch._utils._rebuild_tensor_v2")), "without a storage"),
        (both(call("torch._utils._rebuild_parameter", b"}")), "without a tensor"),
        (both(b"0"), "instruction 'POP'"),
        (
            stream(4, b"]" + rebuilt(sizes(4), sizes(1)) + b"a" + b"(" + b"h\x00" * 9 + b"e"),
            "damaged",
        ),
        (stream(4, b"STORAGE", declared=2**61), "more numbers"),
        (stream(4, b"STORAGE", declared=5), "more numbers"),
        (stream(4, b"STORAGE", declared=-1), "more numbers"),
        (stream(4, b"STORAGE", kind="Tensor"), "asks for 'torch.Tensor'"),
        (
            stream(4, call("torch.storage._load_from_bytes", b"C\x01a")),
            "asks for 'torch.storage._l",
        ),
        (stream(4, b"(STORAGE" + storage(3) + b"t"), "twice"),
        (stream(4, b"STORAGE")[:-1], "more numbers|cut short"),
        (stream(4, b"N"), "other storages"),
        (array(sizes(2**30, 2**30), b"C\x08" + bytes(8)), "do not fill"),
        (array(sizes(2**61, 8), b"C\x08" + bytes(8)), "no size"),
        (array(sizes(3), b"C\x08" + bytes(8)), "do not fill"),
        (array(sizes(-2), b"C\x08" + bytes(8)), "no size"),
        (array(sizes(2), text("x" * 8)), "do not fill"),
        (array(sizes(1), b"]Na", call("numpy.dtype", text("O8"))), "numbers of kind 'O8'"),
        (array(sizes(1), b"C\x08" + bytes(8), call("numpy.dtype", text("U2"))), "kind 'U2'"),
        (array(sizes(1), b"C\x08" + bytes(8), b"N"), "unknown kind"),
        (
            array(sizes(1), b"C\x04" + bytes(4), DTYPE + b"(K\x03" + text(">") + b"NNNtb"),
            "little-endian",
        ),
        (
            array(sizes(1), b"C\x04" + bytes(4), DTYPE + b"(K\x03" + text("|") + b"N}NtbNb"),
            "sets the state of what has none",
        ),
        (b"\x80\x03" + EMPTY + b".", "never makes"),
        (b"\x80\x03" + EMPTY + b"Nb.", "without numbers"),
        (
            b"\x80\x03" + call("numpy.core.multiarray._reconstruct", b"cbuiltins\nset\n") + b".",
            "class",
        ),
        (
            b"\x80\x03" + call("numpy.core.multiarray.scalar", DTYPE, b"C\x01a") + b".",
            "do not fill",
        ),
        (b"\x80\x03" + call("_codecs.encode", text("a"), text("rot13")) + b".", "'latin1'"),
        (b"\x80\x03" + call("_codecs.encode", text("\u0394"), text("latin1")) + b".", "damaged"),
        (b"\x80\x03" + call("builtins.set", b"]]a") + b".", "key of kind 'list'"),
        (b"\x80\x03" + call("builtins.set", b"K\x07") + b".", "a set of what is no list"),
        (b"\x80\x03" + call("builtins.bytes", b"K\x07") + b".", "with an argument"),
        (b"\x80\x03" + call("collections.OrderedDict", b"]K\x01a") + b".", "no pairs"),
        (b"\x80\x03" + call("collections.OrderedDict", b"K\x01") + b".", "no pairs"),
        (
            b"\x80\x03" + call("torch_utils.persistence._reconstruct_persistent_obj", b"}") + b".",
            "the name of its class",
        ),
        (
            b"\x80\x03" + call("torch_utils.persistence._reconstruct_persistent_obj") + b".",
            "without a description",
        ),
        (b"\x80\x03" + call("torch.storage._load_from_bytes", b"C\x03abc") + b".", "did not write"),
        (b"\x80\x03" + call("torch.storage._load_from_bytes", b"N") + b".", "without their bytes"),
        (b"\x80\x03" + call("torch.Size", b"N") + b".", "no shape"),
        (b"\x80\x03}]Ns.", "key of kind 'list'"),
        (b"\x80\x03})Ns.", "key of kind 'tuple'"),
        (b"\x80\x03}" + text("k" * 1001) + b"Ns.", "key of 1,001 letters"),
        (b"\x80\x03}" + b"\x8a\x0a" + b"\x7f" * 10 + b"Ns.", "numbers for keys"),
        (b"\x80\x03}G" + bytes(8) + b"Ns.", "key of kind 'float'"),
        (b"\x80\x03}(Nu.", "a key without a value"),
        (b"\x80\x03N(NNu.", "what is no dict"),
        (b"\x80\x03](N\x90.", "what is no set"),
        (b"\x80\x03\x8a\xff" + bytes(255) + b".", "255 bytes; at most 32"),
    ],
)
def test_what_is_allowed_cannot_be_misused(tmp_path: Path, data: bytes, words: str) -> None:
    refused(tmp_path, data, words)


# the bad: bombs

DEEP = 100_000


def nested_storage(count: int) -> bytes:
    inner = stream(count, b"STORAGE")
    return b"ctorch.storage\n_load_from_bytes\nB" + struct.pack("<I", len(inner)) + inner + b"\x85R"


def viewed(count: int) -> bytes:
    return rebuilt(sizes(count), sizes(1)).replace(b"STORAGE", b"h\x00")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x80\x04\x8e" + struct.pack("<Q", 2**60) + b".", "cut short"),
        (b"\x80\x04\x8d" + struct.pack("<Q", 2**64 - 1) + b".", "cut short"),
        (b"\x80\x04\x96" + struct.pack("<Q", 2**63) + b".", "cut short"),
        (b"\x80\x04B\xff\xff\xff\xff.", "cut short"),
        (b"\x80\x04X\xff\xff\xff\xff.", "cut short"),
        (b"\x80\x04" + b"]" * DEEP + b"a" * (DEEP - 1) + b".", "more objects"),
        (b"\x80\x04" + b"]" * 9000 + b"a" * 8999 + b".", "deeper or wider"),
        (b"\x80\x04" + b")" + b"\x85" * 9000 + b".", "deeper or wider"),
        (b"\x80\x04)" + b"\x94h\x00h\x00\x86q\x00" * 40 + b".", "deeper or wider"),
        (b"\x80\x04]\x94h\x00a.", "contains itself"),
        (b"\x80\x04]\x94}" + text("a") + b"h\x00sa.", "contains itself"),
        (b"\x80\x04(" + b"}" * 10**6 + b"t.", "more objects"),
        (b"\x80\x04(" + b"\x8f\x94" * 10**6 + b"t.", "more objects"),
        (b"\x80\x04N" + b"\x94" * 10**6 + b".", "more objects"),
        (b"\x80\x04" + b"N" * 10**6 + b".", "200,000 steps"),
        (b"\x80\x04" + b"(" * 10**6 + b".", "steps|objects"),
        (
            b"\x80\x04}(" + b"".join(number(k * 2**40) + b"N" for k in range(6000)) + b"u.",
            "numbers for keys",
        ),
        (b"\x80\x04" + text("\u00e9" * 10**6 + "\U0001f600") * 2 + b".", "more objects"),
        (b"\x80\x04(" + b"]N" * 10**5 + b"a" * 10**5 + b"t.", "more objects|deeper"),
        (
            b"\x80\x02(" + nested_storage(1000) + b"q\x00" + viewed(1000) * 9 + b"t.",
            "repeat the same bytes",
        ),
        (
            b"\x80\x02](" + b"N" * 20_000 + b"eq\x00(" + b"h\x00" * 20_000 + b"t.",
            "deeper or wider",
        ),
        (
            b"\x80\x02"
            + text("\xe9" * 10**6)
            + b"q\x00("
            + call("_codecs.encode", b"h\x00", text("latin1")) * 50
            + b"t.",
            "more objects",
        ),
    ],
    ids=range(22),
)
def test_bombs(tmp_path: Path, data: bytes, words: str) -> None:
    refused(tmp_path, data, words)


# the bad: zips

GOOD = {"archive/data.pkl": b"\x80\x02}.", "archive/version": b"3\n"}


def test_a_zip_of_these_tests_is_read(tmp_path: Path) -> None:
    assert read(kept(tmp_path, zipped(GOOD))) == {}
    assert read(kept(tmp_path, zipped(GOOD | {"archive/byteorder": b"little"}))) == {}


def patched(data: bytes, mark: bytes, offset: int, value: bytes) -> bytes:
    at = data.rindex(mark) + offset
    return data[:at] + value + data[at + len(value) :]


def doubled() -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("archive/data.pkl", b"\x80\x02}.")
            archive.writestr("archive/data.pkl", b"\x80\x02cos\nsystem\n.")
        return file.getvalue()


def overlapping() -> bytes:
    """Many names for the same bytes, as in the bombs that unpack without end."""
    data = zipped({f"archive/{n}": bytes(10_000) for n in "ab"})
    return patched(data, b"PK\x01\x02", 42, bytes(4)).replace(b"archive/b", b"archive/a", 1)


ROW, END = b"PK\x01\x02", b"PK\x05\x06"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (zipped(GOOD | {"archive/data/0": bytes(10**6)}, zipfile.ZIP_DEFLATED), "is packed"),
        (zipped({"../../etc/cron.d/x": b"a"}), "outside of it, '../../etc/cron.d/x'"),
        (zipped({"/etc/passwd": b"a"}), "outside of it"),
        (zipped({"a/..": b"a"}), "outside of it"),
        (zipped({"C:\\x": b"a"}), "outside of it"),
        (zipped({"a": b"a"}), "none that torch.save wrote"),
        (zipped({"a/data.pkl": b"N.", "b/data.pkl": b"N."}), "none that torch.save wrote"),
        (zipped({"a/b/data.pkl": b"N."}), "none that torch.save wrote"),
        (zipped(GOOD | {"archive/byteorder": b"big"}), "big-endian"),
        (zipped({"archive/data.pkl": b"\x80\x02" + storage(1) + b"."}), "lacks its storage '0'"),
        (
            zipped({"archive/data.pkl": b"\x80\x02" + storage(9) + b".", "archive/data/0": b"a"}),
            "more numbers",
        ),
        (doubled(), "holds 'archive/data.pkl' twice"),
        (overlapping(), "twice|two names|overlaps"),
        (patched(zipped(GOOD), ROW, 42, bytes(4)), "two names"),
        (patched(zipped(GOOD), ROW, 42, b"\xf0\xff\xff\x7f"), "without its file"),
        (patched(zipped(GOOD), ROW, 20, b"\xff\xff\xff\x7f" * 2), "lies outside"),
        (patched(zipped(GOOD), ROW, 24, b"\xff\xff\xff\xff"), "is packed"),
        (patched(zipped(GOOD), ROW, 8, b"\x01"), "is packed"),
        (patched(zipped(GOOD), ROW, 28, b"\xff\xff"), "directory is damaged"),
        (patched(zipped(GOOD), ROW, 30, b"\xff\x01"), "directory is damaged"),
        (zipped({"a" * 501: b""}), "directory is damaged"),
        (patched(zipped(GOOD), END, 10, b"\xff\xff"), "65,535 files"),
        (patched(zipped(GOOD), END, 10, b"\x09\0"), "directory is damaged"),
        (patched(zipped(GOOD), END, 16, b"\xff\xff\xff\x7f"), "directory is damaged"),
        (zipped(GOOD)[:-22], "cut short"),
    ],
)
def test_zips(tmp_path: Path, data: bytes, words: str) -> None:
    refused(tmp_path, data, words)


# the damaged


def test_what_is_no_file(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")
    for name, words in (("none", "No such file"), ("pipe", "not a file"), (".", "not a file")):
        with pytest.raises(ModelError, match=words):
            read(tmp_path / name)


@pytest.mark.parametrize("kind", [kind for kind in SEEDS if kind not in WRAPS])
def test_cut_anywhere(tmp_path: Path, kind: str) -> None:
    read(kept(tmp_path, SEEDS[kind]))
    for end in range(1, len(SEEDS[kind]), 11):
        with pytest.raises(ModelError):
            read(kept(tmp_path, SEEDS[kind][:end]))


def test_a_model_cut_short(tmp_path: Path) -> None:
    data = CHECKPOINTS[0].read_bytes()
    for end in np.random.default_rng(5).integers(1, len(data) - 1, 5):
        refused(tmp_path, data[:end], "cut short|bytes hold|instruction|lists|declares")


def test_records_read_what_other_programs_write(tmp_path: Path) -> None:
    network = Made("dnnlib.tflib.network.Network", state={"name": "G"})
    model = read(kept(tmp_path, written((network, network), 2)))
    assert isinstance(model, tuple) and model[0] is model[1]
    assert isinstance(model[0], Record)
    assert (model[0].name, model[0].get("name"), model[0].get("x", 5)) == ("Network", "G", 5)
    assert model[0].source_sha256 == ""


def test_thousands_of_damaged_files() -> None:
    ends, bad = fuzz(1500, seed=0)
    assert set(ends) == {"read", "refused"} and ends["refused"] > 1000 and not bad
