"""The view: slots with secret seeds, each held by the verified peer that ranks best for it.

Attacks: a tenth of the network that pushes itself ten times as often as others owns every place of
a view that replaces at random, within 20 rounds. Half of a network in 20 small address ranges owns
half of a view that ranks single addresses. Defences: a slot goes to the peer that ranks best for it
(`slot_ranking.py`), so repetition gains nothing; half of the slots rank networks before addresses;
slots get new seeds, a few at a time, so that what was won by luck is lost again. The model is
BASALT (Auvolat, Bromberg, Frey, Taïani 2021).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Protocol

from ...config import GossipConfig
from ...endpoints import Endpoint
from ..addressing.netgroup_sampling import PrefixOf
from ..addressing.policy import AddressPolicy
from ..contract.peer_status import PeerStatus
from ..contract.times import FOREVER
from ..contract.verified_peer import VerifiedPeer
from .slot_ranking import (
    FLAT,
    FROM_8,
    FROM_16,
    FROM_24,
    SEED_BITS,
    Challenge,
    Positions,
    Seat,
    Standing,
)


@dataclass(frozen=True, slots=True)
class ViewPeer:
    """A peer with the number of slots that it holds."""

    peer: VerifiedPeer
    slots: int
    verified_s_ago: float
    failures: int


@dataclass(frozen=True, slots=True)
class ViewSnapshot:
    """``mature``: slots that are old enough for the application to be given their holders."""

    rounds: int
    slots: int
    vacant: int
    mature: int
    peers: tuple[ViewPeer, ...]


def any_endpoint(endpoint: Endpoint) -> bool:
    return True


class ViewRule(Protocol):
    def __len__(self) -> int: ...

    def offer(self, status: PeerStatus, now: float) -> int: ...

    def named_again(self, status: PeerStatus, now: float) -> None: ...

    def would_win(self, endpoint: Endpoint) -> bool: ...

    def remove(self, endpoint: Endpoint) -> None: ...

    def round(self, now: float) -> None: ...

    def challenge(self) -> Challenge: ...

    def sample(
        self,
        count: int,
        now: float,
        *,
        hierarchical: bool | None = None,
        verified_within_s: float = FOREVER,
    ) -> list[VerifiedPeer]: ...

    def mature_holders(self) -> list[Endpoint]: ...

    def partner(
        self, now: float, wanted: Callable[[Endpoint], bool] = any_endpoint
    ) -> VerifiedPeer | None: ...

    def slots_of(self, endpoint: Endpoint) -> int: ...

    def entries(self, now: float) -> list[ViewPeer]: ...

    def snapshot(self, now: float) -> ViewSnapshot: ...

    def inconsistencies(self) -> Iterator[str]: ...


@dataclass(slots=True, eq=False)
class HeldPeer:
    """A peer that holds slots. ``used``: how often it was a partner; a new one begins with the
    number of the least used.
    """

    status: PeerStatus
    host: bytes
    positions: Positions
    used: int
    slots: int = 0

    @property
    def peer(self) -> VerifiedPeer:
        peer = self.status.peer
        assert peer is not None
        return peer

    def seen(self, now: float) -> ViewPeer:
        status = self.status
        return ViewPeer(status.known_peer, self.slots, now - status.verified_at, status.failures)


@dataclass(slots=True, eq=False)
class Slot:
    """One place of the view and the peer that holds it."""

    seat: Seat
    since_round: int
    holder: HeldPeer | None = None


class GossipView:
    """``len()`` is the number of distinct peers, at most that of the slots. The caller must offer
    verified peers only.
    """

    def __init__(
        self,
        config: GossipConfig,
        rng: Random,
        scopes: AddressPolicy,
        share_of: PrefixOf | None = None,
    ) -> None:
        """``share_of``: what flat slots rank first in IPv6; `AddressPolicy.share` if None."""
        self._config = config
        self._rng = rng
        self._scopes = scopes
        self._standing = Standing(
            rng.getrandbits(SEED_BITS).to_bytes(SEED_BITS // 8, "big"), scopes, share_of
        )
        kinds = (
            (FLAT, config.flat_slots),
            (FROM_8, config.slots_from_8),
            (FROM_16, config.slots_from_16),
            (FROM_24, config.slots_from_24),
        )
        self.slots = [
            Slot(Seat(begins, self._seed()), 0) for begins, count in kinds for _ in range(count)
        ]
        # Slots are reseeded in this order, so that those of one kind are not all young at once.
        rng.shuffle(self.slots)
        self._next_reseeded = 0
        self._rounds = 0
        self._held: dict[bytes, HeldPeer] = {}
        """By the prefix that one host can be assumed to hold: one identity per address."""
        self._by_key: dict[tuple[bytes, int], HeldPeer] = {}
        """By key and family."""

    def __len__(self) -> int:
        return len(self._held)

    def offer(self, status: PeerStatus, now: float) -> int:
        """Returns the number of slots that it wins now. A peer that holds slots already wins no
        more.
        """
        peer = status.known_peer
        host = self._scopes.host(peer.endpoint)
        here = self._held.get(host)
        elsewhere = self._by_key.get(_key(peer))
        if (
            here is not None
            and here.peer.key != peer.key
            and here.peer.endpoint != peer.endpoint
            and not here.status.failures
        ):
            # Else an identity for each port would be as good as an address for each.
            return 0
        if elsewhere is not None and peer.sequence < elsewhere.peer.sequence:
            return 0
        if elsewhere is not None and elsewhere is not here:
            self._leave(elsewhere)  # it has moved
        if here is not None:
            self._rename(here, status)
            return 0
        new = HeldPeer(status, host, self._standing.of(peer.endpoint), self._least_used())
        for slot in self.slots:
            if slot.seat.prefers(new.positions):
                self._give(slot, new)
        if new.slots:
            self._held[host] = self._by_key[_key(peer)] = new
        return new.slots

    def named_again(self, status: PeerStatus, now: float) -> None:
        """A push or an answer names a peer that was offered before. Here that changes nothing."""

    def would_win(self, endpoint: Endpoint) -> bool:
        """Whether a new peer at this endpoint would get a slot, so that it is worth a check."""
        if self._scopes.host(endpoint) in self._held:
            return False
        positions = self._standing.of(endpoint)
        return any(slot.seat.prefers(positions) for slot in self.slots)

    def challenge(self) -> Challenge:
        """Finds peers that would rank first for a slot reseeded since the last reseeding.

        A new seed is compared only with the peers in the view, and a peer that pushes most is there
        or comes first. An attacker of which every node learns within a round would hold more than
        its share of the young slots. What the address book remembers makes up for that.
        """
        young = [
            slot.seat
            for slot in self.slots
            if self._rounds - slot.since_round < self._config.reseed_every_rounds
            or slot.holder is None
        ]
        return Challenge(
            young, self._standing, lambda endpoint: self._scopes.host(endpoint) in self._held
        )

    def remove(self, endpoint: Endpoint) -> None:
        """It loses its slots to other peers of the view."""
        held = self._at(endpoint)
        if held is not None:
            self._leave(held)

    def round(self, now: float) -> None:
        """One more round is over. Every few rounds, the next few slots get new seeds and go to the
        peers of the view that rank best.
        """
        self._rounds += 1
        if self._rounds % self._config.reseed_every_rounds or not self.slots:
            return
        for _ in range(min(self._config.reseed_slots, len(self.slots))):
            slot = self.slots[self._next_reseeded]
            self._next_reseeded = (self._next_reseeded + 1) % len(self.slots)
            slot.seat.seed = self._seed()
            slot.since_round = self._rounds
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
        """At most ``count`` distinct peers for the application, drawn from the mature slots whose
        holders answered the last query, and did so in the last ``verified_within_s``.
        ``hierarchical``: only from such slots if True, only from flat ones if False.
        """
        eligible = [
            slot.holder
            for slot in self.slots
            if slot.holder is not None
            and self._is_mature(slot)
            and not slot.holder.status.failures
            and now - slot.holder.status.verified_at <= verified_within_s
            and (hierarchical is None or hierarchical == (slot.seat.begins != FLAT))
        ]
        self._rng.shuffle(eligible)
        return [held.peer for held in list(dict.fromkeys(eligible))[:count]]

    def mature_holders(self) -> list[Endpoint]:
        """The endpoints that hold mature slots, each once."""
        return list(
            dict.fromkeys(
                slot.holder.peer.endpoint
                for slot in self.slots
                if slot.holder is not None and self._is_mature(slot)
            )
        )

    def partner(
        self, now: float, wanted: Callable[[Endpoint], bool] = any_endpoint
    ) -> VerifiedPeer | None:
        """The next peer to exchange with: one of the least used, at random. A new peer counts as
        used as often as those, or every new one would come first.
        """
        here = [held for held in self._held.values() if wanted(held.peer.endpoint)]
        if not here:
            return None
        least = min(held.used for held in here)
        chosen = self._rng.choice([held for held in here if held.used == least])
        chosen.used += 1
        return chosen.peer

    def slots_of(self, endpoint: Endpoint) -> int:
        held = self._at(endpoint)
        return held.slots if held is not None else 0

    def entries(self, now: float) -> list[ViewPeer]:
        """All peers of the view that answered the last query."""
        return [held.seen(now) for held in self._held.values() if not held.status.failures]

    def snapshot(self, now: float) -> ViewSnapshot:
        vacant = sum(slot.holder is None for slot in self.slots)
        mature = sum(self._is_mature(slot) for slot in self.slots)
        return ViewSnapshot(
            self._rounds,
            len(self.slots),
            vacant,
            mature,
            tuple(held.seen(now) for held in self._held.values()),
        )

    def inconsistencies(self) -> Iterator[str]:
        """What contradicts itself, as `core/self_check.py` reports it."""
        slots: dict[int, int] = {}
        for slot in self.slots:
            if slot.holder is not None:
                slots[id(slot.holder)] = slots.get(id(slot.holder), 0) + 1
                if self._held.get(slot.holder.host) is not slot.holder:
                    yield "a slot is held by a peer that the view does not have: "
        for host, held in self._held.items():
            if held.host != host or not held.slots or held.slots != slots.get(id(held), 0):
                yield f"the slots of a peer are miscounted: {held.slots}"
            if self._by_key.get(_key(held.peer)) is not held:
                yield f"a peer of the view is not found by its key: {held.peer.endpoint.hex()}"
        if len(self._by_key) != len(self._held):
            yield f"the view has another number of keys than of peers: {len(self._by_key)}"

    # --- who holds what ---------------------------------------------------------------------------

    def _seed(self) -> int:
        return self._rng.getrandbits(SEED_BITS) | 1

    def _is_mature(self, slot: Slot) -> bool:
        return self._rounds - slot.since_round >= self._config.sample_age_rounds

    def _at(self, endpoint: Endpoint) -> HeldPeer | None:
        held = self._held.get(self._scopes.host(endpoint))
        return held if held is not None and held.peer.endpoint == endpoint else None

    def _least_used(self) -> int:
        return min((held.used for held in self._held.values()), default=0)

    def _rename(self, held: HeldPeer, status: PeerStatus) -> None:
        """Another identity or port at an address of the view: ranks are of addresses, so it keeps
        the slots.
        """
        self._by_key.pop(_key(held.peer), None)
        held.status = status
        self._by_key[_key(held.peer)] = held

    def _give(self, slot: Slot, held: HeldPeer) -> None:
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

    def _leave(self, held: HeldPeer) -> None:
        """Its slots go to the best of the other peers of the view."""
        for slot in self.slots:
            if slot.holder is held:
                self._vacate(slot)
        self._forget(held)
        self._refill()

    def _forget(self, held: HeldPeer) -> None:
        self._held.pop(held.host, None)
        self._by_key.pop(_key(held.peer), None)

    def _refill(self) -> None:
        for slot in [slot for slot in self.slots if slot.holder is None]:
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
