"""What a node believes of unsolicited datagrams. Each case is an attack that has worked on some
real node.
"""

from __future__ import annotations

import secrets

import trio

from ...endpoints import Family, Scope, family_of, format_endpoint, make_endpoint, scope_of
from .. import datagrams
from ..case import Case
from ..probe import Asker, ConformanceProbe
from ..verdict import Failed, Skipped
from .answers import endpoint_returned_for, raw_contacts
from .identity import id_in

LIARS = 6
"""The number of sources of an attack; few, so that a faulty node soon forgets them."""
QUERIES_EACH = 3
VOTERS = 60
"""The number of voters. libtorrent changes its address after 50 votes, and sets it first after one.
"""
MAX_WAIT_STEPS = 10


async def _count_returned(probe: ConformanceProbe, askers: list[Asker]) -> int:
    """How many of the askers the node now returns at their addresses."""
    count = 0
    for asker in askers:
        if await endpoint_returned_for(probe, asker.node_id) == asker.endpoint:
            count += 1
    return count


async def silent_queriers(probe: ConformanceProbe) -> str:
    """Attack: an attacker fills the table with spoofed addresses, by a few queries from each."""
    askers = [probe.open(place, probe.near(place)) for place in range(2, 2 + LIARS)]
    for _ in range(QUERIES_EACH):
        for asker in askers:
            await probe.ask(
                "find_node", asker=asker, read_only=False, target=secrets.token_bytes(20)
            )
    count = await _count_returned(probe, askers)
    if count:
        raise Failed(
            f"{count} of {LIARS} sources that sent {QUERIES_EACH} queries and answered none "
            "are returned"
        )
    return f"none of {LIARS} sources that only query is returned"


async def unsolicited_pong(probe: ConformanceProbe) -> str:
    askers = [probe.open(place, probe.near(place)) for place in range(2, 2 + LIARS)]
    for number, asker in enumerate(askers):
        # jech/dht always pings with "pn"; it blacklists a node that answers with a t of 2 bytes.
        tid = b"pn\0\0" if number % 2 else b"aa"
        await probe.send(datagrams.reply({b"id": asker.node_id}, tid), asker=asker)
    await probe.alive(after="unsolicited replies")
    count = await _count_returned(probe, askers)
    if count:
        raise Failed(f"{count} of {LIARS} senders of an unsolicited reply are returned")
    return f"none of {LIARS} senders of an unsolicited reply is returned"


async def read_only(probe: ConformanceProbe) -> str:
    """BEP 43: a node that sends ro = 1 answers no queries, so it is of no use to others. The askers
    here do answer, so that only the mark can keep them out.
    """
    askers = [probe.open(place, probe.near(place), answers=True) for place in range(2, 5)]
    for _ in range(QUERIES_EACH):
        for asker in askers:
            await probe.ask("find_node", asker=asker, target=secrets.token_bytes(20))
    await trio.sleep(probe.pace.settle_s)
    count = await _count_returned(probe, askers)
    if count:
        raise Failed(f"{count} of {len(askers)} askers that sent ro = 1 are returned")
    return f"none of {len(askers)} askers that sent ro = 1 is returned"


def _to_several(probe: ConformanceProbe) -> dict[bytes, list[bytes]]:
    """The last transaction id of the node's queries to each asker, for methods that it sent to more
    than one, by method.
    """
    by_method: dict[bytes, dict[int, bytes]] = {}
    for query in probe.queries:
        by_method.setdefault(query.method, {})[id(query.asker)] = query.tid
    return {method: list(tids.values()) for method, tids in by_method.items() if len(tids) > 1}


async def constant_tids(probe: ConformanceProbe) -> str:
    """Attack: with a predictable transaction id an attacker can spoof answers; only the endpoint
    remains to be guessed.
    """
    for place in range(2, 5):
        asker = probe.open(place, probe.near(place), answers=True)
        for _ in range(QUERIES_EACH):
            await probe.ask(
                "find_node", asker=asker, read_only=False, target=secrets.token_bytes(20)
            )
    for _ in range(MAX_WAIT_STEPS):
        telling = _to_several(probe)
        if telling:
            break
        await trio.sleep(3 * probe.pace.settle_s / MAX_WAIT_STEPS)
    else:
        raise Skipped(f"it sent {len(probe.queries)} queries: too few to compare")
    for method, tids in telling.items():
        if len(set(tids)) == 1:
            raise Failed(
                f"it sent {method.decode('latin-1')} to {len(tids)} addresses with t = {tids[0]!r}"
            )
    return f"{sum(map(len, telling.values()))} queries to different addresses, with different ids"


async def claimed_id(probe: ConformanceProbe) -> str:
    """Attack: a query that moves a known ID to another address removes a node from a table, or
    redirects its traffic.
    """
    body, _ = await probe.reply("find_node", target=secrets.token_bytes(20))
    own = {asker_endpoint(probe, place) for place in range(len(probe.sources))}
    known = [
        (node_id, endpoint)
        for node_id, endpoint in raw_contacts(body)
        if endpoint[:-2] not in own and scope_of(endpoint) is not Scope.INVALID
    ]
    if not known:
        raise Skipped("it returns no contact whose ID could be claimed")
    node_id, endpoint = known[0]
    claimant = probe.open(1, node_id)
    for _ in range(QUERIES_EACH):
        await probe.ask("ping", asker=claimant, read_only=False)
    now = await endpoint_returned_for(probe, node_id)
    if now == claimant.endpoint:
        raise Failed(
            f"{node_id.hex()[:12]}... of {format_endpoint(endpoint)} is returned at "
            f"{format_endpoint(now)}, which only claimed it"
        )
    return (
        f"{node_id.hex()[:12]}... stays at {format_endpoint(endpoint)}, claimed by another address"
    )


def asker_endpoint(probe: ConformanceProbe, place: int) -> bytes:
    return make_endpoint(probe.sources[place], 1)[:-2]


async def address_votes(probe: ConformanceProbe) -> str:
    """Attack: spoofed replies with another address change the ID of a node; others then lose it."""
    before, _ = await probe.reply("ping")
    lie = make_endpoint(
        "46.11.22.33" if family_of(probe.target) is Family.IPV4 else "2a00:1450:4001:81b::200e",
        6881,
    )
    voters = min(VOTERS, len(probe.sources))
    for place in range(voters):
        asker = probe.open(place)
        await probe.send(
            datagrams.reply({b"id": asker.node_id}, secrets.token_bytes(2), ip=lie), asker=asker
        )
    for _ in range(MAX_WAIT_STEPS):
        await trio.sleep(probe.pace.settle_s / MAX_WAIT_STEPS)
        after, _ = await probe.reply("ping")
        if id_in(after, "ping") != id_in(before, "ping"):
            raise Failed(
                f"{voters} unsolicited replies with another ip changed its ID "
                f"from {before[b'id'].hex()[:12]}... to {after[b'id'].hex()[:12]}..."
            )
    return f"the ID is the same after {voters} unsolicited replies with another ip"


CASES = (
    Case(
        "unsolicited-pong",
        "practice",
        "a sender of an unsolicited reply is not returned",
        unsolicited_pong,
        destructive=True,
    ),
    Case(
        "read-only",
        "BEP 43",
        "an asker with ro = 1 is not returned, even if it answers",
        read_only,
    ),
    Case(
        "silent-queriers",
        "practice",
        "a node that queries and never answers is not returned",
        silent_queriers,
        destructive=True,
    ),
    Case(
        "constant-tids",
        "practice",
        "its own queries have unpredictable transaction ids",
        constant_tids,
    ),
    Case(
        "claimed-id",
        "practice",
        "a query that claims a known ID does not move it to another address",
        claimed_id,
        destructive=True,
    ),
    Case(
        "address-votes",
        "practice",
        "unsolicited replies do not change its own address and ID",
        address_votes,
        destructive=True,
    ),
)
