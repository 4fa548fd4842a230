"""What does a settled node send when the application asks for nothing, and what for?"""

from __future__ import annotations

from ..lab import Lab
from ..measure.counting import queries_of, queries_since, sent_since, table_of, traffic_of
from ..measure.statistics import Metrics, quantiles, rounded, spread
from .scenario import Scenario


def run(lab: Lab) -> Metrics:
    lab.settle()
    hosts = lab.live(settled_s=600.0)
    before = {host.number: traffic_of(host.node) for host in hosts}
    asked_before = {host.number: queries_of(host.node) for host in hosts}
    with lab.measured():
        lab.run(60.0 * lab.options.minutes)
    seconds = 60.0 * lab.options.minutes
    per_node = [sent_since(before[host.number], traffic_of(host.node)) for host in hosts if host.up]
    queries = [traffic.queries / seconds for traffic in per_node]
    replies = [traffic.replies / seconds for traffic in per_node]
    sent_bytes = [traffic.bytes / seconds for traffic in per_node]
    reachable = [
        traffic.bytes / seconds
        for host, traffic in zip([h for h in hosts if h.up], per_node, strict=True)
        if host.accepts_unsolicited
    ]
    count = max(1, len(per_node))
    asked = [
        queries_since(asked_before[host.number], queries_of(host.node)) for host in hosts if host.up
    ]
    return {
        "nodes_counted": len(per_node),
        "queries_per_s_mean": rounded(sum(queries) / count),
        "replies_per_s_mean": rounded(sum(replies) / count),
        "bytes_per_s_mean": rounded(sum(sent_bytes) / count, 1),
        "bytes_per_s_of_reachable_mean": rounded(sum(reachable) / max(1, len(reachable)), 1),
        "retransmissions_per_s_mean": rounded(
            sum(each.retransmissions for each in asked) / count / seconds
        ),
        "queries_by_purpose": table_of("purpose", [each.purposes for each in asked], seconds),
        "queries_by_method": table_of("method", [each.methods for each in asked], seconds),
        **spread("queries_per_s", queries),
        **spread("replies_per_s", replies),
        **spread("bytes_per_s", sent_bytes, 1),
        **quantiles("queries_per_s", queries),
        **quantiles("replies_per_s", replies),
        **quantiles("bytes_per_s", sent_bytes, 1),
    }


SCENARIO = Scenario(
    "idle-cost",
    "what a settled node sends when the application asks for nothing, and for what purposes",
    run,
    {"nodes": "2000"},
)
