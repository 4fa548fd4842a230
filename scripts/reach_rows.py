"""The goals for reachability that simulations can judge."""

from __future__ import annotations

from goal_rows import Figure, Row, lower, upper, worst

ONE_RUN = {"attack.ablations": "off"}

REACH_ROWS = (
    *(
        Row(
            f"reach-verdict{suffix}",
            f"new nodes behind every kind of NAT, {loss} loss",
            "reach-verdict",
            {"network.loss.mean": mean, "reach.each": "10"},
            (
                upper("yes with four helpers, p50, s", "yes_helped_s_p50", 1.0),
                upper("yes with four helpers, p95, s", "yes_helped_s_p95", 3.0),
                upper("yes from the start of the node, p95, s", "yes_cold_s_p95", 20.0),
                upper("no from the start of the node, p95, s", "no_cold_s_p95", 60.0),
                upper("no with eight netgroups of helpers, p95, s", "no_helped_s_p95", 40.0),
                lower("dependent mapping named", "dependent_named", 1.0, percent=True),
                upper("and how soon, p95, s", "dependent_named_s_p95", 20.0),
                lower("reached nodes that know it in the end", "yes", 1.0, percent=True),
                lower("closed nodes that know it in the end", "no", 1.0, percent=True),
                Figure("false yes", worst("false_yes"), 0.0),
                Figure("false no", worst("false_no"), 0.0),
            ),
            {"reach.each": "40"},
        )
        for suffix, loss, mean in (("", "1 %", "0.01"), ("-loss", "5 %", "0.05"))
    ),
    Row(
        "reach-liars",
        "25 % of the helpers and witnesses deny that strangers get in",
        "reach-liars",
        {**ONE_RUN, "reach.kinds": "public,open,restricted", "reach.each": "20"},
        (
            Figure("false no, of those in the network", worst("false_no"), 0.0),
            Figure("false no of 30,000 alone, honest helpers", worst("alone_false_no_honest"), 0.0),
            Figure("false no of 30,000 alone, liars", worst("alone_false_no_liars"), 3.0),
            Figure("false yes", worst("false_yes"), 0.0),
        ),
        {"reach.each": "100"},
    ),
    Row(
        "reach-keepalive",
        "witnesses that hold flows through NATs open with junk",
        "reach-keepalive",
        ONE_RUN,
        (Figure("false yes", worst("false_yes"), 0.0),),
        {"reach.each": "50", "minutes": "60"},
    ),
    Row(
        "reach-toggle",
        "a forward is added to nodes behind NAT, and removed",
        "reach-toggle",
        {},
        (
            upper("added soon after the verdict, p95, s", "added_s_p95", 35.0),
            upper("added later, p95, s", "added_later_s_p95", 305.0),
            upper("removed, p95, s", "removed_s_p95", 100.0),
            lower("added and noticed", "added_noticed", 1.0, percent=True),
            lower("removed and noticed", "removed_noticed", 1.0, percent=True),
        ),
        {"reach.each": "100"},
    ),
    Row(
        "reach-move",
        "address or gateway changes, or the machine slept",
        "reach-move",
        {},
        (
            upper("changes that the machine sees, decided, p95, s", "told_known_s_p95", 10.0),
            upper("silent change of address, decided, p95, s", "silent_known_s_p95", 60.0),
            lower("right in the end", "known", 1.0, percent=True),
        ),
        {"reach.each": "40"},
    ),
    Row(
        "reach-small",
        "2 to 20 members, all behind NAT",
        "reach-small",
        {"nodes": "200"},
        (
            Figure(
                "pairs met in 30 s, against no tests",
                lambda records: min(
                    record["metrics"]["met_30_s_as_set"] - record["metrics"]["met_30_s_no_tests"]
                    for record in records
                ),
                -0.03,
                at_least=True,
                percent=True,
            ),
        ),
        {"nodes": "1000"},
    ),
    Row(
        "reach-pairs",
        "random pairs of members, one box in four maps ports",
        "reach-pairs",
        {},
        (lower("reached directly", "direct", 0.57, percent=True),),
        {"nodes": "1000"},
    ),
    Row(
        "reach-cost",
        "what tests cost a settled node, usual churn",
        "reach-cost",
        ONE_RUN,
        (
            upper("queries/s for tests, reached node", "reach_queries_per_s_yes", 0.02),
            upper("queries/s for tests, closed node", "reach_queries_per_s_no", 0.007),
            upper("queries/s, all", "queries_per_s", 0.45),
            upper("replies/s, all", "replies_per_s", 0.45),
        ),
        {"nodes": "1000"},
    ),
    *(
        Row(
            f"reach-abuse{suffix}",
            f"all witnesses are asked to ping {whom}",
            "reach-abuse",
            {**ONE_RUN, "attack.victims": victims},
            (
                upper("bytes at a victim per byte of a knock", "bytes_per_byte_of_served", 0.66),
                upper(
                    "bytes/s at the victims from 10,000 witnesses", "bytes_per_s_from_10000", most
                ),
            ),
        )
        for suffix, whom, victims, most in (
            ("", "one host", "1", 1830.0),
            ("-subnet", "the hosts of one /24", "200", 7300.0),
        )
    ),
    Row(
        "reach-drain",
        "the budgets of all witnesses are spent by attackers",
        "reach-drain",
        {"reach.kinds": "public,restricted"},
        (
            Figure("false yes", worst("false_yes"), 0.0),
            Figure("false no", worst("false_no"), 0.0),
        ),
    ),
    Row(
        "reach-flood",
        "a flood of forged queries during the test",
        "reach-flood",
        ONE_RUN,
        (
            Figure("false no", worst("false_no"), 0.0),
            lower("reached nodes that know it in the end", "yes", 1.0, percent=True),
        ),
    ),
)
