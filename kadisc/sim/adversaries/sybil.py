"""A Sybil in an eclipse attack: it tries to take places in the victims' tables, and all places near
a victim's ID.

Attack: an address costs money, an ID nothing. So towards each victim every address shows an ID of
its own choice near the victim's, as deep as the table goes. It queries the victim repeatedly to be
noticed, sends it unsolicited answers, and behaves well when it is checked. Once it is in a table
and is asked, it answers with other Sybils (`ring.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from random import Random

from ...contacts import Contact
from ...endpoints import Endpoint
from ...ids import ID_BITS, NodeId
from ...wire.messages import FindNode, Query, Reply
from .adversary import Adversary, name
from .ring import PER_ANSWER, CollusionRing

DEPTHS = 20
"""Sybils share 0 to ``DEPTHS`` - 1 leading bits with a victim, evenly: with 20 some are nearer than
all honest nodes of a network of a million.
"""


class EclipseAttack(CollusionRing):
    """``victims``: their IDs by endpoint, restarted victims included."""

    def __init__(self, victims: dict[Endpoint, NodeId], *, fabricates: bool) -> None:
        super().__init__(fabricates=fabricates)
        self.victims = victims
        self._shown_ids: dict[tuple[Endpoint, Endpoint], NodeId] = {}

    def shown_id(self, member: Adversary, asker: Endpoint) -> NodeId:
        victim = self.victims.get(asker)
        if victim is None:
            return member.own_id
        shown_id = self._shown_ids.get((member.endpoint, asker))
        if shown_id is None:
            shown_id = self._shown_ids[member.endpoint, asker] = near(victim, member.endpoint)
        return shown_id

    def some_contacts(self, victim: Endpoint, rng: Random) -> list[Contact]:
        return [
            Contact(self.shown_id(each, victim), each.endpoint)
            for each in rng.sample(self._members, min(PER_ANSWER, len(self._members)))
        ]


class Sybil(Adversary):
    def __init__(
        self, own_id: NodeId, attack: EclipseAttack, rng: Random, interval_s: float, now: float
    ) -> None:
        super().__init__(own_id)
        self._attack = attack
        self._rng = rng
        self._interval_s = interval_s
        self.attack(list(attack.victims), now)

    def attack(self, victims: Sequence[Endpoint], now: float) -> None:
        """Aims at these victims from now on; they are among those of the attack."""
        self._victims = victims
        self._pause_s = self._interval_s / max(1, len(victims))
        self._turn = self._rng.randrange(max(1, len(victims)))
        self._next_at = now + self._rng.random() * self._interval_s

    def asked(self, query: Query, source: Endpoint, now: float) -> Reply | None:
        return self._attack.answer(self, query, source)

    def tick(self, now: float) -> None:
        if now < self._next_at or not self._victims:
            return
        self._next_at = now + self._pause_s
        self._turn = (self._turn + 1) % len(self._victims)
        victim = self._victims[self._turn]
        shown_id = self._attack.shown_id(self, victim)
        self.send(FindNode(self._rng.randbytes(2), shown_id, self._rng.getrandbits(160)), victim)
        self.send(
            name(
                Reply(self._rng.randbytes(2), shown_id),
                self._attack.some_contacts(victim, self._rng),
            ),
            victim,
        )

    def next_deadline(self) -> float:
        return self._next_at if self._victims else float("inf")


def near(victim: NodeId, endpoint: Endpoint) -> NodeId:
    """An ID that shares a number of leading bits with the victim's, and not the next bit; always
    the same for the same two arguments.
    """
    noise = blake2b(endpoint + victim.to_bytes(20, "big"), digest_size=24).digest()
    depth = noise[0] * DEPTHS >> 8
    rest = int.from_bytes(noise[1:21], "big") >> (depth + 1)
    return victim ^ (1 << (ID_BITS - 1 - depth)) ^ rest
