"""What a model may be shown for, said plainly before anybody sees it."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from vjgan.assets import folder
from vjgan.errors import VjganError
from vjgan.generator.about import ModelInfo
from vjgan.generator.checkpoint import find_model, info
from vjgan.generator.upscale import model_of
from vjgan.library import NO_MODEL, Library
from vjgan.stock import credit, joined

log = logging.getLogger("vjgan")

NON_COMMERCIAL = re.compile(
    r"non.?commercial|\bnc\b|nvidia source code|research only|personal use", re.IGNORECASE
)
UNKNOWN = "not recorded"  # what is said of a licence in such a case


def terms(about: ModelInfo) -> str:
    """What is to be known of a model's licence before a show, in one sentence; "" where it is free
    for all that a show does."""
    if NON_COMMERCIAL.search(about.licence):
        return (
            f"model '{about.name}' is NOT FOR COMMERCIAL USE ({about.licence}): no paid show "
            "without its owner's permission"
        )
    if not about.licence:
        return (
            f"model '{about.name}' says nothing of its licence (made by {about.code}): ask whose "
            "it is before a public show"
        )
    return ""


def about_model(name: str) -> ModelInfo:
    """What the file of a model's name or path says of itself; an up-resolution belongs to its
    model. Raises ModelError."""
    path = find_model(name, folder("models"))
    return info(model_of(path) or path)


def warnings(library: Library, presets: Iterable[Path]) -> list[str]:
    """The terms of every model that presets are played on, each once, and only what must be known;
    presets and models that are broken are told of elsewhere."""
    found: dict[str, str] = {}
    for path in presets:
        try:
            model = library.model_of(library.preset(path))
            if model != NO_MODEL and model not in found:
                found[model] = terms(about_model(model))
        except VjganError as error:
            log.debug("no terms of '%s': %s", path, error)
    return list(dict.fromkeys(said for said in found.values() if said))


def warn(library: Library, presets: Iterable[Path]) -> None:
    """Say the terms of the models of presets, before they are shown."""
    for said in warnings(library, presets):
        log.warning("%s", said)


def credits_of(library: Library, sources: Sequence[Path | None], title: str) -> Mapping[str, str]:
    """What a film of several presets says of itself: as ``credit``, with every preset and every
    model in the order in which they come."""
    return joined([credit(library, source, title) for source in sources or (None,)])
