"""The switches of the defences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .declaration import switch


@dataclass(frozen=True, slots=True)
class Defences:
    """Each defence by name, so that a simulation or a test can turn one off. The switches choose
    components, in `core/assembly.py`, `core/serving_assembly.py` and `core/peers_assembly.py`; the
    code that a switch guards has no ``if`` for it.
    """

    exact_matching: bool = switch(
        True,
        "A reply counts only if its transaction ID, endpoint and address family match a query in"
        " flight.",
    )
    verified_admission: bool = switch(
        True,
        "A contact enters a bucket only after it has answered a query of this node.",
    )
    first_lookup_first: bool = switch(
        True,
        "Nodes that contact this node first are not admitted to the table before the first lookup"
        " of the own ID is done.",
    )
    ping_before_evict: bool = switch(
        True,
        "A new contact never replaces a contact that still answers, unless that one is beyond the"
        " soft limit of its netgroup.",
    )
    diversity_caps: bool = switch(
        True,
        "The table holds few entries per address, /24 and /16 (IPv6: /64, /48 and /32).",
    )
    checks_in_flight_caps: bool = switch(
        True,
        "Few verifications are in flight per /24 (IPv6 /48), which prevents use of this node to"
        " flood a third party's subnet.",
    )
    candidate_shares: bool = switch(
        True,
        "Of the contacts that wait for their verification, one node and one netgroup have named"
        " few, and fewer after names that did not answer; senders of queries have a share of the"
        " checks, and are checked more slowly while nearly all of them are silent.",
    )
    inbound_quarantine: bool = switch(
        True,
        "A node that contacted this node first stays out of answers until it answers without the"
        " help of its own NAT mapping.",
    )
    lookup_caps: bool = switch(
        True,
        "Few nodes per /24 and per /16 (IPv6 /48 and /32) count among the k closest of a lookup.",
    )
    teller_doubts: bool = switch(
        True,
        "What a node names is asked after all else for ten minutes, once the nodes that it named in"
        " a lookup were silent.",
    )
    bep42_ids: bool = switch(
        True,
        "Of the nodes whose ID does not follow from their address (BEP 42), at most 5 count in"
        " each 8 that a lookup looks for; other nodes win the vacancies. An IPv6 /48 has 8 places"
        " by BEP 42, like an IPv4 address, and an ID that is closer than the size of the network"
        " allows does not count as valid.",
    )
    region_lookups: bool = switch(
        True,
        "A lookup that finds more nodes near its target than the size of the network allows is"
        " called suspicious, asks on in the region where the k closest should be, and stores to all"
        " of it.",
    )
    paced_queries: bool = switch(
        True,
        "Queries to new addresses are limited in packets per second, because the NAT tables of home"
        " routers are small.",
    )
    spaced_maintenance: bool = switch(
        True,
        "Checks of one contact, and gossip exchanges with it, begin at least 10 seconds apart,"
        " whatever its answers cause.",
    )
    traffic_limits: bool = switch(
        True,
        "The queries read from unproven addresses and the bytes sent to them are limited per"
        " address, per subnet and in total.",
    )
    proven_sources: bool = switch(
        True,
        "Answers to queries of this node, and endpoints that have proved their address, pass before"
        " any limit that is kept by address.",
    )
    asker_tokens: bool = switch(
        True,
        "Queries to other nodes of kadisc show a token that such a node sent to this endpoint, so"
        " that they pass its limits on unproven addresses, also while an attacker forges queries in"
        " the name of this node.",
    )
    proven_budgets: bool = switch(
        True,
        "Proven endpoints of one address, /24 and /16 (IPv6: /64, /48 and /32), and all of them"
        " together, may ask, and are sent, only so much per second.",
    )
    charged_time: bool = switch(
        True,
        "Datagrams are charged with the processor time that they take, so that those that take most"
        " are not as many as others may be.",
    )
    slow_decode_total: bool = switch(
        True,
        "Datagrams that are not canonical bencode are decoded only if they are short, and within a"
        " limit for all sources together.",
    )
    separate_queues: bool = switch(
        True,
        "Lookups leave room for checks and gossip in the queues, and take turns with them.",
    )
    bounded_answers: bool = switch(
        True,
        "An answer holds at most k contacts and 1,024 bytes.",
    )
    offline_detection: bool = switch(
        True,
        "Failures are not counted against contacts while this node itself is offline.",
    )
    ranked_slots: bool = switch(
        True,
        "Slots of the gossip view are won by a secret rank of the address, so that frequent pushes"
        " win none.",
    )
    hierarchical_slots: bool = switch(
        True,
        "Half of the slots are won by address ranges and not by single addresses.",
    )
    ranked_peers: bool = switch(
        True,
        "Peers that hold slots are returned to the application, and named to other nodes, before"
        " the rest, because nodes that advertise aggressively are known to all.",
    )
    book_groups: bool = switch(
        True,
        "One source netgroup reaches few places of the address book, and peers of one netgroup have"
        " few places among the verified ones.",
    )
    test_before_evict: bool = switch(
        True,
        "A new peer takes the place of a verified peer only after the verified one failed a test.",
    )
    record_rules: bool = switch(
        True,
        "A peer record counts only if it is signed, belongs to the own network, is not older than"
        " the known one, and comes from the address that it states; a service at another host, only"
        " in the subnet that the record came from.",
    )
    key_proofs: bool = switch(
        True,
        "A peer counts as the owner of the key in its record only after it has signed a challenge"
        " of this node; without that, a copy of a record stands for its owner.",
    )
    gossip_tokens: bool = switch(
        True,
        "A node names peers to an endpoint, and accepts its pushes, only after a token has shown"
        " that the endpoint receives at its address.",
    )
    fixed_samples: bool = switch(
        True,
        "Each subnet that asks gets its own selection of peers, which stays the same for an hour.",
    )
    subnet_sampling: bool = switch(
        True,
        "Peers that gossip names, exchanges with or forgets are drawn by subnet first, so that many"
        " addresses in few subnets count as those few subnets.",
    )
    ipv6_shares: bool = switch(
        True,
        "Where each subnet, or each address of a flat slot, has the same chance, an IPv6 /32 counts"
        " as 16 subnets at most, because its 65,536 /48s cost nothing.",
    )
    push_reservoir: bool = switch(
        True,
        "Of the pushes of a round a few count, drawn at random, at most one per netgroup.",
    )
    peer_candidate_limits: bool = switch(
        True,
        "Unverified peers wait in a queue with few places per source and per subnet, from which the"
        " sources take turns.",
    )
    gossip_backoff: bool = switch(
        True,
        "Gossip partners that report nothing new are asked less and less often, and sources whose"
        " reports turn out false are ignored.",
    )
    tombstones: bool = switch(
        True,
        "Reports of third parties do not bring back a peer that failed lately.",
    )
    store_shares: bool = switch(
        True,
        "One subnet and one netgroup have few places for info-hashes, and among the announced peers"
        " of one; where there is no room the most crowded give way; and each subnet that asks gets"
        " its own selection of peers.",
    )
    mass_failure: bool = switch(
        True,
        "When several peers fall silent at once, all other peers are rechecked without delay, and"
        " none is returned before it has answered again.",
    )
    bucket_quota: bool = switch(
        True,
        "Contacts that gossip brought from one netgroup fill at most a part of a bucket.",
    )
    bounded_feedback: bool = switch(
        True,
        "Feedback of the application changes for a time, and within bounds, how likely a peer is"
        " returned.",
    )
    item_shares: bool = switch(
        True,
        "Items put by one subnet or netgroup take a part of the item store and never all of it; in"
        " a full store the most crowded netgroup gives way.",
    )
    signature_budget: bool = switch(
        True,
        "The signatures of items that are checked per second are limited per subnet and in total.",
    )
    fixed_info_hash_samples: bool = switch(
        True,
        "All nodes get the same sample of info-hashes until its time is over, so that asking often"
        " does not read out the store.",
    )
    renewed_contacts: bool = switch(
        True,
        "A datagram from a host that this node had to do with lately renews the note of it, also"
        " when it is dropped, so that a host that keeps its flow through the router open never"
        " counts as a stranger.",
    )
    answered_witness: bool = switch(
        True,
        "A stranger's ping counts as proof of an endpoint only if the answer reached the stranger.",
    )
    witness_budgets: bool = switch(
        True,
        "The pings and TCP connections that other nodes ask for are limited per asker, per target"
        " and in total, so that no node can be used to flood another.",
    )
    two_rounds: bool = switch(
        True,
        "An endpoint counts as closed only after a second round of probes through other helpers,"
        " and not after the first.",
    )
    probe_lane: bool = switch(
        True,
        "A ping with a number that this node waits for passes before any limit, so that a flood"
        " does not hide strangers that got in.",
    )
    guarded_conduct: bool = switch(
        True,
        "A closed node marks itself as read-only and stops to announce itself only in a network"
        " that is large enough to spare it.",
    )


DIVERSITY_DEFENCES: Final = ("diversity_caps", "lookup_caps", "book_groups", "store_shares")
"""The defences that ``no_caps`` turns off: they would refuse most nodes of a lab in one subnet."""
