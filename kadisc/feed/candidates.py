"""Which peer is tried next, and when: no I/O and no clock, ``now`` is in seconds of a steady clock.

Attack: records are made by others, and the ports in them are what their makers like. Who has
addresses from which nodes answer over UDP would have everybody who feeds a chain node connect to
ports of its choice, again and again. Defence: a host is connected to once in 30 minutes, whatever
ports and keys claim to be there; one connection at a time into each subnet (/24, IPv6 /48), four in
all; one a second in the long run. A host that passed the handshake, at that port, may be tried
again sooner.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Final

from ..endpoints import Endpoint, host_prefix, subnet_prefix
from .chain_peer import ChainPeer
from .handshake import HandshakeOutcome, Judged

FULL_TIMES: Final = 3
"""An address that closes so many connections in a row at once is bad."""
FAILURES: Final = 3
"""An address that was sound once, and does not answer so many times in a row, is bad."""


@dataclass(frozen=True, slots=True)
class FeedLimits:
    """All in seconds but ``at_once``, ``burst`` and ``candidates``. ``host_s``: between two
    connections to a host. ``offer_s``: between two offers of an address to which the chain node did
    not connect. ``again_s``: before an address that was connected and was lost is tried again; it
    doubles with each time. ``spacing_s``: between two connections to any hosts, after ``burst``
    quick ones.
    """

    host_s: float = 1800.0
    offer_s: float = 3600.0
    again_s: float = 60.0
    spacing_s: float = 1.0
    burst: int = 8
    at_once: int = 4
    candidates: int = 1000


class _History:
    """What became of an address. ``is_sound``: it passed a handshake, and has not failed often
    since. ``full``, ``failures``: how often in a row it closed at once, or did not answer.
    ``again``: it was connected and lost, or has failed since, so that it is tried again soon;
    ``losses``: how often.
    """

    __slots__ = ("again", "failures", "full", "is_sound", "losses", "tried_at")

    def __init__(self, tried_at: float) -> None:
        self.tried_at = tried_at
        self.is_sound = False
        self.full = 0
        self.failures = 0
        self.again = False
        self.losses = 0

    def judged(self, outcome: HandshakeOutcome) -> Judged | None:
        """Takes the outcome of a handshake, and returns the verdict."""
        if outcome.is_sound:
            self.is_sound = True
            self.full = self.failures = 0
            return None
        if outcome.verdict == "busy":
            self.full += 1
            return "bad" if self.full >= FULL_TIMES else "busy"
        if outcome.verdict == "bad" and self.is_sound:
            self.failures += 1
            if self.failures < FAILURES:
                self.again = True
                return None
        self.is_sound = False
        return outcome.verdict


class FeedCandidates:
    """``len()``: peers that may be tried, now or later."""

    def __init__(self, limits: FeedLimits, now: float) -> None:
        self._limits = limits
        self._peers: OrderedDict[str, ChainPeer] = OrderedDict()
        self._histories: dict[Endpoint, _History] = {}
        self._hosts: dict[bytes, tuple[float, Endpoint]] = {}
        """When a host was connected to last, and at which address."""
        self._in_flight: dict[Endpoint, ChainPeer] = {}
        self._credit = float(limits.burst)
        self._credit_at = now
        self._purged_at = now

    def __len__(self) -> int:
        return len(self._peers)

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    def found(self, peer: ChainPeer) -> None:
        """A peer, or a new record of one. Beyond the bound the one found longest ago goes."""
        self._peers.pop(peer.key, None)
        self._peers[peer.key] = peer
        if len(self._peers) > self._limits.candidates:
            self._peers.popitem(last=False)

    def forget(self) -> None:
        """All that was found is found anew. What became of it is not forgotten."""
        self._peers.clear()

    def lost(self, key: str) -> ChainPeer | None:
        return self._peers.pop(key, None)

    def take(
        self,
        now: float,
        is_known: Callable[[ChainPeer], bool],
        beside: Container[str] = (),
    ) -> ChainPeer | None:
        """The next peer to shake hands with, which counts as begun; None if none is due.
        ``is_known``: whether the chain node is connected to it, or is it. ``beside``: keys that are
        left alone.
        """
        self._purge(now)
        self._refill(now)
        if self._credit < 1.0 or len(self._in_flight) >= self._limits.at_once:
            return None
        subnets = {subnet_prefix(address) for address in self._in_flight}
        for peer in self._peers.values():
            if (
                peer.key in beside
                or subnet_prefix(peer.address) in subnets
                or not self._is_due(peer.address, now)
                or is_known(peer)
            ):
                continue
            self._begin(peer, now)
            return peer
        return None

    def _begin(self, peer: ChainPeer, now: float) -> None:
        self._credit -= 1.0
        history = self._histories.setdefault(peer.address, _History(now))
        history.tried_at = now
        if history.again:
            history.again = False
            history.losses += 1
        self._in_flight[peer.address] = peer
        self._hosts[host_prefix(peer.address)] = (now, peer.address)
        self._peers.move_to_end(peer.key)

    def ended(self, peer: ChainPeer, outcome: HandshakeOutcome) -> Judged | None:
        """The handshake with the peer has ended. Returns the verdict: what closes each connection
        at once may be a full node the first times, and is bad after some; what was sound once may
        be restarting, and has no verdict before it has failed some times.
        """
        self._in_flight.pop(peer.address, None)
        history = self._histories.get(peer.address)
        return history.judged(outcome) if history is not None else outcome.verdict

    def connected(self, address: Endpoint) -> None:
        """The chain node is connected to an address that was offered to it."""
        if (history := self._histories.get(address)) is not None:
            history.again = True

    def chain_restarted(self) -> None:
        """The chain node has forgotten what was offered to it: it is offered again."""
        for history in self._histories.values():
            history.again = history.again or history.is_sound
            history.losses = 0

    def _is_due(self, address: Endpoint, now: float) -> bool:
        host_at, at_address = self._hosts.get(host_prefix(address), (None, address))
        if host_at is None:
            return True
        history = self._histories.get(address)
        if history is None or at_address != address or not history.is_sound:
            return now - host_at >= self._limits.host_s
        return now - history.tried_at >= self._wait_s(history)

    def _wait_s(self, history: _History) -> float:
        if not history.again:
            return self._limits.offer_s
        doubled: float = self._limits.again_s * 2.0 ** min(history.losses, 16)
        return min(doubled, self._limits.offer_s)

    def _refill(self, now: float) -> None:
        gained = max(0.0, now - self._credit_at) / self._limits.spacing_s
        self._credit = min(float(self._limits.burst), self._credit + gained)
        self._credit_at = now

    def _purge(self, now: float) -> None:
        """Forgets what no longer keeps anybody waiting: some thousands are left at most, because
        one connection a second is begun.
        """
        keep_s = 2.0 * max(self._limits.host_s, self._limits.offer_s)
        if now - self._purged_at < keep_s / 8:
            return
        self._purged_at = now
        self._hosts = {
            host: known for host, known in self._hosts.items() if now - known[0] < keep_s
        }
        self._histories = {
            address: history
            for address, history in self._histories.items()
            if now - history.tried_at < keep_s or address in self._in_flight
        }
