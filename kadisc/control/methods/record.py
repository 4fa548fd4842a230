"""``record``: the node's own signed peer record, as its peers get it."""

from __future__ import annotations

import msgspec
import trio

from ...endpoints import format_endpoint
from ...observe.services import services_document
from ...wire.records import decode_record
from ..call import Call, Method


class RecordParams(msgspec.Struct, forbid_unknown_fields=True):
    """No params."""


class OwnRecordDocument(msgspec.Struct):
    """``key``: 64 hex digits. ``endpoints``: empty while the node's own address is unknown.
    ``services``: as in the record; ``offered``: the same with the ports of this machine, which a
    router may map to others. ``record``: the whole signed record, in hex.
    """

    network: str
    key: str
    sequence: int
    endpoints: list[str]
    services: dict[str, int | str]
    bytes: int
    record: str
    offered: dict[str, int | str] = {}


async def _record(params: RecordParams, call: Call) -> OwnRecordDocument:
    await trio.lowlevel.checkpoint()
    raw = call.node.record
    record = decode_record(raw)
    return OwnRecordDocument(
        call.node.own_network.name,
        record.key.hex(),
        record.sequence,
        [format_endpoint(endpoint) for endpoint in record.endpoints.values()],
        services_document(record.services),
        len(raw),
        raw.hex(),
        services_document(call.node.services),
    )


RECORD = Method("record", RecordParams, OwnRecordDocument, _record)
