"""``why``: the history of one peer of the network: its source, verification and failures."""

from __future__ import annotations

import re

import msgspec
import trio

from ...core.book.entry import Provenance, Source
from ...core.peers.peer_matching import MatchedBy, PeerMatch
from ...endpoints import format_endpoint
from ...errors import NotFound
from ...net.api.node import Node
from ..call import Call, Method
from ..units import milliseconds

_TAG = re.compile(r"tag(\d*)")


class WhyParams(msgspec.Struct, forbid_unknown_fields=True):
    """``peer``: its key (64 hex digits), the HOST:PORT where it answers, or the HOST:PORT of a
    service of its record.
    """

    peer: str


class WhyDocument(msgspec.Struct):
    """``table``: ``tried`` for a verified peer, ``new`` for one that is unverified or waits for a
    place in the address book, ``none`` for one that has none there.
    ``verified_in_this_run`` is false for a peer that was last verified in an earlier run.
    ``source``: the first source of the peer: a HOST:PORT, or a word such as ``rendezvous0``, see
    `source_words`. ``reported_s_ago``, ``reported_times``: the last report of the peer by any
    source, and the number of reports. ``failures``: checks in a row without an answer. ``verdict``:
    the last feedback of the application; for ``suppressed_s`` more seconds the node does not return
    the peer. Ages are in seconds, and null for what did not happen.
    """

    peer: str
    key: str | None
    table: str
    verified_in_this_run: bool
    source: str
    first_seen_s_ago: float
    reported_s_ago: float
    reported_times: int
    first_verified_s_ago: float | None
    verified_s_ago: float | None
    failures: int
    rtt_ms: float | None
    sequence: int | None
    verdict: str | None
    suppressed_s: float
    asn: int | None
    """The number of its autonomous system; null without a map (``--asmap``) that has its address.
    """
    matched_by: MatchedBy
    """What of the peer was given: its key, its endpoint, or the endpoint of a service."""
    also_at: list[str]
    """The endpoints of other peers that were meant as well, or of the same one in the other address
    family. Their history is not in this document.
    """


async def _why(params: WhyParams, call: Call) -> WhyDocument:
    await trio.lowlevel.checkpoint()
    return why_document(call.node, params.peer)


def why_document(node: Node, peer: str) -> WhyDocument:
    """The history of a peer, as `WhyParams` names it. Raises NotFound, and UsageError for a text
    that names none.
    """
    network = node.own_network
    match = network.match(peer)
    provenance = node.why(peer)
    if provenance is None:
        raise NotFound(unknown_peer(network.name, peer))
    return _document(provenance, network.asn(provenance.endpoint), match)


def unknown_peer(network: str, who: str) -> str:
    """The message for a peer that is not known."""
    return (
        f"the network {network} has no known peer {who}: no peer has that key, answers at that "
        "endpoint or has a service there"
    )


def _document(provenance: Provenance, asn: int | None, match: PeerMatch) -> WhyDocument:
    meant = {format_endpoint(peer.endpoint): peer for peer in match.peers}
    return WhyDocument(
        peer=format_endpoint(provenance.endpoint),
        key=provenance.key.hex() if provenance.key is not None else None,
        table=_table(provenance),
        verified_in_this_run=provenance.verified_in_run,
        source=source_of(provenance.source),
        first_seen_s_ago=round(provenance.first_seen_s_ago, 1),
        reported_s_ago=round(provenance.reported_s_ago, 1),
        reported_times=provenance.times_reported,
        first_verified_s_ago=_rounded(provenance.first_verified_s_ago),
        verified_s_ago=_rounded(provenance.verified_s_ago),
        failures=provenance.failures,
        rtt_ms=milliseconds(provenance.rtt_s),
        sequence=provenance.sequence,
        verdict=provenance.verdict,
        suppressed_s=round(provenance.held_back_s, 1),
        asn=asn,
        matched_by=match.by if match.peers else "endpoint",
        also_at=[each for each in meant if each != format_endpoint(provenance.endpoint)],
    )


def _table(provenance: Provenance) -> str:
    if not provenance.in_book:
        return "none"
    return "tried" if provenance.tried else "new"


def source_of(source: Source) -> str:
    """The endpoint of the node that named a peer first, or the public word for another source."""
    return source_words(source) if isinstance(source, str) else format_endpoint(source)


def source_words(word: str) -> str:
    """The public word for a source that is not a node. The address book and its files have ``walk``
    and ``tagN``, for which documents have ``lookup`` (the peer was met in a DHT lookup) and
    ``rendezvousN`` (the peer announced itself under a key of the network on the DHT). Other words,
    such as ``search``, ``anchor`` or ``operator``, stay.
    """
    if word == "walk":
        return "lookup"
    return _TAG.sub(r"rendezvous\1", word) if _TAG.fullmatch(word) else word


def _rounded(age_s: float | None) -> float | None:
    return None if age_s is None else round(age_s, 1)


WHY = Method("why", WhyParams, WhyDocument, _why)
