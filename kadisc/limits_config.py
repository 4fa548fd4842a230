"""The numbers of the limits on traffic. The code knows them as ``kadisc.config.LimitsConfig``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LimitsConfig:
    """Unproven is an address that has lately answered no query of ours and used no token: what
    claims to come from there may be forged, and what is sent there may hit somebody who never
    asked. A network is a /24, in IPv6 a /48, and an address there is a /64.
    """

    host_queries_per_s: float = 10.0
    """Queries read from one unproven address, sustained (libtorrent bans whoever sends 5)..."""
    host_query_burst: float = 100.0
    """...and so many at once after a pause: several nodes behind one NAT, each with a lookup."""
    subnet_queries_per_s: float = 40.0
    """Queries read from all unproven addresses of one network, sustained..."""
    subnet_query_burst: float = 400.0
    """...and so many at once after a pause."""
    total_queries_per_s: float = 2000.0
    """Queries read from all unproven addresses, sustained: some 5 % of a core, so that a flood
    leaves the rest to everything else...
    """
    total_query_burst: float = 4000.0
    """...and so many at once after a pause."""
    host_reply_bytes_per_s: float = 2000.0
    """Payload that answers to queries may send to one unproven address, sustained: less than any
    line notices...
    """
    host_reply_burst_bytes: float = 32_000.0
    """...and so much at once after a pause: the answers to a burst of 100 queries."""
    subnet_reply_bytes_per_s: float = 8000.0
    """The same to all unproven addresses of one network, sustained (libtorrent's limit for all its
    answers together)...
    """
    subnet_reply_burst_bytes: float = 128_000.0
    """...and so much at once after a pause."""
    total_reply_bytes_per_s: float = 125_000.0
    """The same to all unproven addresses, sustained: 1 Mbit/s, a tenth of a slow uplink..."""
    total_reply_burst_bytes: float = 500_000.0
    """...and so much at once after a pause."""
    host_query_bytes_per_s: float = 1000.0
    """Payload that queries of our own may send to one unproven address, sustained: others name
    addresses to us, and may name a victim's...
    """
    host_query_burst_bytes: float = 8000.0
    """...and so much at once after a pause."""
    subnet_query_bytes_per_s: float = 4000.0
    """The same to all unproven addresses of one network, sustained..."""
    subnet_query_burst_bytes: float = 32_000.0
    """...and so much at once after a pause."""
    total_query_bytes_per_s: float = 40_000.0
    """The same to all unproven addresses, sustained: twice what ``new_address_rate`` queries of the
    longest kind take, each sent twice...
    """
    total_query_burst_bytes: float = 160_000.0
    """...and so much at once after a pause."""
    proven_queries_per_s: float = 500.0
    """Queries read from one proven endpoint, sustained: far more than a node asks, far less than
    keeps us busy...
    """
    proven_query_burst: float = 1000.0
    """...and so many at once after a pause."""
    proven_for_s: float = 300.0
    """An endpoint stays proven for one to two times so long after its last answer; contacts in the
    table stay it as long as they are there.
    """
    max_proven_sources: int = 4096
    """Proven endpoints remembered beside the table, in each of two halves of the time."""
    cell_bits: int = 14
    """Budgets are kept in 2 ** so many cells (16 at most) for addresses, and as many for networks,
    whoever sends: 16,384 of them take 2 MB when all are used. Addresses that share a cell share its
    budget, so that none ever gets more than its own.
    """
    reserved_share: float = 0.25
    """Of the places for outstanding and waiting queries, the share that lookups leave to checks and
    gossip.
    """
