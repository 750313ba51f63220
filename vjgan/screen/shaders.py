"""The shaders of a folder, compiled: the last good one of each, whatever its file says now."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

import moderngl

from vjgan.errors import ShaderError
from vjgan.screen.glsl import FIXED, PRELUDE, Shader, modified, read_shader, read_shaders
from vjgan.screen.program import Pass

log = logging.getLogger("vjgan")


class Shaders:
    """The passes of ``folder``, by name; `poll` takes the files that changed."""

    def __init__(
        self, context: moderngl.Context, folder: Path, quick: bool = False, alpha: bool = False
    ) -> None:
        """``quick`` where a processor draws; with ``alpha`` it is known what is clear. Raises
        ShaderError when one is malformed or does not compile."""
        self.folder = folder
        self._context, self._quick, self._alpha = context, quick, alpha
        self._passes = {
            name: self._compiled(shader) for name, shader in read_shaders(folder).items()
        }
        self._files = modified(folder)

    def __getitem__(self, name: str) -> Pass:
        return self._passes[name]

    def __contains__(self, name: object) -> bool:
        return name in self._passes

    def all(self) -> Iterable[Pass]:
        """Every pass, those that are always drawn too."""
        return self._passes.values()

    def names(self) -> tuple[str, ...]:
        """The passes that a preset may name."""
        return tuple(sorted(name for name in self._passes if name not in FIXED))

    def poll(self) -> None:
        """Take the files that changed since the last look. Broken: logged, and the last good one
        stays."""
        files = modified(self.folder)
        changed = [path for path, modified in files.items() if self._files.get(path) != modified]
        self._files = files
        if any(path.name == PRELUDE for path in changed):
            self._reload_all()
        else:
            for path in changed:
                self._reload(path)

    def release(self) -> None:
        """Give back what the GPU holds."""
        for pass_ in self._passes.values():
            pass_.release()

    def _reload(self, path: Path) -> None:
        try:
            fresh = self._compiled(read_shader(path))
        except ShaderError as error:
            log.error("%s; the last good one stays", error)
            return
        self._take(path.stem, fresh)
        log.info("shader '%s' taken", path)

    def _reload_all(self) -> None:
        """Compile every shader with a changed prelude: all of them, or none when one is broken."""
        fresh: list[Pass] = []
        try:
            for shader in read_shaders(self.folder).values():
                fresh.append(self._compiled(shader))
        except ShaderError as error:
            for pass_ in fresh:
                pass_.release()
            log.error("%s; the last good ones stay", error)
            return
        for pass_ in fresh:
            self._take(pass_.shader.name, pass_)
        log.info("shader '%s' taken", self.folder / PRELUDE)

    def _compiled(self, shader: Shader) -> Pass:
        return Pass.compiled(self._context, shader, self._quick, self._alpha)

    def _take(self, name: str, fresh: Pass) -> None:
        old = self._passes.get(name)
        if old is not None:
            old.release()
        self._passes[name] = fresh
