"""The address book of peers."""

from __future__ import annotations

from dataclasses import dataclass

from .declaration import setting, within


@dataclass(frozen=True, slots=True)
class BookConfig:
    """The address book, after the model of Bitcoin Core's addrman: unverified peers in the new
    table, verified peers in the tried table, and their failures and feedback.
    """

    new_buckets: int = setting(
        256,
        within(1, 16_384),
        "The new table, for unverified peers, has this many buckets.",
    )
    new_bucket_size: int = setting(
        16,
        within(1, 1_024),
        "A bucket of the new table has this many places.",
    )
    new_buckets_per_source: int = setting(
        16,
        within(1, 16_384),
        "One source netgroup (/16, IPv6 /32) reaches this many buckets of the new table, whatever"
        " it reports: 1/16 of them.",
    )
    tried_buckets: int = setting(
        64,
        within(1, 16_384),
        "The tried table, for verified peers, has this many buckets: a tenth of a network of 10,000"
        " is enough to rejoin it.",
    )
    tried_bucket_size: int = setting(
        16,
        within(1, 1_024),
        "A bucket of the tried table has this many places.",
    )
    tried_buckets_per_netgroup: int = setting(
        4,
        within(1, 16_384),
        "Peers of one /16 (IPv6 /32) reach this many buckets of the tried table.",
    )
    tried_places_per_subnet: int = setting(
        2,
        within(1, 1_000_000),
        "Peers of one /24 (IPv6 /48) reach this many places of the tried table, as many as the"
        " subnet has in the routing table.",
    )
    new_lifetime_s: float = setting(
        86_400.0,
        within(0.01, 31_536_000),
        "A peer that was not verified within this many seconds after its report gives way to the"
        " next one that needs its place.",
    )
    new_failures: int = setting(
        2,
        within(1, 10_000),
        "A peer that was never verified is forgotten after this many failures in a row; after the"
        " first it gives way to others.",
    )
    tried_failures: int = setting(
        8,
        within(1, 10_000),
        "A peer that was verified before is forgotten after this many failures in a row, once"
        " ``tried_lifetime_s`` is over as well.",
    )
    tried_lifetime_s: float = setting(
        7 * 86_400.0,
        within(0.01, 31_536_000),
        "A peer that was verified before is forgotten only if its last verification is this many"
        " seconds ago: many peers come back the next day.",
    )
    failure_spacing_s: float = setting(
        10.0,
        within(0.01, 31_536_000),
        "Failures of a peer less than this many seconds apart count as one, because they may have"
        " one cause in the link.",
    )
    recently_verified_s: float = setting(
        600.0,
        within(0.01, 31_536_000),
        "A peer that was verified within this many seconds keeps its place without a test.",
    )
    tests: int = setting(
        16,
        within(1, 10_000),
        "At most this many places are contested at a time: the peer that has a place is tested"
        " before a new peer may take it.",
    )
    test_interval_s: float = setting(
        30.0,
        within(0.01, 31_536_000),
        "The peer in a contested place is tested again after this many seconds.",
    )
    test_pause_s: float = setting(
        5.0,
        within(0.01, 31_536_000),
        "At least this many seconds pass between the tests of two contested places.",
    )
    test_failures: int = setting(
        2,
        within(1, 10_000),
        "The peer in a contested place loses it after this many failed tests, and keeps it when it"
        " answers one.",
    )
    test_lifetime_s: float = setting(
        300.0,
        within(0.01, 31_536_000),
        "The peer in a contested place keeps it when its tests have decided nothing after this many"
        " seconds.",
    )
    feeler_interval_s: float = setting(
        120.0,
        within(0.01, 31_536_000),
        "One peer of the book is tested every this many seconds (Bitcoin Core's feelers), so that"
        " the book is worth something when it is needed.",
    )
    anchors: int = setting(
        2,
        within(0, 1_000),
        "This many peers of the last run are asked first after a restart (Bitcoin Core's anchors),"
        " so that an attacker gains nothing by making the node restart.",
    )
    returnable_for_s: float = setting(
        1800.0,
        within(0.01, 31_536_000),
        "A peer is returned to the application without a new check for this many seconds after its"
        " last answer. With a much shorter time, a peer that makes this node check it often is"
        " returned more often: with 300 s, three in ten flooders were half of all peers returned.",
    )
    busy_s: float = setting(
        300.0,
        within(0.01, 31_536_000),
        "A peer that the application called busy is not returned for this many seconds.",
    )
    bad_s: float = setting(
        3600.0,
        within(0.01, 31_536_000),
        "A peer that the application called bad is not returned for this many seconds.",
    )
    wrong_network_s: float = setting(
        86_400.0,
        within(0.01, 31_536_000),
        "A peer that the application reported as a member of another network is not returned for"
        " this many seconds; it is never excluded for good, because the application may be wrong.",
    )
    max_good: int = setting(
        4,
        within(0, 1_000),
        "At most this many good reports of the application count for a peer: each makes it a"
        " quarter likelier to be returned.",
    )
