"""When scenes enter: at once, or on the next beat, bar, or 4 or 16 bars; and what a set list does.

Whatever is asked for is built off the loop first, by the loader, and then waits here for its
moment, so that the frame in which it enters is like any other.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from vjgan.setlist import UNITS, Cue, Setlist
from vjgan.stage import Scene
from vjgan.types import Beat, Event, Recognition, Tick, Visit

log = logging.getLogger("vjgan")

BEATS_A_BAR = 4
LEAD_BARS, LEAD_SECONDS = 2.0, 4.0  # before its cue a preset is asked for
LEAP = 2.0  # seconds by which a track's place moves if somebody has moved the needle
PAUSE = 60.0  # seconds after which a track that is heard again has been put on again
GUESSED = 10.0  # seconds for which a guess is told


class Bringer(Protocol):
    """What is needed of ``vjgan.loader``."""

    def request(self, number: int) -> None: ...

    def request_step(self, step: int) -> None: ...

    def bring(self, path: Path) -> None: ...

    def expect(self, paths: Sequence[Path]) -> None: ...

    def refused(self) -> Path | None: ...

    def finished(self) -> Scene | None: ...


@dataclass
class _Change:
    """A scene to come: at a ``cue``, or at the next ``unit``; with it, if any, begins ``track``,
    of which the cues before ``since`` seconds are done with."""

    path: Path | None
    unit: str = "now"
    track: int | None = None
    cue: Cue | None = None
    scene: Scene | None = None
    since: float = 0.0


class Conductor:
    """Hands over finished scenes when it is time; the preset's file ``on_stage`` is played already.
    Presets called by hand wait for ``by_hand``, one of ``vjgan.setlist.UNITS``. With a set list,
    whose first track is on stage: its tracks, and their cues; ``expect`` is told the tempo of each,
    0 where it is not known, and ``heard`` tells which track the ear has recognised last. One that
    was not heard before is asked for, and its cues in seconds go by where it is heard to be.

    Four and sixteen bars are counted from where the track came in, or from the last `one`."""

    def __init__(
        self,
        scenes: Bringer,
        on_stage: Path,
        by_hand: str = "now",
        setlist: Setlist | None = None,
        expect: Callable[[float], None] = lambda bpm: None,
        heard: Callable[[], Recognition | None] = lambda: None,
    ) -> None:
        self._scenes = scenes
        self._by_hand = by_hand
        self._tracks = () if setlist is None else setlist.tracks
        self._expect = expect
        self._heard = heard
        self._hears: Recognition | None = None  # the newest
        self._followed: Recognition | None = None  # the newest that is sure
        self._change: _Change | None = None  # that is waited for
        self._on_stage: Path | None = on_stage
        self._track: int | None = None  # on stage, counted from 0
        self._aim = 0  # the track that was asked for last
        self._cues: list[Cue] = []  # of this track, yet to come
        self._came_in = (0.0, 0.0)  # bar and time at which the track came in
        self._speed = 1.0  # of the track
        self._phrase = 0  # a bar at which a phrase begins
        self._one = False  # somebody has just said that it does
        self._beat, self._before = Beat(), Beat()
        self._time = 0.0
        self._visit: Visit | None = None  # that is waited for

    # What the loop calls.

    def play(self, beat: Beat, tick: Tick) -> list[Event]:
        """Move on to a frame's beat; the gestures that cues make there."""
        self._before, self._beat, self._time = self._beat, beat, tick.present_time
        if self._one:
            self._phrase, self._one = round(beat.bar), False
        if self._tracks and self._track is None:
            self._begin(0)
        self._follow(self._heard())
        due = [cue for cue in self._cues if cue.events and self._reached(cue)]
        self._cues = [cue for cue in self._cues if cue not in due]
        self._call_ahead()
        return [event for cue in due for event in cue.events] + self._visits()

    def finished(self) -> Scene | None:
        """The scene that enters at this frame, once; None when there is none."""
        scene, wanted = self._scenes.finished(), self._change and self._change.path
        if scene is not None and scene.source == self._on_stage != wanted:
            return scene  # its file was saved anew
        self._take(scene)
        change = self._change
        if change is None or change.scene is None or not self._due(change):
            return None
        self._change, self._on_stage = None, change.scene.source
        if change.track is not None:
            self._begin(change.track, change.since)
        return change.scene

    def request(self, number: int) -> None:
        """Ask for the preset of a number, counted from 1."""
        self._drop()
        self._scenes.request(number)

    def request_step(self, step: int) -> None:
        """Ask for the preset ``step`` places further."""
        self._drop()
        self._scenes.request_step(step)

    def go(self, step: int) -> None:
        """Ask for the track ``step`` places further; there is none before the first and after the
        last. Back to the one on stage: it stays."""
        wanted = self._aim + step
        if not 0 <= wanted < len(self._tracks):
            where = "it ends here" if step > 0 else "it begins here"
            log.info("set list: %s", where if self._tracks else "there is none (--setlist)")
        elif wanted == self._track:
            self._drop()
        else:
            self._ask(wanted)

    def jump(self, number: int) -> None:
        """Ask for the track of a number, counted from 1; that on stage begins anew."""
        if 1 <= number <= len(self._tracks):
            self._ask(number - 1)
        else:
            log.info("set list: no track %d; there are %d", number, len(self._tracks))

    def one(self) -> None:
        """A bar begins now, and with it a phrase."""
        self._one = True

    def invite(self, visit: Visit) -> None:
        """Let somebody come when presets called by hand do; the newest wins."""
        self._visit = visit

    def quantise(self, number: int) -> None:
        """Let presets called by hand wait for the unit of a number; others are ignored."""
        if 0 <= number < len(UNITS):
            self._by_hand = UNITS[number]

    @property
    def quantised(self) -> int:
        """The number of the unit for which presets called by hand wait."""
        return UNITS.index(self._by_hand)

    def line(self) -> str:
        """Where in the set list we are, in a few words; empty without one."""
        if self._track is None:
            return ""
        track = self._tracks[self._track]
        words = [f"{self._track + 1} of {len(self._tracks)}, {track.title}", track.notes]
        if self._change is not None and self._change.track is not None:
            words.append(f"then {self._tracks[self._change.track].title}")
        if self._hears is not None and self._time < self._hears.time + GUESSED:
            words.append(_words(self._hears, self._time))
        return "; ".join(filter(None, words))

    # Within.

    def _ask(self, index: int, place: float = 0.0) -> None:
        """Ask for a track with what belongs at a ``place`` of it, in seconds."""
        track, self._aim = self._tracks[index], index
        path, since = track.at(place)
        self._change = _Change(path, track.quantise, track=index, since=since)
        self._scenes.bring(path)

    def _follow(self, heard: Recognition | None) -> None:
        """Go where the ear says that we are. Hands may go elsewhere until another track comes."""
        if heard is None or heard is self._hears:
            return
        self._hears, before, index = heard, self._followed, self._index(heard)
        if not heard.sure:
            return
        self._followed = heard
        new = before is None or heard.file != before.file or heard.time > before.time + PAUSE
        if index is None:
            return
        if index == self._track:
            self._align(heard)
        elif new and index != self._aim:
            self._ask(index, heard.at(self._time))

    def _index(self, heard: Recognition) -> int | None:
        """Which track is meant; of several the next one."""
        found = [k for k, track in enumerate(self._tracks) if track.file == heard.file]
        here = self._track or 0
        return min(found, key=lambda k: (k < here, k), default=None)

    def _align(self, heard: Recognition) -> None:
        """Let the seconds of this track be those that are heard."""
        track, place = self._tracks[self._track or 0], heard.at(self._time)
        leapt = abs(place - self._seconds()) > LEAP
        self._speed = heard.speed
        self._came_in = self._came_in[0], heard.time - heard.position / heard.speed
        if not leapt:
            return
        path, since = track.at(place)
        done = [cue for cue in track.cues if cue.in_bars and cue not in self._cues]
        self._cues = [cue for cue in track.left(since, place) if cue not in done]
        if path != self._on_stage and self._change is None:
            self._change = _Change(path, track.quantise)
            self._scenes.bring(path)

    def _drop(self) -> None:
        """Wait for nothing any more: something else is asked for, or to stay."""
        self._change = None
        self._aim = self._track or 0

    def _begin(self, index: int, since: float = 0.0) -> None:
        """A track comes in; its cues before ``since`` are done with."""
        track = self._tracks[index]
        self._track = self._aim = index
        self._phrase = round(self._beat.bar)
        self._came_in, self._speed = (float(self._phrase), self._time), 1.0
        self._cues = list(track.cues)
        followed = self._followed
        recent = followed is not None and self._time < followed.time + PAUSE
        if recent and followed is not None and followed.file == track.file:
            place = followed.at(self._time)
            self._speed = followed.speed
            self._came_in = self._came_in[0], self._time - place / self._speed
            self._cues = track.left(since, place)
        self._expect(track.bpm)
        log.info("track %s", self.line())
        after, before = self._tracks[index + 1 : index + 2], self._tracks[max(0, index - 1) : index]
        self._scenes.expect([path for one in (*after, track, *before) for path in one.presets()])

    def _take(self, scene: Scene | None) -> None:
        """Take what the loader has finished, if it is still wanted."""
        change, refused = self._change, self._scenes.refused()
        if change is not None and change.scene is None and change.path and change.path == refused:
            self._change = None  # the loader has said why; the next `go` goes past it
        if scene is None:
            return
        if change is not None and scene.source == change.path:
            change.scene = scene
        elif change is None or change.path is None:
            self._change = _Change(None, self._by_hand, scene=scene)

    def _call_ahead(self) -> None:
        """Ask for the preset of a cue that is near. A track that is about to be left calls none."""
        if self._change is not None and (
            self._change.track is not None or self._change.cue is not None
        ):
            return
        for cue in self._cues:
            if cue.preset is not None and self._near(cue):
                self._cues = [one for one in self._cues if one is not cue]
                self._change = _Change(cue.preset, cue=cue)
                self._scenes.bring(cue.preset)
                return

    def _due(self, change: _Change) -> bool:
        return self._begins(change.unit) if change.cue is None else self._reached(change.cue)

    def _visits(self) -> list[Event]:
        """Whoever was invited, when it is time."""
        visit = self._visit
        if visit is None or not self._begins(self._by_hand):
            return []
        self._visit = None
        return [replace(visit, quantised=False)]

    def _begins(self, unit: str) -> bool:
        """Whether a unit begins at this frame."""
        return unit == "now" or self._cell(unit, self._beat) != self._cell(unit, self._before)

    def _cell(self, unit: str, beat: Beat) -> int:
        """Which beat, bar, or four or sixteen of them it is."""
        if unit == "beat":
            return math.floor(beat.position)
        bar = math.floor(beat.bar)
        return bar if unit == "bar" else (bar - self._phrase) // int(unit.split()[0])

    def _near(self, cue: Cue) -> bool:
        return self._place(cue) >= cue.at - (LEAD_BARS if cue.in_bars else LEAD_SECONDS)

    def _reached(self, cue: Cue) -> bool:
        return self._place(cue) >= cue.at

    def _place(self, cue: Cue) -> float:
        """How far into the track we are, as a cue counts."""
        return self._beat.bar - self._came_in[0] + 1.0 if cue.in_bars else self._seconds()

    def _seconds(self) -> float:
        """How far into the track we are, on its own clock."""
        return (self._time - self._came_in[1]) * self._speed


def _words(heard: Recognition, time: float) -> str:
    """What is heard, in a few words."""
    minutes, seconds = divmod(max(0, int(heard.at(time))), 60)
    verb = "hears" if heard.sure else "may be"
    return f"{verb} {heard.title} at {minutes}:{seconds:02d}, {heard.speed - 1.0:+.1%}"
