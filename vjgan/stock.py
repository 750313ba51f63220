"""What comes with vjgan: its presets, shaders, models and demo track, and lists of them."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import vjgan
from vjgan.assets import folder, own_folder
from vjgan.audio.demo import demo
from vjgan.bank import Bank, bank_folder
from vjgan.controls import CONTROLS, Control
from vjgan.dreams import open_dream
from vjgan.errors import VjganError
from vjgan.generator.about import ModelInfo
from vjgan.generator.checkpoint import find_model, info
from vjgan.generator.device import find_device, used_bytes, warm_budget
from vjgan.generator.player import Player, open_model
from vjgan.generator.shelf import Shelf
from vjgan.generator.upscale import describe_upscaler
from vjgan.generator.upscale import model_of as file_of
from vjgan.genes import Pool, lineage
from vjgan.library import Keyframes, Library
from vjgan.mapping import SIGNALS
from vjgan.media import Sound
from vjgan.motion import MotionSettings, make_motion, make_timeline
from vjgan.preset import MotionTable
from vjgan.screen.glsl import FIXED, Catalogue, declared_controls
from vjgan.screen.isf.collection import Collection
from vjgan.sources import Wish, open_source
from vjgan.sources.blank import Blank
from vjgan.stage import Mover
from vjgan.styles import open_styles
from vjgan.types import Generator, LatentSpace, model_of

log = logging.getLogger("vjgan")

DEFAULT_MODEL = "alive"


def make_library(
    model: str = "", seed: int = 0, device: str = "auto", live: bool = True, upscale: int = 1
) -> Library:
    """The bundled presets, shaders and models. Models are kept warm as long as memory allows; their
    pictures are made ``upscale`` times larger.
    Raises DeviceError."""
    models = folder("models")
    where = find_device(device)
    files = isf_files()
    shelf: Shelf[Player] = Shelf(
        find=lambda name: find_model(name, models),
        open_=lambda path: open_model(path, device, live, shelf.spare, upscale=upscale),
        budget=lambda: warm_budget(os.environ.get("VJGAN_WARM_GB", ""), where),
        used=lambda: used_bytes(where),
    )
    return Library(
        presets_folder=folder("presets"),
        passes=Catalogue(folder("shaders")),
        load=shelf.get,
        prefetch=shelf.prefetch,
        moving=_moving,
        passing=make_timeline,
        bank=Bank(bank_folder()),
        default_model=DEFAULT_MODEL,
        model=model,
        seed=seed,
        fixed=FIXED,
        open_layer=lambda row, channels: open_source(
            Wish(row.kind, row.place, row.beats), live, channels
        ),
        open_pass=files.open,
        retouches={
            "style": open_styles,
            "dream": open_dream(live),
        },
        pass_files=files.stamps,
        blank=Blank(),
        own_folder=own_folder("presets"),
    )


def passes() -> Mapping[str, Mapping[str, Control]]:
    """The shader passes with their controls, those that are always drawn among them."""
    return declared_controls(folder("shaders"))


def isf_files() -> Collection:
    """The ISF files that come with vjgan, and the performer's own."""
    return Collection((own_folder("isf"), folder("shaders") / "isf"))


def all_controls() -> dict[str, Control]:
    """Everything that can be steered, those of the passes among them, by name."""
    rows = {name: row for rows in passes().values() for name, row in rows.items()}
    return CONTROLS | rows | isf_files().controls()


def _moving(
    table: MotionTable, keyframes: Keyframes, space: LatentSpace, other: LatentSpace
) -> Mover:
    if table.kind == "kin":  # from each of a family to a child
        label = table.classes[0] if table.classes else (0 if space.classes else None)
        people = lineage(Pool(space, label), table.seed, table.anchors)
        keyframes = tuple((one, table.bars / 2) for one in people for _ in range(2))  # it stays
        table = table.model_copy(update={"kind": "keyframes"})
    return make_motion(
        MotionSettings(table.kind, table.seed, table.bars, table.anchors, keyframes, table.classes),
        space,
        other,
    )


def demo_sound() -> Sound:
    """The demo track's samples."""
    track = demo()
    return Sound(track.samples, track.sample_rate)


def notice(generator: Generator, flash_limit: bool = True) -> Sequence[str]:
    """What the first seconds say: of a model that has learned nothing yet, and that the flash
    limiter is off, which is logged, too."""
    words = () if generator.trained else (f"{generator.name}: a seeded, untrained network",)
    if flash_limit:
        return words
    log.warning("the flash limiter is off: flashes may harm people with photosensitive epilepsy")
    return (*words, "flash limiter off")


def credit(library: Library, source: Path | None, title: str) -> dict[str, str]:
    """What pictures of a preset say of themselves: program, preset, seed, and the model with its
    licence and origin; and those of the model that lends it styles."""
    said = {"Software": f"vjgan {vjgan.__version__}", "Title": title, "Seed": str(library.seed)}
    if source is None:
        return said
    try:
        preset = library.preset(source)
        names = (library.model_of(preset), preset.motion.mix_model)
        models = [_about(find_model(name, folder("models"))) for name in names if name]
    except VjganError as error:  # taken away since
        log.debug("no credits of '%s': %s", source, error)
        return {**said, "Preset": source.stem}
    return {**said, "Preset": source.stem, **joined([credit_of(model) for model in models])}


def joined(rows: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What several say of themselves, each word once, in the order in which they come."""
    keys = dict.fromkeys(key for row in rows for key in row)
    return {key: "; ".join(dict.fromkeys(row[key] for row in rows if key in row)) for key in keys}


def credit_of(model: ModelInfo) -> dict[str, str]:
    """What pictures of a model say of it."""
    licence, origin = model.licence or "not recorded", model.origin or "not recorded"
    return {"Model": model.name, "Licence": licence, "Origin": origin}


@cache
def _about(path: Path) -> ModelInfo:
    return info(file_of(path) or path)


def runtime(generator: Generator) -> str:
    """What runs a model now, such as "torch, fp32, cpu"."""
    model = model_of(generator)
    return model.runtime.name if isinstance(model, Player) else ""


def list_presets() -> tuple[list[str], bool]:
    """A line for each preset, or what is wrong with it, and whether all are good."""
    library = make_library()
    lines, good = [], True
    for number, path in enumerate(library.paths(), start=1):
        try:
            preset = library.preset(path)
            lines.append(f"{number:2}  {preset.key:<14} {preset.description}")
        except VjganError as error:
            lines.append(f"{number:2}  {path.stem:<14} BROKEN: {error}")
            good = False
    return lines, good


def list_controls() -> list[str]:
    """A line for each control and each signal."""
    lines = ["Controls: name, range, default, what it does"]
    for row in all_controls().values():
        span = f"{row.minimum:g}..{row.maximum:g} {row.unit}".strip()
        lines.append(f"  {row.name:<22} {span:<18} {row.default:<6g} {row.does}")
    lines.append("Sources for routes (all 0..1)")
    lines += [f"  {name:<22} {does}" for name, does in SIGNALS.items()]
    others = {
        "lfo.NAME": "a wave of the preset's own",
        "midi.ccN": "a knob; midi.3.ccN only on channel 3; likewise noteN, pitch, fineN (14 bits), "
        "nrpnN, touch and touchN (aftertouch)",
    }
    return lines + [f"  {name:<22} {does}" for name, does in others.items()]


def describe_model(name: str) -> list[str]:
    """What a model says of itself, and what enlarges its pictures. Raises ModelError."""
    path = find_model(name or DEFAULT_MODEL, folder("models"))
    base = file_of(path)
    return info(path).lines() if base is None else info(base).lines() + describe_upscaler(path)
