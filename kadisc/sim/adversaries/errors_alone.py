"""A contact that answers each query with an error.

Attack: an answer that says nothing costs 40 bytes, and where it counts as a sign of life, its
sender keeps its place in tables and slots, and is named to others, for ever.
"""

from __future__ import annotations

from ...endpoints import Endpoint
from ...wire.messages import Error, Query
from .turning import TurningGroup, TurningNode

SERVER_ERROR = 202


class ErrorsAloneNode(TurningNode):
    def withholds(self, query: Query, source: Endpoint) -> bool:
        self.send(Error(query.tid, SERVER_ERROR, "Server Error", seen_as=source), source)
        return True


class ErrorsAlone(TurningGroup):
    node_class = ErrorsAloneNode
