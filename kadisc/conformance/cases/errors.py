"""Errors: the answers to invalid queries."""

from __future__ import annotations

import secrets
from typing import Any

from ...wire.error_codes import METHOD_UNKNOWN, PROTOCOL
from .. import datagrams
from ..case import Case
from ..probe import ConformanceProbe, ProbeAnswer
from ..verdict import Failed, Warned

UNKNOWN = "kadisc_conformance"


async def _expect(
    probe: ConformanceProbe,
    method: str,
    code: int,
    arguments: dict[str, Any],
    what: str,
    node_id: bytes | None = None,
) -> str:
    """Passes for error ``code``, warns for another error or no answer, fails for a reply."""
    fields = {name.encode(): value for name, value in arguments.items()}
    tid = secrets.token_bytes(4)
    who = {} if node_id == b"" else {b"id": node_id or probe.asker.node_id}
    answer = await probe.exchange(datagrams.query(method.encode(), who | fields, tid), tid)
    return _judge(answer, code, what)


def _judge(answer: ProbeAnswer | None, code: int, what: str) -> str:
    if answer is None:
        raise Warned(f"{what}: no answer; BEP 5 defines error {code}")
    if answer.body is not None:
        raise Failed(f"{what} was answered with {answer.words()}")
    if answer.code != code:
        raise Warned(f"{what}: {answer.words()} instead of {code}")
    return f"{what}: error {code}"


async def unknown_method(probe: ConformanceProbe) -> str:
    return await _expect(probe, UNKNOWN, METHOD_UNKNOWN, {}, "an unknown method")


async def unknown_method_with_target(probe: ConformanceProbe) -> str:
    answer = await probe.ask(UNKNOWN, target=secrets.token_bytes(20))
    if answer is not None and answer.body is not None:
        if b"nodes" not in answer.body and b"nodes6" not in answer.body:
            raise Failed(f"answered with {answer.words()}: neither like find_node nor an error")
        return "answered like find_node"
    return _judge(answer, METHOD_UNKNOWN, "an unknown method with a target")


async def find_node_without_target(probe: ConformanceProbe) -> str:
    return await _expect(probe, "find_node", PROTOCOL, {}, "find_node without a target")


async def get_peers_without_hash(probe: ConformanceProbe) -> str:
    return await _expect(probe, "get_peers", PROTOCOL, {}, "get_peers without an info_hash")


async def announce_without_hash(probe: ConformanceProbe) -> str:
    return await _expect(
        probe,
        "announce_peer",
        PROTOCOL,
        {"port": 6881, "token": b"12345678"},
        "announce_peer without an info_hash",
    )


async def target_of_wrong_length(probe: ConformanceProbe) -> str:
    short = await _expect(
        probe, "find_node", PROTOCOL, {"target": secrets.token_bytes(19)}, "a target of 19 bytes"
    )
    return (
        short
        + "; "
        + await _expect(
            probe, "find_node", PROTOCOL, {"target": secrets.token_bytes(21)}, "one of 21"
        )
    )


async def id_of_wrong_length(probe: ConformanceProbe) -> str:
    short = await _expect(probe, "ping", PROTOCOL, {}, "an id of 19 bytes", secrets.token_bytes(19))
    return (
        short
        + "; "
        + await _expect(probe, "ping", PROTOCOL, {}, "one of 21", secrets.token_bytes(21))
    )


async def id_missing(probe: ConformanceProbe) -> str:
    return await _expect(probe, "ping", PROTOCOL, {}, "a ping without an id", b"")


CASES = (
    Case("unknown-method", "BEP 5", "an unknown method gets error 204", unknown_method),
    Case(
        "unknown-method-target",
        "BEP 44",
        "an unknown method with a target is answered like find_node, or with error 204",
        unknown_method_with_target,
    ),
    Case(
        "find-node-no-target",
        "BEP 5",
        "find_node without a target gets error 203",
        find_node_without_target,
    ),
    Case(
        "get-peers-no-hash",
        "BEP 5",
        "get_peers without an info_hash gets error 203",
        get_peers_without_hash,
    ),
    Case(
        "announce-no-hash",
        "BEP 5",
        "announce_peer without an info_hash gets error 203",
        announce_without_hash,
    ),
    Case(
        "target-length",
        "BEP 5",
        "a target of 19 or 21 bytes gets error 203",
        target_of_wrong_length,
    ),
    Case(
        "querier-id-length",
        "BEP 5",
        "a querier's id of 19 or 21 bytes gets error 203",
        id_of_wrong_length,
    ),
    Case("querier-id-missing", "BEP 5", "a query without an id gets error 203", id_missing),
)
