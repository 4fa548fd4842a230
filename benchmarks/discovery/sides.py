"""The programs that `discover.py` measures: for each, how its standing nodes and its newcomers are
started, and which line of a newcomer names a peer.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from offline import HERE

PARTS = HERE / "discovery"
SHARED = "KADISC_DISCOVER_SHARED"
"""In the environment of processes where nodes of other networks are among the standing ones."""
KADISC = "kadisc"
NETWORK, OTHER_NETWORK = "discover-lab", "discover-others"


@dataclass(frozen=True)
class Launch:
    """A command and what it adds to the environment."""

    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


def peer_in_json(line: str) -> str | None:
    """Of ``{"peer": "45.1.0.1"}``: a host, or a name that the standing nodes told."""
    found = json.loads(line).get("peer")
    return str(found) if found else None


def peer_in_first_word(line: str) -> str | None:
    """The host of ``45.1.0.1:7001  p2p=9333``."""
    host, _, port = (line.split() or [""])[0].partition(":")
    return host if host.count(".") == 3 and port else None


@dataclass(frozen=True)
class Swarm:
    """Standing nodes that several sides share. ``launch`` takes the settings, a file of JSON:
    ``hosts``, ``port``, ``network``, ``bootstrap``, and ``all``: the hosts of each network. With
    ``tells_bootstrap`` the first process prints what others join by; otherwise that is HOST:PORT of
    the first node.
    """

    name: str
    port: int
    launch: Callable[[Path], Launch]
    tells_bootstrap: bool = False
    launch_others: Callable[[Path], Launch] | None = None
    """For the nodes that only share the DHT; ``launch`` where it is None."""


@dataclass(frozen=True)
class Side:
    """``launch`` takes the bootstrap node and a fresh folder. ``asks_socket``: the peers are asked
    for at the control socket in that folder, by ``method``, and not printed.
    """

    name: str
    swarm: Swarm
    launch: Callable[[str, Path], Launch]
    peer_in: Callable[[str], str | None] = peer_in_json
    asks_socket: bool = False
    method: str = "network_peers"
    note: str = ""
    is_other_tree: bool = False
    """Whether it is kadisc of another checkout."""


@dataclass(frozen=True)
class Tree:
    """A kadisc: the folder that has the package, and the Python that runs it."""

    path: Path
    python: str

    def launch(self, *arguments: str) -> Launch:
        return Launch((self.python, *arguments), {"PYTHONPATH": str(self.path)})

    def compile(self) -> None:
        """Writes the byte code of the package, as an installation does: no newcomer is to be slower
        because it is the first, or because the environment forbids to write any.
        """
        command = [self.python, "-m", "compileall", "-q", str(self.path / "kadisc")]
        subprocess.run(command, check=False)


def own_tree() -> Tree:
    """The kadisc that this Python imports: a checkout, or what is installed beside it."""
    spec = importlib.util.find_spec("kadisc")
    assert spec is not None
    assert spec.origin is not None
    return Tree(Path(spec.origin).parents[1], sys.executable)


def checkout(path: Path) -> Tree:
    """Run by the Python of its own environment, where it has one."""
    own = path / ".venv" / "bin" / "python"
    return Tree(path.resolve(), str(own) if own.exists() else sys.executable)


def kadisc_sides(tree: Tree, port: int, label: str = KADISC) -> list[Side]:
    """The library, the control socket (asked again and again, or followed) and the command."""
    swarm = Swarm(
        label, port, lambda settings: tree.launch(str(PARTS / "kadisc_nodes.py"), str(settings))
    )

    def library(bootstrap: str, folder: Path) -> Launch:
        return tree.launch(str(PARTS / "kadisc_newcomer.py"), NETWORK, bootstrap)

    def command(*arguments: str) -> Callable[[str, Path], Launch]:
        def launch(bootstrap: str, folder: Path) -> Launch:
            return tree.launch("-m", "kadisc", *arguments, "--bootstrap", bootstrap)

        return launch

    def run(bootstrap: str, folder: Path) -> Launch:
        return command(
            "run", "--no-dashboard", "--network", NETWORK, "--state-dir", str(folder / "state")
        )(bootstrap, folder)

    found = [
        Side(f"{label}-library", swarm, library),
        Side(f"{label}-socket", swarm, run, asks_socket=True),
        Side(f"{label}-follow", swarm, run, asks_socket=True, method="follow_peers"),
        Side(
            f"{label}-command",
            swarm,
            command("peers", NETWORK, "--count", "20"),
            peer_in=peer_in_first_word,
        ),
    ]
    return [replace(side, is_other_tree=label != KADISC) for side in found]


def environment(launch: Launch, home: Path, *, is_shared: bool) -> dict[str, str]:
    """The user has neither state nor configuration, no terminal, and no options for Python. What
    programs leave in the folder for temporary files (lattica its keys) goes with ``home``.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    homes = dict.fromkeys(
        ("HOME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"), str(home)
    )
    shared = {SHARED: "1"} if is_shared else {}
    return kept | homes | {"TERM": "dumb"} | shared | dict(launch.environment)
