"""A show compiles nothing: a driver finishes a shader at its first draw, once for every kind of
texture that it reads and writes, and that would be a late frame."""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from conftest import Venue
from pictures import light, portrait, still, tick

from vjgan.assets import folder
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.types import Frame, Picture

FEW = ("between", "bloom", "colour", "present", "trails", "vignette")


def watched(
    place: Path, monkeypatch: pytest.MonkeyPatch, names: Iterable[str]
) -> tuple[Path, Path]:
    """Where Mesa will keep its programs, and a folder with a few of the shaders."""
    cache, shaders = place / "cache", place / "shaders"
    monkeypatch.setenv("MESA_SHADER_CACHE_DIR", str(cache))
    monkeypatch.setenv("MESA_DISK_CACHE_MULTI_FILE", "1")
    monkeypatch.setenv("MESA_SHADER_CACHE_DISABLE", "0")
    shaders.mkdir()
    for name in ("prelude.glsl", *(f"{name}.frag" for name in names)):
        shutil.copy(folder("shaders") / name, shaders)
    return cache, shaders


def compiled(cache: Path) -> int:
    """How many programs Mesa has kept, each a kind of draw of a shader. It writes them in a thread
    of its own: they are all there when no more have come for a while."""
    count, since = -1, 0
    while since < 10:
        now = sum(path.is_file() and path.name != "index" for path in cache.rglob("*"))
        count, since = now, since + 1 if now == count else 0
        time.sleep(0.05)
    return count


def test_nothing_is_compiled_in_the_show(
    venue: Venue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, shaders = watched(tmp_path, monkeypatch, FEW)
    screen = OffscreenScreen((640, 360), live=True, shader_dir=shaders)
    if not screen.software:
        pytest.skip("a GPU's driver keeps its programs elsewhere")
    before, number = compiled(cache), itertools.count(1)
    assert before > len(FEW)

    def show(*passes: str | tuple[str, float], **values: float) -> None:
        at = next(number) / 30
        screen.show(still(portrait()), light(*passes, time=at, **values), tick(at, 1 / 30))

    names = sorted(set(FEW) - {"between", "colour", "present"})
    for pixels in (400 * 225, 320 * 180, 512 * 288):
        screen.spare(pixels, 0)
        for order in itertools.permutations(names, 2):
            show(*order)
            show(*((name, 0.4) for name in order))
            show(*order, hue=20.0)
    for values in ({"fit": 0.2}, {"between__surround": 1.0, "fit": 0.0}, {"zoom": 0.25}):
        show(**values)
    screen.say(["Esc Esc  leave", "F        full screen"])
    show("bloom", feedback=0.9, brightness=0.5)
    screen.image()
    screen.glance()
    one, other = portrait(), Frame(0.0, portrait(2).image[::2, ::2])
    screen.show(Picture(one, other, 0.3), light(), tick(next(number) / 30))
    motion = np.zeros((32, 32, 4), np.float32)
    screen.show(Picture(one, one, 0.3, motion=motion), light(), tick(next(number) / 30))
    screen.close()
    assert compiled(cache) == before
