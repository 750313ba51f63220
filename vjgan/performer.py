"""What the performer's gestures do: knobs are remembered, commands done."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace

from vjgan.errors import ModelError
from vjgan.people import People, Person
from vjgan.roles import Mirror, Onlooker, Pupil, Scenes, Score, Tempo, Witness
from vjgan.smooth import approach
from vjgan.stage import Stage
from vjgan.types import (
    Clock,
    Command,
    ControlEvent,
    Controls,
    Event,
    Kept,
    Pulse,
    Screen,
    Setting,
    Tick,
    Visit,
)

log = logging.getLogger("vjgan")

BLACKOUT_SECONDS = 0.06  # time constant: quick, but never a flash
GENTLE_SECONDS = 1.0  # time constant of the light's return after a panic
MOST_CROSSFADE = 256  # beats


class Performer:
    """Does what hands ask for, and keeps what they hold: ``moved``, the knobs by their source, and
    whether the show is frozen, black, in a panic, without strobes, or shows its help."""

    def __init__(
        self,
        clock: Clock,
        tempo: Tempo,
        scenes: Scenes,
        stage: Stage,
        screen: Screen,
        onlooker: Onlooker | None,
        score: Score | None,
        witness: Witness | None,
        pupil: Pupil | None,
        people: People,
        mirror: Mirror | None = None,
    ) -> None:
        self.moved: dict[str, float] = {}
        self.frozen = self.black = self.help = self.panic = self.strobe_killed = False
        self._clock = clock
        self._tempo = tempo
        self._scenes = scenes
        self._stage = stage
        self._screen = screen
        self._onlooker = onlooker
        self._score = score
        self._witness = witness
        self._pupil = pupil
        self.people = people
        self._mirror = mirror
        self._complaints: set[str] = set()
        self._returning = False  # gently, from a panic
        self._light = 1.0

    def obey(self, events: Iterable[Event], tick: Tick) -> None:
        """Take the performer's gestures: knobs are remembered, commands done."""
        for asked in events:
            if self._pupil is not None and self._pupil.takes(asked):
                continue
            event = self._plain(asked)
            if event is None:
                continue
            if self._witness is not None:
                self._witness.obeyed(event, tick)
            if isinstance(event, ControlEvent):
                self.moved[event.source] = event.value
                self.moved[f"{event.channel}.{event.source}"] = event.value
            elif isinstance(event, Setting):
                self._stage.set(event, tick.time)
            elif isinstance(event, Kept):
                self._stage.kept(event)
            elif isinstance(event, Pulse):
                self._tempo.pulse(event, tick.time - event.age)
            elif isinstance(event, Visit):
                self._welcome(event)
            else:
                self._do(event, tick)

    def dim(self, controls: Controls, tick: Tick) -> Controls:
        """Blackout works on every preset: it is the last thing done to the light."""
        seconds = GENTLE_SECONDS if self._returning and not self.black else BLACKOUT_SECONDS
        self._light = approach(self._light, float(not self.black), tick.dt, seconds)
        if self.panic or self.strobe_killed:
            controls = replace(controls, calm=True)
        if self._light > 0.999:
            self._returning = False
            return controls
        dimmed = {**controls.values, "brightness": controls["brightness"] * self._light}
        return replace(controls, values=dimmed)

    def _do(self, command: Command, tick: Tick) -> None:
        match command.name:
            case "quit":
                self._clock.stop()
            case "preset":
                self._scenes.request(command.value)
            case "next":
                self._scenes.request_step(1)
            case "previous":
                self._scenes.request_step(-1)
            case "freeze":
                self.frozen = not self.frozen
            case "blackout":
                self.black = not self.black
                self._calm(False)
            case "panic":
                self.black = not self.panic
                self._calm(not self.panic)
            case "strobe_kill":
                self.strobe_killed = not self.strobe_killed
            case "home":
                self._stage.home.call()
            case "walk":
                self._stage.meet(None)
            case "look" | "capture" | "forget" if self._mirror is not None:
                self._mirror.do(command.name)
            case "reset":
                self._stage.set(Setting(), tick.time)
            case "undo":
                self._stage.edits.undo(self._stage.scene.router)
            case "redo":
                self._stage.edits.redo(self._stage.scene.router)
            case "crossfade":
                beats = min(MOST_CROSSFADE, command.value)
                self._stage.crossfade_beats = None if beats < 0 else float(beats)
            case "snapshot" if self._onlooker is not None:
                self._onlooker.keep()
            case "save" if self._onlooker is not None:
                self._onlooker.save()
            case "child" | "keep" if self._onlooker is not None:
                self._onlooker.wish(command.name)
            case "pattern":
                self._screen.pattern()
            case "help":
                self.help = not self.help
            case "quantise" if self._score is not None:
                self._score.quantise(command.value)
            case "go" | "back" | "track" if self._score is not None:
                self._do_track(self._score, command)
            case name:
                self._do_beat(name, command.value, tick)

    def _plain(self, event: Event) -> Event | None:
        """What an event comes to by now, so that it means the same in a take; None: nothing."""
        match event:
            case Visit(quantised=True) if self._score is not None:
                self._score.invite(event)  # and comes again when it is time
                return None
            case Command("person"):
                return self.people.new()
            case Command("meet"):
                return self._known(self.people.again(event.value))
        return event

    def _known(self, person: Person | None) -> Visit | None:
        scene = self._stage.scene
        if person is None or person.fits(scene.generator.space):
            return None if person is None else person.visit
        words = "'%s' is of another model than '%s', which is on; who is there stays"
        log.error(words, person.visit.name, scene.generator.name)
        return None

    def _welcome(self, visit: Visit) -> None:
        try:
            self._stage.meet(visit.w)
        except ModelError as error:
            if str(error) not in self._complaints:
                self._complaints.add(str(error))
                log.error("%s; who is there stays", error)
            return
        if visit.name:
            self.people.came(visit, self._stage.scene.generator.space)
            log.info("person %d: %s", self.people.number, visit.name)

    def _do_track(self, score: Score, command: Command) -> None:
        if command.name == "track":
            score.jump(command.value)
        else:
            score.go(1 if command.name == "go" else -1)

    def _do_beat(self, name: str, value: int, tick: Tick) -> None:
        match name:
            case "tap":
                self._tempo.tap(tick.time)
            case "one":
                self._tempo.one(tick.time)
                if self._score is not None:
                    self._score.one()
            case "double":
                self._tempo.multiply(2.0)
            case "halve":
                self._tempo.multiply(0.5)
            case "nudge":
                self._tempo.nudge(value or 1)
            case "clock":
                self._tempo.hold(value)

    def _calm(self, panic: bool) -> None:
        """Begin a panic, or end it, if there is one, with a gentle return."""
        self._returning = self.panic and not panic
        self.panic = self._stage.home.held = panic
