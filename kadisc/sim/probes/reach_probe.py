"""Nodes whose verdict on their own reachability is watched, and held against the boxes in front of
them.

What a box lets in is asked by the observer alone (`Oracle.strangers_reach`). A *false yes* is a
verdict ``yes`` for an endpoint at which the box lets no stranger in; a *false no* is a verdict
``no`` of a host that strangers reach.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ...core.contract.events import NatKindChanged, ReachabilityChanged
from ...core.contract.reach_verdict import ReachVerdict
from ...core.reach.reach_snapshot import ReachSnapshot
from ...endpoints import Endpoint
from ..lab import Lab
from ..measure.statistics import Metrics, share, spread
from ..model.host import Host
from ..model.nat import (
    AddressRestrictedNat,
    BlockedNat,
    DependentNat,
    NatKind,
    OneToOneNat,
    OpenNat,
    RandomPortNat,
    RestrictedNat,
    nat_of,
)
from ..model.router import RoutedNat, Router

NATS: dict[str, NatKind] = {
    "open": OpenNat,
    "one-to-one": OneToOneNat,
    "mapped": RestrictedNat,
    "mapped-dependent": DependentNat,
    "restricted": RestrictedNat,
    "address-restricted": AddressRestrictedNat,
    "second-nat": RestrictedNat,
    "one-way": RestrictedNat,
    "dependent": DependentNat,
    "random-ports": RandomPortNat,
    "blocked": BlockedNat,
}
REACHED = ("public", "open", "one-to-one", "mapped", "mapped-dependent")
CLOSED = ("restricted", "address-restricted", "second-nat", "one-way")
"""Kinds that must end at ``no``: their port is decided, and no stranger gets in."""
DEPENDENT = ("dependent", "random-ports")
HELPERS_FOR_YES, HELPERS_FOR_NO = 4, 8
"""Netgroups with helpers from which times are counted, beside those from the start of the node."""

REACH_SETTINGS = {
    "nodes": "200",
    "gossip.network_share": "1",
    "churn.profile": "ethereum",
    "network.nat.address_restricted_share": "0.05",
    "network.nat.random_ports": "0.5",
    "network.nat.several_hosts": "0.2",
    "warmup_s": "300",
}
"""All nodes are members and stay as long as blockchain nodes do; 40 % of them are public, as usual.
"""


@dataclass(slots=True)
class ReachSubject:
    """One node. Times are seconds of the world."""

    host: Host
    kind: str
    since: float
    verdict: ReachVerdict = ReachVerdict.UNKNOWN
    endpoint: Endpoint | None = None
    nat: str = "unknown"
    decided_at: dict[ReachVerdict, float] = field(default_factory=dict)
    """When each verdict came first, since ``since``."""
    helped_at: dict[int, float] = field(default_factory=dict)
    """When it knew so many helpers first, and a port to test."""
    nat_named_at: float | None = None
    false_yes: int = 0
    false_no: int = 0

    def after(self, verdict: ReachVerdict) -> float | None:
        """Seconds from ``since`` to the first such verdict."""
        at = self.decided_at.get(verdict)
        return None if at is None else at - self.since

    def since_helped(self, verdict: ReachVerdict, enough: int) -> float | None:
        """Seconds from when it knew ``enough`` helpers to the first such verdict."""
        at, helped_at = self.decided_at.get(verdict), self.helped_at.get(enough)
        return None if at is None or helped_at is None else max(0.0, at - helped_at)

    @property
    def is_awaiting_helpers(self) -> bool:
        """Whether it may still learn of helpers: one without UDP never does."""
        return (
            self.host.up
            and HELPERS_FOR_NO not in self.helped_at
            and self.kind not in (*DEPENDENT, "blocked")
        )

    def begin_again(self, now: float) -> None:
        """Something has changed: times are counted from now on."""
        self.since = now
        self.decided_at.clear()
        self.nat_named_at = None


class Subjects:
    """``joins``: whether they join a network, by three of its nodes."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.all: list[ReachSubject] = []

    def start(self, kind: str, *, host: Host | None = None, joins: bool = True) -> ReachSubject:
        """A new node of the network, of a kind of `REACH_KINDS`."""
        lab = self.lab
        host = host or new_host_of(lab, kind)
        subject = ReachSubject(host, kind, lab.world.now)
        self.all.append(subject)
        host.on_event = lambda now, event: self._happened(subject, now, event)
        if joins:
            lab.join(host)
        return subject

    def start_all(self) -> None:
        """As many of each kind as the options say, in turn."""
        options = self.lab.options.reach
        for _ in range(options.each):
            for kind in options.chosen():
                self.start(kind)
                self.run(options.between_s)

    def run(self, seconds: float, step_s: float = 0.1) -> None:
        """Runs the world, and looks at times which nodes have enough helpers now."""
        lab = self.lab
        end = lab.world.now + seconds
        while lab.world.now < end:
            waiting = [each for each in self.all if each.is_awaiting_helpers]
            lab.run(min(step_s if waiting else seconds, end - lab.world.now))
            for each in waiting:
                _look_for_helpers(each, lab.world.now)

    def of(self, kinds: Iterable[str]) -> list[ReachSubject]:
        return [each for each in self.all if each.kind in kinds]

    def _happened(self, subject: ReachSubject, now: float, event: object) -> None:
        if isinstance(event, NatKindChanged):
            subject.nat = event.kind
            if event.kind != "unknown" and subject.nat_named_at is None:
                subject.nat_named_at = now
        if not isinstance(event, ReachabilityChanged):
            return
        subject.verdict, subject.endpoint = event.verdict, event.endpoint
        subject.decided_at.setdefault(event.verdict, now)
        if event.verdict is ReachVerdict.YES:
            subject.false_yes += not self.is_reached(subject.host, event.endpoint)
        elif event.verdict is ReachVerdict.NO:
            subject.false_no += self.is_reached_somewhere(subject.host)

    def is_reached(self, host: Host, endpoint: Endpoint | None) -> bool:
        """Whether strangers reach the host at this endpoint."""
        return endpoint is not None and self.lab.oracle.strangers_reach(host, endpoint)

    def is_reached_somewhere(self, host: Host) -> bool:
        """Whether strangers reach the host at all."""
        nat = host.nat
        forwarded = nat.forwarded if isinstance(nat, RoutedNat) else None
        return self.is_reached(host, host.outside) or self.is_reached(host, forwarded)

    def is_right(self, subject: ReachSubject) -> bool:
        """Whether its present verdict is true now; None is decided where it is ``unknown``."""
        if subject.verdict is ReachVerdict.YES:
            return self.is_reached(subject.host, subject.endpoint)
        if subject.verdict is ReachVerdict.NO:
            return not self.is_reached_somewhere(subject.host)
        return True


def new_host_of(lab: Lab, kind: str) -> Host:
    """A host of a kind of `REACH_KINDS` that is a member, and not up yet."""
    identity = lab.members.identity()
    if kind == "public":
        return lab.new_host(reachable=True, identity=identity)
    residence = lab.population.settle()
    inner = nat_of(NATS[kind], residence.endpoint, lab.options.network.nat, lab.rng)
    router = Router(
        maps=kind in ("mapped", "mapped-dependent", "second-nat", "one-way"),
        has_second=kind == "second-nat",
        one_way=kind == "one-way",
    )
    return lab.new_host(residence=residence, nat=RoutedNat(inner, router), identity=identity)


def reach_of(host: Host, now: float) -> ReachSnapshot:
    """The `ReachSnapshot` of the host's one family."""
    network = host.node.peer_network
    assert network is not None, "not a member"
    return network.reach.snapshots(now)[0]


def _look_for_helpers(subject: ReachSubject, now: float) -> None:
    reach = reach_of(subject.host, now)
    if reach.endpoint is not None:
        for enough in (HELPERS_FOR_YES, HELPERS_FOR_NO):
            if reach.helpers >= enough:
                subject.helped_at.setdefault(enough, now)


def table_of(subjects: Subjects, kinds: Sequence[str]) -> list[dict[str, object]]:
    """One row for each kind: how many there are, their verdicts, and how soon they came."""
    rows: list[dict[str, object]] = []
    for kind in kinds:
        group = subjects.of([kind])
        if not group:
            continue
        right = ReachVerdict.YES if kind in REACHED else ReachVerdict.NO
        times = [seconds for each in group if (seconds := each.after(right)) is not None]
        named = [each.nat for each in group]
        rows.append(
            {
                "kind": kind,
                "nodes": len(group),
                **{
                    verdict.value: sum(each.verdict is verdict for each in group)
                    for verdict in ReachVerdict
                },
                "expected": right.value if kind in (*REACHED, *CLOSED) else "unknown",
                **{f"expected_s_p{p}": v for p, v in _percentiles(times).items()},
                "nat": max(set(named), key=lambda name: (named.count(name), name)),
                "false_yes": sum(each.false_yes for each in group),
                "false_no": sum(each.false_no for each in group),
            }
        )
    return rows


def _percentiles(times: Sequence[float]) -> dict[int, object]:
    found = spread("x", times, 1)
    return {percent: found[f"x_p{percent}"] for percent in (50, 95)}


def verdict_metrics(subjects: Subjects) -> Metrics:
    """Verdicts of all, and how soon they came: ``yes_helped`` is counted from the moment when the
    node knew its port and helpers in four netgroups, ``no_helped`` in eight; ``yes_cold`` and
    ``no_cold`` from its start, and so is ``dependent_named``: that the port depends on the
    destination.
    """
    reached, closed = subjects.of(REACHED), subjects.of(CLOSED)
    dependent = subjects.of(DEPENDENT)
    yes, no = _times(reached, ReachVerdict.YES), _times(closed, ReachVerdict.NO)
    yes_helped = [
        seconds
        for each in reached
        if (seconds := each.since_helped(ReachVerdict.YES, HELPERS_FOR_YES)) is not None
    ]
    no_helped = [
        seconds
        for each in closed
        if (seconds := each.since_helped(ReachVerdict.NO, HELPERS_FOR_NO)) is not None
    ]
    named = [
        each.nat_named_at - each.since
        for each in dependent
        if each.nat_named_at is not None and each.nat == "dependent"
    ]
    wrong = [each for each in subjects.all if not subjects.is_right(each)]
    return {
        "new_nodes": len(subjects.all),
        "reached": len(reached),
        "yes": share(sum(each.verdict is ReachVerdict.YES for each in reached), len(reached)),
        "closed": len(closed),
        "no": share(sum(each.verdict is ReachVerdict.NO for each in closed), len(closed)),
        "false_yes": sum(each.false_yes for each in subjects.all),
        "false_no": sum(each.false_no for each in subjects.all),
        "wrong_at_the_end": len(wrong),
        **spread("yes_helped_s", yes_helped, 2),
        **spread("yes_cold_s", yes, 1),
        **spread("no_helped_s", no_helped, 1),
        **spread("no_cold_s", no, 1),
        "dependent": len(dependent),
        "dependent_named": share(len(named), len(dependent)),
        **spread("dependent_named_s", named, 1),
    }


def _times(group: Sequence[ReachSubject], verdict: ReachVerdict) -> list[float]:
    return [seconds for each in group if (seconds := each.after(verdict)) is not None]


def wait_until(
    subjects: Subjects,
    done: Callable[[ReachSubject], bool],
    at_most_s: float,
    group: Sequence[ReachSubject],
) -> None:
    """Runs until ``done`` holds for all of the group, or for ``at_most_s``."""
    end = subjects.lab.world.now + at_most_s
    while subjects.lab.world.now < end and not all(done(each) for each in group):
        subjects.run(min(0.5, end - subjects.lab.world.now))
