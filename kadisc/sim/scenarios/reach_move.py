"""The network of nodes changes: how soon does a node know the endpoint at which strangers reach it?

One row for each change. ``address``: the provider gives another address, and nothing tells the
node. ``address-told``: the same where the machine sees it. ``gateway``: the node moves from behind
a NAT that lets no stranger in to an open one elsewhere. ``rebinding``: an open NAT gives another
port. ``suspend``: the machine slept for an hour. ``box-restart``: a box that maps ports loses all
it knew. ``known``: the share that knew it in time; ``known_s``: how soon after the change.
"""

from __future__ import annotations

from collections.abc import Callable

from ...core.contract.reach_verdict import ReachVerdict
from ..lab import Lab
from ..measure.statistics import Metrics, share, spread
from ..model.nat import OpenNat, nat_of
from ..model.router import RoutedNat, Router
from ..probes.reach_probe import REACH_SETTINGS, ReachSubject, Subjects, wait_until
from .scenario import Scenario

NOTICED_S = 2.0
"""How often the shell of a node looks at its interfaces."""
FIRST_WITHIN_S = 300.0
CALM_S = 60.0
SLEPT_S = 3600.0


def run(lab: Lab) -> Metrics:
    lab.settle()
    subjects = Subjects(lab)
    rows: list[dict[str, object]] = []
    told: list[float] = []
    silent: list[float] = []
    with lab.measured():
        groups = []
        for name, (kind, change) in CHANGES.items():
            group = []
            for _ in range(lab.options.reach.each):
                group.append(subjects.start(kind))
                subjects.run(lab.options.reach.between_s)
            groups.append((name, group, change))
        wait_until(
            subjects, lambda each: each.verdict.value in ("yes", "no"), FIRST_WITHIN_S, subjects.all
        )
        subjects.run(CALM_S)
        for name, group, change in groups:
            known = _change(subjects, group, change)
            told += known if name in TOLD else []
            silent += known if name == "address" else []
            rows.append(
                {
                    "change": name,
                    "nodes": len(group),
                    "known": share(len(known), len(group)),
                    **spread("known_s", known, 1),
                }
            )
    return {
        "nodes_changed": len(subjects.all),
        "known": share(sum(_knows(subjects, each) for each in subjects.all), len(subjects.all)),
        **spread("told_known_s", told, 1),
        **spread("silent_known_s", silent, 1),
        "false_yes": sum(each.false_yes for each in subjects.all),
        "false_no": sum(each.false_no for each in subjects.all),
        "changes": rows,
    }


def _change(
    subjects: Subjects, group: list[ReachSubject], change: Callable[[Lab, ReachSubject], None]
) -> list[float]:
    """The seconds until each node of the group that is right in time is right."""
    lab, times = subjects.lab, dict[int, float]()
    began = lab.world.now
    for each in group:
        change(lab, each)
        each.begin_again(began)
    end = began + 60.0 * lab.options.minutes
    while lab.world.now < end and len(times) < len(group):
        subjects.run(0.1)
        for number, each in enumerate(group):
            if number not in times and _knows(subjects, each):
                times[number] = lab.world.now - began
    return list(times.values())


def _knows(subjects: Subjects, each: ReachSubject) -> bool:
    """Whether the node knows that strangers reach it, and where."""
    return each.verdict is ReachVerdict.YES and subjects.is_reached(each.host, each.endpoint)


def _tell(lab: Lab, subject: ReachSubject) -> None:
    """The shell of the node notices at its next look."""
    lab.world.at(
        lab.world.now + lab.rng.random() * NOTICED_S,
        lambda: lab.world.do(subject.host, subject.host.node.network_changed),
    )


def _address(lab: Lab, subject: ReachSubject) -> None:
    lab.move(subject.host)


def _address_told(lab: Lab, subject: ReachSubject) -> None:
    lab.move(subject.host)
    _tell(lab, subject)


def _gateway(lab: Lab, subject: ReachSubject) -> None:
    host = subject.host
    inner = nat_of(OpenNat, host.endpoint, lab.options.network.nat, lab.rng)
    lab.move(host, RoutedNat(inner, Router()))
    _tell(lab, subject)


def _rebinding(lab: Lab, subject: ReachSubject) -> None:
    assert subject.host.nat is not None
    subject.host.nat.rebind(subject.host.endpoint[:-2], lab.rng)


def _suspend(lab: Lab, subject: ReachSubject) -> None:
    subject.host.skew_s += SLEPT_S
    lab.world.do(subject.host, subject.host.node.network_changed)


def _box_restart(lab: Lab, subject: ReachSubject) -> None:
    lab.mapping_requests.restart_box(subject.host)


CHANGES: dict[str, tuple[str, Callable[[Lab, ReachSubject], None]]] = {
    "address": ("public", _address),
    "address-told": ("public", _address_told),
    "gateway": ("restricted", _gateway),
    "rebinding": ("open", _rebinding),
    "suspend": ("public", _suspend),
    "box-restart": ("mapped-dependent", _box_restart),
}
TOLD = ("address-told", "gateway", "suspend")
"""Changes that the shell of a node tells the core."""

SCENARIO = Scenario(
    "reach-move",
    "address, gateway, NAT binding change, or the machine slept: when is the node right again?",
    run,
    {**REACH_SETTINGS, "nodes": "150", "reach.each": "10", "minutes": "4"},
)
