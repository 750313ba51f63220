"""ISF files drawn in the chain."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import Venue
from pictures import light, ramp, still, tick
from PIL import Image

from vjgan.assets import folder
from vjgan.screen.isf.header import pass_name, read_isf
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.types import ByteArray, Frame, PassWeight

SIZE = (160, 90)
FRAME = ramp(*SIZE)
INPUT = {"NAME": "inputImage", "TYPE": "image"}
Show = Callable[..., ByteArray]


@pytest.fixture(scope="module")
def screen(venue: Venue) -> Iterator[OffscreenScreen]:
    screen = OffscreenScreen(SIZE, flash_limit=False)
    yield screen
    screen.close()


class Player:
    """Shows one file, a frame after the other, 10 a second."""

    def __init__(self, screen: OffscreenScreen, folder: Path) -> None:
        self.screen, self.folder = screen, folder
        self.path = folder / "file.fs"
        self.time = 5.0

    def write(self, main: str, header: dict[str, object] | None = None, vertex: str = "") -> None:
        self.path.write_text(f"/*{json.dumps(header or {})}*/\n{main}")
        if vertex:
            self.path.with_suffix(".vs").write_text(vertex)

    def show(
        self,
        weight: float = 1.0,
        calm: bool = False,
        layer: Frame | None = None,
        signals: dict[str, float] | None = None,
        **values: float,
    ) -> ByteArray:
        """What the screen shows; a value ``size`` is that of the file's input."""
        self.time += 0.1
        name = pass_name(self.path)
        named = {f"{name}__{key}": value for key, value in values.items()}
        controls = light(time=self.time, signals=signals, **named)
        rows = (PassWeight(name, weight, self.path),)
        picture = still(FRAME)
        if layer is not None:
            picture = replace(picture, layers=(still(layer),))
        self.screen.show(
            picture, replace(controls, passes=rows, calm=calm), tick(self.time, dt=0.1)
        )
        return self.screen.image()

    def rest(self) -> ByteArray:
        """What the screen shows without the file."""
        self.time += 0.1
        self.screen.show(still(FRAME), light(time=self.time), tick(self.time, dt=0.1))
        return self.screen.image()


@pytest.fixture
def player(screen: OffscreenScreen, tmp_path: Path) -> Player:
    return Player(screen, tmp_path)


def near(image: ByteArray, *colour: float, within: int = 2) -> bool:
    """Whether all of an image is a colour, 0..1."""
    return bool(np.abs(image.astype(int) - np.round(255 * np.array(colour))).max() <= within)


def same(one: ByteArray, other: ByteArray, within: int = 2) -> bool:
    return bool(np.abs(one.astype(int) - other.astype(int)).max() <= within)


def test_a_generator_replaces_the_picture_and_weight_mixes_it(player: Player) -> None:
    player.write("void main() { gl_FragColor = vec4(1.0, 0.5, 0.0, 1.0); }")
    assert near(player.show(), 1.0, 0.5, 0.0)
    half = 0.5 * player.rest() + 0.5 * np.array([255.0, 127.5, 0.0])
    assert np.abs(player.show(weight=0.5) - half).max() <= 2.0


def test_what_a_generator_leaves_transparent_shows_the_picture(player: Player) -> None:
    player.write("void main() { gl_FragColor = vec4(1.0, 1.0, 1.0, 0.0); }")
    assert same(player.show(), player.rest())
    player.write("void main() { gl_FragColor = vec4(1.0, 1.0, 1.0, 0.0); }", {"INPUTS": [INPUT]})
    player.screen.canvas.chain._files_drawn.poll()
    assert near(player.show(), 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    "look",
    [
        "IMG_THIS_PIXEL(inputImage)",
        "IMG_THIS_NORM_PIXEL(inputImage)",
        "IMG_NORM_PIXEL(inputImage, isf_FragNormCoord)",
        "IMG_NORM_PIXEL(inputImage, vv_FragNormCoord.xy)",
        "IMG_PIXEL(inputImage, gl_FragCoord.xy)",
        "IMG_PIXEL(inputImage, isf_FragNormCoord * IMG_SIZE(inputImage))",
        "texture2D(inputImage, gl_FragCoord.xy / RENDERSIZE)",
        "texture2DRect(inputImage, gl_FragCoord.xy)",
        "IMG_PIXEL(inputImage, isf_FragNormCoord * _inputImage_imgRect.zw * _inputImage_imgSize)",
    ],
)
def test_every_way_to_look_at_a_picture_is_the_same(player: Player, look: str) -> None:
    player.write(f"void main() {{ gl_FragColor = {look}; }}", {"INPUTS": [INPUT]})
    assert same(player.show(), player.rest())


def test_inputs_reach_the_file(player: Player) -> None:
    header = {
        "INPUTS": [
            {"NAME": "size", "TYPE": "float", "MIN": 0, "MAX": 4, "DEFAULT": 1},
            {"NAME": "on", "TYPE": "bool", "DEFAULT": False},
            {"NAME": "mode", "TYPE": "long", "VALUES": [1, 5], "DEFAULT": 1},
            {"NAME": "place", "TYPE": "point2D", "MIN": [0, 0], "MAX": [1, 1], "DEFAULT": [0, 1]},
            {"NAME": "pixel", "TYPE": "point2D"},
            {"NAME": "tint", "TYPE": "color", "DEFAULT": [0.2, 0.4, 0.6, 0.8]},
        ]
    }
    main = """void main() {
        float a = gl_FragCoord.y < 45.0 ? size / 4.0 : (on ? 1.0 : 0.0);
        float b = gl_FragCoord.x < 80.0 ? float(mode) / 5.0 : place.y;
        gl_FragColor = vec4(a, b, gl_FragCoord.x < 80.0 ? tint.b : pixel.x / 160.0, 1.0);
    }"""
    player.write(main, header)
    first = player.show()
    assert near(first[50:, :75], 0.25, 0.2, 0.6)
    assert near(first[:40, 85:], 0.0, 1.0, 0.5)
    values = {"size": 3.0, "on": 1.0, "mode": 4.0, "place.y": 0.1, "pixel.x": 0.9, "tint.b": 0.3}
    then = player.show(**values)
    assert near(then[50:, :75], 0.75, 1.0, 0.3)
    assert near(then[:40, 85:], 1.0, 0.1, 0.9)


def test_an_event_lasts_one_frame(player: Player) -> None:
    player.write(
        "void main() { gl_FragColor = vec4(vec3(hit ? 1.0 : 0.0), 1.0); }",
        {"INPUTS": [{"NAME": "hit", "TYPE": "event"}]},
    )
    shown = [player.show(hit=value).mean() > 100 for value in (0, 1, 1, 0, 1)]
    assert shown == [False, True, False, False, True]


def test_time_begins_when_the_file_does(player: Player) -> None:
    player.write(
        "void main() { gl_FragColor = vec4(TIME, float(FRAMEINDEX) / 10.0, TIMEDELTA, 1.0); }"
    )
    assert near(player.show(), 0.0, 0.0, 0.0)
    assert near(player.show(), 0.1, 0.1, 0.1)
    assert near(player.show(), 0.2, 0.2, 0.1)
    player.rest()
    assert near(player.show(), 0.0, 0.0, 0.0)


def test_the_date_is_of_today(player: Player) -> None:
    player.write(
        "void main() { gl_FragColor = vec4(DATE.x > 2024.0, DATE.y >= 1.0 && DATE.y <= 12.0,"
        " DATE.w > 0.0 && DATE.w < 86400.0, DATE.z >= 1.0); }"
    )
    assert near(player.show(), 1.0, 1.0, 1.0)


def test_a_persistent_buffer_stays_and_begins_empty(player: Player) -> None:
    main = """void main() {
        if (PASSINDEX == 0) gl_FragColor = IMG_THIS_PIXEL(sum) + vec4(0.001, 0.1, 0.0, 1.0);
        else gl_FragColor = vec4(IMG_PIXEL(sum, vec2(0.5)).rg * vec2(100.0, 1.0), 0.0, 1.0);
    }"""
    sum_ = {"TARGET": "sum", "PERSISTENT": True, "FLOAT": True, "WIDTH": "1", "HEIGHT": 1}
    player.write(main, {"PASSES": [sum_, {}]})
    for k in range(1, 4):
        assert near(player.show(), 0.1 * k, 0.1 * k, 0.0)
    player.rest()
    assert near(player.show(), 0.1, 0.1, 0.0)


def test_passes_draw_to_buffers_of_their_sizes(player: Player) -> None:
    main = """void main() {
        if (PASSINDEX == 0) gl_FragColor = vec4(RENDERSIZE / 200.0, 0.0, 1.0);
        else if (PASSINDEX == 1) gl_FragColor = IMG_THIS_PIXEL(a) * vec4(1.0, 1.0, 0.0, 1.0)
            + vec4(0.0, 0.0, IMG_SIZE(a).y / 200.0, 0.0);
        else gl_FragColor = IMG_THIS_PIXEL(b);
    }"""
    passes = [
        {"TARGET": "a", "WIDTH": "floor($WIDTH / 2) + $more", "HEIGHT": "max($HEIGHT / 9, 12)"},
        {"TARGET": "b"},
        {},
    ]
    more = {"NAME": "more", "TYPE": "float", "MIN": 0, "MAX": 100, "DEFAULT": 10}
    player.write(main, {"PASSES": passes, "INPUTS": [more]})
    assert near(player.show(), 0.45, 0.06, 0.06)
    assert near(player.show(more=30.0), 0.55, 0.06, 0.06)


def test_a_buffer_is_read_as_it_was_before_the_pass(player: Player) -> None:
    """Two passes to one target, each reading it."""
    main = """void main() {
        if (PASSINDEX < 2) gl_FragColor = IMG_THIS_PIXEL(a) * 0.5 + 0.25;
        else gl_FragColor = vec4(IMG_THIS_PIXEL(a).rgb, 1.0);
    }"""
    player.write(main, {"PASSES": [{"TARGET": "a"}, {"TARGET": "a"}, {}]})
    assert near(player.show(), 0.375, 0.375, 0.375)


def test_a_vertex_shader_of_its_own(player: Player) -> None:
    player.write(
        "varying vec2 moved;\nvoid main() { gl_FragColor = vec4(moved, shift, 1.0); }",
        {"INPUTS": [{"NAME": "shift", "TYPE": "float", "DEFAULT": 0.25}]},
        "varying vec2 moved;\nvoid main() { isf_vertShaderInit();\n"
        "gl_Position.x += 1.0; moved = vec2(shift + 0.5, RENDERSIZE.x / 320.0); }",
    )
    image = player.show()
    assert near(image[:, 81:], 0.75, 0.5, 0.25)
    assert same(image[:, :79], player.rest()[:, :79])


def test_a_transition_comes_as_far_as_its_weight(player: Player) -> None:
    images = [{"NAME": name, "TYPE": "image"} for name in ("startImage", "endImage")]
    progress = {"NAME": "progress", "TYPE": "float", "MIN": 0, "MAX": 1, "DEFAULT": 1}
    player.write(
        "void main() { gl_FragColor = isf_FragNormCoord.x < progress\n"
        " ? IMG_THIS_PIXEL(endImage) : IMG_THIS_PIXEL(startImage); }",
        {"INPUTS": [*images, progress]},
    )
    plain = player.rest()
    blue = Frame(0.0, np.full((90, 160, 4), (0, 0, 255, 255), np.uint8))
    image = player.show(weight=0.25, layer=blue)
    assert near(image[:, :39], 0.0, 0.0, 1.0)
    assert same(image[:, 41:], plain[:, 41:])
    assert near(player.show(progress=0.5, layer=blue)[:, :79], 0.0, 0.0, 1.0)
    assert same(player.show(layer=blue, layer__=0.0), player.show()) is False
    assert same(player.show(), plain)  # without a layer its end is the model's own picture


def test_sound_comes_as_pictures(player: Player) -> None:
    header = {
        "INPUTS": [
            {"NAME": "wave", "TYPE": "audio", "MAX": 64},
            {"NAME": "fft", "TYPE": "audioFFT", "MAX": 4},
        ]
    }
    main = """void main() {
        gl_FragColor = vec4(IMG_NORM_PIXEL(fft, vec2(0.99, 0.5)).r,
            IMG_NORM_PIXEL(wave, vec2(0.0, 0.5)).g, IMG_SIZE(wave).x / 128.0, 1.0);
    }"""
    player.write(main, header)
    assert near(player.show(signals={"band8": 0.8})[..., [0, 2]], 0.8, 0.5)
    loud = player.show(signals={f"band{k}": 0.6 for k in range(1, 9)})
    assert near(loud[..., [0]], 0.6)
    quiet = player.show(signals={f"band{k}": 0.0 for k in range(1, 9)})
    assert near(quiet, 0.0, 0.5, 0.5)


def test_pictures_are_imported_bottom_row_first(player: Player) -> None:
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0] = (255, 0, 0)
    Image.fromarray(pixels).save(player.folder / "a.png")
    player.write(
        "void main() { gl_FragColor = IMG_NORM_PIXEL(a, vec2(0.5, 1.0)); }",
        {"IMPORTED": {"a": {"PATH": "./a.png"}}},
    )
    assert near(player.show(), 1.0, 0.0, 0.0)


def test_no_value_of_a_file_reaches_the_next_pass_unbounded(player: Player) -> None:
    player.write("uniform float zero; void main() { gl_FragColor = vec4(zero / zero); }")
    assert player.show().shape == (90, 160, 3)
    player.path = player.folder / "other.fs"
    player.write("void main() { gl_FragColor = vec4(9.0, -9.0, 0.5, 7.0); }")
    assert near(player.show(), 1.0, 0.0, 0.5)


@pytest.mark.parametrize(
    ("main", "vertex", "reason"),
    [
        ("\nvoid main() { gl_FragColor = nothing; }", "", "file.fs' does not compile: line 3: "),
        (
            "void main() { gl_FragColor = vec4(1.0); }",
            "void main() {\n\nisf_vertShaderInit(); gl_Position = nothing; }",
            "file.vs' does not compile: line 3: ",
        ),
    ],
)
def test_a_broken_file_is_left_out_and_told_once(
    player: Player, caplog: pytest.LogCaptureFixture, main: str, vertex: str, reason: str
) -> None:
    player.write(main, vertex=vertex)
    plain = player.rest()
    assert same(player.show(), plain) and same(player.show(), plain)
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 1
    assert reason in messages[0] and messages[0].endswith("the pass is left out")


def test_a_picture_that_cannot_be_read_is_told(
    player: Player, caplog: pytest.LogCaptureFixture
) -> None:
    (player.folder / "a.png").write_bytes(b"no picture")
    player.write("void main() { }", {"IMPORTED": {"a": {"PATH": "a.png"}}})
    player.show()
    assert "the picture 'a.png' cannot be read" in caplog.text


def test_a_saved_file_is_taken_and_the_last_good_one_stays(
    venue: Venue, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    screen = OffscreenScreen(SIZE, live=True, flash_limit=False)
    player = Player(screen, tmp_path)
    player.write("void main() { gl_FragColor = vec4(1.0, 0.0, 0.0, 1.0); }")
    assert near(player.show(), 1.0, 0.0, 0.0)

    def saved(main: str) -> ByteArray:
        player.write(main)
        player.time += 1.0
        return player.show()

    assert near(saved("void main() { gl_FragColor = vec4(0.0, 1.0, 0.0, 1.0); }"), 0.0, 1.0, 0.0)
    assert near(saved("void main() { gl_FragColor = ; }"), 0.0, 1.0, 0.0)
    assert "the last good one stays" in caplog.text
    player.path.unlink()
    player.time += 1.0
    assert near(player.show(), 0.0, 1.0, 0.0)
    assert near(saved("void main() { gl_FragColor = vec4(0.0, 0.0, 1.0, 1.0); }"), 0.0, 0.0, 1.0)
    screen.close()


def test_calm_leaves_out_what_is_called_a_strobe(player: Player) -> None:
    player.path = player.folder / "My Strobe.fs"
    player.write("void main() { gl_FragColor = vec4(1.0); }")
    assert near(player.show(), 1.0, 1.0, 1.0)
    assert same(player.show(calm=True), player.rest())


def test_what_is_expected_is_compiled_and_its_cost_known(
    player: Player, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    player.write("void main() { gl_FragColor = vec4(1.0, 0.0, 1.0, 1.0); }")
    player.screen.expect([PassWeight("isf_file", source=player.path), PassWeight("bloom")])
    assert player.screen.canvas.chain.sparing.costs_ns["isf_file"] > 0
    player.path.write_text("it is compiled already")
    assert near(player.show(), 1.0, 0.0, 1.0)
    assert not caplog.records


@pytest.mark.parametrize("path", sorted((folder("shaders") / "isf").glob("*.fs")), ids=str)
def test_every_file_that_comes_along_draws(player: Player, path: Path) -> None:
    player.path = path
    plain, heard = player.rest(), {f"band{k}": 0.6 for k in range(1, 9)}
    images = [player.show(signals=heard) for _ in range(5)]
    assert images[-1].std() > 12.0
    assert np.abs(images[-1].astype(int) - plain).mean() > 2.0
    assert "/" not in read_isf(path).description and len(read_isf(path).controls) >= 5
