"""Which record may be believed, and which replaces which.

The attacks: a record that was made up, or is of another network; an old one sent again, to bring
back an address or a service that is no more; two of one sequence, one for us and one for others;
somebody else's, word for word, in one's own answer, to be taken for him. What is refused is counted
by name. Only sequences are remembered, bounded; what must outlive that and a restart is in the
address book.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final, Protocol

from ...endpoints import Endpoint, family_of
from ...errors import DecodeError
from ...wire.records import PeerRecord, record_from
from ..contract.identity import is_signed_by

MAX_SEQUENCES: Final = 4096
MAX_ELSEWHERE: Final = 256


class Refused(Exception):
    """A record may not be believed; ``reason`` is a short fixed word for the counters."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RecordRule(Protocol):
    elsewhere: dict[bytes, PeerRecord]

    def read(self, fields: dict[bytes, Any]) -> PeerRecord: ...

    def check(self, record: PeerRecord, source: Endpoint) -> None: ...

    def accepted(self, record: PeerRecord) -> None: ...

    def remember(self, sequences: Iterable[tuple[bytes, int]]) -> None: ...


class RecordRules:
    """``check`` may be asked again and again; ``accepted`` is told when a record came from its
    owner, in answer to a query of ours.
    """

    def __init__(self, network: bytes, own_key: bytes) -> None:
        self.elsewhere: dict[bytes, PeerRecord] = {}
        """By key: records that name another address than they came from. A NAT does that, or a
        thief; kept for whoever asks, never proven.
        """
        self._network = network
        self._own_key = own_key
        self._latest: dict[
            bytes, tuple[int, bytes]
        ] = {}  # by key: the sequence, and a digest of the content (b"" where that is not known)

    def read(self, fields: dict[bytes, Any]) -> PeerRecord:
        """The record in a message. Raises Refused."""
        try:
            return record_from(fields)
        except DecodeError as error:
            raise Refused(error.reason) from None

    def check(self, record: PeerRecord, source: Endpoint) -> None:
        """Raises Refused; the dear part, the signature, comes last, and is not looked at again for
        the record that we have already.
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
        if new != digest and not is_signed_by(record.key, record.signed, record.signature):
            raise Refused("record-signature")
        if record.endpoints.get(family_of(source), source) != source:
            self._keep_elsewhere(record)
            raise Refused("record-elsewhere")

    def accepted(self, record: PeerRecord) -> None:
        self._note(record.key, record.sequence, _digest(record))
        self.elsewhere.pop(record.key, None)

    def remember(self, sequences: Iterable[tuple[bytes, int]]) -> None:
        """From the last run: by key, the highest sequence that was accepted."""
        for key, sequence in sequences:
            self._note(key, sequence, b"")

    def _note(self, key: bytes, sequence: int, digest: bytes) -> None:
        self._latest.pop(key, None)
        self._latest[key] = sequence, digest
        if len(self._latest) > MAX_SEQUENCES:
            del self._latest[next(iter(self._latest))]

    def _keep_elsewhere(self, record: PeerRecord) -> None:
        self.elsewhere.pop(record.key, None)
        self.elsewhere[record.key] = record
        if len(self.elsewhere) > MAX_ELSEWHERE:
            del self.elsewhere[next(iter(self.elsewhere))]


class AnyRecord:
    """What the rules are measured against: a record that can be read is believed."""

    def __init__(self) -> None:
        self.elsewhere: dict[bytes, PeerRecord] = {}

    def read(self, fields: dict[bytes, Any]) -> PeerRecord:
        try:
            return record_from(fields)
        except DecodeError as error:
            raise Refused(error.reason) from None

    def check(self, record: PeerRecord, source: Endpoint) -> None:
        pass

    def accepted(self, record: PeerRecord) -> None:
        pass

    def remember(self, sequences: Iterable[tuple[bytes, int]]) -> None:
        pass


def _digest(record: PeerRecord) -> bytes:
    return hashlib.sha1(record.raw).digest()
