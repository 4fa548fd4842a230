"""Pushes: other nodes send this node their own record.

A push verifies nothing. With a valid token it makes its sender a candidate for a check, if the
reservoir draws it (`push_reservoir.py`).
"""

from __future__ import annotations

from ...config import GossipConfig
from ...endpoints import Endpoint, family_of
from ...ids import NodeId
from ...wire.messages import Gossip
from ...wire.records import PeerRecord
from ..limits.budget import Budget, Rate
from .components import PeerComponents
from .push_reservoir import Push, PushRule
from .recheck import Rechecks
from .record_policy import Refused
from .reports import PeerReports
from .verification import PeerVerifier


class PushReceiver:
    """``len()`` is the number of pushes kept of this round so far."""

    def __init__(
        self,
        config: GossipConfig,
        components: PeerComponents,
        verifier: PeerVerifier,
        reports: PeerReports,
        rechecks: Rechecks,
        reservoir: PushRule,
    ) -> None:
        self._records = components.records
        self._partners = components.partners
        self._cell_hash = components.cell_hash
        self._counters = components.counters
        self._verifier = verifier
        self._reports = reports
        self._rechecks = rechecks
        self._reservoir = reservoir
        self._elsewhere_checks = Budget(host=Rate(1.0 / config.round_s, 1.0))

    def __len__(self) -> int:
        return len(self._reservoir)

    def received(self, query: Gossip, source: Endpoint, now: float) -> str | None:
        """A query with a record and a valid token. Returns why the push does not count, or None."""
        assert query.record is not None
        self._partners.unblock(source)
        self._partners.speaks_gossip(source)
        known = self._verifier.push_received(source, now)
        try:
            record = self._records.read(query.record)
        except Refused as refusal:
            return refusal.reason
        if known is not None and known.peer.record == record.raw:
            self._verifier.pushed_again(known, now)
            return None
        if record.endpoints.get(family_of(source), source) != source:
            return self._keep_elsewhere(record, query.sender, source, now)
        push = Push(source, query.sender, record)
        if self._verifier.is_renewal(record, source, now):
            return self._drawn(push, now)
        refused = self._reservoir.offer(push)
        if refused is None and self._verifier.too_few:
            early = self._reservoir.take_early()
            if early is not None:
                return self._drawn(early, now)
        return refused

    def end_round(self, now: float) -> None:
        """Takes the pushes that were drawn in the round that ends."""
        for push in self._reservoir.drain():
            refused = self._drawn(push, now)
            if refused is not None:
                self._counters.refuse(refused)

    def _keep_elsewhere(
        self, record: PeerRecord, sender: NodeId, source: Endpoint, now: float
    ) -> str:
        """The record names another address than it came from: a NAT does that, and so does a node
        that sends a copy. A valid one is kept for callers that ask for it; its sender is not
        checked, but where only the port differs the endpoint that it names may be.
        """
        if not self._elsewhere_checks.lacking(self._cell_hash.cells(source), 1.0, now):
            try:
                self._records.check(record, source)
            except Refused as refusal:
                if refusal.other_port is not None:
                    self._reports.at_other_port(refusal.other_port, sender, source, now)
                return refusal.reason
        return "record-elsewhere"

    def _drawn(self, push: Push, now: float) -> str | None:
        """The push is worth the check of a signature, and then a query to its sender. Returns why
        not, or None.
        """
        try:
            self._records.check(push.record, push.endpoint)
        except Refused as refusal:
            return refusal.reason
        known = self._verifier.at(push.endpoint)
        if known is not None:
            self._verifier.require_record(known)
            self._rechecks.has_new_record(known, now)
        else:
            self._reports.pushed(push.endpoint, push.node_id, now)
        return None
