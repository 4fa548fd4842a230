"""The node's ID."""

from __future__ import annotations

import secrets

from ...core.addressing.bep42 import conforms
from ...endpoints import Scope, host_of, scope_of
from ...ids import id_from_bytes
from ..case import Case
from ..datagrams import Fields
from ..probe import ConformanceProbe
from ..verdict import Failed, Skipped, Warned


def id_in(body: Fields, method: str) -> bytes:
    node_id = body.get(b"id")
    if type(node_id) is not bytes or len(node_id) != 20:
        raise Failed(f"the id in the reply to {method} is {node_id!r}, not 20 bytes")
    return node_id


async def id_length(probe: ConformanceProbe) -> str:
    body, _ = await probe.reply("ping")
    return f"id = {id_in(body, 'ping').hex()}"


async def id_constant(probe: ConformanceProbe) -> str:
    target, seen = secrets.token_bytes(20), {}
    for place, (method, arguments) in enumerate(
        (("ping", {}), ("find_node", {"target": target}), ("get_peers", {"info_hash": target}))
    ):
        body, _ = await probe.reply(method, asker=probe.open(place), **arguments)
        seen[method] = id_in(body, method)
    if len(set(seen.values())) > 1:
        raise Failed(
            "the id is "
            + ", ".join(f"{node_id.hex()[:8]}... to {method}" for method, node_id in seen.items())
        )
    return f"the same in 3 replies to {min(3, len(probe.sources))} addresses"


async def id_bep42(probe: ConformanceProbe) -> str:
    body, _ = await probe.reply("ping")
    node_id = id_in(body, "ping")
    if scope_of(probe.target) is not Scope.PUBLIC:
        raise Skipped("local addresses are exempt")
    if not conforms(id_from_bytes(node_id), probe.target):
        raise Warned(
            f"{node_id.hex()} is not valid for {host_of(probe.target)}: some nodes do not return it"
        )
    return f"{node_id.hex()} is valid for {host_of(probe.target)}"


CASES = (
    Case("id-length", "BEP 5", "the id is 20 bytes", id_length),
    Case(
        "id-constant",
        "BEP 5",
        "the id is the same in every reply, for any query and any querier",
        id_constant,
    ),
    Case("id-bep42", "BEP 42", "the id is valid for the address", id_bep42),
)
