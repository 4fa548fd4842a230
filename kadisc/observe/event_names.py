"""The events that programs can subscribe to, by name: those that an operator wants to read, and
finer ones, of which a busy node has many.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ..contacts import Contact
from ..core.contract.events import (
    AddressChanged,
    CameOnline,
    ContactAdded,
    ContactRemoved,
    Joined,
    NatKindChanged,
    OwnAddressShared,
    PeerLost,
    PeersBeyondCaps,
    PeerVerified,
    ReachabilityChanged,
    RecordChanged,
    ServiceTested,
    SuspiciousLookup,
    WentOffline,
)
from ..endpoints import format_endpoint
from ..errors import UsageError
from ..ids import format_id
from ..wire.records import decode_record
from .describe import NOTABLE, Notable, level_of, record_of, words_for
from .log_stamp import INFO, stamped
from .services import services_document
from .shell_events import (
    BootstrapFailing,
    BootstrapWorking,
    ControlSocketMissing,
    ControlSocketRemade,
    HostUnresolved,
    LanChanged,
    MappingChanged,
    NetworkChanged,
    NoContactsLeft,
    NothingToJoin,
    SelfCheckFailed,
    SocketBack,
    SocketLost,
    StateDamaged,
    StateFolderRemade,
    StateKeptBack,
    StateSaved,
    StateSetAside,
    StateUnsaved,
)

Fine = ContactAdded | ContactRemoved | RecordChanged

EVENTS: Final[Mapping[str, type[Notable] | type[Fine]]] = {
    "joined": Joined,
    "offline": WentOffline,
    "online": CameOnline,
    "reachability_changed": ReachabilityChanged,
    "nat_kind_changed": NatKindChanged,
    "service_tested": ServiceTested,
    "mapping_changed": MappingChanged,
    "no_contacts": NoContactsLeft,
    "nothing_to_join": NothingToJoin,
    "address_changed": AddressChanged,
    "peers_beyond_caps": PeersBeyondCaps,
    "own_address_shared": OwnAddressShared,
    "peer_verified": PeerVerified,
    "peer_lost": PeerLost,
    "bootstrap_failing": BootstrapFailing,
    "bootstrap_working": BootstrapWorking,
    "host_unresolved": HostUnresolved,
    "lan_changed": LanChanged,
    "network_changed": NetworkChanged,
    "socket_lost": SocketLost,
    "socket_back": SocketBack,
    "state_unsaved": StateUnsaved,
    "state_saved": StateSaved,
    "state_folder_remade": StateFolderRemade,
    "control_socket_remade": ControlSocketRemade,
    "control_socket_missing": ControlSocketMissing,
    "state_set_aside": StateSetAside,
    "state_damaged": StateDamaged,
    "state_kept_back": StateKeptBack,
    "self_check_failed": SelfCheckFailed,
    "suspicious_lookup": SuspiciousLookup,
    "record_changed": RecordChanged,
    "contact_added": ContactAdded,
    "contact_removed": ContactRemoved,
}


def types_of(names: Iterable[str] | None) -> tuple[type[Notable] | type[Fine], ...]:
    """The types of the events of these names; None stands for all that an operator wants to read.
    Raises UsageError.
    """
    if names is None:
        return NOTABLE
    found = []
    for name in names:
        if name not in EVENTS:
            raise UsageError(f"there is no event {name[:100]!r}; there are {', '.join(EVENTS)}")
        found.append(EVENTS[name])
    if not found:
        raise UsageError("types: name one event or more, or leave it out")
    return tuple(found)


def event_document(event: Notable | Fine) -> dict[str, object]:
    """The JSON object of an event, with its time and level, and ``message``: the event in words."""
    match event:
        case ContactAdded(contact, bucket):
            where = {"id": format_id(contact.id), "endpoint": format_endpoint(contact.endpoint)}
            document = {"event": "contact_added", **where, "bucket": bucket}
            return stamped(INFO, document | {"message": _contact_words(contact, bucket)})
        case ContactRemoved(contact, bucket, reason):
            where = {"id": format_id(contact.id), "endpoint": format_endpoint(contact.endpoint)}
            document = {"event": "contact_removed", **where, "bucket": bucket, "reason": reason}
            message = f"{_contact_words(contact, bucket)}: {reason}"
            return stamped(INFO, document | {"message": message})
        case RecordChanged(sequence, record):
            read = decode_record(record)
            return stamped(
                INFO,
                {
                    "event": "record_changed",
                    "sequence": sequence,
                    "endpoints": [format_endpoint(each) for each in read.endpoints.values()],
                    "services": services_document(read.services),
                    "message": f"the own record has sequence {sequence} now",
                },
            )
    document = {**record_of(event), "message": words_for(event)[1]}
    return stamped(level_of(event), document)


def _contact_words(contact: Contact, bucket: int) -> str:
    endpoint = format_endpoint(contact.endpoint)
    return f"{format_id(contact.id)[:8]} at {endpoint}, bucket {bucket}"
