"""The loop: sound in at one end, light out at the other, nothing flows back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol

from vjgan.people import People
from vjgan.smooth import approach
from vjgan.stage import Scene, Stage
from vjgan.standing import Arrangement, Standing
from vjgan.stats import Stats
from vjgan.types import (
    Beat,
    Clock,
    Command,
    ControlEvent,
    Controls,
    Ear,
    Event,
    Features,
    Hands,
    Kept,
    LatentState,
    Painter,
    Pulse,
    Screen,
    Setting,
    Tick,
)

log = logging.getLogger("vjgan")

BLACKOUT_SECONDS = 0.06  # time constant: quick, but never a flash
GENTLE_SECONDS = 1.0  # time constant of the light's return after a panic
NOTICE_SECONDS = 6.0
CLOCK_SECONDS = 0.5  # from one reading of the clock on the screen to the next
DELAY_SECONDS = 2.0  # time constant of the delay from a frame's tick to its light
LONGEST_DELAY = 0.25  # seconds; a frame that took longer is no rule
LONGEST_LAG = 2.0  # seconds by which the model's motion is foretold
LAG_RATE = 0.5  # seconds a second
MOST_CROSSFADE = 256  # beats

HELP = (
    "Esc Esc    leave",
    "F          full screen",
    "1-9        preset",
    "Left Right previous, next preset",
    "PgUp PgDn  previous, next track",
    "Space      freeze",
    "B          blackout",
    "P          panic: black, calm; again: back",
    "K          no strobe",
    "Home       the picture goes home",
    "N W        somebody new, walk on",
    "S          keep as a new preset",
    "I          keep a still",
    "R          record a film, and stop",
    "Y          record a take, and stop",
    "T          tap tempo",
    "O          one: a bar begins now",
    "Up Down    beat twice, half as fast",
    ", .        beat later, earlier",
    "C          next clock",
    "L          learn: then a key or control, then a knob",
    "U          forget what was learnt last",
    "F2         test pattern, corners",
    "H          this help",
)


class Tempo(Protocol):
    """What the loop needs of ``vjgan.beat``."""

    def step(self, features: Features, tick: Tick) -> Beat: ...

    def tap(self, time: float) -> None: ...

    def pulse(self, pulse: Pulse, time: float) -> None: ...

    def one(self, time: float) -> None: ...

    def multiply(self, factor: float) -> None: ...

    def nudge(self, steps: int) -> None: ...

    def hold(self, number: int) -> None: ...

    def line(self) -> str: ...


class Scenes(Protocol):
    """What the loop needs of ``vjgan.loader``."""

    def request(self, number: int) -> None: ...

    def request_step(self, step: int) -> None: ...

    def finished(self) -> Scene | None: ...


class Score(Protocol):
    """What the loop needs of ``vjgan.conductor``, besides Scenes."""

    def play(self, beat: Beat, tick: Tick) -> Sequence[Event]: ...

    def go(self, step: int) -> None: ...

    def jump(self, number: int) -> None: ...

    def one(self) -> None: ...

    def quantise(self, number: int) -> None: ...

    @property
    def quantised(self) -> int: ...

    def line(self) -> str: ...


class Onlooker(Protocol):
    """Who watches the show from outside the loop; see ``vjgan.remote.desk``."""

    def due(self, time: float) -> bool:
        """Whether it wants to look now."""

    def look(self, standing: Standing, screen: Screen) -> None:
        """Take how the show stands, at once."""

    def keep(self) -> None:
        """Make a new preset of how the show stands, soon."""

    def save(self) -> None:
        """Write what hands set into the preset's own file, soon."""


class Witness(Protocol):
    """Who keeps the show, as a take, a film or stills; see ``vjgan.keeper``."""

    def obeyed(self, event: Event, tick: Tick) -> None:
        """A gesture was taken at a frame."""

    def entered(self, scene: Scene, tick: Tick) -> None:
        """A scene began to enter at a frame."""

    def shown(self, beat: Beat, screen: Screen, tick: Tick) -> None:
        """A frame is on the screen."""


class Pupil(Protocol):
    """Who learns what knobs do; see ``vjgan.learning``."""

    @property
    def learns(self) -> bool: ...

    def takes(self, event: Event) -> bool:
        """Whether a gesture is for it only, and not to be done."""

    def line(self) -> str: ...


class Budget(Protocol):
    """What the loop needs of ``vjgan.budget``."""

    def spend(self, took: float, tick: Tick) -> None: ...

    def words(self) -> str: ...


class Engine:
    """The stages, and the loop through them. Offline it is ``strict``: a failing frame ends it.
    Live, a failing frame is logged once and the last light stays."""

    def __init__(
        self,
        clock: Clock,
        ear: Ear,
        hands: Hands,
        tempo: Tempo,
        scenes: Scenes,
        stage: Stage,
        painter: Painter,
        screen: Screen,
        stats: Stats,
        now: Callable[[], float] | None = None,
        notice: Sequence[str] = (),
        onlooker: Onlooker | None = None,
        budget: Budget | None = None,
        score: Score | None = None,
        witness: Witness | None = None,
        pupil: Pupil | None = None,
        people: People | None = None,
    ) -> None:
        self.clock = clock
        self.ear = ear
        self.hands = hands
        self.tempo = tempo
        self.scenes = scenes
        self.stage = stage
        self.painter = painter
        self.screen = screen
        self.stats = stats
        self.now = now
        self.notice = tuple(notice)
        self.onlooker = onlooker
        self.budget = budget
        self.score = score
        self.witness = witness
        self.pupil = pupil
        self.people = people or People()
        self.beat = Beat()
        self._moved: dict[str, float] = {}
        self._latent: LatentState | None = None
        self._frozen = self._black = self._help = False
        self._panic = self._strobe_killed = self._returning = False
        self._light = 1.0
        self._lag = 0.0  # seconds by which the model's pictures come late
        self._delay = self._took = 0.0  # seconds from a tick to its light: usual, last
        self._said: tuple[str, ...] = ()
        self._said_at = 0.0
        self._complaints: set[str] = set()

    def run(self) -> None:
        """Play until the clock ends or someone leaves."""
        for tick in self.clock:
            try:
                self.frame(tick)
            except Exception as error:
                self._complain(error)

    def frame(self, tick: Tick) -> None:
        """One frame, from sound to light."""
        self.obey([*self.hands.read(), *self.screen.events()], tick)
        tick = self._presented(tick)
        features = self.ear.read(tick)
        self.beat = self.tempo.step(features, tick)
        self.change(tick)
        later = self.beat.after(self._model_lag(tick))
        controls = self.stage.control(features, self.beat, self._moved, tick, later)
        latent = self.stage.move(features, later, tick, self._frozen)
        self._latent = latent or self._latent
        if self._latent is None:
            return
        self.stage.play(self.beat, tick, self._frozen)
        picture = self.stage.picture(self.painter.paint(self._latent, tick))
        self.screen.show(picture, self._dim(controls, tick), tick)
        shown_at = tick.time if self.now is None else self.now()
        self._took = shown_at - tick.time
        self.stats.count(tick, features, picture, self.beat, shown_at)
        if self.budget is not None:
            self.budget.spend(self._took, tick)
        if self.witness is not None:
            self.witness.shown(self.beat, self.screen, tick)
        self._say(tick)
        self._tell(controls, features, tick)

    def obey(self, events: Iterable[Event], tick: Tick) -> None:
        """Take the performer's gestures: knobs are remembered, commands done."""
        for event in events:
            if self.pupil is not None and self.pupil.takes(event):
                continue
            if self.witness is not None:
                self.witness.obeyed(event, tick)
            if isinstance(event, ControlEvent):
                self._moved[event.source] = event.value
                self._moved[f"{event.channel}.{event.source}"] = event.value
            elif isinstance(event, Setting):
                self.stage.set(event, tick.time)
            elif isinstance(event, Kept):
                self.stage.kept(event)
            elif isinstance(event, Pulse):
                self.tempo.pulse(event, tick.time - event.age)
            else:
                self._do(event, tick)

    def change(self, tick: Tick) -> None:
        """Do what the score has at this beat, and let the scene enter that is ready, if any."""
        if self.score is not None:
            self.obey(self.score.play(self.beat, tick), tick)
        scene = self.scenes.finished()
        if scene is None:
            return
        if self.stage.enter(scene, self.beat.position):
            self.painter.use(scene.generator)
        if self.witness is not None:
            self.witness.entered(scene, tick)

    def _presented(self, tick: Tick) -> Tick:
        """The tick with the present time that frames of late had, where that is measured."""
        if self.now is None:
            return tick
        if self._took <= 0.0 or self._delay <= 0.0:
            self._delay = tick.present_time - tick.time
        else:
            took = min(self._took, LONGEST_DELAY)
            self._delay = approach(self._delay, took, tick.dt, DELAY_SECONDS)
        return replace(tick, present_time=tick.time + self._delay)

    def _model_lag(self, tick: Tick) -> float:
        """How late the model's pictures come; changes slowly, so that the beat never falls."""
        change = min(self.painter.lag, LONGEST_LAG) - self._lag
        self._lag += min(LAG_RATE * tick.dt, max(-LAG_RATE * tick.dt, change))
        return self._lag

    def _do(self, command: Command, tick: Tick) -> None:
        match command.name:
            case "quit":
                self.clock.stop()
            case "preset":
                self.scenes.request(command.value)
            case "next":
                self.scenes.request_step(1)
            case "previous":
                self.scenes.request_step(-1)
            case "freeze":
                self._frozen = not self._frozen
            case "blackout":
                self._black = not self._black
                self._calm(False)
            case "panic":
                self._black = not self._panic
                self._calm(not self._panic)
            case "strobe_kill":
                self._strobe_killed = not self._strobe_killed
            case "home":
                self.stage.home.call()
            case "person":
                self._meet(self.people.new())
            case "meet":
                self._meet(self.people.again(command.value))
            case "walk":
                self.stage.meet(None)
            case "reset":
                self.stage.set(Setting(), tick.time)
            case "undo":
                self.stage.edits.undo(self.stage.scene.router)
            case "redo":
                self.stage.edits.redo(self.stage.scene.router)
            case "crossfade":
                beats = min(MOST_CROSSFADE, command.value)
                self.stage.crossfade_beats = None if beats < 0 else float(beats)
            case "snapshot" if self.onlooker is not None:
                self.onlooker.keep()
            case "save" if self.onlooker is not None:
                self.onlooker.save()
            case "pattern":
                self.screen.pattern()
            case "help":
                self._help = not self._help
            case "quantise" if self.score is not None:
                self.score.quantise(command.value)
            case "go" | "back" | "track" if self.score is not None:
                self._do_track(self.score, command)
            case name:
                self._do_beat(name, command.value, tick)

    def _meet(self, seed: int | None) -> None:
        if seed is not None:
            log.info("person %d: seed %d", self.people.number, seed)
            self.stage.meet(seed)

    def _do_track(self, score: Score, command: Command) -> None:
        if command.name == "track":
            score.jump(command.value)
        else:
            score.go(1 if command.name == "go" else -1)

    def _do_beat(self, name: str, value: int, tick: Tick) -> None:
        match name:
            case "tap":
                self.tempo.tap(tick.time)
            case "one":
                self.tempo.one(tick.time)
                if self.score is not None:
                    self.score.one()
            case "double":
                self.tempo.multiply(2.0)
            case "halve":
                self.tempo.multiply(0.5)
            case "nudge":
                self.tempo.nudge(value or 1)
            case "clock":
                self.tempo.hold(value)

    def _calm(self, panic: bool) -> None:
        """Begin a panic, or end it, if there is one, with a gentle return."""
        self._returning = self._panic and not panic
        self._panic = self.stage.home.held = panic

    def _dim(self, controls: Controls, tick: Tick) -> Controls:
        """Blackout works on every preset: it is the last thing done to the light."""
        seconds = GENTLE_SECONDS if self._returning and not self._black else BLACKOUT_SECONDS
        self._light = approach(self._light, float(not self._black), tick.dt, seconds)
        if self._panic or self._strobe_killed:
            controls = replace(controls, calm=True)
        if self._light > 0.999:
            self._returning = False
            return controls
        dimmed = {**controls.values, "brightness": controls["brightness"] * self._light}
        return replace(controls, values=dimmed)

    def _say(self, tick: Tick) -> None:
        """Show the help, with the clock, or for the first seconds the notice."""
        if self._help:
            if self._said[: len(HELP)] == HELP and tick.time < self._said_at + CLOCK_SECONDS:
                return
            words: tuple[str, ...] = (*HELP, f"Clock      {self.tempo.line()}")
            if self.budget is not None:
                words = (*words, f"Quality    {self.budget.words()}")
            if self.score is not None and self.score.line():
                words = (*words, f"Track      {self.score.line()}")
            if self.pupil is not None and self.pupil.line():
                words = (*words, self.pupil.line())
        else:
            words = self.notice if tick.time <= NOTICE_SECONDS else ()
        if words != self._said:
            self._said, self._said_at = words, tick.time
            self.screen.say(words)

    def _tell(self, controls: Controls, features: Features, tick: Tick) -> None:
        """Let the onlooker see how the show stands, when it is due."""
        if self.onlooker is None or not self.onlooker.due(tick.time):
            return
        scene = self.stage.scene
        standing = Standing(
            tick.time,
            scene.key,
            scene.title,
            scene.source,
            scene.generator.name,
            scene.router.table,
            scene.router.given,
            scene.router.own,
            controls,
            features,
            self.beat,
            self._frozen,
            self._black,
            self._panic,
            self._strobe_killed,
            "" if self.score is None else self.score.line(),
            learning="" if self.pupil is None else self.pupil.line(),
            lesson=self.pupil is not None and self.pupil.learns,
            arrangement=self._arrangement(),
        )
        self.onlooker.look(standing, self.screen)

    def _arrangement(self) -> Arrangement:
        undo, redo = self.stage.edits.count(self.stage.scene.router)
        beats = self.stage.crossfade_beats
        return Arrangement(
            crossfade=-1 if beats is None else round(beats),
            quantise=0 if self.score is None else self.score.quantised,
            undo=undo,
            redo=redo,
            layers=len(self.stage.scene.layers),
            quality="" if self.budget is None else self.budget.words(),
        )

    def _complain(self, error: Exception) -> None:
        if self.now is None:
            raise error
        message = f"{type(error).__name__}: {error}"
        if message not in self._complaints:
            self._complaints.add(message)
            log.error("a frame failed and the last one stays: %s", message, exc_info=error)
