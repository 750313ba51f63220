"""The chain of shader passes: model frames in, the finished picture out."""

from __future__ import annotations

import logging
from pathlib import Path

import moderngl
import numpy as np

from vjgan.errors import ShaderError
from vjgan.screen.blur import Blur
from vjgan.screen.frames import Frames
from vjgan.screen.glsl import (
    COLOUR,
    FIRST,
    FIXED,
    GLOBALS,
    LAST,
    read_shader,
    read_shaders,
)
from vjgan.screen.program import UNITS, Pass, Surface
from vjgan.types import Controls, Frame, PassWeight, Picture, Tick

log = logging.getLogger("vjgan")

LOOK_SECONDS = 0.5  # how often the files are looked at
FITTING = ("fit", "zoom", "rotate")
SURROUND = f"{FIRST}.surround"  # 1: the mirror image goes on beside the picture
TURNS_COLOUR = ("hue", "saturation", "contrast")  # what the pass `colour` is for


class Chain:
    """Every shader of a folder, compiled; draws those that the controls name, in their order.

    ``most_pixels`` bounds the internal size; the last pass scales to the target."""

    def __init__(
        self,
        context: moderngl.Context,
        size: tuple[int, int],
        shader_dir: Path,
        most_pixels: int | None = None,
    ) -> None:
        """Raises ShaderError when a shader is malformed or does not compile."""
        self.context = context
        self.shader_dir = shader_dir
        self.most_pixels = most_pixels
        self._passes = {
            name: Pass.compiled(context, shader)
            for name, shader in read_shaders(shader_dir).items()
        }
        self._blended: Surface | None = None  # the model's frames, faded, at their own size
        self._frames = Frames(context)
        self._files = self._modified()
        self._looked = 0.0
        self._count = 0
        self._complaints: set[str] = set()
        self._surfaces: tuple[Surface, ...] = ()
        self._blur: Blur | None = None
        self.resize(size)
        self._warm()

    def names(self) -> tuple[str, ...]:
        """The passes that a preset may name."""
        return tuple(sorted(name for name in self._passes if name not in FIXED))

    def resize(self, size: tuple[int, int]) -> None:
        """Draw for a screen of another size in pixels; trails begin anew."""
        self._let_go()
        self.size = size
        self.internal_size = _fitted(size, self.most_pixels)
        # A CPU reads and writes 8-bit colours three to four times faster than 16-bit floats. Trails
        # keep the floats: in 8 bits they would never fade out.
        depth = "f2" if self.most_pixels is None else "f1"
        self._surfaces = tuple(Surface(self.context, self.internal_size, depth) for _ in range(2))
        self._blur = Blur(self.context, self.internal_size, depth)
        self._shown = self._surfaces[0]

    def draw(
        self, picture: Picture, controls: Controls, tick: Tick, target: moderngl.Framebuffer
    ) -> None:
        """Draw one frame to ``target``. A pass that does not exist is logged once and left out."""
        self.context.disable(moderngl.BLEND)
        self._count += 1
        self._values = {
            **controls.signals,
            **controls.values,
            "time": tick.time,
            "dt": max(tick.dt, 1e-4),
            "blend": picture.blend,
            "weight": 1.0,
        }
        self._shown = self._between(picture)
        for row in controls.passes:
            if row.weight > 0.0 and row.name not in FIXED and self._known(row.name):
                self._shown = self._run(self._passes[row.name], self._shown, row.weight)
        if any(self._values.get(name, GLOBALS[name]) != GLOBALS[name] for name in TURNS_COLOUR):
            self._shown = self._run(self._passes[COLOUR], self._shown, 1.0)
        self.present(target)

    def present(self, target: moderngl.Framebuffer) -> None:
        """Put what was last drawn onto ``target``, scaled, dimmed and dithered."""
        self._shown.texture.use(UNITS["frame"])
        self._values["weight"] = 1.0
        self._passes[LAST].effect.draw(target, self._values)

    def poll(self, now: float) -> None:
        """Look, now and then, for shader files that changed, and take them; ``now`` in seconds."""
        if abs(now - self._looked) < LOOK_SECONDS:
            return
        self._looked = now
        files = self._modified()
        for path, modified in files.items():
            if self._files.get(path) != modified:
                self.reload(path)
        self._files = files

    def reload(self, path: Path) -> None:
        """Compile a shader file anew. Broken: logged, and the last good one stays."""
        try:
            fresh = Pass.compiled(self.context, read_shader(path))
        except ShaderError as error:
            log.error("%s; the last good one stays", error)
            return
        old = self._passes.get(path.stem)
        if old is not None:
            old.release()
        self._passes[path.stem] = fresh
        log.info("shader '%s' taken", path)

    def release(self) -> None:
        """Give back what the GPU holds."""
        self._let_go()
        for pass_ in self._passes.values():
            pass_.release()
        self._frames.release()
        if self._blended is not None:
            self._blended.release()

    def _between(self, picture: Picture) -> Surface:
        """The model's frames, faded into one another and laid onto the screen."""
        first = self._passes[FIRST]
        before, after = self._frames.uploaded(picture)
        if self._blended is None or self._blended.size != after.size:
            if self._blended is not None:
                self._blended.release()
            self._blended = Surface(self.context, after.size, "f1")
        filled = self._fills(after.size)
        # Smaller copies cost a CPU time even where they are not read.
        smaller = moderngl.LINEAR if filled else moderngl.LINEAR_MIPMAP_LINEAR
        for texture, name in ((before, "before"), (after, "after")):
            texture.filter = smaller, moderngl.LINEAR
            texture.use(UNITS[name])
        assert first.prepare is not None and first.filled is not None
        first.prepare.draw(self._blended.target, self._values)
        self._blended.texture.use(UNITS["blended"])
        laid = first.filled if filled else first.effect
        laid.draw(self._surfaces[0].target, self._values)
        return self._surfaces[0]

    def _fills(self, frame_size: tuple[int, int]) -> bool:
        """Whether a frame, alone or with its mirror image, covers the screen and is enlarged, as
        `between` lays it."""
        fit, zoom, turn = (self._values.get(name, GLOBALS[name]) for name in FITTING)
        larger = [s >= f for s, f in zip(self.internal_size, frame_size, strict=True)]
        mirrored = self._values.get(SURROUND, 0.0) >= 1.0 and turn == 0.0 and all(larger)
        return zoom >= 1.0 and (mirrored or (fit >= 1.0 and any(larger)))

    def _run(self, pass_: Pass, source: Surface, weight: float) -> Surface:
        """The surface onto which a pass drew ``source``."""
        self._values["weight"] = weight
        soft = self._softened(pass_, source) if pass_.shader.wants_soft else None
        source.texture.use(UNITS["frame"])
        if soft is not None:
            soft.use(UNITS["soft"])
        if not pass_.shader.wants_past:
            target = self._surfaces[1 if source is self._surfaces[0] else 0]
        else:
            target = self._with_past(pass_, source)
        pass_.effect.draw(target.target, self._values)
        pass_.drawn = self._count
        return target

    def _softened(self, pass_: Pass, source: Surface) -> moderngl.Texture:
        assert self._blur is not None and pass_.prepare is not None
        source.texture.use(UNITS["frame"])
        pass_.prepare.draw(self._blur.input, self._values)
        name = f"{pass_.shader.name}.spread"
        row = pass_.shader.controls.get(name)
        return self._blur.blurred(self._values.get(name, row.default if row else 0.5))

    def _with_past(self, pass_: Pass, source: Surface) -> Surface:
        """Bind what the pass drew in the frame before (its input, if it rested then) and return
        the surface to draw to."""
        if pass_.surfaces is None:
            size = self.internal_size
            pass_.surfaces = (Surface(self.context, size), Surface(self.context, size))
        last, target = pass_.surfaces
        rested = pass_.drawn < self._count - 1
        (source if rested else last).texture.use(UNITS["past"])
        pass_.surfaces = (target, last)
        return target

    def _known(self, name: str) -> bool:
        if name not in self._passes and name not in self._complaints:
            self._complaints.add(name)
            log.error("pass '%s' is unknown; there are: %s", name, ", ".join(self.names()))
        return name in self._passes

    def _modified(self) -> dict[Path, int]:
        found = {}
        for path in self.shader_dir.glob("*.frag"):
            try:
                found[path] = path.stat().st_mtime_ns
            except OSError:  # an editor is just replacing it
                continue
        return found

    def _warm(self) -> None:
        """Draw every pass once: drivers finish compiling at the first draw."""
        black = Frame(0.0, np.zeros((8, 8, 3), np.uint8))
        values = dict.fromkeys(TURNS_COLOUR, 0.5)
        passes = tuple(PassWeight(name) for name in self.names())
        target = Surface(self.context, self.size, "f1")
        controls = Controls(0.0, values, {}, passes)
        self.draw(Picture(black, black), controls, Tick(0, 0.0, 0.0, 0.0), target.target)
        target.release()
        self._count += 1  # so that none of it counts as the past

    def _let_go(self) -> None:
        for surface in self._surfaces:
            surface.release()
        for pass_ in self._passes.values():
            pass_.forget()
        if self._blur is not None:
            self._blur.release()


def _fitted(size: tuple[int, int], most_pixels: int | None) -> tuple[int, int]:
    """``size``, or the same shape with fewer pixels."""
    width, height = size
    if most_pixels is None or width * height <= most_pixels:
        return size
    scale = (most_pixels / (width * height)) ** 0.5
    return max(1, round(width * scale)), max(1, round(height * scale))
