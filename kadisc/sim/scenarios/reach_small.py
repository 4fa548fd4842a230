"""A few members of a network, all behind NAT, in a DHT of other nodes: do they meet as fast as
members that never test whether strangers reach them?

One row for each number of members and each variant: the share of the pairs that know each other
some seconds after the last start. In the row ``deserted`` public members helped the others to find
out that they are closed, then they left, and new members came: the pairs are those of an old member
with a new one. Closed nodes that stop to announce themselves are not found by them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations, product

from ..attacks.ablation import without
from ..lab import Lab
from ..measure.statistics import Metrics, mean, share
from ..model.host import Host
from ..options import SimOptions
from ..probes.gossip_metrics import peer_network_of
from ..probes.reach_probe import Subjects
from .scenario import Scenario

SIZES = (2, 5, 10, 20)
LOOKS_S = (10.0, 30.0, 120.0)
BETWEEN_S = 1.0
HELPERS = 12
TESTED_S = 420.0
"""How long helpers stay: until the others know that they are closed, and could act on it."""
NEW = 3
KIND = "restricted"


def run(lab: Lab) -> Metrics:
    lab.settle()
    rows: list[dict[str, object]] = []
    with lab.measured():
        lab.run(1.0)
    for name, options in _variants(lab.options):
        for size in SIZES:
            if size <= lab.options.joins:
                rows.append(_row(lab, name, options, size))
        rows.append(_row(lab, name, options, 0))
    found: Metrics = {"members_behind": KIND, "networks": rows}
    for name, _ in _variants(lab.options):
        shares = [row["met_30_s"] for row in rows if row["variant"] == name and row["members"]]
        found[f"met_30_s_{name.replace(' ', '_')}"] = mean(
            [value for value in shares if isinstance(value, float)]
        )
        for row in rows:
            if row["variant"] == name and not row["members"]:
                found[f"deserted_met_120_s_{name.replace(' ', '_')}"] = row["met_120_s"]
    return found


def _variants(options: SimOptions) -> list[tuple[str, SimOptions]]:
    return [
        ("as set", options),
        ("no tests", replace(options, core=replace(options.core, tests_reach=False))),
        ("no guarded conduct", without(options, "guarded_conduct")),
    ]


def _row(lab: Lab, name: str, options: SimOptions, size: int) -> dict[str, object]:
    other = lab.another(options)
    other.settle()
    with other.measured():
        met = _deserted(other) if not size else _together(other, size)
    lab.absorb(other)
    return {
        "variant": name,
        "network": f"{size} members" if size else "deserted",
        "members": size,
        **{f"met_{seconds:g}_s": part for seconds, part in met.items()},
    }


def _together(lab: Lab, size: int) -> dict[float, float | None]:
    subjects = Subjects(lab)
    hosts = []
    for _ in range(size):
        hosts.append(subjects.start(KIND).host)
        lab.run(BETWEEN_S)
    return _met_after(lab, list(combinations(hosts, 2)))


def _deserted(lab: Lab) -> dict[float, float | None]:
    subjects = Subjects(lab)
    helpers = [subjects.start("public").host for _ in range(HELPERS)]
    old = [subjects.start(KIND).host for _ in range(NEW)]
    lab.run(TESTED_S)
    for host in helpers:
        lab.stop(host)
    lab.run(60.0)
    new = [subjects.start(KIND).host for _ in range(NEW)]
    return _met_after(lab, list(product(old, new)))


def _met_after(lab: Lab, pairs: Sequence[tuple[Host, Host]]) -> dict[float, float | None]:
    began, met = lab.world.now, dict[float, float | None]()
    for seconds in LOOKS_S:
        lab.run(max(0.0, began + seconds - lab.world.now))
        met[seconds] = share(sum(_know(a, b) and _know(b, a) for a, b in pairs), len(pairs))
    return met


def _know(host: Host, other: Host) -> bool:
    """Whether the host has verified the other one."""
    assert other.identity is not None
    key = other.identity.public_key
    return any(peer.key == key for peer in peer_network_of(host).verified())


SCENARIO = Scenario(
    "reach-small",
    "2 to 20 members, all behind NAT: do they meet as fast as without tests of reachability?",
    run,
    {"nodes": "1000", "warmup_s": "30", "joins": "20"},
)
