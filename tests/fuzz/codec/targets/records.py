"""Signed peer records."""

from __future__ import annotations

from random import Random
from typing import Any

from kadisc.core.contract.identity import Identity
from kadisc.endpoints import Family, make_endpoint
from kadisc.errors import DecodeError
from kadisc.wire import bencode
from kadisc.wire.records import (
    CONTRADICTORY,
    MALFORMED,
    MAX_RECORD_BYTES,
    OVERSIZE,
    PeerRecord,
    decode_record,
    record_from,
    to_be_signed,
    unsigned_fields,
)

from ..mutation import mutate_bencode
from ..target import Target, require

REASONS = (OVERSIZE, MALFORMED, CONTRADICTORY)


def check(data: bytes) -> None:
    try:
        record = decode_record(data)
    except DecodeError as refusal:
        require(refusal.reason in REASONS, f"unknown reason {refusal.reason}")
    else:
        require(record.raw == data, "a stored record that is not canonical")
        _holds(record)
    # As it stands in a message: keys in any order, undecoded.
    try:
        fields, is_beyond, _ = bencode.decode_any_int(data)
    except DecodeError:
        return
    if is_beyond:
        return
    try:
        record = record_from(fields)
    except DecodeError as refusal:
        require(refusal.reason in REASONS, f"unknown reason {refusal.reason}")
    else:
        _holds(record)


def _holds(record: PeerRecord) -> None:
    require(len(record.raw) <= MAX_RECORD_BYTES, "a long record")
    require(decode_record(record.raw) == record, f"{record} did not come back")
    fields: Any = bencode.decode(record.raw)
    require(bencode.decode(record.signed) | {b"sig": record.signature} == fields, "what is signed")
    require(b"sig" not in bencode.decode(record.signed), "the signature is signed")
    own = unsigned_fields(
        record.key,
        record.network,
        record.sequence,
        record.endpoints,
        {name: value for name, value in record.services.items() if not _is_long(value)},
        record.closed,
    )
    again = record_from(own | {b"sig": record.signature})
    known = (record.endpoints, record.closed, record.sequence, record.key, record.network)
    require(
        known == (again.endpoints, again.closed, again.sequence, again.key, again.network),
        f"{record} was written as {again}",
    )


def _is_long(value: int | bytes) -> bool:
    """Read, and not written yet."""
    return isinstance(value, bytes) and len(value) > 32


def seeds() -> list[bytes]:
    rng = Random(2)
    identity = Identity(rng.randbytes(32))
    v4, v6 = make_endpoint("45.1.2.3", 6881), make_endpoint("2a00:1450::1", 6882)
    found = []
    for endpoints, services, closed in (
        ({}, {}, ()),
        ({Family.IPV4: v4}, {"eth": 30303}, ()),
        ({Family.IPV4: v4, Family.IPV6: v6}, {"eth": 1, "fork": b"\xab\xcd"}, (Family.IPV6,)),
    ):
        fields = unsigned_fields(
            identity.public_key, rng.randbytes(20), 1_700_000_000_000, endpoints, services, closed
        )
        fields[b"sig"] = identity.sign(to_be_signed(fields))
        found.append(bencode.encode(fields))
    fields |= {b"via": [bytes(v4), bytes(v6)], b"zz": [1, b"new"]}
    return [*found, bencode.encode(fields)]


RECORDS = Target(
    "records",
    "DecodeError alone is raised, with one of three reasons; a stored record is canonical, and "
    "what was read is written as the same record",
    check,
    seeds,
    (b"6:closedi3e", b"3:svcd", b"3:vial", b"2:ip4:", b"1:pi6881e", b"3:ip616:", b"2:p6i1e"),
    mutate_bencode,
    max_bytes=400,
    intended_s=0.003,
    guided_by=("kadisc.wire", "kadisc.endpoints"),
    quick_runs=1500,
)
