"""The limits on traffic with unproven addresses, and on proven ones."""

from __future__ import annotations

from dataclasses import dataclass

from .declaration import SHARE, setting, within


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """An address is unproven while it has lately answered no query of this node and used no token.
    Datagrams that claim to come from it may be forged, and what is sent there may hit a third
    party that never asked. A host is an IPv4 address or an IPv6 /64, and a subnet is a /24 (IPv6
    /48).
    """

    host_queries_per_s: float = setting(
        10.0,
        within(0.1, 10_000_000),
        "At most this many queries per second are read from one unproven host, sustained"
        " (libtorrent bans a node that sends 5).",
    )
    host_query_burst: float = setting(
        100.0,
        within(0.1, 10_000_000),
        "At most this many queries are read at once, after a pause, from one unproven host: several"
        " nodes behind one NAT send so many, each with a lookup.",
    )
    subnet_queries_per_s: float = setting(
        40.0,
        within(0.1, 10_000_000),
        "At most this many queries per second are read from all unproven hosts of one subnet,"
        " sustained.",
    )
    subnet_query_burst: float = setting(
        400.0,
        within(0.1, 10_000_000),
        "At most this many queries are read at once, after a pause, from all unproven hosts of one"
        " subnet.",
    )
    total_queries_per_s: float = setting(
        2000.0,
        within(0.1, 10_000_000),
        "At most this many queries per second are read from all unproven hosts, sustained: they"
        " take some 5 % of a core, so that a flood leaves the rest to everything else.",
    )
    total_query_burst: float = setting(
        4000.0,
        within(0.1, 10_000_000),
        "At most this many queries are read at once, after a pause, from all unproven hosts.",
    )
    host_reply_bytes_per_s: float = setting(
        2000.0,
        within(1, 1_000_000_000),
        "Replies to one unproven host carry at most this many bytes of payload per second,"
        " sustained: less than any line notices.",
    )
    host_reply_burst_bytes: float = setting(
        32_000.0,
        within(1, 1_000_000_000),
        "Replies to one unproven host carry at most this many bytes of payload at once, after a"
        " pause: the replies to a burst of 100 queries.",
    )
    subnet_reply_bytes_per_s: float = setting(
        8000.0,
        within(1, 1_000_000_000),
        "Replies to all unproven hosts of one subnet carry at most this many bytes of payload per"
        " second, sustained (libtorrent's limit for all its answers together).",
    )
    subnet_reply_burst_bytes: float = setting(
        128_000.0,
        within(1, 1_000_000_000),
        "Replies to all unproven hosts of one subnet carry at most this many bytes of payload at"
        " once, after a pause.",
    )
    total_reply_bytes_per_s: float = setting(
        125_000.0,
        within(1, 1_000_000_000),
        "Replies to all unproven hosts carry at most this many bytes of payload per second,"
        " sustained: 1 Mbit/s, a tenth of a slow uplink.",
    )
    total_reply_burst_bytes: float = setting(
        500_000.0,
        within(1, 1_000_000_000),
        "Replies to all unproven hosts carry at most this many bytes of payload at once, after a"
        " pause.",
    )
    host_query_bytes_per_s: float = setting(
        1000.0,
        within(1, 1_000_000_000),
        "Queries to one unproven host carry at most this many bytes of payload per second,"
        " sustained: other nodes report addresses, and may report a victim's.",
    )
    host_query_burst_bytes: float = setting(
        8000.0,
        within(1, 1_000_000_000),
        "Queries to one unproven host carry at most this many bytes of payload at once, after a"
        " pause.",
    )
    subnet_query_bytes_per_s: float = setting(
        4000.0,
        within(1, 1_000_000_000),
        "Queries to all unproven hosts of one subnet carry at most this many bytes of payload per"
        " second, sustained.",
    )
    subnet_query_burst_bytes: float = setting(
        32_000.0,
        within(1, 1_000_000_000),
        "Queries to all unproven hosts of one subnet carry at most this many bytes of payload at"
        " once, after a pause.",
    )
    total_query_bytes_per_s: float = setting(
        40_000.0,
        within(1, 1_000_000_000),
        "Queries to all unproven hosts carry at most this many bytes of payload per second,"
        " sustained: twice what ``new_address_rate`` queries of the longest kind take, each sent"
        " twice.",
    )
    total_query_burst_bytes: float = setting(
        160_000.0,
        within(1, 1_000_000_000),
        "Queries to all unproven hosts carry at most this many bytes of payload at once, after a"
        " pause.",
    )
    total_proofs_per_s: float = setting(
        1000.0,
        within(0.1, 10_000_000),
        "At most this many proofs of key per second are signed for gossip queries without a token,"
        " sustained; each takes 20 us. The sender of a query that gets none repeats it once with"
        " its token.",
    )
    total_proof_burst: float = setting(
        500.0,
        within(0.1, 10_000_000),
        "At most this many proofs of key are signed at once, after a pause, for gossip queries"
        " without a token.",
    )
    proven_queries_per_s: float = setting(
        500.0,
        within(0.1, 10_000_000),
        "At most this many queries per second are read from one proven endpoint, sustained: far"
        " more than a node asks, and far less than would take the whole processor.",
    )
    proven_query_burst: float = setting(
        1000.0,
        within(0.1, 10_000_000),
        "At most this many queries are read at once, after a pause, from one proven endpoint.",
    )
    proven_host_queries_per_s: float = setting(
        1000.0,
        within(0.1, 10_000_000),
        "At most this many queries per second are read from the proven endpoints of one host"
        " together, sustained.",
    )
    proven_subnet_queries_per_s: float = setting(
        2000.0,
        within(0.1, 10_000_000),
        "At most this many queries per second are read from the proven endpoints of one subnet"
        " together, sustained.",
    )
    proven_netgroup_queries_per_s: float = setting(
        4000.0,
        within(0.1, 10_000_000),
        "At most this many queries per second are read from the proven endpoints of one /16 (IPv6"
        " /32) together, sustained.",
    )
    proven_total_queries_per_s: float = setting(
        20_000.0,
        within(0.1, 10_000_000),
        "At most this many queries per second are read from all proven endpoints together,"
        " sustained.",
    )
    proven_host_reply_bytes_per_s: float = setting(
        70_000.0,
        within(1, 1_000_000_000),
        "Replies to the proven endpoints of one host carry at most this many bytes of payload per"
        " second, sustained.",
    )
    proven_subnet_reply_bytes_per_s: float = setting(
        280_000.0,
        within(1, 1_000_000_000),
        "Replies to the proven endpoints of one subnet carry at most this many bytes of payload"
        " per second, sustained.",
    )
    proven_netgroup_reply_bytes_per_s: float = setting(
        700_000.0,
        within(1, 1_000_000_000),
        "Replies to the proven endpoints of one /16 (IPv6 /32) carry at most this many bytes of"
        " payload per second, sustained.",
    )
    proven_total_reply_bytes_per_s: float = setting(
        4_250_000.0,
        within(1, 1_000_000_000),
        "Replies to all proven endpoints carry at most this many bytes of payload per second,"
        " sustained.",
    )
    proven_host_query_bytes_per_s: float = setting(
        13_000.0,
        within(1, 1_000_000_000),
        "Queries to the proven endpoints of one host carry at most this many bytes of payload per"
        " second, sustained.",
    )
    proven_subnet_query_bytes_per_s: float = setting(
        52_000.0,
        within(1, 1_000_000_000),
        "Queries to the proven endpoints of one subnet carry at most this many bytes of payload"
        " per second, sustained.",
    )
    proven_netgroup_query_bytes_per_s: float = setting(
        130_000.0,
        within(1, 1_000_000_000),
        "Queries to the proven endpoints of one /16 (IPv6 /32) carry at most this many bytes of"
        " payload per second, sustained.",
    )
    proven_total_query_bytes_per_s: float = setting(
        650_000.0,
        within(1, 1_000_000_000),
        "Queries to all proven endpoints carry at most this many bytes of payload per second,"
        " sustained.",
    )
    proven_host_time_share: float = setting(
        0.05,
        within(0.0001, 1),
        "The queries of the proven endpoints of one host take at most this part of a processor"
        " core, sustained, by fixed estimates of what each costs.",
    )
    proven_subnet_time_share: float = setting(
        0.1,
        within(0.0001, 1),
        "The queries of the proven endpoints of one subnet take at most this part of a processor"
        " core, sustained, by fixed estimates of what each costs.",
    )
    proven_netgroup_time_share: float = setting(
        0.2,
        within(0.0001, 1),
        "The queries of the proven endpoints of one /16 (IPv6 /32) take at most this part of a"
        " processor core, sustained, by fixed estimates of what each costs.",
    )
    proven_total_time_share: float = setting(
        0.6,
        within(0.0001, 1),
        "The queries of all proven endpoints take at most this part of a processor core,"
        " sustained, by fixed estimates of what each costs.",
    )
    proven_burst_s: float = setting(
        1.0,
        within(0.01, 3_600),
        "Each budget of proven endpoints allows so many seconds of its rate at once, after a"
        " pause.",
    )
    host_time_share: float = setting(
        0.005,
        within(0.0001, 1),
        "The queries of one unproven host take at most this part of a processor core, sustained,"
        " by fixed estimates of what each costs.",
    )
    subnet_time_share: float = setting(
        0.02,
        within(0.0001, 1),
        "The queries of all unproven hosts of one subnet take at most this part of a processor"
        " core, sustained, by fixed estimates of what each costs.",
    )
    total_time_share: float = setting(
        0.05,
        within(0.0001, 1),
        "The queries of all unproven hosts take at most this part of a processor core, sustained,"
        " by fixed estimates of what each costs.",
    )
    time_burst_s: float = setting(
        2.0,
        within(0.01, 3_600),
        "The time budgets of unproven hosts allow so many seconds of their rate at once, after a"
        " pause.",
    )
    proven_for_s: float = setting(
        300.0,
        within(1, 31_536_000),
        "An endpoint stays proven for one to two times this many seconds after its last answer;"
        " contacts in the table stay proven as long as they are there.",
    )
    max_proven_sources: int = setting(
        4096,
        within(1, 1_000_000),
        "At most this many proven endpoints outside of the table are remembered, in each of two"
        " halves of the time.",
    )
    cell_bits: int = setting(
        14,
        within(1, 16),
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
