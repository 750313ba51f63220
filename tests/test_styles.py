"""Style networks: what is let in at the door, what they paint, and how still it stands."""

import struct
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tools.onnx_writer import Graph, field
from vjgan.controls import CONTROLS
from vjgan.errors import PresetError, RetouchError
from vjgan.generator.openvino import installed
from vjgan.generator.steady import hold
from vjgan.motion import MotionSettings, make_motion
from vjgan.retouch.onnx import read_style
from vjgan.retouch.style import Painting, Styles, painted_size
from vjgan.sources.blank import NoSpace
from vjgan.styles import find_style, open_styles
from vjgan.types import Beat, ByteArray, Controls, FloatArray, LatentSpace, Tick

runs = pytest.mark.skipif(not installed(), reason="needs OpenVINO")
Build = Callable[[Graph, str], str]


def negative(most: float = 1.0) -> Build:
    return lambda graph, x: graph.node("Sub", [graph.numbers(np.array(most)), x])


def network(
    build: Build,
    shape: Sequence[str | int] = ("1", "3", "h", "w"),
    out: Sequence[str | int] | None = None,
    kind: str = "float32",
) -> bytes:
    graph = Graph("one")
    graph.output(build(graph, graph.input("x", shape, kind)), out or shape, kind)
    return graph.bytes()


def mixing(styles: int = 2) -> bytes:
    """The first share is of the picture's negative, the others are of the picture."""
    graph = Graph("two")
    x, shares = graph.input("x", ["1", "3", "h", "w"]), graph.input("shares", [styles])
    first = graph.node("Gather", [shares, graph.integers([0])])
    apart = graph.node("Sub", [negative()(graph, x), x])
    graph.output(
        graph.node("Add", [x, graph.node("Mul", [apart, first])]),
        ["1", "3", "h", "w"],
    )
    return graph.bytes()


def written(folder: Path, data: bytes, name: str = "one.onnx") -> str:
    (folder / name).write_bytes(data)
    return str(folder / name)


def picture(height: int = 32, width: int = 40) -> ByteArray:
    """Nothing that resizing would change, but for its edge."""
    image = np.full((height, width, 3), 40, np.uint8)
    image[:, width // 2 :] = (200, 120, 60)
    return image


def values(amount: float = 1.0, steady: float = 0.0, *shares: float) -> dict[str, float]:
    given = {f"style.{k}": share for k, share in enumerate(shares or (1.0,), start=1)}
    return {"style.amount": amount, "style.steady": steady, **given}


def paint(places: Sequence[str], image: ByteArray, **changed: float) -> ByteArray:
    layer = open_styles(places, "")
    assert layer is not None
    given = dict.fromkeys(layer.controls, 0.0) | values()
    return layer.apply(image, {**given, **changed}, 0.0)


def away_from_edge(image: ByteArray) -> ByteArray:
    return np.delete(image, slice(image.shape[1] // 2 - 2, image.shape[1] // 2 + 2), axis=1)


@runs
@pytest.mark.parametrize("most", [255.0, 1.0])
def test_network_paints_in_its_own_range(tmp_path: Path, most: float) -> None:
    painted = paint([written(tmp_path, network(negative(most)))], picture())
    np.testing.assert_array_equal(away_from_edge(painted), 255 - away_from_edge(picture()))


@runs
def test_network_of_signed_range_that_squashes(tmp_path: Path) -> None:
    def build(graph: Graph, x: str) -> str:
        return graph.node("Tanh", [graph.node("Neg", [x])])

    painted = paint([written(tmp_path, network(build))], picture())
    expected = 127.5 + 127.5 * np.tanh(1.0 - picture() / 127.5)
    np.testing.assert_allclose(away_from_edge(painted), away_from_edge(expected), atol=1.0)


@runs
@pytest.mark.parametrize("shape", [(1, 3, 24, 24), (1, 24, 24, 3), ("n", "h", "w", 3)])
def test_sizes_fixed_or_any_colours_first_or_last(
    tmp_path: Path, shape: tuple[str | int, ...]
) -> None:
    painted = paint([written(tmp_path, network(negative(), shape))], picture())
    assert painted.shape == (32, 40, 3)
    outer = np.r_[0:16, 24:40]
    np.testing.assert_array_equal(painted[:, outer], 255 - picture()[:, outer])


@runs
def test_pictures_of_bytes_and_half_precision(tmp_path: Path) -> None:
    def as_bytes(graph: Graph, x: str) -> str:
        return graph.node("Sub", [graph.constant(np.array(255, np.uint8)), x])

    def as_half(graph: Graph, x: str) -> str:
        return graph.node("Sub", [graph.constant(np.array(1, np.float16)), x])

    for kind, build in (("uint8", as_bytes), ("float16", as_half)):
        data = network(build, kind=kind)
        painted = paint([written(tmp_path, data, f"{kind}.onnx")], picture())
        expected = 255 - away_from_edge(picture()).astype(int)
        np.testing.assert_allclose(away_from_edge(painted), expected, atol=1)


@runs
def test_shares_of_a_network_of_several_styles(tmp_path: Path) -> None:
    place = written(tmp_path, mixing(3))
    image = picture()
    np.testing.assert_array_equal(paint([place], image)[:, :16], 255 - image[:, :16])
    half = paint([place], image, **{"style.2": 1.0})  # as much of the one as of the other
    np.testing.assert_allclose(away_from_edge(half), 127.5, atol=0.5)
    second = {"style.1": 0.0, "style.2": 1.0}
    np.testing.assert_array_equal(paint([place], image, **second)[:, :16], image[:, :16])
    other_way = paint([place + "#2,0"], image, **second)
    np.testing.assert_array_equal(other_way[:, :16], 255 - image[:, :16])


@runs
def test_networks_mix_as_their_shares_say_and_over_the_picture(tmp_path: Path) -> None:
    places = [
        written(tmp_path, mixing(2)),
        written(tmp_path, network(negative()), "other.onnx"),
    ]
    image = picture()[:, :16]
    painted = paint(places, image, **{"style.1": 0.0, "style.2": 0.25, "style.3": 0.75})
    np.testing.assert_allclose(painted, 0.25 * image + 0.75 * (255.0 - image), atol=1.5)
    np.testing.assert_array_equal(paint(places, image, **{"style.1": 0.0}), image)
    faint = paint([places[1]], image, **{"style.amount": 0.25})
    np.testing.assert_allclose(faint, 0.75 * image + 0.25 * (255.0 - image), atol=1.5)


def no_shape(graph: Graph, x: str) -> str:
    return graph.node("ReduceMean", [x], axes=[2, 3])


def with_external() -> bytes:
    graph = Graph("one")
    there = field(1, "location") + field(2, "../../etc/passwd")
    tensor = field(1, 4) + field(2, 1) + field(8, "c9") + field(13, there) + field(14, 1)
    graph.constants.append(tensor)
    graph.output(negative()(graph, graph.input("x", ["1", "3", "h", "w"])), ["1", "3", "h", "w"])
    return graph.bytes()


def forged_size() -> bytes:
    graph = Graph("one")
    graph.constants.append(
        field(1, 2**40) + field(2, 1) + field(8, "c9") + field(9, struct.pack("<f", 1.0))
    )
    graph.output(negative()(graph, graph.input("x", ["1", "3", "h", "w"])), ["1", "3", "h", "w"])
    return graph.bytes()


def two_pictures() -> bytes:
    graph = Graph("one")
    a, b = (graph.input(name, ["1", "3", "h", "w"]) for name in "ab")
    graph.output(graph.node("Add", [a, b]), ["1", "3", "h", "w"])
    return graph.bytes()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"not a network at all", "is not an ONNX file, or a broken one"),
        (b"", "is not an ONNX file, or a broken one"),
        (network(negative())[:-30], "is not an ONNX file, or a broken one"),
        (
            network(lambda graph, x: graph.node("Shell", [x], domain="com.evil")),
            "operation 'com.evil.Shell' is not allowed; only those of the ONNX standard are",
        ),
        (
            network(lambda graph, x: graph.node("Loop", [x])),
            "operation 'Loop' is not allowed; only those of the ONNX standard are",
        ),
        (with_external(), "its numbers are in another file; all of it must be in one"),
        (forged_size(), "a constant in it is not as large as it says"),
        (two_pictures(), "2 inputs and 1 outputs; allowed are one picture"),
        (
            network(negative(), ["1", "1", "h", "w"]),
            "input 'x' is [1, 1, ?, ?]; it must be [1, 3, h, w] or [1, h, w, 3]",
        ),
        (network(negative(), [4, 3, 8, 8]), "4 pictures at a time; only one is allowed"),
        (network(negative(), [1, 3, 9000, 8]), "pictures of 8x9000; sides must be any, or 1..4096"),
        (network(negative(), kind="int64"), "pictures of kind 7; allowed are float32, uint8"),
        (
            network(no_shape, out=["1", "10"]),
            "output 'v0' is [1, 10]; it must be [1, 3, h, w] or [1, h, w, 3]",
        ),
    ],
)
def test_door_tells_what_is_wrong_in_a_sentence(tmp_path: Path, data: bytes, told: str) -> None:
    with pytest.raises(RetouchError) as caught:
        read_style(Path(written(tmp_path, data)))
    assert str(caught.value).startswith("style 'one.onnx'")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@runs
@pytest.mark.parametrize(
    ("build", "told"),
    [
        (
            lambda graph, x: graph.node("Mul", [x, graph.numbers(np.array(1e6))]),
            "it must make pictures of the same range",
        ),
        (no_shape, "it must make pictures of the same range"),
        (
            lambda graph, x: graph.node("Log", [graph.node("Neg", [graph.node("Exp", [x])])]),
            "what comes out are not all finite numbers",
        ),
        (lambda graph, x: graph.node("NoSuchOperation", [x]), "cannot be run: "),
        (
            lambda graph, x: graph.node(
                "Resize", [x, "", graph.numbers(np.array([1.0, 1.0, 300.0, 300.0]))]
            ),
            "cannot be run: a feature map of [1, 3, 38400, 38400]",
        ),
    ],
)
def test_network_that_makes_no_pictures_is_told(tmp_path: Path, build: Build, told: str) -> None:
    place = written(tmp_path, network(build))
    with pytest.raises(RetouchError) as caught:
        open_styles([place], "")
    assert str(caught.value).startswith("style 'one.onnx'")
    assert told in str(caught.value)


@runs
def test_style_that_is_none_of_the_networks_is_told(tmp_path: Path) -> None:
    place = written(tmp_path, mixing(3))
    for wanted in ("3", "x", "0,-1"):
        with pytest.raises(RetouchError, match=r"is not one of its styles, 0\.\.2"):
            open_styles([f"{place}#{wanted}"], "")


def test_unknown_name_is_told_with_those_that_there_are() -> None:
    with pytest.raises(RetouchError, match=r"style 'vangogh' is unknown; there are: surfaces, "):
        find_style("vangogh")


def test_without_the_engine_styles_are_told_and_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr("vjgan.generator.openvino.installed", lambda: False)
    assert open_styles([written(tmp_path, network(negative()))], "") is None
    assert "styles need OpenVINO" in caplog.text


@runs
def test_our_own_network_paints_each_of_its_styles_differently() -> None:
    rng = np.random.default_rng(3)
    image = np.kron(rng.integers(0, 255, (8, 8, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    layer = open_styles([""], "")
    assert layer is not None
    made = [
        layer.apply(image, values(1.0, 0.0, *np.eye(4)[k]), 0.0).astype(float) for k in range(4)
    ]
    for k, one in enumerate(made):
        assert one.shape == image.shape
        assert one.std() > 10.0  # no flat colour
        for other in made[:k]:
            assert np.abs(one - other).mean() > 15.0


def test_painted_size_keeps_the_shape_and_is_in_fours() -> None:
    assert painted_size(512, 512) == (256, 256)
    assert painted_size(360, 640) == (256, 456)
    assert painted_size(64, 64) == (256, 256)


class Flicker:
    """A painter that adds noise, another each time: the worst shimmer there is."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)

    def __call__(self, image: ByteArray, shares: FloatArray) -> ByteArray:
        noise = self.rng.integers(-40, 41, image.shape)
        return (image.astype(int) + noise).clip(0, 255).astype(np.uint8)


def shifting(frames: int) -> list[ByteArray]:
    """Hills that wander to the right, a pixel a frame."""
    y, x = np.mgrid[0:128, 0:128]
    return [
        np.repeat(
            (127 + 60 * np.sin((x - k) / 9.0) + 40 * np.sin(y / 7.0))[..., None], 3, 2
        ).astype(np.uint8)
        for k in range(frames)
    ]


def shimmer(steady: float) -> float:
    """How much what is painted changes beyond what its picture does, along the motion that is
    known, inside the margin that comes in."""
    painter = Flicker()
    layer = Styles([Painting(lambda size, side: painter)], hold)
    frames = [
        layer.apply(image, values(1.0, steady), k / 30).astype(float)
        for k, image in enumerate(shifting(12))
    ]
    apart = [now[8:-8, 10:-8] - then[8:-8, 9:-9]
             for then, now in pairwise(frames[4:])]  # fmt: skip
    return float(np.mean(np.abs(apart)))


def test_steady_paintings_follow_what_moves_and_shimmer_less() -> None:
    assert shimmer(0.8) < 0.5 * shimmer(0.0)


def test_nothing_stays_of_what_is_seen_no_longer() -> None:
    dark, light = np.full((64, 64, 3), 20, np.uint8), np.full((64, 64, 3), 220, np.uint8)
    painted = np.full((64, 64, 3), 99, np.uint8)
    np.testing.assert_array_equal(hold(dark, light, painted, light, 0.9), light)
    np.testing.assert_allclose(hold(dark, dark, painted, dark, 0.5), (99 + 20) / 2, atol=1)


def test_painting_begins_anew_after_a_pause_or_a_leap() -> None:
    layer = Styles([Painting(lambda size, side: Flicker())], lambda *_: np.zeros((8, 8, 3), "u1"))
    image = np.full((8, 8, 3), 100, np.uint8)
    seen = {time: int(layer.apply(image, values(1.0, 0.9), time).max())
            for time in (1.0, 1.1, 9.0, 9.1, 2.0)}  # fmt: skip
    assert [value == 0 for value in seen.values()] == [False, True, False, True, False]


class Scaled(NoSpace):
    """A latent space in which all is so much larger."""

    w_dim, num_ws = 2, 6

    def __init__(self, scale: float) -> None:
        self.scale = scale

    def map(self, z: FloatArray, label: int | None = None) -> FloatArray:
        return np.tanh(z) + np.float32(self.scale)


def mixed_w(other: LatentSpace | None, kind: str) -> FloatArray:
    settings = MotionSettings(kind, keyframes=((1, 4.0), (2, 4.0)))
    motion = make_motion(settings, Scaled(0.0), other)
    given = {name: row.default for name, row in CONTROLS.items()}
    given |= {"mix": 1.0, "mix_layer": 2.0, "mix_to": 4.0, "psi": 1.0}
    tick = Tick(0, 1.0, 0.1, 1.0)
    return motion.step(Controls(1.0, given, {}), Beat(), [], tick).w


@pytest.mark.parametrize("kind", ["wander", "loop", "keyframes"])
def test_second_walk_goes_through_another_model_where_it_is_mixed_in(kind: str) -> None:
    alone, mixed_in = mixed_w(None, kind), mixed_w(Scaled(50.0), kind)
    others = np.abs(mixed_in) > 40.0
    np.testing.assert_array_equal(others.all(1), [False, False, True, True, False, False])
    np.testing.assert_array_equal(alone[[0, 1, 4, 5]], mixed_in[[0, 1, 4, 5]])


def test_another_model_of_another_shape_is_told() -> None:
    other = Scaled(1.0)
    other.num_ws = 12
    with pytest.raises(PresetError, match="of another shape: num_ws 12, it must be 6"):
        mixed_w(other, "wander")
