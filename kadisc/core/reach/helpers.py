"""The peers that can take part in tests of reachability, as helpers or as witnesses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ...endpoints import Endpoint, Family


@dataclass(frozen=True, slots=True)
class Helper:
    """A verified peer with a public address that is known to be reached by nodes that it did not
    contact first, and whose last reply to gossip offered help (``can``).
    """

    endpoint: Endpoint
    token: bytes | None
    """The gossip token that it gave this node, as far as it is still good."""
    heard_s_ago: float
    """Since its last answer."""
    holds_mature_slot: bool
    """Whether it holds a slot of the view that is of full age."""


class HelperSource(Protocol):
    """What the room `peers` knows of helpers."""

    def reach_helpers(
        self, family: Family, now: float, *, most: int | None = None
    ) -> Sequence[Helper]:
        """Those that are known in the family, in no particular order. ``most``: how many of them,
        drawn at random, are enough.
        """
        ...

    def witnesses(self, family: Family, since: float) -> Sequence[Endpoint]:
        """The endpoints of those that are known in the family and answered ``since`` or later."""
        ...

    def token_of(self, endpoint: Endpoint, now: float) -> bytes | None:
        """The gossip token that it gave this node, as far as it is still good."""
        ...

    def met(self, family: Family) -> Iterable[Endpoint]:
        """The nodes of the own network that this one may have had to do with lately."""
        ...

    def token_received(self, endpoint: Endpoint, token: bytes, now: float) -> None:
        """A helper or a witness gave a new token."""
        ...
