"""The chain of shader passes: model frames in, the finished picture out."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import moderngl

from vjgan.screen.blur import Blur
from vjgan.screen.first import First
from vjgan.screen.flashes import FlashLimiter
from vjgan.screen.glsl import COLOUR, FIRST, FIXED, GLOBALS, LAST
from vjgan.screen.isf.effects import Effects
from vjgan.screen.layers import Layers
from vjgan.screen.program import UNITS, Copier, Pass, Surface, uneven
from vjgan.screen.shaders import Shaders
from vjgan.screen.sparing import Sparing
from vjgan.types import Controls, PassWeight, Picture, Tick

log = logging.getLogger("vjgan")

LOOK_SECONDS = 0.5  # how often the files are looked at
EVERY_FRAME = ""  # in the place of a pass's name: the limiter and the way to the screen
TURNS_COLOUR = ("hue", "saturation", "contrast")  # what the pass `colour` is for


class Chain:
    """Every shader of a folder, compiled; draws those that the controls name, in their order.

    ``most_pixels`` bounds the internal size; the last pass scales to the target. ``sparing`` may
    leave passes out."""

    def __init__(
        self,
        context: moderngl.Context,
        size: tuple[int, int],
        shader_dir: Path,
        most_pixels: int | None = None,
        flash_limit: bool = True,
        alpha: bool = False,
    ) -> None:
        """With ``alpha`` it is known what of the picture is clear, see `present`. Raises
        ShaderError when a shader is malformed or does not compile."""
        self.context = context
        self.alpha = alpha
        self.most_pixels = most_pixels
        self.sparing = Sparing()
        # A CPU reads and writes 8-bit colours three to four times faster than 16-bit floats. Trails
        # keep the floats: in 8 bits they would never fade out.
        self._quick = most_pixels is not None  # a CPU draws
        self._depth = "f1" if self._quick else "f2"
        self._passes = Shaders(context, shader_dir, self._quick, alpha)
        self._first = First(context, self._quick)
        self._blur = Blur(context)
        self._copier = Copier(context)
        self._layers = Layers(context, self._copier, alpha)
        # Passes that are files of their own.
        self._files_drawn = Effects(context, self._copier, alpha)
        self._looked = 0.0
        self._count = 0
        self._values: dict[str, float] = {}
        self._complaints: set[str] = set()
        self.size = size
        self.internal_size = _fitted(size, most_pixels)
        self._surfaces = self._made(3, self._depth)
        self._blur.resize(self.internal_size, self._depth)
        self.shown = self._surfaces[0]
        self._limiter = (
            FlashLimiter(context, self.internal_size, self._depth) if flash_limit else None
        )

    def names(self) -> tuple[str, ...]:
        """The passes that a preset may name."""
        return self._passes.names()

    def resize(self, size: tuple[int, int]) -> None:
        """Draw for a screen of another size in pixels. Trails stay."""
        self.size = size
        self._fit()

    def limit(self, most_pixels: int | None) -> None:
        """Draw at most so many pixels inside from now on. Trails stay."""
        self.most_pixels = most_pixels
        self._fit()

    def warm(self, target: moderngl.Framebuffer) -> None:
        """Draw everything once in every way that a show may ask for, ``target`` being of the kind
        that it draws to, and note what each pass costs. Drivers finish compiling at the first
        draw; in the show that would be a late frame."""
        self._values = {**dict.fromkeys(TURNS_COLOUR, 0.5), "dt": 1e-2}
        # First, since its textures stay bound: to llvmpipe that is another program of every pass.
        self._first.warm(self._passes[FIRST], self._values, self._surfaces[0])
        for weight in (0.5, 1.0, 1.0):
            self._count += 1
            self.shown = self._surfaces[0]
            self._layers.begin((), self._values, self.shown, self._depth, (0.0,))
            for name in (*self.names(), COLOUR):
                with self._timed(name):
                    self.shown = self._run(self._passes[name], self.shown, weight)
        self._layers.warm(self._surfaces[0], self._depth)
        for depth in {"f2", self._depth}:  # as when the size changes
            one, other = self._made(2, depth)
            self._copier.copy(one, other)
            one.release()
            other.release()
        for _ in range(2):
            with self._timed(EVERY_FRAME):
                if self._limiter is not None:
                    self._limiter.limit(self.shown, self._values)
                self.present(target)
        if self._limiter is not None:
            self._limiter.forget()
        self._count += 2  # so that none of it counts as the past

    def costs(self, rows: Sequence[PassWeight]) -> list[float]:
        """Seconds that every frame took, and then each of these passes, when they were tried; empty
        where nothing was, or the driver tells no times."""
        if not self.sparing.costs_ns.get(EVERY_FRAME):
            return []
        names = [EVERY_FRAME, *(row.name for row in rows)]
        return [1e-9 * self.sparing.costs_ns.get(name, 0) for name in names]

    def expect(self, rows: Sequence[PassWeight]) -> None:
        """Compile the passes that are files of their own, draw each once and note what it costs."""
        self._values = {"time": 0.0, "dt": 1e-2}
        self._layers.begin((), self._values, self.shown, self._depth, (0.0,))
        for row in rows:
            if row.source is not None and self._files_drawn.ready(row.source):
                for _ in range(2):
                    self._count += 1
                    with self._timed(row.name):
                        self._run_file(row.source, self.shown, 1.0)
        self._files_drawn.warm()
        self._count += 2

    def draw(
        self, picture: Picture, controls: Controls, tick: Tick, target: moderngl.Framebuffer
    ) -> None:
        """Draw one frame to ``target``. A pass that does not exist is logged once and left out."""
        self.context.disable(moderngl.BLEND)
        self._count += 1
        self._values = {
            **controls.values,
            **controls.signals,
            "time": tick.time,
            "dt": max(tick.dt, 1e-4),
            "blend": picture.blend,
        }
        self.shown = self._surfaces[0]
        self._first.lay(self._passes[FIRST], picture, self._values, self.shown)
        rows = [
            row for row in controls.passes if row.weight > 0.0 and self._ready(row, controls.calm)
        ]
        numbers = [self._layer_of(row) for row in rows]
        if wanted := [number for number in numbers if number is not None]:
            self._layers.begin(picture.layers, self._values, self.shown, self._depth, wanted)
        for row in self.sparing.left(rows, tick.dt):
            if row.source is not None:
                self.shown = self._run_file(row.source, self.shown, row.weight)
            else:
                self.shown = self._run(self._passes[row.name], self.shown, row.weight)
        if any(self._values.get(name, GLOBALS[name]) != GLOBALS[name] for name in TURNS_COLOUR):
            self.shown = self._run(self._passes[COLOUR], self.shown, 1.0)
        if self._limiter is not None:
            self._limiter.limit(self.shown, self._values)
        self.present(target)

    def present(self, target: moderngl.Framebuffer, alpha: bool = False) -> None:
        """Put what was last drawn onto ``target``, scaled, dimmed and dithered; if it is to have
        ``alpha``, with colours that are not multiplied by it, else over black."""
        light, values = self.shown, self._values
        if self._limiter is not None:  # which has dimmed it already
            light, values = self._limiter.light, {**values, "brightness": 1.0}
        light.texture.use(UNITS["frame"])
        last = self._passes[LAST]
        ((last.straight if alpha else None) or last.effect).draw(target, values)

    def poll(self, now: float) -> None:
        """Look, now and then, for shader files that changed, and take them; ``now`` in seconds."""
        if abs(now - self._looked) < LOOK_SECONDS:
            return
        self._looked = now
        self._files_drawn.poll()
        self._passes.poll()

    def release(self) -> None:
        """Give back what the GPU holds."""
        for surface in self._surfaces:
            surface.release()
        self._passes.release()
        self._first.release()
        if self._limiter is not None:
            self._limiter.release()
        self._blur.release()
        self._layers.release()
        self._files_drawn.release()
        self._copier.release()

    def _run(self, pass_: Pass, source: Surface, weight: float) -> Surface:
        """The surface onto which a pass drew ``source``."""
        if (layer := self._layer_of_own(pass_)) is not None:
            self._layers.bind(layer)  # first: laying it takes the places of other textures
        soft = self._softened(pass_, source) if pass_.shader.wants_soft else None
        kept = self._with_past(pass_, source) if pass_.shader.wants_past else None
        drawn, spare, *_ = [one for one in self._surfaces if one is not source]
        source.texture.use(UNITS["frame"])
        if soft is not None:
            soft.use(UNITS["soft"])
        pass_.drawn = self._count
        if weight < 1.0:
            pass_.effect.draw(drawn.target, self._values)
            self._copier.mix(source, drawn, weight, kept or spare)
        else:
            pass_.effect.draw((kept or drawn).target, self._values)
        if kept is None:
            return drawn if weight >= 1.0 else spare
        self._copier.copy(kept, drawn)  # all passes read the same depth: that is one program each
        return drawn

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        """Note what is done meanwhile as the cost of a pass; the least counts: at first there is
        something to compile."""
        watch = self.context.query(time=True)
        with watch:
            yield
        costs = self.sparing.costs_ns
        costs[name] = min(costs.get(name, watch.elapsed), watch.elapsed)

    def _run_file(self, path: Path, source: Surface, weight: float) -> Surface:
        """The surface onto which a pass that is a file of its own drew ``source``."""
        drawn = next(one for one in self._surfaces if one is not source)
        layer = self._files_drawn.layer(path, self._values)
        other = source if layer is None else self._layers.surface(layer)
        self._files_drawn.draw(path, weight, source, other, drawn, self._values, self._count)
        return drawn

    def _layer_of(self, row: PassWeight) -> float | None:
        """The number of the layer that a pass reads; None where it reads none."""
        if row.source is not None:
            return self._files_drawn.layer(row.source, self._values)
        return self._layer_of_own(self._passes[row.name])

    def _layer_of_own(self, pass_: Pass) -> float | None:
        if not pass_.shader.wants_second:
            return None
        name = f"{pass_.shader.name}.layer"
        row = pass_.shader.controls.get(name)
        return self._values.get(name, row.default if row else 1.0)

    def _softened(self, pass_: Pass, source: Surface) -> moderngl.Texture:
        assert pass_.prepare is not None
        source.texture.use(UNITS["frame"])
        pass_.prepare.draw(self._blur.input, self._values)
        name = f"{pass_.shader.name}.spread"
        row = pass_.shader.controls.get(name)
        return self._blur.blurred(self._values.get(name, row.default if row else 0.5))

    def _with_past(self, pass_: Pass, source: Surface) -> Surface:
        """Bind what the pass drew in the frame before (its input, if it rested then) and return
        the surface to draw to."""
        if pass_.surfaces is None:
            pass_.surfaces = self._made(2, "f2")
        last, target = pass_.surfaces
        if pass_.drawn < self._count - 1:
            self._copier.copy(source, last)
        last.texture.use(UNITS["past"])
        pass_.surfaces = (target, last)
        return target

    def _made(self, count: int, depth: str) -> tuple[Surface, ...]:
        return tuple(Surface(self.context, self.internal_size, depth) for _ in range(count))

    def _ready(self, row: PassWeight, calm: bool) -> bool:
        """Whether a pass is there, and not one that flickers where it should be ``calm``."""
        if row.source is not None:
            return self._files_drawn.ready(row.source, calm)
        if row.name in FIXED or not self._known(row.name):
            return False
        return not (calm and self._passes[row.name].shader.flickers)

    def _known(self, name: str) -> bool:
        if name not in self._passes and name not in self._complaints:
            self._complaints.add(name)
            log.error("pass '%s' is unknown; there are: %s", name, ", ".join(self.names()))
        return name in self._passes

    def _fit(self) -> None:
        """Surfaces of the size that is drawn inside, what they show and the trails taken along."""
        size = _fitted(self.size, self.most_pixels)
        if size == self.internal_size:
            return
        self.internal_size = size
        self._blur.resize(size, self._depth)
        old = [*self._surfaces]
        self._surfaces = self._made(3, self._depth)
        self._copier.copy(self.shown, self._surfaces[0])
        self.shown = self._surfaces[0]
        for pass_ in self._passes.all():
            if pass_.surfaces is not None:
                last, spare = pass_.surfaces
                pass_.surfaces = self._made(2, "f2")
                self._copier.copy(last, pass_.surfaces[0])
                old += [last, spare]
        if self._limiter is not None:
            light, spare = self._made(2, self._depth)
            self._copier.copy(self._limiter.light, light)
            old += self._limiter.resize(light, spare)
        for surface in old:
            surface.release()


def _fitted(size: tuple[int, int], most_pixels: int | None) -> tuple[int, int]:
    """``size``, or the same shape with fewer pixels."""
    width, height = size
    if most_pixels is None or width * height <= most_pixels:
        return size
    scale = (most_pixels / (width * height)) ** 0.5
    return uneven(max(1, round(width * scale))), uneven(max(1, round(height * scale)))
