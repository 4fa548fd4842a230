"""Components of gossip and verification of peers without their defence, each named with the defence
that it is compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from typing import Any

from ...config import GossipConfig
from ...contacts import Contact
from ...endpoints import Endpoint, Scope
from ...errors import DecodeError
from ...service_values import ServiceValue
from ...wire.messages import Gossip, Reply
from ...wire.records import PeerRecord, record_from
from ..addressing.policy import AddressPolicy
from ..contract.times import NEVER
from ..contract.verified_peer import VerifiedPeer
from ..peers.answers import GossipTokens, Tiers
from ..peers.candidates import Candidate
from ..peers.known_peers import KnownPeer
from ..peers.proof import Proof
from ..peers.push_reservoir import Push
from ..peers.record_policy import Refused
from ..peers.selection import in_turn
from ..table.routing_table import RoutingTable


class NoBackoff:
    """Baseline of `Backoff`: a partner may always be asked."""

    __slots__ = ()

    def may_ask(self, partner: Endpoint, now: float) -> bool:
        return True

    def asked(self, partner: Endpoint, now: float) -> None:
        pass

    def useful(self, partner: Endpoint, now: float) -> None:
        pass

    def free_at(self, partner: Endpoint) -> float:
        return NEVER


class EndlessCredit:
    """Baseline of `Credit`: every source is listened to."""

    __slots__ = ()

    def has(self, source: bytes, now: float) -> bool:
        return True

    def failed(self, source: bytes, now: float) -> None:
        pass

    def verified(self, source: bytes) -> None:
        pass


class NoBucketQuota:
    """Baseline of `BucketQuota`: one source may fill all vacancies of a bucket."""

    __slots__ = ()

    def allows(self, contact: Contact, source: bytes, table: RoutingTable, now: float) -> bool:
        return True

    def suggested(self, contact: Contact, source: bytes, now: float) -> None:
        pass


class NoTombstones:
    """Baseline of `Tombstones`: reports of dead peers are taken."""

    __slots__ = ()

    def __len__(self) -> int:
        return 0

    def failed(self, endpoint: Endpoint, now: float) -> bool:
        return False

    def clear(self, endpoint: Endpoint) -> None:
        pass

    def blocks(self, endpoint: Endpoint, now: float) -> bool:
        return False


class NoMassFailureDetector:
    """Baseline of `MassFailureDetector`: each peer that fails is one by itself."""

    __slots__ = ()
    ongoing = False
    stale_before = NEVER
    unusual = 0
    any_is_unusual = True

    def asked(self, now: float, *, answered: bool) -> None:
        pass


class AnyRecord:
    """Baseline of `RecordRules`: a record that can be decoded is accepted."""

    def __init__(self) -> None:
        self.elsewhere: dict[bytes, PeerRecord] = {}

    def read(self, fields: dict[bytes, Any]) -> PeerRecord:
        try:
            return record_from(fields)
        except DecodeError as error:
            raise Refused(error.reason) from None

    def check(self, record: PeerRecord, source: Endpoint) -> None:
        pass

    def accepted(self, record: PeerRecord) -> None:
        pass

    def services(self, record: PeerRecord, endpoint: Endpoint) -> Mapping[str, ServiceValue]:
        return record.services

    def remember(self, sequences: Iterable[tuple[bytes, int]]) -> None:
        pass


class NoKeyProofs:
    """Baseline of `KeyProofs`: a record stands for the node that sends it."""

    __slots__ = ()

    def is_due(self, proven_at: float, now: float) -> bool:
        return False

    def ask(self, query: Gossip, endpoint: Endpoint) -> None:
        pass

    def read(
        self, query: Gossip, reply: Reply, record: PeerRecord, endpoint: Endpoint, key: bytes | None
    ) -> Proof:
        return Proof.NOT_ASKED


class NoProofSigner:
    """Baseline of `ProofSigner`: as an older node, it answers no challenge."""

    __slots__ = ()

    def proof(
        self, query: Gossip, source: Endpoint, now: float, *, has_token: bool
    ) -> bytes | None:
        return None


class NoSigningBudget:
    """Baseline of `SigningBudget`: every challenge is signed."""

    __slots__ = ()

    def may_sign(self, source: Endpoint, now: float) -> bool:
        return True


class FirstComeCandidates:
    """Baseline of `GossipCandidates`: one queue in order of arrival, whatever the source."""

    def __init__(self, config: GossipConfig) -> None:
        self._config = config
        self._waiting: dict[Endpoint, Candidate] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, endpoint: Endpoint) -> bool:
        return endpoint in self._waiting

    def add(self, candidate: Candidate, per_source: int) -> str | None:
        if candidate.endpoint in self._waiting or len(self._waiting) >= self._config.max_candidates:
            return "peer-candidates-full"
        self._waiting[candidate.endpoint] = candidate
        return None

    def draw(
        self,
        now: float,
        is_wanted: Callable[[Candidate], bool],
        allows: Callable[[bytes], bool] | None = None,
    ) -> Candidate | None:
        while self._waiting:
            candidate = self._waiting.pop(next(iter(self._waiting)))
            if now < candidate.too_old_at and is_wanted(candidate):
                return candidate
        return None

    def may_skip_ping(self, endpoint: Endpoint, now: float) -> bool:
        return True

    def drop(self, is_unwanted: Callable[[Endpoint], bool]) -> None:
        for endpoint in [each for each in self._waiting if is_unwanted(each)]:
            del self._waiting[endpoint]


class EveryPush:
    """Baseline of `PushReservoir`: the latest pushes, as often as they come."""

    def __init__(self, config: GossipConfig) -> None:
        self._config = config
        self._kept: list[Push] = []

    def __len__(self) -> int:
        return len(self._kept)

    def offer(self, push: Push) -> str | None:
        self._kept = [*self._kept, push][-self._config.reservoir :]
        return None

    def take_early(self) -> Push | None:
        return self._kept.pop() if self._kept else None

    def drain(self) -> list[Push]:
        kept = self._kept
        self._kept = []
        return kept


class RandomPeerSamples:
    """Baseline of `FixedPeerSamples`: another choice in each answer."""

    def __init__(self, rng: Random, scopes: AddressPolicy) -> None:
        self._rng = rng
        self._scopes = scopes

    def choose(
        self,
        tiers: Tiers,
        asker: Endpoint,
        count: int,
        now: float,
        may_name: Callable[[KnownPeer], bool],
    ) -> list[KnownPeer]:
        scopes = (Scope.PUBLIC, self._scopes.of(asker))
        chosen: list[KnownPeer] = []
        for tier in tiers():
            fit = [
                each
                for each in tier
                if len(each.peer.endpoint) == len(asker)
                and self._scopes.of(each.peer.endpoint) in scopes
                and may_name(each)
            ]
            chosen += self._rng.sample(fit, min(count - len(chosen), len(fit)))
        return chosen


class AnyGossipToken(GossipTokens):
    """Baseline of `GossipTokens`: every token is valid, and so is none."""

    def accepts(self, token: bytes | None, asker: Endpoint, now: float) -> bool:
        return True


class SourcesInTurn:
    """Baseline of `RanksFirst`: every source of peers has the same weight."""

    __slots__ = ()

    def application_order(
        self,
        slots: Sequence[VerifiedPeer],
        seated: Sequence[VerifiedPeer],
        book: Sequence[VerifiedPeer],
        by_rendezvous: Sequence[VerifiedPeer],
    ) -> Iterable[VerifiedPeer]:
        return in_turn(slots, book, by_rendezvous)

    def answer_tiers(
        self, known: Iterable[KnownPeer], slots_of: Callable[[Endpoint], int]
    ) -> list[list[KnownPeer]]:
        return [list(known)]
