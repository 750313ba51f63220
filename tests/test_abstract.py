"""The second default model: its pictures, the landscapes they are sums of, and its training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from vjgan.generator import checkpoint
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config
from vjgan.train import abstract, currents
from vjgan.train.abstract import Pool, Trainer, export, lay

SMALL = StyleGAN2Config(
    resolution=64,
    z_dim=len(currents.NAMES),
    w_dim=32,
    channel_base=1024,
    channel_max=16,
    mapping_layers=6,
)


def test_pictures_repeat_and_every_number_changes_them_smoothly() -> None:
    p = currents.draw(3, 8)
    assert np.array_equal(p, currents.draw(3, 8))
    assert np.allclose((p**2).sum(1), len(currents.NAMES), rtol=1e-5)
    z = torch.from_numpy(p)
    x = currents.paint(z, 48)
    assert x.shape == (8, 3, 48, 48)
    assert -1.0 <= x.min() < -0.7
    assert 0.8 < x.max() <= 1.001
    for k, name in enumerate(currents.NAMES):
        step = torch.eye(len(currents.NAMES))[k]
        small, large = (
            (currents.paint(z + far * step, 48) - x).square().mean().sqrt() for far in (0.01, 0.1)
        )
        assert 0.0001 < small < 0.02, name
        assert 5.0 < large / small < 13.0, name  # ten times as far is ten times as different


def test_pictures_of_all_sizes_are_of_the_same_thing() -> None:
    z = torch.from_numpy(currents.draw(4, 16))
    large = torch.nn.functional.avg_pool2d(currents.paint(z, 128), 4)
    assert (currents.paint(z, 32) - large).abs().mean() < 0.06


def test_white_and_black_are_white_and_black() -> None:
    ends = torch.tensor([[[0.0]], [[1.0]]])
    rgb = currents.srgb(ends, 0 * ends, 0 * ends)  # OKLab's ends are those of sRGB
    assert rgb[0].max() < 0.08
    assert rgb[1].min() > 0.9
    # red, as its author's reference gives it: OKLab 0.628, 0.225, 0.126
    red = currents.srgb(*(torch.full([1, 1, 1], v) for v in (0.628, 0.225, 0.126)))[0, :, 0, 0]
    assert red[0] > 0.9
    assert red[1:].max() < 0.1


def test_the_lowest_layers_hold_the_landscapes_whatever_w_is() -> None:
    torch.manual_seed(1)
    synthesis = StyleGAN2(SMALL).synthesis
    first, last = lay(synthesis, 1), lay(synthesis, 40)
    assert last < 0.5 * first
    x, y = (synthesis.convs[0](synthesis.const[None], w, 0.0, False) for w in torch.randn(2, 1, 32))
    assert torch.equal(x, y)


def test_a_pool_moves_on_and_comes_back() -> None:
    pool = Pool(24, 8)
    before = pool.get(torch.arange(24))
    pool.renew(5)
    moved = pool.get(torch.arange(24))
    assert [int((a != b).flatten(1).any(1).sum()) for a, b in zip(before, moved, strict=True)] == [
        5,
        5,
    ]
    other = Pool(24, 8)
    other.keep(pool.shards)
    for a, b in zip(moved, other.get(torch.arange(24)), strict=True):
        assert torch.equal(a, b)


def test_a_miniature_falls_resumes_exactly_and_plays(tmp_path: Path) -> None:
    def trainer(folder: str) -> Trainer:
        (tmp_path / folder).mkdir(exist_ok=True)
        return Trainer(tmp_path / folder, 320, pool=16, config=SMALL, laying=2)

    whole = trainer("a")
    losses = [whole.step() for _ in range(10)]
    whole.save()
    losses += [whole.step() for _ in range(10)]
    assert np.mean(losses[6:10]) < 0.97 * np.mean(losses[:3])
    assert whole.stage.resolution == 64  # it has grown on the way
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "state.pt").write_bytes((tmp_path / "a" / "state.pt").read_bytes())
    again = trainer("b")
    assert again.seen == 160
    for _ in range(10):
        again.step()
    for a, b in zip(whole.network.parameters(), again.network.parameters(), strict=True):
        assert torch.equal(a, b)
    row = again.evaluate()
    assert row["resolution"] == 64
    assert row["psnr"] > 5.0
    export(tmp_path / "a" / "state.pt", tmp_path / "model.safetensors", 8, SMALL, teaching=2)
    made = checkpoint.load(tmp_path / "model.safetensors")
    assert made.info.trained
    assert made.info.licence == "CC0-1.0"
    assert set(made.info.directions) >= {*currents.KINDS, *currents.FIELDS, "folds", "flow"}


def test_the_rate_falls_to_a_twentieth(tmp_path: Path) -> None:
    trainer = Trainer(tmp_path, 10_000, pool=8, config=SMALL, laying=1)
    paces = []
    for seen in (0, 1000, 5_000, 10_000):
        trainer.seen = seen
        paces.append(trainer.pace())
    assert paces[0] < 0.01
    assert paces[1] == pytest.approx(0.977, abs=0.01)
    assert paces[2] == pytest.approx(0.525, abs=0.01)
    assert paces[3] == pytest.approx(abstract.LAST_RATE)
