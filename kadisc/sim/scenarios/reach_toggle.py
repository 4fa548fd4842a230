"""Nodes behind a NAT that lets no stranger in get a forwarded port, and lose it again: how soon do
they notice, without being told?

``added``: seconds until the verdict ``yes``, where the port is forwarded soon after the verdict
``no``; ``added_later``: where that was ``reach.later_s`` ago. ``removed``: until the verdict
``no``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...core.contract.reach_verdict import ReachVerdict
from ..lab import Lab
from ..measure.statistics import Metrics, share, spread
from ..model.router import RoutedNat
from ..probes.reach_probe import REACH_SETTINGS, ReachSubject, Subjects, wait_until
from .scenario import Scenario

FIRST_WITHIN_S = 300.0
ADDED_WITHIN_S = 400.0
REMOVED_WITHIN_S = 240.0
CALM_S = 60.0
"""Between a verdict and the next change."""


def run(lab: Lab) -> Metrics:
    lab.settle()
    subjects = Subjects(lab)
    options = lab.options.reach
    with lab.measured():
        for _ in range(options.each):
            subjects.start("restricted")
            subjects.run(options.between_s)
        wait_until(subjects, _is(ReachVerdict.NO), FIRST_WITHIN_S, subjects.all)
        closed = [each for each in subjects.all if each.verdict is ReachVerdict.NO]
        half = len(closed) // 2 if options.later_s else len(closed)
        soon, later = closed[:half], closed[half:]
        metrics = _toggled(subjects, soon, "added")
        if later:
            subjects.run(options.later_s)
            metrics |= _forwarded(subjects, later, "added_later")
    return {
        "new_nodes": len(subjects.all),
        "closed_at_first": share(len(closed), len(subjects.all)),
        **metrics,
        "false_yes": sum(each.false_yes for each in subjects.all),
        "false_no": sum(each.false_no for each in subjects.all),
    }


def _is(verdict: ReachVerdict) -> Callable[[ReachSubject], bool]:
    return lambda subject: subject.verdict is verdict


def _toggled(subjects: Subjects, group: Sequence[ReachSubject], name: str) -> Metrics:
    """The port is forwarded, and then not."""
    subjects.run(CALM_S)
    metrics = _forwarded(subjects, group, name)
    subjects.run(CALM_S)
    opened = [each for each in group if each.verdict is ReachVerdict.YES]
    for each in opened:
        nat = each.host.nat
        assert isinstance(nat, RoutedNat)
        nat.router.remove(nat)
        subjects.lab.oracle.changed_box(each.host)
        each.begin_again(subjects.lab.world.now)
    wait_until(subjects, _is(ReachVerdict.NO), REMOVED_WITHIN_S, opened)
    times = [s for each in opened if (s := each.after(ReachVerdict.NO)) is not None]
    return {
        **metrics,
        "removed_noticed": share(len(times), len(opened)),
        **spread("removed_s", times, 1),
    }


def _forwarded(subjects: Subjects, group: Sequence[ReachSubject], name: str) -> Metrics:
    for each in group:
        nat = each.host.nat
        assert isinstance(nat, RoutedNat)
        nat.router.forward(nat, each.host.outside)
        subjects.lab.oracle.changed_box(each.host)
        each.begin_again(subjects.lab.world.now)
    wait_until(subjects, _is(ReachVerdict.YES), ADDED_WITHIN_S, group)
    times = [s for each in group if (s := each.after(ReachVerdict.YES)) is not None]
    return {f"{name}_noticed": share(len(times), len(group)), **spread(f"{name}_s", times, 1)}


SCENARIO = Scenario(
    "reach-toggle",
    "a port is forwarded to nodes behind NAT, and later not any more: how soon do they notice?",
    run,
    {**REACH_SETTINGS, "nodes": "150", "reach.each": "20"},
)
