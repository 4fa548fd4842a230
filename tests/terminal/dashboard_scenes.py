"""Fixed scenes for the tests of the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import msgspec

from kadisc.control.methods.snapshots import (
    NodeSnapshot,
    WatchedBucket,
    WatchedContact,
    WatchedOperation,
    WatchedPeer,
)
from kadisc.control.methods.status import (
    FamilyStatus,
    LanStatus,
    MappingStatus,
    OwnAddress,
    PeersStatus,
    Status,
)
from kadisc.dashboard.scene import BucketContacts, Others, Scene, ViewState
from kadisc.dashboard.tail import TailLine
from kadisc.dashboard.traffic import KEPT_S, Flow
from kadisc.observe.reachability import ReachDocument

OWN_ID = "3f9a81c2d4" + "00" * 15


def contacts(
    ok: int,
    unconfirmed: int = 0,
    failing: int = 0,
    *,
    youngest_s: float = 3.0,
    spacing_s: float = 5.0,
) -> list[WatchedContact]:
    """Their family, bucket, ID and endpoint are those of the bucket that they are put into."""
    states = [(False, 0)] * ok + [(True, 0)] * unconfirmed + [(False, 1)] * failing
    return [
        WatchedContact(
            family="ipv4",
            bucket=0,
            id="",
            endpoint="",
            client="KD 0.1",
            rtt_ms=12.5 * (1 + i % 5) if not failures else None,
            age_s=3600.0,
            verified_s_ago=youngest_s + i * spacing_s,
            failures=failures,
            inbound=inbound,
        )
        for i, (inbound, failures) in enumerate(states)
    ]


def bucket(
    index: int, held: list[WatchedContact], standby: int = 0, touched_s_ago: float = 3.0
) -> BucketContacts:
    capacity = (128, 64, 32, 16, 8)[min(index, 4)]
    placed = [
        msgspec.structs.replace(
            contact,
            bucket=index,
            id=f"{index:02x}{number:02x}" + "aa" * 18,
            endpoint=f"198.51.{100 + index}.{number}:6881",
        )
        for number, contact in enumerate(held)
    ]
    return BucketContacts(WatchedBucket("ipv4", index, capacity, touched_s_ago, standby), placed)


FEW_BUCKETS = (
    bucket(0, contacts(28, 2, 1), standby=3),
    bucket(1, contacts(14)),
    bucket(2, []),
    bucket(4, contacts(1, spacing_s=0.0), touched_s_ago=900.0),
)
MANY_BUCKETS = tuple(bucket(index, contacts(min(8, 1 + index))) for index in range(24))

VOTED = OwnAddress("84.1.2.3", 6881, "voted", 24, 0.96, 4)


@dataclass(frozen=True)
class Dht:
    """The node in one address family."""

    family: str = "ipv4"
    buckets: Sequence[BucketContacts] = FEW_BUCKETS
    address: OwnAddress = field(default_factory=lambda: VOTED)
    endpoint: str = "0.0.0.0:6881"
    joined: bool = True
    online: bool = True
    reach: ReachDocument | None = None

    @property
    def status(self) -> FamilyStatus:
        held = sum(len(each.contacts) for each in self.buckets)
        return FamilyStatus(
            self.family,
            OWN_ID,
            self.endpoint,
            self.joined,
            self.online,
            held,
            12,
            self.address,
            self.reach,
        )


def ipv6(buckets: Sequence[BucketContacts] = FEW_BUCKETS) -> Dht:
    address = msgspec.structs.replace(VOTED, host="2001:db8:1234:1234:1234:1234:1234:1234")
    moved = [
        BucketContacts(
            msgspec.structs.replace(each.bucket, family="ipv6"),
            [
                msgspec.structs.replace(
                    contact, family="ipv6", endpoint=f"[2001:db8::{contact.bucket}:{number}]:6881"
                )
                for number, contact in enumerate(each.contacts)
            ],
        )
        for each in buckets
    ]
    return Dht("ipv6", moved, address, endpoint="[::]:6881")


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
    WatchedOperation("find_node", OWN_ID, 5, 9),
    WatchedOperation("get_peers", "0123456789" * 4, 12, 17),
    WatchedOperation("ping", None, 0, 1),
)

PEERS = (
    WatchedPeer(
        "198.51.100.7:6881",
        "ab" * 32,
        "online",
        "tried",
        {"p2p": 9333},
        "rendezvous0",
        900.0,
        12.0,
        37.5,
        0,
        14,
        "yes",
        False,
        "good",
        0.0,
    ),
    WatchedPeer(
        "198.51.101.8:6881",
        "cd" * 32,
        "failing",
        "tried",
        {"fork": "0xabcd", "p2p": 9333},
        "198.51.100.7:6881",
        800.0,
        400.0,
        None,
        2,
        0,
        "no",
        False,
        "wrong-network",
        86_000.0,
    ),
    WatchedPeer(
        "[2001:db8::7:1]:6881",
        None,
        "unverified",
        "new",
        {},
        "lookup",
        60.0,
        None,
        None,
        0,
        0,
        "unknown",
        False,
        None,
        0.0,
    ),
)

TAIL = (
    TailLine("12:00:01", "joined", "IPv4: joined the DHT, 45 contacts", "good", 1),
    TailLine("12:00:02", "contact", "aaaaaaaa at 198.51.100.7:6881, bucket 4", "good", 45),
    TailLine("12:03:09", "removed", "bbbbbbbb at 198.51.100.9:6881, bucket 1: no answer", "bad", 1),
)


def status_of(
    *dhts: Dht,
    network: str = "mainline",
    mappings: Sequence[MappingStatus] = (),
    peers: PeersStatus | None = None,
    lan: LanStatus | None = None,
) -> Status:
    return Status(
        version="0.1.0",
        pid=4711,
        network=network,
        public_key="ab" * 32,
        uptime_s=192.0,
        read_only=False,
        waits_for_contact=False,
        families=[each.status for each in dhts],
        sockets=[],
        mappings=list(mappings),
        services={},
        lan=lan or LanStatus("off", [], {}, None, {}),
        operations=3,
        queries_in_flight=3,
        peers_stored=0,
        items_stored=0,
        peers=peers,
        crowded_subnets=[],
        counters=COUNTERS,
    )


def scene(
    *dhts: Dht,
    operations: tuple[WatchedOperation, ...] = OPERATIONS,
    network: str = "mainline",
    state: ViewState | None = None,
    mappings: Sequence[MappingStatus] = (),
    peers: PeersStatus | None = None,
    lan: LanStatus | None = None,
) -> Scene:
    dhts = dhts or (Dht(),)
    node = NodeSnapshot(
        status_of(*dhts, network=network, mappings=mappings, peers=peers, lan=lan),
        [each.bucket for dht in dhts for each in dht.buckets],
        [contact for dht in dhts for each in dht.buckets for contact in each.contacts],
        list(operations),
        list(PEERS),
    )
    return Scene(
        node,
        flow_in=Flow(1234.0, 14.2, tuple(float(i) for i in range(KEPT_S))),
        flow_out=Flow(0.0, 0.0, (0.0,) * KEPT_S),
        tail=TAIL,
        others=Others(59, 58),
        ends_node=True,
        state=state or ViewState(),
    )


def in_view(it: Scene, **changes: object) -> Scene:
    """The scene with another view state."""
    return replace(it, state=replace(it.state, **changes))  # type: ignore[arg-type]
