"""New members look for peers of their network at once, in a DHT of which it is a small part: how
soon have they some, and what do they send until then? With ``crash``, that share of all nodes fails
first: how many dead peers are the applications of the others given, and the new members?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ...core.peers.finder import PeerFinder
from ...endpoints import Endpoint
from ..lab import Lab
from ..measure.statistics import Metrics, mean, share, spread
from ..model.host import Host
from ..probes.gossip_metrics import GOSSIP_SETTINGS, DrawTally, members
from .scenario import Scenario

SOME, MANY = 5, 20
"""The numbers of peers at which time and bytes are read."""
EVERY_S = 0.05
"""How often an application asks for the next peer."""
BETWEEN_S = 5.0
"""The time between two new members."""
VERIFIED_WITHIN_S = 10.0
"""As in ``node.peers()``."""
AGAIN_AFTER_S = 3600.0
LOOKS_S = (10.0, 30.0, 60.0)
"""How long after the crash the applications of the others ask for peers."""
ASK_FOR_S = 3.0
"""For how long each of them asks."""


@dataclass(slots=True)
class Application:
    """``given``: the peers, and the seconds after which each came."""

    host: Host
    finder: PeerFinder
    started_at: float
    bytes_before: int
    given: list[tuple[Endpoint, float]] = field(default_factory=list)
    sent: dict[int, int] = field(default_factory=dict)
    """The bytes that the node had sent when so many peers were given."""

    def ask(self, lab: Lab, wanted: int) -> None:
        """Takes the peers that the node has now."""
        while self.host.up and len(self.given) < wanted:
            peer = lab.world.do(self.host, self.host.node.next_peer, self.finder)
            if peer is None:
                break
            self.given.append((peer.endpoint, lab.world.now - self.started_at))
            sent = self.host.node.counters.sent_bytes - self.bytes_before
            self.sent.setdefault(len(self.given), sent)

    def until(self, count: int) -> float | None:
        """The seconds until so many peers were given; None if they were not."""
        return self.given[count - 1][1] if 0 < count <= len(self.given) else None


def application_of(lab: Lab, host: Host) -> Application:
    finder = host.node.finder(verified_within_s=VERIFIED_WITHIN_S, again_after_s=AGAIN_AFTER_S)
    return Application(host, finder, lab.world.now, host.node.counters.sent_bytes)


def run(lab: Lab) -> Metrics:
    lab.settle()
    with lab.measured():
        crashed, handed = 0, dict.fromkeys(LOOKS_S, DrawTally())
        if lab.options.crash:
            crashed, handed = _crash(lab)
        others = sum(host.accepts_unsolicited for host in members(lab))
        wanted = min(MANY, others)
        new_members = [_new_member(lab, wanted) for _ in range(lab.options.joins)]
    complete = sum(len(each.given) >= wanted for each in new_members)
    found: Metrics = {
        "members": others,
        "crashed": crashed,
        "new_members": len(new_members),
        "wanted": wanted,
        "found_all": share(complete, len(new_members)),
    }
    for count in dict.fromkeys((min(SOME, wanted), wanted)):
        name = "some" if count == min(SOME, wanted) else "all"
        times = [seconds for each in new_members if (seconds := each.until(count)) is not None]
        sent = [each.sent[count] for each in new_members if count in each.sent]
        found |= spread(f"{name}_s", times) | {
            f"{name}_slowest_s": round(max(times, default=0.0), 3),
            f"{name}_sent_bytes_mean": mean(sent, 0),
        }
    new = DrawTally()
    for each in new_members:
        new.add(lab, (endpoint for endpoint, _ in each.given))
    found["dead_given_to_new_members"] = share(new.unused, new.drawn)
    for seconds, tally in handed.items():
        found[f"dead_given_after_{seconds:g}_s"] = share(tally.unused, tally.drawn)
    return found


def _new_member(lab: Lab, wanted: int) -> Application:
    """One that knows the address of one node, and asks for peers before it has joined."""
    host = lab.new_host(reachable=True, identity=lab.members.identity())
    began_at = lab.world.now
    lab.boot(host)
    new_member = application_of(lab, host)
    new_member.ask(lab, wanted)
    lab.go_in(host, 1)
    _ask_until_given(lab, [new_member], wanted, BETWEEN_S)
    lab.run(max(0.0, began_at + BETWEEN_S - lab.world.now))
    return new_member


def _crash(lab: Lab) -> tuple[int, dict[float, DrawTally]]:
    """How many nodes crashed, and by time what the applications of the others were given."""
    hosts = lab.live()
    crashing = lab.rng.sample(hosts, round(lab.options.crash * len(hosts)))
    for host in crashing:
        lab.stop(host)
    crashed_at = lab.world.now
    handed: dict[float, DrawTally] = {}
    for seconds in LOOKS_S:
        lab.run(max(0.0, crashed_at + seconds - lab.world.now))
        survivors = [host for host in members(lab) if host.up_since < crashed_at]
        asking = [
            application_of(lab, host)
            for host in lab.rng.sample(survivors, min(lab.options.joins, len(survivors)))
        ]
        _ask_until_given(lab, asking, MANY, ASK_FOR_S)
        tally = handed[seconds] = DrawTally()
        for each in asking:
            tally.add(lab, (endpoint for endpoint, _ in each.given))
    return len(crashing), handed


def _ask_until_given(
    lab: Lab, applications: Sequence[Application], wanted: int, at_most_s: float
) -> None:
    def are_waiting() -> bool:
        for each in applications:
            each.ask(lab, wanted)
        return any(len(each.given) < wanted for each in applications)

    lab.run_while(are_waiting, at_most_s, EVERY_S)


SCENARIO = Scenario(
    "discover",
    "new members look for peers at once where 1 % of all nodes are of their network: how soon?",
    run,
    {
        **GOSSIP_SETTINGS,
        "nodes": "1000",
        "gossip.network_share": "0.01",
        "warmup_s": "300",
        "joins": "20",
        "crash": "0",
    },
)
