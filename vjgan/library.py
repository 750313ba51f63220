"""What can be played: the presets, models and shaders at hand, and scenes made of them."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from vjgan.bank import Bank
from vjgan.bindings import Controller
from vjgan.controls import INSIDE, RETOUCH, Control
from vjgan.errors import (
    BankError,
    ModelError,
    PresetError,
    RetouchError,
    ScoreError,
    VjganError,
)
from vjgan.files import saved_at
from vjgan.mapping import Router
from vjgan.preset import Layer as LayerRow
from vjgan.preset import MotionTable, OpenPass, Preset, find_preset, find_presets, load_preset
from vjgan.retouch import Opening, Retouch, Retouched
from vjgan.score import Score, check_score, read_score
from vjgan.setlist import Setlist, read_setlist
from vjgan.stage import Layer, Mover, Scene
from vjgan.types import FloatArray, Generator, LatentSpace, PassWeight

NO_MODEL = "none"  # how presets ask for it
SEEDS = 2**31
Anchor = int | FloatArray  # a seed, or the w of a portrait
Keyframes = tuple[tuple[Anchor, float], ...]  # and the bars until the next one

log = logging.getLogger("vjgan")


@dataclass
class Library:
    """Presets by name or number, scenes by preset file. ``passes`` tells the shader passes with
    their controls, ``fixed`` those that presets cannot name, ``load`` gives the warmed generator of
    a model's name or path, ``prefetch`` warms one that may be wanted next, ``moving`` makes a
    motion from a preset's settings, its keyframes and a latent space, ``passing`` one through the
    stops of a score; these may take seconds, so scenes are made off the loop. The ``bank`` has the
    portraits that both may name. ``model`` overrides what
    presets ask for, ``seed`` shifts every seed in them: another night of the same preset.

    ``open_layer`` opens a preset's layer, ``blank`` is played where a preset has no model but a
    layer. Scenes hold layers open; whoever drops one closes them."""

    presets_folder: Path
    passes: Callable[[], Mapping[str, Mapping[str, Control]]]
    load: Callable[[str], Generator]
    prefetch: Callable[[str], None]
    moving: Callable[[MotionTable, Keyframes, LatentSpace, LatentSpace], Mover]
    passing: Callable[[Sequence[tuple[float, Anchor]], LatentSpace], Mover]
    bank: Bank
    default_model: str
    model: str = ""
    seed: int = 0
    fixed: Collection[str] = ()
    open_layer: Callable[[LayerRow, int], Layer] | None = None  # with so many colour channels
    open_pass: OpenPass | None = None  # that is a file of its own
    pass_files: Callable[[], object] = lambda: None  # when those were saved
    blank: Generator | None = None  # in the place of no model
    own_folder: Path | None = None  # the performer's presets, which come after the others
    retouches: Mapping[str, Opening] = field(default_factory=dict)  # by kind
    # What presets have of their own for controllers, by file, as their newest scenes know it.
    controllers: dict[Path, tuple[Controller, ...]] = field(default_factory=dict)
    _retouched: WeakValueDictionary[object, Retouched] = field(default_factory=WeakValueDictionary)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where presets lie."""
        return (self.presets_folder, *([self.own_folder] if self.own_folder else []))

    def paths(self) -> list[Path]:
        """The presets in order."""
        return find_presets(*self.folders)

    def find(self, name: str) -> Path:
        """A preset's file by name, number or path; the first one when ``name`` is empty."""
        return find_preset(name or "1", *self.folders)

    def preset(self, path: Path) -> Preset:
        """The checked preset of a file. Raises PresetError."""
        return load_preset(path, self.passes(), self.fixed, self.open_pass, self.bank.get)

    def known(self) -> object:
        """What presets are checked by; another value when that has changed."""
        return self.passes(), self.pass_files()

    def passes_of_files(self) -> list[PassWeight]:
        """The passes of all presets that are files of their own; those of broken ones are left
        out."""
        rows = []
        for path in self.paths():
            with suppress(PresetError):  # told when it is asked for
                rows += [row for row in self.preset(path).passes if row.source is not None]
        return list(dict.fromkeys(rows))

    def setlist(self, path: Path) -> Setlist:
        """The checked set list of a file. Raises SetlistError."""
        return read_setlist(path, self.find, lambda file: self.preset(file).table)

    def score(self, path: Path) -> Score:
        """The checked score of a file. Raises ScoreError."""
        return read_score(path, self.find, lambda file: self.preset(file).table, self.bank.get)

    def score_of(self, path: Path, table: Mapping[str, Any]) -> Score:
        """The checked score that says what a ``table`` does, as if in a file. Raises ScoreError."""
        return check_score(
            path, table, self.find, lambda file: self.preset(file).table, self.bank.get
        )

    def chapters(self, score: Score) -> list[tuple[float, Scene]]:
        """The scenes of a score, each with the bar from which on it is played, counted from 0.
        Raises PresetError, ScoreError or ModelError."""
        return [
            (chapter.start, self.chapter(score, number))
            for number, chapter in enumerate(score.chapters)
        ]

    def chapter(self, score: Score, number: int) -> Scene:
        """One of these, counted from 0."""
        chapter, later = score.chapters[number], score.chapters[number + 1 :]
        end = later[0].start if later else score.stops[-1][0]
        preset = self.preset(chapter.preset)
        preset = replace(
            preset,
            name=chapter.name or preset.name,
            crossfade_beats=score.crossfade_beats,
            values={**preset.values, **chapter.values},
        )
        moving = partial(self._pass, score, (chapter.start, end))
        return replace(self._scene(preset, chapter.preset, moving), chapter=number)

    def _pass(self, score: Score, span: tuple[float, float], generator: Generator) -> Mover:
        """The way through a score's stops on a generator, which is seen from a bar to another: of
        those elsewhere, portraits of other models are not seen."""
        try:
            stops = [
                (bar, self._anchor(named, generator, span[0] <= bar < span[1]))
                for bar, named in score.stops
            ]
        except BankError as error:
            raise ScoreError(f"score '{score.path}': {error}") from None
        return self.passing(stops, generator.space)

    def _anchor(self, named: int | str, generator: Generator, seen: bool = True) -> Anchor:
        """What a seed, or a portrait's name, is to the motion on a generator. Where the performer
        chose a model that the portrait is not of, it is a seed of its own; likewise where it is not
        ``seen``. Raises BankError."""
        if isinstance(named, int):
            return (named + self.seed) % SEEDS
        try:
            return self.bank.find(named, generator.space, generator.name)
        except BankError as error:
            if seen and generator is not self.blank:
                if not self.model:
                    raise
                log.warning("%s; somebody else comes", error)
            return zlib.crc32(named.encode()) % SEEDS

    def scene(self, path: Path) -> Scene:
        """The preset of a file at work. Raises PresetError or ModelError."""
        preset = self.preset(path)
        return self._scene(preset, path, partial(self._move, preset))

    def _move(self, preset: Preset, generator: Generator) -> Mover:
        """A preset's own motion on a generator."""
        motion = preset.motion
        try:
            keyframes = tuple(
                (self._anchor(one.portrait if one.seed is None else one.seed, generator), one.bars)
                for one in motion.keyframes
            )
        except BankError as error:
            raise PresetError(f"preset '{preset.key}': {error}") from None
        shifted = motion.model_copy(update={"seed": (motion.seed + self.seed) % SEEDS})
        own = generator.space
        if not motion.mix_model or generator is self.blank:
            return self.moving(shifted, keyframes, own, own)
        try:
            return self.moving(shifted, keyframes, own, self.load(motion.mix_model).space)
        except PresetError as error:
            if not self.model:
                raise PresetError(f"preset '{preset.key}': {error}") from None
            log.warning("%s; the second walk goes through the same model", error)
            return self.moving(shifted, keyframes, own, own)

    def _scene(self, preset: Preset, path: Path, moving: Callable[[Generator], Mover]) -> Scene:
        generator = self._generator(preset)
        bare = generator is self.blank
        try:
            _check_directions(preset, generator)
        except PresetError as error:
            if not self.model:
                raise
            log.warning("%s; it is left out", error)  # a model that the preset was not made for
        if any(name.startswith(INSIDE) and not name.startswith(RETOUCH) for name in preset.steers):
            generator.prepare()
        self.controllers[path] = preset.controllers
        return Scene(
            key=preset.key,
            title=preset.name,
            router=Router(preset.table, preset.values, preset.routes, preset.lfos),
            motion=moving(generator),
            generator=self._retouch(preset, generator),
            passes=preset.passes,
            crossfade_beats=preset.crossfade_beats,
            source=path,
            layers=self._layers(preset, bare),
            bare=bare,
            hint=preset.hint,
        )

    def prepare(self, path: Path) -> None:
        """Warm what the scene of a file will need, so that it can be made without waiting. Raises
        PresetError."""
        model = self.model_of(self.preset(path))
        if model != NO_MODEL:
            self.prefetch(model)

    def _generator(self, preset: Preset) -> Generator:
        """What a preset is played on: its model, or none."""
        model = self.model_of(preset)
        if self.blank is None or not preset.layers:
            if model == NO_MODEL:
                raise PresetError(
                    f"preset '{preset.key}': without a model there must be a layer to show"
                )
            return self.load(model)
        if model == NO_MODEL:
            return self.blank
        try:
            return self.load(model)
        except ModelError as error:
            if self.model or preset.model:
                raise
            log.warning("%s; preset '%s' shows its layers alone", error, preset.key)
            return self.blank

    def _retouch(self, preset: Preset, generator: Generator) -> Generator:
        """The generator under the preset's retouching layers; the same one as long as it and they
        are the same, so that nothing changes when they come again."""
        if not preset.retouch:
            return generator
        stamps = tuple(saved_at(Path(row.place.split("#")[0])) for row in preset.retouch)
        key = (id(generator), preset.retouch, stamps)
        known = self._retouched.get(key)
        if known is None:
            known = Retouched(generator, self._opened(preset))
            self._retouched[key] = known
        return known

    def _opened(self, preset: Preset) -> list[Retouch]:
        layers = []
        for kind in dict.fromkeys(row.kind for row in preset.retouch):
            places = [row.place for row in preset.retouch if row.kind == kind]
            try:
                layers.append(self.retouches[kind](places, self.model_of(preset)))
            except RetouchError as error:
                raise PresetError(f"preset '{preset.key}': retouch: {error}") from None
        return [layer for layer in layers if layer is not None]

    def _layers(self, preset: Preset, bare: bool) -> tuple[Layer, ...]:
        layers: list[Layer] = []
        for row in preset.layers:
            assert self.open_layer is not None
            try:
                layers.append(self.open_layer(row, 3 if bare and not layers else 4))
            except VjganError as error:
                for layer in layers:
                    layer.close()
                raise PresetError(f"preset '{preset.key}': layers.{row.name}: {error}") from None
        return tuple(layers)

    def model_of(self, preset: Preset) -> str:
        """The name or path of the model that a preset is played on."""
        return self.model or preset.model or self.default_model


def _check_directions(preset: Preset, generator: Generator) -> None:
    """Every direction that a preset names is the model's. Raises PresetError."""
    wanted = [
        name.removeprefix("direction.") for name in preset.steers if name.startswith("direction.")
    ]
    there = generator.space.directions() if wanted else {}
    for name in wanted:
        if not name.isdecimal() and name not in there:
            raise PresetError(
                f"preset '{preset.key}': direction '{name}' is not in model '{generator.name}'; "
                f"there are: 1 to 8, {', '.join(there)}"
            )
