"""Endpoints to gossip with: which speak gossip, the tokens they gave, which own record each was
sent, and which are blocked.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from ...config import GossipConfig
from ...endpoints import Endpoint, Family, family_of
from ..contract.bounded import put_newest

OWN_CLIENT: Final = b"KD"
"""How the field ``v`` of a node begins that speaks gossip."""
TOKEN_FRESH_S: Final = 280.0
"""A token is used for this long after it came: it is valid for 5 minutes at least (BEP 5), and some
of that passes on the way.
"""
BLOCKED_S: Final = 86_400.0
"""How long an endpoint is blocked that does not speak gossip, or not of the own network."""
MAX_BLOCKED: Final = 4096
"""Blocked endpoints that are remembered at most."""
MAX_MET_IN_LOOKUPS: Final = 256
"""Peers met in lookups that are remembered at most."""


class Partners:
    def __init__(self, config: GossipConfig) -> None:
        self._config = config
        self._tokens: dict[Endpoint, tuple[bytes, float]] = {}
        self._sent: dict[Endpoint, int] = {}
        self._blocked: dict[Endpoint, float] = {}
        self._speakers: dict[Endpoint, None] = {}
        self._met_in_lookups: dict[Endpoint, None] = {}

    @staticmethod
    def is_gossip_version(version: bytes | None) -> bool:
        return version is not None and version.startswith(OWN_CLIENT)

    def speaks_gossip(self, endpoint: Endpoint) -> None:
        """It answered a query, of any kind, or sent gossip to this node."""
        _add(self._speakers, endpoint, self._config.max_partners_kept)

    def found_in_lookup(self, endpoint: Endpoint) -> bool:
        """It speaks gossip and answered in a lookup or a check of the routing table: chance has
        chosen it, and not the peer itself. Returns whether it is new here.
        """
        self.speaks_gossip(endpoint)
        return _add(self._met_in_lookups, endpoint, MAX_MET_IN_LOOKUPS)

    def failed(self, endpoint: Endpoint) -> None:
        """It did not answer."""
        self._speakers.pop(endpoint, None)
        self._met_in_lookups.pop(endpoint, None)

    def left(self, endpoint: Endpoint) -> None:
        """It said that it stops. When it comes back, it has another token, and no record."""
        self.failed(endpoint)
        self._tokens.pop(endpoint, None)
        self._sent.pop(endpoint, None)

    def is_speaker(self, endpoint: Endpoint) -> bool:
        return endpoint in self._speakers

    def speakers(self) -> Collection[Endpoint]:
        return self._speakers.keys()

    def met_in_lookups(self) -> list[Endpoint]:
        return list(self._met_in_lookups)

    def token_received(self, endpoint: Endpoint, token: bytes, now: float) -> None:
        fresh = token, now + TOKEN_FRESH_S
        put_newest(self._tokens, endpoint, fresh, self._config.max_partners_kept)

    def token_of(self, endpoint: Endpoint, now: float) -> bytes | None:
        token, until = self._tokens.get(endpoint, (None, now))
        return token if now < until else None

    def forget_token(self, endpoint: Endpoint) -> None:
        self._tokens.pop(endpoint, None)

    def forget_tokens(self, families: Collection[Family] = (Family.IPV4, Family.IPV6)) -> None:
        """They were given to the addresses that this node had in these families."""
        for endpoint in [each for each in self._tokens if family_of(each) in families]:
            del self._tokens[endpoint]

    def record_sent(self, endpoint: Endpoint, sequence: int) -> None:
        """It has the own record of this sequence."""
        put_newest(self._sent, endpoint, sequence, self._config.max_partners_kept)

    def lacks_record(self, endpoint: Endpoint, sequence: int) -> bool:
        return self._sent.get(endpoint, -1) < sequence

    def block(self, endpoint: Endpoint, now: float, for_s: float = BLOCKED_S) -> None:
        """It does not speak gossip, or not of the own network: it is not queried for so long."""
        self.failed(endpoint)
        self._tokens.pop(endpoint, None)
        put_newest(self._blocked, endpoint, now + for_s, MAX_BLOCKED)

    def is_blocked(self, endpoint: Endpoint, now: float) -> bool:
        return now < self._blocked.get(endpoint, now)

    def unblock(self, endpoint: Endpoint) -> None:
        """It sent gossip with the tag of the own network."""
        self._blocked.pop(endpoint, None)


def _add(endpoints: dict[Endpoint, None], endpoint: Endpoint, max_size: int) -> bool:
    """Returns whether the endpoint is new. One that is there already keeps its place."""
    if endpoint in endpoints:
        return False
    put_newest(endpoints, endpoint, None, max_size)
    return True
