"""Exempts datagrams from the limits on strangers: answers to queries of this node, and datagrams
from endpoints that have proved that they receive packets.

Attack: a node that is asked something sends queries with the transaction ID of that question, which
pass every limit. Defence: only what looks like an answer is let through by its transaction ID, and
one datagram for each question.

Attack (discv5 of sigp and libtorrent are open to it): a limit or a ban by source address is a
weapon for an attacker that forges sources. A flood in the name of an honest node silences that
node. Defence: what can be told from a forgery is recognised first, by reading 9 bytes and one
look-up. A spoofer sees neither the transaction IDs of the queries of this node nor what a forged
endpoint was asked.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, Protocol

from ...config import LimitsConfig
from ...endpoints import Endpoint
from ...wire.envelope import ANSWER_ENDS, QUERY_MARK, TID_BYTES, TID_KEY
from ..contract.bounded import Sizes
from ..contract.times import NEVER
from .asker_tokens import AskerTokenRule
from .budget import CellHash

_TID_KEY_BYTES: Final = len(TID_KEY)


class SourceClass(Enum):
    """What is known of the source of a datagram."""

    AWAITED = "awaited"  # the datagram answers a query of this node
    PROVEN = "proven"  # it has proved that it receives packets
    UNPROVEN = "unproven"  # it may be forged: limited as strangers are

    __hash__ = object.__hash__


AWAITED: Final = SourceClass.AWAITED
PROVEN: Final = SourceClass.PROVEN
UNPROVEN: Final = SourceClass.UNPROVEN
"""Read for every datagram: see `endpoints.IPV4`."""


class ProvenSourcesRule(Protocol):
    shown_by: Endpoint | None
    """The source of the datagram that is being read, if a token in it proved that: good for this
    datagram alone.
    """

    def classify(self, payload: bytes, source: Endpoint, now: float) -> SourceClass: ...

    def is_proven(self, endpoint: Endpoint, now: float) -> bool: ...

    def proved(self, endpoint: Endpoint, now: float) -> None: ...


class ProvenEndpoints:
    """At most ``most`` endpoints. Beyond them, the netgroup (/16, IPv6 /32) that has the most loses
    its oldest one. They are not grouped before that.
    """

    __slots__ = ("_by_netgroup", "_most", "_sizes", "netgroups")

    def __init__(self, most: int) -> None:
        self._most = most
        self.netgroups: dict[Endpoint, int] = {}
        """The cell of the netgroup of each endpoint; to be changed by this class alone."""
        self._by_netgroup: dict[int, dict[Endpoint, None]] | None = None
        self._sizes: Sizes[int] | None = None

    def add(self, endpoint: Endpoint, netgroup: int) -> None:
        """One that is not among them."""
        self.netgroups[endpoint] = netgroup
        if len(self.netgroups) <= self._most:
            return
        groups, sizes = self._by_netgroup, self._sizes
        if groups is None or sizes is None:
            groups, sizes = self._by_netgroup, self._sizes = {}, Sizes()
            added = list(self.netgroups.items())
        else:
            added = [(endpoint, netgroup)]
        for each, group in added:
            groups.setdefault(group, {})[each] = None
            sizes.change(group, 1)
        largest = sizes.largest()
        assert largest is not None
        oldest = next(iter(groups[largest]))
        del groups[largest][oldest], self.netgroups[oldest]
        if not groups[largest]:
            del groups[largest]
        sizes.change(largest, -1)


class ProvenSources:
    """Two generations of proven endpoints. Contacts of the routing table are always proven and take
    no place here.

    Attack: endpoints in a few networks prove themselves by the thousand, until no proof of
    others is remembered. Defence: see `ProvenEndpoints`.
    """

    __slots__ = (
        "_admits",
        "_asker_tokens",
        "_cell_hash",
        "_is_contact",
        "_keep_s",
        "_most",
        "_old",
        "_proven",
        "_turn_at",
        "shown_by",
    )

    def __init__(
        self,
        limits: LimitsConfig,
        admits: Callable[[bytes, Endpoint], bool],
        is_contact: Callable[[Endpoint], bool],
        asker_tokens: AskerTokenRule,
        cell_hash: CellHash,
    ) -> None:
        """``admits``: whether a query with that transaction ID waits for an answer from that
        endpoint, and none has come yet. ``is_contact``: whether the routing table holds it.
        """
        self._admits = admits
        self._is_contact = is_contact
        self._asker_tokens = asker_tokens
        self.shown_by: Endpoint | None = None
        """The source of the datagram that is being read, if a token in it proved that; there is no
        state of it beside this.
        """
        self._cell_hash = cell_hash
        self._keep_s = limits.proven_for_s
        self._most = limits.max_proven_sources
        self._proven = ProvenEndpoints(self._most)
        self._old = self._proven  # until the first turn, at the first use
        self._turn_at = NEVER

    def __len__(self) -> int:
        return len(self._proven.netgroups) + len(self._old.netgroups)

    def classify(self, payload: bytes, source: Endpoint, now: float) -> SourceClass:
        """The class of the source of a datagram."""
        self.shown_by = None
        # Written out, for it runs for every datagram. Sorted keys put the transaction ID near the
        # end, and `y` at the end.
        at = payload.rfind(TID_KEY) + _TID_KEY_BYTES
        if (
            at >= _TID_KEY_BYTES
            and (payload.endswith(ANSWER_ENDS) or QUERY_MARK not in payload)
            and self._admits(payload[at : at + TID_BYTES], source)
        ):
            return AWAITED
        if self.is_proven(source, now):
            return PROVEN
        if not self._asker_tokens.proves(payload, source, now):
            return UNPROVEN
        self.shown_by = source
        return PROVEN

    def is_proven(self, endpoint: Endpoint, now: float) -> bool:
        if now >= self._turn_at:
            self._turn(now)
        return (
            self._is_contact(endpoint)
            or endpoint in self._proven.netgroups
            or endpoint in self._old.netgroups
            or endpoint == self.shown_by
        )

    def proved(self, endpoint: Endpoint, now: float) -> None:
        """The endpoint answered a query of this node, or used a token that was sent to it."""
        if now >= self._turn_at:
            self._turn(now)
        if endpoint not in self._proven.netgroups and not self._is_contact(endpoint):
            self._proven.add(endpoint, self._cell_hash.cells(endpoint)[2])

    def _turn(self, now: float) -> None:
        """Starts a new generation. After a longer silence both generations are dropped."""
        both_old = now >= self._turn_at + self._keep_s
        self._old = ProvenEndpoints(self._most) if both_old else self._proven
        self._proven = ProvenEndpoints(self._most)
        self._turn_at = now + self._keep_s
