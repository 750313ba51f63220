"""A film gone through in the dark, which tells what its model will have to draw; and then with
light, each picture handed out where it is wanted."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence

import numpy as np

from vjgan.crew.chunks import PICTURES, Folder, Job, digest, read_pictures
from vjgan.crew.drawing import prove
from vjgan.stage import Stage
from vjgan.types import (
    GLANCE_WIDTH,
    Beat,
    ByteArray,
    Controls,
    Ear,
    Event,
    Features,
    Frame,
    Generator,
    LatentSpace,
    LatentState,
    PassWeight,
    Picture,
    Tick,
    model_of,
)

log = logging.getLogger("vjgan")


class Handed:
    """A ``Generator`` whose pictures others draw: those of ``model``, the name or path of a
    generator. ``draw`` gives the picture of a latent."""

    def __init__(
        self, generator: Generator, model: str, draw: Callable[[Handed, LatentState], Frame]
    ) -> None:
        self.own = generator
        self.model = model
        self.name, self.trained = generator.name, generator.trained
        self.resolution = generator.resolution
        self._draw = draw

    @property
    def space(self) -> LatentSpace:
        """The generator's."""
        return self.own.space

    def prepare(self) -> None:
        """Make the generator ready to be reached into."""
        self.own.prepare()

    def generate(self, latent: LatentState) -> Frame:
        """The picture that was handed in."""
        return self._draw(self, latent)


class Plan:
    """The pictures of a film in their order. ``load`` gives the generator of a model's name and
    ``folder`` keeps the pictures; ``wait``, once it is set, waits for those of a job."""

    def __init__(self, load: Callable[[str], Generator], folder: Folder) -> None:
        self.jobs: list[Job] = []
        self.proofs: dict[str, str] = {}  # by model
        self.largest = 0  # bytes of a picture
        self.wait: Callable[[Job], None] = lambda job: None
        self._load = load
        self._folder = folder
        self._handed: dict[str, Handed] = {}  # by model
        self._digests: list[bytes] = []
        self._places: list[tuple[int, int]] = []  # of each picture: which job, and where in it
        self._open: list[LatentState] = []  # of the job that is being filled
        self._filled: Handed | None = None  # whose it is
        self._next = 0
        self._astray = False
        self._read: tuple[int, ByteArray] | None = None

    @property
    def pictures(self) -> int:
        """How many there are."""
        return len(self._places)

    def load(self, model: str) -> Generator:
        """The generator of a model, as its pictures will be handed out."""
        generator = self._load(model)
        known = self._handed.get(model)
        if known is None or known.own is not generator:
            known = self._handed[model] = Handed(generator, model, self._take)
            self.proofs[model] = prove(generator)
            self.largest = max(self.largest, 3 * math.prod(generator.resolution))
        return known

    def add(self, generator: Handed, latent: LatentState) -> None:
        """One more picture is to be drawn."""
        if generator is not self._filled or len(self._open) == PICTURES:
            self.fill()
        self._filled = generator
        self._places.append((len(self.jobs), len(self._open)))
        self._digests.append(digest(latent))
        self._open.append(latent)

    def fill(self) -> None:
        """Write down the job that is being filled."""
        if self._filled is not None and self._open:
            model = self._filled.model
            self.jobs.append(self._folder.job(model, self.proofs[model], self._open))
        self._open = []

    def _take(self, generator: Handed, latent: LatentState) -> Frame:
        """The next picture; drawn here if it is not the one that was foretold."""
        index, self._next = self._next, self._next + 1
        if index >= len(self._places) or self._digests[index] != digest(latent):
            if not self._astray:
                log.warning("picture %d and perhaps more were not foretold: drawn here", index)
            self._astray = True
            return generator.own.generate(latent)
        job, place = self._places[index]
        if self._read is None or self._read[0] != job:
            self.wait(self.jobs[job])
            self._read = job, read_pictures(self.jobs[job].pictures)
        return Frame(latent.time, np.array(self._read[1][place]))


class Planner:
    """A ``Painter`` who only notes what is to be painted."""

    lag = 0.0

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._generator: Generator | None = None
        self._last: tuple[Generator, LatentState] | None = None

    def use(self, generator: Generator) -> None:
        """Play another generator from the next frame on."""
        self._generator = generator

    def paint(self, latent: LatentState, tick: Tick) -> Picture:
        """Darkness."""
        assert self._generator is not None
        model = model_of(self._generator)
        if isinstance(model, Handed) and not self._is_last(latent):
            self._plan.add(model, latent)
        self._last = self._generator, latent
        frame = Frame(latent.time, np.zeros((2, 2, 3), np.uint8))
        return Picture(frame, frame)

    def close(self) -> None:
        """Nothing to end."""

    def _is_last(self, latent: LatentState) -> bool:
        """Whether the last picture is this one, too, and is not drawn again."""
        if self._last is None or self._last[0] is not self._generator:
            return False
        last = self._last[1]
        return (
            last.noise == latent.noise
            and last.inside == latent.inside
            and np.array_equal(last.w, latent.w)
        )


class HeardOnce:
    """An ``Ear`` that analyses each frame's sound once, however often the film is gone through."""

    def __init__(self, ear: Ear) -> None:
        self._ear = ear
        self._heard: list[Features] = []

    def read(self, tick: Tick) -> Features:
        """The features of a frame."""
        while len(self._heard) <= tick.index:
            self._heard.append(self._ear.read(tick))
        return self._heard[tick.index]

    def close(self) -> None:
        """Give the source back."""
        self._ear.close()


class DarkStage(Stage):
    """A stage whose layers stay closed: no latent depends on them."""

    def play(self, beat: Beat, tick: Tick, frozen: bool = False) -> None: ...


class DarkScreen:
    """A ``Screen`` on which nothing is drawn; ``shown`` is told how many frames there were."""

    software = False

    def __init__(self, size: tuple[int, int], shown: Callable[[int], None]) -> None:
        self.size = size
        self._shown = shown

    def show(self, picture: Picture, controls: Controls, tick: Tick) -> None:
        """Count it."""
        self._shown(tick.index + 1)

    def events(self) -> Sequence[Event]:
        return ()

    def image(self) -> ByteArray:
        return np.zeros((self.size[1], self.size[0], 3), np.uint8)

    def glance(self, width: int = GLANCE_WIDTH, alpha: bool = False) -> ByteArray | None:
        return None

    def expect(self, passes: Sequence[PassWeight]) -> None: ...

    def spare(self, most_pixels: int | None, passes: int) -> None: ...

    def costs(self, passes: Sequence[PassWeight]) -> Sequence[float]:
        return ()

    def say(self, lines: Sequence[str]) -> None: ...

    def pattern(self) -> None: ...

    def close(self) -> None: ...
