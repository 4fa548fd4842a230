"""Nodes of earlier versions among those of this tree: `python benchmarks/versions.py [COMMIT ...]`.

Each commit of this repository, and the tree as it is, runs some nodes in one network, on addresses
in /16s of their own, offline. Every node is asked by the command of its own version, `kadisc
peers`, whom it knows of the network. All are to find all others, and none may lose any for what the
others send that it does not know. Exit code 1 when one does not. The default commits are those
before the tests of reachability.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import offline

HERE = Path(__file__).parent
COMMITS = ("2a67823", "dab7046")
FOLDER = "KADISC_VERSIONS_FOLDER"
"""In the environment inside of the namespace: the folder with the unpacked commits."""
OWN = "this tree"
NETWORK = "versions"
ASK_AT_ONCE = 4
ANSWER_S = 50.0
ASK_EVERY_S = 5.0


@dataclass(frozen=True)
class VersionNode:
    """``tree``: the folder with its `kadisc`."""

    version: str
    tree: Path
    host: str
    state: Path

    @property
    def endpoint(self) -> str:
        return f"{self.host}:6881"

    def start(self, seeds: Sequence[VersionNode]) -> subprocess.Popen[bytes]:
        self.state.mkdir(mode=0o700)
        options = [f"--bootstrap={seed.endpoint}" for seed in seeds]
        with (self.state.parent / f"{self.host}.log").open("wb") as log:
            return subprocess.Popen(
                [*self._kadisc("run"), f"--bind={self.endpoint}", *options]
                + [f"--network={NETWORK}", "--no-dashboard", "--json"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment(),
                cwd=self.state,
            )

    def known(self, count: int) -> set[str]:
        """The hosts of the network that the running node knows, ``count`` at most."""
        try:
            done = subprocess.run(
                [*self._kadisc("peers"), NETWORK, f"--count={count}", "--json"],
                capture_output=True,
                text=True,
                env=self._environment(),
                cwd=self.state,
                timeout=ANSWER_S,
            )
            document = json.loads(done.stdout)
        except (subprocess.TimeoutExpired, ValueError):
            return set()
        return {peer["host"] for peer in document.get("peers", ())}  # none of one that only starts

    def _kadisc(self, command: str) -> list[str]:
        return [sys.executable, "-m", "kadisc", command, f"--state-dir={self.state}"]

    def _environment(self) -> dict[str, str]:
        places = {"HOME": str(self.state), "XDG_RUNTIME_DIR": str(self.state)}
        return os.environ | places | {"PYTHONPATH": str(self.tree)}


def unpack(commit: str, folder: Path) -> None:
    archive = subprocess.run(
        ["git", "-C", str(HERE.parent), "archive", commit, "kadisc"], capture_output=True
    )
    if archive.returncode != 0:
        sys.exit(f"commit {commit} is not in this clone: {archive.stderr.decode().strip()}")
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)


def missing(nodes: Sequence[VersionNode]) -> dict[str, set[str]]:
    """Whom each node does not know, of all others."""
    hosts = {node.host for node in nodes}
    with ThreadPoolExecutor(ASK_AT_ONCE) as pool:
        known = list(pool.map(lambda node: node.known(len(nodes) - 1), nodes))
    return {
        node.host: lacks
        for node, found in zip(nodes, known, strict=True)
        if (lacks := hosts - found - {node.host})
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("commits", nargs="*", default=list(COMMITS), metavar="COMMIT")
    parser.add_argument("--nodes", type=int, default=4, help="of each version (default: 4)")
    parser.add_argument(
        "--within", type=float, default=120.0, metavar="SECONDS", help="to find all (default: 120)"
    )
    parser.add_argument(
        "--stay", type=float, default=60.0, metavar="SECONDS", help="then all stay (default: 60)"
    )
    arguments = parser.parse_args()
    if not offline.is_inside():
        with tempfile.TemporaryDirectory(prefix="kadisc-versions-") as name:
            for commit in arguments.commits:
                unpack(commit, Path(name) / commit)
            os.environ[FOLDER] = name
            offline.enter(__file__, sys.argv[1:])
    folder = Path(os.environ[FOLDER])
    trees = {commit: folder / commit for commit in arguments.commits} | {OWN: HERE.parent}
    nodes = [
        VersionNode(version, tree, f"45.{1 + place}.{place}.{7 + place}", folder / f"state{place}")
        for place, (version, tree) in enumerate(
            pair for _ in range(arguments.nodes) for pair in trees.items()
        )
    ]
    started = time.monotonic()
    running = [node.start(nodes[: min(place, 3)] or nodes[1:2]) for place, node in enumerate(nodes)]
    time.sleep(ASK_EVERY_S)
    while (lacks := missing(nodes)) and time.monotonic() - started < arguments.within:
        time.sleep(ASK_EVERY_S)
    took_s = time.monotonic() - started
    if not lacks:
        print(f"all {len(nodes)} nodes know all others after {took_s:.0f} s")
        time.sleep(arguments.stay)
        lacks = missing(nodes)
        print(f"and after {arguments.stay:.0f} s more: " + ("not all" if lacks else "still all"))
    names = {node.host: f"{node.host} ({node.version})" for node in nodes}
    for host, others in lacks.items():
        print(f"{names[host]} does not know {', '.join(sorted(names[each] for each in others))}")
    ended = [names[node.host] for node, each in zip(nodes, running, strict=True) if each.poll()]
    if ended:
        print(f"ended by themselves: {', '.join(ended)}")
    for each in running:
        each.terminate()
    for each in running:
        each.wait(10)
    return 1 if lacks or ended else 0


if __name__ == "__main__":
    sys.exit(main())
