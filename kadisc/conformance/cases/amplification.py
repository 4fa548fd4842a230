"""How many bytes a node sends for each byte that it receives.

Attack: a query with a forged source sends the answer of the node to a victim.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, Final

from .. import datagrams
from ..case import Case
from ..probe import ConformanceProbe
from ..verdict import Failed
from .tokens import PORT, token_for

LIMITS: Final = {
    "ping": 2.0,
    "find_node": 10.0,
    "get_peers": 12.0,
    "get": 16.0,
    "sample_infohashes": 12.0,
    "announce_peer": 2.0,
    "put": 2.0,
    "unknown": 10.0,
}
"""The most bytes out for each byte in, by method. Eight contacts of both families make about 6, a
whole table makes 20; ``get`` returns the 1,000 bytes that BEP 44 allows; an error is short, and an
unknown method may be answered as find_node.
"""
VALUE_BYTES: Final = 990
ANNOUNCERS: Final = 8
FIRST_PLACE: Final = 14
"""Of the announcing sources, which no case of `conduct.py` uses: libtorrent was seen to return no
contacts at addresses that had announced, so that `silent-queriers` passed.
"""


async def amplification(probe: ConformanceProbe) -> str:
    info_hash, target = await _filled_info_hash(probe), await _stored_item(probe)
    both = [b"n4", b"n6"]
    anything = secrets.token_bytes(20)
    calls: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("ping", "ping", {}),
        ("find_node", "find_node", {"target": anything, "want": both}),
        ("get_peers", "get_peers", {"info_hash": info_hash, "want": both}),
        ("get", "get", {"target": target, "want": both}),
        ("sample_infohashes", "sample_infohashes", {"target": anything, "want": both}),
        ("announce_peer", "announce_peer", {"info_hash": anything, "port": PORT, "token": b"x"}),
        ("put", "put", {"token": b"x", "v": b"x"}),
        ("unknown", "kadisc_conformance", {"target": anything}),
    )
    factors = {
        name: factor
        for name, method, arguments in calls
        if (factor := await _factor(probe, method, arguments)) is not None
    }
    if "ping" not in factors:
        raise Failed("no answer to ping")
    text = "bytes out for each in: " + ", ".join(
        f"{name} x{factor:.1f}" for name, factor in factors.items()
    )
    over = [name for name, factor in factors.items() if factor > LIMITS[name]]
    if over:
        limits = ", ".join(f"{name} at most x{LIMITS[name]:g}" for name in over)
        raise Failed(f"{text}; expected {limits}")
    return text


async def _factor(probe: ConformanceProbe, method: str, arguments: dict[str, Any]) -> float | None:
    """All that comes back before the pong to a later ping counts; None without an answer."""
    sent, received = probe.count.sent_bytes, probe.count.received_bytes
    answer = await probe.ask(method, **arguments)
    if answer is None:
        return None
    asked = probe.count.sent_bytes - sent
    pong = await probe.ask("ping")
    back = probe.count.received_bytes - received - (len(pong.raw) if pong is not None else 0)
    return max(back, len(answer.raw)) / asked


async def _filled_info_hash(probe: ConformanceProbe) -> bytes:
    """An info-hash with some peers."""
    info_hash = secrets.token_bytes(20)
    for number in range(min(ANNOUNCERS, len(probe.sources))):
        asker = probe.open(FIRST_PLACE + number)
        token = await token_for(probe, info_hash, asker)
        await probe.ask("announce_peer", asker=asker, info_hash=info_hash, port=PORT, token=token)
    return info_hash


async def _stored_item(probe: ConformanceProbe) -> bytes:
    """The target of an item of nearly the largest size, if the node stores items."""
    value = secrets.token_bytes(VALUE_BYTES)
    target = hashlib.sha1(datagrams.write(value)).digest()
    answer = await probe.ask("get", target=target)
    token = (answer.body or {}).get(b"token") if answer is not None else None
    if type(token) is bytes:
        await probe.ask("put", token=token, v=value)
    return target


CASES = (
    Case(
        "amplification",
        "practice",
        "bytes out for each byte in, by method: no whole table for one small query",
        amplification,
    ),
)
