"""What pages are told: the table of controls once, and then how the show stands, as changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from vjgan.controls import CONTROLS, INSIDE, RETOUCH, Control
from vjgan.gestures import COMMANDS
from vjgan.remote.cards import Card
from vjgan.remote.desk import COMMANDS_FROM_AFAR
from vjgan.standing import Standing

PICTURE = (
    "fit", "zoom", "rotate", "hue", "saturation", "contrast", "brightness", "feedback",
)  # fmt: skip
DIGITS = 4
SIGNALS = (
    "level", "low", "mid", "high", *(f"band{k}" for k in range(1, 9)),
    "intensity", "onset", "kick", "snare", "hat", "silence",
)  # fmt: skip

Message = dict[str, Any]


def group_of(name: str) -> str:
    """The group in which a control stands: ``motion``, ``directions``, ``inside``, ``picture``, or
    the shader pass that it belongs to."""
    head, dot, _ = name.partition(".")
    if name.startswith(INSIDE) and not name.startswith(RETOUCH):
        return "inside"
    if head == "direction":
        return "directions"
    if dot:
        return head
    return "picture" if name in PICTURE else "motion"


def tell_table(table: Mapping[str, Control]) -> Message:
    """Every control in its group, and the commands."""
    groups: dict[str, list[Message]] = {
        name: [] for name in ("motion", "directions", "picture", "inside")
    }
    for row in (*(table[name] for name in CONTROLS), *_others(table)):
        label = row.name.partition(".")[2] or row.name
        groups.setdefault(group_of(row.name), []).append(
            {
                "name": row.name,
                "label": label.replace("_", " "),
                "min": row.minimum,
                "max": row.maximum,
                "default": row.default,
                "unit": row.unit,
                "does": row.does,
            }
        )
    return {
        "say": "table",
        "groups": [{"name": name, "rows": rows} for name, rows in groups.items() if rows],
        "commands": {name: COMMANDS[name] for name in COMMANDS_FROM_AFAR},
    }


def _others(table: Mapping[str, Control]) -> Sequence[Control]:
    return [row for name, row in table.items() if name not in CONTROLS]


def tell_cards(cards: Sequence[Card]) -> Message:
    """The preset grid."""
    return {
        "say": "cards",
        "cards": [
            {
                "number": card.number,
                "key": card.key,
                "name": card.name,
                "does": card.broken or card.description,
                "picture": card.thumbnail,
                "broken": bool(card.broken),
            }
            for card in cards
        ],
    }


class Report:
    """How the show stands, in full for a page that joins, as what changed for the others."""

    def __init__(self) -> None:
        self._told: Message = {}
        self._own: dict[str, float] = {}
        self._out: dict[str, float] = {}

    def full(self) -> Message:
        """All of it."""
        return {"say": "state", **self._told, "own": self._own, "out": self._out}

    def changes(self, standing: Standing, stats: Mapping[str, Any]) -> Message:
        """What is new since the last call."""
        told = _told(standing) | {"stats": dict(stats)}
        own = {name: _short(value) for name, value in standing.own.items()}
        out = {
            name: _short(value)
            for name, value in standing.controls.values.items()
            if name in standing.own
        }
        new = {
            "say": "state",
            **_new(self._told, told),
            "own": _new(self._own, own),
            "out": _new(self._out, out),
        }
        self._told, self._own, self._out = told, own, out
        return new


def _told(standing: Standing) -> Message:
    features, beat = standing.features, standing.beat
    signals = standing.controls.signals
    return {
        "preset": standing.preset,
        "title": standing.title,
        "track": standing.track,
        "model": standing.model,
        "bpm": round(beat.bpm, 1),
        "position": round(beat.position, 3),
        "downbeat": beat.downbeat,
        "confidence": round(beat.confidence, 2),
        "clock": beat.source,
        "hears": features.alive,
        "signals": {name: round(signals.get(name, 0.0), 2) for name in SIGNALS},
        "changed": [name for name, value in standing.own.items() if value != standing.given[name]],
        "passes": [
            *(row.name for row in standing.controls.passes),
            *(f"layer{k}" for k in range(1, 1 + standing.arrangement.layers)),
        ],
        "arrangement": asdict(standing.arrangement),
        "frozen": standing.frozen,
        "black": standing.black,
        "panic": standing.panic,
        "strobe_killed": standing.strobe_killed,
        "learning": standing.learning,
        "lesson": standing.lesson,
        "lesson_here": standing.lesson_here,
    }


def _new(before: Mapping[str, Any], now: Mapping[str, Any]) -> Message:
    return {name: value for name, value in now.items() if before.get(name) != value}


def _short(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
