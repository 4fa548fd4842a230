"""The options of a simulation in one frozen struct: the seed, the network model of every packet,
the population, churn, faults, attacks.

The documentation quotes numbers measured with the default network model. Each option can be set by
its dotted name, as in ``--set network.loss.mean=0.05 --set core.table.k=20`` (`settings.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from ..config import CoreConfig, ReachConfig

REGIONS = ("eu", "na", "as", "other")


@dataclass(frozen=True, slots=True)
class LatencyOptions:
    """Round-trip time = the time between the regions + an access delay on each side. A packet takes
    half of that, times a factor drawn for the packet.
    """

    profile: str = "regions"
    """``regions``, or ``lognormal``: the cross-check, which draws a round-trip time for each pair
    of hosts.
    """
    region_shares: tuple[float, ...] = (0.35, 0.30, 0.25, 0.10)
    """The shares of hosts in Europe, North America, Asia and elsewhere."""
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
    """Gilbert-Elliott losses at each host's uplink: bursts in which ``loss_in_burst`` of the
    packets are lost.
    """

    mean: float = 0.01
    """The share of all packets that are lost. Under stress: 0.05, 0.2."""
    burst_packets: float = 4.0
    """The mean length of a burst in packets."""
    loss_in_burst: float = 0.5
    """The share of packets that are lost within a burst."""


@dataclass(frozen=True, slots=True)
class NatOptions:
    """The NATs of hosts that are not reachable directly."""

    open_share: float = 0.12
    """Endpoint-independent mapping and filtering: any packet to the mapping reaches the host."""
    restricted_share: float = 0.64
    """Endpoint-independent mapping; lets in only packets from endpoints that the host has sent to.
    """
    dependent_share: float = 0.22
    """The share of NATs with another external port towards each destination ("symmetric")."""
    blocked_share: float = 0.02
    """The share of firewalls, which block UDP."""
    address_restricted_share: float = 0.0
    """Endpoint-independent mapping; lets in packets from any port of a host that was sent to."""
    one_to_one_share: float = 0.0
    """One external address for one host, and every packet to it passed on, as in clouds."""
    random_ports: float = 0.0
    """The share of the endpoint-dependent NATs that draw each external port at random. The others
    take one port after the other.
    """
    several_hosts: float = 0.0
    """The share of the hosts behind NAT that have the box in common with others, of the same kind
    of NAT, three to a box.
    """
    hairpin: bool = False
    """Whether hosts behind one box reach each other at their external endpoints."""
    mapping_routers: float = 0.0
    """The share of the boxes that map a port on request (PCP, NAT-PMP)."""
    second_nat: float = 0.1
    """The share of the mapping boxes that stand behind a second NAT, where a mapping is of no use.
    """
    grant_s: float = 0.02
    """How long a box takes to grant a mapping."""
    timeouts_s: tuple[float, ...] = (30.0, 60.0, 120.0, 180.0, 300.0)
    """How long a mapping lives without traffic; a NAT has one of these."""
    timeout_shares: tuple[float, ...] = (0.20, 0.35, 0.25, 0.15, 0.05)
    """The share of NATs with each of ``timeouts_s``."""
    inbound_refreshes: bool = True
    """Whether an inbound packet keeps a mapping alive too, as in Linux."""


@dataclass(frozen=True, slots=True)
class NetworkOptions:
    latency: LatencyOptions = field(default_factory=LatencyOptions)
    loss: LossOptions = field(default_factory=LossOptions)
    nat: NatOptions = field(default_factory=NatOptions)
    duplication: float = 0.001
    """The share of packets that arrive twice."""
    mtu_bytes: int = 1280
    """The largest packet that arrives, with 28 bytes of IPv4 and UDP headers."""


@dataclass(frozen=True, slots=True)
class PopulationOptions:
    reachable: float = 0.40
    """The share of hosts that are not behind a NAT."""
    bep42_ids: float = 0.8
    """The share of hosts whose ID is valid by BEP 42 (an assumption); the others are old clients,
    or do not know their address.
    """
    autonomous_systems: int = 3000
    """How many autonomous systems there are."""
    zipf: float = 1.0
    """How unequal the systems are: the n-th largest has 1/n**zipf of the hosts of the largest."""
    max_blocks: int = 48
    """The number of /16 networks of the largest autonomous system; each system has at least one."""


@dataclass(frozen=True, slots=True)
class ChurnOptions:
    profile: str = "ipfs-rfm2"
    """``none``, ``bittorrent``, ``ipfs``, ``ipfs-rfm2``, ``ethereum``, or ``custom`` with ``shape``
    and ``scale_s``.
    """
    shape: float = 0.61
    """The shape of the Weibull distribution of session lengths, for ``custom``."""
    scale_s: float = 13_176.0
    """The scale of the Weibull distribution of session lengths, for ``custom``."""
    permanent: float = 0.10
    """The share of hosts that never leave."""


@dataclass(frozen=True, slots=True)
class FaultOptions:
    """Faults beyond the network model: shares of packets, and events per host and hour."""

    drop: float = 0.0
    """The share of packets that are dropped."""
    duplicate: float = 0.0
    """The share of packets that arrive twice."""
    reorder: float = 0.0
    """The share of packets that are delayed by up to ``reorder_s``."""
    reorder_s: float = 1.0
    """The longest additional delay of a reordered packet."""
    corrupt: float = 0.0
    """The share of packets with a changed byte or without their end."""
    partitions_per_hour: float = 0.0
    """How often the whole network is split into two halves."""
    partition_s: float = 60.0
    """How long a partition lasts."""
    rebindings_per_hour: float = 0.0
    """How often all mappings of a NAT change, for each host."""
    clock_jumps_per_hour: float = 0.0
    """How often a clock jumps ahead, as after a suspend, for each host."""
    clock_jump_s: float = 3600.0
    """The largest jump of a clock."""
    stalls_per_hour: float = 0.0
    """How often a host stops while its datagrams wait, for each host."""
    stall_s: float = 5.0
    """The longest time for which a host stops."""
    restarts_per_hour: float = 0.0
    """How often the process restarts with its saved state, for each host."""
    moves_per_hour: float = 0.0
    """How often a host gets another address in another network, for each host."""
    torn_state: float = 0.5
    """The chance that about half of the saved contacts are lost at a restart."""


@dataclass(frozen=True, slots=True)
class AttackOptions:
    """The attackers. The description of an option names the scenarios that use it."""

    kind: str = "changing-ids"
    """What the adversaries do after their turn: ``turning``."""
    share: float = 0.25
    """The share of adversaries among the nodes that accept unsolicited queries: ``colluders``,
    ``silent``, ``spoofed-votes``, and those of ``gossip-...``.
    """
    addresses: int = 400
    """Addresses of an attacker from outside, one node each: ``eclipse-flood``, ``botnet``. 400 are
    about as many as accept unsolicited queries in a network of 1,000.
    """
    prefixes: int = 20
    """The /24 subnets in which the attacker's addresses lie, each in a /16 of its own; in IPv6 the
    /48s, all in one /32. For ``colluders``, 0 spreads them as honest nodes are.
    """
    interval_s: float = 10.0
    """How often each attacking address sends to each victim: a query with an ID near the victim's,
    and an unsolicited answer.
    """
    forged_per_s: float = 2.0
    """Datagrams with forged source addresses, at each victim. With ten times as many, the
    attacker's own addresses are crowded out of the victim's queue of candidates: tables then hold
    fewer Sybils, whichever defences are off.
    """
    victims: int = 2
    """How many victims there are of each kind."""
    restart_after_s: float = 20.0
    """When victims restart, counted from the beginning of the flood; they have lost their contacts.
    """
    fabricate: bool = True
    """Whether adversaries forge IDs near the target, and answer with these. Otherwise each keeps
    one random ID, as in the model of S/Kademlia.
    """
    grind: bool = False
    """Whether a forged ID is brute-forced within BEP 42: of the 8 prefixes that are valid for the
    address, the one nearest to the target.
    """
    paths: int = 1
    """The number of disjoint paths of the measured lookups."""
    k: int = 8
    """How many closest nodes the measured lookups look for."""
    lookups: int = 400
    """The number of measured lookups in each variant; in an eclipse attack, of all victims of a
    kind together.
    """
    movers: int = 40
    """The number of nodes whose address changes: ``address-change``, ``spoofed-votes``."""
    trials: int = 50_000
    """The number of trials of the vote count alone: ``spoofed-votes``."""
    ablations: bool = True
    """Whether to run also with each relevant defence off, and with all of them off, each in a world
    of its own.
    """

    def check(self) -> None:
        """Raises ValueError for the first option with an impossible value."""
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
    """The peer network that hosts are members of, and how its attackers gossip."""

    network_share: float = 0.0
    """The share of hosts that are members of the peer network."""
    saved_contacts: int = 32
    """How many random members each member knows of at the start; all others it learns by gossip."""
    flood: float = 10.0
    """How many times as often as an honest member an attacker pushes."""
    fabricated: float = 0.25
    """The share of nonexistent peers among those that an attacker names; the others are attackers.
    """
    thin: bool = False
    """Whether the attackers' subnets lie in the /8s with the fewest hosts, one in each."""
    samples: int = 200
    """The number of peers that each member draws for the application while it is watched."""

    def check(self) -> None:
        """Raises ValueError for the first option with an impossible value."""
        for name in ("network_share", "fabricated"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"gossip.{name} is a share, 0 to 1, not {getattr(self, name):g}")
        for name in ("saved_contacts", "flood", "samples"):
            if not 0 <= getattr(self, name) < inf:
                raise ValueError(
                    f"gossip.{name}: 0 or more is expected, not {getattr(self, name):g}"
                )


REACH_KINDS = (
    "public",
    "open",
    "one-to-one",
    "mapped",
    "mapped-dependent",
    "restricted",
    "address-restricted",
    "second-nat",
    "one-way",
    "dependent",
    "random-ports",
    "blocked",
)
"""Where a host whose reachability is measured stands: directly in the internet, behind a NAT of one
kind, or behind a box that maps a port. The first five can be reached by strangers.
"""


@dataclass(frozen=True, slots=True)
class ReachOptions:
    """New nodes that find out whether strangers reach them: the scenarios ``reach-...``."""

    kinds: str = ""
    """Which of the kinds of hosts there are, separated by commas; all of them if empty."""
    each: int = 6
    """How many new nodes there are of each kind."""
    between_s: float = 1.0
    """The time between two new nodes."""
    later_s: float = 660.0
    """How long after its verdict a forward is added for the second half of the nodes:
    ``reach-toggle``. 0: for all of them at once.
    """

    def chosen(self) -> tuple[str, ...]:
        """The kinds by name."""
        return tuple(kind.strip() for kind in self.kinds.split(",") if kind.strip()) or REACH_KINDS

    def check(self) -> None:
        """Raises ValueError for the first option with an impossible value."""
        for kind in self.chosen():
            if kind not in REACH_KINDS:
                known = ", ".join(REACH_KINDS)
                raise ValueError(f"reach.kinds: there is no kind {kind!r}; known are {known}")
        if not 0 <= self.between_s < inf:
            raise ValueError(f"reach.between_s: 0 or more is expected, not {self.between_s:g}")
        if not 0 <= self.later_s < inf:
            raise ValueError(f"reach.later_s: 0 or more is expected, not {self.later_s:g}")
        if self.each < 1:
            raise ValueError(f"reach.each: 1 or more is expected, not {self.each}")


SIMULATED_CONTACTED_BITS = 12
"""A simulated node has to do with a few hosts a second at most: 4 kB in place of 128 are enough for
the note of them.
"""


def simulated_core() -> CoreConfig:
    """The usual configuration, with less memory for each of many nodes, and without checks of TCP
    ports: no TCP is simulated.
    """
    return CoreConfig(
        reach=ReachConfig(contacted_bits=SIMULATED_CONTACTED_BITS), check_services=False
    )


@dataclass(frozen=True, slots=True)
class SimOptions:
    seed: int = 1
    """The seed of every random choice; the same options and seed give the same run."""
    nodes: int = 1000
    """The number of nodes at the start."""
    minutes: float = 10.0
    """How long is measured, in virtual time after the warm-up."""
    warmup_s: float = 600.0
    """The virtual time before measuring begins."""
    network: NetworkOptions = field(default_factory=NetworkOptions)
    population: PopulationOptions = field(default_factory=PopulationOptions)
    churn: ChurnOptions = field(default_factory=ChurnOptions)
    faults: FaultOptions = field(default_factory=FaultOptions)
    attack: AttackOptions = field(default_factory=AttackOptions)
    gossip: GossipOptions = field(default_factory=GossipOptions)
    reach: ReachOptions = field(default_factory=ReachOptions)
    core: CoreConfig = field(default_factory=simulated_core)
    family: str = "ipv4"
    """The address family of all nodes: ``ipv4``, or ``ipv6``, where each system has as many /32s as
    it has /16s in IPv4, and each host a /64 in a /48 of its own.
    """
    paranoid: bool = False
    """Whether to check the expensive invariants as well."""
    lookups_per_minute: float = 150.0
    """Measured lookups in the whole network, in the scenarios that do lookups."""
    crash: float = 0.5
    """The share of nodes that crash at the same time, in ``crash``."""
    joins: int = 40
    """How many joins are measured: of new nodes in ``join``, of restarted ones in ``restart``."""
    down_s: float = 60.0
    """How long a node is down before it restarts, in ``restart``."""
    crowd: float = 10.0
    """New nodes for each node of the network, in ``flash-crowd``."""
