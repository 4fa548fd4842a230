"""With whom to exchange next: from a slot, from whom lookups met, or of those that came to us, so
that no single captured source decides that.

Of the last two kinds each network has the same chance (`even_draws.py`): whoever pushes most is
most of those that came.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ...config import GossipConfig
from ...endpoints import Endpoint
from ..addressing.netgroup_sampling import PrefixOf, draw_by_prefix
from .verification import PeerVerifier


class PartnerChoice:
    def __init__(
        self, config: GossipConfig, rng: Random, verifier: PeerVerifier, network_of: PrefixOf
    ) -> None:
        self._from_slots = config.partners_from_slots
        self._from_walk = config.partners_from_lookups
        self._rng = rng
        self._verifier = verifier
        self._network_of = network_of

    def partner(self, now: float, is_free: Callable[[Endpoint, float], bool]) -> Endpoint | None:
        """One that ``is_free``, of a kind drawn by lot; from a slot where that kind has none."""
        chance, parts = self._rng.random(), self._verifier.parts
        others: list[Endpoint] = []
        if chance >= self._from_slots + self._from_walk:
            others = [
                known.peer.endpoint
                for known in self._verifier.known
                if known.came_to_us and not known.failures
            ]
        elif chance >= self._from_slots:
            others = parts.partners.met_in_lookups()
        others = [endpoint for endpoint in others if is_free(endpoint, now)]
        if others:
            return draw_by_prefix(others, self._network_of, self._rng)
        chosen = parts.view.partner(now, lambda endpoint: is_free(endpoint, now))
        return chosen.endpoint if chosen is not None else None
