"""The loop: sound in at one end, light out at the other, nothing flows back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from vjgan.people import People
from vjgan.performer import Performer
from vjgan.prompter import Prompter
from vjgan.roles import Budget, Mirror, Onlooker, Pupil, Scenes, Score, Tempo, Witness
from vjgan.smooth import approach
from vjgan.stage import Stage
from vjgan.stats import Stats
from vjgan.types import Beat, Clock, Ear, Hands, LatentState, Painter, Screen, Tick

log = logging.getLogger("vjgan")

DELAY_SECONDS = 2.0  # time constant of the delay from a frame's tick to its light
LONGEST_DELAY = 0.25  # seconds; a frame that took longer is no rule
LONGEST_LAG = 2.0  # seconds by which the model's motion is foretold
LAG_RATE = 0.5  # seconds a second


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
        mirror: Mirror | None = None,
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
        self.budget = budget
        self.score = score
        self.witness = witness
        self.performer = Performer(
            clock,
            tempo,
            scenes,
            stage,
            screen,
            onlooker,
            score,
            witness,
            pupil,
            people or People(),
            mirror,
        )
        self.prompter = Prompter(
            self.performer, stage, screen, tempo, notice, onlooker, budget, score, pupil
        )
        self.tempo.hint(stage.scene.hint)
        self.beat = Beat()
        self._latent: LatentState | None = None
        self._lag = 0.0  # seconds by which the model's pictures come late
        self._delay = self._took = 0.0  # seconds from a tick to its light: usual, last
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
        performer = self.performer
        performer.obey([*self.hands.read(), *self.screen.events()], tick)
        tick = self._presented(tick)
        features = self.ear.read(tick)
        self.beat = self.tempo.step(features, tick)
        self.change(tick)
        later = self.beat.after(self._model_lag(tick))
        controls = self.stage.control(features, self.beat, performer.moved, tick, later)
        latent = self.stage.move(features, later, tick, performer.frozen)
        self._latent = latent or self._latent
        if self._latent is None:
            return
        self.stage.play(self.beat, tick, performer.frozen)
        picture = self.stage.picture(self.painter.paint(self._latent, tick))
        if self.budget is not None:
            on = [scene.key for scene in self.stage.scenes]
            self.budget.foresee(controls.passes, on, tick)
        self.screen.show(picture, performer.dim(controls, tick), tick)
        shown_at = tick.time if self.now is None else self.now()
        self._took = shown_at - tick.time
        self.stats.count(tick, features, picture, self.beat, shown_at)
        if self.budget is not None:
            self.budget.spend(self._took, tick)
        if self.witness is not None:
            self.witness.shown(self.beat, self.screen, tick)
        self.prompter.say(tick)
        self.prompter.tell(controls, features, self.beat, tick)

    def change(self, tick: Tick) -> None:
        """Do what the score has at this beat, and let the scene enter that is ready, if any."""
        if self.score is not None:
            self.performer.obey(self.score.play(self.beat, tick), tick)
        scene = self.scenes.finished()
        if scene is None:
            return
        if self.stage.enter(scene, self.beat.position):
            self.painter.use(scene.generator)
        self.tempo.hint(scene.hint)
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

    def _complain(self, error: Exception) -> None:
        if self.now is None:
            raise error
        message = f"{type(error).__name__}: {error}"
        if message not in self._complaints:
            self._complaints.add(message)
            log.error("a frame failed and the last one stays: %s", message, exc_info=error)
