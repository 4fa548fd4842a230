"""What is packaged and compiled: pyproject.toml names every room."""

from __future__ import annotations

import tomllib
from pathlib import Path

from .test_layers import PACKAGE, ROOMS

ROOT = PACKAGE.parent


def compiled_by_pyproject() -> set[Path]:
    """The files that the build hook gives to mypyc, relative to the top folder."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    hook = project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["mypyc"]
    named = {path for pattern in hook["include"] for path in ROOT.glob(pattern)}
    files = {path.relative_to(ROOT) for path in named if path.name != "__init__.py"}
    return files - {Path(each) for each in hook["exclude"]}


def modules_of_the_core() -> set[Path]:
    return {
        path.relative_to(ROOT)
        for path in (PACKAGE / "core").rglob("*.py")
        if path.name != "__init__.py"
    }


def test_every_module_of_every_room_of_the_core_is_compiled() -> None:
    assert modules_of_the_core() <= compiled_by_pyproject()
    rooms = {path.parts[2].removesuffix(".py") for path in modules_of_the_core()}
    assert rooms == set(ROOMS["core"])


def test_every_module_of_the_wire_but_the_subclass_of_the_library_is_compiled() -> None:
    wire = {path.relative_to(ROOT) for path in (PACKAGE / "wire").glob("[!_]*.py")}
    assert wire - compiled_by_pyproject() == {Path("kadisc/wire/bencode.py")}
