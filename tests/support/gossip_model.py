"""A network in rounds, without datagrams: what pushes and pulls do to the views of the honest. Everybody answers, attackers for one another only."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from random import Random

from kadisc.core.gossip_view import ViewRule
from kadisc.core.peers import VerifiedPeer
from kadisc.endpoints import Endpoint

from .peers import peer

ENTRIES = 16


class GossipModel:
    """In a round every honest node pulls from one of its view and pushes itself to another one; every attacker pushes to ``pushes`` of those."""

    def __init__(
        self, honest: Sequence[Endpoint], attackers: Sequence[Endpoint], view: Callable[[Random], ViewRule], pushes: int = 10, seed: int = 1
    ) -> None:
        self.rng = random.Random(seed)
        self.honest = [peer(number, endpoint) for number, endpoint in enumerate(honest)]
        self.attackers = [peer(len(honest) + number, endpoint) for number, endpoint in enumerate(attackers)]
        self.views = {each.endpoint: view(Random(self.rng.random())) for each in self.honest}
        self.bad = {each.endpoint for each in self.attackers}
        self.pushes = pushes
        for each in self.honest:  # as it begins: some of all, by their share
            for other in self.rng.sample(self.honest + self.attackers, ENTRIES):
                self.views[each.endpoint].offer(other, 0)

    def run(self, rounds: int) -> None:
        for _ in range(rounds):
            for each in self.honest:
                view = self.views[each.endpoint]
                partner = view.partner(0)
                for heard in self._answer(partner) if partner else ():
                    if view.would_win(heard.endpoint) and heard.endpoint != each.endpoint:
                        view.offer(heard, 0)
                self.views[self.rng.choice(self.honest).endpoint].offer(each, 0)
            for attacker in self.attackers:
                for target in self.rng.sample(self.honest, self.pushes):
                    self.views[target.endpoint].offer(attacker, 0)
            for view in self.views.values():
                view.round(0)

    def _answer(self, partner: VerifiedPeer) -> list[VerifiedPeer]:
        if partner.endpoint in self.bad:
            return self.rng.sample(self.attackers, min(ENTRIES, len(self.attackers)))
        entries = self.views[partner.endpoint].entries(0)
        return [entry.peer for entry in self.rng.sample(entries, min(ENTRIES, len(entries)))]

    def share_of_slots(self) -> float:
        """The attackers' share of all slots of the honest."""
        entries = [entry for view in self.views.values() for entry in view.entries(0)]
        return sum(entry.slots for entry in entries if entry.peer.endpoint in self.bad) / sum(entry.slots for entry in entries)

    def share_of_samples(self, count: int, *, hierarchical: bool | None = None) -> float:
        given = [each.endpoint in self.bad for view in self.views.values() for each in view.sample(count, 0, hierarchical=hierarchical)]
        return sum(given) / len(given)
