"""Motion in a space whose sensitivity is known and varies much; numpy only."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from vjgan.errors import PresetError
from vjgan.motion import Motion, MotionSettings, make_motion
from vjgan.motion.curve import Ring, Ruler, Walk, seeded, weights
from vjgan.motion.glide import NO_CLASS
from vjgan.motion.pace import LAG, RETURN, BeatLock, coast
from vjgan.types import Beat, Controls, FloatArray, LatentState, Tick

BPM = 120.0
KEYFRAMES = ((3, 1), (4, 0.5), (4, 2), (3, 1), (9, 1))  # a hold, and a way back
KINDS = [
    MotionSettings("wander", seed=5),
    MotionSettings("loop", seed=5, bars=4, anchors=5),
    MotionSettings("keyframes", keyframes=KEYFRAMES),
    MotionSettings("keyframes", keyframes=((1, 1), (2, 1))),
]
IDS = ["wander", "loop", "keyframes", "to and fro"]


class TanhSpace:
    """A picture is tanh(w G) Q: its Jacobian is known, and falls where the tanh saturates."""

    z_dim, w_dim, num_ws, classes = 12, 16, 10, 0

    def __init__(self) -> None:
        random = np.random.RandomState(0)
        self._spread = random.standard_normal((12, 16)) / np.sqrt(12)
        self._bend = random.standard_normal((12, 16)) / np.sqrt(12)
        self._gain = random.standard_normal((16, 10)) / np.sqrt(16) * 2.0
        self._mix = random.standard_normal((10, 20))
        self._unit = 1.0
        w = self.fresh(4000, seed=1)
        self.w_mean = w.mean(axis=0).astype(np.float32)
        self._unit = (
            10.0 / np.linalg.norm(self.picture(w[1:]) - self.picture(w[:-1]), axis=1).mean()
        )

    def fresh(self, count: int, seed: int) -> FloatArray:
        """w [count, w_dim] of random z on the sphere."""
        z = np.random.RandomState(seed).standard_normal((count, self.z_dim))
        z *= np.sqrt(self.z_dim) / np.linalg.norm(z, axis=1, keepdims=True)
        return self.map(z.astype(np.float32))

    def map(self, z: FloatArray, label: int | None = None) -> FloatArray:
        return (z @ self._spread + np.sin(z @ self._bend)).astype(np.float32)

    def picture(self, w: FloatArray) -> np.ndarray:
        """[n, w_dim] -> [n, 20], in units of perceptual length."""
        return self._unit * (np.tanh(w.astype(np.float64) @ self._gain) @ self._mix)

    def length(self, w0: FloatArray, w1: FloatArray) -> FloatArray:
        slope = 1.0 - np.tanh((w0 + w1) / 2 @ self._gain) ** 2
        step = self._unit * ((slope * ((w1 - w0) @ self._gain)) @ self._mix)
        return np.linalg.norm(step, axis=1).astype(np.float32)


SPACE = TanhSpace()


def controls(level: float = 0.5, **values: float) -> Controls:
    still = {"speed": 0.0, "energy": 0.0, "kick": 0.0, "psi": 1.0, "noise": 1.0}
    return Controls(0.0, still | {"mix": 0.0, "mix_layer": 4.0} | values, {"level": level})


def play(
    motion: Motion,
    fps: float,
    seconds: float,
    steer: Callable[[float], Controls],
    onsets: Sequence[float] = (),
    start: float = 0.0,
) -> FloatArray:
    """w of layer 0 at each tick: [ticks, w_dim]."""
    path = []
    for index in range(round(seconds * fps) + 1):
        time = start + index / fps
        heard = [onset for onset in onsets if time - 1 / fps < onset <= time]
        tick = Tick(index, time, 1 / fps, time)
        path.append(motion.step(steer(time), Beat(time * BPM / 60, BPM), heard, tick).w[0])
    return np.array(path)


def lively(time: float) -> Controls:
    """Controls that jump, and a level that swings."""
    fast = 0.7 < time < 1.6
    return controls(
        level=0.5 + 0.5 * np.sin(5 * time), speed=2.0 if fast else 0.5, energy=0.5, kick=0.5
    )


def largest(values: np.ndarray) -> float:
    return float(np.linalg.norm(values, axis=-1).max())


# --- never jumps ------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", KINDS, ids=IDS)
def test_position_and_velocity_are_continuous(settings: MotionSettings) -> None:
    """A jump of the velocity would stay as it is when the step shrinks, one of the position would
    grow; a continuous velocity changes by a quarter in a quarter of the step."""
    changes = []
    for fps in (800, 3200):
        path = play(make_motion(settings, SPACE), fps, 3.1, lively, onsets=(0.8131, 1.1, 2.0207))
        velocity = np.diff(path, axis=0) * fps
        changes.append(largest(np.diff(velocity, axis=0)))
    assert changes[1] < 0.5 * changes[0]


@pytest.mark.parametrize("settings", KINDS, ids=IDS)
def test_late_onset_does_not_jump(settings: MotionSettings) -> None:
    changes = []
    for late in (0.0, 0.2):
        motion = make_motion(settings, SPACE)
        play(motion, 200, 1.0, lambda _: controls())
        before = motion.step(controls(kick=2.0), Beat(2.01), (), Tick(0, 1.005, 0.005, 1.005))
        after = motion.step(controls(kick=2.0), Beat(2.02), (1.01 - late,), Tick(0, 1.01, 0.005, 0))
        changes.append(largest(after.w - before.w))
    assert changes[1] < changes[0] + 0.02


def test_mixing_and_its_layer_are_continuous() -> None:
    tick = Tick(0, 0.0, 0.0, 0.0)

    def w(**values: float) -> FloatArray:
        return make_motion(KINDS[0], SPACE).step(controls(**values), Beat(), (), tick).w

    span = largest(w(mix=1.0, mix_layer=0.0) - w())
    for name, values in {
        "mix": np.linspace(0, 1, 101),
        "mix_layer": np.linspace(0, 10, 1001),
    }.items():
        sweep = np.array([w(**{"mix": 1.0, name: float(value)}) for value in values])
        assert 0.0 < largest(np.diff(sweep, axis=0)) < 0.0101 * span, name


def test_mixing_takes_the_second_walk_from_its_layer_on() -> None:
    tick = Tick(0, 0.0, 0.0, 0.0)
    mixed = make_motion(KINDS[0], SPACE).step(controls(mix=1.0), Beat(), (), tick).w
    second = (
        make_motion(MotionSettings("wander", seed=6), SPACE).step(controls(), Beat(), (), tick).w
    )
    first = make_motion(KINDS[0], SPACE).step(controls(), Beat(), (), tick).w
    np.testing.assert_allclose(mixed[:4], first[:4], atol=1e-6)
    np.testing.assert_allclose(mixed[4:], second[4:], atol=1e-6)


@pytest.mark.parametrize("settings", KINDS, ids=IDS)
@pytest.mark.parametrize("dt", [1 / 60, 7.0], ids=["frozen", "stalled"])
def test_goes_on_after_a_pause_from_where_it_was(settings: MotionSettings, dt: float) -> None:
    motion = make_motion(settings, SPACE)
    steer = controls(speed=1.0)
    before = play(motion, 60, 3.0, lambda _: steer)
    fastest = largest(np.diff(before, axis=0)) * 60
    beat = Beat((3.0 + 7.45) * BPM / 60, BPM)
    after = motion.step(steer, beat, (), Tick(0, 10.45, dt, 10.45)).w[0]
    assert np.linalg.norm(after - before[-1]) < 1.5 * fastest * min(dt, 0.25)


def test_beat_lock_eases_into_the_bar() -> None:
    """From 2.0 the beat is next heard at 2.0 + ``missed``; 0.02 beats a step are the tempo."""
    for missed in (5.5, 6.5, 33.9):
        lock = BeatLock()
        lock.step(Beat(1.98, BPM), 0.01)
        positions = [lock.step(Beat(2.0, BPM), 0.01)]
        for index in range(1, 801):
            positions.append(lock.step(Beat(2.0 + missed + 0.02 * index, BPM), 0.01))
        steps = np.diff(positions)
        assert steps[:3] == pytest.approx(0.02, abs=0.005), "it must not start with a jerk"
        assert steps.min() > 0.0 and steps.max() < 0.04
        behind = 2.0 + missed + 16.0 - positions[-1]
        assert behind == pytest.approx(4 * round(missed / 4), abs=1e-3)


def test_rejoins_the_bar_after_a_pause() -> None:
    motion = make_motion(KINDS[1], SPACE)
    play(motion, 60, 3.0, lambda _: controls())
    path = play(motion, 60, 8.0, lambda _: controls(), start=10.45)
    bars = [
        play(make_motion(KINDS[1], SPACE), 60, 0.0, lambda _: controls(), start=18.45 - 2.0 * k)[0]
        for k in range(4)
    ]
    misses = sorted(float(np.linalg.norm(path[-1] - bar)) for bar in bars)
    assert misses[0] < 1e-3 < 0.3 < misses[1]
    steady = play(make_motion(KINDS[1], SPACE), 60, 8.0, lambda _: controls())
    assert largest(np.diff(path, axis=0)) < 2 * largest(np.diff(steady, axis=0))


# --- the same at any frame rate ---------------------------------------------------------------


@pytest.mark.parametrize("settings", KINDS, ids=IDS)
def test_same_path_at_any_frame_rate(settings: MotionSettings) -> None:
    onsets = (0.4113, 0.6789, 0.7777, 2.5001)
    paths = [
        play(
            make_motion(settings, SPACE), fps, 4.0, lambda _: controls(speed=1.5, kick=0.7), onsets
        )[:: fps // 30]
        for fps in (30, 60, 120)
    ]
    assert largest(paths[0][20:] - paths[0][:-20]) > 0.5
    np.testing.assert_allclose(paths[1], paths[0], atol=1e-5)
    np.testing.assert_allclose(paths[2], paths[0], atol=1e-5)


def test_swinging_level_gives_nearly_the_same_path() -> None:
    """Between ticks the rate is taken as straight, so the paths differ by the square of dt."""
    paths = [
        play(
            make_motion(KINDS[0], SPACE),
            fps,
            4.0,
            lambda time: controls(level=0.5 + 0.4 * np.sin(9 * time), speed=2.0, energy=1.0),
        )[:: fps // 30]
        for fps in (30, 60, 120)
    ]
    coarse, fine = largest(paths[0] - paths[2]), largest(paths[1] - paths[2])
    assert fine < 0.3 * coarse < 0.3 * 0.01


def test_coast_solves_its_equations() -> None:
    for leak in (0.0, 1 / RETURN):
        state, dt = np.array([3.0, -1.0, 0.5]), 1e-5
        system = np.array([[-1, 0, 0], [1, -1, 0], [0, LAG, -leak * LAG]]) / LAG
        step = np.eye(3) + dt * system @ (np.eye(3) + dt / 2 * system)
        for _ in range(20_000):
            state = step @ state
        np.testing.assert_allclose(coast((3.0, -1.0, 0.5), 0.2, leak), state, atol=1e-7)


# --- speed in units of the picture ------------------------------------------------------------


def picture_speeds(path: FloatArray, fps: float) -> np.ndarray:
    return np.linalg.norm(np.diff(SPACE.picture(path), axis=0), axis=1) * fps


def test_wander_looks_equally_fast_everywhere() -> None:
    path = play(make_motion(KINDS[0], SPACE), 60, 120.0, lambda _: controls(speed=1.0))[60:]
    plain = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert plain.max() > 4 * plain.min(), "the space is too even to test anything"
    speeds = picture_speeds(path, 60)
    assert speeds.min() > 0.85 and speeds.max() < 1.15


def test_loop_looks_equally_fast_everywhere() -> None:
    path = play(make_motion(KINDS[1], SPACE), 240, 8.0, lambda _: controls())
    plain = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert plain.max() > 3 * plain.min(), "the space is too even to test anything"
    speeds = picture_speeds(path, 240)
    assert 0.85 * speeds.mean() < speeds.min() and speeds.max() < 1.15 * speeds.mean()


def test_energy_scales_the_speed_and_never_turns_it_round() -> None:
    for level, expected in ((0.5, 2.0), (1.0, 4.0), (0.25, 1.0), (0.0, 0.0)):
        steer = controls(level=level, speed=2.0, energy=1.0)
        path = play(make_motion(KINDS[0], SPACE), 60, 5.0, lambda _, steer=steer: steer)[30:]
        assert picture_speeds(path, 60).mean() == pytest.approx(expected, rel=0.05)

    def hush(time: float) -> Controls:
        return controls(level=float(time < 1.0), speed=2.0, energy=2.0)

    path = play(make_motion(KINDS[0], SPACE), 60, 3.0, hush)
    assert largest(path[90:] - path[-1]) < 1e-3 < 0.3 < largest(path[0] - path[-1:])


def test_kick_moves_the_walk_ahead_by_its_units() -> None:
    path = play(make_motion(KINDS[0], SPACE), 100, 1.5, lambda _: controls(kick=2.5), (0.123, 0.3))
    np.testing.assert_allclose(path[-1], Walk(5, SPACE, NO_CLASS).along(5.0, NO_CLASS), atol=1e-5)
    way = picture_speeds(path, 100).cumsum() / 100
    assert way[-1] == pytest.approx(5.0, rel=0.05)
    assert way[12] < 0.05, "it must start from rest"


@pytest.mark.parametrize("settings", KINDS[1:], ids=IDS[1:])
def test_kick_on_the_beat_returns(settings: MotionSettings) -> None:
    kicked = play(make_motion(settings, SPACE), 60, 6.0, lambda _: controls(kick=2.0), (1.02,))
    plain = play(make_motion(settings, SPACE), 60, 6.0, lambda _: controls(kick=2.0))
    apart = np.linalg.norm(kicked - plain, axis=1)
    assert apart[:61].max() < 1e-6 and apart[62:90].max() > 0.1
    assert apart[-1] < 1e-3


# --- loops and keyframes ----------------------------------------------------------------------


@pytest.mark.parametrize("settings", KINDS[1:], ids=IDS[1:])
def test_ring_closes_in_its_bars(settings: MotionSettings) -> None:
    bars = sum(bars for _, bars in settings.keyframes) or settings.bars
    seconds = bars * 4 * 60 / BPM
    path = play(make_motion(settings, SPACE), 200, seconds + 1.0, lambda _: controls())
    once = round(seconds * 200)
    np.testing.assert_allclose(path[once:], path[: len(path) - once], atol=1e-5)
    assert largest(path - path[0]) > 1.0


def test_ring_has_no_seam() -> None:
    ring = Ring(seeded(1, 5, SPACE.z_dim), SPACE, NO_CLASS)
    seam = np.array([ring.along(1e-5 * k, NO_CLASS) for k in (-2, -1, 0, 1, 2)]) / 1e-5
    before, after = seam[1] - seam[0], seam[4] - seam[3]
    assert np.linalg.norm(after - before) < 1e-3 * np.linalg.norm(after)


def test_keyframes_are_met_at_their_bars() -> None:
    """A seed's picture is the one that it has in the usual tools, and a hold stands still."""
    path = play(make_motion(KINDS[2], SPACE), 100, 11.0, lambda _: controls())
    for seed, bar in ((3, 0), (4, 1), (4, 1.5), (3, 3.5), (9, 4.5), (3, 5.5)):
        z = np.random.RandomState(seed).randn(1, SPACE.z_dim).astype(np.float32)
        np.testing.assert_allclose(path[round(bar * 200)], SPACE.map(z)[0], atol=1e-5)
    assert largest(path[200:301] - path[200]) < 1e-5
    assert largest(path[300:701] - path[300]) > 0.5


def test_a_known_picture_is_a_keyframe_like_that_of_a_seed() -> None:
    known = tuple(
        (SPACE.map(seeded(seed, 1, SPACE.z_dim).astype(np.float32))[0] if seed == 4 else seed, bars)
        for seed, bars in KEYFRAMES
    )
    one, other = (
        play(make_motion(MotionSettings("keyframes", keyframes=rows), SPACE), 20, 11.0, lively)
        for rows in (known, KEYFRAMES)
    )
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_equal_keyframes_follow_the_spline() -> None:
    keyframes = tuple((seed, 1.0) for seed in range(5))
    path = play(
        make_motion(MotionSettings("keyframes", keyframes=keyframes), SPACE),
        50,
        10.0,
        lambda _: controls(),
    )
    z = np.concatenate([seeded(seed, 1, SPACE.z_dim) for seed in range(5)])
    ring = Ring(z, SPACE, NO_CLASS)
    np.testing.assert_allclose(path, [ring.at(k / 100, NO_CLASS) for k in range(501)], atol=1e-5)


def test_uneven_keyframes_never_turn_back() -> None:
    keyframes = ((0, 1), (1, 0.25), (2, 8), (3, 0.25), (4, 2))
    motion = make_motion(MotionSettings("keyframes", keyframes=keyframes), SPACE)
    course = motion._course
    beats = np.linspace(0.0, 46.0, 20_000, endpoint=False)
    places = np.array([course._place(beat) for beat in beats])  # type: ignore[attr-defined]
    assert np.diff(places).min() > 0.0


def test_one_keyframe_stands_still() -> None:
    path = play(
        make_motion(MotionSettings("keyframes", keyframes=((8, 1),)), SPACE),
        30,
        3.0,
        lambda _: controls(kick=1.0),
        (1.0,),
    )
    assert largest(path - path[0]) < 1e-6


# --- the curves against textbooks -------------------------------------------------------------


def test_ring_is_the_periodic_cubic_spline() -> None:
    """By its second derivatives (Numerical Recipes 3.3), solved on their own."""
    z = seeded(1, 6, SPACE.z_dim)
    ring, y = Ring(z, SPACE, NO_CLASS), SPACE.map(z.astype(np.float32)).astype(np.float64)
    n = len(y)
    system, right = np.zeros((n, n)), np.zeros_like(y)
    for i in range(n):
        system[i, i - 1], system[i, i], system[i, (i + 1) % n] = 1 / 6, 2 / 3, 1 / 6
        right[i] = y[(i + 1) % n] - 2 * y[i] + y[i - 1]
    second = np.linalg.solve(system, right)
    for u in np.linspace(-1.0, 13.0, 57):
        i, b = int(u // 1) % n, u % 1
        j, a = (i + 1) % n, 1 - b
        bent = ((a**3 - a) * second[i] + (b**3 - b) * second[j]) / 6
        np.testing.assert_allclose(ring.at(u, NO_CLASS), a * y[i] + b * y[j] + bent, atol=1e-9)


def cox_de_boor(i: int, degree: int, x: float) -> float:
    """The B-spline of knots i .. i + degree + 1, by its recursion."""
    if degree == 0:
        return float(i <= x < i + 1)
    left = (x - i) / degree * cox_de_boor(i, degree - 1, x)
    return left + (i + degree + 1 - x) / degree * cox_de_boor(i + 1, degree - 1, x)


def test_weights_are_b_splines() -> None:
    for t in np.linspace(0.0, 0.999, 12):
        expected = [cox_de_boor(k, 3, 3 + t) for k in range(4)]
        np.testing.assert_allclose(weights(float(t)), expected, atol=1e-12)


def test_ruler_finds_where_a_length_is_passed() -> None:
    sums = np.concatenate([[0.0], np.random.RandomState(2).uniform(0.02, 3.0, 40).cumsum()])
    ruler = Ruler(sums)
    for length in np.linspace(ruler.start, ruler.end, 300)[:-1]:
        x = ruler.find(float(length))
        passed = sum(sums[j] * cox_de_boor(j - 2, 3, x) for j in range(41))
        assert passed == pytest.approx(length, abs=1e-10)


# --- an hour, seeds, values, mistakes ---------------------------------------------------------


def test_an_hour_does_not_drift_or_grow() -> None:
    motion = make_motion(KINDS[0], SPACE)
    radii, sizes = [], []
    steer = controls(speed=3.0, kick=0.25)
    for index in range(4 * 3600):
        time = index / 4
        w = motion.step(steer, Beat(), (time,), Tick(index, time, 0.25, time)).w[0]
        radii.append(np.linalg.norm(w - SPACE.w_mean))
        if index % 2400 == 2399:
            sizes.append(len(pickle.dumps(motion)))
    fresh = np.linalg.norm(SPACE.fresh(20_000, seed=3) - SPACE.w_mean, axis=1)
    quantiles = [0.05, 0.25, 0.5, 0.75, 0.95]
    expected = np.quantile(fresh, quantiles)
    np.testing.assert_allclose(np.quantile(radii[-2400:], quantiles), expected, rtol=0.06)
    assert max(sizes) < min(sizes) + 2000


@pytest.mark.parametrize("settings", KINDS[:3], ids=IDS[:3])
def test_seeds_decide(settings: MotionSettings) -> None:
    def run(settings: MotionSettings) -> FloatArray:
        return play(make_motion(settings, SPACE), 30, 2.0, lively, (0.5,))

    other = MotionSettings(
        settings.kind, seed=77, keyframes=tuple((seed + 50, bars) for seed, bars in KEYFRAMES)
    )
    np.testing.assert_array_equal(run(settings), run(settings))
    assert np.linalg.norm(run(settings) - run(other), axis=1).min() > 0.3


def test_latent_is_truncated_about_the_mean() -> None:
    def latent(psi: float) -> LatentState:
        motion = make_motion(KINDS[0], SPACE)
        tick = Tick(0, 2.5, 0.0, 3.0)
        return motion.step(controls(psi=psi, mix=0.6, noise=0.3), Beat(), (), tick)

    full, half, none = latent(1.0), latent(0.5), latent(0.0)
    assert full.w.shape == (10, 16) and full.w.dtype == np.float32
    assert (full.time, full.noise) == (2.5, 0.3)
    np.testing.assert_allclose(none.w, np.tile(SPACE.w_mean, (10, 1)), atol=1e-6)
    np.testing.assert_allclose(half.w, (full.w + none.w) / 2, atol=1e-6)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "spin"}, "motion: kind 'spin' is not one of wander, loop, keyframes"),
        ({"anchors": 2}, "motion: anchors 2 is outside 3..64"),
        ({"bars": 0}, "motion: bars 0 is outside 1..64"),
        ({"seed": -1}, "motion: seed -1 is outside 0..4294967295"),
        ({"kind": "keyframes"}, "motion: kind 'keyframes' needs at least one keyframe"),
        ({"keyframes": ((1, 1), (2, 0))}, "motion: bars of keyframe 2 0 is outside 0.25..64"),
    ],
)
def test_mistakes_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(PresetError, match=message.replace("(", r"\(")):
        MotionSettings(**values)  # type: ignore[arg-type]


def test_length_of_a_dead_space_does_not_stop_the_walk() -> None:
    """A picture that answers to nothing, or a length that is not a number: on at a plain pace."""

    class Dead(TanhSpace):
        def length(self, w0: FloatArray, w1: FloatArray) -> FloatArray:
            return np.full(len(w0), np.nan, np.float32)

    path = play(make_motion(KINDS[0], Dead()), 30, 2.0, lambda _: controls(speed=1.0))
    assert np.isfinite(path).all() and 0.1 < largest(np.diff(path, axis=0)) < 1.0


# --- what reaches into the network ------------------------------------------------------------


class ClassSpace(TanhSpace):
    """Three classes, each at a place of its own, and two directions."""

    classes = 3

    def map(self, z: FloatArray, label: int | None = None) -> FloatArray:
        w = super().map(z)
        return w if label is None else w + np.float32(10.0 * (label + 1))

    def directions(self) -> dict[str, FloatArray]:
        low = np.zeros((self.num_ws, self.w_dim), np.float32)
        low[:4] = 2.0
        return {"smile": np.eye(16, dtype=np.float32)[3], "low": low}


CLASSES = ClassSpace()


def latent(space: TanhSpace, settings: MotionSettings = KINDS[0], **values: float) -> LatentState:
    steer = Controls(0.0, controls().values | {k.replace("__", "."): v for k, v in values.items()})
    return make_motion(settings, space).step(steer, Beat(), (), Tick(0, 0.0, 0.0, 0.0))


def test_truncation_reaches_as_many_layers_as_asked() -> None:
    full, none = latent(SPACE), latent(SPACE, psi=0.0)
    some = latent(SPACE, psi=0.0, psi_layers=3.25).w
    np.testing.assert_array_equal(some[:3], none.w[:3])
    np.testing.assert_allclose(some[3], 0.25 * none.w[3] + 0.75 * full.w[3], atol=1e-6)
    np.testing.assert_array_equal(some[4:], full.w[4:])


def test_mixing_ends_at_its_upper_layer() -> None:
    first, second = latent(SPACE).w, latent(SPACE, mix=1.0, mix_layer=0.0).w
    some = latent(SPACE, mix=1.0, mix_layer=2.0, mix_to=5.5).w
    np.testing.assert_allclose(some[:2], first[:2], atol=1e-6)
    np.testing.assert_allclose(some[2:5], second[2:5], atol=1e-6)
    np.testing.assert_allclose(some[5], (first[5] + second[5]) / 2, atol=1e-6)
    np.testing.assert_allclose(some[6:], first[6:], atol=1e-6)


def test_directions_go_by_number_and_by_name() -> None:
    plain, ways = latent(CLASSES).w, CLASSES.directions()
    by_number = latent(CLASSES, direction__1=1.5, direction__2=-0.5).w
    by_name = latent(CLASSES, direction__smile=1.5, direction__low=-0.5).w
    np.testing.assert_allclose(
        by_number, plain + 1.5 * ways["smile"] - 0.5 * ways["low"], atol=1e-5
    )
    np.testing.assert_array_equal(by_name, by_number)
    np.testing.assert_array_equal(latent(CLASSES, direction__8=3.0).w, plain)


@pytest.mark.parametrize("settings", KINDS, ids=IDS)
def test_class_decides_and_blends(settings: MotionSettings) -> None:
    path = [latent(CLASSES, settings, **{"class": place}).w for place in (0.0, 0.5, 1.0, 2.0, 9.0)]
    for w, offset in zip(path, (0.0, 5.0, 10.0, 20.0, 20.0), strict=True):
        np.testing.assert_allclose(w - path[0], offset, atol=1e-4)


def test_preset_chooses_among_classes() -> None:
    some = MotionSettings("wander", seed=5, classes=(2, 0))
    offset = latent(CLASSES, some).w - latent(CLASSES, some, **{"class": 1.0}).w
    np.testing.assert_allclose(offset, 20.0, atol=1e-4)
    np.testing.assert_array_equal(latent(SPACE, some).w, latent(SPACE).w)
    with pytest.raises(PresetError, match=r"motion: class 3 is not one of the model's, 0\.\.2"):
        make_motion(MotionSettings(classes=(0, 3)), CLASSES)


@pytest.mark.parametrize("settings", KINDS[:3], ids=IDS[:3])
def test_jump_of_the_class_is_a_way_at_any_frame_rate(settings: MotionSettings) -> None:
    def steer(time: float) -> Controls:
        place = {"class": 2.0 if time > 0.5 else 0.0}
        return Controls(0.0, controls(speed=1.0).values | place, {"level": 0.5})

    slow, fast = (
        play(make_motion(settings, CLASSES), fps, 2.0, steer)[:: fps // 30] for fps in (30, 120)
    )
    steps = np.abs(np.diff(fast.mean(axis=1)))
    assert steps.max() < 7.0, "it must not jump by the 20 that lie between"
    assert fast[-1].mean() - fast[0].mean() == pytest.approx(20.0, abs=2.0)
    # The target jumps somewhere within a step; a slower rate can only know it a step later.
    assert np.abs(slow - fast)[:15].max() < 1e-4 and np.abs(slow - fast)[-15:].max() < 0.05


def test_steps_of_a_knob_glide_alike_at_any_frame_rate() -> None:
    """A way that is straight from frame to frame gives the same latent at 30 and 120 a second."""

    def steer(time: float) -> Controls:
        ramp = min(1.0, max(0.0, (time - 0.5) / 0.3))  # on whole frames
        moved = {"psi": ramp, "bend.x": ramp / 2, "noise": ramp}
        return Controls(0.0, controls().values | moved, {"level": 0.5})

    states = []
    for fps in (30, 120):
        motion = make_motion(KINDS[0], SPACE)
        ticks = [Tick(k, k / fps, 1 / fps, k / fps) for k in range(fps + 1)]
        states.append([motion.step(steer(t.time), Beat(), (), t) for t in ticks][:: fps // 30])
    for slow, fast in zip(*states, strict=True):
        np.testing.assert_allclose(slow.w, fast.w, atol=1e-5)
        assert slow.noise == pytest.approx(fast.noise, abs=1e-9)
        assert slow.inside.get("bend.x", 0.0) == pytest.approx(
            fast.inside.get("bend.x", 0.0), abs=1e-5
        )
    noise = [state.noise for state in states[1]]
    assert noise[15] == 0.0 and noise[-1] == pytest.approx(1.0, abs=1e-3)
    assert 0.4 < noise[20] < 0.5  # 0.556 is where the knob is


def test_what_reaches_in_is_carried_while_it_is_not_at_its_default() -> None:
    motion = make_motion(KINDS[0], SPACE)
    carried = []
    for index in range(60):
        value = 90.0 if 10 <= index < 30 else 0.0
        steer = Controls(0.0, controls().values | {"bend.turn": value}, {})
        tick = Tick(index, index / 30, 1 / 30, index / 30)
        carried.append(dict(motion.step(steer, Beat(), (), tick).inside))
    assert carried[9] == {} and carried[-1] == {}
    assert carried[29]["bend.turn"] == pytest.approx(90.0, abs=0.01)
    assert 0.0 < carried[10]["bend.turn"] < carried[11]["bend.turn"] < 90.0


def test_what_goes_round_takes_the_shorter_way() -> None:
    motion = make_motion(KINDS[0], SPACE)
    turns = []
    for index in range(40):
        steer = Controls(0.0, controls().values | {"bend.turn": -180.0 + index * 20 % 360}, {})
        tick = Tick(index, index / 60, 1 / 60, index / 60)
        turns.append(motion.step(steer, Beat(), (), tick).inside["bend.turn"])
    steps = (np.diff(turns) + 180.0) % 360.0 - 180.0
    assert (steps[1:] > 0.0).all() and steps.max() < 20.01
