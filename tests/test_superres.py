"""The super-resolution: tiles without seams, the same on either way, and sharper than without."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from vjgan.assets import folder
from vjgan.errors import ModelError, VjganError
from vjgan.film import inner_size
from vjgan.generator import superres
from vjgan.generator.openvino import installed
from vjgan.generator.player import open_model
from vjgan.generator.superres import AROUND, SuperResolution, cuts, open_superres
from vjgan.generator.upscale import Upscaler, read_upscaler
from vjgan.media import save_image
from vjgan.train import superres as teaching
from vjgan.types import LatentState

SIZES = [(64, 64), (180, 322), (130, 66)]


@pytest.fixture
def network() -> Upscaler:
    torch.manual_seed(7)
    made = Upscaler(superres.WIDTH, superres.NEAR, superres.BLOCKS)
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def taught() -> Upscaler:
    return read_upscaler(superres.WEIGHTS, superres.WIDTH, superres.NEAR, superres.BLOCKS)


def scene(height: int, width: int, seed: int = 1) -> Tensor:
    """Discs and stripes with smooth rims, [3, h, w] in -1..1."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    picture = np.zeros((3, height, width), np.float32)
    for _ in range(12):
        cy, cx, r = random.random() * height, random.random() * width, 6 + 20 * random.random()
        inside = np.clip(r - np.hypot(y - cy, x - cx), 0, 1)
        colour = random.uniform(-1, 1, (3, 1, 1))
        picture += inside * (colour - picture)
    return torch.from_numpy(picture).float()


@pytest.mark.parametrize("length", [16, 512, 514, 540, 960, 1080, 1920, 3840])
def test_tiles_are_of_one_size_and_cover_all_once(length: int) -> None:
    rows = cuts(length)
    assert len({end - begin for begin, end, _, _ in rows}) == 1
    assert rows[0][2] == 0 and rows[-1][3] == length
    assert all(before[3] >= after[2] for before, after in pairwise(rows))
    for begin, end, first, last in rows:
        assert begin % 2 == 0 and end - begin <= 512 and 0 <= begin <= first < last <= end <= length
        assert first == 0 or first - begin >= AROUND
        assert last == length or end - last >= AROUND


@pytest.mark.parametrize("engine", [True, False])
def test_tiles_are_what_the_whole_would_be(
    network: Upscaler, engine: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(superres, "installed", lambda: engine and installed())
    monkeypatch.setattr(cuts, "__defaults__", (96, AROUND))
    for height, width in SIZES:
        image = 2.0 * torch.rand(3, height, width) - 1.0
        whole = network(image[None])[0]
        tiled = SuperResolution(network).enlarge(image)
        assert len(cuts(width)) > 1 or width <= 96
        assert float((tiled - whole).abs().max()) < 1e-5


def test_less_around_a_tile_would_be_seen(
    network: Upscaler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuts, "__defaults__", (96, AROUND - 4))
    image = 2.0 * torch.rand(3, 180, 322) - 1.0
    tiled = SuperResolution(network).enlarge(image)
    assert float((tiled - network(image[None])[0]).abs().max()) > 1e-5


def test_bytes_go_in_and_come_out(taught: Upscaler) -> None:
    image = scene(64, 96).permute(1, 2, 0).add(1).mul(127.5).byte().numpy()
    large = SuperResolution(taught)(image)
    assert large.shape == (128, 192, 3) and large.dtype == np.uint8
    small = large.reshape(64, 2, 96, 2, 3).mean((1, 3))
    assert np.abs(small - image).mean() < 1.5  # it is the same picture
    plain = np.full((32, 32, 3), 77, np.uint8)
    assert np.abs(SuperResolution(taught)(plain).astype(int) - 77).max() <= 1


def psnr(one: Tensor, other: Tensor) -> float:
    return float(-10 * ((one - other) / 2).square().mean().log10())


@pytest.fixture(scope="module")
def walked() -> list[Tensor]:
    """Frames of a bundled model on its way, [3, 256, 256] in -1..1."""
    player = open_model(folder("models") / "alive.safetensors", "cpu", live=False)
    space = player.space
    z = np.random.default_rng(3).standard_normal((2, space.z_dim)).astype(np.float32)
    w0, w1 = space.map(z)  # [w_dim] each
    frames = []
    for k in range(4):
        w = np.tile(w0 + k / 60 * (w1 - w0), (space.num_ws, 1)).astype(np.float32)
        image = player.generate(LatentState(k / 30, w)).image
        frames.append(torch.from_numpy(image.copy()).permute(2, 0, 1).float() / 127.5 - 1.0)
    return frames


def plainly(image: Tensor) -> Tensor:
    return F.interpolate(image[None], scale_factor=2, mode="bilinear")[0]


def test_it_comes_nearer_than_plain_enlargement(taught: Upscaler, walked: list[Tensor]) -> None:
    small = F.avg_pool2d(walked[0][None], 2)[0]  # [3, 128, 128]
    ours = SuperResolution(taught).enlarge(small).clamp(-1, 1)
    assert psnr(ours, walked[0]) > psnr(plainly(small), walked[0]) + 1.0


def test_it_flickers_no_more_than_plain_enlargement(taught: Upscaler, walked: list[Tensor]) -> None:
    """What changes from frame to frame, against what changes in the frames as they were drawn."""
    small = [F.avg_pool2d(frame[None], 2)[0] for frame in walked]
    ours = [SuperResolution(taught).enlarge(frame).clamp(-1, 1) for frame in small]

    def temporal(frames: list[Tensor]) -> float:
        both = zip(pairwise(frames), pairwise(walked), strict=True)
        return float(np.mean([psnr(b - a, d - c) for (a, b), (c, d) in both]))

    assert temporal(ours) > temporal([plainly(frame) for frame in small]) + 1.0
    assert torch.equal(ours[0], SuperResolution(taught).enlarge(small[0]).clamp(-1, 1))


def test_four_times_is_twice_two_times() -> None:
    image = np.random.default_rng(2).integers(0, 256, (32, 48, 3)).astype(np.uint8)
    twice = open_superres(2, "cpu")
    assert np.array_equal(open_superres(4, "cpu")(image), twice(twice(image)))


def test_a_folder_without_it_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"superres.safetensors' cannot be read"):
        open_superres(2, "cpu", tmp_path / "superres.safetensors")


def test_sizes_that_cannot_be_enlarged_to_are_one_sentence() -> None:
    assert inner_size((3840, 2160), 2) == (1920, 1080) and inner_size((640, 360), 1) == (640, 360)
    with pytest.raises(VjganError, match="--size 642x362 with --upscale 4 must be multiples of 8"):
        inner_size((642, 362), 4)
    with pytest.raises(VjganError, match="--upscale 3 is none of 1, 2, 4"):
        inner_size((640, 360), 3)


def test_it_is_taught_on_from_a_state_or_from_written_weights(tmp_path: Path) -> None:
    pictures, run = tmp_path / "pictures", tmp_path / "run"
    pictures.mkdir()
    run.mkdir()
    for k in range(16):
        image = scene(200, 200, k).permute(1, 2, 0).add(1).mul(127.5).byte().numpy()
        save_image(pictures / f"{k}.png", image)
    seen = teaching.Pictures([pictures])
    assert len(seen.held) == 1 and len(seen.learnt) == 15
    out = tmp_path / "out.safetensors"
    teaching.teach(seen, run, out, 1e-9, superres.WEIGHTS)  # no time for a step
    written, start = superres.read_superres(out).state_dict(), superres.read_superres().state_dict()
    assert all(torch.equal(written[name], start[name]) for name in start)
    teaching.teach(seen, run, out, 0.5)
    first = torch.load(run / "state.pt", weights_only=True)["steps"]
    onward = superres.read_superres(out).state_dict()
    assert first > 0 and not torch.equal(onward["leave.weight"], start["leave.weight"])
    teaching.teach(seen, run, out, 0.5)
    assert torch.load(run / "state.pt", weights_only=True)["steps"] > first  # it goes on
    with pytest.raises(VjganError, match="fewer than 16 pictures"):
        teaching.Pictures([run])
