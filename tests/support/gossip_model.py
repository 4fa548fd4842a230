"""A model of a network in rounds, without datagrams: what pushes and pulls do to the views of
honest nodes. All nodes answer; attackers name attackers only.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from random import Random

from kadisc.config import GossipConfig
from kadisc.core.contract.verified_peer import VerifiedPeer
from kadisc.core.peers.view import ViewRule
from kadisc.endpoints import Endpoint

from .peers import answering, challengers, peer

ENTRIES = 16


class GossipModel:
    """In a round every honest node pulls from a peer of its view and pushes itself to another node;
    every attacker pushes to ``pushes`` honest nodes.
    """

    def __init__(
        self,
        honest: Sequence[Endpoint],
        attackers: Sequence[Endpoint],
        view: Callable[[Random], ViewRule],
        *,
        pushes: int = 10,
        seed: int = 1,
        remember: bool = True,
    ) -> None:
        """``remember``: the address book of each node holds all peers that it ever learned of, and
        is asked for challengers of reseeded slots.
        """
        self.rng = random.Random(seed)
        self.honest = [peer(number, endpoint) for number, endpoint in enumerate(honest)]
        self.attackers = [
            peer(len(honest) + number, endpoint) for number, endpoint in enumerate(attackers)
        ]
        self.views = {each.endpoint: view(Random(self.rng.random())) for each in self.honest}
        self.bad = {each.endpoint for each in self.attackers}
        self.pushes = pushes
        self.rounds = 0
        self.books: dict[Endpoint, dict[Endpoint, VerifiedPeer]] | None = (
            {each.endpoint: {} for each in self.honest} if remember else None
        )
        # At the start each node knows some of all, by their share.
        for each in self.honest:
            for other in self.rng.sample(self.honest + self.attackers, ENTRIES):
                self.views[each.endpoint].offer(answering(other), 0)

    def run(self, rounds: int) -> None:
        for _ in range(rounds):
            for each in self.honest:
                view = self.views[each.endpoint]
                partner = view.partner(0)
                for named in self._answer(partner) if partner else ():
                    if named.endpoint != each.endpoint:
                        self._learn(each, named)
                self._learn(self.rng.choice(self.honest), each)
            for attacker in self.attackers:
                for target in self.rng.sample(self.honest, self.pushes):
                    self._learn(target, attacker)
            self.rounds += 1
            for endpoint, view in self.views.items():
                view.round(0)
                if self.books and self.rounds % GossipConfig().reseed_every_rounds == 0:
                    book = self.books[endpoint]
                    for challenger in challengers(view, book):
                        view.offer(answering(book[challenger]), 0)

    def _learn(self, node: VerifiedPeer, of: VerifiedPeer) -> None:
        view = self.views[node.endpoint]
        if self.books:
            self.books[node.endpoint][of.endpoint] = of
        if view.would_win(of.endpoint):
            view.offer(answering(of), 0)

    def _answer(self, partner: VerifiedPeer) -> list[VerifiedPeer]:
        if partner.endpoint in self.bad:
            return self.rng.sample(self.attackers, min(ENTRIES, len(self.attackers)))
        entries = self.views[partner.endpoint].entries(0)
        return [entry.peer for entry in self.rng.sample(entries, min(ENTRIES, len(entries)))]

    def share_of_slots(self) -> float:
        """The attackers' share of all slots of honest nodes."""
        entries = [entry for view in self.views.values() for entry in view.entries(0)]
        return sum(entry.slots for entry in entries if entry.peer.endpoint in self.bad) / sum(
            entry.slots for entry in entries
        )

    def share_of_samples(self, count: int, *, hierarchical: bool | None = None) -> float:
        given = [
            each.endpoint in self.bad
            for view in self.views.values()
            for each in view.sample(count, 0, hierarchical=hierarchical)
        ]
        return sum(given) / len(given)
