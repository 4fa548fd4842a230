"""How soon a newcomer has found peers of its network: kadisc beside other programs.

Run ``python benchmarks/discover.py [--only kadisc] [--json FILE]``: Linux only, no root. 40 nodes
of one network stand in a network namespace, each in a /16 of its own; a newcomer is behind a relay
that makes each round trip 50 ms. It is a new process with a fresh state that knows the address of
one node. The clock starts with the process and is read when it has named its 5th and its 20th peer
that has itself answered; the relay counts the bytes, of whole IP packets, that it sent and received
until then. Its processor time is noted too. Newcomers start one after another, in turns between the
programs, and each is told to end when it is measured. All ten of all sides take some six minutes on
two cores, kadisc's alone less than two.

A peer is one that has answered the newcomer itself, as far as its program can tell:

- kadisc: one that exchanged signed records with it and proved its key there. *library*: what
  ``node.peers()`` gives in a program; *socket*: ``kadisc run`` is started, and its control socket
  asked as soon as it is there; *follow*: the same by its method ``follow_peers``; *command*: the
  lines that ``kadisc peers NETWORK`` prints.
- hyperswarm: one with which it has a connection, encrypted and with both keys proved.
- lattica (rust-libp2p): one to which it is connected, with both keys proved. Where other networks
  share the DHT it must also have announced itself as a provider of the network's key.
- discv5: one with which it has a session, or that answered a ping, and whose record names the
  network. Its standing nodes know each other from the start.
- libtorrent: the addresses that nodes announced under the info-hash of the network. libtorrent
  verifies none of them.

A named peer counts if it is a living standing node of the network; one that has ended, or that is
none of the network, is counted apart. A newcomer that did not get so many peers counts as slower
than all others; "-" is the time where the median is one of these.

``--own 10 --nodes 100``: 10 of 100 nodes are of the network, the others share its DHT: those are of
the same program, or libtorrent's with ``--others libtorrent``. ``--dead 0.1``: so many nodes stop
when all have met, as hosts without power do: they send nothing any more, not even that they end.
Newcomers start ``--after`` so many seconds.
``--loss``: of the newcomer's packets, in each direction. ``--nat port-restricted``: the newcomer is
behind a router that keeps its port and lets in only what answers. ``--tree DIR``: another checkout
of kadisc as well, with standing nodes of its own.

The other programs are installed from their registries into a cache folder (``--cache``), once; one
that cannot be had is left out, and the table says why.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import offline
from discovery.foreign import FOREIGN, among_libtorrent
from discovery.installs import NotInstalled, default_cache
from discovery.newcomer import Found, measure
from discovery.report import ALL, FIRST, goals, rows, show, show_goals
from discovery.sides import Side, checkout, kadisc_sides, own_tree
from discovery.standing import Size, Standing, SwarmFailed, standing_nodes
from discovery.world import SETUP, TRIAL, Conditions, World

LEFT_OUT = "KADISC_DISCOVER_LEFT_OUT"
"""In the environment inside of the namespace: sides that could not be installed, and why."""
FOLDER = "KADISC_DISCOVER_FOLDER"
"""In the environment inside of the namespace: the folder for scratch files."""
KADISC_PORT, OTHER_TREE_PORT = 7001, 7011
PAUSE_S = 0.3
"""Between two newcomers."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def check_namespaces() -> None:
    """Ends the program with a sentence if the world cannot be made here."""
    try:
        done = subprocess.run(
            offline.namespace_command("true", setup=TRIAL),
            capture_output=True,
            text=True,
            timeout=30,
            env=offline.environment_inside(),
        )
    except FileNotFoundError:
        sys.exit("the program unshare is missing (Debian package util-linux)")
    if done.returncode != 0:
        sys.exit(
            "no network namespace with a TUN can be made here (it takes Linux, iproute2, user "
            f"namespaces, and a /dev/net/tun that you may open): {done.stderr.strip()}"
        )


class Run:
    """``deadline``: no newcomer starts after it."""

    def __init__(
        self,
        world: World,
        arguments: argparse.Namespace,
        deadline: float,
        left_out: dict[str, str],
    ) -> None:
        self._world = world
        self._arguments = arguments
        self._deadline = deadline
        self._started = 0
        self.found: dict[str, list[Found]] = {}
        self.left_out = dict(left_out)
        self.skipped = 0

    def round(self, sides: Sequence[Side], name: str) -> None:
        """Newcomers of all these, in turns; their standing nodes are there at the same time."""
        given = self._arguments
        swarms = list({side.swarm.name: side.swarm for side in sides}.values())
        size = Size(given.nodes, given.own, given.dead)
        folder = self._world.folder / name
        folder.mkdir()
        with standing_nodes(swarms, size, folder, given.settle, say) as (standing, failed):
            by_name = {each.swarm.name: each for each in standing}
            for side in sides:
                if side.swarm.name in failed:
                    self.left_out[side.name] = failed[side.swarm.name]
            time.sleep(given.after)
            there = [side for side in sides if side.swarm.name in by_name]
            for turn in range(given.newcomers):
                shift = turn % max(1, len(there))
                for side in there[shift:] + there[:shift]:
                    self._newcomer(side, by_name[side.swarm.name], folder, turn)

    def _newcomer(self, side: Side, standing: Standing, folder: Path, turn: int) -> None:
        if side.name in self.left_out:
            return
        if time.monotonic() >= self._deadline:
            self.skipped += 1
            return
        self._world.next_newcomer(self._started)
        self._world.silence(standing.dead_hosts)
        home = folder / f"newcomer-{self._started}"
        home.mkdir()
        self._started += 1
        found = measure(
            self._world,
            side,
            standing.bootstrap,
            wanted=self._arguments.count,
            within_s=self._arguments.within,
            classify=standing.classify,
            home=home,
            is_shared=self._arguments.own < self._arguments.nodes,
        )
        try:
            standing.check()
        except SwarmFailed as why:
            self.left_out[side.name] = str(why)
            say(f"{side.name}: the standing nodes failed: {why}")
            return
        self.found.setdefault(side.name, []).append(found)
        say(f"{side.name} {turn + 1} of {self._arguments.newcomers}: {in_words(found)}")
        time.sleep(PAUSE_S)


def groups(sides: Sequence[Side], *, apart: bool) -> dict[str, list[Side]]:
    """The sides whose standing nodes are there at the same time."""
    found: dict[str, list[Side]] = {}
    for side in sides:
        found.setdefault(side.swarm.name if apart else "all", []).append(side)
    return found


def in_words(found: Found) -> str:
    words = [f"{len(found.members)} peers"]
    for count in (FIRST, ALL):
        if (point := found.at(count)) is not None:
            words.append(f"{count} in {point.seconds:.2f} s")
    if found.dead or found.others:
        words.append(f"named {found.dead} that ended, {found.others} others")
    if found.fault:
        words.append(found.fault)
    return ", ".join(words)


# --- the command line -----------------------------------------------------------------------------


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", metavar="SIDE,...", help="these alone; kadisc is all of kadisc's")
    parser.add_argument("--newcomers", type=int, default=10, help="of each side and round (10)")
    parser.add_argument("--rounds", type=int, default=1, help="each with new standing nodes (1)")
    parser.add_argument("--nodes", type=int, default=40, help="standing nodes of each side (40)")
    parser.add_argument("--own", type=int, help="so many of them are of the network (all)")
    parser.add_argument(
        "--others",
        choices=("same", "libtorrent"),
        default="same",
        help="what the other nodes are in the DHT of kadisc's (the same program)",
    )
    parser.add_argument(
        "--apart",
        action="store_true",
        help="the nodes of one program at a time, for a machine that cannot run all at once",
    )
    parser.add_argument("--count", type=int, help="peers that a newcomer looks for (20)")
    parser.add_argument("--rtt", type=float, default=50.0, metavar="MS", help="(50)")
    parser.add_argument("--loss", type=float, default=0.0, metavar="SHARE", help="of packets")
    parser.add_argument(
        "--dead", type=float, default=0.0, metavar="SHARE", help="of the nodes, after all have met"
    )
    parser.add_argument(
        "--after",
        type=float,
        default=0.0,
        metavar="S",
        help="until newcomers start after that (0)",
    )
    parser.add_argument("--nat", choices=("none", "port-restricted"), default="none")
    parser.add_argument("--tree", type=Path, help="another checkout of kadisc, measured as well")
    parser.add_argument(
        "--cache", type=Path, default=default_cache(), metavar="DIR", help="for them"
    )
    parser.add_argument("--within", type=float, default=30.0, metavar="S", help="for a newcomer")
    parser.add_argument("--settle", type=float, default=45.0, metavar="S", help="at most, to meet")
    parser.add_argument("--limit", type=float, default=540.0, metavar="S", help="of the whole run")
    parser.add_argument("--seed", type=int, default=1, help="of the losses")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    given.own = given.nodes if given.own is None else given.own
    if not 1 < given.own <= given.nodes:
        parser.error("--own is at least 2 and at most --nodes")
    living = given.own - Size(given.nodes, given.own, given.dead).own_dead
    given.count = min(ALL, living) if given.count is None else given.count
    if not 0 < given.count <= living:
        parser.error(f"--count: there are only {living} living nodes of the network")
    return given


def chosen(given: argparse.Namespace) -> tuple[list[Side], dict[str, str]]:
    """The sides, and why others are left out. Outside of the namespace it installs them."""
    trees = {"kadisc": own_tree()}
    if given.tree is not None:
        trees[given.tree.resolve().name] = checkout(given.tree)
    ports = (KADISC_PORT, OTHER_TREE_PORT)
    sides = [
        side
        for port, (label, tree) in zip(ports, trees.items(), strict=False)
        for side in kadisc_sides(tree, port, label)
    ]
    if not offline.is_inside():
        for tree in trees.values():
            tree.compile()
    names = {name for side in sides for name in (side.name, side.swarm.name)} | set(FOREIGN)
    wanted = set(given.only.split(",")) if given.only is not None else names
    if unknown := sorted(wanted - names):
        sys.exit(f"no side is called {', '.join(unknown)}; there are {', '.join(sorted(names))}")
    sides = [side for side in sides if {side.name, side.swarm.name} & wanted]
    if given.others == "libtorrent":
        try:
            sides = among_libtorrent(sides, given.cache)
        except NotInstalled as why:
            sys.exit(f"libtorrent: {why}")
    left_out = json.loads(os.environ.get(LEFT_OUT, "{}"))
    for name in FOREIGN:
        if name not in wanted or name in left_out:
            continue
        try:
            sides.append(FOREIGN[name](given.cache))
        except NotInstalled as why:
            left_out[name] = str(why)
            say(f"{name} left out: {why}")
    os.environ[LEFT_OUT] = json.dumps(left_out)
    return sides, left_out


def main() -> None:
    given = parsed()
    if not offline.is_inside():
        check_namespaces()
        chosen(given)
        # Outside of the namespace, which may end before anything in it can clean up.
        with tempfile.TemporaryDirectory(prefix="kadisc-discover-") as folder:
            os.environ[FOLDER] = folder
            offline.enter(__file__, sys.argv[1:], SETUP)
    sides, left_out = chosen(given)
    machine = offline.machine()
    conditions = Conditions(given.rtt / 1e3, given.loss, given.nat, given.seed)
    deadline = time.monotonic() + given.limit
    try:
        with contextlib.closing(World(conditions, Path(os.environ[FOLDER]))) as world:
            run = Run(world, given, deadline, left_out)
            for number in range(given.rounds):
                for name, together in groups(sides, apart=given.apart).items():
                    run.round(together, f"{number}-{name}")
            lateness_ms = world.lateness_ms()
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    machine["relay late by"] = f"{lateness_ms:.1f} ms"
    machine["load at the end"] = " ".join(f"{load:.2f}" for load in os.getloadavg())
    if run.skipped:
        say(f"{run.skipped} newcomers did not start: the limit of {given.limit:g} s was over")
    table = rows(run.found, run.left_out, sides, given.count)
    verdicts = goals(table, is_shared=given.own < given.nodes)
    for row in table:
        row["goals"] = verdicts.get(row["side"], {})
    offline.publish(machine, table, show, given.json)
    show_goals(verdicts)
    sys.exit(0 if run.found else 1)


if __name__ == "__main__":
    main()
