"""How many nodes of one netgroup count among the k of a lookup.

Attack: in IPv6 an operator with one /32 has 65,536 /48s, and a valid ID (BEP 42) beside any target:
eight /48s of one /32 held all places of the k closest, where an announce goes. In IPv4 it takes a
few thousand addresses of one /16 in 256 /24s. Defence: of each netgroup (/16, IPv6 /32; or the
autonomous system, by the map of the operator) only the two closest that answered count.

Honest nodes are in few netgroups, too: all nodes of a network in one /32, most of them at one large
provider. So the rule ends where fewer than k *other* netgroups have answered, in this lookup or
before it (the contacts in the table); and where there are that many, but too few of them are close
enough to be known to the lookup, further contacts of the table are asked before one more of each
netgroup counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ...contacts import Contact
from ...endpoints import Endpoint
from ...ids import NodeId
from .peer import NO_CAP, LookupRules


class NetgroupCap:
    __slots__ = (
        "_answered",
        "_contacts",
        "_has_asked",
        "_netgroup_of",
        "_per_netgroup",
        "crowded",
        "passed_over",
    )

    def __init__(self, rules: LookupRules, contacts: Callable[[], Iterable[Contact]]) -> None:
        """``contacts``: all that have answered this node, in its table."""
        self._netgroup_of = rules.netgroup
        self._per_netgroup = rules.per_netgroup
        self._contacts = contacts
        self._answered: dict[bytes, int] = {}
        self._has_asked = False
        self.crowded: set[bytes] = set()
        """Netgroups of which as many as may count have answered."""
        self.passed_over = False
        """Whether a node was beyond the cap, since this was last set to False."""

    def answered(self, endpoint: Endpoint) -> None:
        netgroup = self._netgroup_of(endpoint)
        answered = self._answered[netgroup] = self._answered.get(netgroup, 0) + 1
        if answered >= self._per_netgroup:
            self.crowded.add(netgroup)

    def is_beyond(self, endpoint: Endpoint, passed: dict[bytes, int], *, answered: bool) -> bool:
        """Whether a node does not count, because enough of its netgroup are closer and have
        answered. ``passed``: how many of them those are; called in the order of distance.
        """
        netgroup = self._netgroup_of(endpoint)
        if netgroup not in self.crowded:
            return False
        closer = passed.get(netgroup, 0)
        if closer >= self._per_netgroup:
            self.passed_over = True
            return True
        if answered:
            passed[netgroup] = closer + 1
        return False

    def widen(self, target: NodeId, k: int, counting: int) -> list[Contact] | None:
        """All that count have answered, ``counting`` of them, and some were passed over. Returns
        None if the cap holds and the lookup is over; otherwise it has been changed, or the lookup
        is to go on with the contacts returned.
        """
        contacts = sorted(self._contacts(), key=lambda contact: contact.id ^ target)
        known = {self._netgroup_of(contact.endpoint) for contact in contacts}
        further: list[Contact] = []
        if len(known.union(self._answered)) <= k:
            self._per_netgroup = NO_CAP
        elif counting >= k:
            return None
        elif not self._has_asked:
            self._has_asked = True
            further = [
                contact
                for contact in contacts
                if self._netgroup_of(contact.endpoint) not in self.crowded
            ][:k]
        else:
            self._per_netgroup += 1
        self.crowded = {
            netgroup
            for netgroup, answered in self._answered.items()
            if answered >= self._per_netgroup
        }
        return further
