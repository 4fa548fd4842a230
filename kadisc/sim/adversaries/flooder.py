"""A flooder: an apparently honest member of the peer network that tries to fill the views of others
with attackers.

Attack: keys and IDs are free, an address is not. So each address has a valid record of its own and
answers every check. It pushes that record ten times as often as an honest member. A member that
pulls from it is told of other flooders, with the freshest possible age, and of peers that do not
exist. A node that looks up the network's tags in the DHT is given flooders. Towards each honest
node it shows a brute-forced ID near that node's own, for the vacancies of its table.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from ...config import CLIENT_VERSION
from ...contacts import Contact
from ...core.contract.identity import Identity
from ...core.peers.proof import signed_text
from ...core.peers.rendezvous import info_hashes
from ...endpoints import Endpoint, Family, family_of
from ...ids import NodeId
from ...wire.gossip import NamedPeer, pack_peers
from ...wire.messages import GetPeers, Gossip, News, Query, Reply
from ...wire.records import to_be_signed, unsigned_fields
from ..model.members import TAG
from ..model.population import unused_endpoint
from ..options import SimOptions
from .adversary import Adversary
from .sybil import EclipseAttack

PAD_BYTES = 380
"""Padding of a query without a token: makes it long enough for an answer with a record."""
TOKEN_FRESH_S = 300.0
FRESHEST_TTL = 4
VALUES = 16
TAGS = frozenset(info_hashes(TAG))


def news_of(record: dict[bytes, object], named: Sequence[NamedPeer], proof: bytes | None) -> News:
    """``named``: all of one family."""
    if named and family_of(named[0].contact.endpoint) is Family.IPV6:
        return News(record, peers6=pack_peers(named), proof=proof)
    return News(record, pack_peers(named), proof=proof)


class FlooderGroup(EclipseAttack):
    """What flooders share: the list of flooders, and the members that they flood."""

    def __init__(self, options: SimOptions) -> None:
        super().__init__({}, fabricates=options.attack.fabricate)
        self.targets: Sequence[Endpoint] = ()
        self.fabricated = options.gossip.fabricated
        gossip = options.core.gossip
        self.pause_s = (
            gossip.round_s / options.gossip.flood if options.gossip.flood else float("inf")
        )

    def flood(self, victims: dict[Endpoint, NodeId]) -> None:
        """Floods these members from now on. ``victims``: their IDs by endpoint."""
        self.victims = victims
        self.targets = list(victims)

    def news(self, asker: Endpoint, count: int, rng: Random) -> list[NamedPeer]:
        named = []
        for member in rng.sample(self._members, min(count, len(self._members))):
            contact = Contact(self.shown_id(member, asker), member.endpoint)
            if rng.random() < self.fabricated:
                unused = unused_endpoint(rng, family_of(asker))
                contact = Contact(rng.getrandbits(160), unused)
            named.append(NamedPeer(contact, FRESHEST_TTL, 0))
        return named

    def endpoints(self, rng: Random) -> list[Endpoint]:
        return [
            member.endpoint for member in rng.sample(self._members, min(VALUES, len(self._members)))
        ]


class Flooder(Adversary):
    def __init__(self, own_id: NodeId, who: Identity, group: FlooderGroup, rng: Random) -> None:
        super().__init__(own_id)
        self._who = who
        self._group = group
        self._rng = rng
        self._record: dict[bytes, object] = {}
        self._tokens: dict[Endpoint, tuple[bytes, float]] = {}
        self._without_token: set[Endpoint] = set()
        self._next_at = 0.0

    def begin(self, at: float) -> None:
        """It sends nothing before."""
        self._next_at = at

    def asked(self, query: Query, source: Endpoint, now: float) -> Reply | None:
        if isinstance(query, Gossip):
            named = self._group.news(source, query.want, self._rng) if query.want else []
            shown_id = self._group.shown_id(self, source)
            return Reply(
                query.tid,
                shown_id,
                token=b"band",
                seen_as=source,
                version=CLIENT_VERSION,
                news=news_of(self._signed(), named, self._proof(query, source)),
            )
        reply = self._group.answer(self, query, source)
        reply.version = CLIENT_VERSION
        if isinstance(query, GetPeers) and query.info_hash in TAGS:
            reply.values = self._group.endpoints(self._rng)
        return reply

    def _proof(self, query: Gossip, source: Endpoint) -> bytes | None:
        if query.challenge is None or query.asked is None:
            return None
        return self._who.sign(signed_text(TAG, query.challenge, query.asked, source))

    def answered(self, reply: Reply, source: Endpoint, now: float) -> None:
        if reply.token is not None:
            self._tokens[source] = reply.token, now + TOKEN_FRESH_S
            if source in self._without_token:
                self._without_token.discard(source)
                self._push(source, reply.token)

    def tick(self, now: float) -> None:
        if not self._group.targets or now < self._next_at:
            return
        # Jitter, so that flooders do not push all at once.
        self._next_at = now + self._group.pause_s * self._rng.uniform(0.5, 1.5)
        victim = self._rng.choice(self._group.targets)
        token, until = self._tokens.get(victim, (b"", now))
        if now < until:
            self._push(victim, token)
        else:
            self._without_token.add(victim)
            self.send(
                Gossip(
                    self._rng.randbytes(4),
                    self._group.shown_id(self, victim),
                    TAG,
                    0,
                    version=CLIENT_VERSION,
                    pad=PAD_BYTES,
                ),
                victim,
            )

    def next_deadline(self) -> float:
        return self._next_at if self._group.targets else float("inf")

    def _push(self, victim: Endpoint, token: bytes) -> None:
        shown_id = self._group.shown_id(self, victim)
        self.send(
            Gossip(
                self._rng.randbytes(4),
                shown_id,
                TAG,
                0,
                token=token,
                record=self._signed(),
                version=CLIENT_VERSION,
            ),
            victim,
        )

    def _signed(self) -> dict[bytes, object]:
        if not self._record:
            fields = unsigned_fields(
                self._who.public_key,
                TAG,
                1,
                {family_of(self.endpoint): self.endpoint},
                {"eth": 30303},
            )
            self._record = fields | {b"sig": self._who.sign(to_be_signed(fields))}
        return self._record
