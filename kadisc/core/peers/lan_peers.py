"""Peers of the own network on the LAN: which of them are checked, when and how.

A beacon proves nothing: the endpoint that it names is a candidate, and becomes a verified peer by
an exchange of records with a proof of key, as any other. The application alone is told of such a
peer, after all others.
"""

from __future__ import annotations

from typing import Final

from ...endpoints import Endpoint
from ..addressing.lan_contacts import MAX_GUARDED, LanContacts
from ..contract.bounded import put_newest
from ..contract.queries import NO_COMMANDS, Commands
from ..contract.times import NEVER
from .candidates import Candidate
from .exchange import ExchangeContext, ExchangeReason, GossipExchange, Stage
from .verification import PeerVerifier
from .view import ViewRule

FROM_LAN = b"lan"
"""The source, in place of a netgroup, of a candidate that a beacon led to."""

ASK_AGAIN_S: Final = 1.0
"""The least time between two exchanges that beacons of one endpoint begin."""


class LanPeers:
    def __init__(
        self,
        contacts: LanContacts,
        view: ViewRule,
        verifier: PeerVerifier,
        context: ExchangeContext,
    ) -> None:
        self._view = view
        self._contacts = contacts
        self._verifier = verifier
        self._asked_at: dict[Endpoint, float] = {}
        self._context = context

    def found(
        self, endpoint: Endpoint, now: float, *, is_member: bool, is_guarded: bool
    ) -> Commands:
        """A beacon of that node arrived; ``is_member``: it says that it is of the own network."""
        context = self._context
        if is_guarded and not self._contacts.add(endpoint):
            context.counters.refuse("lan-contacts-full")
            return NO_COMMANDS
        known = self._verifier.known.at(endpoint)
        if is_guarded and known is not None and not known.on_lan:
            self._verifier.known.moved_to_lan(known)
            self._view.remove(endpoint)
        if (
            not is_member
            or self._verifier.at(endpoint) is not None
            or now < self._asked_at.get(endpoint, NEVER) + ASK_AGAIN_S
            or context.partners.is_blocked(endpoint, now)
        ):
            return NO_COMMANDS
        # Also where an exchange waits for its turn, as one that the other node's push began: that
        # may take 10 s.
        put_newest(self._asked_at, endpoint, now, MAX_GUARDED)
        ttl = 0 if is_guarded else context.config.max_ttl - 1
        candidate = Candidate(endpoint, None, FROM_LAN, None, ttl, now)
        return GossipExchange(
            context,
            endpoint,
            ExchangeReason.CANDIDATE,
            Stage.FIRST_QUERY,
            candidate=candidate,
            is_urgent=True,
        ).send(now)

    def lost(self, endpoint: Endpoint) -> Commands:
        """The node has left the link, or has been silent for long."""
        self._contacts.discard(endpoint)
        known = self._verifier.known.at(endpoint)
        if known is None or not known.on_lan:
            return NO_COMMANDS
        return self._verifier.lose(known, "silent")
