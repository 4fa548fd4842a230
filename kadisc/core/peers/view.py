"""Whom a node sees of its network: slots with secret seeds, each held by the verified peer that
ranks best for it.

The attacks: a tenth of the network that pushes itself ten times as often as others owns every place
of a view that replaces by chance, within 20 rounds. And half a network in 20 small address ranges
owns half of a view that ranks single addresses. Here a slot goes to who ranks best for it
(`slot_ranks.py`), so repetition gains nothing; half of the slots rank networks before addresses;
and slots get new seeds, a few at a time, so that whatever was won by luck is lost again. The model
is BASALT (Auvolat, Bromberg, Frey, Taïani 2021).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Final, Protocol

from ...config import GossipConfig
from ...endpoints import Endpoint
from ..addressing.policy import AddressPolicy
from ..contract.verified_peer import VerifiedPeer
from .ranking import FLAT, FROM_8, FROM_16, FROM_24, SEED_BITS, Positions, Seat, Standing

FOREVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class ViewPeer:
    """A peer with the number of slots that it holds."""

    peer: VerifiedPeer
    slots: int
    verified_s_ago: float
    failures: int


@dataclass(frozen=True, slots=True)
class ViewSnapshot:
    """``mature``: slots, of all, that are old enough to be given to the application."""

    rounds: int
    slots: int
    vacant: int
    mature: int
    peers: tuple[ViewPeer, ...]


def anybody(endpoint: Endpoint) -> bool:
    return True


class ViewRule(Protocol):
    def __len__(self) -> int: ...

    def offer(self, peer: VerifiedPeer, now: float) -> int: ...

    def named_again(self, peer: VerifiedPeer, now: float) -> None: ...

    def would_win(self, endpoint: Endpoint) -> bool: ...

    def confirmed(self, endpoint: Endpoint, now: float) -> None: ...

    def failed(self, endpoint: Endpoint, now: float) -> None: ...

    def remove(self, endpoint: Endpoint) -> None: ...

    def round(self, now: float) -> None: ...

    def challengers(self, known: Iterable[Endpoint]) -> list[Endpoint]: ...

    def sample(
        self,
        count: int,
        now: float,
        *,
        hierarchical: bool | None = None,
        verified_within_s: float = FOREVER,
    ) -> list[VerifiedPeer]: ...

    def aged(self) -> list[Endpoint]: ...

    def partner(
        self, now: float, wanted: Callable[[Endpoint], bool] = anybody
    ) -> VerifiedPeer | None: ...

    def suspects(self) -> list[VerifiedPeer]: ...

    def slots_of(self, endpoint: Endpoint) -> int: ...

    def entries(self, now: float) -> list[ViewPeer]: ...

    def snapshot(self, now: float) -> ViewSnapshot: ...


@dataclass(slots=True, eq=False)
class Held:
    """A peer that holds slots. ``used``: how often it was a partner, or would have been had it
    always been here.
    """

    peer: VerifiedPeer
    host: bytes
    positions: Positions
    verified_at: float
    used: int
    slots: int = 0
    failures: int = 0

    def seen(self, now: float) -> ViewPeer:
        return ViewPeer(self.peer, self.slots, now - self.verified_at, self.failures)


@dataclass(slots=True, eq=False)
class Slot:
    seat: Seat
    since_round: int
    holder: Held | None = None


class GossipView:
    """``len()`` is the number of distinct peers, at most that of the slots. Only verified peers may
    be offered: whether one is, the caller knows.
    """

    def __init__(self, config: GossipConfig, rng: Random, scopes: AddressPolicy) -> None:
        self._config = config
        self._rng = rng
        self._scopes = scopes
        self._standing = Standing(
            rng.getrandbits(SEED_BITS).to_bytes(SEED_BITS // 8, "big"), scopes
        )
        kinds = (
            (FLAT, config.flat_slots),
            (FROM_8, config.slots_from_8),
            (FROM_16, config.slots_from_16),
            (FROM_24, config.slots_from_24),
        )
        self._slots = [
            Slot(Seat(begins, self._seed()), 0) for begins, count in kinds for _ in range(count)
        ]
        rng.shuffle(
            self._slots
        )  # they are reseeded in this order, so that no kind is young at once
        self._next_reseeded = 0
        self._rounds = 0
        self._held: dict[
            bytes, Held
        ] = {}  # by what one host can be assumed to hold: one identity per address
        self._by_key: dict[tuple[bytes, int], Held] = {}  # by key and family

    def __len__(self) -> int:
        return len(self._held)

    def offer(self, peer: VerifiedPeer, now: float) -> int:
        """The number of slots that it won now. Who is here already is confirmed, and wins nothing
        more.
        """
        host = self._scopes.host(peer.endpoint)
        here, elsewhere = self._held.get(host), self._by_key.get(_key(peer))
        if (
            here is not None
            and here.peer.key != peer.key
            and here.peer.endpoint != peer.endpoint
            and not here.failures
        ):
            return (
                0  # an identity of its own for each port would be as good as an address of its own
            )
        if elsewhere is not None and peer.sequence < elsewhere.peer.sequence:
            return 0
        if elsewhere is not None and elsewhere is not here:
            self._leave(elsewhere)  # it has moved
        if here is not None:
            self._rename(here, peer, now)
            return 0
        newcomer = Held(peer, host, self._standing.of(peer.endpoint), now, self._least_used())
        for slot in self._slots:
            if slot.seat.prefers(newcomer.positions):
                self._give(slot, newcomer)
        if newcomer.slots:
            self._held[host] = self._by_key[_key(peer)] = newcomer
        return newcomer.slots

    def named_again(self, peer: VerifiedPeer, now: float) -> None:
        """A push or an answer names one that was offered before: here that changes nothing."""

    def would_win(self, endpoint: Endpoint) -> bool:
        """Whether it would be worth a check: somebody new there would get a slot."""
        if self._scopes.host(endpoint) in self._held:
            return False
        positions = self._standing.of(endpoint)
        return any(slot.seat.prefers(positions) for slot in self._slots)

    def challengers(self, known: Iterable[Endpoint]) -> list[Endpoint]:
        """Those of ``known`` that would rank first for a slot reseeded since the last reseeding,
        each once: worth a check at once.

        A new seed meets only those that are here, and whoever pushes most is here or comes first;
        an attacker that everybody hears of within a round would hold more than his share of the
        young slots. What the address book remembers levels that.
        """
        young = [
            slot
            for slot in self._slots
            if self._rounds - slot.since_round < self._config.reseed_every_rounds
            or slot.holder is None
        ]
        best: list[tuple[Seat, Endpoint | None]] = [
            (Seat(slot.seat.begins, slot.seat.seed, slot.seat.held_by), None) for slot in young
        ]
        for endpoint in known:
            if self._scopes.host(endpoint) in self._held:
                continue
            positions = self._standing.of(endpoint)
            for at, (seat, _) in enumerate(best):
                if seat.prefers(positions):
                    seat.hold(positions)
                    best[at] = seat, endpoint
        return list(dict.fromkeys(endpoint for _, endpoint in best if endpoint is not None))

    def confirmed(self, endpoint: Endpoint, now: float) -> None:
        """It answered a query of ours, of whatever kind."""
        held = self._at(endpoint)
        if held is not None:
            held.failures, held.verified_at = 0, now

    def failed(self, endpoint: Endpoint, now: float) -> None:
        """It left a query unanswered; after so many in a row it loses its slots to the others that
        are here.
        """
        held = self._at(endpoint)
        if held is not None:
            held.failures += 1
            if held.failures >= self._config.slot_failures:
                self.remove(endpoint)

    def remove(self, endpoint: Endpoint) -> None:
        held = self._at(endpoint)
        if held is not None:
            self._leave(held)

    def round(self, now: float) -> None:
        """One more round is over. Every few of them, the next few slots get new seeds and go to
        whoever of those here ranks best.
        """
        self._rounds += 1
        if self._rounds % self._config.reseed_every_rounds or not self._slots:
            return
        for _ in range(min(self._config.reseed_slots, len(self._slots))):
            slot = self._slots[self._next_reseeded]
            self._next_reseeded = (self._next_reseeded + 1) % len(self._slots)
            slot.seat.seed, slot.since_round = self._seed(), self._rounds
            self._vacate(slot)
        self._refill()
        for held in list(self._held.values()):
            if not held.slots:
                self._forget(held)

    def sample(
        self,
        count: int,
        now: float,
        *,
        hierarchical: bool | None = None,
        verified_within_s: float = FOREVER,
    ) -> list[VerifiedPeer]:
        """At most ``count`` distinct peers for the application: by lot among the slots old enough,
        whose holders answered last and did so lately enough. ``hierarchical``: from slots of that
        kind alone, True, or from the flat ones alone, False.
        """
        eligible = [
            slot.holder
            for slot in self._slots
            if slot.holder is not None
            and self._is_mature(slot)
            and not slot.holder.failures
            and now - slot.holder.verified_at <= verified_within_s
            and (hierarchical is None or hierarchical == (slot.seat.begins != FLAT))
        ]
        self._rng.shuffle(eligible)
        return [held.peer for held in list(dict.fromkeys(eligible))[:count]]

    def aged(self) -> list[Endpoint]:
        """Those that hold slots old enough for the application, each once."""
        return list(
            dict.fromkeys(
                slot.holder.peer.endpoint
                for slot in self._slots
                if slot.holder is not None and self._is_mature(slot)
            )
        )

    def partner(
        self, now: float, wanted: Callable[[Endpoint], bool] = anybody
    ) -> VerifiedPeer | None:
        """Whom to exchange with next: one of the least used, by lot. A newcomer counts as used as
        often as those, or every new face would be first in the queue.
        """
        here = [held for held in self._held.values() if wanted(held.peer.endpoint)]
        if not here:
            return None
        least = min(held.used for held in here)
        chosen = self._rng.choice([held for held in here if held.used == least])
        chosen.used += 1
        return chosen.peer

    def suspects(self) -> list[VerifiedPeer]:
        """Those that left the last query unanswered: to be asked again soon, or a dead one stays
        until its next turn as a partner.
        """
        return [held.peer for held in self._held.values() if held.failures]

    def slots_of(self, endpoint: Endpoint) -> int:
        held = self._at(endpoint)
        return held.slots if held is not None else 0

    def entries(self, now: float) -> list[ViewPeer]:
        """All that are here and answered last; what answers to others are drawn from."""
        return [held.seen(now) for held in self._held.values() if not held.failures]

    def snapshot(self, now: float) -> ViewSnapshot:
        vacant = sum(slot.holder is None for slot in self._slots)
        mature = sum(self._is_mature(slot) for slot in self._slots)
        return ViewSnapshot(
            self._rounds,
            len(self._slots),
            vacant,
            mature,
            tuple(held.seen(now) for held in self._held.values()),
        )

    # --- who holds what ---------------------------------------------------------------------------

    def _seed(self) -> int:
        return self._rng.getrandbits(SEED_BITS) | 1

    def _is_mature(self, slot: Slot) -> bool:
        return self._rounds - slot.since_round >= self._config.sample_age_rounds

    def _at(self, endpoint: Endpoint) -> Held | None:
        held = self._held.get(self._scopes.host(endpoint))
        return held if held is not None and held.peer.endpoint == endpoint else None

    def _least_used(self) -> int:
        return min((held.used for held in self._held.values()), default=0)

    def _rename(self, held: Held, peer: VerifiedPeer, now: float) -> None:
        """Another identity, port or record at an address that is here: ranks are of addresses, so
        it keeps the slots.
        """
        self._by_key.pop(_key(held.peer), None)
        held.peer, held.verified_at, held.failures = peer, now, 0
        self._by_key[_key(peer)] = held

    def _give(self, slot: Slot, held: Held) -> None:
        before = slot.holder
        self._vacate(slot)
        slot.holder = held
        slot.seat.hold(held.positions)
        held.slots += 1
        if before is not None and not before.slots:
            self._forget(before)

    def _vacate(self, slot: Slot) -> None:
        if slot.holder is not None:
            slot.holder.slots -= 1
        slot.holder = None
        slot.seat.hold(None)

    def _leave(self, held: Held) -> None:
        """Its slots go to the best of the others that are here."""
        for slot in self._slots:
            if slot.holder is held:
                self._vacate(slot)
        self._forget(held)
        self._refill()

    def _forget(self, held: Held) -> None:
        self._held.pop(held.host, None)
        self._by_key.pop(_key(held.peer), None)

    def _refill(self) -> None:
        for slot in [slot for slot in self._slots if slot.holder is None]:
            best = None
            for held in self._held.values():
                if slot.seat.prefers(held.positions):
                    best = held
                    slot.seat.hold(held.positions)
            if best is not None:
                slot.holder = best
                best.slots += 1


def _key(peer: VerifiedPeer) -> tuple[bytes, int]:
    return peer.key, len(peer.endpoint)
