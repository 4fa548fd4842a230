"""What the two roles of a node that helps share: checks, answers and counts."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from random import Random
from typing import Final, Protocol

from ...config import CLIENT_VERSION, ReachConfig
from ...endpoints import Endpoint, Family, Scope, family_of, host_prefix, ip_of, port_of
from ...ids import NodeId
from ...wire import error_codes
from ...wire.messages import Error, Reply
from ...wire.reach import MIN_PORT
from ..addressing.external_address import Confidence
from ..addressing.policy import AddressPolicy
from ..contract.counters import Counters
from ..dht import Dht
from ..limits.contacted import ContactedHostsRule
from .help_budgets import HelpBudgetRule
from .helpers import HelperSource

TEXTS: Final = {
    error_codes.GENERIC: "another network",
    error_codes.SERVER: "busy",
    error_codes.PROTOCOL: "not an address to test",
    error_codes.METHOD_UNKNOWN: "method unknown",
}


class HelpOutcome(enum.Enum):
    """What came of a query for help, as it is counted."""

    OFF = "off"  # this node does not help
    OTHER_NETWORK = "other-network"
    TOKEN = "token"  # it had no valid token, and got one
    BARRED = "barred"  # an address or a port that is not tested, or an unsound record
    REPEATED = "repeated"
    KNOWN = "known"  # the target answered, but it had to do with this node before
    BUSY = "busy"  # a budget is used up, or too much is under way
    NO_WITNESS = "no-witness"
    STARTED = "started"
    ANSWERED = "answered"  # the target answered, or accepted the connection
    UNANSWERED = "unanswered"
    GAVE_UP = "gave-up"  # no witness has replied in time


class HelpTokenRule(Protocol):
    """The tokens of gossip: who shows one receives at its endpoint."""

    def make(self, asker: Endpoint, now: float) -> bytes: ...

    def accepts(self, token: bytes | None, asker: Endpoint, now: float) -> bool: ...


class HelpContext:
    __slots__ = (
        "budgets",
        "config",
        "contacted",
        "counters",
        "dhts",
        "own_key",
        "rng",
        "scopes",
        "sources",
        "tag",
        "tokens",
    )

    def __init__(
        self,
        config: ReachConfig,
        tag: bytes,
        own_key: bytes,
        rng: Random,
        dhts: Mapping[Family, Dht],
        scopes: AddressPolicy,
        counters: Counters,
        tokens: HelpTokenRule,
        sources: HelperSource,
        contacted: ContactedHostsRule,
        budgets: HelpBudgetRule,
    ) -> None:
        """``tag``: of the own network. ``sources``: the peers that may be witnesses."""
        self.config = config
        self.tag = tag
        self.own_key = own_key
        self.rng = rng
        self.dhts = dhts
        self.scopes = scopes
        self.counters = counters
        self.tokens = tokens
        self.sources = sources
        self.contacted = contacted
        self.budgets = budgets

    def own_id(self, like: Endpoint) -> NodeId:
        """The own ID in the family of an endpoint."""
        return self.dhts[family_of(like)].own_id

    def own_ip(self, family: Family) -> bytes | None:
        """The own address, as far as it is known."""
        address = self.dhts[family].parts.address
        return None if address.confidence is Confidence.UNKNOWN else address.ip

    def may_test(self, endpoint: Endpoint) -> bool:
        """Whether anything is sent to that endpoint because another node asks for it: it is public,
        its port is that of no well-known service, and it is not this node's own host, which no test
        from here says anything of.
        """
        scopes = self.scopes
        if (
            scopes.of(endpoint) is not Scope.PUBLIC
            or port_of(endpoint) < MIN_PORT
            or scopes.is_barred(endpoint)
        ):
            return False
        own_ip = self.own_ip(family_of(endpoint))
        return own_ip is None or not self.is_same_host(Endpoint(own_ip + b"\1\1"), endpoint)

    @staticmethod
    def is_same_host(one: Endpoint, other: Endpoint) -> bool:
        return len(one) == len(other) and host_prefix(one) == host_prefix(other)

    def reply(self, tid: bytes, source: Endpoint) -> Reply:
        return Reply(tid, self.own_id(source), seen_as=source, version=CLIENT_VERSION)

    def error(self, tid: bytes, code: int, source: Endpoint) -> Error:
        return Error(tid, code, TEXTS[code], CLIENT_VERSION, source)

    def busy(self, tid: bytes, source: Endpoint) -> Error:
        return self.error(tid, error_codes.SERVER, source)

    def count(self, method: str, outcome: HelpOutcome) -> None:
        self.counters.help_served(method, outcome.value)


def at_port(endpoint: Endpoint, port: int) -> Endpoint:
    """The same address with another port."""
    return Endpoint(ip_of(endpoint) + port.to_bytes(2, "big"))
