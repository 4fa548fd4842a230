"""Whether gossip can be used to send a third party more than was sent to the node.

Promise: an answer to a query without a token is not longer than the query.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...core.contract.events import Datagram
from ...endpoints import Endpoint
from ...errors import DecodeError
from ...wire import krpc
from ...wire.messages import Error, Gossip, Knock, Message, Reach, Reply
from ..model.host import Host
from .violation import Broken

MAX_TOKENS = 16
"""Remembered tokens that a host gave to one endpoint. Each answer brings a token; within five
minutes it is the same one.
"""


METHODS_WITH_TOKENS = (b"6:gossip", b"5:reach", b"5:knock")


@dataclass(frozen=True, slots=True)
class Asked:
    source: Endpoint
    tid: bytes
    size: int
    proven: bool


class AmplificationOracle:
    """Checks that no answer to gossip, reach or knock is longer than the query, unless the query
    has a token that the host gave to that endpoint. A host answers at once, so only its last query
    is remembered.
    """

    name: Final = "amplification"
    needs: Final = ("gossip_tokens",)

    def __init__(self, broken: Broken) -> None:
        self._broken = broken
        self._asked: dict[int, Asked] = {}
        self._tokens: dict[tuple[int, Endpoint], list[bytes]] = {}

    def received(self, host: Host, payload: bytes, source: Endpoint) -> None:
        self._asked.pop(host.number, None)
        if not any(method in payload for method in METHODS_WITH_TOKENS):
            return
        query = _message(payload)
        if isinstance(query, (Gossip, Reach, Knock)):  # they have tokens of one kind
            proven = query.token is not None and query.token in self._tokens.get(
                (host.number, source), ()
            )
            self._asked[host.number] = Asked(source, query.tid, len(payload), proven)

    def sent(self, host: Host, outbox: Sequence[Datagram]) -> None:
        asked = self._asked.pop(host.number, None)
        if asked is None:
            return
        for payload, destination in outbox:
            answer = _message(payload)
            if (
                destination != asked.source
                or not isinstance(answer, Reply | Error)
                or answer.tid != asked.tid
            ):
                continue
            if len(payload) > asked.size and not asked.proven:
                size, limit = len(payload), asked.size
                self._broken(
                    host, f"an answer of {size} bytes to a query of {limit} bytes without a token"
                )
            if isinstance(answer, Reply) and answer.token is not None:
                given = self._tokens.setdefault((host.number, destination), [])
                if answer.token not in given:
                    self._tokens[host.number, destination] = [*given, answer.token][-MAX_TOKENS:]

    def left(self, host: Host) -> None:
        self._asked.pop(host.number, None)
        for key in [key for key in self._tokens if key[0] == host.number]:
            del self._tokens[key]


def _message(payload: bytes) -> Message | None:
    try:
        return krpc.decode(payload)
    except DecodeError:
        return None
