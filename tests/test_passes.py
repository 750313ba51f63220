from __future__ import annotations

import itertools
import logging
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import Venue
from pictures import FPS, SIZE, light, plain, portrait, ramp, still, tick

from vjgan.assets import folder
from vjgan.controls import CONTROLS
from vjgan.errors import ShaderError
from vjgan.mapping import SIGNALS
from vjgan.screen import glsl
from vjgan.screen.offscreen import OffscreenScreen
from vjgan.types import ByteArray, Controls, Frame, PassWeight, Picture

W, H = SIZE
SHADERS = folder("shaders")
PASSES = sorted({path.stem for path in SHADERS.glob("*.frag")} - set(glsl.FIXED))
PORTRAIT = portrait()


@pytest.fixture(scope="module")
def screen(venue: Venue) -> Iterator[OffscreenScreen]:
    screen = OffscreenScreen(SIZE, flash_limit=False)  # pictures follow at random here
    yield screen
    screen.close()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The shaders, to spoil."""
    return Path(shutil.copytree(SHADERS, tmp_path / "shaders"))


def drawn(screen: OffscreenScreen, frame: Frame, controls: Controls) -> ByteArray:
    """The picture of one moment, with nothing of the moments before."""
    screen.show(still(frame), light(), tick())
    screen.show(still(frame), controls, tick(controls.time))
    return screen.image()


def difference(a: ByteArray, b: ByteArray) -> float:
    return float(np.abs(a.astype(float) - b).mean())


def play(screen: OffscreenScreen, passes: list[str], fps: float, **values: float) -> ByteArray:
    """The last picture of a second in which the portrait turns, trails and all."""
    screen.show(still(PORTRAIT), light(), tick())
    for index in range(1, int(fps) + 1):
        time = 1.2 + index / fps
        controls = light(*passes, time=time, rotate=60.0 * time, **values)
        screen.show(still(PORTRAIT), controls, tick(time, 1.0 / fps))
    return screen.image()


@pytest.mark.parametrize("name", PASSES)
def test_every_pass_draws_and_changes_the_picture(screen: OffscreenScreen, name: str) -> None:
    values = {"feedback": 0.9}
    before, after = play(screen, [], 6, **values), play(screen, [name], 6, **values)
    assert after.max() > 100
    assert after.std() > 12
    assert difference(before, after) > 1.0


@pytest.mark.parametrize("name", PASSES)
def test_weight_mixes_a_pass_in(screen: OffscreenScreen, name: str) -> None:
    none = drawn(screen, PORTRAIT, light())
    full = drawn(screen, PORTRAIT, light(name))
    half = drawn(screen, PORTRAIT, light((name, 0.5)))
    assert np.array_equal(drawn(screen, PORTRAIT, light((name, 0.0))), none)
    assert np.abs(half - (none.astype(float) + full) / 2).max() <= 2.0


def test_every_uniform_of_a_shader_is_a_control_with_a_place_in_its_range() -> None:
    for shader in glsl.read_shaders(SHADERS).values():
        uniforms = set(re.findall(r"^uniform float (\w+);", shader.text, re.MULTILINE))
        controls = {name.partition(".")[2] for name in shader.controls}
        assert uniforms - {"blend"} == controls, shader.name


def test_shaders_know_every_signal_and_global_control() -> None:
    assert set(glsl.SIGNALS) == {*SIGNALS, "beat"}
    unnamed = {name for name in CONTROLS if "." in name}
    assert set(CONTROLS) - unnamed - set(glsl.FLOATS) == {"mix", "noise", "class"}


def test_passes_that_a_preset_may_name(screen: OffscreenScreen) -> None:
    assert list(screen.canvas.chain.names()) == PASSES
    assert "kaleidoscope.segments" in glsl.declared_controls(SHADERS)["kaleidoscope"]


def test_calm_leaves_out_what_flickers_and_nothing_else(screen: OffscreenScreen) -> None:
    shaders = glsl.read_shaders(SHADERS)
    flickering = [name for name in PASSES if shaders[name].flickers]
    assert set(flickering) == {"flash", "glitch", "strobe"}
    all_ = light(*flickering, "palette")
    calm = drawn(screen, PORTRAIT, replace(all_, calm=True))
    assert np.array_equal(calm, drawn(screen, PORTRAIT, light("palette")))
    assert difference(calm, drawn(screen, PORTRAIT, all_)) > 1.0


def test_an_unknown_pass_is_left_out_and_logged_once(
    screen: OffscreenScreen, caplog: pytest.LogCaptureFixture
) -> None:
    plain_ = drawn(screen, PORTRAIT, light())
    assert np.array_equal(drawn(screen, PORTRAIT, light("blom")), plain_)
    drawn(screen, PORTRAIT, light("blom"))
    messages = [r.getMessage() for r in caplog.records if "blom" in r.getMessage()]
    assert len(messages) == 1
    assert "bloom" in messages[0]


# ---- the first pass


def expected(x: np.ndarray, y: np.ndarray, columns: int = 128, rows: int = 128) -> np.ndarray:
    """What a ramp shows at a place on it, 0..1 from the top left."""
    red = (x * columns - 0.5) / (columns - 1)
    green = (y * rows - 0.5) / (rows - 1)
    return 255 * np.clip(np.stack([red, green], -1), 0, 1)


def grid() -> tuple[np.ndarray, np.ndarray]:
    """Every pixel's place in pixels from the middle, right and down."""
    y, x = np.mgrid[0:H, 0:W]
    return x + 0.5 - W / 2, y + 0.5 - H / 2


@pytest.mark.parametrize(
    ("values", "scale", "degrees"),
    [
        ({}, W, 0),  # fills: as wide as the screen
        ({"zoom": 2.0}, 2 * W, 0),
        ({"rotate": 90.0}, W, 90),
        ({"rotate": -30.0}, W * np.cos(np.pi / 6) + H * np.sin(np.pi / 6), -30),
        ({"fit": 0.0}, H, 0),  # whole: as high as the screen
        ({"fit": 0.5}, np.sqrt(W * H), 0),
        ({"fit": 0.0, "zoom": 0.5}, H / 2, 0),  # made smaller
    ],
)
def test_the_picture_lies_where_it_should(
    screen: OffscreenScreen, values: dict[str, float], scale: float, degrees: float
) -> None:
    image = drawn(screen, ramp(), light(between__sharpness=0.0, between__surround=0.0, **values))
    x, y = grid()
    turn = np.radians(degrees)  # counterclockwise on the screen, whose y points down here
    u = (np.cos(turn) * x - np.sin(turn) * y) / scale
    v = (np.sin(turn) * x + np.cos(turn) * y) / scale
    inside = np.maximum(np.abs(u), np.abs(v)) < 0.5 - 1.0 / scale
    outside = np.maximum(np.abs(u), np.abs(v)) > 0.5 + 1.0 / scale
    want = expected(u + 0.5, v + 0.5)
    assert np.abs(image[inside][:, :2] - want[inside]).max() < 3.0
    assert image[outside].max(initial=0) <= 1


def test_a_wide_picture_fills_a_wide_screen(screen: OffscreenScreen) -> None:
    image = drawn(screen, ramp(256, 64), light(between__sharpness=0.0))
    x, y = grid()
    want = expected(x / (4 * H) + 0.5, y / H + 0.5, 256, 64)  # 4:1, as high as the screen
    assert np.abs(image[..., :2] - want).max() < 3.0


def test_the_fade_runs_from_the_frame_before_to_the_one_after(screen: OffscreenScreen) -> None:
    frames = plain(200, 0, 40), plain(0, 100, 40)
    for blend, colour in ((0.0, (200, 0, 40)), (0.5, (100, 50, 40)), (1.0, (0, 100, 40))):
        screen.show(Picture(*frames, blend), light(), tick())
        assert np.abs(screen.image() - np.array(colour)).max() <= 1


def test_frames_of_two_sizes_fade(screen: OffscreenScreen) -> None:
    screen.show(
        Picture(plain(200, 0, 0), Frame(0.0, np.zeros((64, 48, 3), np.uint8)), 0.5), light(), tick()
    )
    assert np.abs(screen.image() - np.array((100, 0, 0))).max() <= 1


def test_eight_bits_come_out_as_they_went_in(screen: OffscreenScreen) -> None:
    for level in (0, 1, 37, 128, 200, 254, 255):
        image = drawn(screen, plain(level, 0, 255 - level), light())
        assert np.array_equal(np.unique(image.reshape(-1, 3), axis=0), [[level, 0, 255 - level]])


def test_a_frame_is_sent_to_the_gpu_once(screen: OffscreenScreen) -> None:
    frame = plain(10, 20, 30)
    drawn(screen, frame, light())
    frame.image[:] = 200
    assert drawn(screen, frame, light()).max() == 30
    assert drawn(screen, Frame(1.0, frame.image), light()).min() == 200


# ---- colour


def test_colour_controls(screen: OffscreenScreen) -> None:
    as_it_is = drawn(screen, PORTRAIT, light())
    grey = drawn(screen, PORTRAIT, light(saturation=0.0)).astype(int)
    assert np.abs(grey - grey[..., :1]).max() <= 2
    assert drawn(screen, PORTRAIT, light(contrast=0.0)).std() < 1.0
    assert drawn(screen, PORTRAIT, light(contrast=1.5)).std() > as_it_is.std()
    assert drawn(screen, PORTRAIT, light(brightness=0.0)).max() == 0
    half = drawn(screen, PORTRAIT, light(brightness=0.5))
    assert np.abs(half - as_it_is / 2.0).max() <= 1.5
    assert drawn(screen, PORTRAIT, light(brightness=1.5)).mean() > as_it_is.mean()


def oklab_turned(colour: tuple[int, int, int], degrees: float) -> np.ndarray:
    """Ottosson's published matrices, sRGB's published curve."""
    to_lms = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    c = np.array(colour) / 255
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    lab = to_lab @ np.cbrt(to_lms @ linear)
    turned = complex(lab[1], lab[2]) * np.exp(1j * np.radians(degrees))
    lms = np.linalg.inv(to_lab) @ (lab[0], turned.real, turned.imag)
    linear = np.linalg.inv(to_lms) @ lms**3
    return 255 * np.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055
    )


@pytest.mark.parametrize("degrees", [-120.0, -45.0, 90.0, 180.0])
def test_a_turn_of_the_hue(screen: OffscreenScreen, degrees: float) -> None:
    for colour in ((150, 110, 110), (90, 120, 140), (200, 190, 170)):
        got = drawn(screen, plain(*colour), light(hue=degrees))[0, 0]
        assert np.abs(got - oklab_turned(colour, degrees)).max() <= 1.5


def test_a_hue_that_no_screen_can_show_stays_vivid(screen: OffscreenScreen) -> None:
    green = drawn(screen, plain(255, 0, 0), light(hue=120.0))[0, 0].astype(int)
    assert green[1] > green[[0, 2]].max() + 60


def test_brightness_is_the_last_word(screen: OffscreenScreen) -> None:
    assert play(screen, ["trails", "flash", "bloom"], 10, feedback=0.9, brightness=0.0).max() == 0


# ---- time


@pytest.mark.parametrize("name", ["trails", "melt"])
def test_trails_are_the_same_at_30_and_60_frames_a_second(
    screen: OffscreenScreen, name: str
) -> None:
    slow, fast = (play(screen, [name], fps, feedback=0.9) for fps in (30, 60))
    none = play(screen, [], 30)
    assert difference(slow, fast) < 0.35 * difference(slow, none)


def test_a_pass_that_rested_begins_without_old_trails(screen: OffscreenScreen) -> None:
    play(screen, ["trails"], 10, feedback=0.95)
    fresh = drawn(screen, plain(0, 0, 0), light("trails", feedback=0.95))
    assert fresh.max() == 0


REACTIVE = [
    name
    for name in PASSES
    if re.search(
        r"\b(onset|beat|\w+_pulse|level|low|mid|high)\b", (SHADERS / f"{name}.frag").read_text()
    )
]


@pytest.mark.parametrize("name", REACTIVE)
def test_no_pass_flashes_more_than_three_times_a_second(screen: OffscreenScreen, name: str) -> None:
    """WCAG 2.3.1: a flash is a pair of opposing changes of relative luminance by a tenth, the
    darker below 0.8. Music of 180 bpm with eight onsets a second."""
    luminance = []
    for index in range(45):
        time = index / 30
        heard = {"onset": (1.0 - time * 8 % 1) ** 2, "beat": 3 * time, "high": 1.0 - time * 8 % 1}
        screen.show(still(PORTRAIT), light(name, time=time, signals=heard), tick(time, 1 / 30))
        image = (screen.image() / 255.0) ** 2.2
        luminance.append(float(image.mean((0, 1)) @ (0.2126, 0.7152, 0.0722)))
    swings, extreme, rising = 0, luminance[0], True
    for value in luminance:
        if (value - extreme) * (1 if rising else -1) >= 0:
            extreme = value
        elif abs(value - extreme) >= 0.1 and min(value, extreme) < 0.8:
            swings, extreme, rising = swings + 1, value, not rising
    assert swings / 2 <= 3 * 1.5


def test_grain_changes_24_times_a_second(screen: OffscreenScreen) -> None:
    pictures = {
        drawn(screen, PORTRAIT, light("grain", time=index / FPS)).tobytes() for index in range(FPS)
    }
    assert len(pictures) == 24


# ---- size


def test_a_small_inside_fills_a_large_screen(screen: OffscreenScreen) -> None:
    chain = screen.canvas.chain
    whole = drawn(screen, PORTRAIT, light("vignette"))
    chain.most_pixels = W * H // 4
    try:
        chain.resize(SIZE)
        assert chain.internal_size == (W // 2, H // 2)
        assert difference(drawn(screen, PORTRAIT, light("vignette")), whole) < 6.0
    finally:
        chain.most_pixels = None
        chain.resize(SIZE)


def test_the_dearest_pass_is_left_out_and_taken_in_again_without_a_jump(venue: Venue) -> None:
    screen = OffscreenScreen(SIZE, live=True)
    chain, names = screen.canvas.chain, ("liquid", "vignette")
    assert chain.sparing.costs_ns["liquid"] > chain.sparing.costs_ns["vignette"] > 0

    def last(frames: int) -> list[ByteArray]:
        images = []
        for _ in range(frames):
            screen.show(still(PORTRAIT), light(*names), tick(dt=1 / 30))
            images.append(screen.image())
        return images

    whole = last(1)[0]
    alone = drawn(screen, PORTRAIT, light("vignette"))
    for spared, goal in ((1, alone), (0, whole)):
        screen.spare(None, spared)
        images = last(60)
        assert np.array_equal(images[-1], goal)
        steps = [difference(*pair) for pair in itertools.pairwise(images)]
        assert max(steps) < 0.3 * difference(whole, alone)
    screen.close()


def test_trails_outlive_a_change_of_the_size_inside(screen: OffscreenScreen) -> None:
    play(screen, ["trails"], 10, feedback=0.95)
    try:
        for pixels in (W * H // 3, None):
            screen.spare(pixels, 0)
            screen.show(still(plain(0, 0, 0)), light("trails", feedback=0.95), tick(2.2, 1e-3))
            assert screen.image().std() > 20
    finally:
        screen.spare(None, 0)


# ---- files


def broken(folder_: Path, name: str, text: str) -> ShaderError:
    (folder_ / f"{name}.frag").write_text(text)
    with pytest.raises(ShaderError) as caught:
        OffscreenScreen(SIZE, shader_dir=folder_)
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_shader_that_does_not_compile_is_named_with_its_line(venue: Venue, copied: Path) -> None:
    text = "// one\nvec4 effect(vec2 uv) {\n    return vec4(nothing, 1.0);\n}\n"
    message = str(broken(copied, "mine", text))
    assert f"{copied / 'mine.frag'}' does not compile: line 3" in message
    assert "nothing" in message


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("mine", "void main() {}", "must define vec4 effect(vec2 uv)"),
        ("mine", "// vec4 effect(vec2 uv)", "must define vec4 effect(vec2 uv)"),
        ("Mine", "vec4 effect(vec2 uv) { return vec4(1.0); }", "named by its file"),
        (
            "mine",
            "uniform float x;  // 0..1 = 2 | far\nvec4 effect(vec2 uv) { return vec4(x); }",
            "the range of 'x'",
        ),
    ],
)
def test_a_malformed_shader(venue: Venue, copied: Path, name: str, text: str, says: str) -> None:
    assert says in str(broken(copied, name, text))


def test_a_fixed_shader_must_be_there(venue: Venue, copied: Path) -> None:
    (copied / "between.frag").unlink()
    with pytest.raises(ShaderError, match=r"between\.frag' is missing"):
        OffscreenScreen(SIZE, shader_dir=copied)


def test_a_shader_edited_during_the_show(
    venue: Venue, copied: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = copied / "mirror.frag"
    screen = OffscreenScreen(SIZE, live=True, shader_dir=copied)
    clock = 0.0

    def save(text: str) -> ByteArray:
        nonlocal clock
        path.write_text(text)
        clock += 1.0
        os.utime(path, (clock, clock))
        for _ in range(3):
            clock += 1.0
            screen.show(still(plain(9, 9, 9)), light("mirror", time=clock), tick(clock))
        return screen.image()

    red = save("vec4 effect(vec2 uv) { return vec4(1.0, 0.0, 0.0, 1.0); }")
    assert (red[0, 0] == (255, 0, 0)).all()
    caplog.clear()
    assert np.array_equal(save("vec4 effect(vec2 uv) {\n return vec4(wrong); }"), red)
    errors = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
    assert len(errors) == 1
    assert str(path) in errors[0]
    assert "line 2" in errors[0]
    green = save("vec4 effect(vec2 uv) { return vec4(0.0, 1.0, 0.0, 1.0); }")
    assert (green[0, 0] == (0, 255, 0)).all()
    screen.close()


def test_a_control_declared_during_the_show_is_known(copied: Path) -> None:
    catalogue = glsl.Catalogue(copied)
    before = catalogue()
    assert "mirror.wobble" not in before["mirror"]
    assert catalogue() is before
    path = copied / "mirror.frag"
    good = path.read_text()
    path.write_text(f"uniform float wobble;  // 0..1 = 0.5 | how much\n{good}")
    os.utime(path, (1.0, 1.0))
    after = catalogue()
    assert after["mirror"]["mirror.wobble"].default == 0.5
    path.write_text("void main() {}")
    os.utime(path, (2.0, 2.0))
    assert catalogue() is after


def test_a_prelude_edited_during_the_show_is_taken_by_every_pass(
    venue: Venue, copied: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = copied / "prelude.glsl"
    prelude = path.read_text()
    screen = OffscreenScreen(SIZE, live=True, shader_dir=copied)
    clock = 0.0

    def save(text: str) -> ByteArray:
        nonlocal clock
        path.write_text(text)
        for _ in range(3):
            clock += 1.0
            screen.show(still(PORTRAIT), light("mirror", "vignette", time=clock), tick(clock))
        return screen.image()

    as_it_was = save(prelude)
    dark = save(prelude.replace("{ return c * c; }", "{ return c * 0.0; }"))  # to_light
    assert difference(dark, as_it_was) > 20.0
    caplog.clear()
    assert np.array_equal(save(prelude + "\nwrong"), dark)
    errors = [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]
    assert len(errors) == 1
    assert str(path) in errors[0]
    assert np.array_equal(save(prelude), as_it_was)
    screen.close()


@pytest.mark.parametrize("turn", [0.0, 30.0, -120.0])
@pytest.mark.parametrize("fit", [0.0, 0.2, 1.0])
def test_the_quick_way_of_enlarging_lays_the_picture_where_the_other_does(
    venue: Venue, turn: float, fit: float
) -> None:
    with closing(OffscreenScreen((320, 180), flash_limit=False)) as screen:
        controls = light(rotate=turn, fit=fit, zoom=1.3, **{"between.surround": 1.0})
        best = drawn(screen, PORTRAIT, controls)
        screen.canvas.chain._first._quick = True
        quick = drawn(screen, PORTRAIT, controls)
        moved = drawn(screen, PORTRAIT, light(rotate=turn + 4.0, fit=fit, zoom=1.3))
    assert 0.0 < difference(best, quick) < 1.5
    assert difference(best, moved) > 4.0


def test_a_live_screen_knows_what_passes_cost_and_a_film_never_tried_them() -> None:
    rows = [PassWeight("bloom"), PassWeight("nobody")]
    with closing(OffscreenScreen((320, 180), live=True)) as live:
        every, bloom, nobody = live.costs(rows)
    assert every > 0.0 and bloom > 0.0 and nobody == 0.0
    with closing(OffscreenScreen((320, 180))) as film:
        assert list(film.costs(rows)) == []
