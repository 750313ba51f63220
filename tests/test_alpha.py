"""What of the picture is clear: known through the chain, told to those who want it, and changing
nothing of the light."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_codecs import read

from vjgan.media import FilmWriter, save_image
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.types import Controls, Frame, PassWeight, Picture, Tick

SIZE = (160, 90)
SMALL = {"zoom": 0.5, "fit": 0.0, "between.surround": 0.0, "brightness": 1.0}


@pytest.fixture(scope="module")
def screens() -> Iterator[tuple[OffscreenScreen, OffscreenScreen]]:
    """One that keeps alpha, and one that does not."""
    with (
        closing(OffscreenScreen(SIZE, flash_limit=False, alpha=True)) as clear,
        closing(OffscreenScreen(SIZE, flash_limit=False)) as plain,
    ):
        yield clear, plain


def still(level: int | np.ndarray, channels: int = 3) -> Picture:
    image = np.empty((90, 160, channels), np.uint8)
    image[:] = level
    frame = Frame(0.0, image)
    return Picture(frame, frame)


def drawn(
    screen: OffscreenScreen,
    picture: Picture,
    *passes: PassWeight,
    values: dict[str, float] = SMALL,
) -> np.ndarray:
    """The second frame of a chain, as ints."""
    for one in screen.canvas.chain._passes.all():
        one.forget()
    for k in range(2):
        tick = Tick(k, 2.0 + k / 30, 1 / 30, 2.0 + k / 30)
        screen.show(picture, Controls(tick.time, values, {}, passes), tick)
    return screen.image().astype(int)


def over_black(image: np.ndarray) -> np.ndarray:
    return (image[..., :3] * image[..., 3:] + 127) // 255


def test_beside_a_small_picture_it_is_clear(
    screens: tuple[OffscreenScreen, OffscreenScreen],
) -> None:
    seen = drawn(screens[0], still(60))
    assert seen.shape == (90, 160, 4)
    assert np.all(seen[30:60, 50:110] // 2 == np.array([60, 60, 60, 255]) // 2)
    assert not seen[:15].any() and not seen[:, :30].any()


def test_a_picture_that_fills_the_screen_is_opaque(
    screens: tuple[OffscreenScreen, OffscreenScreen],
) -> None:
    assert np.all(drawn(screens[0], still(0), values={"fit": 1.0})[..., 3] == 255)


MOVING = ("mirror", "kaleidoscope", "polar", "tunnel", "ripple", "liquid")


@pytest.mark.parametrize("name", MOVING)
def test_alpha_goes_where_the_picture_goes(
    screens: tuple[OffscreenScreen, OffscreenScreen], name: str
) -> None:
    """A black picture covers what a white one of its shape lights."""
    light = drawn(screens[1], still(255), PassWeight(name))[..., 0]
    cover = drawn(screens[0], still(0), PassWeight(name))[..., 3]
    lit = light > 200
    assert 0.05 < lit.mean() < 0.99
    assert (cover[lit] > 150).mean() > 0.98
    assert (cover[light < 5] < 60).mean() > 0.95


# One of each kind: reading the past, a blur, a layer, many places, one.
KINDS = ("trails", "slitscan", "bloom", "displace_by", "blend", "mask", "key", "edge", "facets")


@pytest.mark.parametrize("name", KINDS)
def test_the_light_is_the_same_with_alpha(
    screens: tuple[OffscreenScreen, OffscreenScreen], name: str
) -> None:
    """Laid over black, what is kept is what the screen shows."""
    chance = np.random.default_rng(3).integers(0, 256, (6, 8, 3), np.uint8)
    picture, row = still(chance.repeat(15, 0).repeat(20, 1)), PassWeight(name, 0.7)
    clear, plain = drawn(screens[0], picture, row), drawn(screens[1], picture, row)
    apart = np.abs(over_black(clear) - plain)
    assert apart.mean() < 1.0 and np.quantile(apart, 0.99) <= 4


def layered(image: np.ndarray) -> Picture:
    return Picture(
        still(40).before, still(40).after, layers=(Picture(Frame(0.0, image), Frame(0.0, image)),)
    )


def test_a_mask_is_clear_where_it_is_dark(
    screens: tuple[OffscreenScreen, OffscreenScreen],
) -> None:
    half = np.zeros((90, 160, 3), np.uint8)
    half[:, 80:] = 255
    values = {"fit": 1.0, "mask.outside": 0.0, "mask.softness": 0.0}
    seen = drawn(screens[0], layered(half), PassWeight("mask"), values=values)
    assert np.all(seen[:, :70, 3] < 3) and np.all(seen[:, 90:, 3] == 255)


def test_a_layer_with_alpha_covers_where_it_is(
    screens: tuple[OffscreenScreen, OffscreenScreen],
) -> None:
    logo = np.zeros((90, 160, 4), np.uint8)
    logo[:20] = (30, 10, 20, 255)
    values = {**SMALL, "blend.amount": 1.0, "blend.mode": 0.0}
    seen = drawn(screens[0], layered(logo), PassWeight("blend"), values=values)
    assert np.all(seen[3:15, :, 3] == 255)  # the layer, dark as it is, beyond the picture
    assert np.all(seen[30:60, 50:110, 3] == 255) and not seen[75:, :, 3].any()


ISF = """/*{"ISFVSN": "2", "INPUTS": [%s]}*/
void main() { gl_FragColor = %s; }
"""
HALF = "vec4(0.2, 0.4, 0.6, isf_FragNormCoord.x < 0.5 ? 0.0 : 0.5)"
SAME = "IMG_THIS_PIXEL(inputImage)"


def test_files_of_others_keep_their_alpha(
    screens: tuple[OffscreenScreen, OffscreenScreen], tmp_path: Path
) -> None:
    paths = {"generator": tmp_path / "a.fs", "filter": tmp_path / "b.fs"}
    paths["generator"].write_text(ISF % ("", HALF))
    paths["filter"].write_text(ISF % ('{"NAME": "inputImage", "TYPE": "image"}', SAME))
    rows = {kind: PassWeight(f"isf:{kind}", source=path) for kind, path in paths.items()}
    seen = drawn(screens[0], still(60), rows["generator"])
    assert not seen[:10, :70].any()
    assert seen[5, 120] == pytest.approx([51, 102, 153, 128], abs=2)
    assert seen[45, 100, 3] == 255  # over the picture
    plain = drawn(screens[0], still(60))
    assert np.abs(drawn(screens[0], still(60), rows["filter"]) - plain).max() <= 2


def test_a_glance_has_alpha_for_who_asks(
    screens: tuple[OffscreenScreen, OffscreenScreen],
) -> None:
    drawn(screens[0], still(60))
    for _ in range(2):  # of a GPU, one call late
        clear, plain = screens[0].glance(80, alpha=True), screens[0].glance(80)
    assert clear is not None and clear.shape == (45, 80, 4)
    assert plain is not None and plain.shape == (45, 80, 3)
    assert not clear[0, 0].any() and clear[22, 40, 3] == 255
    opaque = screens[1].glance(80, alpha=True)
    assert opaque is None or np.all(opaque[..., 3] == 255)


def test_stills_and_films_keep_it(
    screens: tuple[OffscreenScreen, OffscreenScreen], tmp_path: Path
) -> None:
    seen = drawn(screens[0], still(60)).astype(np.uint8)
    save_image(tmp_path / "a.png", seen)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), seen)
    for name in ("a.mov", "a.webm"):
        with FilmWriter(tmp_path / name, SIZE, Fraction(25), alpha=True) as film:
            film.write(seen)
        (back,) = read(tmp_path / name)
        assert np.abs(back[..., 3].astype(int) - seen[..., 3]).mean() < 2.0
