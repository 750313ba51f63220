"""What a training's folder says of the training in it, and what may still be asked of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from vjgan.errors import MediaError, ModelError, VjganError
from vjgan.files import in_utf8
from vjgan.generator.metadata import check_config
from vjgan.generator.stylegan2 import StyleGAN2Config
from vjgan.locks import alone
from vjgan.train import state
from vjgan.train.options import Options
from vjgan.train.settings import Settings

STATE = "state.safetensors"


@dataclass(frozen=True, slots=True)
class Kept:
    """A training as it was left. ``classes`` are the names of its classes; ``keep``, ``faces`` and
    ``licence`` are as in `Options`; ``init`` is the name of what it began with ("": nothing).
    None is what it does not tell, for it is of an earlier version."""

    config: StyleGAN2Config
    settings: Settings
    minutes: float
    origin: str
    classes: list[str] | None = None
    init: str | None = None
    keep: frozenset[str] = frozenset()
    faces: bool = False
    licence: str = ""

    @classmethod
    def of(cls, path: Path, about: Mapping[str, Any]) -> Self:
        """What a state's ``about`` says. Raises ModelError."""
        try:
            chosen = about.get("chosen", {})
            classes = chosen.get("classes")
            return cls(
                _config(path, about["config"]),
                Settings(**about["settings"]),
                float(about["minutes"]),
                str(about["origin"]),
                None if classes is None else [str(name) for name in classes],
                chosen.get("init"),
                frozenset(chosen.get("keep", ())),
                bool(chosen.get("faces", False)),
                str(chosen.get("licence", "")),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ModelError(f"'{path}' is not the state of a training: {error!r}") from None

    def check(self, options: Options) -> None:
        """Refuse what cannot change under way. Raises VjganError."""
        config, folder = self.config, options.output
        classes = bool(config.c_dim)
        pairs = {
            "--size": (options.size, config.resolution),
            "--width": (options.width, config.channel_base),
            "--init": (options.init and options.init.name, self.init),
        }
        for option, (asked, known) in pairs.items():
            if asked is not None and known is not None and asked != known:
                has = f"{option} {known}" if known else f"no {option}"
                raise VjganError(
                    f"'{folder}' holds a training with {has}, not {option} {asked}; go on with "
                    "that, or give another -o"
                )
        if options.classes not in (None, classes):
            raise VjganError(
                f"'{folder}' holds a training {'with' if classes else 'without'} classes; go on "
                "with that, or give another -o"
            )

    def check_classes(self, options: Options, classes: list[str]) -> None:
        """Refuse classes that are others by now. Raises VjganError."""
        known = self.classes
        if (known is not None and known != classes) or self.config.c_dim != len(classes):
            ours = f"the classes {', '.join(known)}" if known else f"{self.config.c_dim} classes"
            theirs = ", ".join(classes) if known else str(len(classes))
            raise VjganError(
                f"'{options.output}' holds a training of {ours}, but '{options.source}' has "
                f"{theirs or 'none'}"
            )


def _config(path: Path, values: Mapping[str, Any]) -> StyleGAN2Config:
    """A network's shape out of JSON."""
    made = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    config = check_config(path, StyleGAN2Config, made)
    assert isinstance(config, StyleGAN2Config)
    return config


def kept_in(folder: Path) -> Kept | None:
    """The training in a folder, if there is one. Raises ModelError."""
    path = folder / STATE
    return Kept.of(path, state.read_about(path)) if path.exists() else None


def resolved(options: Options) -> Options:
    """The options, with what was not asked for as the training in the folder has it, or as usual.
    Raises VjganError for what cannot be asked of it."""
    kept = kept_in(options.output)
    if kept is None:
        usual: dict[str, Any] = {"classes": False, "keep": frozenset(), "faces": False}
    else:
        kept.check(options)
        usual = {
            "size": kept.config.resolution,
            "classes": bool(kept.config.c_dim),
            "keep": kept.keep,
            "faces": kept.faces,
            "licence": kept.licence,
        }
    missing = {key: value for key, value in usual.items() if getattr(options, key) is None}
    return replace(options, **missing)


@contextmanager
def in_charge(options: Options) -> Iterator[None]:
    """Let nobody else train in the folder. Raises VjganError where somebody does, and where it is
    the very folder of the pictures."""
    if options.output.resolve() == options.source.resolve():
        raise VjganError(f"-o '{options.output}' is where the pictures are; give another folder")
    if in_utf8(str(options.output)) != str(options.output):  # for `safetensors`
        raise VjganError(f"-o '{options.output}': the name is not UTF-8; give another folder")
    with ExitStack() as room:
        try:
            options.output.mkdir(parents=True, exist_ok=True)
            free = room.enter_context(alone(options.output))
        except OSError as error:
            raise MediaError(f"'{options.output}' cannot be written: {error.strerror}") from None
        if not free:
            raise VjganError(
                f"in '{options.output}' a training is going on; wait for it, end it, or give "
                "another -o"
            )
        try:
            yield
        finally:
            with suppress(OSError):  # something came of it
                options.output.rmdir()
