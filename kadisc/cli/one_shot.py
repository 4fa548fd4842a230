"""The temporary node of a command that makes one request."""

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
from ..core.contract.saved_state import SavedBook, SavedState
from ..errors import StateUnusable
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
    """``folder``: the state folder, whose key signs; ``saved_contacts``: the number of contacts of
    the last run, which the node tries first; ``sources``: the hosts that it tries next.
    """

    stays = False

    def __init__(
        self,
        node: Node,
        tell: Tell | None,
        folder: str | None,
        saved_contacts: int,
        sources: Sequence[Sequence[str]],
    ) -> None:
        super().__init__(node, tell)
        self._folder = folder
        self._saved_contacts = saved_contacts
        self._sources = sources
        self._reasons: list[str] = []

    def identity(self) -> Identity:
        seed = read_seed(self._folder) if self._folder is not None else None
        if seed is None:
            raise StateUnusable(
                f"there is no key in {self._folder or 'a home folder'} to sign with: "
                "kadisc run creates one, or --state-dir names another folder"
            )
        return Identity(seed)

    async def reach(self, lookup: MultiFamilyLookup) -> None:
        outcome = await lookup.run(self._sources, self.node.config.resolve_timeout_s)
        self._reasons = outcome.reasons

    def failure(self, lookup: MultiFamilyLookup) -> str:
        if not self._saved_contacts and not any(self._sources):
            return (
                "no network: there is no node to ask; give --bootstrap HOST:PORT of a node of the "
                "network, or start one here with kadisc run"
            )
        return f"no network: {self._reason(lookup)}; try another --bootstrap HOST:PORT"

    def _reason(self, lookup: MultiFamilyLookup) -> str:
        asked = [self._saved_words] if self._saved_contacts else []
        asked += [host for hosts in self._sources for host in hosts] if lookup.asked else []
        counters = self.node.counters()
        if asked and counters["send_refused"] >= counters["sent"] > 0:
            return f"this machine has no route to {' or '.join(asked)}"
        if self._saved_contacts and not counters["sent"]:
            return (
                f"the {count(self._saved_contacts, 'contact')} of the last run may not be asked, "
                "by netrestrict or ban of the configuration"
            )
        if asked:
            return f"no answer from {' or '.join(asked)} within {lookup.elapsed_s:.0f} s"
        return (
            "; ".join(self._reasons)
            or "no bootstrap host has an address of a family that this machine has"
        )

    @property
    def _saved_words(self) -> str:
        if self._saved_contacts == 1:
            return "the contact of the last run"
        return f"any of {self._saved_contacts} contacts of the last run"


@asynccontextmanager
async def open_one_shot(
    options: argparse.Namespace,
    tell: Tell | None,
    *,
    needs_contacts: bool = True,
    near: Sequence[str] = (),
    join_network: bool = False,
) -> AsyncIterator[OneShot]:
    """A read-only node with a fresh key at any free port, in every address family of this machine,
    unless --bind is given. Other nodes do not put a read-only node into their tables (BEP 43), so
    it leaves no dead entries there. With ``join_network`` it also exchanges records with peers of
    its network.

    It starts from the --bootstrap hosts alone, because they may belong to another DHT, or from
    ``near`` alone, the contacts of the running node. Without both it starts from the saved
    contacts, then from the hosts of the configuration, then from Mainline's public routers. The
    saved verdicts on peers count wherever it starts from.
    """
    config = configuration(options, only_for=(HoldsFor.EVERY_COMMAND, HoldsFor.NOT_A_DEVNET))
    config = replace(config, core=replace(config.core, read_only=True))
    given = tuple(getattr(options, "bootstrap", None) or near)
    saved = NOTHING_SAVED
    folder = state_folder(config)
    if folder is not None and (join_network or (needs_contacts and not given)):
        saved = read_saved_state(folder, config.network)
        if given:
            saved = _verdicts_of(saved)
    ports = open_ports(config) if config.bind else open_everywhere(0, config)
    try:
        node = make_node(
            config, ports, (), SystemClock(), SystemRandom(), saved=saved, join_network=join_network
        )
        saved_contacts = sum(len(dht.contacts) for dht in saved.dhts if dht.family in node.own_ids)
        hosts = (given,) if given else (config.bootstrap, config.routers)
        sources = tuple(each for each in hosts if each)
        if needs_contacts and not given:
            _say_where_it_starts(saved_contacts, config)
        async with running([node], joins=False):
            yield OneShot(node, tell, folder, saved_contacts, sources)
    finally:
        close_ports(ports)


def _verdicts_of(saved: SavedState) -> SavedState:
    """The verdicts alone, without contacts and peers."""
    if saved.peer_network is None:
        return NOTHING_SAVED
    return SavedState((), replace(saved.peer_network, book=SavedBook()))


def _say_where_it_starts(saved_contacts: int, config: Config) -> None:
    ways = [f"{count(saved_contacts, 'contact')} of the last run"] if saved_contacts else []
    if config.bootstrap:
        ways.append(" and ".join(config.bootstrap))
    if config.routers:
        ways.append(f"Mainline's public routers, {' and '.join(config.routers)}")
    if ways:
        say(f"no --bootstrap given: starting from {', then from '.join(ways)}")
    else:
        say("no --bootstrap given, and no contacts saved by an earlier run")
