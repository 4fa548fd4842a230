"""The limits on traffic with unproven addresses, and on proven ones."""

from __future__ import annotations

from dataclasses import dataclass

from .declaration import ABOVE_0, SHARE, Bounds, setting


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """An address is unproven while it has lately answered no query of this node and used no token.
    Datagrams that claim to come from it may be forged, and what is sent there may hit a third
    party that never asked. A host is an IPv4 address or an IPv6 /64, and a subnet is a /24 (IPv6
    /48).
    """

    host_queries_per_s: float = setting(
        10.0,
        ABOVE_0,
        "At most this many queries per second are read from one unproven host, sustained"
        " (libtorrent bans a node that sends 5).",
    )
    host_query_burst: float = setting(
        100.0,
        ABOVE_0,
        "At most this many queries are read at once, after a pause, from one unproven host: several"
        " nodes behind one NAT send so many, each with a lookup.",
    )
    subnet_queries_per_s: float = setting(
        40.0,
        ABOVE_0,
        "At most this many queries per second are read from all unproven hosts of one subnet,"
        " sustained.",
    )
    subnet_query_burst: float = setting(
        400.0,
        ABOVE_0,
        "At most this many queries are read at once, after a pause, from all unproven hosts of one"
        " subnet.",
    )
    total_queries_per_s: float = setting(
        2000.0,
        ABOVE_0,
        "At most this many queries per second are read from all unproven hosts, sustained: they"
        " take some 5 % of a core, so that a flood leaves the rest to everything else.",
    )
    total_query_burst: float = setting(
        4000.0,
        ABOVE_0,
        "At most this many queries are read at once, after a pause, from all unproven hosts.",
    )
    host_reply_bytes_per_s: float = setting(
        2000.0,
        ABOVE_0,
        "Replies to one unproven host carry at most this many bytes of payload per second,"
        " sustained: less than any line notices.",
    )
    host_reply_burst_bytes: float = setting(
        32_000.0,
        ABOVE_0,
        "Replies to one unproven host carry at most this many bytes of payload at once, after a"
        " pause: the replies to a burst of 100 queries.",
    )
    subnet_reply_bytes_per_s: float = setting(
        8000.0,
        ABOVE_0,
        "Replies to all unproven hosts of one subnet carry at most this many bytes of payload per"
        " second, sustained (libtorrent's limit for all its answers together).",
    )
    subnet_reply_burst_bytes: float = setting(
        128_000.0,
        ABOVE_0,
        "Replies to all unproven hosts of one subnet carry at most this many bytes of payload at"
        " once, after a pause.",
    )
    total_reply_bytes_per_s: float = setting(
        125_000.0,
        ABOVE_0,
        "Replies to all unproven hosts carry at most this many bytes of payload per second,"
        " sustained: 1 Mbit/s, a tenth of a slow uplink.",
    )
    total_reply_burst_bytes: float = setting(
        500_000.0,
        ABOVE_0,
        "Replies to all unproven hosts carry at most this many bytes of payload at once, after a"
        " pause.",
    )
    host_query_bytes_per_s: float = setting(
        1000.0,
        ABOVE_0,
        "Queries to one unproven host carry at most this many bytes of payload per second,"
        " sustained: other nodes report addresses, and may report a victim's.",
    )
    host_query_burst_bytes: float = setting(
        8000.0,
        ABOVE_0,
        "Queries to one unproven host carry at most this many bytes of payload at once, after a"
        " pause.",
    )
    subnet_query_bytes_per_s: float = setting(
        4000.0,
        ABOVE_0,
        "Queries to all unproven hosts of one subnet carry at most this many bytes of payload per"
        " second, sustained.",
    )
    subnet_query_burst_bytes: float = setting(
        32_000.0,
        ABOVE_0,
        "Queries to all unproven hosts of one subnet carry at most this many bytes of payload at"
        " once, after a pause.",
    )
    total_query_bytes_per_s: float = setting(
        40_000.0,
        ABOVE_0,
        "Queries to all unproven hosts carry at most this many bytes of payload per second,"
        " sustained: twice what ``new_address_rate`` queries of the longest kind take, each sent"
        " twice.",
    )
    total_query_burst_bytes: float = setting(
        160_000.0,
        ABOVE_0,
        "Queries to all unproven hosts carry at most this many bytes of payload at once, after a"
        " pause.",
    )
    total_proofs_per_s: float = setting(
        1000.0,
        ABOVE_0,
        "At most this many proofs of key per second are signed for gossip queries without a token,"
        " sustained; each takes 20 us. The sender of a query that gets none repeats it once with"
        " its token.",
    )
    total_proof_burst: float = setting(
        500.0,
        ABOVE_0,
        "At most this many proofs of key are signed at once, after a pause, for gossip queries"
        " without a token.",
    )
    proven_queries_per_s: float = setting(
        500.0,
        ABOVE_0,
        "At most this many queries per second are read from one proven endpoint, sustained: far"
        " more than a node asks, and far less than would take the whole processor.",
    )
    proven_query_burst: float = setting(
        1000.0,
        ABOVE_0,
        "At most this many queries are read at once, after a pause, from one proven endpoint.",
    )
    proven_for_s: float = setting(
        300.0,
        ABOVE_0,
        "An endpoint stays proven for one to two times this many seconds after its last answer;"
        " contacts in the table stay proven as long as they are there.",
    )
    max_proven_sources: int = setting(
        4096,
        ABOVE_0,
        "At most this many proven endpoints outside of the table are remembered, in each of two"
        " halves of the time.",
    )
    cell_bits: int = setting(
        14,
        Bounds(above=0, most=16),
        "Budgets by address are kept in two to the power of this many cells for hosts, and as many"
        " for subnets and for netgroups, however many addresses send: 16,384 of them take 2 MB when"
        " all are used."
        " Addresses that share a cell share its budget, so that none gets more than its own.",
    )
    reserved_share: float = setting(
        0.25,
        SHARE,
        "Lookups leave this share of the places for outstanding and waiting queries to checks and"
        " gossip.",
    )
