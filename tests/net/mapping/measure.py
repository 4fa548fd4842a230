"""How long a router takes to grant a port, by each protocol. In a namespace, behind a router:

    python -m tests.net.mapping.measure [ROUNDS] [--upnp]

prints, for each protocol, p50 and p95 in milliseconds from the moment at which the node begins to
ask, and what came instead of a grant. UPnP is asked for 1.5 s later, which is in its figures.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import trio

from kadisc.endpoints import Endpoint, Family
from kadisc.net.mapping.asking import UPNP_AFTER_S, Outcome, Question, RouterAsker
from kadisc.net.mapping.results import Grant, MappingRequest
from kadisc.net.mapping.router_access import Location, SystemRouters
from kadisc.net.mapping.upnp import UpnpRouter

REQUEST = MappingRequest("udp", 7000, 7000, 600)
NONCE = b"measurement."


def location(family: Family, unspecified: bytes) -> Location:
    place = SystemRouters({}).locate(family, Endpoint(unspecified + b"\x1b\x58"))
    assert isinstance(place, Location), place
    return place


async def measured(
    rounds: int, ask: Callable[[], Awaitable[Outcome]], end: Callable[[], Awaitable[None]]
) -> dict[str, Any]:
    taken_ms, failed = [], []
    for _ in range(rounds):
        started = trio.current_time()
        outcome = await ask()
        if isinstance(outcome, Grant):
            taken_ms.append(1000 * (trio.current_time() - started))
        else:
            failed.append(str(outcome))
        await end()
        await trio.sleep(0.05)
    taken_ms.sort()
    at = {"p50": 0.5, "p95": 0.95}
    found = {name: round(taken_ms[int(share * len(taken_ms))], 1) for name, share in at.items()}
    return {**found, "failed": failed}


async def measure(rounds: int, with_upnp: bool) -> dict[str, dict[str, Any]]:
    asker = RouterAsker(SystemRouters({}), None, lambda place: None, trio.current_time)
    ipv4 = Question(location(Family.IPV4, bytes(4)), REQUEST, NONCE)
    found = {}
    if with_upnp:

        async def ask() -> Outcome:
            await trio.sleep(UPNP_AFTER_S)
            return await UpnpRouter(Random(1)).ask(ipv4.location, REQUEST)

        async def nothing() -> None: ...

        found["upnp"] = await measured(rounds, ask, nothing)
        return found
    ipv6 = Question(location(Family.IPV6, bytes(16)), REQUEST, NONCE)
    for name, method, question in (
        ("pcp", "pcp", ipv4),
        ("natpmp", "natpmp", ipv4),
        ("pinhole", "pcp", ipv6),
    ):
        found[name] = await measured(
            rounds,
            lambda method=method, question=question: asker.again(question, method),  # type: ignore[misc]
            lambda method=method, question=question: asker.delete(question, method, 0.25),  # type: ignore[misc]
        )
    return found


def main() -> None:
    numbers = [int(each) for each in sys.argv[1:] if each.isdigit()]
    rounds = numbers[0] if numbers else 40
    print(json.dumps(trio.run(measure, rounds, "--upnp" in sys.argv)))


if __name__ == "__main__":
    main()
