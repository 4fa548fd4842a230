"""Compares two trees of kadisc in what they cost: CPU seconds per reply and datagram, and memory.

Run ``benchmarks/compare OLD NEW``: two checkouts. Each pair measures both in fresh processes, which
take short turns: old new new old, and so on; in every other pair new old old new. So whatever else
the machine does slows both alike. A ratio is old cost / new cost of one pair: above 1 the new tree
is cheaper. The result is the median of the ratios, with a distribution-free interval that holds it
with at least 95 %, from the order statistics of the pairs. The exit code is 1 where an interval
does not lie above the floor, 2 where something could not be measured. Linux only; all traffic stays
on 127.0.0.0/8. Ten pairs of all rows took 9.5 minutes on two cores at a load average of 3 to 5.

find_node and get_peers: a node in a process of its own (``kadisc run``) with a table of 96
neighbours. `compare_wire.py` is all of these, and sends the queries too; it imports nothing of
kadisc. Cost: CPU time of the node's process, user and system, per reply. Each find_node comes from
an endpoint that has proved nothing, with limits lifted; each get_peers from one that has returned a
token, with limits on.

lookup and gossip: the scenarios ``lookup`` and ``gossip-spread`` (``kadisc sim run``). Cost: CPU
time of set-up, warm-up and measured part, without imports, per datagram delivered. memory: the
resident memory that the lookup scenario took, without what it takes for two nodes, per node.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import itertools
import json
import math
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from offline import HERE, Program, running, script

NODE_CORE, LOAD_CORE = 0, 1
LEAST_PAIRS = 10
CONFIDENCE = 0.95

ROUNDS, QUERIES = 32, 500
"""Of a pair: so many times old new new old, each turn with so many queries."""
WARM_UP_QUERIES = 5000
LEAST_ANSWERED = 0.98
ENOUGH_KNOWN = 0.95
"""The share of the neighbours that the table of a node holds before it is measured..."""
FULL_WITHIN_S = 90.0
"""...which takes some 20 seconds; later than this it is an error."""
ALL_KNOWN_WITHIN_S = 5.0
"""After that, for the last few."""

SIMULATIONS = {
    "lookup": ("lookup", "--nodes", "120", "--minutes", "0.5"),
    "gossip": ("gossip-spread", "--nodes", "30", "--minutes", "0.2"),
}
SLICE_S = 0.05
"""A turn of a simulation; between its turns its process is stopped."""
PR_SET_PDEATHSIG = 1

Costs = tuple[float, float]
"""Of the old tree and the new one."""


class Failed(Exception):
    """Something could not be measured."""


@dataclass(frozen=True)
class Row:
    name: str
    unit: str
    per_unit: float
    """A cost in seconds or bytes, times this, is in that unit."""
    what: str


ROWS = (
    Row("find_node", "us", 1e6, "CPU time per reply, limits lifted"),
    Row("get_peers", "us", 1e6, "CPU time per reply, limits on, from proven endpoints"),
    Row("lookup", "us", 1e6, "CPU time per simulated datagram, without gossip"),
    Row("gossip", "us", 1e6, "CPU time per simulated datagram, with gossip"),
    Row("memory", "kB", 1e-3, "resident memory per simulated node"),
)


@dataclass(frozen=True)
class Side:
    """One of the two trees: a checkout, or what is installed in a virtual environment."""

    name: str
    python: str
    checkout: Path | None

    def command(self, *arguments: str) -> tuple[str, ...]:
        origin = self.checkout or Path(self.python).parent.parent
        return self.python, "-P", str(HERE / "compare_child.py"), str(origin), *arguments

    def popen(self, home: str) -> dict[str, Any]:
        """For `Program`. The user has neither state nor configuration, and no terminal."""
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        homes = dict.fromkeys(("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"), home)
        environment = kept | homes | {"TERM": "dumb"}
        if self.checkout is not None:
            environment["PYTHONPATH"] = str(self.checkout)
        return {"environment": environment, "cwd": self.checkout or home, **APART}

    @contextlib.contextmanager
    def running(self, *arguments: str, hash_seed: int = 0) -> Iterator[Program]:
        """`compare_child.py` with these arguments."""
        with tempfile.TemporaryDirectory(prefix="kadisc-compare-") as home:
            popen = self.popen(home)
            popen["environment"]["PYTHONHASHSEED"] = str(hash_seed)
            with running(*self.command(*arguments), core=NODE_CORE, **popen) as program:
                yield program

    def about(self) -> dict[str, Any]:
        with self.running("about") as program:
            return program.read()


def end_with_parent() -> None:
    """The kernel ends this process when the one that started it has ended, however that was."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


APART: dict[str, Any] = {"start_new_session": True, "preexec_fn": end_with_parent}
"""A Ctrl-C on the terminal goes to this process alone, which ends the others."""


class Node:
    """``kadisc run`` in a process of its own."""

    def __init__(self, program: Program, where: tuple[str, int], log: Path) -> None:
        self.where = {"host": where[0], "port": where[1]}
        self._program = program
        self._log = log

    @property
    def is_running(self) -> bool:
        return self._program.process.poll() is None

    def cpu_s(self) -> float:
        """User and system time of all threads of the process, in nanoseconds' resolution."""
        return time.clock_gettime(~self._program.process.pid << 3 | 2)  # CPUCLOCK_SCHED of it

    def said(self) -> str:
        return self._log.read_text(errors="replace").strip()


@contextlib.contextmanager
def node_of(
    side: Side,
    bootstrap: Sequence[str],
    hash_seed: int,
    *options: str,
) -> Iterator[Node]:
    with (
        tempfile.TemporaryDirectory(prefix="kadisc-compare-") as home,
        Path(home, "log").open("w") as log,
    ):
        where = "127.0.0.2", free_port("127.0.0.2")
        arguments = ["--bind", f"{where[0]}:{where[1]}", "--state-dir", home, *options]
        arguments += ["--allow-private", "--no-dashboard", "--json"]
        arguments += [part for each in bootstrap for part in ("--bootstrap", each)]
        popen = side.popen(home) | {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
        popen["environment"]["PYTHONHASHSEED"] = str(hash_seed)
        with running(*side.command("node", *arguments), core=NODE_CORE, **popen) as program:
            yield Node(program, where, Path(home, "log"))


def free_port(host: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        port: int = sock.getsockname()[1]
        return port


def turns(pair: int) -> tuple[int, ...]:
    """Whose turn it is: old new new old, or the other way round in every other pair."""
    return (0, 1, 1, 0) if pair % 2 == 0 else (1, 0, 0, 1)


class Comparison:
    def __init__(self, sides: tuple[Side, Side], rows: Sequence[Row], pairs: int) -> None:
        self.sides = sides
        self.rows = rows
        self.pairs = pairs
        self.costs: dict[str, list[Costs]] = {row.name: [] for row in rows}
        self.digests: list[bool] = []
        """Of each pair of simulations, whether both had the same digest."""

    def run(self) -> None:
        wanted = set(self.costs)
        with contextlib.ExitStack() as stack:
            wire: dict[str, Program] = {}
            if serving := [name for name in ("find_node", "get_peers") if name in wanted]:
                for role in ("neighbours", "load"):
                    command = (*script("compare_wire.py"), role)
                    wire[role] = stack.enter_context(running(*command, core=LOAD_CORE, **APART))
                bootstrap = wire["neighbours"].read("listening")["bootstrap"]
                wire["load"].read("ready")
            for pair in range(self.pairs):
                with contextlib.ExitStack() as of_pair:
                    nodes: dict[str, tuple[Node, ...]] = {}
                    for method in serving:
                        lifted = ["--unlimited"] if method == "find_node" else []
                        opened = [node_of(side, bootstrap, pair, *lifted) for side in self.sides]
                        nodes[method] = tuple(map(of_pair.enter_context, opened))
                    # Their tables fill while simulations run: 1 % of a core for each of them.
                    self._simulate(pair, wanted)
                    self._serve(pair, nodes, wire)

    # --- serving --------------------------------------------------------------------------------

    def _serve(
        self,
        pair: int,
        nodes: dict[str, tuple[Node, ...]],
        wire: dict[str, Program],
    ) -> None:
        for of_method in nodes.values():
            for node in of_method:
                fill(node, wire["neighbours"])
        for method, of_method in nodes.items():
            if method == "get_peers":
                for node in of_method:
                    found = wire["load"].ask(ask="prove", **node.where)
                    if found["proven"] < found["of"]:
                        raise Failed(f"{found['proven']} of {found['of']} endpoints were proven")
            cpu_s, replies = [0.0, 0.0], [0, 0]
            asked = {"ask": method, "seed": pair}
            for node in of_method:
                wire["load"].ask(**asked, **node.where, queries=WARM_UP_QUERIES)
            for turn in turns(pair) * ROUNDS:
                node = of_method[turn]
                before_s = node.cpu_s()
                found = wire["load"].ask(**asked, **node.where, queries=QUERIES)
                if found["replies"] < LEAST_ANSWERED * QUERIES:
                    raise Failed(f"{method}: {found['replies']} replies to {QUERIES} queries")
                cpu_s[turn] += node.cpu_s() - before_s
                replies[turn] += found["replies"]
            for node in of_method:  # that it was with a full table to the end
                fill(node, wire["neighbours"])
            self._note(pair, method, (cpu_s[0] / replies[0], cpu_s[1] / replies[1]))

    # --- simulations ----------------------------------------------------------------------------

    def _simulate(self, pair: int, wanted: set[str]) -> None:
        for name, arguments in SIMULATIONS.items():
            rows = {name, "memory"} & wanted if name == "lookup" else {name} & wanted
            if not rows:
                continue
            asked = ("sim", *arguments, "--seed", str(pair + 1))
            with contextlib.ExitStack() as stack:
                opened = [side.running(*asked, hash_seed=pair) for side in self.sides]
                programs = [stack.enter_context(each) for each in opened]
                in_turns(programs, turns(pair))
                old, new = (program.read() for program in programs)
            self.digests.append(old["digest"] == new["digest"])
            if name in rows:
                costs = old["cpu_s"] / old["datagrams"], new["cpu_s"] / new["datagrams"]
                self._note(pair, name, costs)
            if "memory" in rows:
                self._note(pair, "memory", (old["bytes_per_node"], new["bytes_per_node"]))

    def _note(self, pair: int, name: str, costs: Costs) -> None:
        self.costs[name].append(costs)
        row = next(row for row in self.rows if row.name == name)
        old, new = (row.per_unit * cost for cost in costs)
        words = f"{old:.2f} {row.unit}, {new:.2f} {row.unit}, ratio {costs[0] / costs[1]:.3f}"
        say(f"pair {pair + 1} of {self.pairs}: {name} {words}")


def in_turns(programs: Sequence[Program], order: Sequence[int]) -> None:
    """Lets one of the processes run at a time, until all have ended."""
    processes = [program.process for program in programs]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        for turn in itertools.cycle(order):
            if all(process.poll() is not None for process in processes):
                return
            process = processes[turn]
            process.send_signal(signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(SLICE_S)
            process.send_signal(signal.SIGSTOP)
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


def fill(node: Node, neighbours: Program) -> None:
    """Waits until the node hands out nearly all of the neighbours."""
    began, known = time.monotonic(), 0.0
    while True:
        waited_s = time.monotonic() - began
        found = neighbours.ask(ask="known", **node.where)
        known = found["known"] / found["of"]
        if known == 1.0 or (known >= ENOUGH_KNOWN and waited_s > ALL_KNOWN_WITHIN_S):
            return
        if not node.is_running:
            raise Failed(f"a node has ended:\n{node.said()}")
        if waited_s > FULL_WITHIN_S:
            raise Failed(f"a node knows only {known:.0%} of its neighbours:\n{node.said()}")
        time.sleep(0.5)


# --- statistics ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Interval:
    low: float
    high: float
    ranks: tuple[int, int]
    coverage: float


def interval_of_median(values: Sequence[float]) -> Interval:
    """The narrowest pair of order statistics that holds the median with at least `CONFIDENCE`.

    The k-th smallest of n values lies above the median with the chance that fewer than k of n
    throws of a fair coin are heads, whatever the distribution is; so does the k-th largest below.
    """
    count, ordered = len(values), sorted(values)
    outside, rank = 0.0, 0
    while True:
        more = outside + math.comb(count, rank) / 2**count
        if 2 * more > 1 - CONFIDENCE:
            break
        outside, rank = more, rank + 1
    if rank == 0:
        raise ValueError(f"{count} values are too few")
    ranks = rank, count + 1 - rank
    return Interval(ordered[ranks[0] - 1], ordered[ranks[1] - 1], ranks, 1 - 2 * outside)


@dataclass(frozen=True)
class Outcome:
    row: Row
    pairs: list[Costs] = field(repr=False)

    @property
    def ratios(self) -> list[float]:
        return [old / new for old, new in self.pairs]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def interval(self) -> Interval:
        return interval_of_median(self.ratios)

    @property
    def medians(self) -> Costs:
        """In the unit of the row."""
        old, new = (statistics.median(costs) for costs in zip(*self.pairs, strict=True))
        return self.row.per_unit * old, self.row.per_unit * new

    def record(self, floor: float) -> dict[str, Any]:
        """As a JSON object."""
        old, new = self.medians
        interval = self.interval
        return {
            "row": self.row.name,
            "what": self.row.what,
            "unit": self.row.unit,
            "old": old,
            "new": new,
            "ratio": self.ratio,
            "low": interval.low,
            "high": interval.high,
            "coverage": interval.coverage,
            "above_floor": interval.low > floor,
            "pairs": [[self.row.per_unit * cost for cost in pair] for pair in self.pairs],
        }


# --- the report ---------------------------------------------------------------------------------


def machine() -> dict[str, Any]:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "cpu": names[0] if names else "unknown",
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "load": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def show(report: dict[str, Any], outcomes: Sequence[Outcome], floor: float) -> None:
    at = report["machine"]
    print(f"date {at['date']}, cpu {at['cpu']}, {at['cores']} cores usable, load {at['load']}")
    for name in ("old", "new"):
        about = report[name]
        kind = "compiled" if about["compiled"] else "plain Python"
        print(f"{name}: {about['tree']}, kadisc {about['version']}, {kind}, {about['python']}")
    interval = outcomes[0].interval
    low, high = interval.ranks
    print(f"{report['pairs']} pairs; ratio = old cost / new cost: above 1 the new tree is cheaper")
    of_all = f"numbers {low} and {high} of the ratios in order of size"
    print(f"interval of the median: {of_all}, which hold it with {interval.coverage:.1%}")
    print(f"{'':11}{'old':>10}{'new':>10}     {'ratio':>7}  {'95 % interval':15}")
    for outcome in outcomes:
        (old, new), row, interval = outcome.medians, outcome.row, outcome.interval
        between = f"{interval.low:.3f} .. {interval.high:.3f}"
        figures = f"{old:10.2f}{new:10.2f} {row.unit}  {outcome.ratio:7.3f}  {between:15}"
        print(f"{row.name:11}{figures}  {row.what}")
    if report["simulations"]:
        same, count = report["same_digest"], report["simulations"]
        print(f"{same} of {count} pairs of simulations had the same digest")
    for outcome in outcomes:
        above = outcome.interval.low > floor
        verdict = "lies above" if above else "does NOT lie above"
        print(f"{outcome.row.name}: the interval {verdict} the floor of {floor:g}")


def say(text: str) -> None:
    print(f"compare: {text}", file=sys.stderr, flush=True)


def sides_of(arguments: argparse.Namespace, error: Callable[[str], Any]) -> tuple[Side, Side]:
    installed = arguments.compiled_old, arguments.compiled_new
    if any(installed):
        if not all(installed) or arguments.trees:
            error("--compiled-old and --compiled-new come together, and instead of OLD NEW")
        for each in installed:
            if not os.access(each, os.X_OK):
                error(f"{each} is no interpreter")
        # Not resolved: the interpreter of a virtual environment is a link to another one.
        old, new = (str(Path(each).absolute()) for each in installed)
        return Side("old", old, None), Side("new", new, None)
    if len(arguments.trees) != 2:
        error("two checkouts are expected, OLD and NEW")
    for each in arguments.trees:
        if not Path(each, "kadisc", "__init__.py").is_file():
            error(f"{each} is no checkout: there is no kadisc/__init__.py in it")
    old_tree, new_tree = (Path(each).resolve() for each in arguments.trees)
    return Side("old", arguments.python, old_tree), Side("new", arguments.python, new_tree)


def parsed() -> tuple[argparse.Namespace, tuple[Side, Side]]:
    parser = argparse.ArgumentParser(
        prog="compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [row.name for row in ROWS]
    parser.add_argument("trees", nargs="*", metavar="OLD NEW", help="two checkouts (folders)")
    parser.add_argument("--pairs", type=int, default=LEAST_PAIRS, metavar="N", help="10 or more")
    parser.add_argument(
        "--only",
        action="append",
        choices=names,
        metavar="ROW",
        help=f"measure this alone; repeatable ({', '.join(names)})",
    )
    parser.add_argument("--floor", type=float, default=0.95, help="default: 0.95")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument(
        "--python",
        default=sys.executable,
        metavar="PATH",
        help="the interpreter that runs both checkouts (default: this one)",
    )
    for name in ("old", "new"):
        parser.add_argument(
            f"--compiled-{name}",
            metavar="PYTHON",
            help=f"instead of {name.upper()}: the interpreter of a virtual environment in which "
            "kadisc is installed, such as one with a compiled core",
        )
    arguments = parser.parse_args()
    if arguments.pairs < LEAST_PAIRS:
        parser.error(f"--pairs: at least {LEAST_PAIRS}")
    return arguments, sides_of(arguments, parser.error)


def end_all(number: int, frame: FrameType | None) -> None:
    """Leaves all blocks, each of which ends its children, undisturbed by a second Ctrl-C."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def main() -> int:
    arguments, sides = parsed()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end_all)
    rows = [row for row in ROWS if not arguments.only or row.name in arguments.only]
    report: dict[str, Any] = {"machine": machine(), "pairs": arguments.pairs}
    trees = arguments.trees or (arguments.compiled_old, arguments.compiled_new)
    comparison = Comparison(sides, rows, arguments.pairs)
    try:
        with tempfile.TemporaryDirectory(prefix="kadisc-compare-") as cache:
            os.environ["PYTHONPYCACHEPREFIX"] = cache  # nothing is written into the trees
            for side, tree in zip(sides, trees, strict=True):
                report[side.name] = {"tree": tree, **side.about()}
            comparison.run()
    except (Failed, RuntimeError) as error:
        say(str(error))
        return 2
    outcomes = [Outcome(row, comparison.costs[row.name]) for row in rows]
    report["floor"] = arguments.floor
    report["simulations"] = len(comparison.digests)
    report["same_digest"] = sum(comparison.digests)
    report["rows"] = [outcome.record(arguments.floor) for outcome in outcomes]
    if arguments.json:
        print(json.dumps(report, indent=1))
    else:
        show(report, outcomes, arguments.floor)
    return 0 if all(outcome.interval.low > arguments.floor for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
