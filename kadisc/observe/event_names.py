"""The events that programs can subscribe to, by name: those that an operator wants to read, and
finer ones, of which a busy node has many.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, get_args

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
from ..errors import UsageError
from .admin_events import Administered, ConfigReloaded, ReloadRefused
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
    ShellEvent,
    SocketBack,
    SocketLost,
    StateDamaged,
    StateFolderRemade,
    StateKeptBack,
    StateSaved,
    StateSetAside,
    StateUnsaved,
)

Notable = (
    AddressChanged
    | CameOnline
    | Joined
    | NatKindChanged
    | OwnAddressShared
    | PeerLost
    | PeersBeyondCaps
    | PeerVerified
    | ReachabilityChanged
    | ServiceTested
    | SuspiciousLookup
    | WentOffline
    | ShellEvent
)
NOTABLE: tuple[type[Notable], ...] = get_args(Notable)
"""The events that an operator wants to read: few, but for the peers of a large network."""

Fine = ContactAdded | ContactRemoved | RecordChanged
FINE: tuple[type[Fine], ...] = get_args(Fine)
"""The finer ones."""

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
    "administered": Administered,
    "config_reloaded": ConfigReloaded,
    "reload_refused": ReloadRefused,
    "suspicious_lookup": SuspiciousLookup,
    "record_changed": RecordChanged,
    "contact_added": ContactAdded,
    "contact_removed": ContactRemoved,
}
"""The one list of their names."""
NAME_OF: Final[Mapping[type, str]] = {kind: name for name, kind in EVENTS.items()}


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
