"""Lines to other programs: NDI out and back in, the bytes of a webcam's, and what is refused."""

from __future__ import annotations

import importlib.util
import logging
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import wait_until
from test_codecs import read

from vjgan import ndi
from vjgan.errors import DeviceError, VjganError
from vjgan.keeper import About, Keeper
from vjgan.media.packed import Yuyv, rgba
from vjgan.output import loopback
from vjgan.output.line import LineOutput, open_line
from vjgan.output.loopback import Loopback, check_loopback, format_request, takes_pictures
from vjgan.settings import LiveSettings
from vjgan.show import perform
from vjgan.sources import Wish, open_source
from vjgan.types import Beat, ByteArray, Tick

needs_ndi = pytest.mark.skipif(
    importlib.util.find_spec("NDIlib") is None, reason="NDI: pip install 'vjgan[ndi]'"
)
TICK = Tick(0, 0.0, 0.03, 0.0)
NAME = f"vjgan test {os.getpid()}"  # others may test on this network


def picture(alpha: bool, step: int = 0) -> ByteArray:
    """Soft colours, and an alpha that grows to the right."""
    y, x = np.mgrid[0:90, 0:160] / 160.0
    image = np.stack([x, y, 0.5 + 0.5 * np.sin(6 * x + step), x], -1)
    return (255 * image).astype(np.uint8)[..., : 4 if alpha else 3].copy()


# NDI


@needs_ndi
@pytest.mark.parametrize("alpha", [False, True])
def test_what_goes_out_by_ndi_comes_in_as_a_layer(alpha: bool) -> None:
    """A show's output, found by name, and read by a preset's layer."""
    sent, stop = picture(alpha), threading.Event()
    output = open_line(f"ndi:{NAME}", 160, alpha)
    assert output.alpha == alpha

    def play() -> None:
        while not stop.wait(0.02):
            output.show(sent, 0.0)

    player = threading.Thread(target=play)
    player.start()
    try:
        layer = open_source(Wish("ndi", f"{NAME}@127.0.0.1"), live=True)
        seen = layer.read(Beat(), TICK, 1.0).image.astype(int)
        layer.close()
    finally:
        stop.set()
        player.join()
        output.close()
    cover = sent[..., 3:].astype(int) if alpha else np.full((90, 160, 1), 255)
    assert seen.shape == (90, 160, 4)
    assert np.abs(seen[..., 3:] - cover).mean() < 3.0
    assert np.abs(seen[..., :3] - sent[..., :3] * cover // 255).mean() < 6.0


@needs_ndi
def test_an_ndi_source_that_leaves_keeps_its_last_picture(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ndi, "GONE_SECONDS", 0.3)
    sender, stop = ndi.Sender(NAME, rgba), threading.Event()

    def play() -> None:
        while not stop.wait(0.02):
            sender.send(picture(False))

    player = threading.Thread(target=play)
    player.start()
    layer = open_source(Wish("ndi", NAME), live=True, channels=3)
    stop.set()
    player.join()
    sender.close()
    wait_until(lambda: "is gone; its last picture stays" in caplog.text)
    assert layer.read(Beat(), TICK, 1.0).image.shape == (90, 160, 3)
    layer.close()


@needs_ndi
def test_an_ndi_source_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ndi, "LOOK_SECONDS", 0.3)
    with pytest.raises(DeviceError, match="there is no NDI source 'nobody'; there are: "):
        open_source(Wish("ndi", "nobody"), live=True)
    with pytest.raises(DeviceError, match="ndi 'nobody': a film is made without one"):
        open_source(Wish("ndi", "nobody"), live=False)


@pytest.mark.parametrize(
    ("text", "library", "sentence"),
    [
        ("ndi:a", "NDIlib", "NDI needs its library: pip install 'vjgan[ndi]'"),
        ("spout:a", "SpoutGL", "Spout is for Windows, by: pip install 'vjgan[spout]'"),
        ("syphon:a", "syphon", "Syphon is for macOS, by: pip install 'vjgan[syphon]'"),
    ],
)
def test_an_extra_that_is_not_installed_is_told_with_its_command(
    text: str, library: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)  # as if it were not
    with pytest.raises(DeviceError) as error:
        open_line(text, 640)
    assert str(error.value) == sentence


@pytest.mark.parametrize("text", ["ndi", "ndi:", "wire:a", ""])
def test_an_unknown_kind_of_line_is_refused(text: str) -> None:
    with pytest.raises(DeviceError) as error:
        open_line(text, 640)
    assert str(error.value) == (
        f"--output '{text}' is none of ndi:NAME, v4l2:/dev/videoN, spout:NAME, syphon:NAME"
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"outputs": ("wire:a",)}, "--output 'wire:a' is none of"),
        ({"codec": "theora"}, "codec 'theora' is unknown"),
        ({"record": Path("a.mp4"), "alpha": True}, "h264 keeps no alpha"),
    ],
)
def test_a_show_refuses_at_the_door(words: dict[str, Any], sentence: str) -> None:
    def quiet(total: int, name: str) -> Any:
        raise AssertionError("nothing is filmed")

    with pytest.raises(VjganError, match=sentence):
        perform(LiveSettings(input="demo", **words), print, quiet)


# v4l2

LAYOUT = """
#include <linux/videodev2.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(void) {
    struct v4l2_format f;
    memset(&f, 0, sizeof f);
    f.type = V4L2_BUF_TYPE_VIDEO_OUTPUT;
    f.fmt.pix.width = 640; f.fmt.pix.height = 360;
    f.fmt.pix.pixelformat = V4L2_PIX_FMT_YUYV;
    f.fmt.pix.field = V4L2_FIELD_NONE;
    f.fmt.pix.bytesperline = 1280; f.fmt.pix.sizeimage = 1280 * 360;
    f.fmt.pix.colorspace = V4L2_COLORSPACE_SRGB;
    f.fmt.pix.ycbcr_enc = V4L2_YCBCR_ENC_601;
    f.fmt.pix.quantization = V4L2_QUANTIZATION_LIM_RANGE;
    f.fmt.pix.xfer_func = V4L2_XFER_FUNC_SRGB;
    struct v4l2_capability c;
    memset(&c, 0, sizeof c);
    c.capabilities = V4L2_CAP_DEVICE_CAPS | V4L2_CAP_VIDEO_OUTPUT | V4L2_CAP_VIDEO_CAPTURE;
    c.device_caps = V4L2_CAP_VIDEO_OUTPUT;
    unsigned long asked[2] = {VIDIOC_QUERYCAP, VIDIOC_S_FMT};
    write(1, asked, sizeof asked); write(1, &f, sizeof f); write(1, &c, sizeof c);
    c.device_caps = V4L2_CAP_VIDEO_CAPTURE; write(1, &c, sizeof c);
}
"""


@pytest.mark.skipif(sys.platform != "linux", reason="v4l2 is Linux's")
def test_requests_are_those_of_the_kernel(tmp_path: Path) -> None:
    """Against its own header, by a compiler."""
    program = tmp_path / "layout"
    (tmp_path / "layout.c").write_text(LAYOUT)
    subprocess.run(["g++", "-x", "c++", "-w", "-o", program, tmp_path / "layout.c"], check=True)
    said = subprocess.run([program], capture_output=True, check=True).stdout
    asked, size = struct.unpack("LL", said[:16]), loopback.FORMAT_BYTES
    assert asked == (loopback.QUERYCAP, loopback.S_FMT)
    assert bytes(format_request((640, 360))) == said[16 : 16 + size]
    out, in_ = said[16 + size : -104], said[-104:]
    assert takes_pictures(out) and not takes_pictures(in_)


def test_pictures_become_a_webcams() -> None:
    """Against the formulas of ITU-R BT.601-7, limited range."""
    image = picture(False)
    packed = Yuyv((160, 90))(image).astype(float)
    assert packed.shape == (90, 160, 2)
    red, green, blue = image.reshape(-1, 3).T / 255.0
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    cb, cr = 128 + 224 * (blue - luma) / 1.772, 128 + 224 * (red - luma) / 1.402
    shared = [one.reshape(90, 80, 2).mean(2) for one in (cb, cr)]
    assert packed[..., 0] == pytest.approx((16 + 219 * luma).reshape(90, 160), abs=1.5)
    assert packed[:, 0::2, 1] == pytest.approx(shared[0], abs=2.5)
    assert packed[:, 1::2, 1] == pytest.approx(shared[1], abs=2.5)
    assert Yuyv((64, 36))(image).shape == (36, 64, 2)


@pytest.mark.skipif(sys.platform != "linux", reason="v4l2 is Linux's")
def test_a_device_that_takes_no_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match=r"there is no video output '.*'; `sudo modprobe v4l2"):
        open_line(f"v4l2:{tmp_path / 'video9'}", 640)
    with pytest.raises(DeviceError, match="'/dev/null' is no video device: Inappropriate ioctl"):
        check_loopback("/dev/null")
    with pytest.raises(DeviceError, match="is no video device"):
        Loopback("/dev/null", (64, 36), Yuyv((64, 36)))


# The thread that feeds a line.


class Wire:
    """A line that breaks when it is told to."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.size = size
        self.seen: list[int] = []
        self.broken = self.closed = False

    def send(self, image: ByteArray) -> None:
        if self.broken:
            raise DeviceError("it is cut")
        self.seen.append(int(image[0, 0, 0]))

    def close(self) -> None:
        self.closed = True


def grey(level: int, size: tuple[int, int] = (16, 9)) -> ByteArray:
    return np.full((size[1], size[0], 3), level, np.uint8)


def test_the_newest_is_sent_and_nobody_waits() -> None:
    going, wires = threading.Event(), []

    def slow(size: tuple[int, int]) -> Wire:
        going.wait(20.0)
        wires.append(Wire(size))
        return wires[-1]

    output = LineOutput("wire:a", 16, False, slow)
    output.show(grey(1), 0.0)
    wait_until(lambda: not output._news.is_set())
    for level in range(2, 40):
        output.show(grey(level), 0.0)
    going.set()
    wait_until(lambda: output.sent == 2)
    assert wires[0].seen == [1, 39]
    output.show(grey(40, (32, 18)), 0.0)  # another size: another line
    wait_until(lambda: output.sent == 3)
    assert wires[0].closed and wires[1].size == (32, 18)
    output.close()
    assert wires[1].closed


def test_a_line_that_is_cut_is_told_once_and_looked_for_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vjgan.output.line.AGAIN_SECONDS", 0.02)
    caplog.set_level(logging.INFO, "vjgan")
    wires: list[Wire] = []
    there = threading.Event()
    there.set()

    def find(size: tuple[int, int]) -> Wire:
        if not there.is_set():
            raise DeviceError("it is not there")
        wires.append(Wire(size))
        return wires[-1]

    output = LineOutput("wire:a", 16, False, find)
    output.show(grey(1), 0.0)
    wait_until(lambda: output.sent == 1)
    there.clear()
    wires[0].broken = True
    wait_until(lambda: (output.show(grey(2), 0.0), "looked for again" in caplog.text)[1])
    there.set()
    wait_until(lambda: (output.show(grey(3), 0.0), output.sent > 1)[1])
    output.close()
    assert wires[0].closed and not output.over
    assert [one.getMessage() for one in caplog.records] == [
        "output 'wire:a' begins: 16x9",
        "output 'wire:a': it is cut; it is looked for again",
        "output 'wire:a' begins: 16x9",
        "output 'wire:a' is there again",
    ]


class Counted:
    """A screen as of a CPU, and how often it is read."""

    software = True
    size = (64, 36)

    def __init__(self) -> None:
        self.asked: list[tuple[int, bool]] = []

    def glance(self, width: int, alpha: bool = False) -> ByteArray:
        self.asked.append((width, alpha))
        return np.full((36, width, 4 if alpha else 3), 90, np.uint8)


def test_who_wants_the_same_light_shares_it(tmp_path: Path) -> None:
    made: list[Wire] = []

    def make(size: tuple[int, int]) -> Wire:
        made.append(Wire(size))
        return made[-1]

    lines = [LineOutput(f"wire:{k}", 64, k == 2, make) for k in range(3)]
    scene: Any = SimpleNamespace(key="a", source=None, crossfade_beats=8.0, chapter=None)
    screen: Any = Counted()
    path = tmp_path / "a.mov"
    keeper = Keeper(About(), scene, film=path, software=True, alpha=True, lines=lines)
    for k in range(4):
        tick = Tick(k, k / 30, 1 / 30, k / 30)
        keeper.shown(Beat(), screen, tick)
        wait_until(lambda k=k: all(line.sent == k + 1 for line in lines))  # type: ignore[misc]
    keeper.close()
    assert sorted(screen.asked) == [(64, False)] * 4 + [(64, True)] * 4
    assert all(wire.closed and wire.seen == [90] * 4 for wire in made)
    assert read(path)[0].shape == (36, 64, 4) and np.abs(read(path)[0][..., 3] - 90.0).max() < 4


def test_sixty_pictures_a_second_are_due() -> None:
    output = LineOutput("wire:a", 16, False, Wire)
    assert sum(output.due(k / 144) for k in range(1440)) == pytest.approx(600, abs=2)
    output.close()
