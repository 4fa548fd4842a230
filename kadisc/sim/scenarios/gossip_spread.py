"""New members find their peer network by the DHT: how many rounds until they hold slots of others,
and until all members know them?
"""

from __future__ import annotations

from dataclasses import dataclass

from ..lab import Lab
from ..measure.statistics import Metrics, mean, share, spread
from ..model.host import Host
from ..probes.gossip_metrics import GOSSIP_SETTINGS, members, peer_network_of, rounds_of
from .scenario import Scenario

LOOK_EVERY_S = 5.0
"""The time between two observations."""
KNOWN_EVERY_S = 20.0
"""The time between two observations of which members know a new one."""
SLOTS = 20
"""Slots of other members that a new one holds when it has arrived."""
VERIFIED = 0.9
"""The share of its own view that is verified when it has arrived."""
ROUNDS = 20
"""The rounds within which a new member should have arrived."""


@dataclass(slots=True)
class NewMember:
    """One new member. ``until_*``: seconds and own rounds since its start."""

    host: Host
    started_at: float
    witnesses: list[Host]
    foreign_slots: int = 0
    until_held: tuple[float, int] | None = None
    until_verified: tuple[float, int] | None = None
    until_known: tuple[float, int] | None = None
    known_by: float = 0.0


def run(lab: Lab) -> Metrics:
    lab.settle()
    new_members: list[NewMember] = []
    with lab.measured():
        for _ in range(lab.options.joins):
            witnesses = [host for host in members(lab) if host.accepts_unsolicited]
            host = lab.new_host(reachable=True, identity=lab.members.identity())
            lab.join(host)
            new_members.append(NewMember(host, lab.world.now, witnesses))
        end = lab.world.now + 60.0 * lab.options.minutes
        number = 0
        while lab.world.now < end and any(each.until_known is None for each in new_members):
            lab.run(LOOK_EVERY_S)
            number += 1
            for new_member in new_members:
                _look(lab, new_member, known_too=not number % int(KNOWN_EVERY_S / LOOK_EVERY_S))
    return _metrics(lab, new_members)


def _look(lab: Lab, new_member: NewMember, *, known_too: bool) -> None:
    host, now = new_member.host, lab.world.now
    since = now - new_member.started_at, rounds_of(host, now)
    view = peer_network_of(host).snapshot(now).view
    if new_member.until_verified is None and view.slots:
        good = sum(seen.slots for seen in view.peers if not seen.failures)
        if good >= VERIFIED * view.slots:
            new_member.until_verified = since
    if new_member.until_held is None:
        new_member.foreign_slots = sum(
            peer_network_of(other).components.view.slots_of(host.outside)
            for other in members(lab)
            if other is not host
        )
        if new_member.foreign_slots >= SLOTS:
            new_member.until_held = since
    if known_too and new_member.until_known is None:
        there = [other for other in new_member.witnesses if other.up]
        new_member.known_by = sum(
            peer_network_of(other).why(host.outside, now) is not None for other in there
        ) / max(1, len(there))
        if new_member.known_by == 1.0:
            new_member.until_known = since


def _metrics(lab: Lab, new_members: list[NewMember]) -> Metrics:
    nodes, pulled = len(members(lab)), lab.options.core.gossip.pull_entries
    in_time = [
        each
        for each in new_members
        if all(
            until is not None and until[1] <= ROUNDS
            for until in (each.until_held, each.until_verified)
        )
    ]
    known = [each.until_known[1] for each in new_members if each.until_known is not None]
    found: Metrics = {
        "members": nodes,
        "new_members": len(new_members),
        "arrived_in_20_rounds": share(len(in_time), len(new_members)),
        "known_to_all": share(len(known), len(new_members)),
        "known_by_mean": mean([each.known_by for each in new_members]),
        "c": mean([rounds * pulled / nodes for rounds in known]),
    }
    for name in ("until_held", "until_verified", "until_known"):
        reached = [until for each in new_members if (until := getattr(each, name)) is not None]
        found |= spread(f"{name}_rounds", [rounds for _, rounds in reached], 0) | spread(
            f"{name}_s", [seconds for seconds, _ in reached], 0
        )
    return found


SCENARIO = Scenario(
    "gossip-spread",
    "new members join by the DHT: rounds until they hold slots of others, until all know them",
    run,
    {**GOSSIP_SETTINGS, "warmup_s": "600", "minutes": "60", "joins": "8"},
)
