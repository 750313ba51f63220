"""Shader files: read, checked and put together, without a GPU."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from vjgan.controls import CONTROLS, Control, shader_controls
from vjgan.errors import ShaderError
from vjgan.files import MAX_BYTES

# Drawn around every preset's chain, so not part of it: the first pass, the two last.
FIRST, COLOUR, LAST = "between", "colour", "present"
FIXED = (FIRST, COLOUR, LAST)
PRELUDE = "prelude.glsl"  # before every one of them

# What `vjgan.mapping.listen` hears; a test keeps the two lists the same.
SIGNALS = (
    *("level", "low", "mid", "high", *(f"band{k}" for k in range(1, 9)), "tone", "noisiness"),
    *("intensity", "onset", "kick", "snare", "hat", "beat_pulse", "bar_pulse", "beat_phase"),
    *("bar_phase", "silence", "confidence", "beat"),
)
# What is a word of GLSL keeps its meaning there, and a name with a dot cannot be one.
TAKEN = ("mix", "noise", "class")
GLOBALS = {
    name: row.default for name, row in CONTROLS.items() if name not in TAKEN and "." not in name
}
FLOATS = {**GLOBALS, **dict.fromkeys(SIGNALS, 0.0)}  # `kick` is the one that is heard

# A CPU in place of a GPU computes both ways of an `if`, so what depends on one is two programs.
# What is no number would stay in whatever remembers the last frame, and spread.
_FINITE = """
vec3 finite(vec3 light) {
    float sum = light.r + light.g + light.b;
    return isnan(sum) || isinf(sum) ? vec3(0.0) : light;
}
"""
EFFECT_MAIN = _FINITE + "\nvoid main() { drawn = vec4(finite(effect(at).rgb), 1.0); }\n"
# Where alpha is kept, colours are light over black, multiplied by it: only at the very end, for
# those who want them so, they are not. What glows beyond the picture covers as much as it lights.
ALPHA_MAIN = f"""{_FINITE}
void main() {{
    vec3 light = finite(effect(at).rgb);
    drawn = vec4(light, clamp(covered < 0.0 ? texture(frame, at).a : covered, 0.0, 1.0));
}}
"""
STRAIGHT_MAIN = f"""{_FINITE}
void main() {{
    vec3 light = finite(effect(at).rgb);
    float alpha = max(covered, max(light.r, max(light.g, light.b)));
    drawn = alpha < 0.5 / 255.0 ? vec4(0.0) : vec4(light / alpha, alpha);
}}
"""
BLUR_MAIN = "\nvoid main() { drawn = blur(at); }\n"
WAYS = ("FILLED", "QUICK", "ENLARGED", "ANYHOW")  # of laying the model's picture, see between.frag
PREPARE_MAIN = "\nvoid main() { drawn = prepare(at); }\n"
PLAIN_PREPARE = "\nvec4 prepare(vec2 uv) { return texture(frame, uv); }\n"

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_READS = re.compile(r"\btexture\s*\(\s*frame\s*,")
_UNIFORM = re.compile(r"^\s*uniform\s+float\s+([^;]+);", re.MULTILINE)
# Where drivers put the line: "0:12(5): error: ...", "0(12) : error ...", "ERROR: 0:12: ...".
_COMPLAINT = re.compile(
    r"^(?:ERROR:\s*)?\d+[:(](?P<line>\d+)(?:\(\d+\))?\)?\s*:\s*(?P<text>.+)$", re.MULTILINE
)
# Lines of the file itself are numbered from here, so that they are told from the prelude's. (Not
# every driver gives the number of the source string that `#line` can set.)
OWN_LINES = 10_000


@dataclass(frozen=True, slots=True)
class Shader:
    """A pass as written: its file, its text and the prelude's, its controls by full name, and what
    it asks for."""

    name: str
    path: Path
    text: str
    prelude: str
    controls: dict[str, Control]
    wants_past: bool
    wants_soft: bool
    wants_second: bool
    prepares: bool
    flickers: bool

    def source(self, main: str = EFFECT_MAIN, define: str = "") -> str:
        """The whole fragment shader, with a word defined or none; see `complaint` for its lines."""
        if main is PREPARE_MAIN and not self.prepares:
            main = PLAIN_PREPARE + main
        own = {n.strip() for line in _UNIFORM.findall(self.text) for n in line.split(",")}
        uniforms = ", ".join(name for name in FLOATS if name not in own)
        alpha = main in (ALPHA_MAIN, STRAIGHT_MAIN)  # what is read of the picture tells of it
        text = _READS.sub("seen(", self.text) if alpha else self.text
        return (
            f"#version 330 core\n{'#define ' * bool(define)}{define}\nuniform float {uniforms};\n"
            f"#line 1\n{self.prelude}\n#line {OWN_LINES + 1}\n{text}\n{main}"
        )

    def complaint(self, error: str) -> ShaderError:
        """A driver's error as one sentence with the file and the line."""
        line, text = told(error)
        if not line:
            return ShaderError(f"shader '{self.path}' does not compile: {text}")
        file = self.path if line > OWN_LINES else self.path.with_name(PRELUDE)
        return ShaderError(f"shader '{file}' does not compile: line {line % OWN_LINES}: {text}")


def told(error: str) -> tuple[int, str]:
    """The line of which a driver complains first, 0 if it tells none, and its words."""
    found = _COMPLAINT.search(error)
    if found is None:
        return 0, error.strip().splitlines()[-1] if error.strip() else "no reason given"
    return int(found["line"]), re.sub(r"^error\s*:?\s*", "", found["text"], flags=re.IGNORECASE)


def read_shader(path: Path) -> Shader:
    """The shader in a file.

    Raises ShaderError: one sentence with the file and what is wrong."""
    name = path.stem
    if not _NAME.fullmatch(name):
        raise ShaderError(
            f"shader '{path}': a pass is named by its file, in small letters, digits and _"
        )
    text = _read(path)
    code = _COMMENT.sub("", text)
    if not re.search(r"\bvec4\s+effect\s*\(\s*vec2\b", code):
        raise ShaderError(f"shader '{path}' must define vec4 effect(vec2 uv)")
    return Shader(
        name=name,
        path=path,
        text=text,
        prelude=_read(path.with_name(PRELUDE)),
        controls=shader_controls(name, text),
        wants_past=re.search(r"\bpast\b", code) is not None,
        wants_soft=re.search(r"\b(soft|glow)\b", code) is not None,
        wants_second=re.search(r"\b(second|other)\b", code) is not None,
        prepares=re.search(r"\bvec4\s+prepare\s*\(", code) is not None,
        flickers=re.search(r"^// flickers$", text, re.MULTILINE) is not None,
    )


def read_shaders(folder: Path) -> dict[str, Shader]:
    """Every shader of a folder by name.

    Raises ShaderError when one is malformed or one of the fixed passes is missing."""
    shaders = {path.stem: read_shader(path) for path in sorted(folder.glob("*.frag"))}
    for name in FIXED:
        if name not in shaders:
            raise ShaderError(f"shader '{folder / name}.frag' is missing; every picture needs it")
    return shaders


def declared_controls(folder: Path) -> dict[str, dict[str, Control]]:
    """The passes of a folder, each with its controls by full name; for checking presets."""
    return {name: shader.controls for name, shader in read_shaders(folder).items()}


class Catalogue:
    """The passes of a folder as `declared_controls` gives them, read anew when a file changes; the
    same value as long as none does. While one is broken it tells the last good ones. Any thread may
    ask."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stamps: dict[Path, int] = {}
        self._passes: dict[str, dict[str, Control]] = {}

    def __call__(self) -> dict[str, dict[str, Control]]:
        """Raises ShaderError when one is broken and none was good yet."""
        stamps = modified(self._folder)
        if stamps != self._stamps:
            try:
                passes = declared_controls(self._folder)
            except ShaderError:  # the screen tells what is wrong
                if not self._passes:
                    raise
                passes = self._passes
            if passes != self._passes:
                self._passes = passes
            self._stamps = stamps  # last, since other threads ask as well
        return self._passes


def modified(folder: Path) -> dict[Path, int]:
    """When each shader file of a folder was last saved, in ns."""
    found = {}
    for path in (*folder.glob("*.frag"), folder / PRELUDE):
        try:
            found[path] = path.stat().st_mtime_ns
        except OSError:  # an editor is just replacing it
            continue
    return found


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ShaderError(f"shader '{path}' is larger than {MAX_BYTES} bytes")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ShaderError(f"shader '{path}' cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ShaderError(f"shader '{path}' is not UTF-8 text") from None
