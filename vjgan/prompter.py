"""What is said of the show: words on the screen, and to whoever looks on from outside."""

from __future__ import annotations

from collections.abc import Sequence

from vjgan.performer import Performer
from vjgan.roles import Budget, Onlooker, Pupil, Score, Tempo
from vjgan.stage import Stage
from vjgan.standing import Arrangement, Company, Standing
from vjgan.types import Beat, Controls, Features, Screen, Tick

NOTICE_SECONDS = 6.0
CLOCK_SECONDS = 0.5  # from one reading of the clock on the screen to the next

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
    "J E        a child of the last two, keep who is on",
    "V G X      camera: look, keep who sits there, forget",
    "S          keep as a new preset",
    "I          keep a still",
    "R          record a film, and stop",
    "Y          record a take, and stop",
    "T          tap tempo",
    "O          one: a bar begins now",
    "Up Down    beat twice, half as fast",
    ", .        beat later, earlier",
    "C          next clock",
    "L M        learn, or for this preset: a key or control, then a knob",
    "U          forget what was learnt last",
    "F2         test pattern, corners",
    "H          this help",
)


class Prompter:
    """Shows the help when the performer asks for it, and for the first seconds the ``notice``."""

    def __init__(
        self,
        performer: Performer,
        stage: Stage,
        screen: Screen,
        tempo: Tempo,
        notice: Sequence[str],
        onlooker: Onlooker | None,
        budget: Budget | None,
        score: Score | None,
        pupil: Pupil | None,
    ) -> None:
        self._performer = performer
        self._stage = stage
        self._screen = screen
        self._tempo = tempo
        self._notice = tuple(notice)
        self._onlooker = onlooker
        self._budget = budget
        self._score = score
        self._pupil = pupil
        self._said: tuple[str, ...] = ()
        self._said_at = 0.0

    def say(self, tick: Tick) -> None:
        """Show the help, with the clock, or for the first seconds the notice."""
        if self._performer.help:
            if self._said[: len(HELP)] == HELP and tick.time < self._said_at + CLOCK_SECONDS:
                return
            words: tuple[str, ...] = (*HELP, f"Clock      {self._tempo.line()}")
            if self._budget is not None:
                words = (*words, f"Quality    {self._budget.words()}")
            if self._score is not None and self._score.line():
                words = (*words, f"Track      {self._score.line()}")
            if self._pupil is not None and self._pupil.line():
                words = (*words, self._pupil.line())
        else:
            words = self._notice if tick.time <= NOTICE_SECONDS else ()
        if words != self._said:
            self._said, self._said_at = words, tick.time
            self._screen.say(words)

    def tell(self, controls: Controls, features: Features, beat: Beat, tick: Tick) -> None:
        """Let the onlooker see how the show stands, when it is due."""
        if self._onlooker is None or not self._onlooker.due(tick.time):
            return
        scene = self._stage.scene
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
            beat,
            self._performer.frozen,
            self._performer.black,
            self._performer.panic,
            self._performer.strobe_killed,
            "" if self._score is None else self._score.line(),
            learning="" if self._pupil is None else self._pupil.line(),
            lesson=self._pupil is not None and self._pupil.learns,
            lesson_here=self._pupil is not None and self._pupil.here,
            arrangement=self._arrangement(),
            company=self._company(),
        )
        self._onlooker.look(standing, self._screen)

    def _company(self) -> Company:
        space, people = self._stage.scene.generator.space, self._performer.people
        return Company(
            space,
            tuple(one.visit for one in people.met),
            tuple(one.fits(space) for one in people.met),
            people.number if self._stage.guest is people.on else 0,
            self._stage.guest,
            self._stage.shown,
        )

    def _arrangement(self) -> Arrangement:
        undo, redo = self._stage.edits.count(self._stage.scene.router)
        beats = self._stage.crossfade_beats
        return Arrangement(
            crossfade=-1 if beats is None else round(beats),
            quantise=0 if self._score is None else self._score.quantised,
            undo=undo,
            redo=redo,
            layers=len(self._stage.scene.layers),
            quality="" if self._budget is None else self._budget.words(),
        )
