"""The other programs that `discover.py` measures, by the name of their side."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from .installs import from_npm, from_pypi, from_pypi_unless_there
from .sides import NETWORK, PARTS, Launch, Side, Swarm

Program = Callable[..., Launch]
"""Makes the command of a program from its arguments."""


def hyperswarm(cache: Path) -> Side:
    modules = from_npm(cache, "hyperswarm@4.17.2")
    return side(
        "hyperswarm", 7021, node_js("hyperswarm.mjs", modules), version(modules, "hyperswarm")
    )


def discv5(cache: Path) -> Side:
    modules = from_npm(cache, "@chainsafe/discv5@11.0.0")  # the last that can be installed
    note = version(modules, "@chainsafe/discv5")
    return side("discv5", 7031, node_js("discv5.mjs", modules), note, tells_bootstrap=True)


def lattica(cache: Path) -> Side:
    folder = from_pypi(cache, "lattica==1.0.21", "nest-asyncio==1.6.0")
    launch = python("lattica_nodes.py", folder)
    return side("lattica", 7041, launch, "1.0.21", tells_bootstrap=True)


def libtorrent(cache: Path) -> Side:
    return side("libtorrent", 7051, libtorrent_program(cache), "reported by others, not verified")


def libtorrent_program(cache: Path) -> Program:
    folder = from_pypi_unless_there("libtorrent", cache, "libtorrent==2.1.1")
    return python("libtorrent_nodes.py", folder)


def among_libtorrent(sides: Sequence[Side], cache: Path) -> list[Side]:
    """The same sides in a DHT whose other nodes are of libtorrent. Raises NotInstalled."""
    program = libtorrent_program(cache)

    def others(settings: Path) -> Launch:
        return program("nodes", str(settings))

    return [replace(side, swarm=replace(side.swarm, launch_others=others)) for side in sides]


FOREIGN: dict[str, Callable[[Path], Side]] = {
    "hyperswarm": hyperswarm,
    "lattica": lattica,
    "discv5": discv5,
    "libtorrent": libtorrent,
}
"""Each raises NotInstalled."""


def node_js(name: str, modules: Path) -> Program:
    def launch(*arguments: str) -> Launch:
        command = ("node", str(PARTS / name), *arguments)
        return Launch(command, {"KADISC_DISCOVER_MODULES": str(modules)})

    return launch


def python(name: str, folder: Path | None) -> Program:
    def launch(*arguments: str) -> Launch:
        environment = {} if folder is None else {"PYTHONPATH": str(folder)}
        return Launch((sys.executable, str(PARTS / name), *arguments), environment)

    return launch


def version(modules: Path, package: str) -> str:
    about = json.loads((modules / "node_modules" / package / "package.json").read_text())
    return str(about["version"])


def side(
    name: str, port: int, program: Program, note: str, *, tells_bootstrap: bool = False
) -> Side:
    swarm = Swarm(name, port, lambda settings: program("nodes", str(settings)), tells_bootstrap)
    return Side(
        name,
        swarm,
        lambda bootstrap, folder: program("newcomer", NETWORK, bootstrap),
        note=note,
    )
