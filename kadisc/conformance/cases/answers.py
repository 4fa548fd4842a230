"""What the answers to find_node and get_peers hold, and how large they are."""

from __future__ import annotations

import secrets
from typing import Any

from ...contacts import Contact
from ...endpoints import Family, Scope, format_endpoint, scope_of
from ...wire.compact import CONTACT_BYTES, contacts_from
from ..case import Case
from ..datagrams import Fields
from ..probe import ConformanceProbe
from ..verdict import Failed, Skipped, Warned

K = 8
MAX_ANSWER_BYTES = 1024
MAX_FACTOR = 10.0
"""Bytes out for each byte in. Eight contacts of either family make about 6; a whole table makes 20.
"""
_KEYS = {Family.IPV4: b"nodes", Family.IPV6: b"nodes6"}


def contacts_in(body: Fields, method: str = "find_node") -> dict[Family, list[Contact]]:
    """By family; raises Failed for what is not whole contacts."""
    found = {}
    for family, key in _KEYS.items():
        raw = body.get(key)
        if raw is None:
            continue
        if type(raw) is not bytes or len(raw) % CONTACT_BYTES[family]:
            raise Failed(
                f"{key.decode()} in the reply to {method} is {len(raw) if isinstance(raw, bytes) else raw!r} bytes: not whole contacts"
            )
        found[family] = contacts_from(raw, family)
    return found


def raw_contacts(body: Fields) -> list[tuple[bytes, Any]]:
    """Every (id, endpoint), also those with port 0; raises Failed as `contacts_in`."""
    contacts_in(body)
    pairs: list[tuple[bytes, Any]] = []
    for family, key in _KEYS.items():
        raw, size = body.get(key) or b"", CONTACT_BYTES[family]
        pairs += [(raw[at : at + 20], raw[at + 20 : at + size]) for at in range(0, len(raw), size)]
    return pairs


async def handed_out(probe: ConformanceProbe, node_id: bytes) -> Any:
    """The endpoint under which the node hands out this ID, or None."""
    body, _ = await probe.reply("find_node", target=node_id)
    return dict(raw_contacts(body)).get(node_id)


async def find_node_contacts(probe: ConformanceProbe) -> str:
    body, _ = await probe.reply("find_node", target=secrets.token_bytes(20))
    found = contacts_in(body)
    if not found:
        raise Warned(
            "neither nodes nor nodes6 in the reply: nobody is known, and it does not say so"
        )
    for family, contacts in found.items():
        if len(contacts) > K:
            raise Failed(f"{len(contacts)} {family.value} contacts: more than k = {K}")
    pairs = raw_contacts(body)
    if len({node_id for node_id, _ in pairs}) < len(pairs) or len(
        {endpoint for _, endpoint in pairs}
    ) < len(pairs):
        raise Failed(f"{len(pairs)} contacts, some of them twice")
    return f"{len(pairs)} contacts, none twice"


async def contacts_reachable(probe: ConformanceProbe) -> str:
    seen = 0
    for _ in range(3):
        body, _ = await probe.reply("find_node", target=secrets.token_bytes(20))
        for _, endpoint in raw_contacts(body):
            seen += 1
            scope = scope_of(endpoint)
            if endpoint[-2:] == b"\0\0":
                raise Failed(f"a contact with port 0: {format_endpoint(endpoint)}")
            if scope is Scope.INVALID or (
                scope is not Scope.PUBLIC and scope_of(probe.target) is Scope.PUBLIC
            ):
                raise Failed(f"a contact that nobody here can reach: {format_endpoint(endpoint)}")
    return f"{seen} contacts in 3 answers" if seen else "nobody handed out"


async def find_node_closest(probe: ConformanceProbe) -> str:
    """Of 160 bits a random target says little; the exact ID of somebody who was handed out says
    all.
    """
    body, _ = await probe.reply("find_node", target=secrets.token_bytes(20))
    known = raw_contacts(body)[:3]
    if not known:
        raise Skipped("it hands out nobody")
    for node_id, endpoint in known:
        if await handed_out(probe, node_id) is None:
            raise Failed(
                f"{node_id.hex()[:12]}... at {format_endpoint(endpoint)} was handed out, but not to who asked for exactly this ID"
            )
    return f"{len(known)} of its contacts asked for by their IDs, and handed out"


async def get_peers_shape(probe: ConformanceProbe) -> str:
    body, _ = await probe.reply("get_peers", info_hash=secrets.token_bytes(20))
    token, values = body.get(b"token"), body.get(b"values", [])
    if type(token) is not bytes or not token:
        raise Failed(f"token = {token!r}")
    if type(values) is not list or values:
        raise Failed("values for an info-hash that nobody has announced")
    contacts_in(body, "get_peers")
    if b"nodes" not in body and b"nodes6" not in body:
        raise Warned("neither values nor nodes")
    return f"token of {len(token)} bytes, {len(raw_contacts(body))} contacts, no values for a random info-hash"


async def answer_size(probe: ConformanceProbe) -> str:
    both, target = [b"n4", b"n6"], secrets.token_bytes(20)
    _, nodes = await probe.reply("find_node", target=target, want=both)
    _, peers = await probe.reply("get_peers", info_hash=target, want=both)
    text = f"find_node {len(nodes.raw)} bytes, get_peers {len(peers.raw)} bytes"
    if max(len(nodes.raw), len(peers.raw)) > MAX_ANSWER_BYTES:
        raise Failed(f"{text}: more than {MAX_ANSWER_BYTES}")
    return text


async def amplification(probe: ConformanceProbe) -> str:
    """A spoofer gets as much as the node sends for each byte that it is sent, against whomever it
    likes.
    """
    target, both = secrets.token_bytes(20), [b"n4", b"n6"]
    calls: tuple[tuple[str, dict[str, Any]], ...] = (
        ("ping", {}),
        ("find_node", {"target": target, "want": both}),
        ("get_peers", {"info_hash": target}),
    )
    parts, worst = [], 0.0
    for method, arguments in calls:
        before = probe.count.received_bytes
        _, answer = await probe.reply(method, **arguments)
        bytes_out = max(probe.count.received_bytes - before, len(answer.raw))
        factor = bytes_out / answer.asked_bytes
        worst = max(worst, factor)
        parts.append(f"{method} {answer.asked_bytes} in, {bytes_out} out, x{factor:.1f}")
    text = "; ".join(parts)
    if worst > MAX_FACTOR:
        raise Failed(f"{text}: more than x{MAX_FACTOR:g}")
    return text


CASES = (
    Case(
        "find-node-contacts",
        "BEP 5",
        "find_node: whole compact contacts, at most 8 a family, none twice",
        find_node_contacts,
    ),
    Case(
        "contacts-reachable",
        "practice",
        "no contact has port 0 or an address that nobody can reach",
        contacts_reachable,
    ),
    Case(
        "find-node-closest",
        "BEP 5",
        "whom it hands out, it hands out to who asks for exactly that ID",
        find_node_closest,
    ),
    Case(
        "get-peers-shape",
        "BEP 5",
        "get_peers: a token, nodes, and no values for an info-hash unheard of",
        get_peers_shape,
    ),
    Case(
        "answer-size",
        "BEP 32",
        "at most 1,024 bytes of payload, also with both families wanted",
        answer_size,
    ),
    Case(
        "amplification",
        "practice",
        "bytes out for each byte in, by method: no whole table for one small query",
        amplification,
    ),
)
