"""The goals that simulations can judge: for each the runs that it takes, and how its figures are
read from their results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import inf
from statistics import mean
from typing import Any, TypeAlias

Record: TypeAlias = dict[str, Any]
"""A finished run: as `kadisc.sim.run.Result.record` makes it."""
Reading: TypeAlias = Callable[[Sequence[Record]], float | None]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with its bound, the smallest allowed value if ``at_least``, else the largest."""

    name: str
    read: Reading
    bound: float
    at_least: bool = False
    percent: bool = False

    def holds(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound


@dataclass(frozen=True, slots=True)
class Row:
    """``settings``: the options of the small size. ``full``: what changes for the size that the
    goal names.
    """

    name: str
    axis: str
    scenario: str
    settings: dict[str, str]
    figures: tuple[Figure, ...]
    full: dict[str, str] = field(default_factory=dict)
    note: str = ""
    alone: bool = False
    """Whether each run has the machine for itself, because its memory and speed are judged."""


def average(metric: str) -> Reading:
    """The mean of the metric over the seeds."""

    def read(records: Sequence[Record]) -> float | None:
        values = [
            record["metrics"][metric]
            for record in records
            if record["metrics"].get(metric) is not None
        ]
        return mean(values) if values else None

    return read


def worst(metric: str) -> Reading:
    """The largest value of the metric over the seeds."""

    def read(records: Sequence[Record]) -> float | None:
        return max(
            (
                record["metrics"][metric]
                for record in records
                if record["metrics"].get(metric) is not None
            ),
            default=None,
        )

    return read


def pooled(metric: str, percent: int, arrived: str) -> Reading:
    """A percentile over the samples of all seeds, from the 101 quantiles of each: with 40 new nodes
    a run, the 99th percentile of a run would be its slowest node. Nodes that never arrived, all
    but the share ``arrived``, are in none of the quantiles, and count as slower than any.
    """

    def read(records: Sequence[Record]) -> float | None:
        values: list[float] = []
        for record in records:
            quantiles, share = (
                record["metrics"][f"{metric}_quantiles"] or (),
                record["metrics"][arrived],
            )
            values += [
                *quantiles,
                *[inf] * (round(len(quantiles) * (1 - share) / share) if share else 101),
            ]
        return sorted(values)[(len(values) - 1) * percent // 100] if values else None

    return read


def of_run(name: str) -> Reading:
    """The mean over the seeds of a field of the run itself."""
    return lambda records: mean(record[name] for record in records)


def kb_per_node(records: Sequence[Record]) -> float:
    """The memory of the whole process divided by the number of nodes, in kB."""
    return mean(1024 * record["peak_rss_mb"] / record["nodes"] for record in records)


def minutes_of_wall(records: Sequence[Record]) -> float:
    return mean(record["wall_s"] / 60 for record in records)


def upper(name: str, metric: str, bound: float, *, percent: bool = False) -> Figure:
    return Figure(name, average(metric), bound, percent=percent)


def lower(name: str, metric: str, bound: float, *, percent: bool = False) -> Figure:
    return Figure(name, average(metric), bound, at_least=True, percent=percent)


LOOKUPS = {"lookups_per_minute": "600", "minutes": "3"}
COLLUDERS = (("20", 0.995, 0.995, 0.995), ("30", 0.98, 0.99, 0.98), ("50", 0.85, 0.97, 0.92))
"""The share of colluders, and the bounds of `found`: IDs not forged, forged and brute-forced."""
ALARMS = (
    lower("attacked lookups that are suspicious", "alarms", 0.95, percent=True),
    upper("all others that are", "false_alarms", 0.001, percent=True),
    upper("queries a suspicious lookup", "queries_suspicious_mean", 40.0),
)
WHOLE_VIEW = {
    "core.gossip.flat_slots": "50",
    "core.gossip.slots_from_8": "5",
    "core.gossip.slots_from_16": "30",
    "core.gossip.slots_from_24": "15",
    "core.gossip.reseed_slots": "5",
}
GOSSIPING_COLLUDERS = (("20", 0.999), ("30", 0.995), ("50", 0.97))

ALL_QUERIES = upper("queries/s in all, bound of `cost`", "queries_per_s_mean", 0.45)

ROWS = (
    Row(
        "lookup",
        "lookup latency, ipfs-rfm2 churn, 1 % loss",
        "lookup",
        {"nodes": "1000", **LOOKUPS},
        (
            upper("closest learned p50, mRTT", "learned_mrtt_p50", 1.6),
            upper("closest learned p99, mRTT", "learned_mrtt_p99", 3.3),
            upper("all k answered p50, mRTT", "answered_mrtt_p50", 5.5),
            upper("all k answered p99, mRTT", "answered_mrtt_p99", 13.0),
            upper("queries a lookup", "queries_mean", 25.0),
        ),
        {"nodes": "10000"},
    ),
    Row(
        "success",
        "lookup success, ipfs churn",
        "lookup",
        {"nodes": "1000", "churn.profile": "ipfs", **LOOKUPS},
        (
            lower("top-1", "top1", 0.999, percent=True),
            lower("recall of the k closest", "recall", 0.995, percent=True),
        ),
        {"nodes": "10000"},
    ),
    Row(
        "store",
        "announces and puts, ipfs-rfm2 churn, 1 % loss",
        "store",
        {"nodes": "1000", **LOOKUPS},
        (
            lower("stored at all of the 8 closest", "once_stored_at_all", 0.99, percent=True),
            Figure("most of the 8 missed", worst("once_most_missing"), 1.0),
            upper("queries, bound of lookup and 8", "once_queries_mean", 33.0),
        ),
        {"nodes": "10000"},
    ),
    Row(
        "crash",
        "lookups begun in the first and second minute after half of the nodes crashed",
        "crash",
        {"nodes": "1000", "minutes": "2"},
        (
            lower("top-1, first minute", "top1_0_to_60_s", 0.99, percent=True),
            lower("top-1, second minute", "top1_60_to_120_s", 0.99, percent=True),
            lower("recall, second minute", "recall_60_to_120_s", 0.99, percent=True),
        ),
        {"nodes": "10000"},
    ),
    Row(
        "join",
        "joining by one contact",
        "join",
        {"nodes": "1000", "minutes": "5"},
        (
            upper("complete p50, mRTT", "complete_mrtt_p50", 10.0),
            Figure(
                "complete p99 over all seeds, mRTT", pooled("complete_mrtt", 99, "complete"), 25.0
            ),
            upper("queries until complete, mean", "queries_until_complete_mean", 120.0),
            lower("new nodes that are complete within a minute", "complete", 0.99, percent=True),
            lower("wide buckets half full in 5 min", "wide_half_full", 0.99, percent=True),
        ),
        {"nodes": "10000", "minutes": "10"},
    ),
    Row(
        "restart",
        "warm restart, down for a minute",
        "restart",
        {"nodes": "1000", "minutes": "10"},
        (
            upper("complete p50, mRTT", "complete_mrtt_p50", 4.0),
            upper("complete p95, mRTT", "complete_mrtt_p95", 4.0),
        ),
        {"nodes": "10000"},
    ),
    Row(
        "freshness-ipfs",
        "dead contacts in answers, ipfs churn",
        "freshness",
        {"nodes": "1000", "minutes": "20", "churn.profile": "ipfs"},
        (
            upper("dead", "dead", 0.03, percent=True),
            upper("checks/s, retransmissions too", "checks_per_s_mean", 0.25),
            ALL_QUERIES,
        ),
        {"nodes": "10000"},
    ),
    Row(
        "freshness-bittorrent",
        "dead contacts in answers, bittorrent churn",
        "freshness",
        {"nodes": "1000", "minutes": "20", "churn.profile": "bittorrent"},
        (
            upper("dead", "dead", 0.04, percent=True),
            upper("checks/s, retransmissions too", "checks_per_s_mean", 0.25),
            ALL_QUERIES,
        ),
        {"nodes": "10000"},
    ),
    Row(
        "handed-out",
        "contacts in answers, 60 % of the hosts behind NAT",
        "nat-majority",
        {"nodes": "1000", "minutes": "20"},
        (
            upper("unreachable for any node", "fail_for_a_stranger", 0.02, percent=True),
            upper("of them never reachable", "never_answering", 0.0, percent=True),
        ),
        {"nodes": "10000"},
    ),
    Row(
        "eclipse-table",
        "as many Sybils as honest nodes, in 20 /24s",
        "eclipse-flood",
        {"nodes": "1000", "attack.ablations": "off"},
        (
            upper("Sybil entries, running node", "running_sybil_share", 0.15, percent=True),
            upper("Sybil entries, restarted node", "restarted_sybil_share", 0.15, percent=True),
            Figure("live entries displaced", worst("displaced_incumbents"), 0.0),
        ),
    ),
    *(
        Row(
            f"colluders-{percent}{suffix}",
            f"closest honest node found among {percent} % colluders, without gossip{how}",
            "colluders",
            {"attack.share": str(int(percent) / 100), "attack.ablations": "off", **settings},
            (
                lower("found", "found", bound, percent=True),
                upper("queries a lookup", "queries_mean", 40.0),
                *alarms,
            ),
            note=note,
        )
        for percent, *bounds in COLLUDERS
        for bound, suffix, how, settings, note, alarms in (
            (
                bounds[0],
                "",
                ", IDs not forged",
                {"attack.fabricate": "off"},
                "the model that S/Kademlia is measured in",
                (),
            ),
            (
                bounds[1],
                "-forged",
                ", IDs forged near the target",
                {},
                "",
                ALARMS,
            ),
            (
                bounds[2],
                "-brute-forced",
                ", IDs brute-forced within BEP 42",
                {"attack.grind": "on"},
                "each address has 8 valid prefixes to choose from, an honest node uses one",
                ALARMS,
            ),
        )
    ),
    *(
        Row(
            f"hidden-store-{percent}{suffix}",
            f"what is announced and put among {percent} % colluders is found{how}",
            "hidden-store",
            {"attack.share": str(int(percent) / 100), "attack.ablations": "off", **settings},
            (
                lower("announces found", "announces_found", 0.99, percent=True),
                lower("puts found", "puts_found", 0.99, percent=True),
            ),
        )
        for percent, *_ in COLLUDERS
        for suffix, how, settings in (
            ("-forged", ", IDs forged near the target", {}),
            ("-brute-forced", ", IDs brute-forced within BEP 42", {"attack.grind": "on"}),
        )
    ),
    *(
        Row(
            f"gossip-lookups-{percent}",
            f"closest honest node found among {percent} % colluders that gossip too; "
            "first hops from slots, k = 16, 8 paths",
            "gossip-lookups",
            {"nodes": "200", "attack.share": str(int(percent) / 100)},
            (
                lower("found", "found", bound, percent=True),
                upper("queries a lookup", "queries_mean", 40.0),
            ),
            {"nodes": "1000"},
        )
        for percent, bound in GOSSIPING_COLLUDERS
    ),
    Row(
        "discover",
        "a newcomer that knows one address, where 1 % of all nodes are of its network",
        "discover",
        {"nodes": "1000"},
        (
            upper("first peers (5), p50, s", "some_s_p50", 1.0),
            upper("all that there are, at most 20, p50, s", "all_s_p50", 2.0),
            lower("newcomers that were given all", "found_all", 1.0, percent=True),
            upper("bytes sent until then", "all_sent_bytes_mean", 58_000.0),
        ),
        {"nodes": "10000"},
        "times with the delays of the model, 150 ms a round trip at the median",
    ),
    Row(
        "discover-crash",
        "peers for applications after half of the network was killed",
        "discover",
        {"nodes": "100", "gossip.network_share": "1", "crash": "0.5", "warmup_s": "300"},
        (
            upper("dead among those given after 10 s", "dead_given_after_10_s", 0.2, percent=True),
            upper("after 30 s", "dead_given_after_30_s", 0.05, percent=True),
            upper("after 60 s", "dead_given_after_60_s", 0.0, percent=True),
            upper("dead given to newcomers", "dead_given_to_new_members", 0.0, percent=True),
            upper("a newcomer has 20, p50, s", "all_s_p50", 2.0),
        ),
        {"nodes": "1000"},
    ),
    Row(
        "gossip-spread",
        "a new member of the peer network",
        "gossip-spread",
        {"nodes": "200", "minutes": "30"},
        (
            lower(
                "20 slots of others, 90 % of the own view, in 20 rounds",
                "arrived_in_20_rounds",
                1.0,
                percent=True,
            ),
            lower("share of members that know it in the end", "known_by_mean", 0.99, percent=True),
        ),
        {"nodes": "1000", "minutes": "60"},
    ),
    *(
        Row(
            f"gossip-flood-{percent}",
            f"samples for the application, {percent} % attackers that push ten times as often",
            "gossip-flood",
            {"nodes": "200", "attack.share": str(int(percent) / 100)},
            (
                upper(
                    "attackers among samples, as a multiple of their part", "slots_to_part", 1.05
                ),
                lower("samples a member", "drawn_per_member", 200.0),
            ),
            {"nodes": "1000", **WHOLE_VIEW},
        )
        for percent in ("10", "20", "30")
    ),
    Row(
        "gossip-crash",
        "80 % of the nodes crash at the same time",
        "gossip-restart",
        {"nodes": "200"},
        (
            lower(
                "share of the others in the largest part, at once",
                "connected_at_once",
                1.0,
                percent=True,
            ),
            lower("the same after 5 minutes", "connected_after_5_min", 1.0, percent=True),
        ),
        {"nodes": "1000"},
    ),
    Row(
        "gossip-prefix",
        "half of all nodes are attackers in 20 /24s of the least used /8s",
        "gossip-prefix",
        {"nodes": "1000", "warmup_s": "1800", "minutes": "2"},
        (upper("attackers among hierarchical samples", "hierarchical", 0.06, percent=True),),
    ),
    Row(
        "own-address",
        "own address among 25 % liars",
        "spoofed-votes",
        {"nodes": "500", "attack.ablations": "off"},
        (
            upper("first decision wrong, counted", "count_first_wrong_share", 1e-3),
            upper("first decision wrong, computed", "count_first_wrong_computed", 1e-3),
            upper(
                "settled decision wrong, computed per recount", "count_settled_wrong_computed", 1e-6
            ),
            lower("a true change followed within 60 s", "followed_within_60_s", 1.0, percent=True),
        ),
    ),
    Row(
        "cost",
        "a settled node without requests by the application, payload",
        "idle-cost",
        {"nodes": "2000", "minutes": "5"},
        (
            upper("queries/s", "queries_per_s_mean", 0.45),
            upper("replies/s", "replies_per_s_mean", 0.45),
            upper("bytes/s", "bytes_per_s_mean", 200.0),
        ),
    ),
    Row(
        "cost-gossip",
        "the same, all nodes members of one peer network",
        "idle-cost",
        {"nodes": "500", "minutes": "5", "warmup_s": "1800", "gossip.network_share": "1"},
        (
            upper("queries/s", "queries_per_s_mean", 0.45),
            upper("replies/s", "replies_per_s_mean", 0.45),
            upper("bytes/s", "bytes_per_s_mean", 200.0),
        ),
        {"nodes": "2000"},
    ),
    Row(
        "size",
        "the simulator itself",
        "lookup",
        {"nodes": "1000", "minutes": "5"},
        (
            Figure("datagrams/s", of_run("datagrams_per_s"), 25_000.0, at_least=True),
            Figure("kB a node, whole process", kb_per_node, 128.0),
            Figure("wall minutes", minutes_of_wall, 15.0),
        ),
        {"nodes": "10000", "minutes": "30"},
        alone=True,
    ),
)
