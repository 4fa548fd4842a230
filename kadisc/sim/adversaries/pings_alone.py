"""A contact that answers pings alone, and goes on to send queries of its own.

Attack: a node that takes the answer to a ping, or a query, as a sign of life keeps a contact that
is of no use to it; each lookup that comes to that contact waits for it.
"""

from __future__ import annotations

from ...endpoints import Endpoint
from ...wire.messages import Ping, Query
from .turning import TurningGroup, TurningNode


class PingsAloneNode(TurningNode):
    def withholds(self, query: Query, source: Endpoint) -> bool:
        return not isinstance(query, Ping)


class PingsAlone(TurningGroup):
    node_class = PingsAloneNode
