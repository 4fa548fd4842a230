"""How soon two nodes on one link find each other by beacons, without any server.

A node stands on one host; on another one, which a bridge connects, nodes are opened one after the
other. The time is that from the bound socket until the peer has proved its key. Everything is in
network namespaces of this program's own, which end with it; Linux alone.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import trio  # noqa: E402

from benchmarks.offline import machine  # noqa: E402
from kadisc import Config, PeerVerified, open_node  # noqa: E402

NAMESPACES = (
    *("unshare", "--user", "--map-root-user", "--net", "--mount", "--pid", "--mount-proc"),
    *("--fork", "--kill-child"),
)
HOSTS = {"standing": "192.168.77.10", "newcomer": "192.168.77.11"}
GOALS_S = {"p50": 0.15, "p99": 1.2}
GOAL_BROADCAST_S = 1.5
LIMIT_S = 10.0
BETWEEN_S = 1.5
"""Between two starts, so that the standing node does not take them for a flood of one host."""


def config(port: int) -> Config:
    return Config(
        bind=(f"0.0.0.0:{port}",), network="lan benchmark", routers=(), port_mapping="off"
    )


def run(*command: str) -> None:
    subprocess.run(command, check=True)


def build(*, multicast: bool) -> None:
    run("sh", "-c", "mount -t tmpfs none /run && mkdir /run/netns && ip link set lo up")
    run(*["ip", "link", "add", "bridge", "type", "bridge", "mcast_snooping", "0"])
    run(*["ip", "link", "set", "bridge", "up"])
    for name, address in HOSTS.items():
        run("ip", "netns", "add", name)
        run(*f"ip link add l-{name} type veth peer name eth0 netns {name}".split())
        run(*f"ip link set l-{name} master bridge up".split())
        if not multicast:
            run(*f"ip link set l-{name} type bridge_slave mcast_flood off".split())
        run(*f"ip -n {name} link set lo up".split())
        run(*f"ip -n {name} link set eth0 up".split())
        run(*f"ip -n {name} addr add {address}/24 brd + dev eth0".split())


async def stand() -> None:
    async with open_node(config(6881)):
        print("stands", flush=True)
        await trio.sleep_forever()


async def start_once(port: int) -> float | None:
    """Seconds until the peer is verified; None if it is not in time."""
    async with open_node(config(port)) as node, node.subscribe(PeerVerified) as events:
        began = time.perf_counter()
        with trio.move_on_after(LIMIT_S):
            async for _ in events:
                return time.perf_counter() - began
    return None


async def measure(starts: int) -> list[float | None]:
    found = []
    for number in range(starts):
        found.append(await start_once(7000 + number))
        await trio.sleep(BETWEEN_S)
        print(f"{number + 1} of {starts}", end="\r", file=sys.stderr, flush=True)
    return found


def inside(starts: int, *, multicast: bool) -> None:
    build(multicast=multicast)
    program = ("python", str(Path(__file__)))
    within = ("ip", "netns", "exec")
    standing = subprocess.Popen(
        [*within, "standing", sys.executable, *program[1:], "--role", "stand"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert standing.stdout is not None
    standing.stdout.readline()
    time.sleep(3.0)  # its own beacons of the start are over
    run(
        *within,
        "newcomer",
        sys.executable,
        *program[1:],
        "--role",
        "measure",
        "--starts",
        str(starts),
    )
    standing.kill()


def results(starts: int, *, multicast: bool) -> dict[str, float | int]:
    command = [sys.executable, __file__, "--role", "inside", "--starts", str(starts)]
    done = subprocess.run(
        [*NAMESPACES, *command, *([] if multicast else ["--no-multicast"])],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=60 + starts * (LIMIT_S + 2),
        env={key: value for key, value in os.environ.items() if not key.startswith("KADISC_")}
        | {"PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"},
    )
    times = sorted(LIMIT_S if each is None else each for each in json.loads(done.stdout))
    return {
        "starts": len(times),
        "missed": sum(each >= LIMIT_S for each in times),
        "p50_s": round(statistics.median(times), 3),
        "p99_s": round(times[min(len(times) - 1, int(0.99 * len(times)))], 3),
        "slowest_s": round(times[-1], 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--starts", type=int, default=100, help="of the newcomer (100)")
    parser.add_argument("--no-multicast", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument(
        "--role",
        choices=("all", "inside", "stand", "measure"),
        default="all",
        help=argparse.SUPPRESS,
    )
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    if options.role == "inside":
        inside(options.starts, multicast=not options.no_multicast)
        return
    if options.role == "stand":
        trio.run(stand)
        return
    if options.role == "measure":
        print(json.dumps(trio.run(measure, options.starts)))
        return
    document = {
        "machine": machine(),
        "multicast": results(options.starts, multicast=True),
        "broadcast": results(max(1, options.starts // 5), multicast=False),
    }
    print(", ".join(f"{name} {value}" for name, value in document["machine"].items()))
    print(f"{'':22}{'starts':>8}{'missed':>8}{'p50, s':>9}{'p99, s':>9}{'slowest':>9}  goal")
    for name, goal in (
        ("multicast", f"p50 {GOALS_S['p50']} s, p99 {GOALS_S['p99']} s"),
        ("broadcast", f"{GOAL_BROADCAST_S} s (multicast is dropped)"),
    ):
        row = document[name]
        numbers = f"{row['starts']:>8}{row['missed']:>8}{row['p50_s']:>9}{row['p99_s']:>9}"
        print(f"{name:22}{numbers}{row['slowest_s']:>9}  {goal}")
    if options.json:
        Path(options.json).write_text(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
