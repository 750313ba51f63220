"""Films by many workers: the same, bit for bit, whoever is lost and however often one begins."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
import pytest
from painters import W_DIM, Painted, open_painted

from vjgan.crew import cluster
from vjgan.crew.chunks import PICTURES, Folder, Job, read_pictures, read_task
from vjgan.crew.drawing import Drawer, prove
from vjgan.crew.foreman import Foreman
from vjgan.crew.local import LocalCrew
from vjgan.errors import MediaError, VjganError
from vjgan.film import FilmSettings, film
from vjgan.types import LatentState
from vjgan.workers import check_workers

def latents(count: int, first: int = 0) -> list[LatentState]:
    return [
        LatentState(k / 30, np.full((2, W_DIM), first + k, np.float32), 0.5, {"bend.x": 0.1})
        for k in range(count)
    ]


def jobs(folder: Folder, count: int, model: str = "painted") -> list[Job]:
    proof = prove(Painted())  # type: ignore[arg-type]
    return [folder.job(model, proof, latents(PICTURES, 100 * k)) for k in range(count)]


@contextmanager
def led(crew: LocalCrew, wanted: list[Job]) -> Iterator[Foreman]:
    proof = prove(Painted())  # type: ignore[arg-type]
    foreman = Foreman(crew, wanted, {job.model: proof for job in wanted})
    try:
        yield foreman
    finally:
        foreman.close()


def check(job: Job) -> None:
    expected = [Painted().generate(latent).image for latent in read_task(job.task)]
    assert np.array_equal(read_pictures(job.pictures), expected)


def test_a_task_is_read_as_it_was_written(tmp_path: Path) -> None:
    job = Folder(tmp_path / "a.mp4").job("m", "p", latents(3))
    for read, written in zip(read_task(job.task), latents(3), strict=True):
        assert np.array_equal(read.w, written.w) and read.w.dtype == np.float32
        assert (read.noise, read.inside, read.time) == (0.5, {"bend.x": 0.1}, written.time)


def test_a_chunk_is_known_by_all_that_it_depends_on(tmp_path: Path) -> None:
    folder, base = Folder(tmp_path / "a.mp4"), latents(2)
    other = [LatentState(row.time, row.w, 0.6, row.inside) for row in base]
    bent = [LatentState(row.time, row.w, row.noise, {}) for row in base]
    tasks = [("p", base), ("q", base), ("p", other), ("p", bent), ("p", latents(2, 1))]
    names = {folder.job("m", proof, rows).pictures for proof, rows in tasks}
    assert len(names) == len(tasks)
    assert folder.job("m", "p", latents(2)).pictures in names
    later = [LatentState(row.time + 9.0, row.w, row.noise, row.inside) for row in base]
    assert folder.job("m", "p", later).pictures in names  # no picture tells the time


def test_what_is_lost_is_drawn_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    wanted = jobs(Folder(tmp_path / "a.mp4"), 4)
    crew = LocalCrew(2, partial(open_painted, 0.01))
    with led(crew, wanted) as foreman:
        foreman.wait(wanted[0])
        victim = next(pid for k in (0, 1) if (pid := crew.pid(k)) is not None)
        os.kill(victim, signal.SIGKILL)
        for job in wanted:
            foreman.wait(job)
            check(job)
    assert "was lost; what it drew is drawn again" in caplog.text


def test_a_worker_that_draws_otherwise_gets_no_work(tmp_path: Path) -> None:
    wanted = jobs(Folder(tmp_path / "a.mp4"), 1, model="wrong")
    with (
        led(LocalCrew(1, partial(open_painted, 0.0)), wanted) as foreman,
        pytest.raises(VjganError, match="no worker draws as this machine does"),
    ):
        foreman.wait(wanted[0])
    assert not wanted[0].done


def test_a_model_that_a_worker_has_not_is_one_sentence(tmp_path: Path) -> None:
    wanted = jobs(Folder(tmp_path / "a.mp4"), 1, model="missing")
    with (
        led(LocalCrew(1, partial(open_painted, 0.0)), wanted) as foreman,
        pytest.raises(VjganError, match="model 'missing' is nowhere"),
    ):
        foreman.wait(wanted[0])


def test_smaller_pictures_are_refused() -> None:
    def open_(name: str) -> Painted:
        painted = Painted()
        painted.resolution = (8, 8)
        return painted

    drawer = Drawer(open_)  # type: ignore[arg-type]
    with pytest.raises(VjganError, match="too little memory"):
        drawer.draw("m", latents(1), prove(open_("m")))  # type: ignore[arg-type]


def test_a_disk_that_is_too_small_is_told_before(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "a.mp4")
    with pytest.raises(MediaError, match=r"take \d+\.\d GB, and .* GB are free"):
        folder.check_space(jobs(folder, 1), 10**15)


def test_what_is_no_number_of_workers_is_one_sentence() -> None:
    assert check_workers("") == "" and check_workers("2") == "2" and check_workers("ray") == "ray"
    for wrong in ("0", "-1", "65", "many", "2.5"):
        with pytest.raises(VjganError, match=f"--workers '{wrong}' is neither"):
            check_workers(wrong)


# The whole film, with everything in it that carries light from frame to frame.

PRESET = """
name = "carried"
passes = ["trails", "echo", "bloom"]
[motion]
seed = 4
[controls]
noise = 0.7
bend.x = 0.05
"trails.amount" = 0.8
[[route]]
from = "low"
to = "speed"
amount = 0.5
"""


@pytest.fixture
def settings(tmp_path: Path) -> FilmSettings:
    preset = tmp_path / "carried.toml"
    preset.write_text(PRESET)
    return FilmSettings(
        track="demo",
        output=tmp_path / "one.mp4",
        preset=str(preset),
        size=(64, 64),
        fps=Fraction(30),
        start=Fraction(0),
        end=Fraction(7, 3),  # 70 frames: three chunks
        device="cpu",
    )


@contextmanager
def silent(total: int, name: str) -> Iterator[Callable[[int], None]]:
    yield lambda done: None


def frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
