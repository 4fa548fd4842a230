"""What many events of one kind are called, where the log tells only how many more there were."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

KINDS: Final[Mapping[str, str]] = {
    "joined": "the DHT was joined",
    "offline": "the node went offline",
    "online": "the node came online again",
    "reachability_changed": "tests whether strangers reach the node",
    "nat_kind_changed": "changes of the kind of NAT",
    "service_tested": "tests of the port of a service",
    "mapping_changed": "changes of a port mapping",
    "no_contacts": "no contacts were left",
    "nothing_to_join": "there was no node to join by",
    "address_changed": "changes of the external address",
    "peers_beyond_caps": "subnets with more peers than their share",
    "own_address_shared": "nodes at the own address",
    "peer_verified": "peers found",
    "peer_lost": "peers lost",
    "bootstrap_failing": "failures of the bootstrap",
    "bootstrap_working": "answers of bootstrap nodes",
    "host_unresolved": "names that could not be resolved",
    "lan_changed": "changes of the nodes on the link",
    "network_changed": "changes of this machine's network",
    "socket_lost": "sockets lost",
    "socket_back": "sockets opened again",
    "state_unsaved": "the state could not be saved",
    "state_saved": "the state was saved again",
    "state_folder_remade": "the state folder was made again",
    "control_socket_remade": "the control socket was made again",
    "control_socket_missing": "the control socket was missing",
    "state_set_aside": "state files set aside",
    "state_damaged": "damaged state files",
    "state_kept_back": "the state was kept back",
    "self_check_failed": "checks that the node contradicts itself",
    "administered": "changes by command",
    "config_reloaded": "reloads of the configuration",
    "reload_refused": "refused reloads",
    "suspicious_lookup": "lookups that found probably forged nodes",
    "record_changed": "changes of the own record",
    "contact_added": "contacts added",
    "contact_removed": "contacts removed",
    # Of `kadisc feed`.
    "accepted": "peers accepted",
    "advertised": "times that the service was offered",
    "chain": "changes of the chain node",
    "connected": "peers connected",
    "lost": "peers lost",
    "node": "changes of the running node",
    "offered": "peers offered",
    "refused": "peers refused",
    "reload": "reloads of the configuration",
    "then": "ends of the command",
    "withdrawn": "times that the service was withdrawn",
    "would-offer": "peers that would be offered",
    # Of more kinds than are counted apart.
    "others": "other events",
}


def kind_words(event: str, reason: str = "") -> str:
    """``peers lost (silent)``."""
    kind = KINDS.get(event, event.replace("_", " "))
    return f"{kind} ({reason})" if reason else kind
