"""Everything that can be steered: one table, from which checking, help and documents are made.

Shader passes add their own rows (see ``shader_controls``): a line such as

    uniform float segments;  // 1..24 = 6 | mirrored wedges

in ``shaders/kaleidoscope.frag`` makes the control ``kaleidoscope.segments``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from vjgan.errors import ShaderError


@dataclass(frozen=True, slots=True)
class Control:
    """One row: its range is closed, its default inside it."""

    name: str
    minimum: float
    maximum: float
    default: float
    unit: str
    does: str

    def clamp(self, value: float) -> float:
        """``value`` brought into the range."""
        return min(self.maximum, max(self.minimum, value))


SIDES = [2**k for k in range(2, 11)]  # pixels of the layers whose noise can be steered alone

LAYERS = range(1, 4)  # that a preset may have

STYLES = range(1, 9)  # that can be mixed

# fmt: off
CONTROLS = {
    row.name: row
    for row in (
        # latent motion
        Control("speed", 0.0, 8.0, 0.6, "units/s", "how fast the walk goes; 1 unit changes the "
                "picture as much anywhere in the latent space"),
        Control("energy", 0.0, 2.0, 0.5, "", "how much the sound's level scales the speed"),
        Control("kick", 0.0, 4.0, 0.5, "units", "how far an onset pushes the walk ahead"),
        Control("psi", 0.0, 1.5, 0.8, "", "truncation: 0 the mean picture, 1 the full variety"),
        Control("psi_layers", 0.0, 18.0, 18.0, "layers", "how many layers truncation reaches: 18 "
                "all; fewer leave the high ones, the colours, at full variety"),
        Control("likeness", 0.0, 1.0, 1.0, "", "how much of the person who is on shows: 0 the "
                "walk, 1 the person"),
        Control("noise", 0.0, 1.0, 1.0, "", "strength of the generator's noise inputs"),
        Control("mix", 0.0, 1.0, 0.0, "", "style mixing: how much of a second walk is taken"),
        Control("mix_layer", 0.0, 18.0, 4.0, "layer", "the layer from which the second walk is "
                "taken: low changes structure, high only colour"),
        Control("mix_to", 0.0, 18.0, 18.0, "layer", "the layer before which it ends"),
        Control("class", 0.0, 999.0, 0.0, "", "the class, counted from 0, of a model that has "
                "some, or of the preset's list of them; between two, both"),
        *(Control(f"direction.{k}", -3.0, 3.0, 0.0, "sd", f"how far the picture goes along the "
                  f"model's direction {k}; by name: direction.NAME") for k in range(1, 9)),
        # inside the network
        Control("noise.coarse", 0.0, 4.0, 1.0, "x", "strength of the noise up to 8x8"),
        Control("noise.middle", 0.0, 4.0, 1.0, "x", "at 16x16 and 32x32"),
        Control("noise.fine", 0.0, 4.0, 1.0, "x", "from 64x64 on"),
        Control("noise.seed", 0.0, 1000.0, 0.0, "", "which noise, 0 the model's own; between two "
                "whole numbers it flows from one to the other"),
        *(Control(f"noise.{r}", 0.0, 4.0, 1.0, "x", f"strength of the noise at {r}x{r} alone")
          for r in SIDES),
        *(Control(f"noise.seed.{r}", 0.0, 1000.0, 0.0, "", f"added to noise.seed at {r}x{r}")
          for r in SIDES),
        Control("bend.layer", 0.0, 8.0, 2.0, "", "where the network is bent: 0 at 4x4, 1 at 8x8, "
                "and so on; between two, both"),
        Control("bend.share", 0.0, 1.0, 1.0, "", "how many of the feature maps there are bent"),
        Control("bend.x", -1.0, 1.0, 0.0, "picture", "feature maps shifted to the right; -1 and 1 "
                "are the same place"),
        Control("bend.y", -1.0, 1.0, 0.0, "picture", "and down"),
        Control("bend.turn", -180.0, 180.0, 0.0, "deg", "feature maps turned, clockwise"),
        Control("bend.scale", 0.25, 4.0, 1.0, "x", "feature maps magnified"),
        Control("bend.threshold", 0.0, 2.0, 0.0, "rms", "weak activations taken away, strong ones "
                "lessened by as much"),
        Control("bend.erode", -1.0, 1.0, 0.0, "", "feature maps eroded; below 0 dilated"),
        Control("input.x", -1.0, 1.0, 0.0, "picture", "the Fourier input of a StyleGAN3 shifted "
                "to the right"),
        Control("input.y", -1.0, 1.0, 0.0, "picture", "and down"),
        Control("input.turn", -180.0, 180.0, 0.0, "deg", "and turned, clockwise"),
        # between model and picture, see vjgan.retouch
        Control("style.amount", 0.0, 1.0, 0.0, "", "how much of the picture is painted, by the "
                "preset's styles"),
        *(Control(f"style.{k}", 0.0, 1.0, 1.0 if k == 1 else 0.0, "", f"the share of style {k} "
                  "in the mixture") for k in STYLES),
        Control("style.steady", 0.0, 0.95, 0.6, "", "how much of the last painting is kept, moved "
                "along, so that strokes shimmer less"),
        Control("dream.amount", 0.0, 1.0, 0.0, "", "how much of the dream is seen in the picture"),
        Control("dream.strength", 0.0, 4.0, 0.5, "range/s", "how fast the dream deepens: by how "
                "much of their range pixels go a second"),
        Control("dream.layer", 0.0, 8.0, 1.5, "", "what is dreamed of: the layer of the network "
                "that looks, 0 strokes, the last forms; between two, both"),
        Control("dream.motif", 0.0, 64.0, 0.0, "", "0 whatever is seen; from 1 on one feature map "
                "of the layer alone: 1 rings, 2 stars, 3 and 4 spirals in our own layers 2 and 3"),
        Control("dream.octaves", 1.0, 5.0, 1.0, "", "on how many sizes of the picture is dreamed"),
        Control("dream.zoom", -2.0, 2.0, 0.0, "octaves/s", "how fast the dream comes nearer; below "
                "0 it goes away"),
        Control("dream.turn", -90.0, 90.0, 0.0, "deg/s", "and turns, clockwise"),
        Control("dream.hold", 0.0, 30.0, 0.5, "s", "how long the dream before stays: the time in "
                "which the model's new picture takes the place of two thirds of it"),
        # the picture
        Control("fit", 0.0, 1.0, 1.0, "", "0 shows the whole picture, 1 fills the screen"),
        Control("zoom", 0.25, 4.0, 1.0, "x", "magnification of the picture"),
        Control("rotate", -180.0, 180.0, 0.0, "deg", "turn of the picture"),
        Control("hue", -180.0, 180.0, 0.0, "deg", "turn of the colour wheel"),
        Control("saturation", 0.0, 2.0, 1.0, "x", "0 grey, 1 as it is"),
        Control("contrast", 0.0, 2.0, 1.0, "x", "0 flat grey, 1 as it is"),
        Control("brightness", 0.0, 2.0, 1.0, "x", "0 black, 1 as it is"),
        Control("feedback", 0.0, 0.98, 0.0, "", "how much of the last frame stays, as a trail"),
        # the preset's layers, in its order
        *(row for k in LAYERS for row in (
            Control(f"layer{k}.speed", 0.0, 4.0, 1.0, "x", f"how fast layer {k} runs, a video; "
                    "0 holds it"),
            Control(f"layer{k}.fit", 0.0, 1.0, 1.0, "", "0 shows the whole layer, 1 fills the "
                    "screen"),
            Control(f"layer{k}.zoom", 0.1, 8.0, 1.0, "x", "magnification of the layer"),
            Control(f"layer{k}.turn", -180.0, 180.0, 0.0, "deg", "turn of the layer"),
            Control(f"layer{k}.x", -1.0, 1.0, 0.0, "screen", "layer shifted to the right"),
            Control(f"layer{k}.y", -1.0, 1.0, 0.0, "screen", "and up"),
            Control(f"layer{k}.tiles", 0.0, 1.0, 0.0, "", "beside the layer: 0 nothing, 1 its "
                    "mirror image"),
        )),
    )
}
# fmt: on

# The groups of controls that draw the network's picture anew, and those that reach into it: a
# LatentState carries both by name.
RETOUCH = ("style.", "dream.")
INSIDE = ("noise.", "bend.", "input.", *RETOUCH)
_LATENT = {"speed", "energy", "kick", "psi", "psi_layers", "likeness", "noise", "mix",
           "mix_layer", "mix_to", "class"}  # fmt: skip

# uniform float NAME;  // MIN..MAX = DEFAULT UNIT | what it does
_SHADER_CONTROL = re.compile(
    r"^\s*uniform\s+float\s+(?P<name>\w+)\s*;\s*//\s*(?P<minimum>[-+.\deE]+?)\.\.(?P<maximum>[-+.\deE]+)"
    r"\s*=\s*(?P<default>[-+.\deE]+)\s*(?P<unit>[^|]*?)\s*\|\s*(?P<does>.+?)\s*$",
    re.MULTILINE,
)


def by_model(name: str) -> bool:
    """Whether a control comes to light through the model, which takes its time, rather than at
    once."""
    return name in _LATENT or name.startswith(("direction.", *INSIDE))


def shader_controls(pass_name: str, glsl: str) -> dict[str, Control]:
    """The controls that a shader declares, by full name (``pass.uniform``).

    Raises ShaderError when a declared range or default makes no sense."""
    rows = {}
    for match in _SHADER_CONTROL.finditer(glsl):
        name = f"{pass_name}.{match['name']}"
        try:
            low, high, default = (float(match[k]) for k in ("minimum", "maximum", "default"))
        except ValueError:
            low, high, default = 1.0, 0.0, 0.0
        if not low <= default <= high:
            written = match[0].split("//")[1].split("|")[0].strip()
            raise ShaderError(
                f"shader '{pass_name}': the range of '{match['name']}' must read "
                f"MIN..MAX = DEFAULT with the default inside, not '{written}'"
            )
        rows[name] = Control(name, low, high, default, match["unit"], match["does"])
    return rows
