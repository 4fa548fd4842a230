"""``set_service``: offers, changes or withdraws a service of the running node."""

from __future__ import annotations

import msgspec
import trio

from ...errors import UsageError
from ...observe.services import service_value, services_document
from ..call import Call, Method


class SetServiceParams(msgspec.Struct, forbid_unknown_fields=True):
    """``name``: letters and digits. ``value``: a port, HOST:PORT of another host in the /24 (IPv6
    /48) of this node, ``0x`` and hex digits, or null, which withdraws the service. It holds until
    the node stops; the configuration stays as it is.
    """

    name: str
    value: int | str | None


class ServicesDocument(msgspec.Struct):
    """``sequence``: of the record, a new one if anything changed. ``services``: what the node
    offers now, with the ports of this machine.
    """

    sequence: int
    services: dict[str, int | str]


async def _set_service(params: SetServiceParams, call: Call) -> ServicesDocument:
    await trio.lowlevel.checkpoint()
    value = None
    if params.value is not None:
        try:
            value = service_value(str(params.value))
        except ValueError as error:
            raise UsageError(f"{params.name}: {error}") from None
    sequence = call.node.set_service(params.name, value)
    return ServicesDocument(sequence, services_document(call.node.services))


SET_SERVICE = Method("set_service", SetServiceParams, ServicesDocument, _set_service, writes=True)
