"""The bank: portraits by name in safe files, none of which can harm another."""

from __future__ import annotations

import io
import json
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file
from test_motion import SPACE

from vjgan.bank import Bank, BankError, Portrait, bank_folder

W = np.arange(SPACE.w_dim, dtype=np.float32)
NORA = Portrait("nora", W, "alive", "", "seed", seed=21, psi=0.7, tags=("marble", "two words"))
PICTURE = np.random.RandomState(0).randint(0, 256, (300, 600, 3), np.uint8)


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank(tmp_path / "bank")


def test_a_portrait_comes_back_as_it_was_in_another_program(bank: Bank) -> None:
    wide = np.random.RandomState(1).standard_normal((10, 16)).astype(np.float32)
    child = Portrait("kid", wide, "alive", "ab" * 32, "child", parents=("nora", "otto"), label=3)
    assert bank.add(NORA, PICTURE) == NORA
    bank.add(child)
    other = Bank(bank.folder)
    assert other.names() == ["kid", "nora"]
    assert other.portraits() == [child, NORA]
    np.testing.assert_array_equal(other.get("kid").w, wide)
    np.testing.assert_array_equal(other.get("nora").w, W)
    picture = Image.open(io.BytesIO(other.thumbnail("nora") or b""))
    assert (picture.format, picture.size) == ("PNG", (256, 128))
    assert other.thumbnail("kid") is None and other.thumbnail("../nora") is None
    assert not [path for path in bank.folder.iterdir() if path.name.startswith(".")]


def test_a_taken_name_gets_a_number(bank: Bank) -> None:
    assert [bank.add(NORA).name for _ in range(3)] == ["nora", "nora-2", "nora-3"]
    long = replace(NORA, name="n" * 64)
    assert bank.add(long).name == "n" * 64
    assert bank.add(long).name == "n" * 58 + "-2"


def test_many_threads_lose_none(bank: Bank) -> None:
    threads = [threading.Thread(target=bank.add, args=(NORA, PICTURE)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bank.portraits()) == 20


def test_changes_and_a_new_name_take_picture_and_children_along(bank: Bank) -> None:
    bank.add(NORA, PICTURE)
    bank.add(replace(NORA, name="kid", origin="child", parents=("nora", "otto")))
    bank.add(replace(NORA, name="otto"))
    assert bank.change("nora", tags=["b", "a", "b"], verdict="kept").tags == ("b", "a")
    seen = bank.thumbnail("nora")
    assert bank.change("nora", name_="Åsa_1").verdict == "kept"
    assert bank.names() == ["kid", "otto", "Åsa_1"]
    assert bank.thumbnail("Åsa_1") == seen and bank.thumbnail("nora") is None
    assert bank.get("kid").parents == ("Åsa_1", "otto")
    with pytest.raises(BankError, match="portrait 'kid': the name 'otto' is taken"):
        bank.change("kid", name_="otto")
    bank.remove("Åsa_1")
    assert bank.names() == ["kid", "otto"] and bank.thumbnail("Åsa_1") is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "a b"}, "name 'a b' is not allowed; it must be 1 to 64 letters"),
        ({"name": "../evil"}, "name '../evil' is not allowed"),
        ({"name": ""}, "name '' is not allowed"),
        ({"origin": "stolen"}, "origin 'stolen' is not allowed; it must be seed, projected"),
        ({"verdict": "nice"}, "verdict 'nice' is not allowed; it must be kept, rejected or no"),
        ({"tags": ("a,b",)}, "tags 'a,b' is not allowed; it must be at most 32, each 1 to 32"),
        ({"seed": -1}, "seed '-1' is not allowed; it must be greater than or equal to 0"),
        ({"psi": float("nan")}, "psi 'nan' is not allowed; it must be a finite number"),
        ({"w": np.zeros((2, 2, 2), np.float32)}, r"w \[2, 2, 2\] must be \[w_dim\]"),
        ({"w": np.full(16, np.inf, np.float32)}, "w holds numbers that are not finite"),
    ],
)
def test_what_is_not_allowed_is_not_kept(bank: Bank, change: dict, told: str) -> None:
    with pytest.raises(BankError, match=told):
        bank.add(replace(NORA, **change))
    assert bank.names() == []


def test_damaged_files_are_told_once_and_lose_no_others(
    bank: Bank, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a", "b", "c", "d", "e", "f", "good"):
        bank.add(replace(NORA, name=name))
    whole = (bank.folder / "a.safetensors").read_bytes()
    (bank.folder / "a.safetensors").write_bytes(whole[:-7])
    (bank.folder / "b.safetensors").write_bytes(b"")
    (bank.folder / "c.safetensors").write_bytes(b"\xff" * 8 + whole[8:])
    save_file({"w": W}, bank.folder / "d.safetensors", {"format": "other"})
    lies = {"format": "vjgan portrait", "version": "1", "about": json.dumps({"name": "x"})}
    save_file({"w": W}, bank.folder / "e.safetensors", lies)
    (bank.folder / "f.safetensors").write_bytes(b"\0" * 4_000_001)
    (bank.folder / "not a name.safetensors").write_bytes(whole)
    for _ in range(2):
        assert [one.name for one in bank.portraits()] == ["good"]
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == len(set(said)) == 6
    assert said[0].endswith("is damaged, or no safetensors file; it is left out")
    assert said[3].endswith("d.safetensors' is no portrait that vjgan wrote; it is left out")
    assert said[4].endswith("e.safetensors': model is missing; it is left out")
    bank.remove("a")  # a damaged one can be taken away
    assert "a" not in bank.names()


def test_an_unknown_name_says_which_there_are(bank: Bank) -> None:
    with pytest.raises(BankError, match=r"portrait 'x' is not in the bank; there are: none yet in"):
        bank.get("x")
    bank.add(NORA)
    for ask in (bank.get, bank.remove, lambda name: bank.change(name, verdict="kept")):
        for name in ("x", "../nora", "no\0ra", ""):
            with pytest.raises(BankError, match=r"not in the bank; there are: nora$"):
                ask(name)


def test_what_fits_a_model(bank: Bank) -> None:
    assert bank.fits(NORA, SPACE, "alive")
    assert bank.fits(replace(NORA, w=np.zeros((10, 16), np.float32)), SPACE, "alive")
    assert not bank.fits(NORA, SPACE, "portraits")
    assert not bank.fits(replace(NORA, w=W[:-1]), SPACE, "alive")
    assert not bank.fits(replace(NORA, w=np.zeros((9, 16), np.float32)), SPACE, "alive")


def test_what_is_refused_leaves_no_picture(bank: Bank, tmp_path: Path) -> None:
    with pytest.raises(BankError, match="tags"):
        bank.add(replace(NORA, tags=tuple(map(str, range(99)))), np.zeros((8, 8, 3), np.uint8))
    assert bank.names() == [] and not list(bank.folder.glob("*"))


def test_a_bank_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BankError, match="cannot be written: Not a directory"):
        Bank(tmp_path / "file" / "bank").add(NORA)


def test_where_the_bank_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("VJGAN_BANK", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert bank_folder() == tmp_path / "vjgan" / "bank"
    monkeypatch.setenv("VJGAN_BANK", str(tmp_path / "mine"))
    assert bank_folder() == tmp_path / "mine"


@pytest.mark.parametrize("name", ["../out", "", "a b", "/tmp/x", "x" * 65])
def test_a_name_that_nobody_can_have_writes_nothing(tmp_path: Path, name: str) -> None:
    bank = Bank(tmp_path / "bank")
    one = Portrait(name, np.zeros(4, np.float32), "m", "", "seed", 1)
    with pytest.raises(BankError, match="it must be 1 to 64 letters, digits, _ and -"):
        bank.add(one, np.zeros((8, 8, 3), np.uint8))
    assert not list(tmp_path.rglob("*"))
