"""The latent space in numpy, and its ruler."""

from pathlib import Path

import numpy as np
import pytest
import torch

from vjgan.generator import measure as measure_room
from vjgan.generator.measure import fit, measure, remembered
from vjgan.generator.player import make_space
from vjgan.generator.space import Ruler, Space
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config
from vjgan.types import FloatArray


@pytest.mark.parametrize("classes", [0, 3])
def test_mapping_equals_the_networks(classes: int) -> None:
    torch.manual_seed(2)
    network = StyleGAN2(StyleGAN2Config(16, 12, 10, classes, 64, 8, 3, 3))
    with torch.no_grad():
        for name, value in network.named_parameters():
            if name.endswith("bias"):
                value.normal_()
        network.mapping.w_mean.normal_()
        z = torch.randn(7, 12) * 3.0
        wanted = network.mapping(z).numpy()
        each = [network.mapping(z, torch.eye(3)[[k] * 7]).numpy() for k in range(classes)]
    space = make_space(network)
    assert space.classes == classes
    for label in range(classes):
        np.testing.assert_allclose(space.map(z.numpy(), label), each[label], rtol=1e-5, atol=1e-5)
    w = space.map(z.numpy())
    assert w.dtype == np.float32
    np.testing.assert_allclose(w, wanted, rtol=1e-5, atol=1e-5)
    assert (space.z_dim, space.w_dim, space.num_ws) == (12, 10, 6)
    np.testing.assert_array_equal(space.w_mean, network.mapping.w_mean.numpy())


def test_length_is_the_rulers() -> None:
    root = np.diag([3.0, 0.5]).astype(np.float32)
    slope = np.array([0.0, 1.0], np.float32)
    mean = np.array([5.0, 5.0], np.float32)
    space = Space([(np.eye(2, dtype=np.float32), mean)], mean, 4, Ruler(root, slope))
    w = mean + np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 1.0]], np.float32)
    step = np.array([[0.01, 0.0], [0.0, 0.01], [0.01, 0.0]], np.float32)
    got = space.length(w - step / 2, w + step / 2)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, [0.03, 0.005, 0.03 * np.e], rtol=1e-4)
    np.testing.assert_array_equal(space.length(w, w), [0.0, 0.0, 0.0])


class Painted:
    """A space whose picture is known: two of its directions show, one strongly, and the picture
    changes faster toward one side."""

    def __init__(self) -> None:
        random = np.random.default_rng(4)
        layers = [(random.standard_normal((12, 8)) / 3.0, random.standard_normal(12) * 0.1)]
        self.space = Space(
            [(a.astype("f"), b.astype("f")) for a, b in layers], np.zeros(12, "f"), 4
        )
        z = random.standard_normal((4000, 8)).astype("f")
        self.space.w_mean = self.space.map(z).mean(0)
        self.look = random.standard_normal((12, 30)) * np.array([8.0] + [0.4] * 11)[:, None]
        self.side = random.standard_normal(12) * 0.3

    def draw(self, w: FloatArray) -> FloatArray:
        d = w - self.space.w_mean
        return np.asarray(np.exp(d @ self.side) * (np.sin(d) @ self.look)).reshape(5, 6)


def compare(painted: Painted, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Steps not used for measuring: true changes in units, predicted ones, plain |dw|."""
    random = np.random.default_rng(seed)
    z = random.standard_normal((400, 8)).astype("f")
    near = z + 0.01 * random.standard_normal(z.shape).astype("f")
    w0, w1 = painted.space.map(z), painted.space.map(near)
    pictures = np.stack([painted.draw(w).ravel() for w in w0])
    moved = np.stack([painted.draw(w).ravel() for w in w1])
    apart = np.linalg.norm(pictures - np.roll(pictures, 1, axis=0), axis=1).mean()
    true = np.linalg.norm(moved - pictures, axis=1) / (apart / 10.0)
    return true, painted.space.length(w0, w1), np.linalg.norm(w1 - w0, axis=1)


def spread(true: np.ndarray, predicted: np.ndarray) -> float:
    return float(np.log(true / predicted).std())


def test_a_measured_ruler_predicts_other_steps() -> None:
    painted = Painted()
    painted.space.ruler = measure(painted.space, painted.draw, 1200)
    true, predicted, plain = compare(painted, seed=77)
    assert spread(true, predicted) < 0.7 * spread(true, plain)
    assert np.corrcoef(np.log(true), np.log(predicted))[0, 1] > 0.85
    # In units: ten small steps of a tenth of a random difference each.
    assert np.exp(np.log(predicted / true).mean()) == pytest.approx(1.0, abs=0.15)


def test_measuring_goes_through_the_classes() -> None:
    """Each picture belongs to a class, and a short step stays in that of its place."""
    torch.manual_seed(2)
    space = make_space(StyleGAN2(StyleGAN2Config(16, 12, 10, 3, 64, 8, 3, 2)))
    mapped: list[np.ndarray | None] = []
    plain = space.map

    def listen(z: FloatArray, label: np.ndarray | None = None) -> FloatArray:
        mapped.append(label)
        return plain(z, label)

    space.map = listen  # type: ignore[method-assign, assignment]
    measure(space, lambda w: w, 40)
    places, near, others = mapped
    assert places is not None and near is not None and others is not None
    assert set(places) == set(others) == {0, 1, 2}
    np.testing.assert_array_equal(near, np.repeat(places, len(near) // len(places)))


def test_few_pictures_do_no_harm() -> None:
    painted = Painted()
    painted.space.ruler = measure(painted.space, painted.draw, 8)
    true, predicted, plain = compare(painted, seed=78)
    assert spread(true, predicted) < 1.3 * spread(true, plain)
    assert abs(np.log(predicted / true).mean()) < np.log(2.0)


def test_measuring_is_repeatable() -> None:
    one, two = (measure(p.space, p.draw, 40) for p in (Painted(), Painted()))
    np.testing.assert_array_equal(one.root, two.root)
    np.testing.assert_array_equal(one.slope, two.slope)


def test_a_picture_that_never_changes_gives_a_finite_ruler() -> None:
    painted = Painted()
    ruler = measure(painted.space, lambda w: np.zeros((2, 2), np.float32), 40)
    assert np.isfinite(ruler.root).all() and np.isfinite(ruler.slope).all()
    steps = np.random.default_rng(0).standard_normal((9, 3))
    ruler = fit(steps, np.zeros((9, 4)), steps)
    assert np.isfinite(ruler.root).all()


def test_rulers_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "deep" / "cache"))
    made = []

    def make() -> Ruler:
        made.append(1)
        return Ruler(np.eye(3, dtype=np.float32) * 2.0, np.ones(3, np.float32))

    for _ in range(2):
        ruler = remembered("abc", 3, make)
        np.testing.assert_array_equal(ruler.root, np.eye(3) * 2.0)
        np.testing.assert_array_equal(ruler.slope, np.ones(3))
    assert len(made) == 1
    (kept,) = (tmp_path / "deep" / "cache" / "vjgan").iterdir()
    whole = kept.read_bytes()
    for number, broken in enumerate((b"broken", whole[: len(whole) // 2], b"PK\x03\x04", b"")):
        kept.write_bytes(broken)
        remembered("abc", 3, make)
        assert len(made) == 2 + number
    np.savez(kept, root=np.eye(3, dtype=np.float32) * np.nan, slope=np.ones(3, np.float32))
    np.testing.assert_array_equal(remembered("abc", 3, make).root, np.eye(3) * 2.0)
    remembered("abd", 3, make)  # another file
    assert len(made) == 7
    assert len(list(kept.parent.iterdir())) == 2


def test_a_ruler_of_an_older_method_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for size, method in ((3, 1), (3, 2), (4, 2)):
        monkeypatch.setattr(measure_room, "METHOD", method)
        made = Ruler(np.eye(size, dtype=np.float32) * method, np.zeros(size, np.float32))
        np.testing.assert_array_equal(remembered("abc", size, lambda: made).root, made.root)  # noqa: B023


def test_a_cache_that_cannot_be_written_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    ruler = remembered(
        "abc", 2, lambda: Ruler(np.eye(2, dtype=np.float32), np.zeros(2, np.float32))
    )
    np.testing.assert_array_equal(ruler.root, np.eye(2))
