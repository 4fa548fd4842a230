"""The metrics of a running node, as plain values: from its snapshot and its counters, without I/O.

Names and units follow Prometheus' conventions. No label has an address, an ID or a key; the values
of a label are of a closed set, and at most `MAX_VALUES` of one are told apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ..core.contract.reach_verdict import ReachVerdict
from ..core.snapshot import DhtSnapshot, EntrySnapshot, Snapshot
from ..endpoints import netgroup_prefix
from .event_counts import EventCounts
from .metric_family import MetricFamily, family, group, histograms, one, within
from .use_counts import UseCounts, use_families


@dataclass(frozen=True, slots=True)
class ServerCounts:
    """What the shell counts: ``state_saved_wall_s`` in seconds since 1970, None before the first
    save.
    """

    state_saved_wall_s: float | None = None
    state_save_failures: int = 0


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """All that the families are made of. ``codec``: the name of the bencode engine; ``not_ready``:
    why the node is not ready, empty where it is.
    """

    version: str
    compiled: bool
    codec: str
    python: str
    network: str
    not_ready: tuple[str, ...]
    snapshot: Snapshot
    counters: Mapping[str, int]
    counts: EventCounts
    server: ServerCounts = ServerCounts()
    uses: UseCounts = field(default_factory=UseCounts)


def metric_families(facts: MetricFacts) -> list[MetricFamily]:
    """All families, also those without a sample yet, in the order of their groups."""
    return [
        *_about(facts),
        *_table(facts),
        *_address(facts),
        *_traffic(facts),
        *_times(facts.counts),
        *_network(facts),
        *use_families(facts.uses),
        *_care(facts),
    ]


def _about(facts: MetricFacts) -> Iterator[MetricFamily]:
    compiled = "yes" if facts.compiled else "no"
    yield family(
        "build",
        "info",
        "The version of kadisc, whether its core is compiled, its codec, and that of Python.",
        ("version", "compiled", "codec", "python"),
        {(facts.version, compiled, facts.codec, facts.python): 1},
    )
    yield family(
        "node", "info", "The network of the node.", ("network",), {(facts.network[:64],): 1}
    )
    yield one("ready", "gauge", "Whether /readyz answers 200.", not facts.not_ready)


def _table(facts: MetricFacts) -> Iterator[MetricFamily]:
    dhts = facts.snapshot.dhts
    states = {
        (dht.family.value, state): 0 for dht in dhts for state in ("proven", "inbound", "doubtful")
    }
    for dht in dhts:
        for entry in _entries(dht):
            states[dht.family.value, _state(entry)] += 1
    by_family = ("family",)
    yield family(
        "dht_contacts",
        "gauge",
        "Contacts of the routing table: proven, inbound (they contacted the node first), doubtful"
        " (the last query was not answered).",
        ("family", "state"),
        states,
    )
    yield _of_dhts(dhts, "dht_joined", "Whether the node has joined.", lambda dht: dht.joined)
    yield _of_dhts(dhts, "dht_online", "Whether other nodes answer.", lambda dht: dht.online)
    yield _of_dhts(
        dhts, "dht_candidates", "Nodes that wait to be verified.", lambda dht: dht.candidates
    )
    yield _of_dhts(
        dhts,
        "dht_spares",
        "Verified nodes that wait for a place in a full bucket.",
        lambda dht: sum(bucket.replacements for bucket in dht.buckets),
    )
    networks = {dht.family.value: _netgroups(dht) for dht in dhts}
    yield family(
        "dht_networks",
        "gauge",
        "Subnets (/16, IPv6 /32) that contacts of the table are in.",
        by_family,
        {(family,): len(groups) for family, groups in networks.items()},
    )
    yield family(
        "dht_largest_network_ratio",
        "gauge",
        "The share of the table that is in one subnet (/16, IPv6 /32).",
        by_family,
        {
            (family,): max(groups.values()) / groups.total()
            for family, groups in networks.items()
            if groups
        },
    )
    yield family(
        "dht_contact_changes",
        "counter",
        "Contacts that entered or left the routing table.",
        ("family", "change"),
        {
            (dht.family.value, change): facts.counts.contact_changes[dht.family, change]
            for dht in dhts
            for change in ("added", "removed")
        },
    )


def _address(facts: MetricFacts) -> Iterator[MetricFamily]:
    dhts = facts.snapshot.dhts
    yield _of_dhts(
        dhts,
        "address_known",
        "Whether the external address is known.",
        lambda dht: dht.address.ip is not None,
    )
    yield _of_dhts(
        dhts,
        "address_voters",
        "Subnets that reported the external address.",
        lambda dht: dht.address.voters,
    )
    yield _of_dhts(
        dhts,
        "address_agreement_ratio",
        "The share of them that agree with the address.",
        lambda dht: dht.address.agreement,
    )
    yield family(
        "address_changes",
        "counter",
        "How often the external address became known or changed.",
        ("family",),
        {(dht.family.value,): facts.counts.address_changes[dht.family] for dht in dhts},
    )
    yield family(
        "reachable",
        "gauge",
        "Whether strangers reach the node; no sample while that is unknown.",
        ("family",),
        {
            (each.family.value,): each.verdict in (ReachVerdict.YES, ReachVerdict.LIKELY)
            for each in facts.snapshot.reach
            if each.verdict is not ReachVerdict.UNKNOWN
        },
    )


def _traffic(facts: MetricFacts) -> Iterator[MetricFamily]:
    counters = facts.counters
    for name, key, text in (
        ("datagrams_received", "received", "UDP datagrams received."),
        ("datagrams_sent", "sent", "UDP datagrams sent."),
        ("received_bytes", "received_bytes", "Bytes of UDP payload received."),
        ("sent_bytes", "sent_bytes", "Bytes of UDP payload sent."),
        ("checks_sent", "checks_sent", "Queries that check contacts and candidates."),
        ("retransmissions", "retransmissions", "Queries that were sent a second time."),
        ("events_dropped", "events_dropped", "Events that a subscriber was too slow for."),
    ):
        yield one(name, "counter", text, counters.get(key, 0))
    yield group(
        counters, "dropped", "datagrams_dropped", "reason", "Datagrams that were dropped, by why."
    )
    accepted = within(counters, "accepted")
    yield family(
        "queries_received",
        "counter",
        "Queries accepted, by method.",
        ("method",),
        {
            (kind.removeprefix("query."),): count
            for kind, count in accepted.items()
            if kind.startswith("query.")
        },
    )
    yield family(
        "responses_received",
        "counter",
        "Replies and errors accepted.",
        ("kind",),
        {(kind,): accepted.get(kind, 0) for kind in ("reply", "error")},
    )
    yield group(counters, "queries_sent", "queries_sent", "method", "Queries sent, by method.")
    yield group(
        counters,
        "refused",
        "refused",
        "reason",
        "Contents of accepted datagrams that were not used, and actions not taken, by why.",
    )
    yield family(
        "sends_failed",
        "counter",
        "Datagrams that the system did not send.",
        ("reason",),
        {
            ("no-room",): counters.get("send_dropped", 0),
            ("refused",): counters.get("send_refused", 0),
        },
    )
    yield one(
        "queries_in_flight",
        "gauge",
        "Queries that wait for an answer.",
        facts.snapshot.queries_in_flight,
    )
    yield one(
        "operations_in_flight",
        "gauge",
        "Lookups, announces, puts and checks in flight.",
        len(facts.snapshot.operations),
    )


def _times(counts: EventCounts) -> Iterator[MetricFamily]:
    yield histograms(
        "rtt_seconds",
        "Round-trip times of answers in lookups and of pings.",
        ("family",),
        {(family.value,): each for family, each in counts.rtt_s.items()},
    )
    yield histograms(
        "lookup_duration_seconds",
        "Durations of lookups, the node's own included.",
        ("kind", "outcome"),
        counts.lookup_s,
    )
    yield histograms(
        "lookup_queries",
        "Datagrams that a lookup sent.",
        ("kind",),
        {(kind,): each for kind, each in counts.lookup_queries.items()},
    )
    yield histograms(
        "event_loop_lag_seconds",
        "How late the event loop woke a task that slept.",
        (),
        {(): counts.loop_lag_s},
    )


def _network(facts: MetricFacts) -> Iterator[MetricFamily]:
    network = facts.snapshot.peer_network
    if network is not None:
        yield one(
            "peers_verified",
            "gauge",
            "Peers of the own network that proved their keys and answered last time.",
            network.online,
        )
        yield one(
            "peers_held_back",
            "gauge",
            "Those of them that feedback keeps from applications.",
            network.held_back,
        )
        yield one(
            "peer_networks",
            "gauge",
            "Subnets (/16, IPv6 /32) that peers in slots are in.",
            len({netgroup_prefix(each.peer.endpoint) for each in network.view.peers}),
        )
        yield family(
            "peer_book_entries",
            "gauge",
            "Entries of the address book.",
            ("table",),
            {("tried",): network.book_verified, ("new",): network.book_unverified},
        )
        view = network.view
        yield family(
            "peer_slots",
            "gauge",
            "Slots of the gossip view.",
            ("state",),
            {
                ("vacant",): view.vacant,
                ("young",): view.slots - view.vacant - view.mature,
                ("mature",): view.mature,
            },
        )
        yield one(
            "gossip_round_seconds", "gauge", "Time between two gossip rounds.", network.round_s
        )
    yield one("peers_found", "counter", "Peers verified so far.", facts.counts.peers_verified)
    yield family(
        "peers_lost",
        "counter",
        "Peers that no longer count as verified, by why.",
        ("reason",),
        {(reason,): count for reason, count in facts.counts.peers_lost.items()},
    )


def _care(facts: MetricFacts) -> Iterator[MetricFamily]:
    server = facts.server
    saved = server.state_saved_wall_s
    yield family(
        "state_saved_timestamp_seconds",
        "gauge",
        "When the state was last saved, in seconds since 1970.",
        (),
        {} if saved is None else {(): saved},
    )
    yield one(
        "state_save_failures",
        "counter",
        "Saves of the state that failed.",
        server.state_save_failures,
    )
    yield one(
        "stored_peers", "gauge", "Peers that others announced here.", facts.snapshot.peers_stored
    )
    yield one("stored_items", "gauge", "Items that others put here.", facts.snapshot.items_stored)


def _of_dhts(
    dhts: Iterable[DhtSnapshot], name: str, text: str, value: Callable[[DhtSnapshot], float]
) -> MetricFamily:
    return family(
        name, "gauge", text, ("family",), {(dht.family.value,): value(dht) for dht in dhts}
    )


def _entries(dht: DhtSnapshot) -> Iterator[EntrySnapshot]:
    for bucket in dht.buckets:
        yield from bucket.entries


def _state(entry: EntrySnapshot) -> str:
    if entry.failures:
        return "doubtful"
    return "inbound" if entry.inbound else "proven"


def _netgroups(dht: DhtSnapshot) -> Counter[bytes]:
    return Counter(netgroup_prefix(entry.contact.endpoint) for entry in _entries(dht))
