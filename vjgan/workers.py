"""Films by many workers, put together from the rooms."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from vjgan.assets import folder
from vjgan.clock import FixedClock
from vjgan.crew.chunks import Folder
from vjgan.crew.cluster import RayCrew
from vjgan.crew.foreman import Crew, Foreman
from vjgan.crew.local import LocalCrew
from vjgan.crew.plan import DarkScreen, DarkStage, HeardOnce, Plan, Planner
from vjgan.engine import Engine
from vjgan.errors import VjganError
from vjgan.generator.checkpoint import find_model
from vjgan.generator.player import Player, open_model
from vjgan.library import Library
from vjgan.people import People
from vjgan.render import Nobody
from vjgan.stats import Stats

if TYPE_CHECKING:
    from vjgan.film import FilmSettings, Part, Progress

log = logging.getLogger("vjgan")

MOST = 64  # processes on one machine
RAY = "ray"

Shown = Callable[[int], None]


def check_workers(text: str) -> str:
    """What ``--workers`` says: a number of processes, ``ray``, or nothing. Raises VjganError."""
    if text in ("", RAY) or (text.isdecimal() and 1 <= int(text) <= MOST):
        return text
    raise VjganError(f"--workers '{text}' is neither ray nor a number of processes, 1 to {MOST}")


@contextmanager
def shared(
    settings: FilmSettings,
    library: Library,
    make: Callable[[], Part],
    progress: Progress,
    check: Callable[[], None],
) -> Iterator[Part]:
    """The film that ``make`` makes, whose pictures workers draw while this lasts: it has been gone
    through once, in the dark.

    Pictures that are done outlast an interruption, in a folder beside the film that goes when the
    film is there. ``check`` is called whenever it is waited for something. Raises VjganError."""
    chunks = Folder(settings.output)
    plan = Plan(library.load, chunks)
    with chunks.alone(), _loading(library, plan):
        part = make()
        part = replace(part, ear=HeardOnce(part.ear))
        with progress(part.frames, "plan") as shown:

            def count(done: int) -> None:
                shown(done)
                check()

            _go_through(part, plan, settings, count)
        _prepare(chunks, plan)
        foreman = Foreman(_crew(settings), plan.jobs, plan.proofs, check)
        plan.wait = foreman.wait
        try:
            yield replace(make(), ear=part.ear)
        except BaseException:
            _tell_what_is_kept(chunks, plan)
            raise
        finally:
            foreman.close()
        chunks.remove()


@contextmanager
def _loading(library: Library, plan: Plan) -> Iterator[None]:
    """Let models be what the plan makes of them."""
    own, library.load = library.load, plan.load
    try:
        yield
    finally:
        library.load = own


def _go_through(part: Part, plan: Plan, settings: FilmSettings, shown: Shown) -> None:
    """The film without its light."""
    stage = DarkStage(part.scene())
    planner = Planner(plan)
    planner.use(stage.scene.generator)
    try:
        Engine(
            clock=part.clock or FixedClock(settings.fps, part.frames, part.start),
            ear=part.ear,
            hands=part.hands or Nobody(),
            tempo=part.tempo,
            scenes=part.scenes or Nobody(),
            stage=stage,
            painter=planner,
            screen=DarkScreen(settings.size, shown),
            stats=Stats(float(settings.fps)),
            people=People(settings.seed),
        ).run()
    finally:
        stage.close()
    plan.fill()


def _prepare(chunks: Folder, plan: Plan) -> None:
    """See that there is room for the chunks, and none of another film."""
    chunks.tidy()
    if plan.jobs:
        chunks.check_space(plan.jobs, plan.largest)
    if done := sum(job.count for job in plan.jobs if job.done):
        log.info("%d of %d pictures are there already", done, plan.pictures)


def _crew(settings: FilmSettings) -> Crew:
    if settings.workers == RAY:
        return RayCrew(partial(open_alone, settings.device, 1))
    size = int(settings.workers)
    return LocalCrew(size, partial(open_alone, settings.device, size))


def open_alone(device: str, processes: int, name: str) -> Player:
    """The model of a name or path, opened by a process that is one of several on this machine.
    Raises ModelError and DeviceError."""
    return open_model(find_model(name, folder("models")), device, False, processes=processes)


def _tell_what_is_kept(chunks: Folder, plan: Plan) -> None:
    done = sum(job.count for job in plan.jobs if job.done)
    log.warning(
        "%d of %d pictures are kept in '%s': the same command goes on from there",
        done,
        plan.pictures,
        chunks.path,
    )
