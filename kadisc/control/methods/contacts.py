"""``contacts``: verified nodes of the routing table, such as another node can begin at."""

from __future__ import annotations

import msgspec
import trio

from ...core.snapshot import EntrySnapshot
from ...endpoints import format_endpoint
from ...ids import format_id
from ...observe.clients import describe_client
from ..call import Call, Method
from ..units import milliseconds
from .find import Count, target_from


class ContactsParams(msgspec.Struct, forbid_unknown_fields=True):
    """At most ``count`` in each address family: those closest to ``target`` (40 hex digits), or if
    it is null those that answered last.
    """

    target: str | None = None
    count: Count = 50


class KnownContact(msgspec.Struct):
    """``endpoint``: ``host`` and ``port`` in one, an IPv6 address in brackets. ``verified_s_ago``:
    seconds since it last answered. ``rtt_ms`` and ``client`` are null if they are not known.
    """

    id: str
    endpoint: str
    host: str
    port: int
    family: str
    verified_s_ago: float
    rtt_ms: float | None
    client: str | None


class ContactsDocument(msgspec.Struct):
    """The contacts that answered lately, of all families; a temporary node can begin at them."""

    contacts: list[KnownContact]


async def _contacts(params: ContactsParams, call: Call) -> ContactsDocument:
    await trio.lowlevel.checkpoint()
    target = None if params.target is None else target_from(params.target)

    def order(entry: EntrySnapshot) -> float:
        return entry.verified_s_ago if target is None else entry.contact.id ^ target

    found: list[KnownContact] = []
    for dht in call.node.snapshot().dhts:
        entries = [entry for bucket in dht.buckets for entry in bucket.entries]
        found += [_known(entry) for entry in sorted(entries, key=order)[: params.count]]
    return ContactsDocument(found)


def _known(entry: EntrySnapshot) -> KnownContact:
    contact = entry.contact
    return KnownContact(
        format_id(contact.id),
        format_endpoint(contact.endpoint),
        contact.host,
        contact.port,
        contact.family.value,
        round(entry.verified_s_ago, 1),
        milliseconds(entry.rtt_s),
        describe_client(entry.client),
    )


CONTACTS = Method("contacts", ContactsParams, ContactsDocument, _contacts)
