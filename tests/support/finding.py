"""An application that asks a node of the small world for peers, as ``node.peers()`` does."""

from __future__ import annotations

from dataclasses import dataclass, field

from kadisc.core.contract.events import PeerChecked, PeerVerified
from kadisc.core.contract.service_filter import ServiceFilter
from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.core.peers.finder import PeerFinder

from .world import Host, World

VERIFIED_WITHIN_S = 10.0


@dataclass(eq=False)
class Application:
    """``given``: when each peer was given, in seconds since it began to ask, and the peer."""

    world: World
    host: Host
    finder: PeerFinder
    began: float
    given: list[tuple[float, VerifiedPeer]] = field(default_factory=list)

    @property
    def peers(self) -> list[VerifiedPeer]:
        return [peer for _, peer in self.given]

    def ask(self, most: int) -> None:
        """Takes what there is now, at most so many."""
        while len(self.given) < most:
            peer = self.host.node.next_peer(self.finder, self.world.now)
            if peer is None:
                break
            self.given.append((self.world.now - self.began, peer))
        self.world.flush(self.host)

    def wait(self, count: int, within_s: float) -> None:
        """Until it was given so many in all."""
        seen, asked_at = -1, self.world.now

        def is_done() -> bool:
            nonlocal seen, asked_at
            news = sum(isinstance(each, PeerVerified | PeerChecked) for each in self.host.events)
            look_again_s = max(0.01, self.finder.look_again_s(self.world.now))
            if news != seen or self.world.now >= asked_at + look_again_s:
                seen, asked_at = news, self.world.now
                self.ask(count)
            return len(self.given) >= count

        end = self.world.now + within_s
        while not is_done() and self.world.now < end:
            self.world.run(min(0.05, end - self.world.now), until=is_done)


def application(
    world: World, host: Host, *, service: str | None = None, within_s: float = VERIFIED_WITHIN_S
) -> Application:
    offering = ServiceFilter({service: None} if service is not None else None)
    finder = host.node.finder(offering=offering, verified_within_s=within_s, again_after_s=3600.0)
    return Application(world, host, finder, world.now)
