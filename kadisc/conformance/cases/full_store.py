"""Whether a few addresses close the store of announced peers to all others."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import trio

from ...endpoints import ip_of, make_endpoint, netgroup_prefix, subnet_prefix
from ...net.transport.nurseries import open_flat_nursery
from ..case import Case
from ..probe import Asker, ConformanceProbe
from ..verdict import Failed, Skipped
from .tokens import PORT, peers_of, token_for

ANNOUNCES = 2100
"""libtorrent and kadisc keep 2,000 info-hashes."""
MAX_FILL_S = 90.0
MAX_REFUSED = 4
"""An address gives up after so many refusals in a row."""
HONEST = 3
"""Info-hashes that are announced from elsewhere before the attack, and after it."""


@dataclass(slots=True)
class Fill:
    """``left``: how many announces are still to be made."""

    left: int
    stored: int = 0


async def full_store(probe: ConformanceProbe) -> str:
    """Attack: the addresses of one operator announce random info-hashes until the store is full.
    If it then refuses all others, nothing can be announced at that node; if it drops what others
    have announced, it can be hidden.
    """
    attackers, honest = _sources(probe)
    before = [await _announced(probe, honest) for _ in range(HONEST)]
    if not all(before):
        raise Skipped("it stores no announces")
    fill = Fill(ANNOUNCES)
    with trio.move_on_after(MAX_FILL_S):
        async with open_flat_nursery() as nursery:
            for place in attackers:
                nursery.start_soon(_fill, probe, probe.open(place), fill)
    after = [await _announced(probe, honest) for _ in range(HONEST)]
    kept = [bool(await peers_of(probe, info_hash)) for info_hash in before if info_hash]
    text = f"{fill.stored} announces of {len(attackers)} addresses of one network stored"
    if not all(after):
        raise Failed(f"{text}; then {after.count(None)} of {HONEST} of another one were not")
    if not all(kept):
        raise Failed(f"{text}; {kept.count(False)} of {HONEST} of another one, made before, lost")
    return f"{text}; those of another one are kept, and new ones stored"


def _sources(probe: ConformanceProbe) -> tuple[Sequence[int], int]:
    """The places of the attackers, in as many subnets of one netgroup as there are; and that of an
    honest source in another one. Raises Skipped.
    """
    subnets: dict[bytes, dict[bytes, int]] = {}
    for place, source in enumerate(probe.sources):
        endpoint = make_endpoint(source, 1)
        of_netgroup = subnets.setdefault(netgroup_prefix(endpoint), {})
        of_netgroup.setdefault(subnet_prefix(endpoint), place)
    netgroup, most = max(subnets.items(), key=lambda each: len(each[1]))
    elsewhere = [
        place
        for place, source in enumerate(probe.sources)
        if netgroup_prefix(make_endpoint(source, 1)) != netgroup
    ]
    if len(most) < 2 or not elsewhere:
        raise Skipped("needs source addresses of two networks, and several of one (--source)")
    return list(most.values()), elsewhere[0]


async def _announced(probe: ConformanceProbe, place: int) -> bytes | None:
    """An info-hash at which a peer was announced and is served; None if it is not."""
    info_hash, asker = secrets.token_bytes(20), probe.open(place)
    await _announce(probe, asker, info_hash)
    wanted = ip_of(asker.endpoint) + PORT.to_bytes(2, "big")
    return info_hash if wanted in await peers_of(probe, info_hash) else None


async def _announce(probe: ConformanceProbe, asker: Asker, info_hash: bytes) -> bool:
    token = await token_for(probe, info_hash, asker)
    answer = await probe.ask(
        "announce_peer", asker=asker, info_hash=info_hash, port=PORT, token=token
    )
    return answer is not None and answer.body is not None


async def _fill(probe: ConformanceProbe, asker: Asker, fill: Fill) -> None:
    refused = 0
    while fill.left > 0 and refused < MAX_REFUSED:
        fill.left -= 1
        try:
            is_stored = await _announce(probe, asker, secrets.token_bytes(20))
        except Failed:
            is_stored = False  # no answer, or no token
        fill.stored += is_stored
        refused = 0 if is_stored else refused + 1


CASES = (
    Case(
        "full-store",
        "practice",
        "a few addresses cannot fill the store of announced peers, and close it to others",
        full_store,
        destructive=True,
    ),
)
