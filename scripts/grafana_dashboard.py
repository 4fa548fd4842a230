"""Writes the Grafana dashboard of a kadisc node: ``python scripts/grafana_dashboard.py`` makes
``ops/grafana/kadisc.json`` anew. The panels are declared here, a line each.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).parent.parent / "ops" / "grafana" / "kadisc.json"
RATE: Final = "[$__rate_interval]"
SELECT: Final = '{instance=~"$instance"}'
WIDTH, HEIGHT = 6, 7

# Row -> panels: (title, kind, unit, [(expression, legend)]).
Panel = tuple[str, str, str, list[tuple[str, str]]]
ROWS: Final[dict[str, list[Panel]]] = {
    "State": [
        ("Ready", "stat", "bool_yes_no", [(f"kadisc_ready{SELECT}", "{{instance}}")]),
        ("Online", "stat", "bool_yes_no", [(f"kadisc_dht_online{SELECT}", "{{family}}")]),
        ("Reachable", "stat", "bool_yes_no", [(f"kadisc_reachable{SELECT}", "{{family}}")]),
        ("Contacts", "stat", "none", [(f"sum by (family) (kadisc_dht_contacts{SELECT})", "")]),
        ("Peers verified", "stat", "none", [(f"kadisc_peers_verified{SELECT}", "{{instance}}")]),
        (
            "Drops",
            "stat",
            "pps",
            [(f"sum(rate(kadisc_datagrams_dropped_total{SELECT}{RATE}))", "all reasons")],
        ),
    ],
    "Peers": [
        ("Peers online", "timeseries", "none", [(f"kadisc_peers_verified{SELECT}", "online")]),
        (
            "Peers found and lost",
            "timeseries",
            "none",
            [
                (f"increase(kadisc_peers_found_total{SELECT}{RATE})", "found"),
                (f"increase(kadisc_peers_lost_total{SELECT}{RATE})", "lost: {{reason}}"),
            ],
        ),
        (
            "Address book",
            "timeseries",
            "none",
            [(f"kadisc_peer_book_entries{SELECT}", "{{table}}")],
        ),
        ("Slots", "timeseries", "none", [(f"kadisc_peer_slots{SELECT}", "{{state}}")]),
    ],
    "Routing table": [
        (
            "Contacts by state",
            "timeseries",
            "none",
            [(f"kadisc_dht_contacts{SELECT}", "{{family}} {{state}}")],
        ),
        (
            "Changes",
            "timeseries",
            "none",
            [(f"increase(kadisc_dht_contact_changes_total{SELECT}{RATE})", "{{change}}")],
        ),
        ("Subnets", "timeseries", "none", [(f"kadisc_dht_networks{SELECT}", "{{family}}")]),
        (
            "Largest subnet",
            "timeseries",
            "percentunit",
            [(f"kadisc_dht_largest_network_ratio{SELECT}", "{{family}}")],
        ),
    ],
    "Traffic": [
        (
            "Bytes",
            "timeseries",
            "Bps",
            [
                (f"rate(kadisc_received_bytes_total{SELECT}{RATE})", "in"),
                (f"rate(kadisc_sent_bytes_total{SELECT}{RATE})", "out"),
            ],
        ),
        (
            "Queries sent",
            "timeseries",
            "reqps",
            [(f"rate(kadisc_queries_sent_total{SELECT}{RATE})", "{{method}}")],
        ),
        (
            "Queries received",
            "timeseries",
            "reqps",
            [(f"rate(kadisc_queries_received_total{SELECT}{RATE})", "{{method}}")],
        ),
        (
            "In flight",
            "timeseries",
            "none",
            [
                (f"kadisc_queries_in_flight{SELECT}", "queries"),
                (f"kadisc_operations_in_flight{SELECT}", "operations"),
            ],
        ),
    ],
    "Drops": [
        (
            "Datagrams dropped",
            "timeseries",
            "pps",
            [(f"rate(kadisc_datagrams_dropped_total{SELECT}{RATE})", "{{reason}}")],
        ),
        (
            "Contents refused",
            "timeseries",
            "none",
            [(f"topk(8, rate(kadisc_refused_total{SELECT}{RATE}))", "{{reason}}")],
        ),
        (
            "Not sent",
            "timeseries",
            "pps",
            [(f"rate(kadisc_sends_failed_total{SELECT}{RATE})", "{{reason}}")],
        ),
    ],
    "Lookups": [
        (
            "Duration, median and 99th percentile",
            "timeseries",
            "s",
            [
                (
                    f"histogram_quantile({q}, sum by (kind, le)"
                    f" (rate(kadisc_lookup_duration_seconds_bucket{SELECT}{RATE})))",
                    f"{{{{kind}}}} p{int(100 * q)}",
                )
                for q in (0.5, 0.99)
            ],
        ),
        (
            "Outcomes",
            "timeseries",
            "none",
            [
                (
                    "sum by (kind, outcome)"
                    f" (increase(kadisc_lookup_duration_seconds_count{SELECT}{RATE}))",
                    "{{kind}} {{outcome}}",
                )
            ],
        ),
        (
            "Round-trip time, median",
            "timeseries",
            "s",
            [
                (
                    "histogram_quantile(0.5, sum by (family, le)"
                    f" (rate(kadisc_rtt_seconds_bucket{SELECT}{RATE})))",
                    "{{family}}",
                )
            ],
        ),
    ],
    # A feed is a process of its own, with an address of its own: all of them are shown.
    "Feed": [
        (
            "Chain node up",
            "stat",
            "bool_yes_no",
            [
                (
                    "kadisc_feed_chain_up * on (instance, job) group_left (preset, chain) "
                    "kadisc_feed_info",
                    "{{instance}} {{preset}} {{chain}}",
                )
            ],
        ),
        (
            "Peers of the chain node",
            "timeseries",
            "none",
            [
                ("kadisc_feed_chain_peers", "{{instance}} {{direction}}"),
                ("kadisc_feed_chain_peers_wanted", "{{instance}} wanted"),
            ],
        ),
        (
            "Handshakes and offers",
            "timeseries",
            "none",
            [
                (
                    f"increase(kadisc_feed_handshakes_total{RATE})",
                    "{{instance}} handshake: {{outcome}}",
                ),
                (f"increase(kadisc_feed_offers_total{RATE})", "{{instance}} offer: {{outcome}}"),
            ],
        ),
        (
            "Service advertised",
            "stat",
            "bool_yes_no",
            [("kadisc_feed_service_advertised", "{{instance}} {{service}}")],
        ),
    ],
    "Applications": [
        (
            "Peers given",
            "timeseries",
            "none",
            [(f"increase(kadisc_peers_given_total{SELECT}{RATE})", "{{via}}")],
        ),
        (
            "Feedback",
            "timeseries",
            "none",
            [(f"increase(kadisc_peer_feedback_total{SELECT}{RATE})", "{{verdict}}")],
        ),
        (
            "Requests at the control socket",
            "timeseries",
            "reqps",
            [
                (
                    f"sum by (method, outcome) (rate(kadisc_control_requests_total{SELECT}{RATE}))",
                    "{{method}} {{outcome}}",
                )
            ],
        ),
        (
            "Clients of the control socket",
            "timeseries",
            "none",
            [(f"kadisc_control_clients{SELECT}", "{{instance}}")],
        ),
    ],
    "Process": [
        ("Memory", "timeseries", "bytes", [(f"process_resident_memory_bytes{SELECT}", "")]),
        (
            "Processor",
            "timeseries",
            "percentunit",
            [(f"rate(process_cpu_seconds_total{SELECT}{RATE})", "")],
        ),
        (
            "Event loop lag, 99th percentile",
            "timeseries",
            "s",
            [
                (
                    "histogram_quantile(0.99, sum by (le)"
                    f" (rate(kadisc_event_loop_lag_seconds_bucket{SELECT}{RATE})))",
                    "",
                )
            ],
        ),
        (
            "State saved, age",
            "timeseries",
            "s",
            [(f"time() - kadisc_state_saved_timestamp_seconds{SELECT}", "{{instance}}")],
        ),
    ],
}


def dashboard() -> dict[str, Any]:
    """The document that Grafana imports."""
    panels: list[dict[str, Any]] = []
    y = 0
    for row, declared in ROWS.items():
        panels.append(
            {
                "id": len(panels) + 1,
                "type": "row",
                "title": row,
                "collapsed": False,
                "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
                "panels": [],
            }
        )
        y += 1
        width = 4 if row == "State" else WIDTH
        height = 4 if row == "State" else HEIGHT
        for column, panel in enumerate(declared):
            where = {"x": column * width, "y": y, "w": width, "h": height}
            panels.append(_panel(len(panels) + 1, panel, where))
        y += height
    return {
        "title": "kadisc",
        "uid": "kadisc",
        "tags": ["kadisc", "dht", "p2p"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {
            "list": [
                {"name": "source", "type": "datasource", "query": "prometheus", "label": "Source"},
                {
                    "name": "instance",
                    "type": "query",
                    "label": "Node",
                    "datasource": _SOURCE,
                    "query": "label_values(kadisc_build_info, instance)",
                    "refresh": 2,
                    "includeAll": True,
                    "multi": True,
                },
            ]
        },
        "panels": panels,
    }


_SOURCE: Final = {"type": "prometheus", "uid": "$source"}


def _panel(number: int, panel: Panel, where: dict[str, int]) -> dict[str, Any]:
    title, kind, unit, targets = panel
    return {
        "id": number,
        "type": kind,
        "title": title,
        "datasource": _SOURCE,
        "gridPos": where,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + i), "expr": expression, "legendFormat": legend or "__auto"}
            for i, (expression, legend) in enumerate(targets)
        ],
    }


def main() -> None:
    FILE.write_text(json.dumps(dashboard(), indent=2) + "\n")
    print(f"wrote {FILE.relative_to(FILE.parent.parent.parent)}")


if __name__ == "__main__":
    main()
