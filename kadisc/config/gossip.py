"""Gossip with peers of the own network, and the search for them on the DHT."""

from __future__ import annotations

from dataclasses import dataclass

from .declaration import SHARE, setting, within


@dataclass(frozen=True, slots=True)
class GossipConfig:
    """The view of the network (slots), and how it is kept up to date (rounds)."""

    flat_slots: int = setting(
        50,
        within(0, 10_000),
        "The view has this many slots that every address has the same chance to win. Attackers hold"
        " their share of all addresses there, wherever those are.",
    )
    slots_from_8: int = setting(
        5,
        within(0, 10_000),
        "The view has this many slots that every /8 has the same chance to win, and in it every"
        " /16, every /24 and every address (IPv6: /32, /48 and /64).",
    )
    slots_from_16: int = setting(
        30,
        within(0, 10_000),
        "The view has this many slots that every /16 (IPv6 /32) has the same chance to win, and in"
        " it every /24 (IPv6 /48) and every address (IPv6 /64). Attackers hold their share of all"
        " netgroups there, however full those are. There are few /8s: with half of 1,000 nodes in"
        " 20 /24s, each in a /8 of its own, slots that begin with the /8, /16 and /24 give those"
        " nodes 10.3, 5.3 and 3.8 %.",
    )
    slots_from_24: int = setting(
        15,
        within(0, 10_000),
        "The view has this many slots that every /24 (IPv6 /48) has the same chance to win, and in"
        " it every address (IPv6 /64).",
    )
    round_s: float = setting(
        20.0,
        within(0.1, 31_536_000),
        "A gossip round follows the one before after this many seconds.",
    )
    round_jitter: float = setting(
        0.2,
        SHARE,
        "The time between two gossip rounds varies by this share, so that nodes that started"
        " together do not gossip together.",
    )
    max_round_s: float = setting(
        120.0,
        within(0.01, 31_536_000),
        "While nothing changes, the time between two gossip rounds grows up to this many seconds.",
    )
    reseed_slots: int = setting(
        5,
        within(1, 10_000),
        "This many slots get a new seed every ``reseed_every_rounds`` rounds, so that the peers"
        " that are returned change.",
    )
    reseed_every_rounds: int = setting(
        5,
        within(1, 10_000),
        "Slots get a new seed every this many rounds: with the defaults a slot lives 100 rounds,"
        " and few slots are young at a time.",
    )
    sample_age_rounds: int = setting(
        20,
        within(1, 10_000),
        "The peer in a slot is returned to the application only after the slot is this many rounds"
        " old: a younger slot holds the peer that came first and not yet the one that ranks best.",
    )
    slot_failures: int = setting(
        2,
        within(1, 10_000),
        "A peer loses its slots after it left this many exchanges in a row unanswered.",
    )
    pull_entries: int = setting(
        16,
        within(1, 16),
        "A gossip query asks for this many peers, and an answer holds at most as many: with their"
        " contacts and ages they fit into 500 bytes.",
    )
    max_record_bytes: int = setting(
        300,
        within(200, 900),
        "A signed peer record is at most this many bytes long; one with two addresses and some"
        " services takes 250.",
    )
    first_query_bytes: int = setting(
        480,
        within(200, 1_200),
        "A gossip query without a token is padded to this many bytes, so that the answer, which is"
        " never longer, can hold a record and a proof of its key.",
    )
    max_ttl: int = setting(
        4,
        within(1, 16),
        "A peer that itself contacted this node is passed on over at most this many relays; each"
        " relay states one less.",
    )
    max_entry_age_s: float = setting(
        1800.0,
        within(0.01, 31_536_000),
        "A peer that was not verified for this many seconds is neither passed on nor taken.",
    )
    entry_age_unit_s: float = setting(
        300.0,
        within(0.01, 31_536_000),
        "Ages of peers are sent in units of this many seconds.",
    )
    answer_fixed_s: float = setting(
        3600.0,
        within(0.01, 31_536_000),
        "One subnet gets the same peers for this many seconds, so that asking often yields nothing"
        " more.",
    )
    pushes_per_round: int = setting(
        1,
        within(1, 10_000),
        "At most this many pushes of one address count in a round.",
    )
    reservoir: int = setting(
        8,
        within(1, 10_000),
        "At most this many pushes of a round are kept, drawn at random, so that a flood raises the"
        " chances of its sender and does not take the round.",
    )
    reservoir_per_netgroup: int = setting(
        1,
        within(1, 10_000),
        "At most this many of the pushes that are kept of a round come from one /16 (IPv6 /32).",
    )
    max_candidates: int = setting(
        512,
        within(1, 1_000_000),
        "At most this many unverified peers wait for their check.",
    )
    candidates_per_source: int = setting(
        16,
        within(1, 1_000_000),
        "At most this many unverified peers that one netgroup (/16, IPv6 /32) reported wait for"
        " their check: one answer.",
    )
    candidates_per_subnet: int = setting(
        2,
        within(1, 1_000_000),
        "At most this many unverified peers in one /24 (IPv6 /48) wait for their check.",
    )
    candidates_per_netgroup: int = setting(
        8,
        within(1, 1_000_000),
        "At most this many unverified peers in one /16 (IPv6 /32) wait for their check.",
    )
    checks_per_s: float = setting(
        1.0,
        within(0.01, 10_000),
        "At most this many unverified peers are checked per second, taken in turn from the"
        " netgroups (/16, IPv6 /32) that reported them.",
    )
    burst_checks: int = setting(
        64,
        within(1, 10_000),
        "While the application waits for peers, at most this many unverified peers are checked in"
        " quick succession.",
    )
    burst_at_once: int = setting(
        16,
        within(1, 1_000),
        "Of the checks while the application waits, at most this many are under way at once.",
    )
    burst_checks_per_source: int = setting(
        32,
        within(1, 10_000),
        "Of the checks while the application waits, one source causes at most this many: one of the"
        " four info-hashes, or the peers of one netgroup (/16, IPv6 /32) that reported others.",
    )
    burst_refill_s: float = setting(
        320.0,
        within(0.1, 31_536_000),
        "After a burst of checks as many are allowed again after this many seconds, gradually: an"
        " application that waits for long causes one check every few seconds.",
    )
    direct_checks_per_host_per_hour: int = setting(
        1,
        within(1, 1_000_000),
        "At most this many checks per hour of one address (IPv6 /64) begin without a ping. The"
        " first query of such a check is as long as its answer.",
    )
    direct_checks_per_subnet_per_hour: int = setting(
        2,
        within(1, 1_000_000),
        "At most this many checks per hour of one /24 (IPv6 /48) begin without a ping.",
    )
    checks_per_host_per_hour: int = setting(
        4,
        within(1, 1_000_000),
        "At most this many checks per hour go to one address (IPv6 /64), however many nodes report"
        " it.",
    )
    checks_per_subnet_per_hour: int = setting(
        16,
        within(1, 1_000_000),
        "At most this many checks per hour go to one /24 (IPv6 /48), which prevents the use of"
        " third-party reports to flood a victim.",
    )
    goodbye_s: float = setting(
        1.0,
        within(0, 60),
        "When the node stops, it tells up to 32 peers of its network, so that they return it to"
        " nobody any more, and waits at most this many seconds for what it needs from them; with 0"
        " it tells none.",
    )
    partner_pause_s: float = setting(
        30.0,
        within(0.01, 31_536_000),
        "A gossip partner whose answer reported nothing new is not asked for this many seconds,"
        " then for twice as long, and so on.",
    )
    max_partner_pause_s: float = setting(
        3600.0,
        within(0.01, 31_536_000),
        "A gossip partner is left alone for at most this many seconds.",
    )
    max_partners_kept: int = setting(
        2048,
        within(1, 1_000_000),
        "The pauses and credits of at most this many gossip partners are remembered.",
    )
    source_credit: int = setting(
        4,
        within(0, 10_000),
        "After this many reports of one source have failed, its next reports are left out; each"
        " report that proves true earns one back.",
    )
    tombstone_s: float = setting(
        3600.0,
        within(0.01, 31_536_000),
        "Third-party reports of a peer that failed are ignored for this many seconds, twice as long"
        " as a report may circulate; an answer of the peer itself counts at once.",
    )
    tombstone_failures: int = setting(
        2,
        within(1, 10_000),
        "A peer gets a tombstone after this many failures in a row.",
    )
    max_tombstones: int = setting(
        4096,
        within(1, 1_000_000),
        "At most this many tombstones are kept; beyond that the oldest is dropped.",
    )
    partners_from_slots: float = setting(
        0.5,
        SHARE,
        "This share of the gossip partners is drawn from slots.",
    )
    partners_from_lookups: float = setting(
        0.25,
        SHARE,
        "This share of the gossip partners is drawn from peers met in lookups of random IDs, so"
        " that a captured view still meets other peers. The rest are verified peers that contacted"
        " this node.",
    )
    lookup_share: float = setting(
        1 / 3,
        within(0.001, 0.9),
        "At most this share of the contacts that a lookup starts from comes from slots, so that"
        " neither slots nor table alone can mislead it.",
    )
    bucket_share: float = setting(
        1 / 8,
        within(0.001, 1),
        "At most this share of a bucket comes by gossip from one source netgroup (/16, IPv6 /32).",
    )


@dataclass(frozen=True, slots=True)
class RendezvousConfig:
    """How peers of the own network are looked for on the DHT: under four info-hashes that follow
    from its name.
    """

    announce_interval_s: float = setting(
        900.0,
        within(1, 31_536_000),
        "The node announces itself under each of the four info-hashes again after this many"
        " seconds; other nodes forget an announce after 30 minutes (BEP 5).",
    )
    retry_s: float = setting(
        60.0,
        within(0.01, 31_536_000),
        "An announce that no node stored is tried again after this many seconds.",
    )
    stagger_s: float = setting(
        1.0,
        within(0, 31_536_000),
        "The first announces under the four info-hashes are this many seconds apart.",
    )
    first_pause_s: float = setting(
        4.0,
        within(0.01, 31_536_000),
        "A lookup of the info-hashes follows the first announces after this many seconds, and each"
        " further one after twice the time of the one before.",
    )
    max_pause_s: float = setting(
        900.0,
        within(0.1, 31_536_000),
        "At most this many seconds pass between two lookups of the info-hashes; where enough peers"
        " are known, the longest pause is taken at once.",
    )
    enough_peers: int = setting(
        8,
        within(1, 1_000_000),
        "This many verified peers are enough to look for further ones at the longest pause.",
    )
    jitter: float = setting(
        0.2,
        SHARE,
        "The intervals of announces and lookups vary by this share.",
    )
    paths: int = setting(
        4,
        within(1, 16),
        "A lookup of an info-hash takes this many disjoint paths: an attacker close to the"
        " info-hash must be on all of them to hide the network.",
    )
    peers_per_answer: int = setting(
        64,
        within(1, 100_000),
        "Of one answer, a lookup of an info-hash takes at most this many peers.",
    )
    peers_per_lookup: int = setting(
        128,
        within(1, 100_000),
        "At most this many of the peers that a lookup of an info-hash found are considered. Each"
        " netgroup (/16, IPv6 /32) has one before any has a second.",
    )
    candidates_per_key: int = setting(
        32,
        within(1, 100_000),
        "At most this many peers found under one info-hash wait for their check, so that a flood of"
        " one info-hash does not keep out the peers under the other three.",
    )
