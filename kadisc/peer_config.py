"""The numbers of gossip and of the address book. The code knows them as
``kadisc.config.GossipConfig`` and ``BookConfig``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GossipConfig:
    """The view of the network (slots), and how it is kept up to date (rounds)."""

    flat_slots: int = 50
    """Slots that every address has the same chance to win: attackers hold their share of all
    addresses there, wherever those are...
    """
    slots_from_8: int = 5
    """...slots that every /8 has the same chance to win, and in it every /16, every /24, every
    address (IPv6: /32, /48, /64)...
    """
    slots_from_16: int = 30
    """...that every /16 has (IPv6 /32), and so on: attackers hold their share of all networks
    there, however full those are. There are few /8s: with half of 1,000 nodes in 20 /24s, each in a
    /8 of its own, slots that begin with the /8, /16 and /24 give those 10.3, 5.3 and 3.8 %...
    """
    slots_from_24: int = 15
    """...and that every /24 has (IPv6 /48)."""
    round_s: float = 20.0
    """From one round to the next..."""
    round_jitter: float = 0.2
    """...give or take this share, so that nodes that started together do not gossip together..."""
    max_round_s: float = 120.0
    """...and at most, while nothing changes."""
    reseed_slots: int = 5
    """So many slots get a new seed..."""
    reseed_every_rounds: int = 5
    """...every so many rounds: what is handed out changes, a slot lives 100 rounds, and never are
    many of them young at a time.
    """
    sample_age_rounds: int = 20
    """Slots younger than that are not given to the application: they hold who came first, not yet
    who ranks best.
    """
    slot_failures: int = 2
    """Exchanges in a row that a peer left unanswered before it loses its slots."""
    pull_entries: int = 16
    """Peers in an answer, and asked for: with their contacts and ages they fit into 500 bytes."""
    max_record_bytes: int = 300
    """A signed record with two addresses and some services takes 250."""
    first_query_bytes: int = 450
    """A query without a token is padded to this, so that the answer, never longer, can hold a
    record.
    """
    max_ttl: int = 4
    """A peer that itself came to us is passed on over at most so many relays; each says one less.
    """
    max_entry_age_s: float = 1800.0
    """What was not verified for so long is neither passed on nor taken."""
    entry_age_unit_s: float = 300.0
    """Ages go over the wire in units of this."""
    answer_fixed_s: float = 3600.0
    """One network is given the same peers for so long: asking often teaches nothing."""
    pushes_per_round: int = 1
    """Pushes of one address that count in a round..."""
    reservoir: int = 8
    """...and those kept of a round, drawn by lot, so that a flood buys lots and not the round..."""
    reservoir_per_netgroup: int = 1
    """...and those of one /16 (IPv6 /32) among them."""
    max_candidates: int = 512
    """Peers heard of that wait for their check..."""
    candidates_per_source: int = 16
    """...those that one source named: one answer..."""
    candidates_per_subnet: int = 2
    """...those in one /24 (IPv6 /48)..."""
    candidates_per_netgroup: int = 8
    """...and those in one /16 (IPv6 /32)."""
    checks_per_s: float = 1.0
    """Checks of candidates, taken in turn from the networks that named them."""
    checks_per_host_per_hour: int = 4
    """Checks at one address (IPv6 /64) in an hour, whoever names it..."""
    checks_per_subnet_per_hour: int = 16
    """...and in one /24 (IPv6 /48): hearsay must not make us anybody's hammer."""
    max_check_counts: int = 4096
    """Addresses and networks that these checks are counted for."""
    partner_pause_s: float = 30.0
    """A partner whose answer taught nothing is left alone for so long, then twice as long, and so
    on...
    """
    max_partner_pause_s: float = 3600.0
    """...up to this."""
    max_partners_kept: int = 2048
    """Partners whose pauses and credit are remembered."""
    source_credit: int = 4
    """Entries of one source that may fail before the next ones of it are left out; each one that
    proves true earns one back.
    """
    tombstone_s: float = 3600.0
    """Hearsay of a peer that failed is not listened to for so long; its own answer counts at once.
    Twice as long as an entry may go round.
    """
    tombstone_failures: int = 2
    """Failures in a row before that."""
    max_tombstones: int = 4096
    """Then the oldest goes."""
    partners_from_slots: float = 0.5
    """The share of partners that are drawn from slots..."""
    partners_from_lookups: float = 0.25
    """...from random places of the table, so that a captured view still meets others; the rest are
    verified ones that came to us.
    """
    lookup_share: float = 1 / 3
    """Of the contacts that a lookup starts from, at most this share comes from slots: neither slots
    nor table alone can mislead it.
    """
    bucket_share: float = 1 / 8
    """At most this share of a bucket comes by gossip from one network."""


@dataclass(frozen=True, slots=True)
class BookConfig:
    """The address book (Bitcoin's addrman is the model): who was heard of, who was met, and what
    became of them.
    """

    new_buckets: int = 256
    """Buckets for who was only heard of..."""
    new_bucket_size: int = 16
    """...and the places in each..."""
    new_buckets_per_source: int = 16
    """...and the buckets that one source network (/16, IPv6 /32) reaches, whatever it names: 1/16
    of them.
    """
    tried_buckets: int = 64
    """Buckets for who was met: a tenth of a network of 10,000 is plenty to come back by..."""
    tried_bucket_size: int = 16
    """...and the places in each..."""
    tried_buckets_per_netgroup: int = 4
    """...the buckets that one /16 (IPv6 /32) reaches..."""
    tried_places_per_subnet: int = 2
    """...and the places that one /24 (IPv6 /48) reaches, as many as it has in the routing table."""
    new_lifetime_s: float = 86_400.0
    """Who was heard of and not met for so long gives way to the next that needs the place."""
    new_failures: int = 2
    """Failures in a row before one that was never met is forgotten; after the first it gives way.
    """
    tried_failures: int = 8
    """Failures in a row before one that was met is forgotten..."""
    tried_lifetime_s: float = 7 * 86_400.0
    """...and only if it was not met for so long: many come back the next day."""
    failure_spacing_s: float = 20.0
    """Failures closer together count as one: they tell of one hole in a link."""
    recently_met_s: float = 600.0
    """Who was met so lately keeps its place without a test."""
    tests: int = 16
    """Places contested at a time: an owner is tested before a newcomer may have its place..."""
    test_interval_s: float = 30.0
    """...again after so long..."""
    test_pause_s: float = 5.0
    """...of another place at the earliest after this..."""
    test_failures: int = 2
    """...until it failed so often and goes, or answered and stays..."""
    test_lifetime_s: float = 300.0
    """...or neither became known in this time, and it stays."""
    feeler_interval_s: float = 120.0
    """One address of the book is tested so often (Bitcoin's feelers), so that it is worth something
    when it is needed.
    """
    anchors: int = 2
    """Peers that are asked first after a restart (Bitcoin's anchors): an attacker gains nothing by
    making us restart.
    """
    given_within_s: float = 1800.0
    """Who answered longer ago is not given to the application without a new check. Much less, and
    whoever makes us check him often is given more often: with 300 s, three in ten flooders were
    half of all that was given.
    """
    busy_s: float = 300.0
    """Who was called busy is not given out for so long..."""
    bad_s: float = 3600.0
    """...who was called bad..."""
    wrong_network_s: float = 86_400.0
    """...and who is of another network; never for good: an application may be wrong."""
    max_good: int = 4
    """Good words that count: each makes a peer a quarter likelier to be given out."""


@dataclass(frozen=True, slots=True)
class RendezvousConfig:
    """How a network that was named is looked for on whatever DHT we are part of."""

    announce_interval_s: float = 900.0
    """We are announced under each of the four info-hashes so often; others forget an announce after
    30 minutes (BEP 5).
    """
    retry_s: float = 60.0
    """An announce that nobody stored is tried again after so long."""
    stagger_s: float = 1.0
    """Between the first announces of the four."""
    first_pause_s: float = 4.0
    """A lookup follows the first announces after so long, and others after twice as long each..."""
    max_pause_s: float = 900.0
    """...and this at most, or at once where enough peers are known."""
    enough_peers: int = 8
    """Verified peers that are enough."""
    jitter: float = 0.2
    """The share by which these intervals vary."""
    paths: int = 4
    """Disjoint paths of a lookup: an attacker near the info-hash must be on all of them to hide the
    network.
    """
    candidates_per_key: int = 32
    """Peers found under one info-hash that wait for their check: whoever floods one of the four
    keeps those of the others out no more.
    """
