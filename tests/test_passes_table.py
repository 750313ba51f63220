"""The table of passes in docs/shaders.md tells what the shaders declare."""

from __future__ import annotations

import re
from pathlib import Path

from vjgan.assets import folder
from vjgan.screen.glsl import FIXED, declared_controls

TABLE = (Path(__file__).parent.parent / "docs" / "shaders.md").read_text()


def test_the_table_lists_every_pass_and_each_of_its_controls() -> None:
    lines = dict(re.findall(r"^\| `(\w+)` (.*)$", TABLE, re.MULTILINE))
    passes = declared_controls(folder("shaders"))
    assert set(lines) == set(passes) - set(FIXED)
    for name, line in lines.items():
        told = re.findall(r"`(\w+)` (\S+?)\.\.(\S+) = (\S+?)[ :]", line)
        rows = passes[name].values()
        assert told == [
            (row.name.split(".")[1], f"{row.minimum:g}", f"{row.maximum:g}", f"{row.default:g}")
            for row in rows
        ]
