"""Layers on the screen: where they lie, how passes blend them, and how scenes bring them in."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from conftest import Venue
from pictures import SIZE, light, plain, portrait, ramp, tick
from PIL import Image
from test_warm import compiled, watched

from vjgan.beat import BeatClock
from vjgan.errors import PresetError
from vjgan.generator.worker import Direct
from vjgan.library import Library
from vjgan.media import FilmWriter
from vjgan.preset import load_preset
from vjgan.render import render
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.stage import Scene, Stage
from vjgan.stock import make_library
from vjgan.types import Beat, ByteArray, Features, Frame, Picture, Tick

W, H = SIZE
FEATURES, FACE = Features(), portrait()
UNDER, OVER = (200, 90, 30), (60, 160, 220)


@pytest.fixture(scope="module")
def screen(venue: Venue) -> Iterator[OffscreenScreen]:
    screen = OffscreenScreen(SIZE, flash_limit=False)
    yield screen
    screen.close()


def seen(
    screen: OffscreenScreen, layers: list[Frame | None], *passes: str, **values: float
) -> ByteArray:
    """What is shown over the plain colour ``UNDER``."""
    under = plain(*UNDER)
    rows = tuple(None if frame is None else Picture(frame, frame) for frame in layers)
    screen.show(Picture(under, under, 1.0, rows), light(*passes, **values), tick())
    return screen.image()


def overlay(a: float, b: float) -> float:
    return 2 * a * b if a < 0.5 else 1 - 2 * (1 - a) * (1 - b)


MODES: dict[float, Callable[[float, float], float]] = {
    0: lambda a, b: b,
    1: lambda a, b: min(1.0, a * a + b * b) ** 0.5,  # light is added, which is about the square
    2: lambda a, b: 1 - (1 - a) * (1 - b),
    3: lambda a, b: a * b,
    4: lambda a, b: abs(a - b),
    5: overlay,
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("amount", [1.0, 0.4])
def test_every_way_of_blending(screen: OffscreenScreen, mode: float, amount: float) -> None:
    image = seen(screen, [plain(*OVER)], "blend", blend__mode=mode, blend__amount=amount)
    for channel, (under, over) in enumerate(zip(UNDER, OVER, strict=True)):
        made = 255 * MODES[mode](under / 255, over / 255)
        assert abs(image[..., channel] - (under + amount * (made - under))).max() <= 2


def test_between_two_modes_are_both_and_between_two_layers_too(screen: OffscreenScreen) -> None:
    a, b = plain(100, 0, 0), plain(0, 100, 200)
    mix = {"blend__mode": 0.0, "blend__amount": 1.0}
    image = seen(screen, [a, b], "blend", blend__layer=1.25, **mix)
    assert abs(image[0, 0].astype(int) - (75, 25, 50)).max() <= 2
    half = seen(screen, [a, b], "blend", blend__layer=1.25, blend__mode=0.0, blend__amount=0.5)
    assert abs(half[0, 0] - np.mean([UNDER, (75, 25, 50)], axis=0)).max() <= 2
    halves = [seen(screen, [a], "blend", blend__mode=m, blend__amount=1.0) for m in (2.0, 2.5, 3.0)]
    assert abs(halves[1] - (halves[0].astype(float) + halves[2]) / 2).max() <= 2


def test_a_layer_that_is_not_there_is_the_generators_picture(screen: OffscreenScreen) -> None:
    values = {"blend__mode": 4.0, "blend__amount": 1.0}  # the difference to itself is black
    for layers, number in (([], 1.0), ([plain(*OVER)], 0.0), ([plain(*OVER)], 2.0), ([None], 1.0)):
        assert seen(screen, layers, "blend", blend__layer=number, **values).max() <= 1
    # It is the picture as it was laid, whatever passes made of it since.
    image = seen(screen, [], "palette", "mirror", "blend", blend__mode=0.0, blend__amount=1.0)
    assert abs(image.astype(int) - UNDER).max() <= 1


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({}, lambda x, y: (x / W, y / W)),
        ({"zoom": 2.0}, lambda x, y: (x / W / 2, y / W / 2)),
        ({"turn": 90.0}, lambda x, y: (-y / W, x / W)),
        ({"fit": 0.0}, lambda x, y: (x / H, y / H)),
        ({"x": 0.25, "y": 0.25}, lambda x, y: (x / W - 0.25, (y + 0.25 * H) / W)),
    ],
)
def test_a_layer_lies_where_it_should(
    screen: OffscreenScreen,
    values: dict[str, float],
    place: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> None:
    named = {f"layer1__{name}": value for name, value in values.items()}
    image = seen(screen, [ramp()], "blend", blend__mode=0.0, blend__amount=1.0, **named)
    y, x = np.mgrid[0:H, 0:W]
    # Pixels from the middle, right and down; turns are counterclockwise on the screen.
    u, v = place(x + 0.5 - W / 2, y + 0.5 - H / 2)
    inside = (np.abs(u) < 0.49) & (np.abs(v) < 0.49)
    want = 255 * np.stack([u + 0.5, v + 0.5], -1)
    assert inside.sum() > 1000
    assert np.abs(image[..., :2] - want)[inside].max() < 5
    outside = (np.abs(u) > 0.51) | (np.abs(v) > 0.51)
    assert np.abs(image[outside].astype(int) - UNDER).max(initial=0) <= 2


def test_what_is_clear_in_a_layer_lets_the_picture_through(screen: OffscreenScreen) -> None:
    pixels = np.zeros((16, 16, 4), np.uint8)
    pixels[:, 8:] = (*OVER, 255)
    image = seen(screen, [Frame(0.0, pixels)], "blend", blend__mode=0.0, blend__amount=1.0)
    assert abs(image[:, : W // 2 - 8].astype(int) - UNDER).max() <= 1
    assert abs(image[:, W // 2 + 8 :].astype(int) - OVER).max() <= 1
    around = seen(screen, [Frame(0.0, pixels)], "blend", blend__amount=1.0, layer1__fit=0.0)
    assert abs(around[:, 0].astype(int) - UNDER).max() <= 1  # beside the layer


def test_a_mask_opens_from_nothing_to_all(screen: OffscreenScreen) -> None:
    values = {"mask__outside": 0.0}
    shares = [
        (seen(screen, [ramp()], "mask", mask__threshold=t, **values).max(-1) > 90).mean()
        for t in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 1.0 and shares[-1] == 0.0 and 0.1 < shares[2] < 0.9
    dark = seen(screen, [ramp()], "mask", mask__threshold=0.5, mask__invert=1.0, **values)
    bright = seen(screen, [ramp()], "mask", mask__threshold=0.5, **values)
    assert dark[0, 0].max() > 90 > bright[0, 0].max()  # the ramp begins black


def test_a_key_cuts_its_colour_and_darkness_out(screen: OffscreenScreen) -> None:
    for colour, values in (((0, 220, 40), {}), ((4, 4, 4), {"key__dark": 1.0})):
        pixels = np.zeros((16, 16, 3), np.uint8)
        pixels[:, :8], pixels[:, 8:] = colour, (230, 150, 140)
        image = seen(screen, [Frame(0.0, pixels)], "key", key__shadow=0.0, **values)
        assert abs(image[:, : W // 2 - 10].astype(int) - UNDER).max() <= 3
        assert abs(image[:, W // 2 + 10 :].astype(int) - (230, 150, 140)).max() <= 6


def test_a_flat_layer_bends_nothing_and_a_slope_does(screen: OffscreenScreen) -> None:
    face = portrait()

    def shown(layer: Frame, *passes: str) -> ByteArray:
        screen.show(Picture(face, face, 1.0, (Picture(layer, layer),)), light(*passes), tick())
        return screen.image()

    plain_, flat = shown(ramp()), shown(plain(128, 128, 128), "displace_by")
    assert np.abs(plain_.astype(int) - flat).max() <= 1
    assert np.abs(plain_.astype(int) - shown(portrait(2), "displace_by")).mean() > 1


def test_a_layers_picture_is_sent_to_the_gpu_once(screen: OffscreenScreen) -> None:
    frame, values = plain(*OVER), {"blend__mode": 0.0, "blend__amount": 1.0}
    seen(screen, [frame], "blend", **values)
    frame.image[:] = 0
    assert abs(seen(screen, [frame], "blend", **values).astype(int) - OVER).max() <= 1
    assert seen(screen, [replace(frame)], "blend", **values).max() <= 1


# ---- scenes


@pytest.fixture(scope="module")
def library() -> Library:
    return make_library(device="cpu", live=False)


def flag(folder: Path, name: str, *colour: int) -> None:
    Image.new("RGB", (32, 18), colour).save(folder / name)


def test_a_preset_of_a_layer_alone_plays_and_fades(library: Library, tmp_path: Path) -> None:
    scenes = []
    for name, colour in (("a", OVER), ("b", UNDER)):
        flag(tmp_path, f"{name}.png", *colour)
        path = tmp_path / f"{name}.toml"
        path.write_text(f'model = "none"\n[layers.it]\nsource = "image:{name}.png"\n')
        scenes.append(library.scene(path))
    stage, painter = Stage(scenes[0]), Direct(scenes[0].generator)
    assert not stage.enter(scenes[1], position=0.0)  # no model is no other model
    colours = []
    for index in range(10):
        now, beat = Tick(index, index / 10, 0.1, index / 10), Beat(float(index))
        stage.control(FEATURES, beat, {}, now)
        latent = stage.move(FEATURES, beat, now)
        assert latent is not None
        stage.play(beat, now)
        picture = stage.picture(painter.paint(latent, now))
        under, over = (frame.image[0, 0].astype(float) for frame in (picture.before, picture.after))
        colours.append(under + picture.blend * (over - under))
    assert np.allclose(colours[0], OVER) and np.allclose(colours[-1], UNDER)
    assert all(a[0] <= b[0] for a, b in itertools.pairwise(colours))


def test_without_a_model_and_without_a_layer_there_is_a_sentence(
    library: Library, tmp_path: Path
) -> None:
    path = tmp_path / "x.toml"
    path.write_text('model = "none"\n')
    with pytest.raises(PresetError, match="without a model there must be a layer to show"):
        library.scene(path)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ('format = 3\nname = "x"', r"format 3 is of a later vjgan; this one reads 1 to 2"),
        ('format = "new"', "format 'new' is not allowed"),
        ('[layers.a]\nsource = "image:no.png"', r"layers.a.source: there is no file '.*no.png'"),
        ('[layers.a]\nsource = "film:a"', "camera:NAME or ndi:NAME, not 'film:a"),
        ('[layers.a]\nsource = "camera:"', "must be image:PATH"),
        ('[layers.a]\nsource = "camera:x"\nbeats = 4', "layers.a.beats is for videos"),
        ('[layers.a]\nspeed = 4\nsource = "camera:x"', "layers.a.speed is unknown; there are: so"),
        ("".join(f'[layers.{n}]\nsource = "camera:{n}"\n' for n in "abcd"), "layers has 4 entries"),
    ],
)
def test_a_wrong_layer_is_told_in_a_sentence(tmp_path: Path, words: str, told: str) -> None:
    path = tmp_path / "x.toml"
    path.write_text(words)
    with pytest.raises(PresetError, match=told) as error:
        load_preset(path, {})
    assert "\n" not in str(error.value)


def test_a_film_with_a_video_is_the_same_twice_bit_for_bit(
    screen: OffscreenScreen, library: Library, tmp_path: Path
) -> None:
    with FilmWriter(tmp_path / "ramp.mp4", (64, 36), Fraction(25)) as film:
        for index in range(20):
            film.write(np.roll(ramp(64, 36).image, 3 * index, axis=1))
    path = tmp_path / "x.toml"
    path.write_text(
        'model = "none"\npasses = ["blend"]\n[layers.a]\nsource = "video:ramp.mp4"\n'
        '[layers.b]\nsource = "video:ramp.mp4"\nbeats = 2\n[controls]\nblend.layer = 2\n'
    )
    one, two = ([*played(screen, library.scene(path))] for _ in range(2))
    assert len(one) == 12 and all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one[0], one[-1])


def played(screen: OffscreenScreen, scene: Scene) -> list[ByteArray]:
    """A second of a film, without a sound."""

    class Film:
        def __init__(self) -> None:
            self.images: list[ByteArray] = []

        def write(self, image: ByteArray) -> None:
            self.images.append(image)

    film = Film()
    painter, rate = Direct(scene.generator), Fraction(12)
    render(scene, Silence(), BeatClock(), painter, screen, film, rate, Fraction(0), 12)
    return film.images


class Silence:
    """An ear that hears nothing."""

    def read(self, tick: Tick) -> Features:
        return replace(FEATURES, time=tick.time)

    def close(self) -> None: ...


def test_layers_compile_nothing_in_the_show(
    venue: Venue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = ("between", "blend", "colour", "present")
    cache, shaders = watched(tmp_path, monkeypatch, few)
    with closing(OffscreenScreen((640, 360), live=True, shader_dir=shaders)) as live:
        if not live.software:
            pytest.skip("a GPU's driver keeps its programs elsewhere")
        before = compiled(cache)
        assert before > 4
        sizes = ((64, 64, 4), (36, 64, 4), (64, 36, 4), (216, 384, 4), (512, 512, 4))
        frames = [Frame(0.0, np.zeros(size, np.uint8)) for size in sizes]
        number = itertools.count(1)
        for under, over in itertools.product(frames, repeat=2):
            for values in ({"blend__layer": 1.5}, {"layer1__zoom": 0.2}, {"blend__layer": 0.0}):
                rows = (Picture(under, over, 0.5), Picture(over, over))
                at = next(number) / 30
                controls = light(("blend", 0.5), time=at, **values)
                live.show(Picture(FACE, FACE, 1.0, rows), controls, tick(at, 1 / 30))
        assert compiled(cache) == before
