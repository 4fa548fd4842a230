"""``get`` and ``put`` (BEP 44), as others ask for them.

The attacks: a put costs its sender nothing and us a signature check of 50 to 100 us; and an old
version put again takes a new one back. So nothing is looked at without a token of ours for that
address and target, what a look at the sequence can settle is settled by that, and signatures are
checked within a budget for each network and one for all. The version that is here already is
renewed without a check.
"""

from __future__ import annotations

from typing import Final, Protocol

from ...config import CLIENT_VERSION, CoreConfig
from ...endpoints import Endpoint
from ...wire import error_codes
from ...wire.messages import Error, Get, Put, Reply
from ..addressing.policy import AddressPolicy
from ..contract.counters import Counters
from ..contract.identity import verify_item
from ..limits.prefix_limiter import PrefixLimiter
from .item_store import ItemStore
from .tokens import TokenJar

PUT: Final = b"put"
_ALL: Final = b""


class SignatureRule(Protocol):
    def may_check(self, source: Endpoint, now: float) -> bool: ...


class SignatureBudget:
    def __init__(self, config: CoreConfig, scopes: AddressPolicy) -> None:
        store = config.store
        self._scopes = scopes
        self._each = PrefixLimiter(
            store.signatures_per_s, store.signature_burst, config.serving.max_limited_prefixes
        )
        self._all = PrefixLimiter(store.all_signatures_per_s, store.all_signatures_burst, 1)

    def may_check(self, source: Endpoint, now: float) -> bool:
        # Each network's first: what it may not have any more, it does not take from the others.
        return self._each.take(self._scopes.subnet(source), now) and self._all.take(_ALL, now)


class EverySignature:
    """What the budget is measured against."""

    def may_check(self, source: Endpoint, now: float) -> bool:
        return True


class ItemService:
    def __init__(
        self, store: ItemStore, tokens: TokenJar, signatures: SignatureRule, counters: Counters
    ) -> None:
        self.store = store
        self._tokens = tokens
        self._signatures = signatures
        self._counters = counters

    def add_item(self, reply: Reply, query: Get, source: Endpoint, now: float) -> None:
        reply.token = self._tokens.make(PUT, source, query.target, now)
        if (item := self.store.get(query.target, now)) is None:
            return
        reply.held = item.fields()
        if item.key is not None and query.sequence is not None and item.sequence <= query.sequence:
            reply.held = {b"seq": item.sequence}

    def put(self, reply: Reply, query: Put, source: Endpoint, now: float) -> Reply | Error:
        item, target = query.item, query.item.target
        if not self._tokens.accepts(query.token, PUT, source, target, now):
            return self._refuse(
                reply, error_codes.PROTOCOL, "token is wrong or too old", "put-token"
            )
        before = self.store.get(target, now)
        if item.key is not None and before is not None:
            if query.cas is not None and query.cas != before.sequence:
                return self._refuse(
                    reply,
                    error_codes.CAS_MISMATCH,
                    "the sequence here is another than cas",
                    "put-cas",
                )
            if item.sequence < before.sequence or (
                item.sequence == before.sequence and item.value != before.value
            ):
                return self._refuse(
                    reply,
                    error_codes.SEQUENCE_TOO_LOW,
                    "the sequence here is as high or higher",
                    "put-sequence",
                )
        if item.key is not None and item != before:
            if not self._signatures.may_check(source, now):
                return self._refuse(
                    reply,
                    error_codes.SERVER,
                    "too many signatures to check: try again later",
                    "put-budget",
                )
            if not verify_item(item):
                return self._refuse(
                    reply, error_codes.BAD_SIGNATURE, "the signature is wrong", "put-signature"
                )
        if (refusal := self.store.put(target, item, source, now)) is not None:
            return self._refuse(reply, error_codes.SERVER, refusal, refusal)
        return reply

    def _refuse(self, reply: Reply, code: int, text: str, reason: str) -> Error:
        self._counters.refuse(reason)
        return Error(reply.tid, code, text, CLIENT_VERSION, reply.seen_as)
