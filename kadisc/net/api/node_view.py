"""What can be seen of a running node at one moment."""

from __future__ import annotations

from ...config import Config
from ...core.snapshot import OperationSnapshot, Snapshot
from ...endpoints import Endpoint, Family
from ...ids import NodeId
from ...observe.address_state import address_states
from ...observe.event_counts import EventCounts
from ...observe.event_log import EventLog
from ...observe.feed_states import FeedStates
from ...observe.lan import LanSnapshot
from ...observe.limit_rows import limit_rows
from ...observe.lookup_history import LookupHistory
from ...observe.mappings import MappingSnapshot
from ...observe.observations import Observations, running_lookups
from ...observe.socket_snapshot import SocketSnapshot
from ...observe.use_counts import UseCounts
from ..lan.lan import Lan
from ..link.watcher import LinkWatcher
from ..mapping.port_mapper import PortMapper
from ..state.keeper import Keeper
from ..transport.pump import Pump
from .arguments import IdLike, parse_target


class NodeView:
    """The part of `Node` that only looks: nothing is started, sent or changed."""

    def __init__(
        self,
        pump: Pump,
        keeper: Keeper | None,
        port_mapper: PortMapper,
        link_watcher: LinkWatcher,
        lan: Lan,
        config: Config,
    ) -> None:
        self.config = config
        """The configuration."""
        self.pump = pump
        """What drives the core; for tests and measurements, not for programs."""
        self.keeper = keeper
        """Saves the state; None where the node was opened without a folder."""
        self.port_mapper = port_mapper
        """Has routers forward ports to this node."""
        self.link_watcher = link_watcher
        """Follows changes of the network."""
        self.event_counts = EventCounts()
        """What the metrics count from events."""
        self.use_counts = UseCounts()
        """What the metrics count of applications and clients."""
        self.event_log = EventLog(pump.wall_s)
        """The latest events."""
        self.feeds = FeedStates()
        """What each connected ``kadisc feed`` tells of its chain node."""
        self._lookup_history = LookupHistory(pump.now)
        self._limit_rows = limit_rows(config.core.limits)
        for note in (self.event_counts.note, self.event_log.note, self._lookup_history.note):
            pump.dispatch.tap(note)
        self._lan = lan
        self._core = pump.core
        self._opened_at = pump.now()

    @property
    def own_ids(self) -> dict[Family, NodeId]:
        """The node ID in each address family. It changes with the external address (BEP 42)."""
        return dict(self._core.own_ids)

    @property
    def local_endpoints(self) -> dict[Family, Endpoint]:
        """Where the sockets listen; a socket that listens on all addresses has the unspecified one
        (``0.0.0.0``, ``::``).
        """
        return {port.family: port.local_endpoint for port in self.pump.ports}

    def sockets(self) -> tuple[SocketSnapshot, ...]:
        """The UDP sockets, also those that are closed because their address is gone; after them
        those at the addresses of a host that has several.
        """
        watcher = self.link_watcher
        return watcher.sockets.snapshot() + watcher.address_sockets.snapshot()

    def mappings(self) -> tuple[MappingSnapshot, ...]:
        """The ports that routers are asked to forward, and what has come of it."""
        return self.port_mapper.snapshot()

    def lan(self) -> LanSnapshot:
        """What was found on the links of this machine by beacons."""
        return self._lan.snapshot()

    def snapshot(self) -> Snapshot:
        """Everything that can be seen of the node at this moment, as frozen dataclasses."""
        return self._core.snapshot(self.pump.now())

    def observations(self, snapshot: Snapshot) -> Observations:
        """What views show beside a snapshot that was just taken."""
        core, now = self.config.core, self.pump.now()
        operations = [each.what for each in snapshot.operations]
        return Observations(
            running_lookups(snapshot.operations),
            self._lookup_history.lookups(),
            operations.count("ping"),
            operations.count("check"),
            self._limit_rows,
            core.unlimited,
            self.pump.loudest.loudest(now),
            address_states(
                snapshot,
                self.local_endpoints,
                core.address.first_voters,
                lan_only=self.config.lan == "only",
                tests=core.tests_reachability,
            ),
            self.feeds.states(now),
        )

    def operations(self) -> tuple[OperationSnapshot, ...]:
        """The operations in flight, the node's own included: a part of a snapshot, and cheap."""
        return self._core.operations(self.pump.now())

    def stored_peers(self, info_hash: IdLike) -> list[Endpoint]:
        """The peers announced at this node itself (BEP 5); a lookup asks only other nodes."""
        return self._core.stored_peers(parse_target(info_hash), self.pump.now())

    @property
    def uptime_s(self) -> float:
        """Seconds since the node was made, suspends included."""
        return self.pump.now() - self._opened_at

    @property
    def keeps_state(self) -> bool:
        """Whether the node holds the lock of a state folder."""
        return self.keeper is not None and self.keeper.has_folder

    @property
    def cannot_save(self) -> bool:
        """Whether the last save of the state failed; it is tried again."""
        return self.keeper is not None and self.keeper.is_failing

    def counters(self) -> dict[str, int]:
        """How often each thing has happened so far, by name, in the core and in the shell."""
        changes = {
            f"network_changes.{cause}": count for cause, count in self.link_watcher.changes.items()
        }
        shell = self.pump.counters() | changes | self.port_mapper.counters()
        return self._core.counters.as_dict() | shell
