"""What an operator changes while the node runs, by commands: bans, static peers, the end; and the
configuration, which `reload.py` reads again.

Bans and peers by command are saved in the state folder, and hold in the next run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import trio

from ...config import Config
from ...core.contract.dropped import Dropped
from ...endpoints import Endpoint, family_of
from ...errors import Busy, Closed, NotFound, UsageError
from ...networks import NetworkSet
from ...observe.admin_events import Administered
from ...service_values import ServiceValue
from ..join.resolve import parse_host
from ..join.static_peers import StaticPeerResolver
from ..lan.lan import Lan
from ..state.administration_file import MAX_PEERS, SavedAdministration
from ..state.keeper import Keeper
from ..transport.pump import Pump
from .bans import Bans
from .reload import Reloading

MAX_PEER_CHARACTERS: Final = 300
LEAST_BAN_S: Final = 1.0
MOST_BAN_S: Final = 10 * 365 * 86_400.0
_LOOK_AGAIN_S: Final = 60.0
"""The wall clock may be set: the ends of bans are looked at so often at least."""

_LEAST_WAIT_S: Final = 0.01
"""What is left may be less than the clock can tell: without it, the task would run on for ever."""

ChangeServices = Callable[[Mapping[str, ServiceValue], Mapping[str, ServiceValue]], None]


class Banned(NamedTuple):
    """``until_s``: seconds since 1970, None for good. ``unsaved``: why it does not hold in the next
    run; None if it does.
    """

    network: str
    until_s: float | None
    dropped: Dropped
    unsaved: str | None


class PeerState(NamedTuple):
    """A static peer. ``by_command``: else the configuration names it. ``endpoints``: where it is;
    empty while its name has no address. ``contact``: whether one of them is in the routing table,
    and answered last time.
    """

    peer: str
    by_command: bool
    endpoints: tuple[Endpoint, ...]
    contact: bool


class Administration:
    def __init__(
        self,
        pump: Pump,
        config: Config,
        bans: Bans,
        static_peers: StaticPeerResolver,
        lan: Lan,
        keeper: Keeper | None,
        change_services: ChangeServices,
    ) -> None:
        self._pump = pump
        self._static_peers = static_peers
        self._lan = lan
        self._keeper = keeper
        self.bans = bans
        """What is banned, and by what."""
        self._of_config = config.peer
        saved = keeper.administration if keeper is not None else SavedAdministration()
        self._by_command = [each for each in saved.peers if each not in config.peer]
        self._static_peers.keep((*self._of_config, *self._by_command))
        self._ends_changed = trio.Event()
        self._saving = trio.Lock()
        self.stop: Callable[[], None] | None = None
        """Has the program end this node in order; None where the program does not let that be
        asked for."""
        self.reloading = Reloading(
            pump, bans.of_files, self._configure_bars, self._configure_peers, change_services
        )
        """Reads the configuration again."""

    async def run(self) -> None:
        """Lifts bans when their time is over, until it is cancelled."""
        while True:
            ended = self.bans.expire(self._pump.wall_s())
            if ended:
                self._set_bars()
                for network in ended:
                    self._pump.publish(Administered("ban_ended", network))
                await self._save()
            self._ends_changed = trio.Event()
            end_s = self.bans.next_end_s()
            with trio.CancelScope() as scope:
                if end_s is not None:
                    wait_s = min(_LOOK_AGAIN_S, max(_LEAST_WAIT_S, end_s - self._pump.wall_s()))
                    scope.deadline = trio.current_time() + wait_s
                await self._ends_changed.wait()

    # --- bans -------------------------------------------------------------------------------------

    async def ban(self, network: str, for_s: float | None = None) -> Banned:
        """The node neither contacts nor answers addresses in this network from now on, and forgets
        what it knows of them. ``for_s``: for so long; None for good. A network that is banned by
        command already is banned until the new end.

        Raises:
            UsageError: that is no network, all addresses there are, or no such time.
            Busy: too many networks are banned by command.
        """
        self._require_open()
        if for_s is not None and not LEAST_BAN_S <= for_s <= MOST_BAN_S:
            raise UsageError(f"a ban lasts from 1 s to 10 years, or for good: {for_s:g} s")
        until_s = None if for_s is None else self._pump.wall_s() + for_s
        network = self.bans.ban(network, until_s)
        dropped = self._set_bars()
        self._ends_changed.set()
        self._pump.publish(Administered("ban", network, until_s, *dropped))
        return Banned(network, until_s, dropped, await self._save())

    async def unban(self, network: str) -> Banned:
        """Lifts a ban by command.

        Raises:
            UsageError: that is no network.
            NotFound: it is not banned by command; the text says what else bans it.
        """
        self._require_open()
        network = self.bans.unban(network)
        self._set_bars()
        self._pump.publish(Administered("unban", network))
        return Banned(network, None, Dropped(0, 0, 0), await self._save())

    def _set_bars(self) -> Dropped:
        core = self._pump.core
        dropped = core.set_bars(self.bans.banned(), self.bans.allowed(), self._pump.now())
        self._pump.flush()
        return dropped

    def _configure_bars(self, config: Config, files: Mapping[str, NetworkSet]) -> None:
        self.bans.configure(config, files)
        self._set_bars()

    # --- static peers -----------------------------------------------------------------------------

    async def add_peer(self, peer: str) -> str | None:
        """Keeps a HOST:PORT as a contact from now on, also while it is silent. Returns why that
        does not hold in the next run; None if it does.

        Raises:
            UsageError: that is no HOST:PORT, or its address is banned, or of a family that the node
                has no socket of.
            Busy: there are too many by command.
        """
        self._require_open()
        if len(peer) > MAX_PEER_CHARACTERS:
            raise UsageError("a name has at most 253 characters")
        endpoint = parse_host(peer)
        if endpoint is not None:
            self._require_usable(peer, endpoint)
        if peer not in (*self._of_config, *self._by_command):
            if len(self._by_command) >= MAX_PEERS:
                raise Busy(f"{MAX_PEERS} peers were added by command already")
            self._by_command.append(peer)
            self._keep_peers()
            self._pump.publish(Administered("peer_added", peer))
        return await self._save() if peer in self._by_command else None

    async def remove_peer(self, peer: str) -> str | None:
        """Treats a static peer that was added by command as any other contact from now on. Returns
        as `add_peer`.

        Raises:
            NotFound: it was not added by command.
        """
        self._require_open()
        if peer in self._by_command:
            self._by_command.remove(peer)
            self._keep_peers()
            self._pump.publish(Administered("peer_removed", peer))
            return await self._save()
        if peer in self._of_config:
            raise NotFound(
                f"{peer} is a peer of the configuration: take it out of peer there and call "
                "kadisc reload, or start the node without that --peer"
            )
        raise NotFound(f"{peer[:MAX_PEER_CHARACTERS]} is no static peer; see kadisc peer list")

    def peers(self) -> list[PeerState]:
        """The static peers, those of the configuration first."""
        return [
            PeerState(
                peer,
                peer not in self._of_config,
                endpoints := self._static_peers.endpoints_of(peer),
                any(map(self._is_contact, endpoints)),
            )
            for peer in dict.fromkeys((*self._of_config, *self._by_command))
        ]

    def _is_contact(self, endpoint: Endpoint) -> bool:
        dht = self._pump.core.dhts.get(family_of(endpoint))
        entry = dht.table.at(endpoint) if dht is not None else None
        return entry is not None and not entry.failures

    def _configure_peers(self, config: Config) -> None:
        self._of_config = config.peer
        self._keep_peers()

    def _keep_peers(self) -> None:
        self._static_peers.keep((*self._of_config, *self._by_command))
        # Where a node of the link is given as a peer, it is guarded no longer.
        self._lan.give([*self._of_config, *self._by_command])

    def _require_usable(self, peer: str, endpoint: Endpoint) -> None:
        family = family_of(endpoint)
        if family not in self._pump.core.own_ids:
            raise UsageError(f"{peer}: this node has no socket of that address family")
        allowed = self.bans.allowed()
        if endpoint in self.bans.banned() or (allowed and endpoint not in allowed):
            raise UsageError(f"{peer} is banned, or outside of netrestrict; see kadisc peer list")

    # --- both -------------------------------------------------------------------------------------

    def _require_open(self) -> None:
        if self._pump.closed:
            raise Closed("the node is closing")

    async def _save(self) -> str | None:
        if self._keeper is None:
            await trio.lowlevel.checkpoint()
            return "the node keeps no state"
        async with self._saving:
            peers = tuple(self._by_command)
            return await self._keeper.save_administration(
                SavedAdministration(self.bans.saved(), peers)
            )
