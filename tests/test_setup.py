"""What ``make`` installs: pinned, in range, and explained."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
NEEDS = [*PROJECT["dependencies"], *EXTRAS["fast"], *EXTRAS["link"], *EXTRAS["dev"]]
PINS = dict(
    line.split("==")
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if line and not line.startswith("#")
)


@pytest.mark.parametrize("need", NEEDS)
def test_every_dependency_is_pinned_in_range_explained_and_installed(need: str) -> None:
    requirement = Requirement(need)
    pin = PINS[requirement.name]
    assert requirement.specifier.contains(pin)
    assert version(requirement.name).split("+")[0] == pin
    assert f"| {requirement.name} |" in (ROOT / "docs" / "dependencies.md").read_text()


def test_every_system_package_is_explained() -> None:
    script = (ROOT / "tools" / "setup.sh").read_text()
    packages = " ".join(re.findall(r'^ *packages="([^"]*)"', script, re.MULTILINE)).split()
    explained = (ROOT / "docs" / "dependencies.md").read_text()
    assert len(packages) > 20
    assert [name for name in packages if name != "$packages" and name not in explained] == []


def test_set_up_refuses_what_it_does_not_know() -> None:
    done = subprocess.run([ROOT / "tools" / "setup.sh", "lunch"], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "usage: tools/setup.sh [show|test]\n",
    )
