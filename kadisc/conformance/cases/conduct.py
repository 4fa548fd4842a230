"""What a node believes of those who talk to it without being asked. Each case is an attack that
some real node has fallen for.
"""

from __future__ import annotations

import secrets

import trio

from ...endpoints import Family, Scope, family_of, format_endpoint, make_endpoint, scope_of
from .. import datagrams
from ..case import Case
from ..probe import Asker, ConformanceProbe
from ..verdict import Failed, Skipped
from .answers import handed_out, raw_contacts
from .identity import id_in

LIARS = 6
"""Sources of an attack; few, so that a faulty node soon forgets them."""
QUERIES_EACH = 3
VOTERS = 60
"""Of them libtorrent counts 50 before it changes an opinion that it has, and one where it has none.
"""
MAX_WAIT_STEPS = 10


async def _promoted(probe: ConformanceProbe, askers: list[Asker]) -> int:
    """How many of them the node now hands out at their addresses."""
    count = 0
    for asker in askers:
        if await handed_out(probe, asker.node_id) == asker.endpoint:
            count += 1
    return count


async def silent_queriers(probe: ConformanceProbe) -> str:
    """Whoever sends two queries from spoofed addresses would fill a table with them."""
    askers = [probe.open(place, probe.near(place)) for place in range(2, 2 + LIARS)]
    for _ in range(QUERIES_EACH):
        for asker in askers:
            await probe.ask(
                "find_node", asker=asker, read_only=False, target=secrets.token_bytes(20)
            )
    count = await _promoted(probe, askers)
    if count:
        raise Failed(
            f"{count} of {LIARS} sources that sent {QUERIES_EACH} queries and answered none are handed out"
        )
    return f"none of {LIARS} sources that only query is handed out"


async def unsolicited_pong(probe: ConformanceProbe) -> str:
    askers = [probe.open(place, probe.near(place)) for place in range(2, 2 + LIARS)]
    for number, asker in enumerate(askers):
        # "pn" is what jech/dht pings with, always; it blacklists who answers with a t of 2 bytes.
        tid = b"pn\0\0" if number % 2 else b"aa"
        await probe.send(datagrams.reply({b"id": asker.node_id}, tid), asker=asker)
    await probe.alive(after="unsolicited replies")
    count = await _promoted(probe, askers)
    if count:
        raise Failed(f"{count} of {LIARS} senders of a reply to nothing are handed out")
    return f"none of {LIARS} senders of a reply to nothing is handed out"


async def read_only(probe: ConformanceProbe) -> str:
    """BEP 43: who sends ro = 1 answers nothing, and is useless to others. Ours answers, so that
    nothing but the mark can keep it out.
    """
    askers = [probe.open(place, probe.near(place), polite=True) for place in range(2, 5)]
    for _ in range(QUERIES_EACH):
        for asker in askers:
            await probe.ask("find_node", asker=asker, target=secrets.token_bytes(20))
    await trio.sleep(probe.pace.settle_s)
    count = await _promoted(probe, askers)
    if count:
        raise Failed(f"{count} of {len(askers)} askers that sent ro = 1 are handed out")
    return f"none of {len(askers)} askers that sent ro = 1 is handed out"


def _to_several(probe: ConformanceProbe) -> dict[bytes, list[bytes]]:
    """The transaction ids of what the node asked more than one of our sockets, by method; the last
    one of each socket.
    """
    by_method: dict[bytes, dict[int, bytes]] = {}
    for heard in probe.heard:
        by_method.setdefault(heard.method, {})[id(heard.asker)] = heard.tid
    return {method: list(tids.values()) for method, tids in by_method.items() if len(tids) > 1}


async def constant_tids(probe: ConformanceProbe) -> str:
    """A transaction id that everybody knows makes a spoofed answer count: the endpoint is the only
    thing left to guess.
    """
    for place in range(2, 5):
        asker = probe.open(place, probe.near(place), polite=True)
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
        raise Skipped(f"it sent {len(probe.heard)} queries to us: too few to compare")
    for method, tids in telling.items():
        if len(set(tids)) == 1:
            raise Failed(
                f"{len(tids)} addresses were each sent a {method.decode('latin-1')} with t = {tids[0]!r}"
            )
    return f"{sum(map(len, telling.values()))} queries to different addresses, with different ids"


async def claimed_id(probe: ConformanceProbe) -> str:
    """Whoever may move a known ID to another address takes any node out of a table, or sends its
    traffic wherever it likes.
    """
    body, _ = await probe.reply("find_node", target=secrets.token_bytes(20))
    own = {asker_endpoint(probe, place) for place in range(len(probe.sources))}
    known = [
        (node_id, endpoint)
        for node_id, endpoint in raw_contacts(body)
        if endpoint[:-2] not in own and scope_of(endpoint) is not Scope.INVALID
    ]
    if not known:
        raise Skipped("it hands out nobody whose ID could be claimed")
    node_id, endpoint = known[0]
    thief = probe.open(1, node_id)
    for _ in range(QUERIES_EACH):
        await probe.ask("ping", asker=thief, read_only=False)
    now = await handed_out(probe, node_id)
    if now == thief.endpoint:
        raise Failed(
            f"{node_id.hex()[:12]}... of {format_endpoint(endpoint)} is handed out at {format_endpoint(now)}, which only claimed it"
        )
    return f"{node_id.hex()[:12]}... stays at {format_endpoint(endpoint)}, though another address claimed it"


def asker_endpoint(probe: ConformanceProbe, place: int) -> bytes:
    return make_endpoint(probe.sources[place], 1)[:-2]


async def address_votes(probe: ConformanceProbe) -> str:
    """One spoofed packet would give the node a new ID, and so make everybody forget it."""
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
                f"{voters} replies to nothing with another ip changed its ID from {before[b'id'].hex()[:12]}... to {after[b'id'].hex()[:12]}..."
            )
    return f"the ID is the same after {voters} replies to nothing that told it another address"


CASES = (
    Case(
        "unsolicited-pong",
        "practice",
        "who sends a reply to nothing is not handed out",
        unsolicited_pong,
        destructive=True,
    ),
    Case(
        "read-only",
        "BEP 43",
        "an asker that says ro = 1 is not handed out, even if it answers",
        read_only,
    ),
    Case(
        "silent-queriers",
        "practice",
        "who queries and never answers is not handed out",
        silent_queriers,
        destructive=True,
    ),
    Case(
        "constant-tids",
        "practice",
        "its own queries have transaction ids that cannot be foretold",
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
        "replies to nothing do not change its own address and ID",
        address_votes,
        destructive=True,
    ),
)
