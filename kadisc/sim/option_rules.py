"""The allowed values of the options of a simulation. Without these checks a run with an impossible
value ends in the middle, or gives meaningless numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import Any

from ..config.keys import complaints
from ..endpoints import Family
from .options import REGIONS, SimOptions
from .settings import all_settings

_ABOVE_0 = frozenset(
    {
        "nodes",
        "minutes",
        "lookups_per_minute",
        "joins",
        "network.loss.burst_packets",
        "network.loss.loss_in_burst",
        "network.mtu_bytes",
        "network.latency.access_median_s",
        "network.latency.lognormal_median_s",
        "population.autonomous_systems",
        "population.max_blocks",
        "churn.shape",
        "churn.scale_s",
    }
)
_SHARES = frozenset(
    {
        "crash",
        "network.loss.mean",
        "network.loss.loss_in_burst",
        "network.duplication",
        "network.latency.spike_share",
        "population.reachable",
        "population.bep42_ids",
        "network.nat.open_share",
        "network.nat.restricted_share",
        "network.nat.dependent_share",
        "network.nat.blocked_share",
        "network.nat.address_restricted_share",
        "network.nat.one_to_one_share",
        "network.nat.random_ports",
        "network.nat.several_hosts",
        "network.nat.mapping_routers",
        "network.nat.second_nat",
        "churn.permanent",
        "faults.drop",
        "faults.duplicate",
        "faults.reorder",
        "faults.corrupt",
        "faults.torn_state",
    }
)
_LENGTHS = {"network.latency.region_shares": len(REGIONS)}


def check_options(options: SimOptions) -> None:
    """Raises ValueError for the first option with an impossible value. The fields of ``core`` have
    the bounds that `kadisc.config` declares.
    """
    if options.family not in {family.value for family in Family}:
        raise ValueError(f"family: ipv4 or ipv6 is expected, not {options.family!r}")
    options.attack.check()
    options.gossip.check()
    options.reach.check()
    for name, complaint in (
        *complaints(options.core, "core."),
        *_complaints(all_settings(options)),
    ):
        raise ValueError(f"{name}: {complaint}")
    loss, nat = options.network.loss, options.network.nat
    if loss.mean >= loss.loss_in_burst and loss.mean:
        raise ValueError(
            f"network.loss.mean: less than network.loss.loss_in_burst ({loss.loss_in_burst:g}) "
            f"is expected, not {loss.mean:g}"
        )
    if len(nat.timeouts_s) != len(nat.timeout_shares):
        raise ValueError(
            "network.nat.timeouts_s: as many values as in network.nat.timeout_shares are expected"
        )


def _complaints(settings: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in settings.items():
        if name.startswith("core.") or name == "seed":
            continue
        if isinstance(value, tuple):
            yield from _complaints_about_list(name, value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            least = "above 0" if name in _ABOVE_0 else "of at least 0"
            if not isfinite(value) or value < 0 or (value == 0 and name in _ABOVE_0):
                yield name, f"a number {least} is expected, not {value:g}"
            elif name in _SHARES and value > 1:
                yield name, f"a share of at most 1 is expected, not {value:g}"


def _complaints_about_list(name: str, values: tuple[float, ...]) -> Iterator[tuple[str, str]]:
    count = _LENGTHS.get(name, len(values))
    if len(values) != count:
        yield name, f"{count} values are expected, not {len(values)}"
    elif any(not isfinite(value) or value < 0 for value in values) or not sum(values) > 0:
        yield name, "numbers of at least 0 are expected, one of them above 0"
