"""Which peer record is accepted, and which replaces which.

Attacks: a forged record, or one of another network; an old record sent again, to bring back an
address or a service that is no more; two records of one sequence, one for this node and one for
others; a copy of another peer's record in an answer, to be taken for that peer. Defence: signature,
network, sequence and address are checked. Refusals are counted by reason. Only sequences are
remembered, bounded; what must last longer, also over a restart, is in the address book.

Attack: a record has a service at the address of a third party, and all who read it connect there.
Defence: it counts only in the subnet of the endpoint where the peer answered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, Protocol

from ...endpoints import Endpoint, family_of, ip_of
from ...errors import DecodeError
from ...service_values import ServiceValue, services_near
from ...wire.records import PeerRecord, record_from
from ..contract.bounded import put_newest
from ..contract.counters import Counters
from ..contract.identity import is_signed_by

MAX_SEQUENCES: Final = 4096
"""Keys whose last sequence is remembered at most."""
MAX_ELSEWHERE: Final = 256
"""Records that came from another address than they name: so many are kept at most."""


class Refused(Exception):
    """A record is not accepted; ``reason`` is a short fixed word for the counters."""

    def __init__(self, reason: str, other_port: Endpoint | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.other_port = other_port
        """The endpoint that a sound record names, where it is another port of the address that the
        record came from; told once for each record.
        """


class RecordRule(Protocol):
    elsewhere: dict[bytes, PeerRecord]

    def read(self, fields: dict[bytes, Any]) -> PeerRecord: ...

    def check(self, record: PeerRecord, source: Endpoint) -> None: ...

    def accepted(self, record: PeerRecord) -> None: ...

    def remember(self, sequences: Iterable[tuple[bytes, int]]) -> None: ...

    def services(self, record: PeerRecord, endpoint: Endpoint) -> Mapping[str, ServiceValue]:
        """Those that are believed of a peer that answered at ``endpoint`` with this record."""
        ...


class RecordRules:
    """``check`` may be called any number of times; ``accepted`` is called when a record that was
    checked came in the answer to a query of this node. A copy will do: its sequence is signed.
    """

    def __init__(
        self,
        network: bytes,
        own_key: bytes,
        on_lan: Container[Endpoint] = frozenset(),
        counters: Counters | None = None,
    ) -> None:
        """``on_lan``: endpoints of the LAN, where a peer may have a record with its public one."""
        self.elsewhere: dict[bytes, PeerRecord] = {}
        """By key: records that name another address than they came from. A NAT does that, and so
        does a node that sends a copy. They are kept for callers that ask for them, unproven.
        """
        self._network = network
        self._own_key = own_key
        self._on_lan = on_lan
        self._counters = counters
        self._latest: dict[bytes, tuple[int, bytes]] = {}
        """By key: the sequence, and a digest of the content, b"" where that is not known."""

    def read(self, fields: dict[bytes, Any]) -> PeerRecord:
        """The record in a message. Raises Refused."""
        try:
            return record_from(fields)
        except DecodeError as error:
            raise Refused(error.reason) from None

    def check(self, record: PeerRecord, source: Endpoint) -> None:
        """Raises Refused. The expensive check, of the signature, comes last, and is left out for a
        record that was accepted before.
        """
        if record.network != self._network:
            raise Refused("record-network")
        if record.key == self._own_key:
            raise Refused("record-own")
        sequence, digest = self._latest.get(record.key, (-1, b""))
        if record.sequence < sequence:
            raise Refused("record-sequence-lower")
        new = _digest(record)
        if record.sequence == sequence and digest not in (b"", new):
            raise Refused("record-sequence-equal")
        if new != digest and not is_signed_record(record.key, record.signed, record.signature):
            raise Refused("record-signature")
        named = record.endpoints.get(family_of(source), source)
        if named != source and source not in self._on_lan:
            raise Refused("record-elsewhere", self._keep_elsewhere(record, named, source))

    def accepted(self, record: PeerRecord) -> None:
        self._note(record.key, record.sequence, _digest(record))
        self.elsewhere.pop(record.key, None)

    def remember(self, sequences: Iterable[tuple[bytes, int]]) -> None:
        """From the last run: keys, each with the highest sequence that was accepted."""
        for key, sequence in sequences:
            self._note(key, sequence, b"")

    def services(self, record: PeerRecord, endpoint: Endpoint) -> Mapping[str, ServiceValue]:
        near = services_near(record.services, endpoint)
        if self._counters is not None and near is not record.services:
            self._counters.refuse("record-service-elsewhere")
        return near

    def _note(self, key: bytes, sequence: int, digest: bytes) -> None:
        put_newest(self._latest, key, (sequence, digest), MAX_SEQUENCES)

    def _keep_elsewhere(
        self, record: PeerRecord, named: Endpoint, source: Endpoint
    ) -> Endpoint | None:
        """Returns the endpoint to look for the peer at: a node with a port mapping has its record
        name the mapped port, and sends from another one. A third party's address is none: the
        sender of a record could have this node query anybody.
        """
        before = self.elsewhere.get(record.key)
        put_newest(self.elsewhere, record.key, record, MAX_ELSEWHERE)
        is_new = before is None or before.raw != record.raw
        return named if is_new and ip_of(named) == ip_of(source) else None


@lru_cache(maxsize=512)
def is_signed_record(key: bytes, signed: bytes, signature: bytes) -> bool:
    """As `is_signed_by`, which takes 50 to 100 us. The record of a peer that pushes, or that did
    not prove its key, is checked again and again; in a simulation all nodes check the same records.
    """
    return is_signed_by(key, signed, signature)


def _digest(record: PeerRecord) -> bytes:
    return hashlib.sha1(record.raw).digest()
