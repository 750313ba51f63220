"""Where the shaders, presets and models that come with vjgan lie."""

from __future__ import annotations

import os
from pathlib import Path

from vjgan.errors import VjganError

_PACKAGE = Path(__file__).resolve().parent


def own_folder(name: str) -> Path:
    """The performer's own folder of that name, such as ``presets``, by the XDG Base Directory
    Specification; it need not be there yet."""
    return _xdg("XDG_DATA_HOME", ".local/share") / name


def config_folder() -> Path:
    """Where the performer's settings lie; it need not be there yet."""
    return _xdg("XDG_CONFIG_HOME", ".config")


def cache_folder(name: str) -> Path:
    """A folder for what can be made again; it need not be there yet."""
    return _xdg("XDG_CACHE_HOME", ".cache") / name


def _xdg(variable: str, otherwise: str) -> Path:
    place = Path(os.environ.get(variable, ""))
    return (place if place.is_absolute() else Path.home() / otherwise) / "vjgan"


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
