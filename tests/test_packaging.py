"""What is packaged and compiled, and what the picture shows: both name every room."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from .test_layers import MAY_IMPORT, PACKAGE, ROOMS

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


def test_the_picture_of_the_architecture_has_every_layer_and_every_folder_in_order() -> None:
    picture = (ROOT / "docs/explanation/architecture.svg").read_text(encoding="utf-8")
    shown = [
        words for text in re.findall(">([^<>]+)</text>", picture) for words in text.split(", ")
    ]
    assert {*MAY_IMPORT, "cli"} <= set(shown)
    for layer, rooms in ROOMS.items():
        folders = [room for room in rooms if (PACKAGE / layer / room).is_dir()]
        drawn = shown[shown.index(layer) :]
        assert [each for each in dict.fromkeys(drawn) if each in folders] == folders
