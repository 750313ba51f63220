"""What is known of a model, for people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from vjgan.generator.metadata import Config
from vjgan.generator.stylegan2 import StyleGAN2Config


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What a file says of itself. ``code`` names the program that wrote another's file, and
    ``training_set`` is "" where that is not recorded. ``bf16_db`` is how near its pictures in
    bfloat16 are to those in fp32 at worst (PSNR), 0 where nobody measured it."""

    path: Path
    name: str
    config: Config
    trained: bool
    licence: str
    origin: str
    description: str
    parameters: int
    size_bytes: int
    sha256: str
    code: str = "vjgan"
    training_set: str = ""
    directions: tuple[str, ...] = ()
    bf16_db: float = 0.0

    def lines(self) -> list[str]:
        """For people: kind, size, parameters, training, licence, origin, SHA-256."""
        c = self.config
        rows = {
            "name": self.name,
            "kind": _kind(c),
            "classes": f"{c.c_dim}" if c.c_dim else "none",
            "latent": f"z {c.z_dim}, w {c.w_dim}, {c.num_ws} layers",
            "width": _width(c),
            "parameters": f"{self.parameters:,}",
            "size": f"{self.size_bytes / 1e6:.1f} MB",
            "code base": self.code,
            "trained": self._training(),
            "licence": self.licence or "not recorded",
            "origin": self.origin,
            "description": self.description,
            "directions": ", ".join(self.directions),
            "in bf16": f"{self.bf16_db:g} dB from fp32 at worst" if self.bf16_db else "",
            "SHA-256": self.sha256,
            "file": str(self.path),
        }
        return [f"{key:<12}{value}" for key, value in rows.items() if value]

    def _training(self) -> str:
        if not self.trained:
            return "no: seeded weights that never saw a picture"
        if self.code == "vjgan":
            return "yes" + (f", on {self.training_set}" if self.training_set else "")
        return f"on {self.training_set}" if self.training_set else "on what is not recorded"


def _width(config: Config) -> str:
    if isinstance(config, StyleGAN2Config) and config.widths:
        return f"{', '.join(map(str, config.widths))} channels from 4x4 up"
    return f"channel base {config.channel_base}, at most {config.channel_max}"


def _kind(config: Config) -> str:
    name, detail = "StyleGAN2", ""
    if not isinstance(config, StyleGAN2Config):
        name = "StyleGAN3-R" if config.use_radial_filters else "StyleGAN3-T"
    elif config.architecture != "skip":
        detail = f", {config.architecture}"
    colours = {1: "grey", 3: "RGB"}.get(config.img_channels, f"{config.img_channels} channels")
    return f"{name}, {config.resolution}x{config.resolution}, {colours}{detail}"
