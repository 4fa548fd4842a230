"""``resolve``: the peer record that the owner of a key has published on the DHT, as ``kadisc
resolve`` prints it.
"""

from __future__ import annotations

import msgspec

from ...core.peers.network_keys import NetworkKeys
from ...endpoints import format_endpoint
from ...net.api.arguments import key_from
from ...net.api.items import record_in
from ...net.oneshot.item_search import ItemSearch
from ...observe.services import services_document
from ..call import Call, Method
from ..units import seconds


class ResolveParams(msgspec.Struct, forbid_unknown_fields=True):
    """``key``: 64 hex digits; ``network``: null for the node's own. ``partial``: tell
    ``{"progress": ...}`` as `find` does.
    """

    key: str
    network: str | None = None
    partial: bool = False


class ResolvedRecord(msgspec.Struct):
    """``sequence`` and ``record`` (all of it, signed, in hex) are null where no record of that key
    and network was found whose signature holds.
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
    key, network = key_from(params.key), params.network or call.node.own_network.name
    keys = NetworkKeys(network)
    search = ItemSearch(call.node, keys.record_target(key), keys.tag)
    await call.carry_out(search)
    record = record_in(search.item, key, keys.tag)
    return ResolvedRecord(
        key.hex(),
        network,
        record is not None,
        record.sequence if record is not None else None,
        [format_endpoint(endpoint) for endpoint in record.endpoints.values()]
        if record is not None
        else [],
        services_document(record.services) if record is not None else {},
        record.raw.hex() if record is not None else None,
        seconds(search.elapsed_s),
        search.queries,
    )


RESOLVE = Method("resolve", ResolveParams, ResolvedRecord, _resolve)
