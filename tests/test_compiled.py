"""The core as compiled modules: it builds, and does byte for byte what the sources do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .test_packaging import compiled_by_pyproject

TOP = Path(__file__).parent.parent
FAULTS = (
    "churn --nodes 60 --minutes 2 --set faults.corrupt=0.02 --set "
    "faults.duplicate=0.02 --set faults.reorder=0.02 --set warmup_s=30"
)
ADVERSARIES = (
    "colluders --nodes 60 --set attack.share=0.3 --set attack.lookups=20 --set "
    "attack.ablations=off --set warmup_s=30"
)


def simulate(scenario: str, *command: str, folder: Path) -> dict[str, Any]:
    simulation = ["sim", "run", *scenario.split(), "--seed", "5", "--json"]
    done = subprocess.run(
        [*command, *simulation], capture_output=True, text=True, timeout=240, cwd=folder
    )
    assert (done.returncode, done.stderr) == (0, "")
    record: dict[str, Any] = json.loads(done.stdout)
    return record


def compiled_in(environment: Path) -> set[Path]:
    """The modules of the installed package that are shared objects, by their source files."""
    [folder] = environment.glob("lib/python*/site-packages/kadisc")
    return {
        (Path("kadisc") / path.relative_to(folder)).with_name(path.name.split(".")[0] + ".py")
        for path in folder.rglob("*.so")
    }


@pytest.mark.real
@pytest.mark.timeout(1450)  # some eleven minutes of compiling on a quiet core
@pytest.mark.skipif(
    shutil.which(os.environ.get("CC", "cc")) is None, reason="there is no C compiler"
)
def test_compiled_modules_do_byte_for_byte_what_the_sources_do(tmp_path: Path) -> None:
    shutil.copytree(
        TOP / "kadisc", tmp_path / "kadisc", ignore=shutil.ignore_patterns("__pycache__")
    )
    (tmp_path / "scripts").mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", "scripts/compile"):
        shutil.copy(TOP / name, tmp_path / name)
    environment = os.environ | {"PYTHON": sys.executable}
    built = subprocess.run(
        [tmp_path / "scripts" / "compile"],
        capture_output=True,
        text=True,
        timeout=1380,
        env=environment,
    )
    assert built.returncode == 0, built.stderr[-2000:]
    assert built.stdout.endswith("(compiled)\n")
    assert compiled_in(tmp_path / ".venv-compiled") == compiled_by_pyproject()
    elsewhere = tmp_path / "elsewhere"  # where no sources lie beside
    elsewhere.mkdir()
    for scenario in (FAULTS, ADVERSARIES):
        compiled = simulate(
            scenario, str(tmp_path / ".venv-compiled" / "bin" / "kadisc"), folder=elsewhere
        )
        interpreted = simulate(scenario, sys.executable, "-m", "kadisc", folder=TOP)
        assert compiled["digest"] == interpreted["digest"]
        assert compiled["metrics"] == interpreted["metrics"]
        assert compiled["datagrams"] == interpreted["datagrams"] > 1000
