"""ISF files, too, are compiled before the show, see test_warm.py."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import Venue
from pictures import light, portrait, still, tick
from test_warm import compiled, watched

from vjgan.assets import folder
from vjgan.screen.isf.collection import Collection
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.types import Frame, PassWeight

MAIN = """void main() {
    if (PASSINDEX == 0) gl_FragColor = IMG_THIS_PIXEL(a) * 0.9 + IMG_THIS_PIXEL(inputImage) * 0.1;
    else if (PASSINDEX == 1) gl_FragColor = IMG_THIS_PIXEL(a) + IMG_THIS_PIXEL(inputImage);
    else gl_FragColor = IMG_THIS_PIXEL(b);
}"""


def test_nothing_of_them_is_compiled_in_the_show(
    venue: Venue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = ("between", "colour", "present", "blend")
    cache, shaders = watched(tmp_path, monkeypatch, few)
    passes = [
        {"TARGET": "a", "WIDTH": "$WIDTH / 2", "HEIGHT": "8", "PERSISTENT": True, "FLOAT": True},
        {"TARGET": "b", "HEIGHT": "floor($HEIGHT / 2.0)"},
        {},
    ]
    header = {"INPUTS": [{"NAME": "inputImage", "TYPE": "image"}], "PASSES": passes}
    (tmp_path / "Buffers.fs").write_text(f"/*{json.dumps(header)}*/\n{MAIN}")
    files = Collection([tmp_path, folder("shaders") / "isf"])
    rows = [files.open(name, tmp_path)[0] for name in ("Buffers", "Scorch", "Veil", "Wash")]
    screen = OffscreenScreen((640, 360), live=True, shader_dir=shaders)
    if not screen.software:
        pytest.skip("a GPU's driver keeps its programs elsewhere")
    screen.expect(rows)
    number = itertools.count(1)
    layer = still(Frame(0.0, np.full((65, 65, 4), 99, np.uint8)))

    def show(before: tuple[PassWeight, ...], after: tuple[PassWeight, ...], weight: float) -> None:
        at = next(number) / 30
        controls = light("blend", time=at, hue=20.0 * weight)
        controls = replace(controls, passes=(*before, *controls.passes, *after))
        picture = replace(still(portrait()), layers=(layer,) if weight < 1.0 else ())
        screen.show(picture, controls, tick(at, 1 / 30))

    sizes = (400 * 225, 320 * 180, 512 * 288)
    for pixels, weight in itertools.product(sizes, (0.4, 1.0)):
        screen.spare(pixels, 0)  # what our own passes compile is told by test_warm.py
        show((), (), weight)
    before = compiled(cache)
    assert before > 2 * len(rows)
    for pixels in sizes:
        screen.spare(pixels, 0)
        for one, other in itertools.permutations(rows, 2):
            for weight in (0.4, 1.0):
                show((replace(one, weight=weight),), (other,), weight)
    screen.close()
    assert compiled(cache) == before
