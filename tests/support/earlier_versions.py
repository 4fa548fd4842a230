"""Nodes of earlier commits, as packages of other names beside the present one, in one world.

The packages come from the history of the repository: what they really read and answer is tested,
and not what someone remembers of it.
"""

from __future__ import annotations

import importlib
import io
import random
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kadisc.endpoints import Endpoint, ip_of

from .community import NETWORK
from .world import Host, World, address

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Commit:
    """Where the parts of a node were in that commit."""

    name: str
    node: tuple[str, str]
    identity: str
    external_address: str
    derive_node_id: str
    network: str
    """The attribute of a node that stands for its own network."""


FLAT = Commit(
    "2a67823",
    ("core.node", "Node"),
    "core.identity",
    "core.external_address",
    "core.secure_ids",
    "community",
)
ROOMS = Commit(
    "dab7046",
    ("core.core", "Core"),
    "core.contract.identity",
    "core.addressing.external_address",
    "core.addressing.bep42",
    "peer_network",
)


class EarlierVersion:
    def __init__(self, commit: Commit, folder: Path) -> None:
        """Puts the package into ``folder``. Skips the test where the history is not at hand."""
        self.commit = commit
        self._package = f"kadisc_{commit.name}"
        archive = subprocess.run(
            ["git", "-C", str(ROOT), "archive", commit.name, "kadisc"],
            capture_output=True,
            check=False,
        )
        if archive.returncode:
            pytest.skip(f"the history of the repository does not reach back to {commit.name}")
        with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as packed:
            for each in packed:
                if (content := packed.extractfile(each)) is not None:
                    file = folder / each.name.replace("kadisc", self._package, 1)
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(content.read())
        if str(folder) not in sys.path:
            sys.path.append(str(folder))

    def module(self, name: str) -> Any:
        return importlib.import_module(f"{self._package}.{name}")

    def member(self, world: World, number: int) -> Host:
        """A node of that commit, of the usual network, that knows its address."""
        endpoint: Endpoint = address(number)
        config = self.module("config").CoreConfig()
        own_record = self.module(
            "core.own_record" if self.commit is FLAT else "core.peers.own_record"
        )
        identity = self.module(self.commit.identity).Identity((number + 1).to_bytes(32, "big"))
        addresses = self.module(self.commit.external_address)
        derive = self._derive()
        family = self._family(endpoint)
        module, name = self.commit.node
        membership = own_record.Membership(identity, NETWORK, {"eth": 30_000 + number})
        node = getattr(self.module(module), name)(
            config,
            random.Random(world.rng.getrandbits(64)),
            {family: derive(identity.public_key, ip_of(endpoint))},
            world.now,
            addresses={
                family: addresses.ExternalAddress(
                    config.address, ip_of(endpoint), endpoint[-2:], addresses.Confidence.CONFIGURED
                )
            },
            membership=membership,
        )
        host = world.hosts[endpoint] = Host(node, endpoint)
        return host

    def network_of(self, host: Host) -> Any:
        return getattr(host.node, self.commit.network)

    def report(self, host: Host, endpoints: list[Endpoint], now: float) -> None:
        """Tells it of peers."""
        network = self.network_of(host)
        told = network.hear_of if self.commit is FLAT else network.report
        told(endpoints, "operator", now)

    def _family(self, endpoint: Endpoint) -> Any:
        return self.module("endpoints").family_of(endpoint)

    def _derive(self) -> Any:
        module = self.module(self.commit.derive_node_id)
        return getattr(module, "derive_node_id", None) or module.locator
