"""A resolver of host names that tests control."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import trio


class Names(trio.abc.HostnameResolver):
    """Each name has a delay in seconds and its addresses; a name without addresses is unknown."""

    def __init__(self, **known: tuple[float, Sequence[str]]) -> None:
        self._known = known
        self.asked = 0

    async def getaddrinfo(
        self, host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> list[Any]:
        self.asked += 1
        delay_s, addresses = self._known.get(host.decode("ascii"), (0.0, ()))
        await trio.sleep(delay_s)
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (
                socket.AF_INET6 if ":" in ip else socket.AF_INET,
                socket.SOCK_DGRAM,
                17,
                "",
                (ip, port),
            )
            for ip in addresses
        ]

    async def getnameinfo(self, sockaddr: Any, flags: int) -> Any:
        raise NotImplementedError


UseNames: TypeAlias = Callable[..., Names]
"""The fixture `use_names`: it makes trio resolve these names, and only these."""
