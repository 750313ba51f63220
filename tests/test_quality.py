"""The measures of pictures, against plain formulas and scipy."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch
from scipy import linalg

from vjgan.train import quality
from vjgan.train.features import PACKAGE

RANDOM = np.random.default_rng(5)
A = RANDOM.normal(size=(300, 24)).astype(np.float32)
B = (RANDOM.normal(size=(260, 24)) * 1.5 + 0.3).astype(np.float32)
needs_network = pytest.mark.skipif(
    importlib.util.find_spec(PACKAGE) is None, reason=f"needs {PACKAGE}"
)


def test_fid_is_the_formula_with_scipys_square_root() -> None:
    shift = A.mean(0) - B.mean(0)
    one, two = np.cov(A, rowvar=False), np.cov(B, rowvar=False)
    root = linalg.sqrtm(one @ two).real
    expected = shift @ shift + np.trace(one + two - 2 * root)
    assert quality.fid(A, B) == pytest.approx(expected, rel=1e-5)
    assert quality.fid(A, A) == pytest.approx(0, abs=1e-9)


def test_fid_of_fewer_pictures_than_features() -> None:
    few, others = A[:10], B[:12]
    one, two = np.cov(few, rowvar=False), np.cov(others, rowvar=False)
    eigenvalues = linalg.eigvals(one @ two).real  # sqrtm is unreliable for singular matrices
    shift = few.mean(0) - others.mean(0)
    common = np.sqrt(np.clip(eigenvalues, 0, None)).sum()
    expected = shift @ shift + np.trace(one) + np.trace(two) - 2 * common
    assert quality.fid(few, others) == pytest.approx(expected, rel=1e-4)


def test_kid_is_the_unbiased_estimate() -> None:
    n = 40
    a, b = A[:n].astype(np.float64), B[:n].astype(np.float64)

    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return float((np.dot(x, y) / 24 + 1) ** 3)

    pairs = [(i, j) for i in range(n) for j in range(n)]
    apart = [(i, j) for i, j in pairs if i != j]
    expected = np.mean([kernel(a[i], a[j]) for i, j in apart])
    expected += np.mean([kernel(b[i], b[j]) for i, j in apart])
    expected -= 2 * np.mean([kernel(a[i], b[j]) for i, j in pairs])
    found = quality.kid(A[:n], B[:n], subsets=3, size=n)
    assert found.mean == pytest.approx(expected)
    assert found.deviation == pytest.approx(0, abs=1e-12)  # every subset is the whole


def test_kid_of_one_kind_is_around_nothing() -> None:
    other = RANDOM.normal(size=(300, 24)).astype(np.float32)
    same, different = quality.kid(A, other, size=100), quality.kid(A, B, size=100)
    assert abs(same.mean) < same.deviation
    assert different.mean > 3 * different.deviation


def test_nearest_finds_the_picture_itself() -> None:
    found = quality.nearest(3 * A[[7, 2]] + 1e-4, A)
    assert found.which.tolist() == [7, 2]
    assert (found.distance < 1e-4).all()


@needs_network
def test_embeddings_tell_pictures_apart_and_do_not_depend_on_the_batch() -> None:
    pictures = RANDOM.integers(0, 255, (18, 64, 48, 3), np.uint8)
    rows = quality.embed(pictures)
    assert rows.shape == (18, 1280) and rows.dtype == np.float32
    assert np.allclose(rows[17:], quality.embed(pictures[17:]), atol=1e-4)
    assert np.linalg.norm(rows[0] - rows[1]) > 0.1


@needs_network
def test_path_length_is_the_square_of_the_speed() -> None:
    torch.manual_seed(3)
    start, way, directions = torch.randn(4, 4), torch.randn(4, 4), torch.randn(4, 3 * 32 * 32)

    def draw(w: torch.Tensor) -> torch.Tensor:
        return torch.tanh(0.05 * w @ directions).reshape(-1, 3, 32, 32)

    def paths(length: float) -> torch.Tensor:
        return torch.stack([start, start + length * way], 1).flatten(0, 1)  # [8, 4], in pairs

    assert quality.path_length(draw, paths(0.0)) == 0
    slow, fast = (quality.path_length(draw, paths(length)) for length in (0.1, 0.2))
    assert slow > 0
    assert fast / slow == pytest.approx(4, rel=0.2)
