"""Models kept warm: real files, a real budget, and at the end real models."""

import gc
import logging
import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import wait_until

from vjgan.errors import DeviceError, ModelError
from vjgan.generator.checkpoint import save
from vjgan.generator.device import free_bytes, used_bytes, warm_budget
from vjgan.generator.faults import MemoryShortageError
from vjgan.generator.player import Player, open_model
from vjgan.generator.shelf import Shelf
from vjgan.generator.space import Ruler
from vjgan.generator.stylegan2 import StyleGAN2, StyleGAN2Config
from vjgan.loader import Loader
from vjgan.stage import Scene
from vjgan.stock import make_library
from vjgan.types import LatentState

CPU = torch.device("cpu")
SIZE = 1000  # bytes of a file; twice that once open
CONFIG = StyleGAN2Config(
    resolution=16, z_dim=16, w_dim=16, channel_base=128, channel_max=16, mapping_layers=2
)


class Model:
    """What a file was opened as."""

    def __init__(self, path: Path) -> None:
        self.text = path.read_text()
        if "broken" in self.text:
            raise ModelError(f"model '{path.stem}' is not a checkpoint")


class Place:
    """A folder of models, and what was opened in which order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.opened: list[str] = []
        self.trouble: list[Exception] = []

    def write(self, name: str, text: str = "good") -> None:
        path = self.folder / name
        before = path.stat().st_mtime_ns if path.exists() else 0
        path.write_text(text.ljust(SIZE))
        os.utime(path, ns=(before + 1_000_000, before + 1_000_000))

    def find(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise ModelError(f"model '{name}' is nowhere")
        return path

    def open(self, path: Path) -> Model:
        self.opened.append(path.name)
        if self.trouble:
            raise self.trouble.pop()
        return Model(path)

    def shelf(self, models: float) -> Shelf[Model]:
        return Shelf(self.find, self.open, lambda: int(models * 2 * SIZE))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    for name in "abcd":
        place.write(name)
    return place


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


def test_a_model_is_opened_once_while_there_is_room(place: Place) -> None:
    shelf = place.shelf(models=2)
    a = shelf.get("a")
    assert shelf.get("a") is a
    shelf.get("b")
    assert shelf.get("a") is a
    assert place.opened == ["a", "b"]
    assert shelf.size_bytes == 4 * SIZE == shelf.budget_bytes


def test_the_least_recently_used_goes_first(place: Place) -> None:
    shelf = place.shelf(models=2)
    for name in "abac":
        shelf.get(name)
    assert shelf.warm == ["a", "c"]
    shelf.get("b")
    assert shelf.warm == ["c", "b"]
    assert place.opened == ["a", "b", "c", "b"]


def test_room_is_made_before_a_model_is_opened(place: Place) -> None:
    shelf = place.shelf(models=2)
    warm_while_opening = []
    shelf._open = lambda path: (warm_while_opening.append(list(shelf.warm)), place.open(path))[1]
    for name in "abc":
        shelf.get(name)
    assert warm_while_opening == [[], ["a"], ["b"]]


def test_what_anyone_holds_stays_and_is_never_opened_twice(place: Place) -> None:
    shelf = place.shelf(models=1)
    on_stage = shelf.get("a")
    coming = shelf.get("b")  # a crossfade holds both
    assert shelf.warm == ["a", "b"]
    assert shelf.get("a") is on_stage and shelf.get("b") is coming
    assert shelf.spare() == []
    del on_stage
    shelf.get("c")
    assert "a" not in shelf.warm and shelf.get("b") is coming
    assert place.opened == ["a", "b", "c"]


def test_sparing_puts_out_all_that_nobody_holds(place: Place) -> None:
    shelf = place.shelf(models=4)
    held = [shelf.get(name) for name in "abc"][1]
    assert shelf.spare() == ["a", "c"]
    assert shelf.warm == ["b"] and held.text


def test_memory_that_was_measured_counts(place: Place) -> None:
    taken = [0]

    def open_(path: Path) -> Model:
        taken[0] += 50 * SIZE
        return place.open(path)

    shelf = Shelf(place.find, open_, lambda: 60 * SIZE, lambda: taken[0])
    shelf.get("a")
    assert shelf.size_bytes == 50 * SIZE
    shelf.get("b")
    assert shelf.warm == ["b"]


def test_neighbours_are_warmed_within_the_budget_only(place: Place) -> None:
    shelf = place.shelf(models=2)
    shelf.get("d")
    on_stage = shelf.get("a")
    shelf.prefetch("b")  # d makes room
    shelf.prefetch("c")  # b was prefetched for the same moment: no room
    assert shelf.warm == ["a", "b"] and place.opened == ["d", "a", "b"]
    shelf.prefetch("b")
    on_stage = shelf.get("b")
    shelf.prefetch("c")  # and now a makes room
    assert shelf.warm == ["b", "c"]
    on_stage = shelf.get("c")
    shelf.prefetch("d")  # b was prefetched for an earlier moment
    assert shelf.warm == ["c", "d"] and on_stage.text


def test_a_neighbour_that_is_broken_is_told_when_asked_for(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.write("b", "broken")
    shelf = place.shelf(models=4)
    with caplog.at_level(logging.INFO, "vjgan"):
        shelf.prefetch("b")
        shelf.prefetch("nothing")
    assert caplog.records == []
    with pytest.raises(ModelError, match="model 'b' is not a checkpoint"):
        shelf.get("b")


def test_a_changed_file_is_opened_anew_and_the_old_model_plays_on(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = place.shelf(models=4)
    old = shelf.get("a")
    place.write("a", "better")
    with caplog.at_level(logging.INFO, "vjgan"):
        new = shelf.get("a")
        assert shelf.get("a") is new
    assert (old.text.strip(), new.text.strip()) == ("good", "better")
    assert [r.getMessage() for r in caplog.records] == [
        "model 'a' has changed on disk, and was loaded anew"
    ]
    assert shelf.warm == ["a"]


def test_a_file_saved_again_unchanged_is_not_opened_again(place: Place) -> None:
    shelf = place.shelf(models=4)
    model = shelf.get("a")
    place.write("a")
    assert shelf.get("a") is model
    assert place.opened == ["a"]


def test_a_broken_new_version_leaves_the_old_one_and_is_told_once(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = place.shelf(models=4)
    model = shelf.get("a")
    place.write("a", "broken")
    with caplog.at_level(logging.WARNING, "vjgan"):
        assert shelf.get("a") is model
        assert shelf.get("a") is model
    assert warnings(caplog) == [
        "model 'a' has changed, but the loaded one stays: model 'a' is not a checkpoint"
    ]
    assert place.opened == ["a", "a"]
    place.write("a", "mended")
    assert shelf.get("a").text.strip() == "mended"


def test_a_file_that_is_gone_leaves_the_loaded_one(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = place.shelf(models=4)
    model = shelf.get("a")
    (place.folder / "a").unlink()
    with caplog.at_level(logging.WARNING, "vjgan"):
        assert shelf.get("a") is model
        assert shelf.get("a") is model
    assert warnings(caplog) == ["model 'a' is nowhere; the loaded one stays"]
    del model
    shelf.spare()
    with pytest.raises(ModelError, match="model 'a' is nowhere"):
        shelf.get("a")


def test_without_memory_the_others_go_and_it_is_tried_again(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    shelf = place.shelf(models=4)
    shelf.get("a")
    place.trouble.append(MemoryShortageError("model 'b' needs more memory than is free"))
    with caplog.at_level(logging.WARNING, "vjgan"):
        assert shelf.get("b").text
    assert warnings(caplog) == ["model 'b' needs more memory than is free; put out for it: a"]
    assert shelf.warm == ["b"]
    held = shelf.get("b")
    place.trouble.append(MemoryShortageError("model 'c' needs more memory than is free"))
    with pytest.raises(MemoryShortageError):
        shelf.get("c")
    assert shelf.get("b") is held


def test_two_threads_open_a_model_once(place: Place) -> None:
    shelf = place.shelf(models=4)
    gate, got = threading.Event(), []
    shelf._open = lambda path: (gate.wait(5.0), place.open(path))[1]
    threads = [threading.Thread(target=lambda: got.append(shelf.get("a"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join(5.0)
    assert len(got) == 3 and len(set(map(id, got))) == 1
    assert place.opened == ["a"]


def test_what_is_warm_is_had_while_another_is_being_opened(place: Place) -> None:
    shelf = place.shelf(models=4)
    a = shelf.get("a")
    entered, gate = threading.Event(), threading.Event()

    def slow(path: Path) -> Model:
        entered.set()
        assert gate.wait(5.0)
        return place.open(path)

    shelf._open = slow
    thread = threading.Thread(target=shelf.prefetch, args=["b"])
    thread.start()
    assert entered.wait(5.0)
    assert shelf.get("a") is a
    del a
    assert shelf.spare() == ["a"]
    gate.set()
    thread.join(5.0)
    assert shelf.warm == ["b"]


def test_the_budget_is_a_share_of_what_is_free_or_as_told() -> None:
    assert 1e7 < free_bytes(CPU) < 1e14
    before = used_bytes(CPU)
    held = torch.ones(50_000_000, dtype=torch.uint8)
    assert 49e6 < used_bytes(CPU) - before < 60e6
    del held
    assert used_bytes(CPU) - before < 10e6
    assert 0.3 * free_bytes(CPU) < warm_budget("", CPU) < 0.7 * free_bytes(CPU)
    assert warm_budget("1.5", CPU) == 1_500_000_000
    for wrong in ("much", "-1", "nan", "inf"):
        with pytest.raises(DeviceError, match=f"VJGAN_WARM_GB '{wrong}' is not a number of giga"):
            warm_budget(wrong, CPU)


def write_model(path: Path, seed: int, half: bool = False) -> None:
    torch.manual_seed(seed)
    net = StyleGAN2(CONFIG)
    ruler = Ruler(np.eye(CONFIG.w_dim, dtype=np.float32), np.zeros(CONFIG.w_dim, np.float32))
    save(path, net, name=path.stem, licence="CC0-1.0", origin="test", trained=False,
         ruler=ruler, half=half)  # fmt: skip


def picture(player: Player) -> np.ndarray:
    w = np.random.default_rng(1).standard_normal((CONFIG.num_ws, CONFIG.w_dim))
    return player.generate(LatentState(0.0, w.astype(np.float32))).image


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf[Player]:
    write_model(tmp_path / "one.safetensors", seed=1)
    write_model(tmp_path / "two.safetensors", seed=2)
    return Shelf(
        find=lambda name: tmp_path / f"{name}.safetensors",
        open_=lambda path: open_model(path, "cpu"),
        budget=lambda: 10**9,
    )


def test_real_models_go_at_once_when_nobody_holds_them(shelf: Shelf[Player]) -> None:
    one, two = shelf.get("one"), shelf.get("two")
    assert not np.array_equal(picture(one), picture(two))
    assert shelf.spare() == []
    del two
    gc.disable()  # no cycle may keep one: during a show nobody collects them
    try:
        assert shelf.spare() == ["two"]
        del one
        assert shelf.spare() == ["one"]
    finally:
        gc.enable()


def test_presets_of_other_models_are_ready_before_they_are_asked_for(
    shelf: Shelf[Player], tmp_path: Path
) -> None:
    for name, model in (("a", "one"), ("b", "two"), ("c", "one")):
        text = f'name = "{name}"\ndescription = "-"\nmodel = "{model}"\npasses = []\n[motion]\n'
        (tmp_path / f"{name}.toml").write_text(text + 'kind = "wander"\nseed = 1\n')
    library = replace(
        make_library(), presets_folder=tmp_path, load=shelf.get, prefetch=shelf.prefetch
    )
    first = library.scene(library.find("a"))
    assert shelf.warm == ["one"]
    loader = Loader(library.scene, library.paths, library.find("a"), library.prepare)
    try:
        wait_until(lambda: shelf.warm == ["two", "one"])  # c's is the one on stage
        loader.request(2)
        arrived: list[Scene] = []
        wait_until(lambda: arrived.extend(filter(None, [loader.finished()])) or arrived)
    finally:
        loader.close()
    assert arrived[0].generator is shelf.get("two") is not first.generator


@pytest.mark.parametrize("half", [False, True])
def test_a_real_model_outlives_its_file(
    shelf: Shelf[Player], tmp_path: Path, half: bool, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "one.safetensors"
    write_model(path, seed=1, half=half)
    player = shelf.get("one")
    before = picture(player)
    os.truncate(path, 100)  # as a copy over it would begin; a view of the file would now crash
    with caplog.at_level(logging.WARNING, "vjgan"):
        assert shelf.get("one") is player
    assert "has changed, but the loaded one stays" in warnings(caplog)[0]
    np.testing.assert_array_equal(picture(player), before)
    write_model(path, seed=3)
    newer = shelf.get("one")
    assert newer is not player
    assert not np.array_equal(picture(newer), before)
    np.testing.assert_array_equal(picture(player), before)
