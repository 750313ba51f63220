"""The booth: opens the audience's window as the rig has it, and keeps what is set of displays."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vjgan.errors import VjganError
from vjgan.rig import Rig, keep_display, rig_file
from vjgan.screen.layout import SQUARE, WAYS, Layout, Output, read_layout
from vjgan.screen.window import Window

log = logging.getLogger("vjgan")

DEFAULT_WINDOW = (1280, 720)
NO_DISPLAY = "none"


def open_window(
    rig: Rig,
    display: str = "",
    way: str = "",
    size: tuple[int, int] | None = None,
    flash_limit: bool = True,
) -> Window:
    """The window, on the ``display`` of that number or name, or where the last show was.

    Raises DeviceError without that display or any, VjganError when the rig's ``[display]`` or the
    ``way`` it is to be laid out is not as it must be."""
    layout = _layout(rig, way)
    if display == NO_DISPLAY:
        _remember({"name": None, "size_mm": None, "position": None, "layout": None})
        display, layout = "", replace(layout, known=None, way="full")
    elif way:
        _remember({"layout": way})
    before = layout.known is not None or layout.way != "full"
    window = Window(
        size or DEFAULT_WINDOW,
        display or None,
        fullscreen=bool(display) or (size is None and before),
        flash_limit=flash_limit,
        layout=layout,
        keep=_keep_output,
    )
    if display and window.display is not None:
        known = window.display
        _remember({"name": known.name, "size_mm": [*known.size_mm], "position": [*known.position]})
    return window


def _layout(rig: Rig, way: str) -> Layout:
    if way and way not in WAYS:
        raise VjganError(f"--layout '{way}' is unknown; there are: {', '.join(WAYS)}")
    layout = read_layout(f"rig '{rig_file()}': display", rig.display)
    return replace(layout, way=way or layout.way)


def _keep_output(name: str, output: Output) -> None:
    corners = [[round(x, 5), round(y, 5)] for x, y in output.corners]
    _remember({"corners": None if output.corners == SQUARE else corners}, name)


def _remember(values: Mapping[str, Any], output: str = "") -> None:
    try:
        keep_display(values, output)
    except VjganError as error:  # the show goes on as it is
        log.warning("%s", error)
