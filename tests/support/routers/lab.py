"""What a scenario has in hand: the internet with its public nodes, and for each of its parts
routers, hosts and kadisc nodes. A world costs most, so the parts of a scenario share one and run at
once.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.interop.krpc_probe import Probe

from ..child_programs import show, until
from .home_router import HomeRouter
from .internet import Host, Internet, Machine, PublicHost, Router
from .nat import set_nat
from .nodes import LabNode, World
from .public_nodes import PORT, public_host, public_host_6

JOIN_S = 90.0
CONFIGURATION = """
network = "lab"
no_routers = true
publish_record = false

[core.reach]
stranger_s = 5.0
round_s = 10.0
round_pause_s = 2.0
refresh_s = 8.0
failed_fast_s = 5.0
failed_slow_s = 20.0
retry_s = 12.0
max_retry_s = 12.0
services_s = 60.0
host_pings_per_h = 60.0
subnet_pings_per_h = 240.0
pairs_per_h = 20.0
total_ping_burst = 100.0
host_asks_per_h = 3600.0
subnet_ask_burst = 256.0
subnet_asks_per_h = 3600.0
"""
"""Of all nodes: the rounds of tests follow each other soon. A host counts as a stranger sooner
than usual, but later than the routers of `internet.py` forget what a host sent, which they keep for
longer than a helper takes to reply. There are fewer
witnesses than usual for more nodes that test, so each may ping them more often.
"""


class Lab:
    """``size``: how many public nodes there are; ``extra``: more of the configuration;
    ``delay_ms``: of a packet, one way.
    """

    def __init__(
        self,
        scratch: Path,
        size: int,
        extra: str = "",
        *,
        ipv6: bool = False,
        delay_ms: float = 0.0,
        stranger_s: float = 5.0,
    ) -> None:
        self.scratch = scratch
        self.ipv6 = ipv6
        self.started = time.monotonic()
        strangers = f"stranger_s = {stranger_s}"
        self.configuration = CONFIGURATION.replace("stranger_s = 5.0", strangers) + extra
        self.internet = Internet(delay_ms)
        self._strangers = itertools.count(1)
        self.world = World("world", (public_host(0), PORT), scratch)
        self.world.within = self.internet.world.within
        path = self.world.folder / "config.toml"
        path.write_text(self.configuration)
        self.world.start(size, path, ipv6=ipv6)

    def bootstrap(self, *numbers: int) -> list[str]:
        """Options that name public nodes to join by."""
        places = [public_host] + [public_host_6] * self.ipv6
        return [
            f"--bootstrap={show((place(number), PORT))}"
            for number in numbers or (3, 7, 11)
            for place in places
        ]

    def ping(self, endpoint: tuple[str, int], within_s: float = 1.0) -> bool:
        """Whether a node answers a ping from an address that it never heard of."""
        number = next(self._strangers)
        source = f"45.{126 - number // 250}.200.{1 + number % 250}"
        if ":" in endpoint[0]:
            source = f"2a4f:{number:x}::1"
        with self.internet.world.inside(), Probe((source, PORT)) as probe:
            return probe.ask("ping", endpoint, within_s) is not None


class Part:
    """``seen``: what the tests look at; ``steps``: when what came true, in seconds since the part
    began.
    """

    def __init__(self, lab: Lab, name: str) -> None:
        self.lab = lab
        self.name = name
        self.scratch = lab.scratch / name
        self.scratch.mkdir()
        self._started = time.monotonic()
        self._nodes: list[LabNode] = []
        self._home_routers: list[HomeRouter] = []
        self.seen: dict[str, Any] = {"steps": {}}

    def note(self, step: str) -> float:
        """Seconds since the part began."""
        passed = time.monotonic() - self._started
        self.seen["steps"][step] = round(passed, 1)
        return passed

    def until(self, step: str, look: Callable[[], Any], within_s: float) -> Any:
        found = until(step, look, within_s, every_s=0.5)
        self.note(step)
        return found

    # --- who is there -----------------------------------------------------------------------------

    def router(self, kind: str | None = None) -> Router:
        """``kind`` of NAT, which forwards to the first host if it forwards."""
        router = self.lab.internet.add_router()
        if kind is not None:
            set_nat(router, kind, f"192.168.{router.number}.10")
        return router

    def host(self, router: Router, place: int = 10) -> Host:
        return Host(router, place)

    def home_router(self, router: Router, **options: Any) -> HomeRouter:
        home = HomeRouter(router, self.scratch, **options)
        self._home_routers.append(home)
        home.start()
        return home

    def public_host(self) -> PublicHost:
        """A host without a router, with an address that no other part has."""
        return self.lab.internet.add_public_host()

    def node(self, host: Machine, name: str | None = None) -> LabNode:
        """Not started yet."""
        node = LabNode(name or f"node-{host.name}", host, self.scratch, self.lab.configuration)
        self._nodes.append(node)
        return node

    def joined(self, host: Machine, *options: str, bind: str = f"0.0.0.0:{PORT}") -> LabNode:
        """A node that has joined."""
        node = self.node(host).start(*self.lab.bootstrap(), *options, bind=bind)
        node.await_event("joined", JOIN_S)
        self.note("joined")
        return node

    # --- the end ----------------------------------------------------------------------------------

    def logs(self) -> dict[str, Any]:
        tails: dict[str, Any] = {each.name: each.log_tail() for each in self._nodes}
        for home in self._home_routers:
            tails[f"miniupnpd on {home.router.name}"] = home.log_tail().splitlines()
        return tails | {"world": self.lab.world.log_tail()}

    def status(self) -> list[str]:
        """Of each node that answers, for a part that failed."""
        texts = []
        for node in self._nodes:
            try:
                texts.append(json.dumps(node.status()))
            except Exception as error:  # noqa: BLE001 the node may be what failed
                texts.append(str(error))
        return texts

    def close(self) -> None:
        for node in self._nodes:
            node.stop()
