"""Displays: found, remembered, pulled and plugged in, several at once; on a real X server."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import glfw
import numpy as np
import pytest
from conftest import Venue, wait_until
from pictures import light, plain, portrait, ramp, still, tick
from PIL import Image

from vjgan import assets
from vjgan.booth import open_window
from vjgan.errors import DeviceError, VjganError
from vjgan.rig import keep_display, load_rig, rig_file
from vjgan.screen.displays import Display, again, around, displays, find, most_of
from vjgan.screen.glsl import FIXED, PRELUDE
from vjgan.screen.layout import Layout, Output, read_layout
from vjgan.screen.window import Window

DESK = Display(1, "eDP-1", (1920, 1080), (0, 0), 60, (340, 190))
LEFT = Display(2, "EPSON PJ", (1280, 800), (1920, 0), 60, (0, 0))
RIGHT = Display(3, "EPSON PJ", (1280, 800), (3200, 0), 60, (0, 0))
ALL = [DESK, LEFT, RIGHT]


def test_a_display_is_found_by_number_name_or_a_part_of_it() -> None:
    assert find(2, ALL) == find("2", ALL) == LEFT
    assert find("edp", ALL) == DESK
    assert find("7", [*ALL, Display(4, "7", (1, 1), (0, 0), 60)]).name == "7"


@pytest.mark.parametrize("wanted", [0, 4, "-1", "BenQ", "", " "])
def test_a_display_that_is_not_there_is_named_with_those_that_are(wanted: int | str) -> None:
    with pytest.raises(DeviceError, match=r"is unknown; there are: 1 'eDP-1' 1920x1080 at 0,0"):
        find(wanted, ALL)


def test_a_name_that_could_be_several() -> None:
    with pytest.raises(DeviceError, match="display 'epson' could be several; there are"):
        find("epson", ALL)


def test_a_display_is_known_again_by_name_then_glass_then_place() -> None:
    assert again(LEFT, ALL) == LEFT
    assert again(RIGHT, ALL) == RIGHT
    assert again(RIGHT, ALL[:2]) == LEFT  # its twin, when it is away
    assert again(Display(9, "EPSON PJ", (1, 1), (3200, 0), 0, (0, 0)), ALL) == RIGHT
    large = Display(4, "EPSON PJ", (1280, 800), (9000, 0), 60, (500, 300))
    assert again(Display(0, "EPSON PJ", (0, 0), (1920, 0), 0, (500, 300)), [*ALL, large]) == large
    assert again(Display(0, "BenQ", (0, 0), (0, 0), 0), ALL) is None


def test_where_displays_are() -> None:
    assert around(ALL) == (0, 0, 4480, 1080)
    assert most_of((1900, 100, 300, 300), ALL) == LEFT
    assert most_of((0, 0, 10, 10), []) is None


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"layout": "wall"}, "layout 'wall' is unknown; there are: full, borderless, span, mirror"),
        ({"canvas": [0, 9]}, r"canvas \[0, 9\] must be two whole numbers, 1..16384"),
        ({"name": 3}, "name 3 must be the name"),
        ({"operator": 1}, "operator 1 must be true or false"),
        ({"gama": 1}, "display.gama is unknown"),
        ({"outputs": {"A": {"rotate": 45}}}, "A.rotate 45 is unknown; there are: 0, 90, 180, 270"),
        ({"outputs": {"A": {"rotate": True}}}, "A.rotate True is unknown"),
        (
            {"outputs": {"A": {"fit": "zoom"}}},
            "A.fit 'zoom' is unknown; there are: fit, fill, crop",
        ),
        ({"outputs": {"A": {"gamma": 9}}}, r"A.gamma 9 must be a number, 0.2..5"),
        ({"outputs": {"A": {"brightness": "1"}}}, "A.brightness '1' must be a number, 0..1"),
        ({"outputs": {"A": {"feather": [0, 0]}}}, r"A.feather \[0, 0\] must be a number, or four"),
        ({"outputs": {"A": {"feather": 0.6}}}, "A.feather 0.6 must be a number, 0..0.5"),
        ({"outputs": {"A": {"mask": 1}}}, "A.mask 1 must be the path"),
        ({"outputs": {"A": {"corners": [[0, 0]] * 3}}}, "must be four"),
        ({"outputs": {"A": {"corners": [[0, 0], [1, 1], [1, 0], [0, 1]]}}}, "not folded"),
        ({"outputs": {"A": 1}}, "outputs.A must be a table"),
        ({"outputs": 1}, "outputs must be a table"),
    ],
)
def test_a_layout_that_is_not_as_it_must_be(table: dict[str, object], said: str) -> None:
    with pytest.raises(VjganError, match=said):
        read_layout("rig 'x': display", table)


def test_a_layout_is_read() -> None:
    row = {"rotate": 90, "fit": "crop", "feather": 0.1, "mask": "m.png", "gamma": 2}
    read = read_layout("x", {"name": "A", "layout": "mirror", "outputs": {"A": row}})
    assert read.known is not None
    assert read.known.name == "A"
    output = Output(90, "crop", feather=(0.1,) * 4, mask=Path("m.png"), gamma=2.0)
    assert (read.way, read.outputs["A"]) == ("mirror", output)
    assert read_layout("x", {}) == Layout()


def test_what_is_described_is_a_layout() -> None:
    text = (Path(__file__).parent.parent / "docs/displays.md").read_text()
    blocks = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    read = [read_layout("docs", tomllib.loads(block)["display"]) for block in blocks]
    assert read[0].outputs["EPSON PJ"].rotate == 90
    assert read[1].canvas == (256, 64)


def test_what_is_kept_of_displays_keeps_all_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    written = (
        "link = true  # always\n\n[display]  # of the hall\nname = 'A'\n\n"
        "[display.outputs.'EPSON PJ']\ngamma = 1.2  # by eye\n\n[commands]\nnote36 = 'tap'\n"
    )
    rig_file().parent.mkdir()
    rig_file().write_text(written)
    keep_display({"name": "B", "size_mm": [1, 2]})
    keep_display({"corners": [[0.1, 0], [1, 0], [1, 1], [0, 1]]}, "EPSON PJ")
    keep_display({"corners": [[0, 0.1], [1, 0], [1, 1], [0, 1]]}, "window")
    read = load_rig()
    layout = read_layout("x", read.display)
    assert layout.known is not None
    assert (layout.known.name, layout.known.size_mm) == ("B", (1, 2))
    assert layout.outputs["EPSON PJ"].gamma == 1.2
    assert layout.outputs["EPSON PJ"].corners[0] == (0.1, 0.0)
    assert layout.outputs["window"].corners[0] == (0.0, 0.1)
    assert (read.link, list(read.commands)) == (True, ["note36"])
    for words in ("# always", "# of the hall", "# by eye"):
        assert words in rig_file().read_text()
    keep_display({"name": None, "corners": None})
    assert read_layout("x", load_rig().display).known is None
    assert [path.name for path in rig_file().parent.iterdir()] == ["rig.toml"]


def test_a_rig_whose_display_is_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    rig_file().parent.mkdir()
    rig_file().write_text("display = 2\n")
    with pytest.raises(VjganError, match="display must be a table"):
        load_rig()
    with pytest.raises(VjganError, match="display must be a table"):
        keep_display({"name": "A"}, "A")


# ---- with real displays


class Monitors:
    """An X server with DUMMY0 of 1920x1080, and others to its right that come and go."""

    shaders: Path  # few

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def plug(self, number: int = 1, mode: str = "1280x720") -> None:
        self.xrandr("--addmode", f"DUMMY{number}", mode)
        self.xrandr(
            "--output", f"DUMMY{number}", "--mode", mode, "--right-of", f"DUMMY{number - 1}"
        )

    def pull(self, number: int = 1, mode: str = "1280x720") -> None:
        self.xrandr("--output", f"DUMMY{number}", "--off")
        self.xrandr("--delmode", f"DUMMY{number}", mode, check=False)  # its own modes stay

    def xrandr(self, *words: str, check: bool = True) -> None:
        subprocess.run(["xrandr", *words], check=check, capture_output=True, timeout=20)
        subprocess.run(["xrandr"], check=True, capture_output=True, timeout=20)  # probes

    def seen(self) -> np.ndarray:
        """The whole desktop, as it is now: int [height, width, 3]."""
        file = self.folder / "root.png"
        subprocess.run(["import", "-window", "root", str(file)], check=True, timeout=30)
        return np.asarray(Image.open(file).convert("RGB")).astype(int)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitors]:
    patch = pytest.MonkeyPatch()
    patch.setenv("VENUE_X", "dummy")
    patch.setenv("VENUE_ONLY", "x")
    stage = Venue(tmp_path_factory.mktemp("monitors"))
    found = re.search(r"DISPLAY=(\S+)", stage.run("up"))
    assert found
    patch.setenv("DISPLAY", found[1])
    Monitors.shaders = tmp_path_factory.mktemp("shaders")
    for name in (*(f"{name}.frag" for name in FIXED), PRELUDE):
        shutil.copy(assets.folder("shaders") / name, Monitors.shaders)
    glfw.terminate()  # it remembers the X server that it saw first
    try:
        yield Monitors(stage.folder)
    finally:
        glfw.terminate()
        stage.run("down")
        patch.undo()


@pytest.fixture
def monitors(
    server: Monitors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Monitors]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    server.plug()
    yield server
    for number in (2, 1):
        subprocess.run(["xrandr", "--output", f"DUMMY{number}", "--off"], capture_output=True)
    for mode in ("1280x720", "800x600"):
        subprocess.run(["xrandr", "--delmode", "DUMMY1", mode], capture_output=True)


def opened(**how: Any) -> Window:
    """A small window, laid out so, with no more shaders than it takes."""
    return heedful(Window((320, 180), shader_dir=Monitors.shaders, **how))


def heedful(window: Window) -> Window:
    """The window, from now on without an error of OpenGL."""
    assert window._pane.context.error  # forgotten: moderngl binds again what was released
    return window


def shows(window: Window, picture: object = None) -> None:
    """A few frames, as the loop draws them."""
    for _ in range(2):
        window.events()
        window.show(picture or still(portrait()), light(), tick())  # type: ignore[arg-type]


def becomes(window: Window, size: tuple[int, int], fullscreen: bool) -> None:
    def drawn() -> bool:
        shows(window)
        right = window.fullscreen == fullscreen and window.size == size
        return right and window.image().std() > 20

    wait_until(drawn, 8.0, f"{size}, {fullscreen}; is {window.size}, {window.fullscreen}")
    assert window._pane.context.error == "GL_NO_ERROR"


def test_displays_are_listed_with_their_sizes(monitors: Monitors) -> None:
    window = opened()
    first, second = displays()
    assert str(first).startswith("1 'DUMMY0' 1920x1080 at 0,0, 60 Hz")
    assert str(second).startswith("2 'DUMMY1' 1280x720 at 1920,0, 60 Hz")
    assert min(second.size_mm) > 0
    window.close()


@pytest.mark.parametrize("way", ["full", "borderless"])
def test_a_display_that_is_pulled_and_plugged_in_again_is_filled_again(
    monitors: Monitors, way: str
) -> None:
    window = opened(display="dummy1", fullscreen=True, layout=Layout(way=way))
    becomes(window, (1280, 720), True)
    monitors.pull()
    becomes(window, (320, 180), False)
    assert window._pane.place == (800, 450, 320, 180)  # where it can be seen
    monitors.plug()
    becomes(window, (1280, 720), True)
    assert window._pane.place == (1920, 0, 1280, 720)
    assert monitors.seen()[:720, 1920:3200].std() > 20
    window.close()


def test_a_display_that_changes_its_mode_is_followed(monitors: Monitors) -> None:
    window = opened(display=2, fullscreen=True)
    becomes(window, (1280, 720), True)
    monitors.xrandr("--addmode", "DUMMY1", "800x600")
    monitors.xrandr("--output", "DUMMY1", "--mode", "800x600")
    becomes(window, (800, 600), True)
    window.close()


def test_one_picture_over_all_displays(monitors: Monitors) -> None:
    window = opened(fullscreen=True, layout=Layout(way="span"))
    assert window.size == (3200, 1080)
    shows(window, still(ramp()))
    seen = monitors.seen()
    assert np.abs(seen[:, :3200] - window.image()).max() <= 1
    monitors.pull()
    becomes(window, (1920, 1080), True)
    window.close()


def test_the_same_picture_on_each_display(monitors: Monitors) -> None:
    turned = {"DUMMY1": Output(rotate=180)}
    layout = Layout(way="mirror", outputs=turned)
    window = opened(display=1, fullscreen=True, layout=layout)

    def mirrored() -> bool:
        shows(window, still(ramp()))
        seen = monitors.seen()
        small = Image.fromarray(seen[:1080, :1920].astype(np.uint8)).resize((1280, 720))
        other = seen[719::-1, 3199:1919:-1]
        return other.std() > 20 and np.abs(np.asarray(small).astype(int) - other).max() <= 4

    wait_until(mirrored, 8.0, "the same on both")
    monitors.pull()
    becomes(window, (1920, 1080), True)
    assert not window._mirrors
    monitors.plug()
    wait_until(mirrored, 8.0, "the same on both again")
    window.close()


def test_the_operator_has_a_display_of_their_own(monitors: Monitors) -> None:
    window = opened(fullscreen=True, operator=True, layout=Layout(way="span"))
    assert window._operator is not None
    x, _, width, _ = window._operator.pane.place
    assert (x + width // 2 < 1920) != (window._pane.place[0] < 1920)
    assert not window._mirrors
    window.close()
    window = opened(display=2, fullscreen=True, operator=True, layout=Layout(way="mirror"))
    assert window._pane.place == (1920, 0, 1280, 720)
    assert not window._mirrors  # the other one is the operator's
    monitors.pull()
    becomes(window, (320, 180), False)
    assert window.is_operated
    monitors.plug()
    becomes(window, (1280, 720), True)
    window.close()


def test_the_next_show_opens_where_the_last_one_was(monitors: Monitors) -> None:
    rig_file().parent.mkdir(parents=True, exist_ok=True)
    rig_file().write_text("# my case\ninput_ms = 3.0\n")
    open_window(load_rig(), display="DUMMY1").close()
    assert "# my case" in rig_file().read_text()
    small = open_window(load_rig(), size=(64, 64))
    assert not small.fullscreen
    small.close()
    monitors.pull()
    waits = heedful(open_window(load_rig()))
    assert not waits.fullscreen
    monitors.plug()
    becomes(waits, (1280, 720), True)
    waits.close()
    window = open_window(load_rig(), display="none")
    assert not window.fullscreen
    window.close()
    assert "name" not in load_rig().display


def test_frames_keep_coming_while_displays_come_and_go(monitors: Monitors) -> None:
    window = opened(display=2, fullscreen=True, layout=Layout(way="mirror"))
    for _ in range(2):
        monitors.pull()
        shows(window, still(plain(200, 0, 0)))
        monitors.plug()
        shows(window, still(plain(0, 200, 0)))
    becomes(window, (1280, 720), True)
    window.close()
