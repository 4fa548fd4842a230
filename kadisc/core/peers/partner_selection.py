"""Which peer to exchange with next: one that holds a slot, one met in a lookup, or one that pushed
to this node, so that capturing one of these sources does not decide.

Attack: an attacker pushes itself ten times as often as others, and is most of the peers that
pushed. Defence: of the last two kinds each network has the same chance
(`addressing/netgroup_sampling.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ...config import GossipConfig
from ...endpoints import Endpoint
from ..addressing.netgroup_sampling import PrefixOf, draw_by_prefix
from .components import PeerComponents
from .known_peers import KnownPeers
from .unproven_peers import UnprovenPeers


class PartnerSelection:
    def __init__(
        self,
        config: GossipConfig,
        rng: Random,
        components: PeerComponents,
        known: KnownPeers,
        unproven: UnprovenPeers,
        network_of: PrefixOf,
    ) -> None:
        self._from_slots = config.partners_from_slots
        self._from_lookups = config.partners_from_lookups
        self._rng = rng
        self._view = components.view
        self._partners = components.partners
        self._known = known
        self._unproven = unproven
        self._network_of = network_of

    def partner(self, now: float, is_free: Callable[[Endpoint, float], bool]) -> Endpoint | None:
        """One that ``is_free``, of a kind drawn at random; from a slot where that kind has none. An
        unproven peer counts as one that pushed, and is taken where nothing else is there.
        """
        chance = self._rng.random()
        others: list[Endpoint] = []
        if chance >= self._from_slots + self._from_lookups:
            others = [
                known.endpoint for known in self._known if known.from_push and not known.failures
            ] + self._unproven_endpoints()
        elif chance >= self._from_slots:
            others = self._partners.met_in_lookups()
        others = [endpoint for endpoint in others if is_free(endpoint, now)]
        if others:
            return draw_by_prefix(others, self._network_of, self._rng)
        chosen = self._view.partner(now, lambda endpoint: is_free(endpoint, now))
        if chosen is not None:
            return chosen.endpoint
        rest = [each for each in self._unproven_endpoints() if is_free(each, now)]
        return draw_by_prefix(rest, self._network_of, self._rng) if rest else None

    def _unproven_endpoints(self) -> list[Endpoint]:
        return [each.endpoint for each in self._unproven if not each.failures]
