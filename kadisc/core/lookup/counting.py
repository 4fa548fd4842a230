"""Which peers of a lookup count among the k closest.

Attack: one operator fills the neighbourhood of the target with IDs from one subnet. Defence: of
each /24 (IPv6 /48) one answering node counts; the others wait as alternates and are used when no
other peer is left. Of each /16 (IPv6 /32) the two closest that answered count (`netgroup_cap.py`).

Attack: IDs are forged right beside the target, each closer than any honest one. Defence: an ID that
is valid by BEP 42 cannot be placed freely, so of the peers with invalid IDs at most five eighths of
the k count while there are others. (Half of the k costs half a per cent of recall where a fifth of
the honest nodes have invalid IDs.) Where most IDs are invalid (old clients), they fill the k. Valid
IDs that are closer than the size of the network allows count as invalid (`network_size.py`).

Attack: endpoints without a node are named, right beside the target. Defence: `tellers.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from ...contacts import Contact
from .netgroup_cap import NetgroupCap
from .peer import COUNTED, UNHEARD, LookupRules, Peer, State


class CountingPeers:
    """The rules by address and ID, and what they need to know of the peers that have answered."""

    __slots__ = (
        "_answered_by_subnet",
        "_least_distances",
        "_max_bep42_invalid",
        "_rules",
        "beside",
        "netgroups",
    )

    def __init__(
        self,
        rules: LookupRules,
        k: int,
        least_distances: Sequence[int],
        contacts: Callable[[], Iterable[Contact]],
    ) -> None:
        """``least_distances``: of the closest valid ID, of the second closest, and so on.
        ``contacts``: all that have answered this node.
        """
        self._rules = rules
        self._max_bep42_invalid = max(1, k - -(-3 * k // 8))
        self._least_distances = least_distances
        self._answered_by_subnet: dict[bytes, int] = {}
        self.netgroups = NetgroupCap(rules, contacts)
        self.beside = 0
        """Peers that are closer come after all others (`region.py`)."""

    def answered(self, peer: Peer) -> None:
        self._answered_by_subnet[peer.subnet] = self._answered_by_subnet.get(peer.subnet, 0) + 1
        self.netgroups.answered(peer.endpoint)

    def peers(self, known: Sequence[Peer]) -> Iterator[Peer]:
        """``known``: all peers of the lookup, closest first. Those that count among the k, closest
        first: not failed, not silent, and no alternate. Of those whose ID is invalid by BEP 42, the
        ones beyond their share come after all others; so do those beyond ``per_subnet`` in the own
        subnet, those right beside the target of a suspicious lookup, and at last those that doubted
        nodes alone have named (`tellers.py`).
        """
        per_subnet = self._rules.per_subnet
        netgroups, least_distances = self.netgroups, self._least_distances
        passed: dict[bytes, int] = {}
        passed_of_netgroup: dict[bytes, int] = {}
        bep42_invalid = bep42_valid = 0
        deferred: list[Peer] = []
        doubtful: list[Peer] = []
        tellers = self._rules.tellers
        any_doubted = tellers.any_doubted
        for peer in known:
            if peer.id is None or peer.state not in COUNTED:
                continue
            if any_doubted and peer.state in UNHEARD and tellers.is_doubtful(peer.endpoint):
                if peer.state is not State.KNOWN or self._rules.is_free(peer.endpoint):
                    doubtful.append(peer)
                continue
            is_surplus = False
            if peer.state is State.ANSWERED:
                passed[peer.subnet] = passed.get(peer.subnet, 0) + 1
                is_surplus = passed[peer.subnet] > per_subnet
            elif peer.state is State.KNOWN:
                if not self._rules.is_free(peer.endpoint):
                    continue
                is_surplus = self._answered_by_subnet.get(peer.subnet, 0) >= per_subnet
            if is_surplus and not self._rules.extra_places(peer.endpoint):
                continue
            if netgroups.crowded and netgroups.is_beyond(
                peer.endpoint, passed_of_netgroup, answered=peer.state is State.ANSWERED
            ):
                continue
            if is_surplus or 0 < peer.distance < self.beside:
                deferred.append(peer)
                continue
            valid = peer.bep42_valid if peer.bep42_valid is not None else self.check_bep42(peer)
            if valid and bep42_valid < len(least_distances):
                valid = peer.distance >= least_distances[bep42_valid]
            bep42_valid += valid
            if not valid:
                bep42_invalid += 1
                if bep42_invalid > self._max_bep42_invalid:
                    deferred.append(peer)
                    continue
            yield peer
        yield from deferred
        yield from doubtful

    def check_bep42(self, peer: Peer) -> bool:
        peer.bep42_valid = peer.id is not None and self._rules.bep42_valid(peer.id, peer.endpoint)
        return peer.bep42_valid
