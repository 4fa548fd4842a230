"""Small simulations for tests."""

from __future__ import annotations

import random

from kadisc.config import CoreConfig
from kadisc.core.core import Core
from kadisc.endpoints import Family
from kadisc.ids import random_id
from kadisc.sim.model.host import Host
from kadisc.sim.model.population import AutonomousSystem, Residence
from kadisc.sim.options import SimOptions
from kadisc.sim.run import Result, run_scenario
from kadisc.sim.scenarios.registry import scenario_named
from kadisc.sim.settings import with_settings
from tests.support.world import address

SYSTEM = AutonomousSystem(1, 0, ())


def bare_host(number: int) -> Host:
    """A reachable host outside of any world."""
    rng = random.Random(number)
    node = Core(CoreConfig(), rng, {Family.IPV4: random_id(rng)}, 0.0)
    return Host(number, Residence(address(number), SYSTEM, 0.005), None, node, 0.0)


def options(name: str, *settings: str) -> SimOptions:
    return with_settings(scenario_named(name).options(), settings)


def run(name: str, *settings: str) -> Result:
    """Runs a scenario with the expensive invariants on."""
    return run_scenario(scenario_named(name), options(name, "paranoid=on", *settings))
