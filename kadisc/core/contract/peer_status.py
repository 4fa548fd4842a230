"""What is known of the peer at one endpoint: who it is, and how it answered."""

from __future__ import annotations

from dataclasses import dataclass

from .times import NEVER
from .verified_peer import VerifiedPeer


@dataclass(slots=True, eq=False)
class PeerStatus:
    """The table of known peers, the view and the address book share one object for a peer at an
    endpoint, and keep beside it only what is their own. `PeerVerifier` changes it, nothing else
    does. Another key at the endpoint gets another object. Times are in seconds on the caller's
    clock, ``NEVER`` for what did not happen.
    """

    peer: VerifiedPeer | None = None
    """None for a peer that was only reported, and has failed."""
    verified_at: float = NEVER
    """When it answered last."""
    proven_at: float = NEVER
    """When it last proved that it has its key. It is not saved: a proof holds for one run."""
    failures: int = 0
    """Queries in a row that it left unanswered."""
    failed_at: float = NEVER
    """When a failure counted last."""
    rtt_s: float | None = None
    """The round-trip time of the last exchange that told it."""

    @property
    def known_peer(self) -> VerifiedPeer:
        """The peer, for callers that hold the status of a verified one."""
        assert self.peer is not None
        return self.peer

    def answered(self, now: float, rtt_s: float | None = None) -> None:
        """``rtt_s``: None if this answer does not tell it."""
        if rtt_s is not None:
            self.rtt_s = rtt_s
        self.verified_at = now
        self.failures = 0
        self.failed_at = NEVER

    def failed(self, now: float, spacing_s: float) -> bool:
        """Returns whether the time-out counts: those less than ``spacing_s`` apart count once."""
        if now < self.failed_at + spacing_s:
            return False
        self.failures += 1
        self.failed_at = now
        return True
