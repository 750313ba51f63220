"""The default model's training: sitters, pairs, and a miniature run that falls and resumes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from vjgan.errors import ModelError, VjganError
from vjgan.generator import checkpoint
from vjgan.generator.stylegan2 import Mapping, StyleGAN2, StyleGAN2Config
from vjgan.generator.upscale import read_upscaler
from vjgan.train import products, shards, sitter, upres
from vjgan.train.export import distilled
from vjgan.train.features import PACKAGE
from vjgan.train.judge import CHANNELS, Judge, fool_loss, judge_loss
from vjgan.train.mapping import Known, distil
from vjgan.train.painter import paint
from vjgan.train.pairs import Pairs, attention
from vjgan.train.portraits import Trainer

SMALL = StyleGAN2Config(
    resolution=128,
    z_dim=len(sitter.NAMES),
    w_dim=64,
    channel_base=1024,
    channel_max=16,
    mapping_layers=6,
)


def write_shard(folder: Path, number: int, count: int = 64) -> None:
    """A shard as the renderer writes it, of discs in the sitter's colours."""
    p = sitter.draw(number, count)
    d = sitter.describe(p)
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    disc = ((x - d["turn"][:, None, None]) ** 2 + y**2 < 0.4)[..., None]  # [n, 128, 128, 1]
    colours = np.where(disc, d["skin"][:, None, None], d["backdrop"][:, None, None])
    pictures = (255 * np.clip(colours, 0, 1) ** (1 / 2.2)).astype(np.uint8)
    marks = np.tile(np.array([[0.6, 0.4], [0.4, 0.4], [0.5, 0.7]], np.float32), (count, 1, 1))
    shards.write_shard(folder / f"{number:06d}.npz", shards.Shard(p, pictures, marks))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"names": None}, "numbers were others than these; delete it"),
        ({"names": ("pucker", *sitter.NAMES[1:])}, f"without {sitter.NAMES[0]}; delete it"),
        ({"names": sitter.NAMES[::-1]}, "numbers were others than these; delete it"),
        ({"marks": None}, "not a shard of portraits"),
        ({"p": np.array([object()])}, "not a shard of portraits"),
    ],
)
def test_a_shard_of_other_sitters_is_one_clear_sentence(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    write_shard(tmp_path, 3, count=2)
    path = tmp_path / "000003.npz"
    assert len(shards.read_shard(path).p) == 2
    with np.load(path) as file:
        rows = {name: file[name] for name in file} | change
    np.savez(path, **{name: value for name, value in rows.items() if value is not None})
    with pytest.raises(VjganError, match=said) as caught:
        Pairs(tmp_path)
    assert str(path) in str(caught.value)


def test_a_shard_cut_short_or_missing_is_one_clear_sentence(tmp_path: Path) -> None:
    write_shard(tmp_path, 3, count=2)
    path = tmp_path / "000003.npz"
    whole = path.read_bytes()
    with pytest.raises(VjganError, match=r"no portraits; .* --first 900000 --count 1$"):
        shards.shard_paths(tmp_path, held=True)
    for length in (0, 10, len(whole) // 2, len(whole) - 3):
        path.write_bytes(whole[:length])
        with pytest.raises(VjganError, match="not a shard of portraits"):
            shards.read_shard(path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_shard(tmp_path, 0)
    write_shard(tmp_path, shards.HELD)
    (tmp_path / "run").mkdir()
    return tmp_path


def test_sitters_repeat_and_have_the_length_that_the_mapping_network_gives() -> None:
    p = sitter.draw(3, 50)
    assert np.array_equal(p, sitter.draw(3, 50))
    assert np.allclose((p**2).sum(1), len(sitter.NAMES), rtol=1e-5)


def test_mirroring_turns_what_has_a_side_and_nothing_else() -> None:
    p = sitter.draw(3, 50)
    d, mirrored = sitter.describe(p), sitter.describe(sitter.mirror(p))
    for name in d:
        if name in ("turn", "gaze", "parting"):
            assert np.allclose(mirrored[name], -d[name])
        elif name in ("key", "rim"):
            assert np.allclose(mirrored[name], d[name] * [-1, 1, 1])
        else:
            assert np.allclose(mirrored[name], d[name]), name


def test_embedding_is_standard() -> None:
    embedded = sitter.embed(sitter.draw(77, 5000))
    assert np.abs(embedded.mean(0)).max() < 0.1
    assert abs(np.median(embedded.std(0)) - 1) < 0.05


def test_a_mapping_network_learns_what_is_known_of_a_vector() -> None:
    torch.manual_seed(4)
    network, known = StyleGAN2(SMALL), Known(sitter, SMALL.w_dim)
    off = [distil(known, network.synthesis, network.mapping, steps) for steps in (1, 120)]
    assert off[1] < 0.7 < off[0]
    z = torch.from_numpy(sitter.draw(5, 512))
    with torch.no_grad():
        styles = [network.synthesis.convs[3].affine(w) for w in (network.mapping(z), known(z))]
    assert (styles[0] - styles[1]).var() < 0.8 * styles[1].var(0).mean()


def test_pairs_mirror_pictures_and_marks(data: Path) -> None:
    pairs = Pairs(data)
    assert pairs.shards == ["000000.npz"] and len(pairs) == 64
    index = torch.tensor([5, 5])
    p, x, marks = pairs.get(index, torch.tensor([False, True]))
    assert torch.equal(x[1], x[0].flip(-1))
    turn = sitter.INDEX["turn"]
    assert p[1, turn] == -p[0, turn]
    assert torch.allclose(marks[1], marks[0])  # the shard's marks are symmetric
    weight = attention(marks, 32)
    assert torch.allclose(weight.mean((2, 3)), torch.ones(2, 1))
    assert weight[0, 0, 12, 12] > 2 * weight[0, 0, 1, 1]  # an eye
    assert weight[0, 0, 31, 5] > 2 * weight[0, 0, 30, 1]  # the rim


def test_no_portraits_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(VjganError, match=r"no portraits; render some: python -m tools\.portraits"):
        Pairs(tmp_path)


def test_the_trainer_says_what_is_missing_in_one_sentence(tmp_path: Path) -> None:
    words = ("-m", "vjgan.train.portraits", "--run", str(tmp_path / "run"), "--data", str(tmp_path))
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"vjgan: {tmp_path}: no portraits; render some:")
    assert "Traceback" not in done.stderr


def test_a_grown_network_paints_what_the_generator_shows() -> None:
    torch.manual_seed(1)
    network = StyleGAN2(SMALL)
    w = torch.randn(2, SMALL.w_dim)
    with torch.no_grad():
        image = paint(network.synthesis, w, SMALL.resolution, torch.float32)
        shown = network.synthesis(w[:, None].repeat(1, SMALL.num_ws, 1), noise=0.0)
    assert torch.allclose(image, shown, atol=1e-4)


def test_a_miniature_run_falls_and_resumes_exactly(data: Path) -> None:
    torch.set_num_threads(1)
    trainer = Trainer(data / "run", data, SMALL)
    first = [trainer.step() for _ in range(60)]
    assert np.mean(first[-5:]) < 0.8 * np.mean(first[:5])
    trainer.save()
    onward = [trainer.step() for _ in range(3)]
    resumed = Trainer(data / "run", data, SMALL)
    assert resumed.seen == 60 * 16
    assert [resumed.step() for _ in range(3)] == onward


class Former(Trainer):
    """Knows less of a vector than `Trainer`."""

    subject = sitter


def test_a_state_that_knew_other_things_of_a_vector_is_one_clear_sentence(data: Path) -> None:
    former = Former(data / "run", data, SMALL)
    former.save()
    state = data / "run" / "state.pt"
    with pytest.raises(ModelError, match=r"state\.pt: it was trained with another"):
        Trainer(data / "run", data, SMALL)
    with pytest.raises(ModelError, match="move it away"):
        distilled(state, former.average.state_dict(), SMALL, products, 1)
    assert Former(data / "run", data, SMALL).seen == 0  # it is still there


def test_a_lost_state_is_begun_again_from_the_written_model(data: Path) -> None:
    torch.set_num_threads(1)
    trainer = Trainer(data / "run", data, SMALL)
    trainer.save()
    written = distilled(
        data / "run" / "state.pt", trainer.average.state_dict(), SMALL, products, 400
    )
    checkpoint.save(
        data / "m.safetensors", written, name="m", licence="CC0-1.0", origin="test", trained=True
    )
    (data / "again").mkdir()
    begun = Trainer(data / "again", data, SMALL)
    begun.begin(data / "m.safetensors", 5000)
    assert begun.seen == 5000 and begun.pace() < 0.01  # a new optimiser is warmed
    fresh = torch.from_numpy(sitter.draw(9, 512))
    with torch.no_grad():
        theirs, ours = written.mapping(fresh), begun.network.mapping(fresh)
        left = (ours - theirs).square().sum() / (theirs - theirs.mean(0)).square().sum()
    assert left < 0.3  # of a mapping network that was hardly taught; over 1 without a fit
    weights = begun.average.synthesis.state_dict()
    for name, value in written.synthesis.state_dict().items():
        assert torch.allclose(weights[name], value, atol=2e-3), name  # written in fp16
    begun.step()
    begun.save()
    assert Trainer(data / "again", data, SMALL).began == 5000
    with pytest.raises(ModelError, match="its network is none that this trains"):
        Trainer(data / "other", data).begin(data / "m.safetensors", 5000)


def test_what_is_known_is_fitted_to_a_mapping_network() -> None:
    torch.manual_seed(3)
    told, learnt = Known(products, 16), Known(products, 16)
    assert learnt.fit(cast(Mapping, told)) < 1e-4


def test_the_judge_learns_what_is_real_and_the_painter_can_follow_it() -> None:
    torch.manual_seed(2)
    judge = Judge()
    optimiser = torch.optim.Adam(judge.parameters(), 1e-3)
    shapes = [(4, channels, 8, 8) for channels in CHANNELS]
    real, fake = [torch.randn(s) + 1 for s in shapes], [torch.randn(s) - 1 for s in shapes]
    for _ in range(20):
        optimiser.zero_grad()
        judge_loss(judge, real, fake, gamma=0.01).backward()
        optimiser.step()
    opinions = zip(judge(real), judge(fake), strict=True)
    assert all(good.mean() > bad.mean() + 0.5 for good, bad in opinions)
    assert fool_loss(judge, real, real) < fool_loss(judge, real, fake)


@pytest.mark.skipif(importlib.util.find_spec(PACKAGE) is None, reason=f"needs {PACKAGE}")
def test_an_up_resolution_learns_and_resumes_exactly(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(5)
    p, random = sitter.draw(0, 4), np.random.default_rng(6)
    pictures = random.integers(0, 256, (4, 256, 256, 3), np.uint8)
    marks = random.uniform(0.3, 0.7, (4, 3, 2)).astype(np.float32)
    shards.write_shard(tmp_path / "000000.npz", shards.Shard(p, pictures, marks))
    pairs = upres.Enlargements(tmp_path, StyleGAN2(SMALL))
    assert len(pairs) == 8  # mirrored ones too
    assert torch.equal(pairs.y[4], pairs.y[0].flip(-1))
    teacher = upres.Teacher(tmp_path, pairs)
    before = teacher.average.leave.weight.clone()
    teacher.step()
    teacher.save()
    onward = [teacher.step() for _ in range(2)]
    resumed = upres.Teacher(tmp_path, pairs)
    assert resumed.steps == 1
    assert [resumed.step() for _ in range(2)] == onward
    (tmp_path / "heads.safetensors").write_bytes(b"")
    written = read_upscaler(upres.export(resumed, tmp_path / "heads.safetensors", tmp_path))
    assert not torch.equal(written.leave.weight, before)
    (tmp_path / "again").mkdir()
    again = upres.Teacher(tmp_path / "again", pairs, tmp_path / "heads@2x.safetensors")
    assert torch.equal(again.average.leave.weight, written.leave.weight)
