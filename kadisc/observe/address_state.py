"""The own address in one family as it is shown: who voted for what, whether strangers get in, and
what shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..core.reach.reach_snapshot import ReachSnapshot
from ..core.snapshot import AddressSnapshot, DhtSnapshot, Snapshot
from ..endpoints import Endpoint, Family, format_endpoint, format_ip, format_subnet
from ..ids import format_id
from .reachability import ReachDocument, reach_document, untested_words

_ASN = b"AS"
_ASN_BYTES = 6


@dataclass(frozen=True, slots=True)
class AddressVote:
    """``voter``: a subnet in CIDR notation, an address, or an autonomous system (``AS64500``).
    ``sees``: the IP address that it says this node has.
    """

    voter: str
    sees: str
    agrees: bool


@dataclass(frozen=True, slots=True)
class EndpointTested:
    """As `kadisc.core.reach.reach_snapshot.TestedEndpoint`."""

    endpoint: str
    is_mapped: bool
    state: str
    proofs: int
    misses: int


@dataclass(frozen=True, slots=True)
class AddressState:
    """``ip`` and ``port``: as other nodes see this one, None while unknown. ``confidence``: see
    `Confidence`. ``voters_needed``: votes that the first decision takes. ``agreement``: the share
    of the ``votes`` that are for ``ip``. ``port_voters``, ``port_agreement``: the same of the port.
    ``recounting``: votes are counted anew. ``reach``: None where it is not tested, ``untested``
    says why. ``since_s``: how long its verdict holds. ``reached_by``: the stranger that got in
    last, by a ``query`` of its own or by a ``probe`` (``reached_how``). ``tests``: of each
    endpoint.
    """

    family: Family
    own_id: str
    joined: bool
    online: bool
    ip: str | None
    port: int | None
    confidence: str
    voters_needed: int
    agreement: float
    votes: tuple[AddressVote, ...]
    port_voters: int
    port_agreement: float
    recounting: bool
    bound: str | None = None
    reach: ReachDocument | None = None
    untested: str | None = None
    since_s: float | None = None
    reached_by: str | None = None
    reached_how: str | None = None
    tests: tuple[EndpointTested, ...] = ()


def address_states(
    snapshot: Snapshot,
    bound: Mapping[Family, Endpoint],
    voters_needed: int,
    *,
    lan_only: bool,
    tests: bool,
) -> tuple[AddressState, ...]:
    """One for each family of the node. ``bound``: the local endpoints; ``tests``: whether the node
    tests whether strangers reach it.
    """
    reach = {each.family: each for each in snapshot.reach} if tests else {}
    return tuple(
        _state(
            dht,
            bound.get(dht.family),
            voters_needed,
            reach.get(dht.family),
            untested_words(dht.address.ip, lan_only=lan_only) if tests else _NOT_TESTED,
        )
        for dht in snapshot.dhts
    )


_NOT_TESTED = "this node does not test whether strangers reach it"


def _state(
    dht: DhtSnapshot,
    bound: Endpoint | None,
    voters_needed: int,
    reach: ReachSnapshot | None,
    untested: str | None,
) -> AddressState:
    address = dht.address
    shown = reach if untested is None else None
    by = shown.reached_by if shown is not None else None
    return AddressState(
        family=dht.family,
        own_id=format_id(dht.own_id),
        joined=dht.joined,
        online=dht.online,
        ip=format_ip(address.ip) if address.ip is not None else None,
        port=address.port,
        confidence=address.confidence.value,
        voters_needed=voters_needed,
        agreement=round(address.agreement, 3),
        votes=_votes(dht.family, address),
        port_voters=address.port_voters,
        port_agreement=round(address.port_agreement, 3),
        recounting=address.is_recounting,
        bound=format_endpoint(bound) if bound is not None else None,
        reach=reach_document(shown) if shown is not None else None,
        untested=untested,
        since_s=round(shown.since_s, 1) if shown is not None else None,
        reached_by=format_endpoint(by) if by is not None else None,
        reached_how=shown.reached_how if shown is not None else None,
        tests=tuple(
            EndpointTested(
                format_endpoint(each.endpoint),
                each.is_mapped,
                each.state,
                each.proofs,
                each.misses,
            )
            for each in (shown.tests if shown is not None else ())
        ),
    )


def _votes(family: Family, address: AddressSnapshot) -> tuple[AddressVote, ...]:
    return tuple(
        AddressVote(voter_words(voter, family), format_ip(ip), ip == address.ip)
        for voter, ip in address.votes
    )


def voter_words(voter: bytes, family: Family) -> str:
    """What has one vote: the first bytes of an address, or ``AS`` and a number in four bytes."""
    if len(voter) == _ASN_BYTES and voter.startswith(_ASN):
        return f"AS{int.from_bytes(voter[2:], 'big')}"
    if family is Family.IPV6 and len(voter) >= 4:
        return f"{format_ip(voter + bytes(16 - len(voter)))}/{8 * len(voter)}"
    return format_ip(voter) if len(voter) == 4 else format_subnet(voter)
