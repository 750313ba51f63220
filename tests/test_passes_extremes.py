"""No value that a hand can set, and no size of a screen, breaks a pass."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from conftest import Venue
from pictures import light, portrait, still, tick

from vjgan.assets import folder
from vjgan.screen.glsl import FIXED, declared_controls
from vjgan.screen.offscreen import OffscreenScreen

SIZE = (333, 187)
PICTURE = still(portrait())
PASSES = {
    name: rows for name, rows in declared_controls(folder("shaders")).items() if name not in FIXED
}


@pytest.fixture(scope="module")
def screen(venue: Venue) -> Iterator[OffscreenScreen]:
    screen = OffscreenScreen(SIZE, flash_limit=False)
    yield screen
    screen.close()


def drawn(screen: OffscreenScreen, name: str, values: dict[str, float]) -> np.ndarray:
    """What a pass made of a turning portrait in the second frame, as the floats that it wrote."""
    for index in range(2):
        time = 1.2 + index / 30
        controls = light(name, time=time, **{"rotate": 300.0 * time % 90.0} | values)
        screen.show(PICTURE, controls, tick(time, 1 / 30))
    raw = screen.canvas.chain.shown.texture.read()
    return np.frombuffer(raw, np.float16).reshape(SIZE[1], SIZE[0], 4)[..., :3]


@pytest.mark.parametrize("name", PASSES)
def test_a_pass_at_its_defaults(screen: OffscreenScreen, name: str) -> None:
    values = {"feedback": 0.9}
    image = drawn(screen, name, values).astype(float)
    assert np.isfinite(image).all()
    assert image.std() > 0.04
    assert np.abs(image - drawn(screen, "", values)).mean() > 0.003


@pytest.mark.parametrize("extreme", ["minimum", "maximum"])
@pytest.mark.parametrize("name", PASSES)
def test_a_pass_at_its_extremes(screen: OffscreenScreen, name: str, extreme: str) -> None:
    rows = PASSES[name]
    image = drawn(screen, name, {row.name: getattr(row, extreme) for row in rows.values()})
    assert np.isfinite(image).all()
    for row in rows.values():
        image = drawn(screen, name, {row.name: getattr(row, extreme)})
        assert np.isfinite(image).all(), row.name
        assert image.max() > 0.05, row.name
