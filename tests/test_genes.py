"""Blends, children and families."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vjgan.assets import folder
from vjgan.errors import GeneError
from vjgan.generator.checkpoint import find_model, load
from vjgan.generator.player import make_space
from vjgan.generator.space import Space
from vjgan.genes import (
    Pool,
    blend,
    child_name,
    children,
    express,
    in_layers,
    layers_of,
    lineage,
)

NUM_WS, DIM = 10, 24


def space(classes: int = 0) -> Space:
    """A mapping of two layers with weights of its own."""
    chance = np.random.default_rng(3)
    sizes = ((DIM, 8), (DIM, DIM))
    layers = [
        (
            chance.normal(size=size).astype(np.float32),
            chance.normal(size=size[0]).astype(np.float32),
        )
        for size in sizes
    ]
    made = Space(layers, np.zeros(DIM, np.float32), NUM_WS)
    z = chance.standard_normal((20000, 8)).astype(np.float32)
    mean = made.map(z).mean(0)
    made = Space(layers, mean, NUM_WS)
    made.find_directions = lambda own: {"smile": np.ones(DIM, np.float32)}
    return made


SPACE = space()
POOL = Pool(SPACE)
EVEN = [[1.0] * 3, [1.0] * 3]


def people(seed: int, count: int) -> np.ndarray:
    z = np.random.default_rng(seed).standard_normal((count, 8)).astype(np.float32)
    return SPACE.map(z)


ADA, BEN, CYD = people(1, 3)


def test_groups_take_every_layer_once() -> None:
    for num_ws in (2, 6, 8, 10, 14, 16, 18):
        layers = [layer for group in range(3) for layer in layers_of(group, num_ws)]
        assert layers == list(range(num_ws))
    assert [layers_of(k, 18).start for k in range(3)] == [0, 4, 8]  # as in Karras et al. 2019
    assert [layers_of(k, 12).start for k in range(3)] == [0, 3, 5]


def test_a_blend_is_whom_it_is_of() -> None:
    alone = blend(POOL, [ADA, BEN], [[2.0] * 3, [0.0] * 3])
    assert alone == pytest.approx(in_layers(ADA, NUM_WS), abs=1e-5)
    assert blend(POOL, [ADA, ADA], EVEN) == pytest.approx(in_layers(ADA, NUM_WS), abs=1e-5)
    structure = blend(POOL, [ADA, BEN], [[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]])
    rows = layers_of(0, NUM_WS)
    assert structure[: rows.stop] == pytest.approx(in_layers(BEN, rows.stop), abs=1e-5)
    assert structure[rows.stop :] == pytest.approx(in_layers(ADA, NUM_WS - rows.stop), abs=1e-5)


def test_a_blend_goes_straight_between_and_as_far_out_as_both() -> None:
    away = [one - POOL.mean for one in (ADA, BEN)]
    both = blend(POOL, [ADA, BEN], EVEN)[0] - POOL.mean
    mean = (away[0] + away[1]) / 2
    turn = both @ mean / np.linalg.norm(both) / np.linalg.norm(mean)
    assert turn == pytest.approx(1.0, abs=1e-5)
    wanted = (np.linalg.norm(away[0]) + np.linalg.norm(away[1])) / 2
    most = math.sqrt(2) * np.linalg.norm(mean)
    assert np.linalg.norm(both) == pytest.approx(min(wanted, most), rel=1e-5)
    path = np.array([blend(POOL, [ADA, BEN], [[1 - t] * 3, [t] * 3])[0]
                     for t in np.linspace(0, 1, 201)])  # fmt: skip
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert steps.max() < 4 * np.median(steps)  # no jump anywhere on the way


def test_children_of_the_default_model_are_as_likely_as_anybody() -> None:
    """Against people whom the pool has not seen: how far from the mean they are by the samples'
    own covariance, and how far from the nearest of 6000 others."""
    whole = make_space(load(find_model("portraits", folder("models"))).network)
    pool, chance = Pool(whole), np.random.default_rng(11)

    def draw(count: int) -> np.ndarray:
        z = chance.standard_normal((count, whole.z_dim)).astype(np.float32)
        return whole.map(z).astype(np.float64)

    others, strangers = draw(6000), draw(1000)
    variances, axes = np.linalg.eigh(np.cov(others.T))
    shown = variances > 1e-3 * variances[-1]

    def seen(w: np.ndarray) -> np.ndarray:
        return np.asarray((w - others.mean(0)) @ axes[:, shown] / np.sqrt(variances[shown]))

    def nearest(w: np.ndarray) -> np.ndarray:
        a, b = seen(w), seen(others)
        return np.asarray(((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T).min(1))

    def far(w: np.ndarray) -> np.ndarray:
        return np.linalg.norm(seen(w), axis=1)

    parents = draw(40).astype(np.float32)
    for mutation in (0.0, 0.5):
        kids = np.concatenate(
            [
                np.stack(children(pool, list(parents[k : k + 2]), EVEN, 9, mutation, k))[:, ::4]
                for k in range(0, 40, 2)
            ]
        ).reshape(-1, whole.w_dim)  # [540, w_dim]
        for measure in (far, nearest):
            usual = np.quantile(measure(strangers), 0.99)
            assert (measure(kids) > usual).mean() < 0.03


def test_parents_from_afar_do_not_lead_children_further() -> None:
    far = (POOL.mean + 6 * (ADA - POOL.mean)).astype(np.float32)
    kids = children(POOL, [far, BEN], EVEN, 16, 0.8, 5)
    assert POOL.distance(np.stack(kids)).max() <= POOL.distance(far) + 1e-3
    assert POOL.distance(POOL.hold(far, POOL.reach)) == pytest.approx(POOL.reach)


def test_children_take_after_their_parents_and_less_so_by_mutation() -> None:
    def strangeness(mutation: float) -> float:
        plain = np.stack(children(POOL, [ADA, BEN], EVEN, 24, 0.0, 9))
        changed = np.stack(children(POOL, [ADA, BEN], EVEN, 24, mutation, 9))
        return float(np.linalg.norm(changed - plain, axis=-1).mean())

    assert strangeness(0.0) == 0.0
    assert 0.0 < strangeness(0.2) < strangeness(0.5) < strangeness(1.0)
    of_ada = children(POOL, [ADA, BEN], [[1.0] * 3, [0.0] * 3], 4, 0.0, 9)
    for kid in of_ada:
        assert kid == pytest.approx(in_layers(ADA, NUM_WS), abs=1e-4)


def test_the_same_seed_has_the_same_children_however_many() -> None:
    few, many = (children(POOL, [ADA, BEN, CYD], [[1.0] * 3] * 3, n, 0.3, 4) for n in (3, 9))
    assert all(np.array_equal(a, b) for a, b in zip(few, many, strict=False))
    other = children(POOL, [ADA, BEN, CYD], [[1.0] * 3] * 3, 3, 0.3, 5)
    assert not np.array_equal(few[0], other[0])
    assert len({one.tobytes() for one in many}) == 9
    names = {child_name(seed, number) for seed in range(20) for number in range(9)}
    assert len(names) > 170 and all(name.isalpha() for name in names)


def test_in_a_line_children_are_nearer_to_their_parents_than_to_others() -> None:
    line = np.stack(lineage(POOL, 5, 12))
    assert len(line) == 12 and np.array_equal(line, np.stack(lineage(POOL, 5, 12)))
    far = np.linalg.norm(line[:, None] - line[None], axis=-1).mean(-1)  # [12, 12]
    kin = np.diagonal(far, 1).mean()
    assert kin < 0.85 * np.triu(far, 3)[np.triu_indices(12, 3)].mean()


def test_genes_go_along_the_models_ways() -> None:
    w = in_layers(ADA, NUM_WS)
    assert express(w, {"smile": 2.0}, POOL) == pytest.approx(w + 2.0)
    axis = POOL.sliders()["pca1"]
    spread = (people(30, 4000) - POOL.mean) @ (axis / np.linalg.norm(axis))
    assert np.linalg.norm(axis) == pytest.approx(spread.std(), rel=0.05)
    with pytest.raises(GeneError, match=r"gene 'grin' is not one .* smile, pca1"):
        express(w, {"grin": 1.0}, POOL)


@pytest.mark.parametrize(
    ("portraits", "shares", "words"),
    [
        ([], [], "nobody cannot be blended; choose a portrait or more"),
        ([ADA, BEN], [[1, 0, 1], [0, 0, 1]], "weights of features sum to 0"),
        ([ADA, BEN], [[1, 1, 1]], "are not one for each of 2 portraits"),
        ([ADA], [[1, -1, 1]], "below 0 or no number"),
        ([ADA], [[1, math.nan, 1]], "below 0 or no number"),
    ],
)
def test_what_cannot_be_blended_is_said(
    portraits: list[np.ndarray], shares: list[list[float]], words: str
) -> None:
    with pytest.raises(GeneError, match=words):
        blend(POOL, portraits, shares)
