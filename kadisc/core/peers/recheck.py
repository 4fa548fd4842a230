"""Rechecks: which known peer to ask next whether it is still there, and when.

Peers that did not answer last time come first, then those in use, the one that answered longest ago
first. In a mass failure all known peers are asked, one a second. Where none of them must be asked,
an unproven one is, which may have become able to prove its key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ...config import CoreConfig
from ...endpoints import Endpoint
from ..contract.times import FOREVER
from .known_peers import KnownPeer
from .mass_failure import MassFailureRule
from .verification import FAILURE_SPACING_S, PeerVerifier

RECHECK_S: Final = 20.0
"""The usual time between two rechecks: of 100 peers nearly all answer within half an hour, to this
or another query, before reports of them are too old to be relayed.
"""
MASS_FAILURE_RECHECK_S: Final = 1.0
"""The time between two rechecks in a mass failure. Outside of one, each peer of the last few that
did not answer, beyond the usual number, halves `RECHECK_S`, down to this.
"""
NEW_RECORD_S: Final = 1.0
"""The least time between two peers that are asked for the new record that they told of."""
SETTLED_S: Final = 60.0
"""A peer that answered less than this ago is not rechecked."""


class Rechecks:
    def __init__(
        self,
        config: CoreConfig,
        verifier: PeerVerifier,
        mass_failure: MassFailureRule,
        now: float,
    ) -> None:
        self._verifier = verifier
        self._mass_failure = mass_failure
        self._quarantine_s = config.maintenance.quarantine_silence_s
        self._at = now
        self._have_new_records: dict[Endpoint, None] = {}
        self._new_record_at = now

    def next_deadline(self) -> float:
        at = self._at if len(self._verifier.known) or len(self._verifier.unproven) else FOREVER
        return min(at, self._new_record_at) if self._have_new_records else at

    def not_after(self, at: float) -> None:
        self._at = min(self._at, at)

    def has_new_record(self, known: KnownPeer, now: float) -> None:
        """A known peer told of a newer record: it is asked soon, whatever its turn is, for the old
        one may name an address or a service that is no more. Attack: peers that tell of new records
        all the time keep the others from being rechecked. Defence: one a second is asked, and the
        turns of the others stay as they are.
        """
        self._have_new_records[known.endpoint] = None
        self._new_record_at = max(self._new_record_at, now)

    def peer_missed(self, now: float) -> None:
        """A known peer did not answer: others may have failed with it."""
        if self._mass_failure.any_is_unusual:
            self.not_after(now + MASS_FAILURE_RECHECK_S)

    def checked_by_table(self, endpoint: Endpoint, now: float, *, answered: bool) -> None:
        """The routing table checked a contact, as it does when its turn has come. Where that is a
        peer in use, it says as much about a mass failure as a recheck. A peer that never answered
        without a mapping of its own NAT is expected to be silent.
        """
        known = self._verifier.known.at(endpoint)
        if known is None or known.inbound or not self._verifier.is_in_use(known):
            return
        if not answered:
            self._verifier.recheck_failed(endpoint, now)
        elif now >= known.verified_at + SETTLED_S:
            self._verifier.recheck_answered(now)

    def take_due(self, now: float, is_free: Callable[[Endpoint], bool]) -> KnownPeer | None:
        """The peer to ask now, if it is time and one must be asked. ``is_free``: no exchange with
        that endpoint is in progress.
        """
        if self._have_new_records and now >= self._new_record_at:
            self._new_record_at = now + NEW_RECORD_S
            if (known := self._next_new_record(is_free)) is not None:
                return known
        if now < self._at:
            return None
        all_of_them = self._verifier.in_mass_failure
        self._at = now + (
            MASS_FAILURE_RECHECK_S if all_of_them else RECHECK_S / 2**self._mass_failure.unusual
        )
        known = self.next_peer(now, is_free, all_of_them=all_of_them)
        return known if known is not None else self._next_unproven(now, is_free)

    def next_peer(
        self, now: float, is_free: Callable[[Endpoint], bool], *, all_of_them: bool = False
    ) -> KnownPeer | None:
        """``all_of_them``: also peers that are not in use."""
        # Peers with an exchange in progress are left out: a dead one has one for 10 s, and the
        # others that died with it would wait behind it.
        for each in self._verifier.known:
            # Peers that timed out just now are left out, whether that counted or not: a node that
            # takes itself to be offline would ask the same few for ever, and never find out.
            if (
                each.failures
                and now >= each.missed_at + FAILURE_SPACING_S
                and is_free(each.endpoint)
            ):
                return each
        for each in self._verifier.known:
            if not is_free(each.endpoint):
                continue
            if now < max(each.verified_at, each.missed_at) + SETTLED_S:
                return None
            if not each.failures and self._may_ask(each, now, all_of_them=all_of_them):
                return each
        return None

    def _next_new_record(self, is_free: Callable[[Endpoint], bool]) -> KnownPeer | None:
        """The one that told of its record first, unless it was asked meanwhile."""
        for endpoint in list(self._have_new_records):
            known = self._verifier.at(endpoint)
            if known is None or not known.needs_record:
                del self._have_new_records[endpoint]
            elif is_free(endpoint):
                del self._have_new_records[endpoint]
                return known
        return None

    def _next_unproven(self, now: float, is_free: Callable[[Endpoint], bool]) -> KnownPeer | None:
        for each in self._verifier.unproven:
            if now < max(each.verified_at, each.missed_at) + SETTLED_S:
                return None
            if is_free(each.endpoint):
                return each
        return None

    def _may_ask(self, known: KnownPeer, now: float, *, all_of_them: bool) -> bool:
        if not known.inbound:
            return all_of_them or self._verifier.is_in_use(known)
        # A query would keep open the NAT mapping through which the peer answered.
        return now >= known.traffic_at + self._quarantine_s
