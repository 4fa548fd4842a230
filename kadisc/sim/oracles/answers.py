"""What is in the answers of a node.

Promise: only contacts that have answered this node before are returned to others.
"""

from __future__ import annotations

from typing import Final

from ...contacts import Contact
from ...endpoints import Endpoint, family_of
from ...errors import DecodeError
from ...wire import krpc
from ...wire.compact import contacts_from
from ...wire.messages import Reply
from ..model.host import Host
from .violation import Broken

REPLY_END: Final = b"1:y1:re"


class AnswerOracle:
    name: Final = "answers"
    needs: Final = ("verified_admission",)

    def __init__(self, broken: Broken) -> None:
        self._broken = broken
        self._answered: dict[int, set[Contact]] = {}  # contacts that have answered, by host

    def knows(self, host: Host) -> None:
        """The table was filled by the simulator: its entries count as having answered."""
        self._answered[host.number] = {entry.contact for entry in host.dht.table}

    def received(self, host: Host, payload: bytes, source: Endpoint) -> None:
        reply = _reply(payload) if payload.endswith(REPLY_END) else None
        if reply is not None:
            self._answered.setdefault(host.number, set()).add(Contact(reply.sender, source))

    def sent(self, host: Host, payload: bytes) -> None:
        reply = _reply(payload) if b"5:nodes" in payload or b"6:nodes6" in payload else None
        packed = b"" if reply is None else reply.nodes or reply.nodes6
        if not packed:
            return
        answered = self._answered.get(host.number, set())
        for contact in contacts_from(packed, family_of(host.endpoint)):
            if contact not in answered:
                self._broken(host, f"an answer with {contact}, which never answered")

    def left(self, host: Host) -> None:
        self._answered.pop(host.number, None)


def _reply(payload: bytes) -> Reply | None:
    try:
        message = krpc.decode(payload)
    except DecodeError:
        return None
    return message if isinstance(message, Reply) else None
