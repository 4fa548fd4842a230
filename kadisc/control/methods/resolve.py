"""``resolve``: the peer record that the owner of a key published on the DHT. See ``kadisc
resolve``.
"""

from __future__ import annotations

import msgspec

from ...core.peers.network_keys import NetworkKeys
from ...endpoints import format_endpoint
from ...net.api.arguments import key_from
from ...net.api.items import record_in
from ...net.oneshot.item_search import ItemSearch
from ...observe.services import services_document
from ...service_values import ServiceAddress, ServiceValue, services_near
from ...wire.records import PeerRecord
from ..call import Call, Method, ProgressNews
from ..units import seconds


class ResolveParams(msgspec.Struct, forbid_unknown_fields=True):
    """``key``: 64 hex digits; ``network``: null for the node's own. ``partial``: send
    ``{"progress": ...}`` as `find` does.
    """

    key: str
    network: str | None = None
    partial: bool = False


class ResolvedRecord(msgspec.Struct):
    """``record``: the whole signed record, in hex. ``found`` is false, and ``sequence`` and
    ``record`` are null, if no record of that key and network with a valid signature was found.
    """

    key: str
    network: str
    found: bool
    sequence: int | None
    endpoints: list[str]
    services: dict[str, int | str]
    record: str | None
    elapsed_s: float
    queries: int


async def _resolve(params: ResolveParams, call: Call) -> ResolvedRecord:
    key = key_from(params.key)
    network = params.network or call.node.own_network.name
    keys = NetworkKeys(network)
    search = ItemSearch(call.node, keys.record_target(key), keys.tag)
    await call.carry_out(search)
    record = record_in(search.item, key, keys.tag)
    document = ResolvedRecord(
        key=key.hex(),
        network=network,
        found=record is not None,
        sequence=None,
        endpoints=[],
        services={},
        record=None,
        elapsed_s=seconds(search.elapsed_s),
        queries=search.queries,
    )
    if record is not None:
        document.sequence = record.sequence
        document.endpoints = [format_endpoint(each) for each in record.endpoints.values()]
        document.services = services_document(_near(record))
        document.record = record.raw.hex()
    return document


def _near(record: PeerRecord) -> dict[str, ServiceValue]:
    """Its services, without those at hosts that are in the subnet of none of its endpoints: other
    nodes do not believe these.
    """
    found: dict[str, ServiceValue] = {
        name: value
        for name, value in record.services.items()
        if not isinstance(value, ServiceAddress)
    }
    for endpoint in record.endpoints.values():
        found.update(services_near(record.services, endpoint))
    return found


RESOLVE = Method("resolve", ResolveParams, ResolvedRecord, _resolve, partial=(ProgressNews,))
