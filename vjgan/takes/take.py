"""A take that was read: what was heard, seen and done in a performance, by its times (s)."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vjgan.errors import MediaError
from vjgan.takes.columns import FEATURES, FRAMES, Table, of_letters, steps
from vjgan.takes.tape import TapeReader
from vjgan.takes.writer import Entrance
from vjgan.types import Beat, Command, ControlEvent, Event, Features, Setting, Visit

log = logging.getLogger("vjgan")

Columns = Mapping[str, NDArray[Any]]  # by name, each [n]
_GROWING = ("_count", "blocks_read", "blocks_lost")
_BANDS = "bands."


@dataclass(frozen=True)
class Take:
    """A performance. ``places`` are pairs of a time and where in the track that was, both in
    seconds, where a track was played; ``score`` is what is kept of the score, where one was."""

    path: Path
    made: str
    program: str  # with its version
    seed: int
    model: str  # that was to be played whatever presets ask for, if any
    input: str
    features: Columns
    frames: Columns
    clocks: Sequence[str]
    events: Sequence[tuple[float, Event]]
    entrances: Sequence[Entrance]
    places: NDArray[np.float64]  # [n, 2]
    damage: str
    score: Mapping[str, Any] = field(default_factory=dict)

    @property
    def start(self) -> float:
        """When its first frame was."""
        return float(self.frames["time"][0])

    @property
    def end(self) -> float:
        """When its last frame was."""
        return float(self.frames["time"][-1])

    def heard(self, index: int) -> Features:
        """The features of a row."""
        values = {name: column[index].item() for name, column in self.features.items()}
        bands = tuple(values.pop(name) for name in sorted(values) if name.startswith(_BANDS))
        return Features(**values, bands=bands)

    def beat(self, time: float) -> Beat:
        """The musical position at the present time ``time``."""
        seen = self.frames
        moments = seen["moment"]
        index = max(0, int(np.searchsorted(moments, time, "right")) - 1)
        position = float(np.interp(time, moments, seen["position"]))
        return Beat(
            position,
            float(np.interp(time, moments, seen["bpm"])),
            float(seen["confidence"][index]),
            self.clocks[int(seen["source"][index])],
            float(min(seen["downbeat"][index], position)),
        )

    def place(self, time: float) -> float:
        """Where in the track a time was; the time itself where none was played."""
        return _along(time, *self.places.T) if len(self.places) else time

    def time(self, place: float) -> float:
        """The other way round."""
        return _along(place, *self.places.T[::-1]) if len(self.places) else place

    def lines(self) -> list[str]:
        """For people: when, how long, what was played and what was done."""
        size, length = self.path.stat().st_size, max(self.end - self.start, 1e-9)
        seen, heard = len(self.frames["time"]), len(self.features["time"])
        done = Counter(type(event).__name__ for _, event in self.events)
        words = {
            "made": f"{self.made}, by {self.program}",
            "input": self.input,
            "model": self.model or "as the presets say",
            "score": str(self.score.get("path", "")),
            "seed": str(self.seed),
            "length": f"{length:.1f} s, from {self.start:.1f} s into the show",
            "frames": f"{seen}, {seen / length:.1f} a second",
            "heard": f"{heard} times, {heard / length:.1f} a second",
            "gestures": f"{done['ControlEvent']} of controllers, {done['Setting']} of faders, "
            f"{done['Command']} commands",
            "size": f"{size / 1e6:.2f} MB, {size / length * 3600.0 / 1e6:.2f} MB an hour",
            "damaged": self.damage,
        }
        lines = [f"{key:<10}{value}" for key, value in words.items() if value]
        return lines + [f"{one.time:9.2f} s  {one.key}" for one in self.entrances]


def read_take(path: Path) -> Take:
    """The take of a file, up to its last whole record. Raises MediaError."""
    tape = TapeReader(path)
    about: dict[str, Any] | None = None
    parts: list[dict[str, Any]] = []
    heard: list[Table] = []
    seen: list[Table] = []
    try:
        for words, numbers in tape:
            if about is None:
                about = words
                continue
            split = int(words["heard"])
            heard.append(steps(numbers[:split], len(about["features"])))
            seen.append(steps(numbers[split:], len(about["frames"])))
            parts.append(words)
        if about is None or not any(map(len, seen)):
            raise MediaError(f"take '{path}' holds no frame: {tape.damage or 'it is empty'}")
        take = _made(path, about, parts, heard, seen, tape.damage)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise MediaError(f"take '{path}' is not what vjgan writes: {error!r}") from None
    if take.damage:
        log.warning("take '%s' is read up to %.1f s: %s", path, take.end, take.damage)
    return take


def _made(
    path: Path,
    about: Mapping[str, Any],
    parts: Sequence[Mapping[str, Any]],
    heard: Sequence[Table],
    seen: Sequence[Table],
    damage: str,
) -> Take:
    frames = _columns(np.concatenate(seen), about["frames"])
    return Take(
        path=path,
        made=str(about["made"]),
        program=str(about["program"]),
        seed=int(about["seed"]),
        model=str(about["model"]),
        input=str(about["input"]),
        score=dict(about.get("score") or {}),
        features=_continued(_columns(np.concatenate(heard), about["features"])),
        frames={**frames, "moment": np.maximum.accumulate(frames["time"] + frames["delay"])},
        clocks=[str(name) for name in parts[-1]["clocks"]],
        events=[_event(one) for part in parts for one in part["events"]],
        entrances=[_entrance(one) for part in parts for one in part["entrances"]],
        places=_rising(pair for part in parts for pair in part["places"]),
        damage=damage,
    )


def _columns(table: Table, scales: Mapping[str, float]) -> dict[str, NDArray[Any]]:
    """Natural units by name, of steps; of names that this vjgan does not know nothing."""
    whole = np.cumsum(table, axis=0)
    return {
        name: (whole[:, index] / scale).astype(_kind(name))
        for index, (name, scale) in enumerate(scales.items())
        if name in FEATURES or name in FRAMES
    }


def _kind(name: str) -> type[Any]:
    field = Features.__dataclass_fields__.get(name)
    if field is not None and field.type in ("int", "bool"):
        return bool if field.type == "bool" else np.int64
    exact = "time" in name or name in ("position", "downbeat", "delay")
    return np.float64 if exact else np.float32


def _continued(features: dict[str, NDArray[Any]]) -> Columns:
    """Counters that began anew, with a source that was opened again, go on."""
    for name, column in features.items():
        if name.endswith(_GROWING) and len(column):
            steps = np.maximum(np.diff(column), 0)
            features[name] = np.concatenate([column[:1], column[0] + np.cumsum(steps)])
    return features


def _event(words: Sequence[Any]) -> tuple[float, Event]:
    kind, time, *rest = words
    match kind, rest:
        case "control", [str(source), int() | float() as value, int(channel), str(port)]:
            return float(time), ControlEvent(source, float(value), channel, port)
        case "set", [str(name), value] if value is None or isinstance(value, int | float):
            return float(time), Setting(name, value)
        case "command", [str(name), int(value)]:
            return float(time), Command(name, value)
        case "visit", [str(name), int() | list() as who]:
            return float(time), Visit(of_letters(who), name)
    raise ValueError(f"no gesture: {words}")


def _entrance(words: Mapping[str, Any]) -> Entrance:
    source = Path(words["source"]) if words["source"] else None
    time, beats = float(words["time"]), float(words["crossfade_beats"])
    chapter = words.get("chapter")  # early takes have none
    if chapter is not None and (type(chapter) is not int or chapter < 0):
        raise ValueError(f"no chapter: {chapter!r}")
    return Entrance(time, str(words["key"]), source, beats, str(words["text"]), chapter)


def _rising(pairs: Iterable[Sequence[float]]) -> NDArray[np.float64]:
    """Those that go on in time and in the track: [n, 2]."""
    kept: list[tuple[float, float]] = []
    for time, place in pairs:
        if not kept or (time > kept[-1][0] and place > kept[-1][1]):
            kept.append((float(time), float(place)))
    return np.array(kept, np.float64).reshape(-1, 2)


def _along(x: float, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> float:
    """Straight between the points, and beyond them as fast as time."""
    inside = float(np.clip(x, xs[0], xs[-1]))
    return float(np.interp(inside, xs, ys)) + x - inside
