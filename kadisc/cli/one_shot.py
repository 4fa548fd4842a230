"""A node of its own for a command that asks one thing and goes."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from random import SystemRandom

from ..config import Config
from ..config.declaration import HoldsFor
from ..control.call import Call, Tell
from ..core.contract.identity import Identity
from ..errors import UsageError
from ..net.api.node import Node
from ..net.api.open import (
    NOTHING_SAVED,
    close_ports,
    make_node,
    open_everywhere,
    open_ports,
    running,
)
from ..net.oneshot.multi_family import MultiFamilyLookup
from ..net.state.state_folder import read_saved_state, read_seed
from ..net.transport.clock import SystemClock
from ..observe.describe import count
from .options import configuration, state_folder
from .output import say


class OneShot(Call):
    """``folder``: the state folder, whose key signs; ``remembered``: contacts of the last run that
    the node begins with; ``sources``: hosts that follow.
    """

    stays = False

    def __init__(
        self,
        node: Node,
        tell: Tell | None,
        folder: str,
        remembered: int,
        sources: Sequence[Sequence[str]],
    ) -> None:
        super().__init__(node, tell)
        self._folder = folder
        self._remembered = remembered
        self._sources = sources
        self._reasons: list[str] = []

    def identity(self) -> Identity:
        seed = read_seed(self._folder)
        if seed is None:
            raise UsageError(
                f"there is no key in {self._folder} to sign with: kadisc run makes one, or --state-dir names another folder"
            )
        return Identity(seed)

    async def reach(self, approach: MultiFamilyLookup) -> None:
        self._reasons = (
            await approach.run(self._sources, self.node.config.resolve_timeout_s)
        ).reasons

    def nobody(self, approach: MultiFamilyLookup) -> str:
        return f"no network: {self._what_is_missing(approach)}; try another --bootstrap HOST:PORT"

    def _what_is_missing(self, approach: MultiFamilyLookup) -> str:
        asked = (
            [f"any of {count(self._remembered, 'contact')} of the last run"]
            if self._remembered
            else []
        )
        asked += [host for hosts in self._sources for host in hosts] if approach.asked else []
        if not asked and not any(self._sources):
            return "there is nobody to ask"
        if asked:
            return f"no answer from {' or '.join(asked)} within {approach.elapsed_s:.0f} s"
        return (
            "; ".join(self._reasons)
            or "none of the bootstrap hosts has an address of a family that can be used here"
        )


@asynccontextmanager
async def open_one_shot(
    options: argparse.Namespace,
    tell: Tell | None,
    *,
    needs_way_in: bool = True,
    join_network: bool = False,
) -> AsyncIterator[OneShot]:
    """A read-only node with a fresh key at any free port, in every family that this machine has,
    unless --bind says otherwise. Nobody keeps a read-only node in a table (BEP 43), so that its
    short life leaves no dead entry behind. A ``join_network`` one also keeps company with the
    network that it is of.

    It begins at --bootstrap alone, which may lead to another network; without that at the saved
    contacts, then at the hosts of the configuration, then at Mainline's public routers.
    """
    config = configuration(options, only_for=(HoldsFor.EVERY_COMMAND, HoldsFor.NOT_A_DEVNET))
    config = replace(config, core=replace(config.core, read_only=True))
    given = tuple(getattr(options, "bootstrap", None) or ())
    saved = NOTHING_SAVED
    if needs_way_in and not given:
        saved = read_saved_state(state_folder(config), config.network)
    ports = open_ports(config) if config.bind else open_everywhere(0, config)
    try:
        node = make_node(
            config, ports, (), SystemClock(), SystemRandom(), saved=saved, join_network=join_network
        )
        remembered = sum(len(dht.contacts) for dht in saved.dhts if dht.family in node.own_ids)
        sources = (
            (given,)
            if given
            else tuple(hosts for hosts in (config.bootstrap, config.routers) if hosts)
        )
        if needs_way_in and not given:
            _tell_way_in(remembered, config)
        async with running([node], joins=False):
            yield OneShot(node, tell, state_folder(config), remembered, sources)
    finally:
        close_ports(ports)


def _tell_way_in(remembered: int, config: Config) -> None:
    ways = [f"{count(remembered, 'contact')} of the last run"] if remembered else []
    if config.bootstrap:
        ways.append(" and ".join(config.bootstrap))
    if config.routers:
        ways.append(f"Mainline's public routers, {' and '.join(config.routers)}")
    say(
        f"no --bootstrap given: beginning at {', then at '.join(ways)}"
        if ways
        else "no --bootstrap given, and nobody is known from an earlier run"
    )
