"""What a running node has to do with the network of its own: its record, the peers that it knows
there, and what the application says of them.
"""

from __future__ import annotations

from collections.abc import Container

import trio

from ...core.book.entry import Provenance, Verdict
from ...core.contract.events import Outcome, PeerChecked, PeerVerified
from ...core.contract.saved_state import SavedBook
from ...core.contract.verified_peer import VerifiedPeer
from ...core.peers.network import PeerNetwork
from ...core.peers.rendezvous import info_hashes, network_tag
from ...endpoints import Endpoint
from ...errors import Closed, UsageError
from ...ids import NodeId
from ..transport.pump import Pump

VERDICTS: tuple[Verdict, ...] = ("good", "bad", "busy", "wrong-network")


class OwnNetwork:
    """``name``: the network's; ``tags``: the info-hashes that its nodes announce themselves under."""

    def __init__(self, pump: Pump, name: str) -> None:
        self._pump = pump
        self._news = trio.Event()
        self.name = name
        self.tags: tuple[NodeId, ...] = info_hashes(network_tag(name))
        pump.dispatch.tap(self._note)

    @property
    def peer_network(self) -> PeerNetwork:
        """Raises UsageError for a node that was made without one."""
        if self._pump.core.peer_network is None:
            raise UsageError("this node is of no network")
        return self._pump.core.peer_network

    @property
    def closed(self) -> bool:
        return self._pump.closed

    def now(self) -> float:
        return self._pump.now()

    @property
    def record(self) -> bytes:
        """Our own, as others get it: canonical bencode, signed."""
        return self.peer_network.own_record

    def peers(
        self,
        count: int,
        *,
        service: str | None,
        verified_within_s: float | None,
        but_not: Container[bytes],
    ) -> list[VerifiedPeer]:
        return self.peer_network.peers(
            count, self.now(), service=service, verified_within_s=verified_within_s, but_not=but_not
        )

    def age_s(self, peer: VerifiedPeer) -> float:
        """How long ago it last answered; inf where that is not known."""
        return self.peer_network.age_s(peer, self.now())

    def why(self, who: bytes | Endpoint) -> Provenance | None:
        return self.peer_network.why(who, self.now())

    def feedback(self, key: bytes, verdict: Verdict) -> bool:
        if verdict not in VERDICTS:
            raise UsageError(
                f"a verdict is {', '.join(VERDICTS[:-1])} or {VERDICTS[-1]}, not {verdict!r}"
            )
        return self.peer_network.feedback(key, verdict, self.now())

    async def check(self, endpoint: Endpoint) -> VerifiedPeer | None:
        """Asks whoever is there to prove that it is of our network; None if it does not. Raises
        Busy and Closed.
        """
        with self._pump.operation(lambda now: self._pump.core.check_peer(endpoint, now)) as waiter:
            finished = await waiter.wait()
        assert isinstance(finished, PeerChecked)
        if finished.outcome in (Outcome.CLOSED, Outcome.CANCELLED):
            raise Closed("the node was closed before the peer could answer")
        return finished.peer

    def hear_of(self, endpoints: list[Endpoint], source: str) -> None:
        """Candidates, that are checked by and by. ``source``: a word for who says so."""
        if not self._pump.closed:
            self.peer_network.report(endpoints, source, self.now())
            self._pump.flush()

    def export_book(self) -> SavedBook:
        return self.peer_network.export(self.now()).book

    def import_book(self, book: SavedBook) -> int:
        """Takes up what is not there yet, to be verified by and by; returns how many peers were
        refused.
        """
        refused = self.peer_network.import_book(book, self.now())
        self._pump.flush()
        return refused

    async def news(self, patience_s: float) -> bool:
        """Returns when a peer proves itself, or after so long; whether one did."""
        with trio.move_on_after(patience_s):
            await self._news.wait()
            return True
        return False

    def _note(self, event: object) -> None:
        if isinstance(event, PeerVerified):
            self._news.set()
            self._news = trio.Event()

    def wake(self) -> None:
        """Whoever waits for news looks again, and finds that the node is closed."""
        self._news.set()
