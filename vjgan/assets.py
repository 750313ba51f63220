"""Where the shaders, presets and models that come with vjgan lie."""

from __future__ import annotations

from pathlib import Path

from vjgan.errors import VjganError

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The folder ``shaders``, ``presets`` or ``models``: inside the package where it was installed
    from a wheel, beside the package in a checkout.

    Raises VjganError when it is in neither place."""
    for place in (_PACKAGE / name, _PACKAGE.parent / name):
        if place.is_dir():
            return place
    raise VjganError(
        f"the folder '{name}' of vjgan is missing: it is neither in {_PACKAGE} nor in "
        f"{_PACKAGE.parent}; install vjgan again"
    )
