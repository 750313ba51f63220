"""The house keeps its walls: who may import whom, and each device library in one file."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "vjgan"

# Each room, and what of vjgan it may import besides itself. A folder is one room.
GROUND = {
    *("errors", "types", "latest", "smooth", "clock", "controls", "assets", "priority"),
    *("files", "gestures", "locks", "pictures", "compiling", "interruption"),
}
ROOMS = {
    "errors": set(),
    "types": set(),
    "latest": set(),
    "smooth": set(),
    "clock": {"types"},
    "controls": {"errors"},
    "assets": {"errors"},
    "priority": set(),
    "files": {"errors", "locks"},
    "locks": set(),
    "pictures": set(),
    "compiling": set(),
    "interruption": set(),
    "gestures": {"errors", "types"},
    "audio": GROUND,
    "spectrum": GROUND,
    "levels": GROUND,
    "intensity": GROUND,
    "onsets": GROUND,
    "novelty": GROUND,
    "rhythms": GROUND,
    "meter": GROUND | {"novelty", "rhythms"},
    "belt": GROUND | {"meter"},
    "judge": GROUND | {"novelty"},
    "recurrence": GROUND | {"novelty"},
    "tracker": GROUND | {"novelty", "meter", "belt", "judge", "recurrence"},
    "features": GROUND
    | {"spectrum", "levels", "intensity", "onsets", "novelty", "meter", "tracker"},
    "listener": GROUND,
    "beat": GROUND,
    "midi": GROUND | {"lamps"},
    "media": GROUND,
    "motion": GROUND,
    "generator": GROUND,
    "screen": GROUND,
    "ndi": GROUND,
    "sources": GROUND | {"ndi"},
    "camera": GROUND | {"sources"},
    "mapping": GROUND,
    "preset": GROUND | {"bindings", "mapping"},
    "home": GROUND,
    "standing": GROUND,
    "stage": GROUND | {"edits", "home", "mapping"},
    "edits": GROUND | {"mapping"},
    "stats": GROUND,
    "budget": GROUND | {"governor"},
    "governor": GROUND,
    "people": {"types"},
    "genes": GROUND,
    "roles": GROUND | {"stage", "standing"},
    "performer": GROUND | {"people", "roles", "stage"},
    "prompter": GROUND | {"performer", "roles", "stage", "standing"},
    "engine": GROUND | {"people", "performer", "prompter", "roles", "stage", "stats"},
    "grid": GROUND,
    "sections": GROUND,
    "score": GROUND | {"grid"},
    "chapters": GROUND | {"grid", "roles", "stage"},
    "loader": GROUND | {"stage"},
    "retouch": GROUND,
    "library": GROUND
    | {"bank", "bindings", "mapping", "preset", "retouch", "score", "setlist", "stage"},
    "setlist": GROUND,
    "bindings": GROUND | {"mapping"},
    "takeover": GROUND | {"bindings"},
    "bound": GROUND | {"bindings", "standing", "takeover"},
    "feedback": GROUND | {"bindings", "bound", "lamps", "standing"},
    "lamps": set(),
    "moves": GROUND,
    "conductor": GROUND | {"setlist", "stage"},
    "remote": GROUND | {"preset", "standing"},
    "rig": GROUND,
    "bank": GROUND,
    "gallery": GROUND | {"bank", "remote"},
    "recognition": GROUND,
    "snapshot": GROUND | {"standing"},
    "render": GROUND | {"engine", "people", "roles", "stage", "stats"},
    "output": GROUND | {"media", "ndi"},
    "takes": GROUND | {"listener", "roles", "stage"},
    "crew": GROUND | {"stage"},
    "train": GROUND | {"camera", "generator"},
}
TOP = {
    "stock",
    "sitting",
    "improving",
    "projecting",
    "analysis",
    "scoring",
    "calibration",
    "chart",
    "control",
    "curation",
    "models",
    "learning",
    "libretto",
    "preflight",
    "dreams",
    "styles",
    "explore",
    "film",
    "hands",
    "keeper",
    "refilm",
    "hearing",
    "settings",
    "show",
    "workers",
    "licence",
    "thumbnails",
    "kin",
    "circle",
    "faces",
    "darkroom",
    "booth",
    "doctor",
    "cli",
    "commands",
    "__main__",
}  # know every room

LIBRARIES = {
    "pyaudio": {"audio/soundcard.py"},
    "aubio": {"features.py"},
    "mido": {"midi/__init__.py"},
    "rtmidi": {"midi/inlet.py"},
    "glfw": {f"screen/{name}.py" for name in ("window", "displays", "pane", "keys")},
    "moderngl": {"screen/"},
    "av": {"media/", "sources/decoder.py"},
    "torch": {"generator/", "train/", "retouch/", "dreams.py"},
    "safetensors": {"camera/reader.py", "generator/", "train/state.py", "bank/portrait.py"},
    "openvino": {"camera/inference.py", "generator/openvino.py"},
    "ray": {"crew/cluster.py"},
    "NDIlib": {"ndi.py"},
    "SpoutGL": {"output/spout.py"},
    "syphon": {"output/syphon.py"},
    "link": {"beat/link.py"},
    "pydantic": {"preset.py", "remote/words.py", "setlist.py", "bindings.py", "score.py"}
    | {"bank/portrait.py", "gallery/words.py"},
    "websockets": {"remote/", "gallery/server.py"},
    "pythonosc": {"remote/osc.py"},
    "segno": {"remote/code.py"},
    "tomlkit": {"snapshot.py", "rig.py"},
    "typer": {"cli.py", "commands/"},
}


@cache
def imports(path: Path) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(names)


def files() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_rooms_import_only_what_they_may(path: Path) -> None:
    here = room(path)
    if here in TOP or here == "__init__":
        return
    used = {name.split(".")[1] for name in imports(path) if name.startswith("vjgan.")}
    assert used - {here} <= ROOMS[here]


@pytest.mark.parametrize("library", LIBRARIES)
def test_each_device_library_has_one_home(library: str) -> None:
    found = {
        str(path.relative_to(PACKAGE))
        for path in files()
        if any(name.split(".")[0] == library for name in imports(path))
    }
    homes = tuple(LIBRARIES[library])
    assert found
    assert all(name.startswith(homes) for name in found), found


def test_importing_the_package_needs_no_device_library() -> None:
    code = (
        "import sys, vjgan, vjgan.types, vjgan.engine;"
        f"print(*[name for name in {sorted(LIBRARIES)!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_no_show_begins_with_what_trains() -> None:
    for path in files():
        if room(path) not in ("train", "projecting"):  # which are opened only by their commands
            first = ast.parse(path.read_text()).body
            used = {f"{n.module}" for n in first if isinstance(n, ast.ImportFrom)}
            assert not {name for name in used if name.startswith("vjgan.train")}, path
