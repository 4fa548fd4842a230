"""The part of the own network that finds out whether strangers reach this node: a `Reachability`
for each address family, and the peers that may help it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random

from ...endpoints import PUBLIC, Endpoint, Family, family_of
from ..contract.queries import NO_COMMANDS, Commands
from ..limits.contacted import ContactedHostsRule
from ..reach.helpers import Helper
from ..reach.helping import Helping
from ..reach.reach_snapshot import ReachSnapshot, ServiceReach
from ..reach.reachability import Reachability
from ..reach.service_checks import ServiceChecks
from .components import PeerComponents
from .known_peers import KnownPeer, KnownPeers


class PeersThatHelp:
    """The verified peers that offered help with tests of reachability."""

    def __init__(self, components: PeerComponents, known: KnownPeers, rng: Random) -> None:
        self._rng = rng
        self._view = components.view
        self._scopes = components.scopes
        self._partners = components.partners
        self._known = known

    def reach_helpers(self, family: Family, now: float, *, most: int | None = None) -> list[Helper]:
        known = list(self._known)
        if most is not None and known:
            # From a place drawn at random on: most tests need one helper, of hundreds of peers.
            at = self._rng.randrange(len(known))
            known = known[at:] + known[:at]
        mature: set[Endpoint] | None = None
        helpers: list[Helper] = []
        for each in known:
            if not self._may_help(each, family):
                continue
            if mature is None:
                mature = set(self._view.mature_holders())
            token = self._partners.token_of(each.endpoint, now)
            helpers.append(
                Helper(each.endpoint, token, now - each.verified_at, each.endpoint in mature)
            )
            if len(helpers) == most:
                break
        return helpers

    def witnesses(self, family: Family, since: float) -> list[Endpoint]:
        return [
            each.endpoint
            for each in self._known
            if each.verified_at >= since and self._may_help(each, family)
        ]

    def token_of(self, endpoint: Endpoint, now: float) -> bytes | None:
        return self._partners.token_of(endpoint, now)

    def _may_help(self, known: KnownPeer, family: Family) -> bool:
        return (
            known.can_help
            and not known.inbound
            and not known.failures
            and family_of(known.endpoint) is family
            and self._scopes.of(known.endpoint) is PUBLIC
        )

    def met(self, family: Family) -> Iterator[Endpoint]:
        for each in self._known:
            if family_of(each.endpoint) is family:
                yield each.endpoint
        for endpoint in self._partners.speakers():
            if family_of(endpoint) is family:
                yield endpoint

    def has_new(self) -> bool:
        """Whether some offered help for the first time since this was asked last."""
        has_new, self._known.has_new_helpers = self._known.has_new_helpers, False
        return has_new

    def token_received(self, endpoint: Endpoint, token: bytes, now: float) -> None:
        self._partners.token_received(endpoint, token, now)


class OwnReach:
    def __init__(
        self,
        families: Mapping[Family, Reachability],
        helpers: PeersThatHelp,
        contacted: ContactedHostsRule,
        helping: Helping,
        checks: Mapping[Family, ServiceChecks],
    ) -> None:
        """``contacted``: which hosts are strangers. ``checks``: of the TCP ports of the services,
        empty where they are not checked.
        """
        self.families = families
        """The reachability of this node in each address family."""
        self.helpers = helpers
        self._contacted = contacted
        self.helping = helping
        """What this node does for the tests of others."""
        self._checks = checks

    def ping_received(self, nonce: bytes, source: Endpoint, now: float) -> Commands:
        """A ping with a nonce, told before it is answered."""
        reach = self.families.get(family_of(source))
        if reach is None:
            return NO_COMMANDS
        is_stranger = self._contacted.is_stranger(source, now)
        return reach.ping_received(nonce, source, is_stranger, now)

    def query_received(self, source: Endpoint, now: float) -> Commands:
        """A well-formed query, told before it is answered."""
        reach = self.families.get(family_of(source))
        if reach is None or now < reach.evidence_at or not self._contacted.is_stranger(source, now):
            return NO_COMMANDS
        return reach.query_received(source, True, now)

    def answered(self, source: Endpoint, now: float) -> Commands:
        """A matched reply of any kind."""
        reach = self.families.get(family_of(source))
        return reach.matched(source, now) if reach is not None else NO_COMMANDS

    def look(self, now: float) -> Commands:
        """Takes note of what changed without an event: peers that help, the size of the network."""
        found = self.helpers.has_new()
        commands: Commands = NO_COMMANDS
        for reach in self.families.values():
            if found:
                reach.helper_found(now)
            for more in (reach.look_at_port(now), reach.look_at_guard(now)):
                if more:
                    commands = [*commands, *more]
        is_checked = False
        for family, check in self._checks.items():
            # One family is enough: a service listens at one port in both.
            endpoints = self.families[family].endpoints
            check.look((None,) if is_checked else endpoints, now)
            is_checked = is_checked or endpoints[0] is not None
        return commands

    def record_endpoint(self, family: Family, seen: Endpoint) -> Endpoint:
        """The endpoint that the own record names, where others see the node at ``seen``."""
        return self.families[family].record_endpoint or seen

    @property
    def announced(self) -> list[tuple[bool, int | None]]:
        """For each family whether the node announces itself, and the port if it is not the one that
        other nodes see.
        """
        return [(reach.conduct.announces, reach.conduct.port) for reach in self.families.values()]

    @property
    def closed(self) -> frozenset[Family]:
        """The families in which the own record says that strangers do not reach the node."""
        return frozenset(family for family, reach in self.families.items() if reach.conduct.closed)

    def address_changed(self, now: float) -> Commands:
        commands: Commands = NO_COMMANDS
        for reach in self.families.values():
            commands = [*commands, *reach.address_changed(now)]
        return commands

    def mapped(self, family: Family, endpoint: Endpoint | None, now: float) -> Commands:
        """The router maps this endpoint to the node's socket of that family; None: no longer."""
        reach = self.families.get(family)
        return reach.mapped(endpoint, now) if reach is not None else NO_COMMANDS

    def network_changed(self, family: Family, now: float) -> Commands:
        """The addresses or the link changed, or the machine slept."""
        reach = self.families.get(family)
        return reach.network_changed(now) if reach is not None else NO_COMMANDS

    def tick(self, now: float) -> Commands:
        commands: Commands = NO_COMMANDS
        for reach in self.families.values():
            if reach.deadline <= now:
                commands = [*commands, *reach.tick(now)]
        for check in self._checks.values():
            if check.deadline <= now:
                commands = [*commands, *check.tick(now)]
        if self.helping.deadline <= now:
            commands = [*commands, *self.helping.tick(now)]
        return commands

    def next_deadline(self) -> float:
        # Without min(), because this is called after every datagram.
        deadline = self.helping.deadline
        for reach in self.families.values():
            if reach.deadline < deadline:
                deadline = reach.deadline
        for check in self._checks.values():
            if check.deadline < deadline:
                deadline = check.deadline
        return deadline

    def snapshots(self, now: float) -> tuple[ReachSnapshot, ...]:
        return tuple(reach.snapshot(now) for reach in self.families.values())

    def services(self) -> tuple[ServiceReach, ...]:
        """The services whose TCP port was checked from outside."""
        return tuple(answer for each in self._checks.values() for answer in each.answers.values())
