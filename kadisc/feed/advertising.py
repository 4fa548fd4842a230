"""The service of the running node that is the chain node: withdrawn while the chain node is down,
and offered again when it is back.
"""

from __future__ import annotations

import trio

from ..endpoints import host_of, parse_endpoint, port_of
from ..errors import Closed, KadiscError, NotRunning
from ..net.tcp_check import accepts
from .availability import Availability, Change
from .chain_peer import ChainPeer
from .node_link import OwnPlace, RunningNodeLink
from .report import FeedReport


class ServiceAdvertiser:
    """``name``: the service, None where none is advertised; ``port``: in place of that of the
    record; ``rpc_host``: where the port is looked for too.
    """

    def __init__(
        self,
        node: RunningNodeLink,
        report: FeedReport,
        name: str | None,
        port: int | None,
        rpc_host: str | None,
        down_s: float,
    ) -> None:
        self._node = node
        self._report = report
        self._name = name
        self._port = port
        self._rpc_host = rpc_host
        self._availability = Availability(down_s)
        self._value: int | str | None = port
        """The value of the service, also while it is withdrawn: a port, or HOST:PORT."""
        self._is_told = False
        """Whether it was told that the running node does not take a change."""

    def is_own(self, peer: ChainPeer, own: OwnPlace) -> bool:
        """Whether the peer is the chain node itself, by its address."""
        return own.is_at(peer, own.service) or own.is_at(peer, self._value)

    async def looked(self, own: OwnPlace, *, is_up: bool) -> bool:
        """After a look at the chain node; returns whether the record was changed."""
        if self._name is None:
            return False
        self._value = self._port or own.offered or self._value
        if (value := self._value) is None:
            return False
        if is_up:
            is_up = await self._accepts(value, own)
            if not is_up and not self._availability.is_down:
                words = f"port {value} of the service {self._name} does not accept connections"
                self._report.warn("chain", words)
        change = self._availability.looked(
            trio.current_time(), is_up=is_up, is_offered=own.offered is not None
        )
        return change is not None and await self._set(self._name, value, change)

    async def _accepts(self, value: int | str, own: OwnPlace) -> bool:
        if isinstance(value, str):
            endpoint = parse_endpoint(value)
            return await accepts(host_of(endpoint), port_of(endpoint))
        for host in dict.fromkeys([self._rpc_host or "127.0.0.1", *sorted(own.hosts)]):
            if await accepts(host, value):
                return True
        return False

    async def _set(self, name: str, value: int | str, change: Change) -> bool:
        try:
            await self._node.set_service(name, value if change == "renew" else None)
        except (NotRunning, Closed):
            return False  # the next look changes it, if the running node is there again
        except KadiscError as error:
            if not self._is_told:
                self._report.warn("node", f"the service {name} was not changed: {error}")
            self._is_told = True
            return False
        self._is_told = False
        if change == "withdraw":
            self._report.warn("withdrawn", f"{name}: the chain node is down", service=name)
        else:
            where = {"port": value} if isinstance(value, int) else {"address": value}
            self._report.tell("advertised", f"{name}={value}", service=name, **where)
        return True
