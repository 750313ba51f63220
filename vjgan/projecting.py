"""``vjgan project``: a picture of somebody, brought into a model and written."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import vjgan
from vjgan.assets import folder
from vjgan.bank import Bank, Portrait, bank_folder, check_name
from vjgan.camera.align import Placement, cut
from vjgan.camera.follower import Follower, Seen
from vjgan.errors import DeviceError, MediaError
from vjgan.files import check_apart, check_place
from vjgan.generator import checkpoint
from vjgan.generator.metadata import Network
from vjgan.generator.player import make_space
from vjgan.generator.sample import draw_w
from vjgan.media import save_image
from vjgan.sitting import find_encoder
from vjgan.stock import credit_of
from vjgan.train.pictures import read_picture
from vjgan.train.projection import Projection, improve_sitter
from vjgan.types import ByteArray, FloatArray

MIDDLE = 256  # pixels a side of the middle of a picture without a face


def project(
    picture: Path, output: Path, model: str, keep: str, steps: int, moved: Callable[[int], None]
) -> list[str]:
    """Write the portrait of a ``picture``, keep it under a name if one is given, and say what was
    found. Raises MediaError, ModelError or BankError: one sentence."""
    check_place("picture", output, ".png", MediaError)
    check_apart("picture", output, [picture], MediaError)
    if keep:
        check_name(keep)
    image = read_picture(picture)
    loaded = checkpoint.load(checkpoint.find_model(model, folder("models")))
    seen, said = find_face(image)
    reader = find_encoder() if seen is not None and seen.z is not None else None
    if reader is not None and loaded.info.sha256 == reader.sha256 and seen is not None:
        z, unlikeness = improve_sitter(loaded.network, reader, seen, steps, moved)
        w = make_space(loaded.network).map(z[None])[0]  # [w_dim]
    else:
        aimed = _middle(image) if seen is None or seen.picture is None else seen.picture
        w, unlikeness = improve(loaded.network, aimed, steps, moved)
    portrait = draw_w(loaded.network, w)
    software = {"Software": f"vjgan {vjgan.__version__}"}
    save_image(output, portrait, {**software, **credit_of(loaded.info)})
    how = f"unlikeness {unlikeness:.3f}" if math.isfinite(unlikeness) else "the mean portrait"
    lines = [said, f"{output}: {how} after {steps} steps"]
    if keep:
        row = Portrait(keep, w, loaded.info.name, loaded.info.sha256, "projected", verdict="kept")
        lines.append(f"kept as '{Bank(bank_folder()).add(row, portrait).name}'")
    return lines


def improve(
    network: Network,
    aimed: ByteArray,
    steps: int,
    moved: Callable[[int], None] = lambda done: None,
) -> tuple[FloatArray, float]:
    """The likest w [w_dim] after so many steps, and how unlike its picture is."""
    projection = Projection(network)
    projection.aim(aimed)
    for step in range(steps):
        projection.step()
        moved(step + 1)
    return projection.w, projection.unlikeness


def find_face(image: ByteArray) -> tuple[Seen | None, str]:
    """The largest face, and what was found, in words; without a detector none is."""
    try:
        seen = Follower(find_encoder()).step(image, 0.0)
    except DeviceError as error:
        return None, f"the middle of the picture is taken: {error}"
    if seen.picture is None:
        return None, "no face is seen; the middle of the picture is taken"
    others = f", the largest of {seen.others + 1}" if seen.others else ""
    return seen, f"a face is seen{others}"


def _middle(image: ByteArray) -> ByteArray:
    height, width = image.shape[:2]
    return cut(image, Placement(width / 2, height / 2, min(height, width)), MIDDLE)
