"""The routing table, queries, lookups, and the own address."""

from __future__ import annotations

from dataclasses import dataclass

from .declaration import setting, within


@dataclass(frozen=True, slots=True)
class TableConfig:
    """The routing table: its size, and how many entries one address range may have."""

    k: int = setting(
        8,
        within(1, 100),
        "An answer holds at most this many contacts (BEP 5).",
    )
    bucket_sizes: tuple[int, ...] = setting(
        (128, 64, 32, 16, 8),
        within(1, 1_024),
        "The buckets that share 0, 1, 2... bits with the own ID have these many places, and all"
        " further ones as many as the last number says. Wide buckets far away save a hop in each"
        " lookup (libtorrent).",
    )
    replacements_per_bucket: int = setting(
        8,
        within(0, 1_024),
        "At most this many verified contacts wait for a place in a full bucket.",
    )
    per_host: int = setting(
        1,
        within(1, 100_000),
        "The table has at most this many entries per IPv4 address or IPv6 /64.",
    )
    per_subnet_in_bucket: int = setting(
        1,
        within(1, 100_000),
        "A bucket has at most this many entries per /24 (IPv6 /48); it is a hard limit.",
    )
    per_subnet_in_table: int = setting(
        2,
        within(1, 100_000),
        "The table has at most this many entries per /24 (IPv6 /48); it is a hard limit.",
    )
    per_netgroup_in_table: int = setting(
        8,
        within(1, 100_000),
        "The table has this many entries per /16 (IPv6 /32) before the limit applies. It is a soft"
        " limit: a further contact enters only into a vacancy, and gives way to one of another"
        " netgroup.",
    )
    own_subnet_places: int = setting(
        32,
        within(0, 100_000),
        "Beyond the limits per subnet, this many nodes of the /24 (IPv6 /48) of the node's own"
        " address are kept, checked and looked up where nothing else needs their place; 0: the"
        " limits hold there as elsewhere.",
    )
    per_asn_in_table: int = setting(
        16,
        within(1, 100_000),
        "The table has this many entries per autonomous system before a soft limit applies, where"
        " the operator provides a map of those (``asmap``).",
    )


@dataclass(frozen=True, slots=True)
class QueryConfig:
    """Queries of this node: how long each waits, and how many there are."""

    timeout_s: float = setting(
        10.0,
        within(0.1, 300),
        "A query without an answer fails and is forgotten after this many seconds; until then a"
        " late answer is used.",
    )
    first_stall_s: float = setting(
        0.6,
        within(0.001, 60),
        "A query counts as stalled after this many seconds while no round-trip times are known"
        " yet.",
    )
    min_stall_s: float = setting(
        0.1,
        within(0.001, 60),
        "A query counts as stalled after this many seconds at the earliest.",
    )
    max_stall_s: float = setting(
        2.0,
        within(0.001, 60),
        "A query counts as stalled after this many seconds at the latest.",
    )
    max_outstanding: int = setting(
        4096,
        within(1, 32_768),
        "At most this many queries wait for an answer.",
    )
    new_address_rate: float = setting(
        40.0,
        within(0.1, 100_000),
        "The node sends at most this many queries per second, sustained, to addresses that it has"
        " not lately heard from; 100 per second fill the NAT tables of home routers.",
    )
    new_address_burst: float = setting(
        60.0,
        within(1, 100_000),
        "The node sends at most this many queries at once, after a pause, to addresses that it has"
        " not lately heard from.",
    )
    max_waiting: int = setting(
        4096,
        within(1, 1_000_000),
        "At most this many queries wait for the pacer.",
    )
    join_yield_s: float = setting(
        3.0,
        within(0.001, 600),
        "For this many seconds after the first query of a node, the queries that fill its table"
        " wait while a lookup of the application has found nothing.",
    )


@dataclass(frozen=True, slots=True)
class LookupConfig:
    """Iterative lookups: how many nodes each asks, and how much it keeps."""

    alpha: int = setting(
        5,
        within(1, 256),
        "A lookup starts with this many queries in flight. 5 instead of 4 costs 5 % more queries"
        " and saves 12 % of the time with 30 % dead nodes.",
    )
    max_alpha: int = setting(
        8,
        within(1, 256),
        "A lookup has at most this many queries in flight when answers no longer bring anything"
        " closer.",
    )
    silent_retries: int = setting(
        4,
        within(1, 1_000),
        "A lookup asks at most this many silent nodes once more, because they would be among its k"
        " closest.",
    )
    per_subnet: int = setting(
        1,
        within(1, 1_000),
        "At most this many nodes per /24 (IPv6 /48) count among the k closest of a lookup.",
    )
    per_netgroup: int = setting(
        2,
        within(1, 1_000),
        "At most this many nodes per /16 (IPv6 /32) count among the k closest of a lookup. The"
        " limit ends where fewer than k other netgroups have answered.",
    )
    region_nodes: int = setting(
        36,
        within(1, 1_000),
        "A lookup that found improbably many nodes near its target asks at most this many in all,"
        " to cover the region of the k closest honest nodes.",
    )
    contacts_per_answer: int = setting(
        16,
        within(1, 1_000),
        "A lookup takes at most this many contacts from one answer, the closest first; BEP 5"
        " clients send 8.",
    )
    max_known: int = setting(
        512,
        within(1, 100_000),
        "A lookup keeps at most this many contacts, and drops the farthest beyond that.",
    )
    max_peers: int = setting(
        10_000,
        within(1, 1_000_000),
        "One get_peers lookup reports at most this many distinct peers.",
    )
    max_operations: int = setting(
        256,
        within(1, 100_000),
        "At most this many operations (lookups, pings, announces) are in flight; one more is"
        " refused.",
    )
    max_paths: int = setting(
        256,
        within(1, 100_000),
        "The lookups that are in flight have at most this many paths in all; each path keeps up to"
        " ``max_known`` contacts.",
    )


@dataclass(frozen=True, slots=True)
class AddressConfig:
    """How the votes on the own external address are counted. Smaller DHTs need smaller numbers."""

    first_voters: int = setting(
        12,
        within(1, 1_000),
        "This many netgroups (/16, IPv6 /32) must have voted before the first decision.",
    )
    change_voters: int = setting(
        28,
        within(1, 1_000),
        "This many netgroups (/16, IPv6 /32) must have voted before a decision is changed. With 25"
        " % liars who agree, one recount in 8 million ends with their lie; of 24 voters, one in"
        " 800,000.",
    )
    agreement: float = setting(
        0.75,
        within(0.01, 1),
        "At least this share of the voters must agree.",
    )
    probes: int = setting(
        8,
        within(0, 1_000),
        "The node asks this many netgroups at once when one dissents, and again while most of them"
        " do.",
    )
    recount_pause_s: float = setting(
        20.0,
        within(0, 31_536_000),
        "A dissent opens no new recount for this many seconds after the last one.",
    )
    moved_probes: int = setting(
        16,
        within(0, 1_000),
        "The node asks this many netgroups after a change of its own network (addresses, gateway,"
        " suspend), after which ``first_voters`` decide on its address.",
    )
    moved_pause_s: float = setting(
        600.0,
        within(0, 31_536_000),
        "That happens at most once in this many seconds. If 25 % liars force such changes, the"
        " address is wrong in fewer than 3 of 1,000 hours; every 5 seconds it would be in one of"
        " four.",
    )
    unstable_after: int = setting(
        3,
        within(1, 1_000),
        "An address that was changed this many times within ``unstable_within_s`` is called"
        " unstable, and stays what it is.",
    )
    unstable_within_s: float = setting(
        3600.0,
        within(0.01, 31_536_000),
        "Changes of the address count as instability when they happen within this many seconds.",
    )
