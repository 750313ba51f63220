"""How a show may stand, for tests of those who watch it."""

from __future__ import annotations

from pathlib import Path

from vjgan.controls import CONTROLS
from vjgan.mapping import SIGNALS, Router
from vjgan.remote.desk import Desk
from vjgan.standing import Standing
from vjgan.types import Beat, Controls, Features, PassWeight


def standing_of(router: Router, time: float = 1.0, source: Path | None = None) -> Standing:
    values = router.step({**dict.fromkeys(SIGNALS, 0.5), "beat": 0.0}, {}, 0.0)
    words = (router.table, router.given, router.own)
    controls = Controls(time, values, {"level": 0.5}, (PassWeight("bloom"),))
    return Standing(time, "a", "A", source, "m", *words, controls, Features(), Beat())


def desk_with(router: Router | None = None) -> Desk:
    desk = Desk(lambda standing, image: None)
    desk.look(standing_of(router or Router(CONTROLS, {})), None)  # type: ignore[arg-type]
    return desk
