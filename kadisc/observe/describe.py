"""Events as text for people and as JSON records for programs."""

from __future__ import annotations

from typing import Final

import msgspec

from ..core.contract.events import (
    AddressChanged,
    CameOnline,
    Joined,
    NatKindChanged,
    OwnAddressShared,
    PeerLost,
    PeersBeyondCaps,
    PeerVerified,
    ReachabilityChanged,
    ServiceTested,
    SuspiciousLookup,
    WentOffline,
)
from ..core.contract.reach_verdict import MAPPED, ReachVerdict
from ..endpoints import Family, format_endpoint, format_ip, format_subnet
from ..ids import format_id
from .admin_events import (
    Administered,
    ConfigReloaded,
    ReloadRefused,
    admin_fields,
    admin_words,
)
from .event_names import NAME_OF, Notable
from .lan import LanInterfaceSnapshot, lan_words
from .log_stamp import INFO, WARNING
from .mappings import mapping_document, mapping_words
from .peer_document import peer_document
from .services import services_document, services_words
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

_WARNINGS: Final = (
    BootstrapFailing,
    ControlSocketMissing,
    ControlSocketRemade,
    ReloadRefused,
    HostUnresolved,
    NoContactsLeft,
    NothingToJoin,
    OwnAddressShared,
    PeersBeyondCaps,
    SelfCheckFailed,
    SocketLost,
    StateDamaged,
    StateFolderRemade,
    StateKeptBack,
    StateSetAside,
    StateUnsaved,
    SuspiciousLookup,
    WentOffline,
)
_CHANGED: Final = {
    "addresses": "the addresses of this machine changed",
    "source": "this machine sends from another address",
    "gateway": "this machine has another gateway",
    "router": "the router has another address",
}
_NAT: Final = {
    "none": "no NAT: this node has its external address itself",
    "open": "a NAT that keeps the port and lets strangers in",
    "restricted": "a NAT or firewall that lets in only hosts that this node has contacted",
    "dependent": "a NAT that uses another port towards each host (symmetric NAT)",
    "double": "two NATs, or that of the provider: the router has no public address",
    "unknown": "the kind of NAT is not known",
}
_ANSWERS: Final = {"open": "open", "closed": "closed", "unsure": "not surely open"}
_LOST: Final = {
    "silent": "no answer",
    "moved": "it has another endpoint now",
    "replaced": "another peer has its endpoint now",
    "refused": "its record is no longer valid",
    "unproven": "it does not prove its key any more",
    "surplus": "beyond the number of peers that are kept",
    "goodbye": "it said that it stops",
    "banned": "the operator excludes its address",
    "feedback": "held back by feedback",
    "services": "it no longer has the services that are wanted",
    "unreachable": "its TCP port accepts no connection",
    "forgotten": "it was out of use for long",
}


def reason_words(reason: str) -> str:
    """Why a peer is lost."""
    return _LOST.get(reason, reason)


def level_of(event: Notable) -> str:
    """``warning`` for what an operator may have to do something about, otherwise ``info``."""
    match event:
        case ReachabilityChanged(verdict=ReachVerdict.NO) | ServiceTested(answer="closed"):
            return WARNING
    return WARNING if isinstance(event, _WARNINGS) else INFO


def record_of(event: Notable) -> dict[str, object]:
    """The event as a JSON object; ``event`` is its name."""
    return {"event": NAME_OF[type(event)], **fields_of(event)}


def fields_of(event: Notable) -> dict[str, object]:
    """The event as a JSON object, without its name."""
    match event:
        case Administered() | ConfigReloaded() | ReloadRefused():
            return admin_fields(event)
        case Joined(family, verified):
            return {"family": family.value, "contacts": verified}
        case WentOffline(family):
            return {"family": family.value}
        case CameOnline(family):
            return {"family": family.value}
        case BootstrapFailing(family, reason):
            return {"family": family.value, "reason": reason}
        case BootstrapWorking(family):
            return {"family": family.value}
        case HostUnresolved(host, reason):
            return {"host": host, "reason": reason}
        case LanChanged(interface, members, others):
            counts = {"members": members, "others": others}
            return {"interface": interface, **counts}
        case MappingChanged(mapping):
            return {"mapping": mapping_document(mapping)}
        case NetworkChanged(slept_s, cause, families):
            return {
                "cause": cause,
                "families": [family.value for family in families],
                "slept_s": round(slept_s, 1),
            }
        case SocketLost(family, own):
            return {"family": family.value, "endpoint": format_endpoint(own)}
        case SocketBack(family, own):
            return {"family": family.value, "endpoint": format_endpoint(own)}
        case AddressChanged(family, ip, port, own_id, voters):
            where = {"family": family.value, "host": format_ip(ip), "port": port}
            return {**where, "id": format_id(own_id), "voters": voters}
        case ReachabilityChanged(family, verdict, endpoint, how):
            return {
                "family": family.value,
                "verdict": verdict.value,
                "endpoint": format_endpoint(endpoint) if endpoint is not None else None,
                "how": how,
            }
        case NatKindChanged(family, kind):
            return {"family": family.value, "nat": kind}
        case ServiceTested(service, port, answer, accepted, asked):
            return {
                "service": service,
                "port": port,
                "answer": answer,
                "accepted": accepted,
                "asked": asked,
            }
        case SuspiciousLookup(target, family, network_size, answered, region):
            return {
                "family": family.value,
                "target": format_id(target),
                "network_size": round(network_size),
                "answered": answered,
                "region": region,
            }
        case NoContactsLeft(family):
            return {"family": family.value}
        case NothingToJoin():
            return {}
        case PeersBeyondCaps(prefix, peers, beyond_caps, per_subnet):
            return {
                "subnet": format_subnet(prefix),
                "peers": peers,
                "beyond_caps": beyond_caps,
                "per_subnet": per_subnet,
            }
        case OwnAddressShared(own, other):
            return {
                "endpoint": format_endpoint(own),
                "other": format_endpoint(other),
            }
        case StateUnsaved(reason):
            return {"reason": reason}
        case PeerVerified(peer):
            return {"peer": msgspec.to_builtins(peer_document(peer))}
        case PeerLost(peer, reason):
            where = {"key": peer.key.hex(), "endpoint": format_endpoint(peer.endpoint)}
            return {**where, "reason": reason}
        case SelfCheckFailed(what):
            return {"what": what}
        case StateSaved():
            return {}
        case StateFolderRemade(folder):
            return {"folder": folder}
        case ControlSocketRemade(path):
            return {"path": path}
        case ControlSocketMissing(reason):
            return {"reason": reason}
        case StateSetAside(file, renamed_to, reason):
            return {
                "file": file,
                "renamed_to": renamed_to,
                "reason": reason,
            }
        case StateDamaged(file, reason):
            return {"file": file, "reason": reason}
        case StateKeptBack(unclean_starts, without_book):
            return {
                "unclean_starts": unclean_starts,
                "without_book": without_book,
            }


def reason_of(event: Notable) -> str:
    """What tells events of one kind apart where the number of their lines is limited."""
    match event:
        case Administered(action, subject):
            return f"{action} {subject}"
        case ReachabilityChanged(verdict=verdict):
            return verdict.value
        case ServiceTested(service, _, answer):
            return f"{service} {answer}"
        case NatKindChanged(kind=kind):
            return kind
        case NetworkChanged(cause=cause):
            return cause
        case MappingChanged(mapping):
            return mapping.state
        case SelfCheckFailed(what):
            return what.partition(":")[0]
    return str(getattr(event, "reason", ""))


def words_for(event: Notable) -> tuple[str, str]:
    """A short name and a line of text."""
    match event:
        case Administered() | ConfigReloaded() | ReloadRefused():
            return admin_words(event)
        case Joined() | WentOffline() | CameOnline() | AddressChanged() | NoContactsLeft():
            name, words = _family_words(event)
            return name, f"{family_name(event.family)}: {words}"
        case ReachabilityChanged(family):
            return "reach", f"{family_name(family)}: {_reachability_words(event)}"
        case NatKindChanged(family, kind):
            return "nat", f"{family_name(family)}: {_NAT.get(kind, kind)}"
        case ServiceTested(service, port, answer, accepted, asked):
            return (
                "service",
                f"{service}: TCP port {port} is {_ANSWERS.get(answer, answer)} from outside: "
                f"{accepted} of {count(asked, 'helper')} got a connection",
            )
        case SuspiciousLookup(target, family, network_size, answered):
            return (
                "lookup",
                f"{family_name(family)}: more nodes are near {format_id(target)[:16]} than in a "
                f"network of some {network_size:.0f} nodes: probably forged; "
                f"{count(answered, 'node')} asked instead of the closest alone",
            )
        case PeersBeyondCaps(prefix, peers, beyond_caps, per_subnet):
            subnet = format_subnet(prefix)
            return "limits", words_for_crowded(subnet, peers, beyond_caps, per_subnet)
        case OwnAddressShared(_, other):
            return (
                "limits",
                f"another node of this network is at the address of this one, at "
                f"{format_endpoint(other)}; other nodes keep one node per address, and give one of "
                f"the two last; an address of its own for each lifts that",
            )
        case PeerVerified(peer):
            services = services_words(services_document(peer.services))
            details = ", ".join((f"key {peer.key.hex()[:16]}", *([services] if services else [])))
            return "peer", f"found {format_endpoint(peer.endpoint)} ({details})"
        case PeerLost(peer, reason):
            where = f"{format_endpoint(peer.endpoint)} (key {peer.key.hex()[:16]})"
            return "peer", f"lost {where}: {_LOST.get(reason, reason)}"
        case BootstrapFailing(family, reason):
            return "bootstrap", f"{family_name(family)}: {reason}; retrying in the background"
        case BootstrapWorking(family):
            return "bootstrap", f"{family_name(family)}: a bootstrap node answered"
        case HostUnresolved(_, reason):
            return "bootstrap", f"{reason}; retrying in the background"
        case NothingToJoin():
            return (
                "bootstrap",
                "no bootstrap node, static peer or saved contact: waiting for another node to join "
                "by this one; to join a network, start with --bootstrap HOST:PORT of a node of it",
            )
        case LanChanged(interface, members, others):
            return "lan", lan_words(LanInterfaceSnapshot(interface, members, others))
        case MappingChanged(mapping):
            return "mapping", f"{family_name(mapping.family)}: {mapping_words(mapping)}"
        case NetworkChanged():
            return "network", _network_changed_words(event)
        case SocketLost(_, endpoint):
            return (
                "socket",
                f"{format_endpoint(endpoint)} is closed: no interface has that address any more; "
                "retrying in the background",
            )
        case SocketBack(_, endpoint):
            return "socket", f"{format_endpoint(endpoint)} is open again"
        case StateUnsaved(reason):
            return "state", f"{reason}; state is not saved, retrying in the background"
        case StateSaved():
            return "state", "state is saved again"
        case StateFolderRemade(folder):
            return "state", f"{folder} was removed; it was made again and the state saved"
        case ControlSocketRemade(path):
            return "control", f"{path} was removed; it was made again"
        case ControlSocketMissing(reason):
            return "control", f"no control socket: {reason}; retrying in the background"
        case StateSetAside(file, renamed_to, reason):
            return (
                "state",
                f"{file} is damaged ({reason}); renamed to {renamed_to}, started anew",
            )
        case StateDamaged(file, reason):
            return "state", f"{file} is damaged in part: {reason}; the rest is used"
        case SelfCheckFailed(what):
            return "self-check", f"a fault of this program: {what}; please report it"
        case StateKeptBack(unclean_starts, without_book):
            what = "contacts and address book" if without_book else "contacts"
            return (
                "state",
                f"the last {unclean_starts} starts ended uncleanly within a minute; "
                f"starting without the saved {what}, which stay in the file",
            )


def _reachability_words(event: ReachabilityChanged) -> str:
    where = f" at {format_endpoint(event.endpoint)}" if event.endpoint is not None else ""
    by = " through the port mapping" if event.how == MAPPED else ""
    match event.verdict:
        case ReachVerdict.YES:
            return f"strangers reach this node{where}{by}"
        case ReachVerdict.LIKELY:
            return f"strangers probably reach this node{where}{by}"
        case ReachVerdict.NO:
            return "strangers do not reach this node; kadisc doctor says what to do"
        case ReachVerdict.UNKNOWN:
            return f"not known yet whether strangers reach this node{where}"


def words_for_crowded(subnet: str, peers: int, beyond_caps: int, per_subnet: int) -> str:
    """What the limits by subnet leave out in one subnet, and what lifts them."""
    are = "is" if beyond_caps == 1 else "are"
    return (
        f"{beyond_caps} of {count(peers, 'peer')} in {subnet} {are} beyond the limit of "
        f"{per_subnet} per subnet and 1 per address, and given last; --netrestrict {subnet} lifts "
        f"it where the whole network is there"
    )


def _family_words(
    event: Joined | WentOffline | CameOnline | AddressChanged | NoContactsLeft,
) -> tuple[str, str]:
    match event:
        case Joined(_, verified):
            return "joined", f"joined the DHT, {count(verified, 'contact')}"
        case WentOffline():
            return "offline", "offline; retrying"
        case CameOnline():
            return "online", "online again"
        case NoContactsLeft():
            return "contacts", "no contacts left; joining again"
        case AddressChanged(_, ip, _, own_id, voters):
            return (
                "address",
                f"external address {format_ip(ip)}, reported by {count(voters, 'subnet')}; "
                f"own ID is now {format_id(own_id)}",
            )


def count(number: int, thing: str, things: str | None = None) -> str:
    """A number with its noun, in the plural where due."""
    return f"{number} {thing}" if number == 1 else f"{number} {things or thing + 's'}"


def family_name(family: Family) -> str:
    return "IPv4" if family is Family.IPV4 else "IPv6"


def _network_changed_words(event: NetworkChanged) -> str:
    if event.cause == "suspended":
        return f"this machine slept for {event.slept_s:.0f} s; checking all contacts again"
    what = _CHANGED.get(event.cause, event.cause)
    names = " and ".join(family_name(family) for family in event.families)
    return f"{names}: {what}; joining again"
