"""A liar about reachability: a real member of the peer network that says of every asker that no
stranger gets in.

Attack: as a helper it names a witness that it made up, and says that the witness got no answer; as
a witness it does not ping, and says so. Where enough of them are asked, a node that strangers reach
takes itself for closed, stops to announce itself, and is lost to its network.
"""

from __future__ import annotations

from random import Random

from ...config import CLIENT_VERSION
from ...core.core import Core
from ...endpoints import Endpoint, family_of
from ...errors import DecodeError
from ...wire import krpc
from ...wire.messages import Knock, Reach, ReachResult, Reply
from ..model.population import unused_endpoint
from .node_inside import NodeInside


def reach_query(payload: bytes) -> Reach | Knock | None:
    """The query of a test of reachability, if the datagram is one that has a token."""
    if b"5:reach" not in payload and b"5:knock" not in payload:
        return None
    try:
        message = krpc.decode(payload)
    except DecodeError:
        return None
    if isinstance(message, Reach | Knock) and message.token is not None:
        return message
    return None


class ReachLiar(NodeInside):
    def __init__(self, node: Core, rng: Random) -> None:
        super().__init__(node)
        self._rng = rng

    def intercepts(self, payload: bytes, source: Endpoint, now: float) -> bool:
        query = reach_query(payload)
        if query is None:
            return False
        if isinstance(query, Reach):
            lie = ReachResult(ok=False, witness=unused_endpoint(self._rng, family_of(source)))
        else:
            lie = ReachResult(ok=False)
        self.send(
            Reply(query.tid, self.own_id, seen_as=source, version=CLIENT_VERSION, reach=lie), source
        )
        return True
