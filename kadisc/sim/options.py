"""All that a simulation is told, in one frozen struct: the seed, the network model of every packet,
the population, churn, faults, attacks.

The defaults are the network model that our numbers are quoted with. Each can be set by its dotted
name, as in ``--set network.loss.mean=0.05 --set core.table.k=20`` (`settings.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from ..config import CoreConfig

REGIONS = ("eu", "na", "as", "other")


@dataclass(frozen=True, slots=True)
class LatencyOptions:
    """Round-trip time = between the regions + an access delay on each side; each packet takes half
    of it, times a factor of its own.
    """

    profile: str = "regions"
    """``regions``, or ``lognormal``: the cross-check, where each pair of hosts has a round-trip
    time drawn for it.
    """
    region_shares: tuple[float, ...] = (0.35, 0.30, 0.25, 0.10)
    """Of hosts in EU, NA, AS and elsewhere."""
    intra_rtt_s: float = 0.030
    eu_na_rtt_s: float = 0.100
    na_as_rtt_s: float = 0.170
    eu_as_rtt_s: float = 0.200
    other_rtt_s: float = 0.220
    access_median_s: float = 0.008
    access_sigma: float = 0.8
    packet_sigma: float = 0.08
    spike_share: float = 0.01
    spike_factor: float = 3.0
    lognormal_median_s: float = 0.154
    lognormal_sigma: float = 0.55


@dataclass(frozen=True, slots=True)
class LossOptions:
    """Gilbert-Elliott at each host's uplink: now and then a burst, in which ``loss_in_burst`` of
    the packets are lost.
    """

    mean: float = 0.01
    """Of all packets. Stress: 0.05, 0.2."""
    burst_packets: float = 4.0
    """Mean length of a burst."""
    loss_in_burst: float = 0.5


@dataclass(frozen=True, slots=True)
class NatOptions:
    """Of hosts that are not reachable directly."""

    open_share: float = 0.12
    """Endpoint-independent mapping and filtering: whoever knows the mapping reaches the host."""
    restricted_share: float = 0.64
    """Endpoint-independent mapping; lets in only whom the host has sent to."""
    dependent_share: float = 0.22
    """Another port towards each destination ("symmetric")."""
    blocked_share: float = 0.02
    """No UDP at all."""
    timeouts_s: tuple[float, ...] = (30.0, 60.0, 120.0, 180.0, 300.0)
    timeout_shares: tuple[float, ...] = (0.20, 0.35, 0.25, 0.15, 0.05)
    inbound_refreshes: bool = True
    """Whether a packet from outside keeps a mapping alive too, as in Linux."""


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    latency: LatencyOptions = field(default_factory=LatencyOptions)
    loss: LossOptions = field(default_factory=LossOptions)
    nat: NatOptions = field(default_factory=NatOptions)
    duplication: float = 0.001
    mtu_bytes: int = 1280
    """Of a packet, 28 bytes of which are IPv4 and UDP headers."""


@dataclass(frozen=True, slots=True)
class PopulationOptions:
    reachable: float = 0.40
    """The share of hosts that anybody can reach."""
    bep42_ids: float = 0.8
    """The share whose ID follows from their address (BEP 42), assumed; the others are old clients,
    or do not know their address.
    """
    autonomous_systems: int = 3000
    zipf: float = 1.0
    """How unequal they are: the n-th largest has 1/n**zipf of the hosts of the largest."""
    max_blocks: int = 48
    """/16 networks of the largest autonomous system; every one has at least one."""


@dataclass(frozen=True, slots=True)
class ChurnOptions:
    profile: str = "ipfs-rfm2"
    """``none``, ``bittorrent``, ``ipfs``, ``ipfs-rfm2``, ``ethereum``, or ``custom`` with the two
    numbers below.
    """
    shape: float = 0.61
    scale_s: float = 13_176.0
    permanent: float = 0.10
    """The share of hosts that never leave."""


@dataclass(frozen=True, slots=True)
class FaultOptions:
    """What goes wrong beyond the network model: shares of packets, and events per host and hour."""

    drop: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    reorder_s: float = 1.0
    """A reordered packet comes up to so much later."""
    corrupt: float = 0.0
    partitions_per_hour: float = 0.0
    partition_s: float = 60.0
    rebindings_per_hour: float = 0.0
    """Of each NAT: all of its mappings change."""
    clock_jumps_per_hour: float = 0.0
    clock_jump_s: float = 3600.0
    """A host's clock jumps ahead by up to so much, as after a suspend."""
    stalls_per_hour: float = 0.0
    stall_s: float = 5.0
    """A host does nothing for up to so long; its datagrams wait."""
    restarts_per_hour: float = 0.0
    torn_state: float = 0.5
    """With a restart: the chance that a part of the saved contacts is lost."""


@dataclass(frozen=True, slots=True)
class AttackOptions:
    """Who attacks, and how. Each attack scenario says which of these it looks at."""

    share: float = 0.25
    """Adversaries among the nodes that can be asked, where they are part of the network:
    ``colluders``, ``silent``, ``spoofed-votes``.
    """
    addresses: int = 400
    """Of an attacker who comes from outside, one node each: ``eclipse-flood``, ``botnet``. 400 are
    as many as the nodes that can be asked in a network of 1,000.
    """
    prefixes: int = 20
    """The /24 networks that they lie in. For ``colluders``: 0 spreads them as honest nodes are."""
    interval_s: float = 10.0
    """Each address sends to each victim so often: a query with an ID near the victim's, and an
    answer that nobody asked for.
    """
    forged_per_s: float = 2.0
    """Datagrams with forged source addresses, at each victim. Ten times as many crowd the
    attacker's own addresses out of the victim's queue of candidates: tables then hold fewer Sybils,
    whatever else is off.
    """
    victims: int = 2
    """Of each kind."""
    restart_after_s: float = 20.0
    """The victims that restart do so under a flood that is so old, and have lost their contacts."""
    fabricate: bool = True
    """Name IDs right beside the target, and answer by them; otherwise each adversary keeps to one
    random ID (S/Kademlia's model).
    """
    grind: bool = False
    """Of the 8 IDs that BEP 42 lets an address have, name the one nearest to the target: made up,
    but not to be told from true ones.
    """
    paths: int = 1
    """Disjoint paths of the lookups that are judged..."""
    k: int = 8
    """...and how many closest nodes they look for."""
    lookups: int = 400
    """That are judged, in each variant; in a siege, by all victims of a kind together."""
    movers: int = 40
    """Nodes whose address changes: ``address-change``, ``spoofed-votes``."""
    trials: int = 50_000
    """Of the vote count alone: ``spoofed-votes``."""
    ablations: bool = True
    """Run also with each defence that matters off, and with all of them off; each in a world of its
    own.
    """

    def check(self) -> None:
        """Raises ValueError for what cannot be."""
        if not 0.0 <= self.share < 1.0:
            raise ValueError(
                f"attack.share is a share of the nodes, 0 to less than 1, not {self.share:g}"
            )
        for name in ("interval_s", "paths", "k"):
            if not 0 < getattr(self, name) < inf:
                raise ValueError(
                    f"attack.{name}: a number above 0 is expected, not {getattr(self, name):g}"
                )
        for name in (
            "addresses",
            "prefixes",
            "forged_per_s",
            "victims",
            "restart_after_s",
            "lookups",
            "movers",
            "trials",
        ):
            if not 0 <= getattr(self, name) < inf:
                raise ValueError(
                    f"attack.{name}: 0 or more is expected, not {getattr(self, name):g}"
                )


@dataclass(frozen=True, slots=True)
class GossipOptions:
    """A network of their own that hosts are of, and how its attackers gossip."""

    network_share: float = 0.0
    """Of the hosts, that are members..."""
    saved_contacts: int = 32
    """...and of how many others each heard at the start, by lot; whom it meets from then on is
    gossip's work.
    """
    flood: float = 10.0
    """An attacker pushes so many times as often as an honest member."""
    fabricated: float = 0.25
    """Of the peers that an attacker names, those that are nobody; the others are attackers."""
    thin: bool = False
    """The attackers' networks lie in the /8s with the fewest hosts, one in each."""
    samples: int = 200
    """Peers that each member draws for the application while it is watched."""

    def check(self) -> None:
        """Raises ValueError for what cannot be."""
        for name in ("network_share", "fabricated"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"gossip.{name} is a share, 0 to 1, not {getattr(self, name):g}")
        for name in ("saved_contacts", "flood", "samples"):
            if not 0 <= getattr(self, name) < inf:
                raise ValueError(
                    f"gossip.{name}: 0 or more is expected, not {getattr(self, name):g}"
                )


@dataclass(frozen=True, slots=True)
class SimOptions:
    seed: int = 1
    nodes: int = 1000
    minutes: float = 10.0
    """Measured, after the warm-up."""
    warmup_s: float = 600.0
    network: NetworkOptions = field(default_factory=NetworkOptions)
    population: PopulationOptions = field(default_factory=PopulationOptions)
    churn: ChurnOptions = field(default_factory=ChurnOptions)
    faults: FaultOptions = field(default_factory=FaultOptions)
    attack: AttackOptions = field(default_factory=AttackOptions)
    gossip: GossipOptions = field(default_factory=GossipOptions)
    core: CoreConfig = field(default_factory=CoreConfig)
    paranoid: bool = False
    """Check the dear invariants as well."""
    lookups_per_minute: float = 150.0
    """In the whole network, by the scenarios that look up."""
    crash: float = 0.5
    """The share of nodes that crash at once, in ``crash``."""
    joins: int = 40
    """Newcomers that are measured, in ``join``, and nodes that come back, in ``restart``."""
    down_s: float = 60.0
    """How long those are down."""
    crowd: float = 10.0
    """Newcomers for each node, in ``flash-crowd``."""
