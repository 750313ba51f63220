"""Mistakes at ``vjgan train``: one clear sentence each, and status 1."""

from __future__ import annotations

from pathlib import Path

import pytest
from albums import fill
from typer.testing import CliRunner

from vjgan.cli import app
from vjgan.commands.train import duration
from vjgan.errors import VjganError

RUNNER = CliRunner()


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    for k in range(3):
        (tmp_path / "texts" / f"{k}.png").write_text("hello")
    fill(tmp_path / "art", 9, 32)
    fill(tmp_path / "one", 1, 32)
    (tmp_path / "bad.safetensors").write_bytes(b"not a model")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gone",), "'gone' is not there; give a folder or a zip of pictures"),
        (("empty",), "'empty' holds no pictures; known are .bmp"),
        (("texts",), "'texts' holds 0 fit of 3 pictures (3 unreadable)"),
        (("one",), "'one' holds 1 fit of 1 pictures; training at 32 pixels needs 8"),
        (("art", "--size", "64"), "'art' holds 0 fit of 9 pictures (9 tiny)"),
        (("art", "--size", "24"), "--size 24 is not a power of two from 16 to 1024; take 16 or 32"),
        (("art", "--keep", "tiny"), "--keep 'tiny' is not one of blurred, upscaled, duplicate"),
        (("art", "--batch", "0"), "--batch 0 is outside 1..4096"),
        (("art", "--classes"), "lies in no subfolder"),
        (("art", "--init", "nope"), "model 'nope' is neither a file nor a bundled model"),
        (("art", "--init", "bad.safetensors"), "bad.safetensors"),
        (("art", "--device", "cuda:9"), "cuda:9"),
        (("art", "--precision", "fp4"), "precision 'fp4' is not one of auto, fp32, bf16, fp16"),
    ],
)
def test_a_mistake_is_one_sentence(files: Path, words: tuple[str, ...], said: str) -> None:
    done = RUNNER.invoke(app, ["train", *words, "-o", "out", "--kimg", "0.01"])
    assert isinstance(done.exception, VjganError)
    assert said in str(done.exception)
    assert "\n" not in str(done.exception)


def test_preparing_alone_reports_and_trains_nothing(files: Path) -> None:
    (files / "art" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = RUNNER.invoke(app, ["train", "art", "-o", "out", "--prepare"])
    assert done.exit_code == 0, done.output
    assert "9 of 10 pictures are fit, at 32x32" in done.stdout
    assert "1  unreadable  no picture, or damaged" in done.stdout
    assert sorted(p.name for p in (files / "out").iterdir()) == ["data"]
    assert "broken.png" in (files / "out" / "data" / "report.txt").read_text()


def test_nowhere_to_write(files: Path) -> None:
    done = RUNNER.invoke(app, ["train", "art", "-o", "/proc/no/where", "--prepare"])
    assert isinstance(done.exception, VjganError)
    assert "cannot be written" in str(done.exception)


def test_time_left_is_read_at_a_glance() -> None:
    assert [duration(s) for s in (9, 300, 9000, 700_000, float("inf"))] == [
        "9 s",
        "5 min",
        "2.5 h",
        "8.1 days",
        "?",
    ]
