"""Every default, with its unit and its reason; every bound, with its name.

Frozen: a running node never changes its configuration. ``Config`` is what ``open_node`` takes; its
parts go to the components that they are named after.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .limits_config import LimitsConfig as LimitsConfig
from .peer_config import BookConfig as BookConfig
from .peer_config import GossipConfig as GossipConfig
from .peer_config import RendezvousConfig as RendezvousConfig
from .store_config import StoreConfig as StoreConfig

CLIENT_VERSION = b"KD\x00\x01"
"""Our ``v`` (BEP 5): two letters for the client, two bytes for its version."""


@dataclass(frozen=True, slots=True)
class Defences:
    """Each defence by name, so that a simulation or a test can turn one off. They choose
    components, in `core/assembly.py`; the code that they guard has no ``if`` for them.
    """

    exact_matching: bool = True
    """A reply counts only if transaction id, endpoint and family match an outstanding query."""
    verified_admission: bool = True
    """Nobody enters a bucket before it answered a query of ours."""
    first_lookup_first: bool = True
    """No inbound candidate is admitted before the first lookup of the own ID is done."""
    ping_before_evict: bool = True
    """A newcomer never displaces a live incumbent."""
    diversity_caps: bool = True
    """Few table entries per address, /24 and /16 (IPv6: /64, /48, /32)."""
    checks_in_flight_caps: bool = True
    """Few verifications at a time per /24, so that nobody can aim us at a network that is not his.
    """
    inbound_quarantine: bool = True
    """Who contacted us first stays out of answers until it answers without the help of its own NAT
    mapping.
    """
    lookup_caps: bool = True
    """Few answering nodes per /24 count among the k of a lookup."""
    bep42_ids: bool = True
    """Of nodes whose ID does not follow from their address (BEP 42), at most 5 of each 8 that a
    lookup looks for count; others win the vacancies.
    """
    paced_queries: bool = True
    """A bound on packets per second to new addresses: home routers' NAT tables are small."""
    traffic_limits: bool = True
    """What unproven addresses may ask, and be sent, is bounded for each, for its network and for
    all together.
    """
    proven_sources: bool = True
    """Answers to our queries, and endpoints that have proved their address, pass before any limit
    that is kept by address.
    """
    separate_queues: bool = True
    """Lookups leave room for checks and gossip, and take turns with them."""
    bounded_answers: bool = True
    """At most k contacts and 1,024 bytes in an answer."""
    offline_detection: bool = True
    """Failures are not held against contacts while we ourselves are cut off."""
    ranked_slots: bool = True
    """Places in the gossip view are won by a secret rank of the address, not by being pushed often.
    """
    hierarchical_slots: bool = True
    """Half of the slots are won by networks, not by single addresses."""
    ranked_peers: bool = True
    """Whom a slot's rank has chosen is given to the application, and named to others, before the
    rest: those who push are met by everybody.
    """
    book_groups: bool = True
    """One source network reaches few places of the address book, and one network of addresses has
    few places among those met.
    """
    test_before_evict: bool = True
    """A newcomer takes the place of a met peer only after that one failed a test."""
    record_rules: bool = True
    """A record counts only if it is signed, of our network, no older than what is known, and comes
    from where it says.
    """
    gossip_tokens: bool = True
    """Peers are named, and pushes heard, only where a token has shown that the asker receives at
    his address.
    """
    fixed_samples: bool = True
    """What one network is told of other peers is a choice of its own, that stays the same for an
    hour.
    """
    subnet_sampling: bool = True
    """Whom gossip names to others, exchanges with and forgets is drawn by network first: many
    addresses in few networks count as those networks.
    """
    push_reservoir: bool = True
    """Of the pushes of a round a few count, drawn by lot, one of each network."""
    peer_candidate_limits: bool = True
    """Peers heard of wait in a queue with few places for each source and each network, and the
    sources take turns.
    """
    gossip_backoff: bool = True
    """Partners who teach nothing are asked less and less, and sources whose news are false are not
    heard.
    """
    tombstones: bool = True
    """Hearsay does not bring back who failed lately."""
    store_shares: bool = True
    """One network has few places among the announced peers of an info-hash, and each asker's
    network has a choice of its own.
    """
    mass_failure: bool = True
    """When several peers are silent at once, all others are asked without delay, and none is given
    to anybody before it has answered again.
    """
    bucket_quota: bool = True
    """Gossip fills at most a part of a bucket from one source."""
    bounded_feedback: bool = True
    """What the application says of peers changes how likely they are given out for a time, within
    bounds.
    """
    item_shares: bool = True
    """What one network puts takes a part of the item store, never all of it."""
    signature_budget: bool = True
    """Few signatures of items are checked a second, for each network and in all."""
    fixed_info_hash_samples: bool = True
    """Everybody gets the same sample of info-hashes until its time is over, so that asking often
    does not read out the store.
    """


@dataclass(frozen=True, slots=True)
class TableConfig:
    k: int = 8
    """Contacts in an answer (BEP 5)."""
    bucket_sizes: tuple[int, ...] = (128, 64, 32, 16, 8)
    """Places in the bucket that shares 0, 1, 2... bits with the own ID; the last number holds for
    all that follow. Wide buckets far away save a hop in each lookup (libtorrent).
    """
    replacements_per_bucket: int = 8
    """Verified contacts that wait for a place in a full bucket."""
    per_host: int = 1
    """Entries per IPv4 address or IPv6 /64 in the table."""
    per_subnet_in_bucket: int = 1
    """Entries per /24 (IPv6 /48) in one bucket, hard..."""
    per_subnet_in_table: int = 2
    """...and in the table, hard."""
    per_netgroup_in_table: int = 8
    """Entries per /16 (IPv6 /32), soft: beyond it only into a vacancy, and first to be challenged.
    """
    per_asn_in_table: int = 16
    """The same per autonomous system, where the operator has a map of those (``asmap``)."""


@dataclass(frozen=True, slots=True)
class QueryConfig:
    timeout_s: float = 10.0
    """A query is forgotten, and is a failure, after this long; until then a late answer is used."""
    first_stall_s: float = 0.6
    """When to call a query stalled while no round-trip times are known yet."""
    min_stall_s: float = 0.1
    """A query is never called stalled sooner..."""
    max_stall_s: float = 2.0
    """...nor later."""
    max_outstanding: int = 4096
    """Queries that wait for an answer."""
    new_address_rate: float = 40.0
    """Queries per second to addresses not lately heard from, sustained; 100/s fill the NAT tables
    of home routers.
    """
    new_address_burst: float = 60.0
    """...and so many at once after a pause."""
    max_waiting: int = 4096
    """Queries that wait for the pacer."""
    join_yield_s: float = 3.0
    """So long after a node's first query, what it asks for its table's sake waits while a search of
    the application has found nothing.
    """


@dataclass(frozen=True, slots=True)
class LookupConfig:
    alpha: int = 5
    """Queries in flight at the start of a lookup. 5 instead of 4 costs 5 % more queries and saves
    12 % of the time with 30 % dead nodes.
    """
    max_alpha: int = 8
    """...and when answers no longer bring anything closer."""
    last_chances: int = 4
    """Silent peers that a lookup asks once more, because they would be among its k closest."""
    per_subnet: int = 1
    """Nodes per /24 (IPv6 /48) that count among the k closest of a lookup."""
    contacts_per_answer: int = 16
    """Contacts taken from one answer, the closest first; BEP 5 clients send 8."""
    max_known: int = 512
    """Contacts that one lookup keeps; the farthest go."""
    max_peers: int = 10_000
    """Distinct peers that one get_peers lookup reports."""
    max_operations: int = 256
    """Operations (lookups, pings, announces) in flight; one more is refused."""


@dataclass(frozen=True, slots=True)
class MaintenanceConfig:
    check_interval_s: float = 4.0
    """At most one revalidation in this time..."""
    newcomer_check_interval_s: float = 16.0
    """...and beside those one of a newcomer next to us, whom nobody can find before: in so long, or
    less often.
    """
    fresh_check_s: float = 60.0
    """A contact is checked this long after it was first verified; later ones are spaced by its age.
    """
    hour_check_s: float = 300.0
    """One that has been up for an hour is checked after so long; others sooner or later than that,
    by the next number.
    """
    age_exponent: float = 0.25
    """The time between two checks grows with this power of the age. A Weibull session of shape k
    dies at a rate that falls with age**(k - 1), and a budget of checks finds the most dead ones
    when they are spaced by one over the root of that: 0.2 to 0.3 for the networks that were
    measured.
    """
    max_check_s: float = 900.0
    """The longest time between two checks of a contact. Longer ones would leave fewer dead entries
    in all, but a lookup suffers from the one table that is the last to find out: with 1,200 s the
    median lookup takes twice as long.
    """
    static_peer_check_s: float = 30.0
    """A peer that the operator wants to be kept is asked so often while it does not answer."""
    heartbeat_s: float = 20.0
    """When nothing was heard for so long, somebody is asked: a change of our address or of the link
    is noticed, and a NAT keeps our mapping (20 % of them forget it after 30 s of silence).
    """
    retry_after_failure_s: float = 20.0
    """The second check, that may evict, is so long after the first failure."""
    failures_to_evict: int = 2
    """Queries in a row that a contact left unanswered, spaced, before it goes."""
    quarantine_silence_s: float = 200.0
    """Without traffic for so long, most NATs have forgotten the mapping..."""
    newcomer_silence_s: float = 310.0
    """...and after so long nearly all have (one in twenty keeps it for 300 s). Newcomers next to us
    wait that long, but no longer; others come some minutes late anyway.
    """
    max_candidates: int = 512
    """Contacts heard of that wait for their verification."""
    candidates_per_subnet: int = 2
    """...and those of one /24 (IPv6 /48)."""
    candidate_checks_in_flight: int = 16
    """Verifications at a time."""
    candidate_checks_per_subnet: int = 2
    """...and those in one /24 (IPv6 /48), so that nobody can aim us at a network that is not his.
    """
    candidate_checks_per_s: float = 4.0
    """Fills the wide buckets of a newcomer in a minute, without a burst."""
    candidate_lifetime_s: float = 600.0
    """A candidate that was not looked at for so long is forgotten."""
    recheck_candidate_s: float = 120.0
    """An endpoint that failed verification is not tried again for so long."""
    refresh_interval_s: float = 900.0
    """A bucket untouched for so long gets a random walk (BEP 5)."""
    own_lookup_interval_s: float = 1800.0
    """The own ID is looked up this often."""
    refresh_jitter: float = 0.2
    """The share by which these intervals vary, so that nodes that started together do not walk
    together.
    """
    offline_after_s: float = 20.0
    """When nothing was heard from two networks for so long, we may be offline..."""
    offline_failures: int = 6
    """...but only after so many queries in a row failed."""


@dataclass(frozen=True, slots=True)
class ServingConfig:
    max_answer_bytes: int = 1024
    """BEP 32."""
    token_rotation_s: float = 300.0
    """A token is accepted for one to two rotations (BEP 5: up to 10 minutes)."""
    max_info_hashes: int = 2000
    """Info-hashes that announces are stored for."""
    max_peers_per_info_hash: int = 500
    """Announces stored for each."""
    max_peers_stored: int = 20_000
    """Announces stored in all."""
    max_per_subnet_in_info_hash: int = 16
    """Announces stored for one info-hash from one /24 (IPv6 /48), so that an answer is not one
    operator's.
    """
    answer_fixed_s: float = 3600.0
    """Where more peers are stored than an answer holds, one network is given the same ones for so
    long.
    """
    max_stored_per_subnet: int = 256
    """Announces kept from one /24 (IPv6 /48), so that one operator cannot fill the store."""
    peer_lifetime_s: float = 1800.0
    """An announce is forgotten unless repeated within 30 minutes."""
    slow_decodes_per_s: float = 20.0
    """Datagrams per second and /24 that may cost a pass of the slow decoder, sustained..."""
    slow_decode_burst: float = 40.0
    """...and so many at once after a pause."""
    max_limited_prefixes: int = 4096
    """Networks that limits are kept for at a time."""


@dataclass(frozen=True, slots=True)
class AddressConfig:
    """How the votes on our own address are counted; smaller networks need smaller numbers."""

    first_voters: int = 12
    """Networks (/16, IPv6 /32) that must have voted before the first decision..."""
    change_voters: int = 28
    """...and before a decision is changed. With 25 % liars who agree, one recount in 8 million ends
    with their lie; of 24 voters, one in 800,000.
    """
    agreement: float = 0.75
    """The share of the voters that must agree."""
    probes: int = 8
    """Networks asked at once when one dissents, and again while most of them do."""
    recount_pause_s: float = 20.0
    """Dissents so soon after a recount open no other."""
    unstable_after: int = 3
    """An address that was changed so many times..."""
    unstable_within_s: float = 3600.0
    """...in this time is called unstable, and stays what it is."""


@dataclass(frozen=True, slots=True)
class CoreConfig:
    """All that the protocol core is told."""

    table: TableConfig = field(default_factory=TableConfig)
    query: QueryConfig = field(default_factory=QueryConfig)
    lookup: LookupConfig = field(default_factory=LookupConfig)
    maintenance: MaintenanceConfig = field(default_factory=MaintenanceConfig)
    serving: ServingConfig = field(default_factory=ServingConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    address: AddressConfig = field(default_factory=AddressConfig)
    gossip: GossipConfig = field(default_factory=GossipConfig)
    book: BookConfig = field(default_factory=BookConfig)
    rendezvous: RendezvousConfig = field(default_factory=RendezvousConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    defences: Defences = field(default_factory=Defences)
    read_only: bool = False
    """Ask, never answer (BEP 43); nobody keeps us in a table."""
    allow_private: bool = False
    """Treat private and loopback addresses as public ones in every way."""
    banned: tuple[str, ...] = ()
    """Networks in CIDR notation that are neither answered nor contacted."""
    restricted_to: tuple[str, ...] = ()
    """If given, the only networks that are."""
    unlimited: bool = False
    """No rate limits, for labs and benchmarks; the accounting still runs."""
    max_datagram_bytes: int = 2048
    """Longer datagrams are dropped unread."""


DEFAULT_PORT = 6881
DEFAULT_NETWORK = "mainline"
PUBLIC_ROUTERS: tuple[str, ...] = ("dht.libtorrent.org:25401", "dht.transmissionbt.com:6881")
"""Mainline's public ways in, none of them reliable; used where no other is given."""


@dataclass(frozen=True, slots=True)
class Config:
    """What ``open_node`` takes."""

    bind: tuple[str, ...] = ("0.0.0.0:0",)
    """One HOST:PORT per address family; port 0 lets the system choose."""
    external: tuple[str, ...] = ()
    """One IP or IP:PORT per address family: our address as others see it. Without it they are
    asked, and vote.
    """
    bootstrap: tuple[str, ...] = ()
    """HOST:PORT, names or addresses, of nodes to join by."""
    routers: tuple[str, ...] = ()
    """HOST:PORT of nodes to join by where the ones before lead nowhere within a second."""
    peers: tuple[str, ...] = ()
    """HOST:PORT of nodes that are always kept: beyond caps and capacity, and also while they are
    silent.
    """
    asmap: str | None = None
    """The file of a map from addresses to autonomous systems, in the format of Bitcoin Core. With
    one, operators are told apart by it and not by /16 (IPv6 /32), and one system has few places in
    the table.
    """
    network: str = DEFAULT_NETWORK
    """The name of the network: contacts and peers are kept under it, and nodes of one name find
    each other on whatever DHT they are part of.
    """
    services: Mapping[str, int | bytes] = field(default_factory=dict, hash=False)
    """What our peer record offers: name -> port, or short bytes."""
    state_dir: str | None = None
    """The folder for what is kept between runs: key, own address, contacts. Without one nothing is
    kept.
    """
    core: CoreConfig = field(default_factory=CoreConfig)
    bootstrap_retry_s: float = 2.0
    """The first pause before bootstrap is tried again; it doubles, jittered, up to the next value.
    """
    bootstrap_retry_max_s: float = 60.0
    """The longest pause between two tries."""
    resolve_timeout_s: float = 5.0
    """How long name servers are waited for."""
    announce_interval_s: float = 900.0
    """An announce is repeated this often, jittered; others forget it after 30 minutes (BEP 5)."""
    publish_record: bool = True
    """Our own peer record is put on the DHT as a mutable item, so that whoever knows our key finds
    us (``kadisc resolve``).
    """
    publish_interval_s: float = 3600.0
    """What this node keeps published is put again this often, jittered; others forget it after 2
    hours (BEP 44).
    """
    publish_delay_s: float = 30.0
    """A new record is published so much later, jittered: addresses that change often cost one put,
    not many.
    """
    max_published: int = 64
    """Items that this node keeps published at a time."""
    save_interval_s: float = 30.0
    """What changed is saved at most so much later."""
    subscriber_queue: int = 1024
    """Events kept for a slow subscriber; further ones are dropped and counted."""
    socket_buffer_bytes: int = 1 << 20
    """Asked of the system for each socket, in and out."""
