"""What is on stage: one scene, or several while one fades into the next.

A Scene is a preset at work. The Stage turns what is heard and touched into Controls and a
LatentState; while presets change it moves between theirs without a jump.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from vjgan.controls import CONTROLS
from vjgan.edits import Edits
from vjgan.errors import ModelError
from vjgan.home import Home
from vjgan.mapping import Router, listen
from vjgan.types import (
    NO_HINT,
    Beat,
    Controls,
    Features,
    FloatArray,
    Frame,
    Generator,
    Kept,
    LatentSpace,
    LatentState,
    PassWeight,
    Picture,
    Setting,
    TempoHint,
    Tick,
    model_of,
)

EDGE = 0.2  # of a crossfade, in which it sets out, and in which it arrives
FOLLOWED = 0.02  # seconds after which motion has gone half the way to a control that leaps


class Mover(Protocol):
    """What a scene needs of ``vjgan.motion``."""

    def meet(self, guest: int | FloatArray | None) -> None: ...

    def step(
        self, controls: Controls, beat: Beat, onsets: Sequence[float], tick: Tick
    ) -> LatentState: ...


class Layer(Protocol):
    """What a scene needs of ``vjgan.sources``."""

    def read(self, beat: Beat, tick: Tick, speed: float) -> Frame: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Scene:
    """A preset at work on a generator; built off the loop, finished when it arrives. ``source`` is
    the preset's file."""

    key: str
    title: str
    router: Router
    motion: Mover
    generator: Generator
    passes: tuple[PassWeight, ...]
    crossfade_beats: float = 8.0
    source: Path | None = None
    layers: tuple[Layer, ...] = ()
    bare: bool = False  # no model: the first layer stands in its place
    hint: TempoHint = NO_HINT
    chapter: int | None = None  # of a score, counted from 0


@dataclass
class _Entry:
    """A scene on stage since beat ``since``, with what it last said."""

    scene: Scene
    since: float
    fade: float = 1.0
    beats: float = 0.0  # in which it fades in
    controls: Controls | None = None
    home: FloatArray | None = None  # where its walk began: w [num_ws, w_dim]
    frames: tuple[Frame, ...] = ()  # of its layers

    def close(self) -> None:
        """Let go of its layers."""
        for layer in self.scene.layers:
            layer.close()


class Stage:
    """The scenes on stage, oldest first; each covers those below it by its ``fade`` 0..1."""

    def __init__(self, scene: Scene) -> None:
        self._entries = [_Entry(scene, since=0.0)]
        self._painted = scene.generator  # what the painter uses
        self.home = Home()
        self.edits = Edits()
        self.crossfade_beats: float | None = None  # that the performer wants; None: the preset's
        self._onsets_seen = 0
        self._guest: int | FloatArray | None = None  # a seed or w of who is on instead of the walk
        self._known_to: LatentSpace | None = None  # whose w that is
        self.shown: FloatArray | None = None  # w [num_ws, w_dim]
        self._held: Picture | None = None  # the last of another generator, while it fades
        self._latest: Picture | None = None

    @property
    def guest(self) -> int | FloatArray | None:
        """The seed or w of who is on instead of the walk, if anybody."""
        return self._guest

    @property
    def scene(self) -> Scene:
        """The newest scene."""
        return self._entries[-1].scene

    @property
    def scenes(self) -> Sequence[Scene]:
        """All that are seen, the newest last."""
        return [entry.scene for entry in self._entries]

    def enter(self, scene: Scene, position: float) -> bool:
        """Begin to fade to ``scene`` at a position in beats; True when its generator is another
        one, which the painter must then use."""
        changed, held = self._change(scene.generator)
        if self._guest is not None:
            self._greet(scene)
        if changed:
            self._painted = scene.generator
        if held:
            self._held = self._latest
        beats = scene.crossfade_beats
        if self.crossfade_beats is not None and scene.source != self.scene.source:
            beats = self.crossfade_beats
        self._entries.append(_Entry(scene, since=position, fade=0.0, beats=beats))
        return changed

    def _change(self, generator: Generator) -> tuple[bool, bool]:
        """Whether the painter must use another generator now, and whether the last picture must
        stay while the new one's fades in. Retouching layers come and go with their amounts, over
        the same model: those that have gone stay with the painter, and cost nothing."""
        old, model = self._painted, model_of(generator)
        if model is not model_of(old):
            return True, True
        if generator is old or generator is model:
            return False, False
        return True, old is not model

    def meet(self, guest: int | FloatArray | None) -> None:
        """Turn into the picture of a seed, whatever scene is on, or of a w of the newest scene's
        model, for as long as that is played; None: walk on. Raises ModelError where a w is none of
        that model's."""
        space = self.scene.generator.space
        if isinstance(guest, np.ndarray):
            check_w(guest, space, self.scene.generator.name)
        self._guest, self._known_to = guest, space
        for entry in self._entries:
            self._greet(entry.scene)

    def _greet(self, scene: Scene) -> None:
        """Another model's w means nothing to a scene."""
        stranger = isinstance(self._guest, np.ndarray)
        known = not stranger or scene.generator.space is self._known_to
        scene.motion.meet(self._guest if known else None)

    def set(self, setting: Setting, time: float = 0.0) -> None:
        """Take a hand's value for a control of the newest scene, or give back the preset's."""
        self.edits.note(self.scene.router, setting.name, time)
        if setting.name:
            self.scene.router.set(setting.name, setting.value)
        else:
            self.scene.router.reset()

    def kept(self, kept: Kept) -> None:
        """Take note that a preset's file says so much now; nothing is seen of it."""
        for entry in self._entries:
            if entry.scene.source == kept.before:
                router = entry.scene.router
                router.given = {**router.given, **kept.values}
                entry.scene = replace(entry.scene, key=kept.path.stem, source=kept.path)

    def control(
        self,
        features: Features,
        beat: Beat,
        moved: Mapping[str, float],
        tick: Tick,
        later: Beat | None = None,
    ) -> Controls:
        """Every control's value at this frame; what goes through the model follows ``later``, the
        beat when the model's picture of it will be seen."""
        self._advance(beat.position)
        signals = listen(features, beat, tick)
        soon = None if later is None else listen(features, later.after(FOLLOWED), tick)
        for entry in self._entries:
            values = entry.scene.router.step(signals, moved, tick.dt, soon)
            entry.controls = Controls(tick.time, values, signals, entry.scene.passes)
        return self._mixed_controls()

    def move(
        self, features: Features, beat: Beat, tick: Tick, frozen: bool = False
    ) -> LatentState | None:
        """The latent of this frame; None while frozen. Its time is that of the sound heard."""
        new_onsets = features.onset_count - self._onsets_seen
        self._onsets_seen = features.onset_count
        if frozen:
            return None
        onsets = [features.onset_time] * max(0, new_onsets)
        model = model_of(self.scene.generator)
        mixed: LatentState | None = None
        home: FloatArray | None = None
        for entry in self._entries:
            if entry.controls is None or model_of(entry.scene.generator) is not model:
                continue
            latent = entry.scene.motion.step(entry.controls, beat, onsets, tick)
            mixed = latent if mixed is None else _mix_latents(mixed, latent, entry.fade)
            entry.home = latent.w if entry.home is None else entry.home
            home = entry.home if home is None else _mix_w(home, entry.home, entry.fade)
        if mixed is None or home is None:
            return None
        w = self.shown = self.home.bring(mixed.w, home, tick.dt)
        return replace(mixed, time=features.time, w=w)

    def play(self, beat: Beat, tick: Tick, frozen: bool = False) -> None:
        """Take the picture of each layer, unless frozen; what `picture` then gives has them."""
        for entry in self._entries if not frozen else ():
            values = {} if entry.controls is None else entry.controls.values
            entry.frames = tuple(
                layer.read(beat, tick, values.get(f"layer{number}.speed", 1.0))
                for number, layer in enumerate(entry.scene.layers, start=1)
            )

    def close(self) -> None:
        """Let go of what the scenes hold."""
        for entry in self._entries:
            entry.close()

    def picture(self, picture: Picture) -> Picture:
        """The painter's picture, faded in over the last one of another generator if need be, and
        those of the layers."""
        fade = self._entries[-1].fade
        picture = self._stood_in(picture)
        if self._held is not None:
            if fade < 1.0:
                picture = Picture(self._held.after, picture.after, fade)
            else:
                self._held = None
        self._latest = picture
        layers = self._layers()
        return replace(picture, layers=layers) if layers else picture

    def _stood_in(self, picture: Picture) -> Picture:
        """The first layer's picture in the model's place, where there is no model."""
        bare = [entry for entry in self._entries if entry.scene.bare and entry.frames]
        if not bare or not self.scene.bare:
            return picture
        under = bare[-2] if len(bare) > 1 else bare[-1]
        return Picture(under.frames[0], bare[-1].frames[0], bare[-1].fade)

    def _layers(self) -> tuple[Picture | None, ...]:
        """The layers' pictures, by number; where presets change, one over the other."""
        seen: list[Picture | None] = []
        for entry in self._entries:
            for index, frame in enumerate(entry.frames):
                if index == len(seen):
                    seen.append(None)
                if index == 0 and entry.scene.bare:
                    continue
                under = seen[index]
                fade = 1.0 if under is None else entry.fade
                seen[index] = Picture(under.after if under else frame, frame, fade)
        return tuple(seen)

    def _advance(self, position: float) -> None:
        for entry in self._entries[1:]:
            passed = (position - entry.since) / entry.beats if entry.beats > 0.0 else 1.0
            entry.fade = _even(passed)
        covered = [index for index, entry in enumerate(self._entries) if entry.fade >= 1.0]
        for entry in self._entries[: covered[-1]]:
            entry.close()
        del self._entries[: covered[-1]]

    def _mixed_controls(self) -> Controls:
        mixed: Controls | None = None
        for entry in self._entries:
            assert entry.controls is not None
            mixed = entry.controls if mixed is None else _mix(mixed, entry.controls, entry.fade)
        assert mixed is not None
        return mixed


def check_w(w: FloatArray, space: LatentSpace, model: str) -> None:
    """Raises ModelError where a w is not one of a ``model`` with this latent space."""
    if w.shape not in ((space.w_dim,), (space.num_ws, space.w_dim)):
        raise ModelError(
            f"a w of shape {list(w.shape)} is not of model '{model}', whose are [{space.w_dim}] or "
            f"[{space.num_ws}, {space.w_dim}]"
        )
    if not np.isfinite(w).all():
        raise ModelError(f"a w for model '{model}' holds numbers that are not finite")


def _mix(under: Controls, over: Controls, fade: float) -> Controls:
    values = dict(under.values)  # some of which only a leaving pass has
    for name, value in over.values.items():
        values[name] = _blend(under.values.get(name, value), value, fade)
    return Controls(over.time, values, over.signals, _mix_passes(under.passes, over.passes, fade))


def _mix_passes(
    under: tuple[PassWeight, ...], over: tuple[PassWeight, ...], fade: float
) -> tuple[PassWeight, ...]:
    """Leaving passes go out where they stood, one after the other, and after each a coming one may
    come in, so that hardly more is drawn than for the richer scene alone; shared ones stay."""
    before, after = ({row.name: row.weight for row in rows} for rows in (under, over))
    leaving = [row for row in under if row.name not in after]
    coming = [row for row in over if row.name not in before]
    weights = {row.name: _blend(row.weight, after.get(row.name, 0.0), fade) for row in under}
    weights |= {row.name: row.weight for row in over if row.name not in before}
    for index, row in enumerate(leaving):
        weights[row.name] = row.weight * (1.0 - _ramp(2.0 * (fade * len(leaving) - index)))
    for index, row in enumerate(coming):
        weights[row.name] = row.weight * _ramp(2.0 * (fade * len(coming) - index) - 1.0)
    return tuple(replace(row, weight=weights[row.name]) for row in (*leaving, *over))


def _ramp(x: float) -> float:
    """0 below 0, 1 above 1, without a corner between."""
    x = min(1.0, max(0.0, x))
    return x * x * (3.0 - 2.0 * x)


def _even(x: float) -> float:
    """0 below 0, 1 above 1, and between them at one speed, but for a share ``EDGE`` at either end
    in which that comes and goes without a corner (C2)."""
    x = min(1.0, max(0.0, x))
    if x > 0.5:
        return 1.0 - _even(1.0 - x)
    edge = min(x, EDGE)
    gone = edge / 2.0 - EDGE / (2.0 * math.pi) * math.sin(math.pi * edge / EDGE)
    return (gone + x - edge) / (1.0 - EDGE)


def _blend(under: float, over: float, fade: float) -> float:
    return under + fade * (over - under)


def _mix_latents(under: LatentState, over: LatentState, fade: float) -> LatentState:
    w = _mix_w(under.w, over.w, fade)
    noise = _blend(under.noise, over.noise, fade)
    return LatentState(over.time, w, noise, _mix_inside(under.inside, over.inside, fade))


def _mix_w(under: FloatArray, over: FloatArray, fade: float) -> FloatArray:
    return under + np.float32(fade) * (over - under)


def _mix_inside(
    under: Mapping[str, float], over: Mapping[str, float], fade: float
) -> Mapping[str, float]:
    """What one of them leaves out is at its default there."""
    mixed = {}
    for name in {**under, **over}:
        default = CONTROLS[name].default
        mixed[name] = _blend(under.get(name, default), over.get(name, default), fade)
    return mixed
