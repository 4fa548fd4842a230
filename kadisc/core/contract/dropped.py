"""What a node forgot at once when the operator excluded addresses."""

from __future__ import annotations

from typing import NamedTuple


class Dropped(NamedTuple):
    """``contacts``: of the routing tables; ``peers``: that counted as verified; ``booked``: entries
    of the address book.
    """

    contacts: int
    peers: int
    booked: int
