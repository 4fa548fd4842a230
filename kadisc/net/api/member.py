"""A running node as a member of its network: its peers, its record, its services."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final

from ...config import Config
from ...core.book.entry import Provenance
from ...core.contract.saved_state import Verdict
from ...core.contract.verified_peer import VerifiedPeer
from ...errors import Busy, UsageError
from ...observe.services import check_service
from ...service_values import ServiceValue
from ..lan.lan import Lan
from ..link.watcher import LinkWatcher
from ..mapping.port_mapper import PortMapper
from ..state.keeper import Keeper
from ..transport.pump import Pump
from .arguments import EndpointLike
from .node_view import NodeView
from .peer_changes import PeerChanges, followed
from .peer_network import OwnNetwork
from .peer_stream import VERIFIED_WITHIN_S, PeerStream, service_filter

WINDOW: Final = 16
"""How many peers a follower may be told of that wait for feedback."""
SERVICE_CHANGES: Final = 6
"""Changes of services at once; each tells all known peers of a new record..."""
SERVICE_CHANGE_S: Final = 20.0
"""...and one more after so long each."""


class NetworkMember(NodeView):
    """The part of `Node` that concerns ``config.network``."""

    def __init__(
        self,
        own_network: OwnNetwork,
        pump: Pump,
        keeper: Keeper | None,
        port_mapper: PortMapper,
        link_watcher: LinkWatcher,
        lan: Lan,
        config: Config,
    ) -> None:
        super().__init__(pump, keeper, port_mapper, link_watcher, lan, config)
        self.own_network = own_network
        """The network of ``config.network``: its record, its peers, its address book."""
        self._paid_until = pump.now()
        """When the changes of services so far are paid for."""

    def peers(
        self,
        *,
        service: str | None = None,
        where: Mapping[str, int | bytes | str | None] | None = None,
        count: int | None = None,
        verified_within_s: float = VERIFIED_WITHIN_S,
        again_after_s: float = 3600.0,
    ) -> PeerStream:
        """Peers of ``config.network``: ``async for peer in node.peers(service="eth")``. The stream
        ends at ``count`` peers, where it is given, or with the node.

        Args:
            service: Only peers whose record offers this service.
            where: Only peers with these values of services: a port, bytes, a text, or None for any.
            count: The number of peers after which the stream ends.
            verified_within_s: Each peer answered this node at most so long ago.
            again_after_s: A peer is returned again only after so long.

        Raises:
            UsageError: the node takes no part in a network.
        """
        return PeerStream(
            self.own_network,
            offering=service_filter(service, where),
            count=count,
            verified_within_s=verified_within_s,
            again_after_s=again_after_s,
        )

    @property
    def record(self) -> bytes:
        """The own peer record as others get it: canonical bencode, signed, at most 300 bytes."""
        return self.own_network.record

    def why(self, who: EndpointLike) -> Provenance | None:
        """Where a peer came from and why it is trusted, by its key (32 bytes or 64 hex digits), its
        endpoint, or the endpoint of a service of its record; None where it is not known. Of a peer
        that a call returned the endpoint counts.

        Raises:
            UsageError: ``who`` is none of these.
        """
        return self.own_network.why(who)

    def feedback(
        self, peer: VerifiedPeer | EndpointLike, verdict: Verdict
    ) -> tuple[VerifiedPeer, ...]:
        """Tells what the application experienced with a peer: ``good``, ``bad``, ``busy`` or
        ``wrong-network``. The peer is given as returned, by its key, by its endpoint, or by the
        endpoint of a service of its record, which may be that of several peers. Returns the peers
        that the verdict was noted for; none where no such peer is known.

        Raises:
            UsageError: ``verdict`` is none of these, or ``peer`` is no key and no endpoint.
        """
        judged = self.own_network.feedback(peer, verdict)
        if judged:
            self.use_counts.feedback[verdict] += 1
        return judged

    def follow_peers(
        self,
        *,
        service: str | None = None,
        where: Mapping[str, int | bytes | str | None] | None = None,
        again_after_s: float = 3600.0,
        window: int = WINDOW,
    ) -> AbstractAsyncContextManager[PeerChanges]:
        """The peers of ``config.network``, and which of them are lost again: ``async with
        node.follow_peers() as changes: async for change in changes: ...``. Each `PeerChange` has a
        peer, and why it is lost, or None while it is there. One whose record is a new one is told
        again. Looks for peers at first, like `peers`; then it costs the network nothing.

        Args:
            service: Only peers whose record offers this service.
            where: Only peers with these values of services: a port, bytes, a text, or None for any.
            again_after_s: A peer that is there is told again after so long.
            window: While so many peers wait for feedback, further ones come one a second.

        Raises:
            UsageError: the node takes no part in a network.
        """
        return followed(
            self.own_network,
            offering=service_filter(service, where),
            again_after_s=again_after_s,
            window=window,
        )

    @property
    def services(self) -> Mapping[str, ServiceValue]:
        """What the node offers: those of the configuration, as `set_service` has changed them."""
        return self.port_mapper.services

    def set_service(self, name: str, value: ServiceValue | None) -> int:
        """Offers a service with this value, or withdraws it (None), until the node
        stops. Peers are told at once of the new record. Returns its sequence.

        Raises:
            UsageError: no record can hold that, or the node takes no part in a network.
            Busy: there were several changes in the last minutes.
        """
        check_service(name, value)
        if not self.own_network.is_joined:
            raise UsageError("this node takes part in no network")
        services = {each: of for each, of in self.services.items() if each != name}
        if value is not None:
            services[name] = value
        self._offer(services)
        return self.own_network.sequence

    def _configure_services(
        self, before: Mapping[str, ServiceValue], now: Mapping[str, ServiceValue]
    ) -> None:
        """Of another configuration than ``before``. What `set_service` has changed stays, unless
        the configuration says something new of it. Raises as that does.
        """
        services = dict(self.services)
        for name in (*before, *now):
            if before.get(name) != now.get(name):
                services.pop(name, None)
                if name in now:
                    services[name] = now[name]
        if self.own_network.is_joined:
            self._offer(services)

    def _offer(self, services: Mapping[str, ServiceValue]) -> None:
        if services != self.services:
            now = self.pump.now()
            paid_until = max(self._paid_until, now) + SERVICE_CHANGE_S
            if paid_until > now + SERVICE_CHANGES * SERVICE_CHANGE_S:
                raise Busy(
                    f"services changed {SERVICE_CHANGES} times within minutes: the next change may "
                    f"be made in {paid_until - now - SERVICE_CHANGES * SERVICE_CHANGE_S:.0f} s"
                )
            self.port_mapper.set_services(services)
            self._paid_until = paid_until
