"""A liar: a real node that reports a wrong address to those that query it (``ip`` of BEP 42). All
liars report the same one.
"""

from __future__ import annotations

from ...core.core import Core
from ...endpoints import Endpoint
from ...wire import krpc
from ...wire.messages import Error, Reply
from .node_inside import NodeInside


class Liar(NodeInside):
    def __init__(self, node: Core, lie: Endpoint) -> None:
        super().__init__(node)
        self._lie = lie

    def passed_on(self, payload: bytes, destination: Endpoint) -> bytes | None:
        message = krpc.decode(payload)
        if not isinstance(message, Reply | Error) or message.seen_as is None:
            return payload
        message.seen_as = self._lie
        return krpc.encode(message)
