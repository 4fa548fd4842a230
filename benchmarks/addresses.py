"""What sockets at each address of a host cost: replies for each second of a core, of a node on a
host with one, two and four addresses, beside a node without such sockets.

Run ``python benchmarks/addresses.py [--rounds N] [--seconds S]``: Linux only, no root; 5 rounds of
2 seconds take two minutes. All run in a namespace of its own; the nodes take turns, and what is
compared is the time that each had of its core, which others at work beside do not change much.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import offline
from offline import Program, running, script
from serve import LOAD_CORE, SERVER_CORE, WINDOW, cpu_s

ADDRESSES = [f"45.250.0.{number}" for number in range(1, 5)]
GOAL = 0.97
"""Of a node without such sockets, with four addresses."""
METHODS = ("ping", "find_node")
COUNTS, EACH = (0, 2, 4), 2
"""Two nodes of each kind: with other tables, equal ones differ by a few per cent."""
SETUP = offline.SETUP + "".join(f" && ip addr add {each}/32 dev lo" for each in ADDRESSES)
BEGINS_S = 5.0
"""The sockets are open by then."""


def start(stack: contextlib.ExitStack, port: int, sockets: int, known: list[str]) -> Program:
    home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kadisc-benchmark-")))
    (home / "config.toml").write_text(f"max_local_sockets = {sockets}\n")
    environment = os.environ | {f"XDG_{kind}": str(home) for kind in ("CONFIG_HOME", "STATE_HOME")}
    command = [
        *(sys.executable, "-P", "-m", "kadisc", "run", "--unlimited", "--json", "--no-map"),
        *("--no-lan", f"--bind=0.0.0.0:{port}", f"--config={home / 'config.toml'}"),
        *(f"--state-dir={home}", *(f"--bootstrap={each}" for each in known)),
    ]
    return stack.enter_context(running(*command, core=SERVER_CORE, environment=environment))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a turn")
    arguments = parser.parse_args()
    offline.enter(__file__, sys.argv[1:], setup=SETUP)
    with contextlib.ExitStack() as stack:
        swarm = stack.enter_context(running(*script("swarm.py"), core=LOAD_CORE))
        swarm.read("listening")
        known = swarm.ask(ask="contacts", count=8)["contacts"]
        nodes = [
            (sockets, port, start(stack, port, sockets, known))
            for port, sockets in enumerate(COUNTS * EACH, start=6881)
        ]
        for _, _, program in nodes:
            program.read("joined")
        time.sleep(BEGINS_S)
        load = stack.enter_context(running(*script("load.py"), core=LOAD_CORE))
        load.read("ready")
        cost_us: dict[tuple[str, int], list[float]] = {}
        for _ in range(arguments.rounds):
            for method in METHODS:
                for sockets, port, program in nodes:
                    before_s = cpu_s(program)
                    host = ADDRESSES[1]
                    turn = load.ask(
                        ask=method, host=host, port=port, seconds=arguments.seconds, window=WINDOW
                    )
                    replies = max(1.0, turn["replies"])
                    each_us = (cpu_s(program) - before_s) / replies * 1e6
                    cost_us.setdefault((method, sockets), []).append(each_us)
        for method in METHODS:
            alone_us = statistics.median(cost_us[method, 0])
            for sockets in COUNTS:
                each_us = statistics.median(cost_us[method, sockets])
                ratio = alone_us / each_us
                verdict = "" if sockets != 4 else "reached" if ratio >= GOAL else "MISSED"
                print(f"{method:10} {sockets} sockets  {each_us:6.1f} us  {ratio:.3f}  {verdict}")


if __name__ == "__main__":
    main()
