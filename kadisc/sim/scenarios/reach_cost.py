"""What tests of reachability cost a settled node, in a network with the usual churn.

``reach_queries_per_s``: queries sent for tests, one's own and those of others (`reach`, `knock` and
the pings of witnesses). One row for each kind of host: all queries and replies a second, and the
queries for tests. With ablations also the whole cost without tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ...core.contract import purposes
from ..attacks.ablation import Variant, ablations
from ..lab import Lab
from ..measure.counting import (
    QueryCounts,
    SentTraffic,
    queries_of,
    queries_since,
    sent_since,
    traffic_of,
)
from ..measure.statistics import Metrics, rounded
from ..model.host import Host
from ..probes.reach_probe import REACH_SETTINGS, reach_of
from .scenario import Scenario


def cost(lab: Lab) -> Metrics:
    lab.settle()
    hosts = [host for host in lab.live(settled_s=600.0) if host.identity is not None]
    before = {host.number: (traffic_of(host.node), queries_of(host.node)) for host in hosts}
    seconds = 60.0 * lab.options.minutes
    with lab.measured():
        lab.run(seconds)
    hosts = [host for host in hosts if host.up]
    sent = {
        host.number: sent_since(before[host.number][0], traffic_of(host.node)) for host in hosts
    }
    tests = {host.number: _queries_for_tests(host, before[host.number][1]) for host in hosts}

    def row(kind: str, group: Sequence[Host]) -> dict[str, object]:
        def per_s(count: Callable[[SentTraffic], float]) -> float | None:
            total = sum(count(sent[host.number]) for host in group)
            return rounded(total / max(1, len(group)) / seconds, 4)

        return {
            "hosts": kind,
            "number": len(group),
            "queries_per_s": per_s(lambda each: each.queries),
            "replies_per_s": per_s(lambda each: each.replies),
            "bytes_per_s": per_s(lambda each: each.bytes),
            "reach_queries_per_s": rounded(
                sum(tests[host.number] for host in group) / max(1, len(group)) / seconds, 4
            ),
        }

    now = lab.world.now
    by_verdict = {
        verdict: [host for host in hosts if reach_of(host, now).verdict.value == verdict]
        for verdict in ("yes", "likely", "no", "unknown")
    }
    whole = row("all", hosts)
    return {
        **{name: whole[name] for name in whole if name != "hosts"},
        "reached_take_part": rounded(len(by_verdict["yes"]) / max(1, len(hosts))),
        **{
            f"reach_queries_per_s_{verdict}": row(verdict, group)["reach_queries_per_s"]
            for verdict, group in by_verdict.items()
            if group
        },
        "by_verdict": [whole, *(row(verdict, group) for verdict, group in by_verdict.items())],
    }


def _queries_for_tests(host: Host, before: QueryCounts) -> int:
    sent = queries_since(before, queries_of(host.node)).purposes
    return sent[purposes.REACH] + sent[purposes.REACH_HELP]


def run(lab: Lab) -> Metrics:
    options = lab.options
    which = [Variant("as set", options)]
    if options.attack.ablations:
        without_tests = replace(options, core=replace(options.core, tests_reach=False))
        which.append(Variant("no tests", without_tests))
    columns = {
        "queries/s": "queries_per_s",
        "replies/s": "replies_per_s",
        "bytes/s": "bytes_per_s",
    }
    return ablations(lab, which, cost, columns)


SCENARIO = Scenario(
    "reach-cost",
    "what tests of reachability cost a settled node, by its verdict, and the nodes that help",
    run,
    {**REACH_SETTINGS, "nodes": "300", "churn.profile": "ipfs-rfm2", "warmup_s": "1200"},
)
