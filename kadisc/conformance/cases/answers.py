"""The contents and the size of answers to find_node and get_peers."""

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
_KEYS = {Family.IPV4: b"nodes", Family.IPV6: b"nodes6"}


def contacts_in(body: Fields, method: str = "find_node") -> dict[Family, list[Contact]]:
    """The contacts in a reply by family. Raises Failed for anything but whole contacts."""
    found = {}
    for family, key in _KEYS.items():
        raw = body.get(key)
        if raw is None:
            continue
        if type(raw) is not bytes or len(raw) % CONTACT_BYTES[family]:
            size = len(raw) if isinstance(raw, bytes) else repr(raw)
            raise Failed(
                f"{key.decode()} in the reply to {method} is {size} bytes: not whole contacts"
            )
        found[family] = contacts_from(raw, family)
    return found


def raw_contacts(body: Fields) -> list[tuple[bytes, Any]]:
    """All pairs (id, endpoint), with port 0 too. Raises Failed like `contacts_in`."""
    contacts_in(body)
    pairs: list[tuple[bytes, Any]] = []
    for family, key in _KEYS.items():
        raw, size = body.get(key) or b"", CONTACT_BYTES[family]
        pairs += [(raw[at : at + 20], raw[at + 20 : at + size]) for at in range(0, len(raw), size)]
    return pairs


async def endpoint_returned_for(probe: ConformanceProbe, node_id: bytes) -> Any:
    """The endpoint that the node returns for this ID, or None if it does not return it."""
    body, _ = await probe.reply("find_node", target=node_id)
    return dict(raw_contacts(body)).get(node_id)


async def find_node_contacts(probe: ConformanceProbe) -> str:
    body, _ = await probe.reply("find_node", target=secrets.token_bytes(20))
    found = contacts_in(body)
    if not found:
        raise Warned(
            "neither nodes nor nodes6 in the reply: without contacts an empty one is expected"
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
                raise Failed(f"a contact with an unreachable address: {format_endpoint(endpoint)}")
    return f"{seen} contacts in 3 answers" if seen else "no contacts returned"


async def find_node_closest(probe: ConformanceProbe) -> str:
    """Looks up the exact IDs of contacts that the node has returned: a random target could not show
    whether the closest are returned.
    """
    body, _ = await probe.reply("find_node", target=secrets.token_bytes(20))
    known = raw_contacts(body)[:3]
    if not known:
        raise Skipped("it returns no contacts")
    for node_id, endpoint in known:
        if await endpoint_returned_for(probe, node_id) is None:
            raise Failed(
                f"{node_id.hex()[:12]}... at {format_endpoint(endpoint)} was returned, "
                "but not to a find_node for exactly this ID"
            )
    return f"{len(known)} of its contacts looked up by their IDs, and returned"


async def get_peers_shape(probe: ConformanceProbe) -> str:
    body, _ = await probe.reply("get_peers", info_hash=secrets.token_bytes(20))
    token, values = body.get(b"token"), body.get(b"values", [])
    if type(token) is not bytes or not token:
        raise Failed(f"token = {token!r}")
    if type(values) is not list or values:
        raise Failed("values for a random info-hash")
    contacts_in(body, "get_peers")
    if b"nodes" not in body and b"nodes6" not in body:
        raise Warned("neither values nor nodes")
    contacts = len(raw_contacts(body))
    return f"token of {len(token)} bytes, {contacts} contacts, no values for a random info-hash"


async def answer_size(probe: ConformanceProbe) -> str:
    both, target = [b"n4", b"n6"], secrets.token_bytes(20)
    _, nodes = await probe.reply("find_node", target=target, want=both)
    _, peers = await probe.reply("get_peers", info_hash=target, want=both)
    text = f"find_node {len(nodes.raw)} bytes, get_peers {len(peers.raw)} bytes"
    if max(len(nodes.raw), len(peers.raw)) > MAX_ANSWER_BYTES:
        raise Failed(f"{text}: more than {MAX_ANSWER_BYTES}")
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
        "no contact has port 0 or an unreachable address",
        contacts_reachable,
    ),
    Case(
        "find-node-closest",
        "BEP 5",
        "a contact that it returns is also returned for a find_node for its ID",
        find_node_closest,
    ),
    Case(
        "get-peers-shape",
        "BEP 5",
        "get_peers: a token, nodes, and no values for an unknown info-hash",
        get_peers_shape,
    ),
    Case(
        "answer-size",
        "BEP 32",
        "at most 1,024 bytes of payload, also with both families wanted",
        answer_size,
    ),
)
