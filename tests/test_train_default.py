"""One command makes the default model, in order, and goes on where it stopped."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from vjgan.errors import VjganError
from vjgan.generator import checkpoint
from vjgan.generator.upscale import read_upscaler
from vjgan.train import default
from vjgan.train.default import DATA, FINISH, INSIDE, MESH, MINIATURE, RUN, Scale, Step, make, steps
from vjgan.train.features import PACKAGE

ROOT = Path(__file__).parent.parent
MADE = (ROOT / MESH / INSIDE).is_dir() and importlib.util.find_spec(PACKAGE) is not None


def plan(root: Path) -> list[bool]:
    scale = replace(Scale(), kimg=10.0, finish_kimg=5.0, shards=2)
    return [step.done() for step in steps(root, scale, root / "model.safetensors")]


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    judge = plan(tmp_path)[1]  # installed or not, on this machine
    assert plan(tmp_path) == [False, judge, *[False] * 8]
    (tmp_path / MESH / INSIDE).mkdir(parents=True)
    (tmp_path / DATA).mkdir(parents=True)
    for number in (900_000, 0):
        (tmp_path / DATA / f"{number:06d}.npz").touch()
    assert plan(tmp_path) == [True, judge, True, *[False] * 7]
    (tmp_path / DATA / "000001.npz").touch()
    for folder, pictures in ((RUN, 10_000), (FINISH, 12_000)):
        (tmp_path / folder).mkdir(parents=True)
        torch.save({"seen": pictures}, tmp_path / folder / "state.pt")
    assert plan(tmp_path) == [True, judge, True, True, True, *[False] * 5]
    torch.save({"seen": 15_000}, tmp_path / FINISH / "state.pt")
    assert default.seen(tmp_path / FINISH) == 15_000
    assert plan(tmp_path) == [True, judge, *[True] * 4, *[False] * 4]


@pytest.mark.timeout(600)  # a minute alone, but not beside other work
@pytest.mark.skipif(not MADE, reason="needs training/anny and the judge's network")
def test_the_whole_way_in_miniature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "training").mkdir()
    (tmp_path / "models").mkdir()
    for name in ("tools", str(MESH)):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    default.main(["--miniature"])
    made = checkpoint.load(tmp_path / "models" / "portraits.safetensors")
    assert {"smile", "turn", "marble"} <= set(made.info.directions)
    assert made.info.description.endswith(
        "0 thousand pictures seen; early: strands and curls still soft."
    )
    read_upscaler(tmp_path / "models" / "portraits@2x.safetensors")
    assert default.seen(tmp_path / FINISH) == 1000 * (MINIATURE.kimg + MINIATURE.finish_kimg)
    before = (tmp_path / FINISH / "state.pt").read_bytes()
    capfd.readouterr()
    default.main(["--miniature"])  # all but the export is done
    said = capfd.readouterr().out
    assert said.count("already done") == 9
    assert (tmp_path / FINISH / "state.pt").read_bytes() == before


def test_steps_are_done_in_order_until_one_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = list[str]()
    todo = [
        Step("one", lambda: True, lambda: done.append("one")),
        Step("two", lambda: False, lambda: done.append("two")),
        Step("three", lambda: False, lambda: default._run(tmp_path, "sh", "-c", "exit 3")),
        Step("four", lambda: False, lambda: done.append("four")),
    ]
    with pytest.raises(VjganError, match=r"'-c exit 3' ended with 3; run again to go on"):
        make(todo)
    assert done == ["two"]
    assert capsys.readouterr().out.splitlines() == [
        "1/4  one: already done",
        "2/4  two: ...",
        "3/4  three: ...",
    ]
