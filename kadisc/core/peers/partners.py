"""With whom we can gossip: who speaks it, whose token we have, what each was told of us, and with
whom it is over.
"""

from __future__ import annotations

from typing import Final

from ...endpoints import Endpoint
from ...config import GossipConfig

OUR_CLIENT: Final = b"KD"
"""How ``v`` begins where gossip is spoken."""
TOKEN_FRESH_S: Final = 280.0
"""A token is good for 5 minutes at least (BEP 5); some of that is on the way."""
OVER_S: Final = 86_400.0
MAX_OVER: Final = 4096
MAX_MET_IN_LOOKUPS: Final = 256


class Partners:
    def __init__(self, config: GossipConfig) -> None:
        self._config = config
        self._tokens: dict[Endpoint, tuple[bytes, float]] = {}
        self._told: dict[Endpoint, int] = {}
        self._over: dict[Endpoint, float] = {}
        self._speakers: dict[Endpoint, None] = {}
        self._met_in_lookups: dict[Endpoint, None] = {}

    @staticmethod
    def speaks(version: bytes | None) -> bool:
        return version is not None and version.startswith(OUR_CLIENT)

    def heard_speaking(self, endpoint: Endpoint) -> None:
        """It answered a query of ours, of whatever kind, or gossiped to us."""
        _note(self._speakers, endpoint, self._config.max_partners_kept)

    def met(self, endpoint: Endpoint) -> bool:
        """It speaks gossip and was met in a lookup or in the table: chance has chosen it, and not
        itself. Whether that is news.
        """
        self.heard_speaking(endpoint)
        return _note(self._met_in_lookups, endpoint, MAX_MET_IN_LOOKUPS)

    def is_silent(self, endpoint: Endpoint) -> None:
        """It did not answer."""
        self._speakers.pop(endpoint, None)
        self._met_in_lookups.pop(endpoint, None)

    def is_speaker(self, endpoint: Endpoint) -> bool:
        return endpoint in self._speakers

    def met_in_lookups(self) -> list[Endpoint]:
        return list(self._met_in_lookups)

    def gave_token(self, endpoint: Endpoint, token: bytes, now: float) -> None:
        self._tokens.pop(endpoint, None)
        self._tokens[endpoint] = token, now + TOKEN_FRESH_S
        if len(self._tokens) > self._config.max_partners_kept:
            del self._tokens[next(iter(self._tokens))]

    def token_of(self, endpoint: Endpoint, now: float) -> bytes | None:
        token, until = self._tokens.get(endpoint, (None, now))
        return token if now < until else None

    def forget_tokens(self) -> None:
        """They were for the address that we had."""
        self._tokens.clear()

    def told(self, endpoint: Endpoint, sequence: int) -> None:
        """It has our record of this sequence."""
        self._told.pop(endpoint, None)
        self._told[endpoint] = sequence
        if len(self._told) > self._config.max_partners_kept:
            del self._told[next(iter(self._told))]

    def lacks(self, endpoint: Endpoint, sequence: int) -> bool:
        return self._told.get(endpoint, -1) < sequence

    def end(self, endpoint: Endpoint, now: float, for_s: float = OVER_S) -> None:
        """It does not speak gossip, or not of our network: it is not bothered again."""
        self.is_silent(endpoint)
        self._tokens.pop(endpoint, None)
        self._over.pop(endpoint, None)
        self._over[endpoint] = now + for_s
        if len(self._over) > MAX_OVER:
            del self._over[next(iter(self._over))]

    def is_blocked(self, endpoint: Endpoint, now: float) -> bool:
        return now < self._over.get(endpoint, now)

    def begins_anew(self, endpoint: Endpoint) -> None:
        """It came to us with our network's name."""
        self._over.pop(endpoint, None)


def _note(noted: dict[Endpoint, None], endpoint: Endpoint, at_most: int) -> bool:
    if endpoint in noted:
        return False
    noted[endpoint] = None
    if len(noted) > at_most:
        del noted[next(iter(noted))]
    return True
