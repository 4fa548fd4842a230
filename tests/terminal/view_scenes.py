"""A fixed scene with all that the views from 4 to 8 show."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from kadisc.config import LimitsConfig
from kadisc.control.methods.status import (
    LanInterfaceStatus,
    LanStatus,
    MappingStatus,
    ServiceStatus,
)
from kadisc.core.contract.events import Outcome
from kadisc.dashboard.log_rows import LogRows
from kadisc.dashboard.scene import Scene
from kadisc.endpoints import Family
from kadisc.observe.address_state import AddressState, AddressVote, EndpointTested
from kadisc.observe.feed_states import ChainPeerRow, FeedState, FeedStep
from kadisc.observe.limit_rows import limit_rows
from kadisc.observe.lookup_history import FinishedLookup
from kadisc.observe.loudest import LoudSubnet
from kadisc.observe.observations import Observations, RunningLookup
from kadisc.observe.reachability import ReachDocument

from .dashboard_scenes import OWN_ID, scene

TARGET = "0123456789" * 4
RUNNING = (
    RunningLookup("get_peers", TARGET, Family.IPV4, "caller", 0.42, 12, 17, 91),
    RunningLookup("find_node", OWN_ID, Family.IPV4, "own-id", 5.2, 5, 9, 90),
)


def finished(number: int) -> FinishedLookup:
    outcome = Outcome.NO_ANSWER if number % 9 == 7 else Outcome.DONE
    what = ("find_node", "get_peers", "announce_peer", "put", "get")[number % 5]
    return FinishedLookup(
        what,
        f"{number:02x}" * 20,
        Family.IPV4,
        ("caller", "refresh", "rendezvous", "caller", "caller")[number % 5],
        outcome,
        0.08 * (1 + number % 13) ** 1.5,
        1 + number % 4,
        8 + number,
        7 + number % 9,
        number % 8,
        number == 3,
        50 - number,
        ended_s_ago=2.0 + 7.5 * number,
    )


VOTES = tuple(
    AddressVote(f"45.{number}.0.0/16", "84.1.2.3" if number % 7 else "10.0.0.1", number % 7 != 0)
    for number in range(1, 25)
)
ADDRESS = AddressState(
    family=Family.IPV4,
    own_id=OWN_ID,
    joined=True,
    online=True,
    ip="84.1.2.3",
    port=6881,
    confidence="voted",
    voters_needed=10,
    agreement=0.875,
    votes=VOTES,
    port_voters=20,
    port_agreement=0.95,
    recounting=False,
    bound="0.0.0.0:6881",
    reach=ReachDocument("yes", "84.1.2.3:6881", "mapped", "restricted", 12.0, False, 9, 8, False),
    since_s=7260.0,
    reached_by="45.77.3.9:6881",
    reached_how="probe",
    tests=(
        EndpointTested("84.1.2.3:6881", True, "proven", 2, 1),
        EndpointTested("84.1.2.3:40001", False, "failed", 0, 8),
    ),
)
LOUDEST = tuple(
    LoudSubnet(f"45.{number}.9.0/24", Family.IPV4, 40.0 / number, 9000.0 / number, 0.4 / number)
    for number in range(1, 13)
)
COUNTERS = {
    "dropped.limit.address": 41,
    "dropped.time.address": 2,
    "refused.reply-bytes.total": 7,
    "queries_for.caller": 250,
    "queries_for.refresh": 66,
    "retransmissions": 13,
}
RATES = {
    "accepted.query.find_node": 12.4,
    "queries_sent.find_node": 0.3,
    "dropped.limit.address": 0.04,
}


def step(number: int) -> FeedStep:
    peer = f"45.{number}.0.1:9333"
    event, words, verdict = (
        ("offered", f"{peer}  /LitecoinCore:0.21.2.1/  height 2761044", None),
        ("connected", f"{peer}  after 0.9 s -> good", "good"),
        ("refused", f"{peer}  another chain's magic, fbc0b6db -> wrong-network", "wrong-network"),
        ("refused", f"{peer}  refuses connections -> bad", "bad"),
        ("lost", peer, None),
    )[number % 5]
    return FeedStep(300.0 - 9.5 * number, event, words, peer, verdict, number)


FEED = FeedState(
    name="bitcoin",
    condition="up",
    want=8,
    started_s_ago=4000.0,
    chain="/LitecoinCore:0.21.2.1/",
    outbound=5,
    inbound=2,
    looked_s_ago=3.0,
    candidates=17,
    handshakes=2,
    awaited=1,
    standing=4,
    service="p2p",
    service_offered=True,
    events={"chain": 9, "offered": 12, "connected": 9, "refused": 14, "lost": 1},
    verdicts={"bad": 11, "good": 9, "wrong-network": 3},
    steps=tuple(step(number) for number in range(1, 31)),
    peers=tuple(
        ChainPeerRow(f"45.{number}.0.1:9333", "in" if number % 3 else "out", number < 5)
        for number in range(1, 12)
    ),
    peers_left_out=3,
)

LONG = (
    "no bootstrap node answered: 192.0.2.1:6881 and router.example.org:6881 are silent, and the "
    "name seed.example.net could not be resolved; retrying in the background"
)


def log_rows() -> LogRows:
    log = LogRows()
    for number in range(40):
        second = f"2026-11-30T12:00:{number:02}.120+00:00"
        log.add(
            {
                "time": second,
                "level": "warning" if number % 10 == 9 else "info",
                "event": "bootstrap_failing" if number % 10 == 9 else "contact_added",
                "message": LONG if number % 10 == 9 else f"aaaaaaaa at 45.{number}.1.1:6881",
            }
        )
    return log


def full_scene() -> Scene:
    usual = scene()
    status = msgspec.structs.replace(
        usual.status,
        counters=usual.status.counters | COUNTERS,
        mappings=[
            MappingStatus(
                *("udp", "ipv4", 6881, "84.1.2.3:6881", "pcp", "192.168.1.1", 1e9, "mapped", None)
            )
        ],
        services={"p2p": ServiceStatus(9333, "closed", 0, 5)},
        lan=LanStatus("on", [LanInterfaceStatus("eth0", 2, 1)], {}, None, {}),
    )
    seen = Observations(
        RUNNING,
        tuple(finished(number) for number in range(50)),
        1,
        2,
        limit_rows(LimitsConfig()),
        False,
        LOUDEST,
        (ADDRESS,),
        (FEED,),
    )
    node = msgspec.structs.replace(usual.node, status=status, observations=seen)
    return replace(usual, node=node, rates=RATES, log=log_rows().rows())
