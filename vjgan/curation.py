"""The gallery and the bank at work: models are sampled, portraits listed, exported and imported."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import vjgan
from vjgan.assets import cache_folder, folder
from vjgan.bank import Bank, BankError, Portrait
from vjgan.bank.portrait import SUFFIX, read, write
from vjgan.errors import ModelError
from vjgan.gallery.curator import Curator, Subject, unpacked
from vjgan.gallery.rating import Typicality
from vjgan.gallery.sampler import Sampler
from vjgan.gallery.server import GalleryServer
from vjgan.gallery.sheet import Sheet
from vjgan.generator.about import ModelInfo
from vjgan.generator.checkpoint import find_model
from vjgan.generator.player import Player, open_model
from vjgan.licence import about_model, terms
from vjgan.media import save_image
from vjgan.motion.curve import seeded
from vjgan.remote.address import is_local, listen, reachable, url
from vjgan.remote.code import drawn
from vjgan.remote.pairing import Pairing
from vjgan.remote.service import Service
from vjgan.stock import make_library
from vjgan.types import ByteArray, FloatArray, LatentSpace, LatentState

log = logging.getLogger("vjgan")


@dataclass(frozen=True)
class GallerySettings:
    """The options of ``vjgan gallery``; see its help."""

    bank: Path
    model: str = ""
    count: int = 2000
    psi: float = 0.7
    label: int | None = None
    host: str = "127.0.0.1"
    port: int = 8775
    device: str = "auto"
    seconds: float | None = None


def serve_gallery(settings: GallerySettings, say: Callable[[str], None]) -> None:
    """Sample a model and serve the page, until interrupted. Raises ModelError, BankError and
    DeviceError."""
    sock = listen(settings.host, settings.port)
    name = settings.model or _first_model()
    path = find_model(name, folder("models"))
    about = about_model(str(path))
    if said := terms(about):
        log.warning("%s", said)
    player = open_model(path, settings.device, live=True)
    space, label = player.space, _checked(settings.label, player)
    subject = Subject(player.name, about.sha256, settings.psi, label)
    sheet = Sheet(cache_folder("gallery") / _sheet_name(subject, path))

    def find_w(seed: int) -> FloatArray:
        return np.asarray(space.map(seeded(seed, 1, space.z_dim).astype(np.float32), label)[0])

    curator = Curator(sheet, Bank(settings.bank), subject, find_w)
    typicality = Typicality(space, label)
    sampler = Sampler(
        curator,
        lambda w: paint(player, w, settings.psi),
        find_w,
        typicality,
        settings.count,
    )
    host = reachable(settings.host)
    address = url(host, sock.getsockname()[1])

    def show_code(code: str) -> None:
        log.info("to pair another machine: %s/#%s\n%s", address, code, drawn(address, code))

    pairing = None if is_local(settings.host) else Pairing(show_code)
    service = Service(GalleryServer(sock, host, curator, sampler, pairing))
    sampler.start()
    say(f"gallery: {address}\nportraits that are kept: {settings.bank}")
    try:
        _wait(settings.seconds)
    finally:
        sampler.close()
        service.close()
        sheet.close()


def paint(player: Player, w: FloatArray, psi: float) -> ByteArray:
    """The picture uint8 [h, w, 3] of w [w_dim] or [num_ws, w_dim], truncated to ``psi``."""
    space: LatentSpace = player.space
    near = space.w_mean + np.float32(psi) * (w - space.w_mean)
    layers = np.broadcast_to(near, (space.num_ws, space.w_dim))
    return player.generate(LatentState(0.0, np.ascontiguousarray(layers, np.float32))).image


def list_portraits(bank: Bank) -> list[str]:
    """A line for each portrait of a bank."""
    lines = [
        f"{one.name:<24} {one.verdict or '-':<9} {one.model:<16} {_whence(one):<24} "
        f"{', '.join(one.tags)}".rstrip()
        for one in bank.portraits()
    ]
    return lines or [f"no portraits yet in {bank.folder}; `vjgan gallery` finds some"]


def describe(bank: Bank, name: str) -> list[str]:
    """What is known of a portrait. Raises BankError."""
    one = bank.get(name)
    rows = {
        "name": one.name,
        "verdict": one.verdict,
        "model": one.model,
        "SHA-256": one.sha256,
        "whence": _whence(one),
        "class": "" if one.label is None else str(one.label),
        "truncation": f"{one.psi:g}",
        "parents": ", ".join(one.parents),
        "tags": ", ".join(one.tags),
        "w": " x ".join(map(str, one.w.shape)),
        "file": str(bank.folder / f"{one.name}{SUFFIX}"),
    }
    return [f"{key:<12}{value}" for key, value in rows.items() if value]


def export_portraits(
    bank: Bank, names: Sequence[str], output: Path, model: str = "", device: str = "auto"
) -> list[str]:
    """Write portraits, those that are kept where none is named, as pictures as large as their
    model draws them, with credits, and as files that `import` reads. ``model`` is a name or path;
    by itself that which the portrait is of, as far as it came with vjgan. Raises BankError,
    ModelError and MediaError."""
    chosen = [bank.get(name) for name in names]
    chosen = chosen or [one for one in bank.portraits() if one.verdict == "kept"]
    if not chosen:
        raise BankError(f"no portrait of the bank {bank.folder} is kept yet")
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BankError(f"folder '{output}' cannot be made: {error.strerror}") from None
    players: dict[str, tuple[Player, ModelInfo]] = {}
    lines = []
    for one in chosen:
        if one.model not in players:
            players[one.model] = _player_of(one, model, device)
        player, about = players[one.model]
        w = bank.find(one.name, player.space, player.name)
        path = output / f"{one.name}.png"
        save_image(path, paint(player, w, one.psi), credit(one, about))
        write(output / f"{one.name}{SUFFIX}", one)
        lines.append(f"{path}: {player.resolution[1]}x{player.resolution[0]}, {one.model}")
    return lines


def import_portrait(bank: Bank, path: Path) -> list[str]:
    """Put a file that `export` wrote into the bank, and the picture beside it. Raises BankError."""
    portrait, beside = read(path), path.with_suffix(".png")
    picture = None
    if beside.is_file():
        picture = unpacked(beside.read_bytes())
    kept = bank.add(portrait, picture)
    return [f"{kept.name}: {kept.model}, {_whence(kept)}"]


def credit(portrait: Portrait, about: ModelInfo) -> dict[str, str]:
    """What a picture of a portrait says of itself."""
    said = {
        "Software": f"vjgan {vjgan.__version__}",
        "Title": portrait.name,
        "Model": about.name,
        "Licence": about.licence or "not recorded",
        "Origin": about.origin or "not recorded",
        "Truncation": f"{portrait.psi:g}",
    }
    if portrait.seed is not None:
        said["Seed"] = str(portrait.seed)
    return said


def _first_model() -> str:
    """The model of the preset that a show begins with."""
    library = make_library()
    return library.model_of(library.preset(library.find("")))


def _checked(label: int | None, player: Player) -> int | None:
    classes = player.space.classes
    if label is not None and not 0 <= label < classes:
        there = f"the model's, 0..{classes - 1}" if classes else "there: the model has none"
        raise ModelError(f"--class {label} is not {there}")
    return label


def _sheet_name(subject: Subject, path: Path) -> str:
    plain = re.sub(r"[^\w@-]+", "-", path.stem)[:64]
    psi = max(f"{subject.psi:.2f}", f"{subject.psi:g}", key=len)
    label = "" if subject.label is None else f"-class{subject.label}"
    return f"{plain}-{subject.sha256[:12]}-psi{psi}{label}.sheet"


def _wait(seconds: float | None) -> None:
    end = None if seconds is None else time.monotonic() + seconds
    while end is None or time.monotonic() < end:
        time.sleep(0.2)


def _whence(one: Portrait) -> str:
    """Where a portrait comes from, for people."""
    if one.origin == "seed":
        return f"seed {one.seed}"
    return f"{one.origin} of {' and '.join(one.parents)}" if one.parents else one.origin


def _player_of(one: Portrait, model: str, device: str) -> tuple[Player, ModelInfo]:
    """Who draws a portrait: the model that is named, or its own, with the network that doubles its
    pictures, if there is one. Raises ModelError."""
    models = folder("models")
    try:
        path = find_model(model or f"{one.model}@2x", models)
    except ModelError:
        if model:
            raise
        path = find_model(one.model, models)
    about = about_model(str(path))
    if one.sha256 and about.sha256 != one.sha256:
        log.warning(
            "portrait '%s' was made with another file of model '%s': it will look different",
            one.name,
            one.model,
        )
    return open_model(path, device, live=False), about
