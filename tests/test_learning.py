"""Learning what knobs do: which one is meant, what is kept, and lessons during the show."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from standings import standing_of
from test_bindings import Knobs
from test_midi import Controller as Player
from test_midi import plug  # noqa: F401

from vjgan.bindings import Controller, read_controllers
from vjgan.bound import Bound
from vjgan.control import PresetPen, make_desk
from vjgan.controls import CONTROLS, Control
from vjgan.errors import DeviceError, VjganError
from vjgan.learning import LESSON_SECONDS, Lesson, controllers_of, learn
from vjgan.loader import LOOK_SECONDS, Loader
from vjgan.mapping import Router
from vjgan.moves import Move, Moves
from vjgan.remote.desk import Desk
from vjgan.rig import keep_binding, load_rig, rig_file, take_back
from vjgan.snapshot import keep_snapshot
from vjgan.stock import make_library
from vjgan.types import Command, ControlEvent, Event, Kept, Setting

WRITTEN = """link = true  # of the band
[controllers.nano] # the small one
map = "nanokontrol2"
[controllers.nano.commands]
cc41 = "go" # play
"""


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    rig_file().parent.mkdir()
    rig_file().write_text(WRITTEN)
    return rig_file()


def meant(*sent: tuple[str, Sequence[int]]) -> list[tuple[str, str]]:
    """Source and mode of what is meant by sources and their values of 7 bits."""
    moves, found = Moves(), []
    for source, values in sent:
        for value in values:
            move = moves.hear(ControlEvent(source, value / 127, 1, "nano"))
            if move is not None:
                found.append((move.source, move.mode))
    return found


def test_a_knob_that_trembles_is_not_meant_and_one_that_is_turned_is() -> None:
    assert meant(("cc1", [60, 61] * 20)) == []
    assert meant(("cc1", [60, 61]), ("cc2", [60, 70, 80, 90]))[0] == ("cc2", "")
    assert meant(("pitch", [64, 90]))[0] == ("pitch", "")


def test_a_pad_is_meant_when_it_is_let_go_and_its_aftertouch_never() -> None:
    assert meant(("note36", [80]), ("touch", [0, 127]), ("touch36", [0, 127])) == []
    assert meant(("note36", [80, 0])) == [("note36", "")]
    touched_fader = ("note104", [127]), ("pitch", [0, 20, 40]), ("note104", [0])
    assert meant(*touched_fader)[0] == ("pitch", "")


def test_a_button_that_sends_control_changes_is_momentary() -> None:
    assert meant(("cc41", [127, 0])) == [("cc41", "momentary")]


def test_the_encoding_of_an_encoder_is_seen() -> None:
    for values, mode in (
        ([1, 1, 1, 2, 1, 127, 127, 126, 127], "complement"),
        ([1] * 8, "complement"),
        ([65, 65, 65, 66, 65, 63, 63, 62], "offset"),
        ([1, 1, 1, 2, 65, 65, 66, 65], "sign"),
    ):
        assert meant(("cc9", values))[0] == ("cc9", f"relative-{mode}")
    assert meant(("cc9", [1, 1, 127])) == []  # nor is it a fader that has jumped
    assert meant(("cc9", [0, 3, 9, 14, 22, 30]))[0] == ("cc9", "")


def test_long_numbers_are_meant_as_a_whole() -> None:
    wide = [(("cc1", [64]), ("cc33", [k]), ("fine1", [64 + k // 20])) for k in range(0, 128, 9)]
    high = [(("cc1", [64 + k]), ("cc33", [5]), ("fine1", [64 + k])) for k in range(0, 40, 5)]
    assert meant(*itertools.chain(*wide, *high))[0] == ("fine1", "")
    sent = [(("cc99", [2]), ("cc98", [4]), ("cc6", [k]), ("nrpn260", [k])) for k in range(0, 90, 9)]
    assert meant(*itertools.chain(*sent))[0] == ("nrpn260", "")


def test_a_knob_that_is_moved_is_learnt_and_kept(
    plug: Callable[..., Player],  # noqa: F811
    rig: Path,
) -> None:
    player, told = plug("other"), []
    thread = threading.Thread(target=lambda: told.append(learn("bloom.amount", "", "jack", 20.0)))
    thread.start()
    for value in itertools.cycle(range(0, 128, 8)):
        player.send([0xB2, 50, 64], [0xB2, 51, value])  # one trembles not even, one is moved
        if not thread.is_alive():
            break
    assert "cc51 of 'other:out', channel 3, sets bloom.amount" in told[0]
    table = {**CONTROLS, "bloom.amount": Control("bloom.amount", 0.0, 1.0, 0.5, "", "")}
    nano, other = read_controllers("r", load_rig().controllers, table)
    assert (nano.name, other.name) == ("nano", "other:out")
    assert other.controls["3.cc51"].control == "bloom.amount"
    assert rig.read_text().startswith(WRITTEN)
    assert [path.name for path in rig.parent.iterdir()] == ["rig.toml"]


def test_what_is_kept_of_a_source_is_all_that_it_does_and_can_be_taken_back(rig: Path) -> None:
    kept = keep_binding("nano:out", "1.cc41", "hue")
    (nano,) = (one for one in controllers_of(load_rig()) if one.name == "nano")
    assert nano.controls["1.cc41"].control == "hue" and "cc41" not in nano.commands
    assert "# the small one" in rig.read_text() and "# of the band" in rig.read_text()
    take_back(kept)
    assert rig.read_text() == WRITTEN
    rig.write_text(WRITTEN + "# by hand")
    with pytest.raises(VjganError, match="has been changed since; it stays as it is"):
        take_back(kept)


def test_learning_an_unknown_control_or_from_nothing_is_told() -> None:
    with pytest.raises(VjganError, match=r"control 'hoe' is unknown; there are: .*bloom\.amount"):
        learn("hoe", "", "jack", 1.0)
    with pytest.raises(DeviceError, match=r"no knob was moved for 0\.1 s; MIDI inputs that"):
        learn("hue", "", "jack", 0.1)


class Show:
    """A show in which lessons are held."""

    def __init__(
        self,
        source: Path | None = None,
        desk: Desk | None = None,
        pen: PresetPen | None = None,
        own: Mapping[Path, Sequence[Controller]] | None = None,
    ) -> None:
        self.knobs, self.time = Knobs(), 100.0
        router = Router(CONTROLS, {})
        self.standing = lambda: standing_of(router, source=source)
        if desk is not None:
            desk.look(self.standing(), None)  # type: ignore[arg-type]
        bound = Bound(self.knobs, controllers_of(load_rig()), self.standing, own=own)
        self.bound, self.lesson = bound, Lesson(bound, lambda: self.time, pen)

    def do(self, *events: Event) -> list[Event]:
        """Which of the gestures of hands elsewhere are left to be done."""
        left = [event for event in events if not self.lesson.takes(event)]
        self.lesson.close()
        return left

    def move(self, source: str, *values: float) -> list[Event]:
        """Which of those of a controller, besides themselves, with what they mean."""
        for value in values:
            self.knobs.events.append(ControlEvent(source, value, 1, "nano:out"))
        left = self.do(*self.bound.read())
        return [event for event in left if not isinstance(event, ControlEvent)]


def test_a_lesson_in_the_show_is_at_once_what_the_knob_does(rig: Path) -> None:
    show = Show()
    assert show.move("cc41", 1.0, 0.0) == [Command("go")]
    assert show.do(Command("learn")) == [] and "touch a control" in show.lesson.line()
    assert show.do(Setting("hue", 3.0)) == [] and "hue: move a knob" in show.lesson.line()
    assert show.move("cc41", 1.0, 0.0) == []  # not what it did
    assert show.lesson.line() == "cc41 of 'nano:out': hue"
    assert show.move("cc41", 1.0, 0.0) == [Setting("hue", 180.0), Setting("hue", None)]
    assert show.do(Setting("hue", 3.0)) == [Setting("hue", 3.0)]
    show.time += 10.0
    assert show.lesson.line() == ""
    again = Show()  # in every show to come
    assert again.move("cc41", 1.0, 0.0) == [Setting("hue", 180.0), Setting("hue", None)]
    assert show.do(Command("unlearn")) == []
    assert show.move("cc41", 1.0, 0.0) == [Command("go")]
    assert rig.read_text() == WRITTEN
    show.do(Command("unlearn"))
    assert show.lesson.line() == "nothing was learnt in this show"


def test_pads_learn_what_a_key_or_a_card_does_and_panic_works_meanwhile(rig: Path) -> None:
    show = Show()
    assert show.do(Command("learn"), Command("preset", 3)) == []
    assert show.move("note36", 0.7, 0.0) == []
    assert show.move("note36", 0.7, 0.0) == [Command("preset", 3)]
    assert show.do(Command("learn"), Command("panic")) == [Command("panic")]
    show.move("note37", 0.7, 0.0)
    assert show.move("note37", 0.7, 0.0) == [Command("panic")]
    assert show.do(Command("learn"), Command("help"), Command("learn")) == [Command("help")]
    assert show.do(Command("freeze")) == [Command("freeze")]  # that lesson was ended


def test_a_lesson_ends_by_itself_and_a_broken_rig_is_told(
    rig: Path, caplog: pytest.LogCaptureFixture
) -> None:
    show = Show()
    show.do(Command("learn"), Setting("hue", 1.0))
    show.time += LESSON_SECONDS + 1
    assert show.lesson.line() == "learn: nothing was moved"
    assert show.move("cc41", 1.0, 0.0) == [Command("go")]
    rig.write_text("not TOML")
    show.do(Command("learn"), Setting("hue", 1.0))
    show.move("cc1", 0.0, 0.3, 0.6)
    assert "is not valid TOML" in show.lesson.line() and "is not valid TOML" in caplog.text
    assert show.move("cc41", 1.0, 0.0) == [Command("go")]  # all else stays
    assert Move("p", 2, "cc1").key == "2.cc1"


BOUND = """# mine
name = "Mine"

[controllers.nano.controls] # of the small one
cc9 = "zoom"
"""


def test_a_lesson_for_this_preset_is_kept_in_it_and_goes_before_the_rig(
    rig: Path, tmp_path: Path
) -> None:
    source = tmp_path / "40-mine.toml"
    source.write_text(BOUND)
    library = make_library()
    library.controllers[source] = library.preset(source).controllers
    scenes = Loader(library.scene, library.paths, source)
    desk = make_desk(library, scenes)
    show = Show(source, desk, PresetPen(library, scenes, desk), library.controllers)
    try:
        assert show.do(Command("learn"), Command("learn_preset")) == []
        assert show.lesson.here and "learn for this preset: touch" in show.lesson.line()
        assert show.do(Setting("hue", 3.0)) == []
        assert show.move("cc41", 1.0, 0.0) == []
        assert show.lesson.line() == "cc41 of 'nano:out': hue in preset '40-mine'"
        assert show.move("cc41", 1.0, 0.0) == [Setting("hue", 180.0), Setting("hue", None)]
        assert rig.read_text() == WRITTEN and "# of the small one" in source.read_text()
        assert library.preset(source).controllers[0].controls.keys() == {"cc9", "1.cc41"}
        time.sleep(2 * LOOK_SECONDS)
        assert scenes.finished() is None  # nothing was built anew, nothing is seen of it
        path = keep_snapshot(show.standing(), tmp_path / "own", [source], library.preset)
        assert library.preset(path).controllers == library.preset(source).controllers
        show.do(Command("unlearn"))
        assert source.read_text() == BOUND
        assert show.move("cc41", 1.0, 0.0) == [Command("go")]
        show.do(Command("learn_preset"), Command("learn_preset"), Command("next"))
        assert show.move("note40", 1.0, 0.0) == []  # the rig's after all
        assert "note40" in rig.read_text() and source.read_text() == BOUND
    finally:
        scenes.close()


def test_what_is_learnt_to_a_preset_that_comes_with_vjgan_is_kept_in_a_copy(
    rig: Path, tmp_path: Path
) -> None:
    library = make_library()
    library.own_folder = tmp_path / "own"
    source = library.find("drift")
    scenes = Loader(library.scene, library.paths, source)
    desk = make_desk(library, scenes)
    before = source.read_text()
    show = Show(source, desk, PresetPen(library, scenes, desk), library.controllers)
    try:
        show.do(Command("learn_preset"), Setting("hue", 3.0))
        show.move("cc1", 0.0, 0.3, 0.6)
        (copy,) = library.own_folder.iterdir()
        assert show.lesson.line() == f"cc1 of 'nano:out': hue in preset '{copy.stem}'"
        assert source.read_text() == before
        kept = library.preset(copy)
        assert kept.controllers[0].controls["1.cc1"].control == "hue"
        assert kept.values == library.preset(source).values
        (told,) = desk.read()
        assert isinstance(told, Kept) and (told.before, told.path) == (source, copy)
    finally:
        scenes.close()
