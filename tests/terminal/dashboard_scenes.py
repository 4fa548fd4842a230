"""Fixed scenes for the tests of the dashboard."""

from __future__ import annotations

from collections.abc import Sequence

from kadisc.contacts import Contact
from kadisc.core.addressing.external_address import Confidence
from kadisc.core.snapshot import (
    AddressSnapshot,
    BucketSnapshot,
    DhtSnapshot,
    EntrySnapshot,
    OperationSnapshot,
    Snapshot,
)
from kadisc.dashboard.scene import Facts, Others, Scene, View
from kadisc.dashboard.tail import TailLine
from kadisc.dashboard.traffic import KEPT_S, Flow
from kadisc.endpoints import Family, make_endpoint

OWN_ID = int("3f9a81c2d4" + "00" * 15, 16)
CONTACT = Contact(int("aa" * 20, 16), make_endpoint("198.51.100.7", 6881))


def entries(
    ok: int,
    unconfirmed: int = 0,
    failing: int = 0,
    *,
    youngest_s: float = 3.0,
    spacing_s: float = 5.0,
) -> tuple[EntrySnapshot, ...]:
    states = [(False, 0)] * ok + [(True, 0)] * unconfirmed + [(False, 1)] * failing
    return tuple(
        EntrySnapshot(
            CONTACT,
            3600.0,
            youngest_s + i * spacing_s,
            failures,
            inbound,
            0.0125 * (1 + i % 5) if not failures else None,
            b"KD\0\1",
        )
        for i, (inbound, failures) in enumerate(states)
    )


def bucket(
    index: int, held: tuple[EntrySnapshot, ...], replacements: int = 0, touched_s_ago: float = 3.0
) -> BucketSnapshot:
    capacity = (128, 64, 32, 16, 8)[min(index, 4)]
    return BucketSnapshot(index, capacity, touched_s_ago, held, replacements)


FEW_BUCKETS = (
    bucket(0, entries(28, 2, 1), replacements=3),
    bucket(1, entries(14)),
    bucket(2, ()),
    bucket(4, entries(1, spacing_s=0.0), touched_s_ago=900.0),
)
MANY_BUCKETS = tuple(bucket(index, entries(min(8, 1 + index))) for index in range(24))


def dht(
    family: Family = Family.IPV4, buckets: Sequence[BucketSnapshot] = FEW_BUCKETS
) -> DhtSnapshot:
    ip = bytes((84, 1, 2, 3)) if family is Family.IPV4 else bytes.fromhex("20010db8" + "1234" * 6)
    address = AddressSnapshot(ip, 6881, Confidence.VOTED, 24, 0.96)
    return DhtSnapshot(
        family,
        OWN_ID,
        True,
        True,
        sum(len(b.entries) for b in buckets),
        12,
        address,
        tuple(buckets),
    )


COUNTERS = {
    "received": 9000,
    "received_bytes": 1_000_000,
    "sent": 9100,
    "sent_bytes": 1_100_000,
    "accepted.query.find_node": 12345,
    "accepted.query.ping": 17,
    "accepted.reply": 400,
    "dropped.unmatched-reply": 31,
    "dropped.barred": 2,
    "queries_sent.find_node": 312,
    "queries_sent.ping": 4,
    "refused.candidate-known": 203,
}

OPERATIONS = (
    OperationSnapshot(7, "find_node", OWN_ID, 5, 9),
    OperationSnapshot(8, "get_peers", int("0123456789" * 4, 16), 12, 17),
    OperationSnapshot(9, "ping", None, 0, 1),
)

TAIL = (
    TailLine("12:00:01", "joined", "IPv4: joined the DHT, 45 contacts", "good", 1),
    TailLine("12:00:02", "contact", "aaaaaaaa at 198.51.100.7:6881, bucket 4", "good", 45),
    TailLine("12:03:09", "removed", "bbbbbbbb at 198.51.100.9:6881, bucket 1: no answer", "bad", 1),
)


def scene(
    *dhts: DhtSnapshot,
    operations: tuple[OperationSnapshot, ...] = OPERATIONS,
    network: str = "mainline",
    view: View | None = None,
) -> Scene:
    snapshot = Snapshot(dhts or (dht(),), operations, 3, 0, 0, COUNTERS)
    return Scene(
        facts=Facts("0.1.0", network, {Family.IPV4: "0.0.0.0:6881"}),
        snapshot=snapshot,
        uptime_s=192.0,
        flow_in=Flow(1234.0, 14.2, tuple(float(i) for i in range(KEPT_S))),
        flow_out=Flow(0.0, 0.0, (0.0,) * KEPT_S),
        tail=TAIL,
        others=Others(59, 58),
        view=view or View(),
    )
