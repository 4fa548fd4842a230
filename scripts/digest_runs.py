"""The simulations of `scripts/digests`: small, and each long enough for its subject to happen.

Few settings are named, and only such whose names stay: what a run needs beyond them is the
scenario's own, in the checkout that runs it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Simulation:
    """One scenario at one size. ``arguments`` as on the command line, in words."""

    scenario: str
    arguments: str
    seeds: tuple[int, ...] = (1,)

    def command(self, seed: int) -> str:
        """The arguments of ``kadisc sim run``."""
        return f"{self.scenario} --seed {seed} {self.arguments}"


def simulation(
    scenario: str,
    nodes: int,
    minutes: float,
    *settings: str,
    seeds: tuple[int, ...] = (1,),
) -> Simulation:
    words = [f"--nodes {nodes}", f"--minutes {minutes:g}", *(f"--set {each}" for each in settings)]
    return Simulation(scenario, " ".join(words), seeds)


ALONE = "attack.ablations=off"
"""The scenario with all defences on, and not again with each of them off."""

SIMULATIONS = {
    "lookup": simulation("lookup", 250, 2, "warmup_s=60", seeds=(1, 2)),
    "join": simulation("join", 150, 1, "warmup_s=30", "joins=6", seeds=(1, 2)),
    "churn": simulation("churn", 150, 7, "warmup_s=60"),
    # More nodes than places in buckets, and in some /16 networks than one may have in a table.
    "churn-full": simulation(
        *("churn", 320, 4, "warmup_s=10", "population.reachable=1"),
        *("population.autonomous_systems=150", "population.max_blocks=12"),
        "lookups_per_minute=60",
    ),
    # Lost, doubled, late and broken datagrams; hosts whose port, clock or saved state changes.
    "churn-faults": simulation(
        *("churn", 70, 6, "warmup_s=60", "faults.drop=0.01", "faults.duplicate=0.02"),
        *("faults.reorder=0.02", "faults.corrupt=0.03", "faults.rebindings_per_hour=10"),
        *("faults.clock_jumps_per_hour=2", "faults.stalls_per_hour=10"),
        "faults.restarts_per_hour=4",
        seeds=(1, 2),
    ),
    "crash": simulation("crash", 150, 2, "warmup_s=60", "crash=0.5"),
    # All are members of one network: more of them announce than fit into an answer to get_peers.
    "flash-crowd": simulation(
        *("flash-crowd", 28, 1.1, "warmup_s=10", "crowd=3.2", "gossip.network_share=1"),
        "lookups_per_minute=30",
    ),
    "partition": simulation(
        *("partition", 70, 1, "warmup_s=30", "faults.partition_s=240"),
        "lookups_per_minute=60",
    ),
    # Long enough for what is repeated or forgotten within 30 minutes, announces among it.
    "idle-cost": simulation("idle-cost", 60, 40, "warmup_s=60", "gossip.network_share=0.4"),
    "nat-majority": simulation("nat-majority", 150, 8, "warmup_s=60", seeds=(1, 2)),
    "address-change": simulation("address-change", 80, 1, "warmup_s=60", "attack.movers=12"),
    # So many saved contacts that the pace of queries to new addresses holds some of them up.
    "restart": simulation("restart", 250, 2, "warmup_s=30", "joins=4", seeds=(1, 2)),
    "eclipse-flood": simulation(
        *("eclipse-flood", 150, 1.5, "attack.addresses=60", "attack.prefixes=6"),
        *("attack.lookups=20", ALONE),
        seeds=(1, 2),
    ),
    "eclipse-flood-ablations": simulation(
        *("eclipse-flood", 70, 0.7, "attack.addresses=30", "attack.prefixes=3"),
        *("attack.lookups=10", "attack.victims=1", "warmup_s=20"),
    ),
    # So many queries from one network that the limits on traffic drop some of them.
    "eclipse-flood-limits": simulation(
        *("eclipse-flood", 60, 0.6, "attack.addresses=50", "attack.prefixes=1"),
        *("attack.victims=1", "attack.interval_s=0.4", "attack.restart_after_s=10"),
        *("attack.lookups=10", ALONE),
    ),
    "botnet": simulation(
        *("botnet", 100, 1, "attack.addresses=60", "attack.lookups=20"),
        *("warmup_s=20", ALONE),
    ),
    # So many from everywhere that the limits for all together drop some, and hold back answers.
    "botnet-limits": simulation(
        *("botnet", 60, 0.07, "attack.addresses=200", "attack.victims=1"),
        *("attack.interval_s=0.1", "attack.restart_after_s=1", "attack.lookups=10"),
        *("warmup_s=5", ALONE),
    ),
    "colluders": simulation("colluders", 200, 1, "attack.lookups=150", ALONE, seeds=(1, 2)),
    "colluders-ablations": simulation("colluders", 80, 0.5, "attack.lookups=20"),
    "one-operator": simulation(
        *("one-operator", 80, 0.5, "attack.addresses=300", "attack.prefixes=8"),
        *("attack.lookups=20", ALONE),
    ),
    "one-operator-ipv6": simulation(
        *("one-operator", 80, 0.5, "attack.addresses=300", "attack.prefixes=8"),
        *("attack.lookups=20", "family=ipv6", ALONE),
    ),
    "silent": simulation("silent", 150, 3, "attack.lookups=100", ALONE),
    "silent-ablations": simulation("silent", 60, 2, "attack.lookups=40", "warmup_s=20"),
    "spoofed-votes": simulation(
        *("spoofed-votes", 80, 1, "attack.movers=12", "attack.trials=500", "warmup_s=60", ALONE),
        seeds=(1, 2),
    ),
    "turning": simulation(
        *("turning", 30, 1, "attack.kind=dead-names", "warmup_s=60", "attack.lookups=20", ALONE),
    ),
    "turning-flood-ipv6": simulation(
        *("turning", 24, 0.5, "attack.kind=netgroup-flood", "warmup_s=60", "attack.lookups=10"),
        *("attack.addresses=20", "attack.share=0", "family=ipv6", ALONE),
    ),
    "discover": simulation("discover", 60, 1, "warmup_s=60", "joins=3", "gossip.network_share=0.2"),
    "gossip-spread": simulation("gossip-spread", 40, 8, "warmup_s=120", "joins=3", seeds=(1, 2)),
    "gossip-restart": simulation("gossip-restart", 50, 3, "warmup_s=300", "joins=6", seeds=(1, 2)),
    "gossip-only": simulation(
        *("gossip-only", 50, 3, "warmup_s=120", "attack.victims=2"),
        "attack.lookups=10",
    ),
    "gossip-flood": simulation("gossip-flood", 45, 2, "warmup_s=660"),
    "gossip-flood-ablations": simulation(
        *("gossip-flood", 30, 0.5, "warmup_s=150"),
        "attack.ablations=on",
    ),
    "gossip-prefix": simulation("gossip-prefix", 50, 1, "warmup_s=300", "attack.prefixes=3"),
    "reach-verdict": simulation("reach-verdict", 60, 1.5, "warmup_s=30", "reach.each=1"),
    "reach-toggle": simulation("reach-toggle", 60, 1, "warmup_s=30", "reach.each=2"),
    "gossip-lookups": simulation("gossip-lookups", 50, 1, "warmup_s=240", "attack.lookups=60"),
}
"""By name; each name and seed is a row."""
