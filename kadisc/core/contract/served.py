"""What follows from a query that was served beyond the DHT."""

from __future__ import annotations

from typing import NamedTuple

from .queries import NO_COMMANDS, Commands


class Served(NamedTuple):
    """``payload``: the datagram that answers a query, None where none may be sent, or where it is
    sent later. ``proven``: the query's token was valid, so the querying node receives at its
    endpoint. ``commands``: what follows from the query.
    """

    payload: bytes | None
    proven: bool = False
    commands: Commands = NO_COMMANDS
