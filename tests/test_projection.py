"""The last step to an output, against references of its own: points solved, pixels read back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import moderngl
import numpy as np
import pytest
from conftest import Venue
from numpy.typing import NDArray
from pictures import light, portrait, still, tick
from PIL import Image

from vjgan.errors import VjganError
from vjgan.screen.corners import Corners
from vjgan.screen.layout import SQUARE, Output, is_convex
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.screen.outlet import Outlet
from vjgan.screen.pattern import BARS, pattern
from vjgan.screen.program import Surface
from vjgan.screen.projection import Projector, is_plain, laid, pinned

KEYSTONE = ((0.1, 0.05), (0.95, 0.2), (0.8, 0.9), (0.02, 0.7))
SKEWED = ((0.0, 0.3), (0.6, 0.0), (1.0, 0.55), (0.35, 1.0))
SIZE = (160, 90)

Image3 = NDArray[np.float64]


def solved(corners: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    """The map of the unit square onto corners, as the null space of its equations (direct linear
    transform; Hartley and Zisserman 2004, section 4.1)."""
    rows = []
    for (u, v), (x, y) in zip(SQUARE, corners, strict=True):
        rows.append([u, v, 1, 0, 0, 0, -x * u, -x * v, -x])
        rows.append([0, 0, 0, u, v, 1, -y * u, -y * v, -y])
    null = np.linalg.svd(np.array(rows))[2][-1].reshape(3, 3)
    return null / null[2, 2]


def smooth(width: int, height: int) -> Image3:
    """A picture that tells where it was read: 0..1 [height, width, 3], top row first."""
    x, y = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    return np.stack([x, y, 0.5 + 0.25 * np.sin(9 * x) * np.cos(7 * y)], -1)


def points(width: int, height: int) -> NDArray[np.float64]:
    """The middles of pixels, 0..1 from the top left [height, width, 3], the last being 1."""
    x, y = np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height)
    return np.stack([x, y, np.ones_like(x)], -1)


@pytest.fixture(scope="module")
def context(venue: Venue) -> Iterator[moderngl.Context]:
    context = moderngl.create_context(standalone=True, require=330)
    with context:
        yield context
    context.release()


def projected(
    context: moderngl.Context, picture: Image3, output: Output, size: tuple[int, int] = SIZE
) -> Image3:
    """What an output shows of a picture, read back: 0..1 [height, width, 3], top row first."""
    height, width, _ = picture.shape
    data = (picture[::-1] * 255).round().astype(np.uint8).tobytes()
    texture = context.texture((width, height), 3, data, alignment=1)
    texture.repeat_x = texture.repeat_y = False
    target, projector = Surface(context, size, "f1"), Projector(context)
    assert context.error  # forgotten: moderngl binds again what was released
    projector.draw(texture, (width, height), output, target.target)
    assert context.error == "GL_NO_ERROR"
    pixels = target.pixels() / 255.0
    for held in (projector, target, texture):
        held.release()
    return pixels


@pytest.mark.parametrize("corners", [SQUARE, KEYSTONE, SKEWED])
def test_four_corners_are_solved_as_by_the_direct_linear_transform(
    corners: tuple[tuple[float, float], ...],
) -> None:
    assert np.abs(pinned(corners) / pinned(corners)[2, 2] - solved(corners)).max() < 1e-12


@pytest.mark.parametrize("corners", [KEYSTONE, SKEWED])
def test_pixels_lie_where_four_corners_put_them(
    context: moderngl.Context, corners: tuple[tuple[float, float], ...]
) -> None:
    shown = projected(context, smooth(*SIZE), Output(corners=corners))
    there = points(*SIZE) @ np.linalg.inv(solved(corners)).T
    u, v = there[..., 0] / there[..., 2], there[..., 1] / there[..., 2]
    near = np.minimum(np.minimum(u, 1 - u), np.minimum(v, 1 - v))
    expected = np.stack([u, v, 0.5 + 0.25 * np.sin(9 * u) * np.cos(7 * v)], -1)
    inner, outer = near > 0.03, near < -0.03
    assert inner.sum() > 3000
    assert outer.sum() > 1500
    assert np.abs(shown - expected)[inner].max() < 1.5 / 255
    assert shown[outer].max() == 0.0


@pytest.mark.parametrize(("rotate", "quarters"), [(90, -1), (180, 2), (270, 1)])
def test_a_turned_picture_is_the_same_picture_turned(
    context: moderngl.Context, rotate: int, quarters: int
) -> None:
    picture = (smooth(90, 160) * 255).round() / 255
    turned = np.rot90(picture, quarters)
    size = turned.shape[1::-1]
    assert np.array_equal(projected(context, picture, Output(rotate=rotate), size), turned)


def test_fit_shows_all_crop_covers_and_fill_stretches(context: moderngl.Context) -> None:
    picture = np.ones((100, 100, 3))
    whole = projected(context, picture, Output(fit="fit"), (200, 100))
    assert whole[:, 50:150].min() == 1.0
    assert whole[:, :50].max() == whole[:, 150:].max() == 0.0
    ramp = smooth(100, 100)
    cut = projected(context, ramp, Output(fit="crop"), (200, 100))
    assert cut[0, :, 1].mean() == pytest.approx(0.25, abs=0.01)
    assert cut[-1, :, 1].mean() == pytest.approx(0.75, abs=0.01)
    assert cut[50, 0, 0] < 0.01
    stretched = projected(context, ramp, Output(fit="fill"), (200, 100))
    assert stretched[0, 100, 1] < 0.01
    assert stretched[50, -1, 0] > 0.99


def test_a_small_wall_in_the_corner_of_an_output_is_mapped_pixel_by_pixel(
    context: moderngl.Context,
) -> None:
    wall = np.random.default_rng(3).integers(0, 256, (18, 64, 3)) / 255
    w, h = 64 / SIZE[0], 18 / SIZE[1]
    output = Output(fit="fill", corners=((0, 0), (w, 0), (w, h), (0, h)))
    shown = projected(context, wall, output)
    assert np.array_equal(shown[:18, :64], wall)
    assert shown[18:].max() == shown[:, 64:].max() == 0.0


def test_two_feathered_projectors_add_up_to_even_light(context: moderngl.Context) -> None:
    white = np.ones((*SIZE[::-1], 3))
    left = projected(context, white, Output(feather=(0.0, 0.0, 0.5, 0.0)))
    right = projected(context, white, Output(feather=(0.5, 0.0, 0.0, 0.0)))
    half = SIZE[0] // 2
    together = left[:, half:, 0] ** 2.2 + right[:, :half, 0] ** 2.2  # in light
    assert np.abs(together - 1.0).max() < 0.02
    assert left[:, :half].min() == 1.0


def test_each_edge_is_softened_by_its_own_width(context: moderngl.Context) -> None:
    white = np.ones((*SIZE[::-1], 3))
    soft = projected(context, white, Output(feather=(0.25, 0.0, 0.0, 0.5)))[..., 0]
    assert soft[0, 0] < soft[0, 20] < soft[0, 40] == soft[0, -1] == 1.0
    assert soft[-1, 80] < soft[-20, 80] < soft[-44, 80]


def test_gamma_and_brightness_are_those_of_the_values(context: moderngl.Context) -> None:
    picture = smooth(*SIZE)
    shown = projected(context, picture, Output(gamma=2.0, brightness=0.5))
    assert np.abs(shown - 0.5 * np.sqrt(picture)).max() < 2.5 / 255


def test_a_mask_dims_the_output_wherever_the_corners_are(
    context: moderngl.Context, tmp_path: Path
) -> None:
    grey = np.full(SIZE[::-1], 255, np.uint8)
    grey[:30] = 0
    grey[:, :40] = 128
    Image.fromarray(grey).save(tmp_path / "mask.png")
    white = np.ones((*SIZE[::-1], 3))
    output = Output(mask=tmp_path / "mask.png", corners=((0, 0), (1, 0), (1, 1), (0, 0.9)))
    shown = projected(context, white, output)[..., 0]
    assert shown[:29, 42:].max() == 0.0
    assert shown[40:70, 5:38] == pytest.approx(128 / 255, abs=1.5 / 255)
    assert shown[40:70, 60:].min() > 0.99


@pytest.mark.parametrize("content", [None, b"no picture"])
def test_a_mask_that_is_no_picture(
    context: moderngl.Context, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "mask.png"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(VjganError, match=f"mask '{file}' cannot be read: "):
        Projector(context).prepare(Output(mask=file))


def test_where_nothing_is_set_nothing_is_done() -> None:
    assert is_plain(Output(), SIZE, SIZE)
    assert is_plain(Output(fit="fill"), SIZE, (7, 7))
    assert not is_plain(Output(), SIZE, (7, 7))
    for other in (Output(rotate=180), Output(gamma=1.1), Output(corners=KEYSTONE)):
        assert not is_plain(other, SIZE, SIZE)
    assert np.array_equal(laid(Output(), SIZE, SIZE), np.eye(3))


def test_the_pattern_tells_the_display(context: moderngl.Context) -> None:
    seen = np.asarray(pattern((320, 180), "EPSON"))
    other = np.asarray(pattern((320, 180), "BenQ"))
    assert (seen != other).any()
    colours = {tuple(row) for row in seen.reshape(-1, 3)}
    assert set(BARS) <= colours
    assert (seen[0] == 255).all()  # the edge of the picture
    marked = np.asarray(pattern((320, 180), "EPSON", corner=2))
    changed = np.argwhere((marked != seen).any(-1))
    assert changed.min(0)[0] > 90
    assert changed.min(0)[1] > 160


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_a_corner_moves_as_it_is_seen(context: moderngl.Context, rotate: int) -> None:
    outlet = Outlet(context)
    outlet.use("A", "A", Output(rotate=rotate))
    kept: dict[str, Output] = {}
    corners = Corners(lambda: [outlet], kept.__setitem__)
    corners.toggle()
    corners.choose(0)  # the top left of the picture
    target = Surface(context, SIZE, "f1")
    outlet.draw(None, SIZE if rotate % 180 == 0 else SIZE[::-1], target.target)
    before = np.rot90(target.pixels(), rotate // 90)
    corners.move(20, 10)
    outlet.draw(None, SIZE if rotate % 180 == 0 else SIZE[::-1], target.target)
    after = np.rot90(target.pixels(), rotate // 90)
    assert before[0, 0].max() > 100
    assert after[:8, :18].max() == 0  # it went right and down
    assert after[-1, -1].max() > 100
    assert not kept
    corners.toggle()
    assert kept["A"].corners == outlet.output.corners != SQUARE
    outlet.release()
    target.release()


def test_a_corner_never_folds_the_picture_nor_leaves_the_output(
    context: moderngl.Context,
) -> None:
    outlet = Outlet(context)
    corners = Corners(lambda: [outlet], lambda name, output: None)
    corners.toggle()
    corners.choose(2)
    for _ in range(300):
        corners.move(-1, -1)
    assert is_convex(outlet.output.corners)
    for _ in range(300):
        corners.move(5, 5)
    assert outlet.output.corners[2] == (1.0, 1.0)
    outlet.release()


@pytest.mark.parametrize(
    ("size", "live"),
    [
        ((1, 1), False),
        ((1, 1), True),
        ((63, 997), False),
        ((63, 997), True),
        ((4096, 256), False),
        ((3840, 2160), True),
    ],
)
def test_walls_of_odd_sizes_and_4k(venue: Venue, size: tuple[int, int], live: bool) -> None:
    screen = OffscreenScreen(size, live=live)
    screen.say(["Esc Esc  leave", "F        full screen"])
    screen.show(still(portrait()), light("bloom", "trails", fit=1.0), tick())
    image = screen.image()
    assert image.shape == (size[1], size[0], 3)
    assert image.mean() > 10
    if min(size) > 1:
        assert image.std() > 10
    screen.close()
