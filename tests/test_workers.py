"""Films by many workers: the same, bit for bit, whoever is lost and however often one begins."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from painters import W_DIM, Painted, open_painted

from vjgan.crew import cluster
from vjgan.crew.chunks import PICTURES, Folder, Job, read_pictures, read_task
from vjgan.crew.drawing import Drawer, prove
from vjgan.crew.foreman import Foreman
from vjgan.crew.local import LocalCrew
from vjgan.errors import DeviceError, MediaError, VjganError
from vjgan.film import FilmSettings, Progress, film
from vjgan.generator import checkpoint
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config
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


def test_two_do_not_draw_one_film(tmp_path: Path) -> None:
    film = tmp_path / "a.mp4"
    with Folder(film).alone():
        with (
            pytest.raises(MediaError, match=r"a\.mp4' is being rendered by another vjgan"),
            Folder(film).alone(),
        ):
            pass
        with Folder(tmp_path / "b.mp4").alone():
            pass
    with Folder(film).alone():
        pass
    assert not list(tmp_path.iterdir())


def test_what_is_no_number_of_workers_is_one_sentence() -> None:
    assert check_workers("") == "" and check_workers("2") == "2" and check_workers("ray") == "ray"
    for wrong in ("0", "-1", "65", "many", "2.5"):
        with pytest.raises(VjganError, match=f"--workers '{wrong}' is neither"):
            check_workers(wrong)


# The whole film, with everything in it that carries light from frame to frame.

PRESET = """
format = 1
name = "carried"
passes = ["trails", "echo", "bloom"]
[motion]
seed = 4
[controls]
noise = 0.7
"bend.x" = 0.05
"trails.light" = 0.5
"""


SMALL = StyleGAN2Config(
    resolution=16, z_dim=8, w_dim=8, channel_base=64, channel_max=8, mapping_layers=2
)


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> FilmSettings:
    """The settings of a film, which one process has made."""
    place = tmp_path_factory.mktemp("films")
    torch.manual_seed(3)
    model = place / "small.safetensors"
    checkpoint.save(model, StyleGAN2(SMALL), name="small", licence="", origin="", trained=False)
    (place / "carried.toml").write_text(PRESET)
    made = FilmSettings(
        track="demo",
        output=place / "one.mp4",
        preset=str(place / "carried.toml"),
        model=str(model),
        size=(64, 64),
        end=Fraction(7, 3),  # 70 frames: three chunks
        device="cpu",
    )
    film(made, silent)
    return made


@contextmanager
def silent(total: int, name: str) -> Iterator[Callable[[int], None]]:
    yield lambda done: None


def interrupting(at: int, instead: Callable[[], None]) -> Progress:
    """Does something ``instead`` of the film's frame ``at``."""

    @contextmanager
    def progress(total: int, name: str) -> Iterator[Callable[[int], None]]:
        yield lambda done: instead() if name != "plan" and done == at else None

    return progress


def chunks(settings: FilmSettings) -> set[Path]:
    return set(settings.output.parent.glob(f".{settings.output.name}.chunks/*.npy"))


@pytest.mark.timeout(500)  # processes that open a model, where others are at work, too
def test_a_film_by_many_is_the_film_by_one_though_it_was_interrupted(
    single: FilmSettings, caplog: pytest.LogCaptureFixture
) -> None:
    many = replace(single, output=single.output.with_name("many.mp4"), workers="2")

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        film(many, interrupting(PICTURES + 2, interrupt))
    assert "the same command goes on from there" in caplog.text
    assert not many.output.exists()
    kept = {path: path.stat().st_mtime_ns for path in chunks(many)}
    assert len(kept) >= 2  # that of the frame at which it ended, and the one before
    stray = next(iter(kept)).with_name("0" * 32 + ".npy")
    stray.write_bytes(b"of another film")
    caplog.clear()

    def look() -> None:
        assert {path: path.stat().st_mtime_ns for path in kept} == kept  # not drawn again
        assert not stray.exists()

    with caplog.at_level(logging.INFO, "vjgan"):
        film(many, interrupting(1, look))
    assert "of 70 pictures are there already" in caplog.text
    assert many.output.read_bytes() == single.output.read_bytes()
    assert not many.output.with_name(".many.mp4.chunks").exists()


@pytest.mark.timeout(500)
@pytest.mark.skipif(not cluster.installed(), reason="needs Ray")
def test_a_film_by_ray_is_the_same_though_a_worker_was_lost(
    single: FilmSettings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    many = replace(single, output=single.output.with_name("ray.mp4"), workers="ray")
    give, killed = cluster.RayCrew.give, []

    def give_and_kill(crew: cluster.RayCrew, worker: int, job: Job, proof: str) -> None:
        give(crew, worker, job, proof)
        if not killed and (pid := crew.pid(worker)) is not None:
            killed.append(pid)
            os.kill(pid, signal.SIGKILL)

    monkeypatch.setattr(cluster.RayCrew, "give", give_and_kill)
    film(many, silent)
    assert killed and "was lost; what it drew is drawn again" in caplog.text
    assert many.output.read_bytes() == single.output.read_bytes()


def test_a_cluster_that_is_not_there_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    with pytest.raises(DeviceError, match=r"^--workers ray: .*(is not installed|does not answer)"):
        cluster.RayCrew(partial(open_painted, 0.0))
