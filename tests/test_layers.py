"""The layers hold: who may import whom, and that no clock, socket or chance of its own comes into
the core.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "kadisc"
MAX_LINES, MAX_COLUMNS = 450, 100

NOUNS = (
    "ids",
    "endpoints",
    "service_values",
    "as_map",
    "networks",
    "contacts",
    "errors",
    "text",
    "version",
    "config",
)
MAY_IMPORT = {
    "nouns": (),
    "wire": ("nouns",),
    "core": ("wire", "nouns"),
    "observe": ("core",),
    "net": ("core", "observe"),
    "sim": ("core", "observe"),
    "service": ("net", "observe"),
    "doctor": ("net", "observe"),
    "control": ("doctor",),
    "feed": ("control", "service"),
    "http": ("control",),
    "dashboard": ("control",),
    "conformance": ("net",),
}
"""The layers that each layer may import. What may import a layer may also import the layers below
that one; the command line may import everything.
"""
ROOMS = {
    "core": (
        *(
            "contract",
            "addressing",
            "limits",
            "table",
            "rpc",
            "book",
            "dht_parts",
            "dht",
            "serving",
            "reach",
            "peers",
        ),
        *(
            "lookup",
            "baselines",
            "self_check",
            "snapshot",
            "state_export",
            "serving_assembly",
            "peers_assembly",
            "assembly",
            "engine",
            "core",
        ),
    ),
    "net": (
        *("environment", "as_map_file", "tcp_check", "transport", "state", "mapping", "link"),
        *("join", "lan", "contradictions", "toml_lines", "config_file", "config_faults"),
        *("admin", "api", "oneshot", "devnet"),
    ),
    "sim": (
        *(
            "settings",
            "options",
            "option_rules",
            "model",
            "measure",
            "oracles",
            "adversaries",
            "lab",
        ),
        *("probes", "attacks", "calibration", "scenarios", "run", "sweep", "hunt", "report"),
    ),
}
"""The rooms of a layer (packages, or single modules), in order: a room imports only itself and
rooms that stand before it. This is the one list of that order."""
SANS_IO = ("nouns", "wire", "core")
WORLDLY = {
    "trio",
    "asyncio",
    "socket",
    "time",
    "datetime",
    "os",
    "secrets",
    "threading",
    "logging",
    "sqlite3",
}
CODECS = {"bencodepy", "bencode2"}
CODEC_HOME = "kadisc.wire.bencode"


def layer_of(module: str) -> str:
    """``kadisc.core.core`` is of layer core; the package itself and ``__main__`` are a façade over
    everything.
    """
    first = (module.split(".") + [""])[1]
    if first in NOUNS:
        return "nouns"
    return "cli" if first in ("", "__main__") else first


def reachable(layer: str) -> set[str]:
    if layer == "cli":
        return {"cli", *MAY_IMPORT}
    return {layer}.union(*(reachable(lower) for lower in MAY_IMPORT[layer]))


def room_of(module: str) -> tuple[str, str]:
    """The layer and the room of a module; the room is "" for the package of a layer itself."""
    parts = module.split(".")
    return (parts[1], parts[2]) if len(parts) > 2 else ("", "")


def is_upward(module: str, imported: str) -> bool:
    """Whether a module imports one of a room that stands after its own."""
    (layer, room), (other_layer, other_room) = room_of(module), room_of(imported)
    if not room or not other_room or layer != other_layer or layer not in ROOMS:
        return False
    order = ROOMS[layer]
    if room not in order or other_room not in order:
        return False  # `test_every_room_is_in_the_list` complains of that
    return order.index(other_room) > order.index(room)


def imports_of(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[tuple[int, str, str]]:
    """Line, module, and the name imported from it (or ""); also inside functions and under
    TYPE_CHECKING. Relative ones are resolved.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name, ""
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".")
            base = parts[: len(parts) - node.level + is_package] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield node.lineno, source, alias.name


def submodule(source: str, name: str) -> str:
    """``from kadisc.wire import krpc`` imports a module of the layer; ``from kadisc import
    open_node`` the façade.
    """
    return (
        f"{source}.{name}"
        if source == "kadisc" and (name in NOUNS or name in MAY_IMPORT or name == "cli")
        else source
    )


def named_module(source: str, name: str) -> str:
    """``from kadisc.core import dht`` imports a room; ``from kadisc.core.dht import Dht`` does not
    name one more.
    """
    parts = source.split(".")
    is_layer = len(parts) == 2 and parts[1] in ROOMS and name in ROOMS[parts[1]]
    return f"{source}.{name}" if is_layer else source


def complaints(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """What is wrong with a file of the package, by line."""
    tree, layer = ast.parse(source), layer_of(module)
    found: list[tuple[int, str]] = []
    for line, imported, name in imports_of(tree, module, is_package=is_package):
        top = imported.split(".")[0]
        if top == "kadisc":
            target = layer_of(submodule(imported, name))
            if target not in reachable(layer):
                found.append((line, f"{layer} imports {target}"))
            if is_upward(module, named_module(imported, name)):
                below = f"{room_of(module)[1]} imports {room_of(named_module(imported, name))[1]}"
                found.append((line, below))
        if layer in SANS_IO and top in WORLDLY:
            found.append((line, f"{layer} imports {top}"))
        if layer in SANS_IO and top == "random" and name != "Random":
            found.append((line, f"{layer} imports more of random than its type"))
        if top in CODECS and module != CODEC_HOME:
            found.append((line, f"{top} outside of {CODEC_HOME}"))
    if layer in SANS_IO:
        found += own_chance(tree)
    if layer in ("wire", "core"):
        found += broad_excepts(tree)
    lines = len(source.splitlines())
    if lines > MAX_LINES:
        found.append((lines, f"{lines} lines"))
    for number, text in enumerate(source.splitlines(), start=1):
        if len(text) > MAX_COLUMNS:
            found.append((number, f"{len(text)} columns"))
    return [f"{module}:{line}: {what}" for line, what in sorted(found)]


def own_chance(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name in ("Random", "SystemRandom", "__import__", "import_module"):
                yield node.lineno, f"calls {name}()"


def broad_excepts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if any(
                kind is None
                or (isinstance(kind, ast.Name) and kind.id in ("Exception", "BaseException"))
                for kind in kinds
            ):
                yield node.lineno, "broad except"


# --- The package ----------------------------------------------------------------------------------


def modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found.append((".".join(parts[:-1] if parts[-1] == "__init__" else parts), path))
    return found


@pytest.mark.parametrize(
    ("module", "path"), modules(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_the_layers_hold(module: str, path: Path) -> None:
    assert (
        complaints(path.read_text(encoding="utf-8"), module, is_package=path.name == "__init__.py")
        == []
    )


LIBRARIES = ("argparse", "os")
"""Modules of Python's library whose names with an underscore are documented."""


def private_names(source: str) -> list[str]:
    """The private names that a file takes from elsewhere: imports of them, and attributes of other
    objects that the classes of the file do not set on themselves.
    """
    tree = ast.parse(source)
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    of_self = {
        node.attr
        for node in attributes
        if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
    }
    taken = [
        ast.unparse(node)
        for node in attributes
        if is_private(node.attr)
        and node.attr not in (*of_self, "_replace")
        and not (isinstance(node.value, ast.Name) and node.value.id in LIBRARIES)
    ]
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    return taken + [name.name for node in imports for name in node.names if is_private(name.name)]


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


@pytest.mark.parametrize("path", [path for _, path in modules()], ids=str)
def test_no_file_uses_a_private_name_of_another(path: Path) -> None:
    assert private_names(path.read_text(encoding="utf-8")) == []


def test_a_private_name_of_another_is_seen() -> None:
    own = "class A:\n    def f(self, other):\n        self._x = other._x\n"
    assert private_names(own) == []
    assert private_names("def f(node):\n    node._core.tick()\n") == ["node._core"]
    assert private_names("from .other import _helper\n") == ["_helper"]


def test_no_class_name_is_used_twice() -> None:
    places: dict[str, list[str]] = {}
    for module, path in modules():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(module)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_the_query_layer_names_no_feature() -> None:
    """core/rpc knows queries, and not what they are sent for."""
    for path in sorted((PACKAGE / "core" / "rpc").glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = imports_of(tree, f"kadisc.core.rpc.{path.stem}", is_package=False)
        rooms = {room_of(source)[1] for _, source, _ in named if source.startswith("kadisc.core.")}
        assert rooms <= {"contract", "addressing", "limits", "rpc"}, path.name


def test_every_room_is_in_the_list() -> None:
    for layer, rooms in ROOMS.items():
        there = {path.stem for path in (PACKAGE / layer).iterdir() if path.stem[0] != "_"}
        assert there == set(rooms), layer


@pytest.mark.parametrize("layer", ROOMS)
def test_every_room_says_what_it_is_for(layer: str) -> None:
    for path in sorted((PACKAGE / layer).glob("*/__init__.py")):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        text = " ".join(text.split())
        assert text.count(". ") >= 2, f"{path.parent.name}: purpose, imports, where to start"
        assert "import" in text, path.parent.name
        assert "Start with" in text, path.parent.name


@pytest.mark.parametrize("layer", ROOMS)
def test_an_upward_import_between_any_two_rooms_is_seen(layer: str) -> None:
    """The test of the test: planted imports, of a module and of a name, in both spellings."""
    order = ROOMS[layer]
    for low, room in enumerate(order):
        for above in order[low + 1 :]:
            module = f"kadisc.{layer}.{room}.planted"
            for planted in (
                f"from ..{above} import x",
                f"from kadisc.{layer}.{above}.y import x",
                f"if TYPE_CHECKING:\n    from kadisc.{layer} import {above}",
            ):
                expected = f"{room} imports {above}"
                assert any(expected in each for each in complaints(planted, module)), planted
            downward = f"from ..{room} import x"
            assert complaints(downward, f"kadisc.{layer}.{above}.planted") == []


def graph() -> dict[str, set[str]]:
    """Every module with the modules of the package that it imports, ``TYPE_CHECKING`` included."""
    known = dict(modules())
    found: dict[str, set[str]] = {}
    for module, path in known.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        named = imports_of(tree, module, is_package=path.name == "__init__.py")
        targets = {
            f"{source}.{name}" if f"{source}.{name}" in known else source
            for _, source, name in named
        }
        found[module] = {each for each in targets if each in known and each != module}
    return found


def circles(edges: dict[str, set[str]]) -> list[list[str]]:
    """Modules that import each other, over however many others: what is left of the graph after
    all that import nothing, or are imported by nothing, were taken away again and again.
    """
    left = {module: set(targets) for module, targets in edges.items()}
    while True:
        imported = set[str]().union(*left.values()) if left else set()
        gone = {module for module, targets in left.items() if not targets or module not in imported}
        if not gone:
            return [sorted(left)] if left else []
        left = {m: targets - gone for m, targets in left.items() if m not in gone}


def test_there_is_no_circle_of_imports() -> None:
    assert circles(graph()) == []


def test_a_circle_is_seen() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}) == [["b", "c"]]
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []


def test_every_folder_is_a_layer() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert folders <= {"cli", *MAY_IMPORT, *NOUNS}


# --- The checker itself: what it must see ---------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("kadisc.ids", "from .core import node", "nouns imports core"),
        ("kadisc.ids", "from .wire.krpc import decode", "nouns imports wire"),
        ("kadisc.wire.krpc", "from ..core.core import Core", "wire imports core"),
        ("kadisc.wire.krpc", "from .. import core", "wire imports core"),
        ("kadisc.wire.krpc", "from kadisc import open_node", "wire imports cli"),
        ("kadisc.core.core", "import kadisc.net.transport.udp", "core imports net"),
        ("kadisc.core.core", "def f():\n    from ..observe import clients", "core imports observe"),
        ("kadisc.core.core", "if TYPE_CHECKING:\n    from ..net import node", "core imports net"),
        ("kadisc.observe.describe", "from ..net.api.node import Node", "observe imports net"),
        ("kadisc.net.api.node", "from ...sim import world", "net imports sim"),
        ("kadisc.sim.model.world", "from ...net import udp", "sim imports net"),
        ("kadisc.dashboard.view", "from ..feed import loop", "dashboard imports feed"),
        ("kadisc.net.api.node", "from ...cli.main import main", "net imports cli"),
        (
            "kadisc.net.api.node",
            "from ...control.server import open_control",
            "net imports control",
        ),
        ("kadisc.control.server", "from ..sim import world", "control imports sim"),
        ("kadisc.control.methods.find", "from ...cli.output import say", "control imports cli"),
        (
            "kadisc.conformance.probe",
            "from ..control.client import Client",
            "conformance imports control",
        ),
        ("kadisc.net.api.node", "from ...conformance import probe", "net imports conformance"),
        ("kadisc.core.core", "import time", "core imports time"),
        ("kadisc.core.core", "import os.path", "core imports os"),
        ("kadisc.core.core", "from datetime import datetime", "core imports datetime"),
        (
            "kadisc.wire.krpc",
            "try:\n    import logging as log\nfinally: pass",
            "wire imports logging",
        ),
        ("kadisc.config", "import secrets", "nouns imports secrets"),
        ("kadisc.core.core", "import random", "core imports more of random than its type"),
        (
            "kadisc.core.core",
            "from random import Random, choice",
            "core imports more of random than its type",
        ),
        ("kadisc.core.core", "from random import Random\nrng = Random(1)", "calls Random()"),
        ("kadisc.core.core", "rng = random.SystemRandom()", "calls SystemRandom()"),
        ("kadisc.core.core", "clock = __import__('time')", "calls __import__()"),
        ("kadisc.wire.krpc", "import bencodepy", "bencodepy outside of kadisc.wire.bencode"),
        (
            "kadisc.cli.main",
            "from bencode2 import bdecode",
            "bencode2 outside of kadisc.wire.bencode",
        ),
        ("kadisc.core.core", "try: f()\nexcept: pass", "broad except"),
        ("kadisc.core.core", "try: f()\nexcept Exception: pass", "broad except"),
        (
            "kadisc.wire.krpc",
            "try: f()\nexcept (ValueError, BaseException) as e: pass",
            "broad except",
        ),
        ("kadisc.net.api.node", "pass\n" * 451, "451 lines"),
    ],
)
def test_the_checker_complains_of(module: str, source: str, complaint: str) -> None:
    assert [each.partition(": ")[2] for each in complaints(source, module)] == [complaint]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("kadisc.core.core", "from random import Random\ndef f(rng: Random) -> None: rng.random()"),
        (
            "kadisc.core.core",
            (
                "from ..wire import krpc\nfrom ..ids import NodeId\nfrom . import "
                "assembly\nfrom .. import ids\nimport heapq"
            ),
        ),
        ("kadisc.core.core", "try: f()\nexcept DecodeError: pass"),
        (
            "kadisc.observe.describe",
            "from ..wire.messages import Reply\nfrom ..endpoints import Family",
        ),
        (
            "kadisc.control.server",
            (
                "import trio\nfrom ..net.api.node import Node\nfrom ..core.contract.events "
                "import Event"
            ),
        ),
        (
            "kadisc.control.methods.find",
            (
                "from ...net.oneshot.multi_family import MultiFamilyLookup\nfrom "
                "...observe.clients import describe_client"
            ),
        ),
        (
            "kadisc.cli.main",
            (
                "from ..dashboard import view\nfrom ..sim import world\nimport random, "
                "time\nimport kadisc"
            ),
        ),
        ("kadisc.__main__", "from .cli.main import main"),
        ("kadisc.wire.bencode", "import bencodepy\nimport bencode2"),
    ],
)
def test_the_checker_has_nothing_against(module: str, source: str) -> None:
    assert complaints(source, module) == []


def test_relative_imports_of_a_package_are_resolved_from_itself() -> None:
    assert complaints("from .net import node", "kadisc", is_package=True) == []
    assert complaints("from ..net import node", "kadisc.core", is_package=True) == [
        "kadisc.core:1: core imports net"
    ]
    assert complaints("from .node import Node", "kadisc.core", is_package=True) == []
