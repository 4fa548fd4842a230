"""Answers the queries ``get`` and ``put`` (BEP 44).

Attacks: a put costs its sender nothing and this node a signature check of 50 to 100 us; and an old
version that is put again would replace a new one. Defence: a put without a token of this node for
that address and target is refused first, then one whose sequence decides the case; the remaining
signatures are checked within a budget for each subnet and one for all. A put of the version that is
stored renews it without a check.
"""

from __future__ import annotations

from typing import Final, Protocol

from ...config import CLIENT_VERSION, StoreConfig
from ...endpoints import Endpoint
from ...wire import error_codes
from ...wire.messages import Error, Get, Put, Reply
from ..contract.counters import Counters
from ..contract.identity import verify_item
from ..limits.budget import Budget, CellHash, Rate
from .item_store import ItemStore
from .tokens import TokenIssuer

PUT: Final = b"put"


class SignatureRule(Protocol):
    def may_check(self, source: Endpoint, now: float) -> bool: ...


class SignatureBudget:
    """At most ``signatures_per_s`` checks for each subnet and ``all_signatures_per_s`` in all."""

    def __init__(self, config: StoreConfig, cell_hash: CellHash) -> None:
        self._cell_hash = cell_hash
        self._checks = Budget(
            subnet=Rate(config.signatures_per_s, config.signature_burst),
            total=Rate(config.all_signatures_per_s, config.all_signatures_burst),
        )

    def may_check(self, source: Endpoint, now: float) -> bool:
        # A subnet that has used up its own budget takes nothing from the budget of all.
        return not self._checks.lacking(self._cell_hash.cells(source), 1.0, now)


class ItemService:
    """Serves the items of an `ItemStore`; `TokenIssuer` says which senders may put."""

    def __init__(
        self, store: ItemStore, tokens: TokenIssuer, signatures: SignatureRule, counters: Counters
    ) -> None:
        self.store = store
        self._tokens = tokens
        self._signatures = signatures
        self._counters = counters

    def add_item(self, reply: Reply, query: Get, source: Endpoint, now: float) -> None:
        """Adds a token, and the item if it is stored; only its sequence if the asker has the
        same version or a later one.
        """
        reply.token = self._tokens.make(PUT, source, query.target, now)
        if (item := self.store.get(query.target, now)) is None:
            return
        reply.held = item.fields()
        if item.key is not None and query.sequence is not None and item.sequence <= query.sequence:
            reply.held = {b"seq": item.sequence}

    def put(self, reply: Reply, query: Put, source: Endpoint, now: float) -> Reply | Error:
        """Stores the item and returns ``reply``, or returns the error that tells why not."""
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
