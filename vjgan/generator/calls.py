"""What checkpoints may ask for, and what each makes of plain values; nothing else has a name."""

from __future__ import annotations

from vjgan.generator import arrays
from vjgan.generator.arrays import STORAGES
from vjgan.generator.opcodes import INLINE_BYTES, ITEM_COST, Call, check_key
from vjgan.generator.records import Meter, Record, RefusedError

Args = tuple[object, ...]


def mapping(meter: Meter, args: Args) -> object:
    """A dict, empty or from a list of pairs."""
    pairs = args[0] if args else []
    if not isinstance(pairs, list):
        raise RefusedError("makes a dict of what are no pairs")
    meter.charge(ITEM_COST * len(pairs))
    made = {}
    for pair in pairs:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise RefusedError("makes a dict of what are no pairs")
        check_key(meter, pair[0])
        made[pair[0]] = pair[1]
    return made


def members(meter: Meter, args: Args) -> object:
    """A set, empty or from a list."""
    items = args[0] if args else []
    if not isinstance(items, list):
        raise RefusedError("makes a set of what is no list")
    meter.charge(ITEM_COST * len(items))
    for item in items:
        check_key(meter, item)
    return set(items)


def encoded(meter: Meter, args: Args) -> object:
    """_codecs.encode(text, "latin1"): how protocol 2 writes bytes."""
    match args:
        case (memoryview() as long, "latin1"):  # encoded when it was met
            return long
        case (str(text), "latin1"):
            meter.charge(len(text))
            data = text.encode("latin1")
            return data if len(data) <= INLINE_BYTES else memoryview(data)
    raise RefusedError("calls '_codecs.encode' with something else than a text and 'latin1'")


def no_bytes(meter: Meter, args: Args) -> object:
    """bytes(): how protocol 2 writes no bytes."""
    if args:
        raise RefusedError("calls 'bytes' with an argument")
    return b""


def shape(meter: Meter, args: Args) -> object:
    """torch.Size((2, 3)): the tuple."""
    if len(args) == 1 and isinstance(args[0], tuple):
        return args[0]
    raise RefusedError("holds a shape that is no shape")


def persistent(meter: Meter, args: Args) -> object:
    """torch_utils.persistence's object: a record of its class's name, state and source text."""
    meta = args[0] if len(args) == 1 else None
    if not isinstance(meta, dict):
        raise RefusedError("holds an object without a description")
    name, source = meta.get("class_name"), meta.get("module_src")
    if not isinstance(name, str) or not isinstance(source, str):
        raise RefusedError("holds an object without the name of its class")
    return Record("torch_utils.persistence", name, (), meta.get("state"), source)


def record(name: str) -> Call:
    """A class whose instances are kept as records."""
    module, _, last = name.rpartition(".")
    return lambda meter, args: Record(module, last, args)


# Calls that need a torch storage.
TENSORS: dict[str, Call | None] = {
    "torch._utils._rebuild_tensor": arrays.tensor,
    "torch._utils._rebuild_tensor_v2": arrays.tensor,
    "torch._utils._rebuild_parameter": arrays.parameter,
}

# Name -> what a call of it gives; None: a name that others take for an argument.
CALLS: dict[str, Call | None] = {
    **TENSORS,
    **dict.fromkeys(STORAGES),
    "numpy.ndarray": None,
    "numpy.dtype": arrays.dtype,
    "numpy.core.multiarray._reconstruct": arrays.empty,
    "numpy._core.multiarray._reconstruct": arrays.empty,
    "numpy.core.multiarray.scalar": arrays.scalar,
    "numpy._core.multiarray.scalar": arrays.scalar,
    "numpy.core.numeric._frombuffer": arrays.from_buffer,
    "numpy._core.numeric._frombuffer": arrays.from_buffer,
    "collections.OrderedDict": mapping,
    "dnnlib.util.EasyDict": mapping,
    "dnnlib.EasyDict": mapping,
    "builtins.set": members,
    "__builtin__.set": members,
    "builtins.bytes": no_bytes,
    "__builtin__.bytes": no_bytes,
    "_codecs.encode": encoded,
    "torch.Size": shape,
    "torch_utils.persistence._reconstruct_persistent_obj": persistent,
    "dnnlib.tflib.network.Network": record("dnnlib.tflib.network.Network"),
    "argparse.Namespace": record("argparse.Namespace"),
}
