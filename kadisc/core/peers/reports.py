"""Candidates for verification: peers that other nodes report, that this node found itself, or that
pushed their record.

Attack: an answer names made-up peers, addresses of a victim, dead peers again and again, or this
node itself. Defence: a report verifies nothing. It is dropped if its endpoint is unusable or is an
own one, if it is too old, if the endpoint has a tombstone, or if too many reports of its source
failed; and it is checked only if the peer would get a slot or a vacancy of the routing table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ...config import CoreConfig
from ...endpoints import Endpoint, Family, family_of
from ...ids import NodeId
from ...wire.gossip import NamedPeer
from ..dht import Dht
from .candidates import FROM_LOOKUPS, Candidate
from .components import PeerComponents
from .verification import PeerVerifier

NEWS_SHARE: Final = 1 / 8
"""The share of peers in answers that must be new to this node for rounds to become faster. Most of
a large network stays unknown for long.
"""
SOME_NEWS_SHARE: Final = 1 / 16
"""The share of peers in answers that must be new for each newly verified peer to be asked for more
peers.
"""
NEWS_MEMORY: Final = 4
"""The share of new peers is a moving mean over about this many answers."""
FROM_BOOK: Final = b"book"
"""The source, in place of a netgroup, of a candidate that the address book gave."""


class PeerReports:
    def __init__(
        self,
        config: CoreConfig,
        components: PeerComponents,
        verifier: PeerVerifier,
        dhts: Mapping[Family, Dht],
    ) -> None:
        self._config = config.gossip
        self._verifier = verifier
        self._view = components.view
        self._book = components.book
        self._candidates = components.candidates
        self._tombstones = components.tombstones
        self._credit = components.credit
        self._partners = components.partners
        self._scopes = components.scopes
        self._counters = components.counters
        self._burst = components.burst
        self._dhts = dhts
        self._news_share = 1.0

    @property
    def has_news(self) -> bool:
        """Whether answers still name many peers that are new to this node."""
        return self._news_share > NEWS_SHARE

    @property
    def has_some_news(self) -> bool:
        """Whether answers name some new peers, as they do until nearly all are known."""
        return self._news_share > SOME_NEWS_SHARE

    def received(self, named: Iterable[NamedPeer], reporter: Endpoint, now: float) -> None:
        """The peers that an answer of ``reporter`` names."""
        config, source = self._config, self._scopes.netgroup(reporter)
        count = 0
        new = 0
        for contact, ttl, age in named:
            count += 1
            known = self._verifier.at(contact.endpoint)
            ttl = min(ttl, config.max_ttl) - 1
            if known is not None:
                self._verifier.reported(known, ttl, now)
                continue
            if ttl < 0 or age * config.entry_age_unit_s >= config.max_entry_age_s:
                self._counters.refuse("entry-too-old")
                continue
            too_old_at = now + config.max_entry_age_s - age * config.entry_age_unit_s
            candidate = Candidate(contact.endpoint, contact.id, source, reporter, ttl, too_old_at)
            new += self._consider(candidate, now, config.candidates_per_source)
        if count:
            self._news_share += (new / count - self._news_share) / NEWS_MEMORY

    def found(
        self,
        endpoints: Iterable[Endpoint],
        source: bytes,
        now: float,
        *,
        per_source: int,
        node_id: NodeId | None = None,
    ) -> None:
        """Peers that this node found itself: by rendezvous, in a lookup, in the book; or that the
        operator named. ``source``: a word for that. ``per_source``: how many of it may wait.
        """
        for endpoint in endpoints:
            too_old_at = now + self._config.max_entry_age_s
            self._consider(
                Candidate(endpoint, node_id, source, None, self._config.max_ttl - 1, too_old_at),
                now,
                per_source,
            )

    def pushed(self, endpoint: Endpoint, node_id: NodeId, now: float) -> None:
        """A peer that pushed its record, and that the reservoir drew."""
        too_old_at = now + self._config.max_entry_age_s
        source = self._scopes.netgroup(endpoint)
        ttl = self._config.max_ttl
        candidate = Candidate(endpoint, node_id, source, None, ttl, too_old_at, from_push=True)
        self._consider(candidate, now, self._config.candidates_per_source)

    def at_other_port(
        self, endpoint: Endpoint, node_id: NodeId, reporter: Endpoint, now: float
    ) -> None:
        """A sound record, which came from another port of the same address, names this endpoint."""
        config, source = self._config, self._scopes.netgroup(endpoint)
        too_old_at = now + config.max_entry_age_s
        candidate = Candidate(endpoint, node_id, source, reporter, config.max_ttl - 1, too_old_at)
        self._consider(candidate, now, config.candidates_per_source)

    def is_wanted(self, candidate: Candidate, now: float) -> bool:
        """Whether it is worth a check. Pushes always are: the reservoir lets few of them pass."""
        endpoint = candidate.endpoint
        if (
            self._verifier.at(endpoint) is not None
            or self._partners.is_blocked(endpoint, now)
            or endpoint in self._verifier.own_endpoints()
        ):
            return False
        if candidate.from_push or candidate.source == FROM_BOOK or self._verifier.too_few:
            return True
        if self._tombstones.blocks(endpoint, now):
            return False
        if self._burst.is_active(now):
            return True
        is_hearsay = candidate.reporter is not None or candidate.source == FROM_LOOKUPS
        if is_hearsay and self._dhts[family_of(endpoint)].parts.reserve.holds_back(endpoint, now):
            return False  # others will name it again
        return self._view.would_win(endpoint) or self._verifier.fills_vacancy(
            candidate.contact, candidate.source, now
        )

    def _consider(self, candidate: Candidate, now: float, per_source: int) -> bool:
        """Returns whether the endpoint was new to the book, which stored it."""
        endpoint = candidate.endpoint
        refusal = self._refusal(candidate, now)
        is_new = False
        if refusal is None:
            if not candidate.from_push and candidate.source != FROM_BOOK:
                is_new = self._book.reported(endpoint, candidate.book_source, now) is None
            if not self.is_wanted(candidate, now):
                return is_new
            refusal = self._candidates.add(candidate, per_source)
            if refusal is None:
                self._burst.candidate_added(now)
        if refusal is not None:
            self._counters.refuse(refusal)
        return is_new

    def _refusal(self, candidate: Candidate, now: float) -> str | None:
        endpoint, reporter = candidate.endpoint, candidate.reporter
        if (
            family_of(endpoint) not in self._dhts
            or self._scopes.is_invalid(endpoint)
            or self._scopes.is_barred(endpoint)
        ):
            return "reported-peer-unusable"
        if endpoint in self._verifier.own_endpoints():
            return "reported-peer-own"
        if reporter is not None and not self._scopes.may_take(endpoint, reporter):
            return "reported-peer-unusable"
        if candidate.from_push or candidate.source == FROM_BOOK:
            return None
        if self._tombstones.blocks(endpoint, now):
            return "tombstone"
        if reporter is not None and not self._credit.has(candidate.source, now):
            return "source-credit"
        return None
