"""What one seed of a hunt stands for: a network, faults, adversaries, and defences that are off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from random import Random
from typing import Final

from ...config import Defences
from ...errors import UsageError
from ..adversaries.registry import KINDS
from ..options import SimOptions
from ..settings import with_settings

MIN_NODES: Final = 14
MAX_NODES: Final = 36
MIN_MINUTES: Final = 2.5
MAX_MINUTES: Final = 4.5
WARMUP_S: Final = 20.0
LIVENESS_S: Final = 200.0
"""How long the network has to recover: two checks of each contact, and a join."""
MAX_GROUPS: Final = 2
"""The number of kinds of adversaries in one run."""
KEPT_ON: Final = ("bounded_answers", "verified_admission", "exact_matching")
"""Without these, answers do not fit into a datagram, or forged ones are believed: there is no
promise left to check."""
FAULTS: Final[dict[str, tuple[float, float]]] = {
    "drop": (0.01, 0.15),
    "duplicate": (0.01, 0.3),
    "reorder": (0.05, 0.4),
    "reorder_s": (0.5, 5.0),
    "corrupt": (0.01, 0.15),
    "partitions_per_hour": (6.0, 30.0),
    "partition_s": (10.0, 90.0),
    "rebindings_per_hour": (1.0, 10.0),
    "clock_jumps_per_hour": (0.5, 4.0),
    "stalls_per_hour": (1.0, 12.0),
    "restarts_per_hour": (1.0, 12.0),
    "moves_per_hour": (0.5, 4.0),
}
"""The least and the most of each fault."""


@dataclass(frozen=True, slots=True)
class Group:
    """``count`` adversaries of one kind."""

    kind: str
    count: int


@dataclass(frozen=True, slots=True)
class HuntPlan:
    """``asserted``: the defences that the oracles rely on: those that are on, and those that were
    turned off by hand. ``crash``: the share of the nodes that crash at once, in the middle.
    """

    options: SimOptions
    asserted: Defences
    groups: tuple[Group, ...]
    crash: float
    starts_alone: bool
    """Whether nodes that restart are given no addresses beside what they saved."""

    def words(self) -> str:
        """One line for people."""
        options = self.options
        groups = ", ".join(f"{group.count} {group.kind}" for group in self.groups)
        off = ", ".join(
            field.name for field in fields(Defences) if not getattr(self.asserted, field.name)
        )
        return (
            f"{options.nodes} nodes ({options.family}), {options.minutes:.1f} minutes; "
            f"adversaries: {groups or 'none'}; defences off: {off or 'none'}"
        )


@dataclass(frozen=True, slots=True)
class HuntChoices:
    """What the command line fixes. None: it is drawn. ``without``: defences that are off though the
    oracles rely on them. ``adversaries``: the kinds to draw from.
    """

    nodes: int | None = None
    minutes: float | None = None
    without: tuple[str, ...] = ()
    adversaries: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()

    def check(self) -> None:
        """Raises UsageError."""
        known = [field.name for field in fields(Defences)]
        for name in self.without:
            if name not in known:
                raise UsageError(f"--without {name}: there is no such defence; known are {known}")
        for name in self.adversaries:
            if name not in KINDS:
                raise UsageError(
                    f"--adversary {name}: there is no such kind; known are {', '.join(KINDS)}"
                )
        if self.nodes is not None and not 4 <= self.nodes <= 1000:
            raise UsageError(f"--nodes: 4 to 1000 nodes are expected, not {self.nodes}")
        if self.minutes is not None and not 0.5 <= self.minutes <= 600:
            raise UsageError(f"--minutes: 0.5 to 600 are expected, not {self.minutes:g}")
        with_settings(SimOptions(), self.settings)

    def words(self) -> list[str]:
        """As on the command line."""
        words = []
        if self.nodes is not None:
            words.append(f"--nodes {self.nodes}")
        if self.minutes is not None:
            words.append(f"--minutes {self.minutes:g}")
        words += [f"--without {name}" for name in self.without]
        words += [f"--adversary {name}" for name in self.adversaries]
        words += [f"--set {setting}" for setting in self.settings]
        return words


def drawn(seed: int, choices: HuntChoices) -> HuntPlan:
    """The plan of a seed. A choice replaces what was drawn, and changes no other draw. Raises
    UsageError.
    """
    rng = Random(f"hunt {seed}")
    nodes = rng.randint(MIN_NODES, MAX_NODES)
    minutes = rng.uniform(MIN_MINUTES, MAX_MINUTES)
    nodes = nodes if choices.nodes is None else choices.nodes
    settings = [
        f"seed={seed}",
        f"nodes={nodes}",
        f"minutes={minutes if choices.minutes is None else choices.minutes:.3f}",
        f"warmup_s={WARMUP_S:g}",
        "paranoid=on",
        *_network(rng),
        *_population(rng),
        *_faults(rng),
        *_core(rng),
    ]
    off = _defences_off(rng)
    groups = _groups(rng, seed, nodes, choices.adversaries)
    crash = rng.choice((0.0, 0.0, 0.0, 0.2, 0.4))
    starts_alone = rng.random() < 0.5
    asserted = replace(Defences(), **dict.fromkeys(off, False))
    options = with_settings(SimOptions(), [*settings, *choices.settings])
    if any(KINDS[group.kind].gossips for group in groups) and not options.gossip.network_share:
        options = with_settings(options, ["gossip.network_share=0.5"])
    forced = dict.fromkeys((*off, *choices.without), False)
    core = replace(options.core, defences=replace(options.core.defences, **forced))
    return HuntPlan(replace(options, core=core), asserted, groups, crash, starts_alone)


def _network(rng: Random) -> Iterator[str]:
    yield f"network.latency.profile={rng.choice(('regions', 'lognormal'))}"
    yield f"network.loss.mean={rng.choice((0.0, 0.01, 0.01, 0.03, 0.08))}"
    yield f"network.nat.open_share={rng.uniform(0.0, 0.3):.3f}"
    yield f"network.nat.random_ports={rng.choice((0.0, 0.0, 0.5))}"
    yield f"network.nat.several_hosts={rng.choice((0.0, 0.0, 0.3))}"
    yield f"network.nat.mapping_routers={rng.choice((0.0, 0.0, 0.5))}"
    yield f"network.nat.one_to_one_share={rng.choice((0.0, 0.1))}"
    yield f"family={rng.choice(('ipv4', 'ipv4', 'ipv4', 'ipv6'))}"


def _population(rng: Random) -> Iterator[str]:
    yield f"population.reachable={rng.uniform(0.3, 1.0):.3f}"
    yield f"population.bep42_ids={rng.choice((0.0, 0.5, 0.8, 1.0))}"
    yield f"population.autonomous_systems={rng.choice((20, 300, 3000))}"
    yield f"gossip.network_share={rng.choice((0.0, 0.4, 1.0))}"
    profile = rng.choice(("none", "none", "ipfs-rfm2", "ethereum", "bittorrent"))
    yield f"churn.profile={profile}"


def _faults(rng: Random) -> Iterator[str]:
    for name, (least, most) in FAULTS.items():
        value = rng.uniform(least, most)
        if rng.random() < 0.35 or name.endswith("_s"):
            yield f"faults.{name}={value:.4f}"


def _core(rng: Random) -> Iterator[str]:
    """Odd and small configurations: what an oracle needs to see a bound is often a low one."""
    if rng.random() < 0.5:
        yield "core.table.bucket_sizes=8"
    yield f"core.serving.max_info_hashes={rng.choice((2000, 24))}"
    yield "attack.addresses=40"
    # A tenth of the usual budgets of proven endpoints: a flood that is beyond them is cheaper.
    for level, kilobytes in (("host", 7), ("subnet", 28), ("netgroup", 70), ("total", 425)):
        yield f"core.limits.proven_{level}_reply_bytes_per_s={kilobytes * 1000}"


def _defences_off(rng: Random) -> list[str]:
    names = [field.name for field in fields(Defences) if field.name not in KEPT_ON]
    chosen = rng.sample(names, 3)
    return chosen[: rng.choice((0, 0, 0, 1, 2, 3))]


def _groups(rng: Random, seed: int, nodes: int, only: Sequence[str]) -> tuple[Group, ...]:
    """The kinds take turns from seed to seed, so that each is in any few seeds; others are drawn
    beside it. Each is alone, or a tenth or a quarter of the network.
    """
    names = list(only or KINDS)
    first = names.pop(seed % len(names))
    beside = rng.sample(names, min(rng.choice((0, 0, 1, 1, MAX_GROUPS - 1)), len(names)))
    return tuple(Group(name, _count(rng, nodes)) for name in (first, *beside))


def _count(rng: Random, nodes: int) -> int:
    return max(1, round(nodes * rng.choice((0.0, 0.1, 0.25))))
