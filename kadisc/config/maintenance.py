"""Checks of contacts, verification of candidates, refreshes, and the detection of being offline."""

from __future__ import annotations

from dataclasses import dataclass

from .declaration import SHARE, setting, within


@dataclass(frozen=True, slots=True)
class MaintenanceConfig:
    """How the routing table is kept up to date."""

    check_interval_s: float = setting(
        4.0,
        within(0.01, 31_536_000),
        "At most one contact of the table is checked in this many seconds.",
    )
    new_neighbour_check_interval_s: float = setting(
        16.0,
        within(0.01, 31_536_000),
        "Beside the other checks, at most one new contact close to the own ID is checked in this"
        " many seconds; until its check, no lookup can find it.",
    )
    fresh_check_s: float = setting(
        60.0,
        within(0.01, 31_536_000),
        "A contact is checked this many seconds after it was first verified; later checks are"
        " spaced by its age.",
    )
    hour_check_s: float = setting(
        300.0,
        within(0.01, 31_536_000),
        "A contact that has been up for an hour is checked after this many seconds;"
        " ``age_exponent`` says how the time changes with the age.",
    )
    age_exponent: float = setting(
        0.25,
        within(0, 4),
        "The time between two checks of a contact grows with this power of its age. A Weibull"
        " session of shape k dies at a rate that falls with age**(k - 1), and a budget of checks"
        " finds the most dead contacts when they are spaced by one over the root of that: 0.2 to"
        " 0.3 for the networks that were measured.",
    )
    max_check_s: float = setting(
        900.0,
        within(0.01, 31_536_000),
        "At most this many seconds pass between two checks of a contact. A longer time would leave"
        " fewer dead entries in all, but a lookup suffers from the one table that is the last to"
        " find out: with 1,200 s the median lookup takes twice as long.",
    )
    static_peer_check_s: float = setting(
        30.0,
        within(0.01, 31_536_000),
        "A static peer (``peer``) that does not answer is asked again after this many seconds.",
    )
    heartbeat_s: float = setting(
        20.0,
        within(0.01, 31_536_000),
        "A contact is asked when nothing was received for this many seconds, so that a change of"
        " the own address or of the link is noticed and a NAT keeps its mapping (20 % of NATs"
        " forget it after 30 s of silence).",
    )
    retry_after_failure_s: float = setting(
        20.0,
        within(0.01, 31_536_000),
        "The second check of a contact, which may evict it, follows this many seconds after the"
        " first failure.",
    )
    failures_to_evict: int = setting(
        2,
        within(1, 1_000),
        "A contact is evicted after it left this many spaced queries in a row unanswered.",
    )
    quarantine_silence_s: float = setting(
        200.0,
        within(0.01, 31_536_000),
        "A contact that contacted this node first is checked after this many seconds without"
        " traffic, when most NATs have forgotten the mapping.",
    )
    new_neighbour_silence_s: float = setting(
        310.0,
        within(0.01, 31_536_000),
        "A new contact close to the own ID is checked after this many seconds without traffic, when"
        " nearly all NATs have forgotten the mapping (one in twenty keeps it for 300 s). Other"
        " contacts need no such time: their checks come some minutes late anyway.",
    )
    max_candidates: int = setting(
        512,
        within(1, 100_000),
        "At most this many unverified contacts wait for their verification.",
    )
    candidates_per_subnet: int = setting(
        2,
        within(1, 10_000),
        "At most this many unverified contacts of one /24 (IPv6 /48) wait for their verification.",
    )
    candidate_checks_in_flight: int = setting(
        16,
        within(1, 10_000),
        "At most this many verifications are in flight.",
    )
    candidate_checks_per_subnet: int = setting(
        2,
        within(1, 10_000),
        "At most this many verifications are in flight in one /24 (IPv6 /48), which prevents use of"
        " this node to flood a third party's subnet.",
    )
    candidate_checks_per_s: float = setting(
        4.0,
        within(0.01, 10_000),
        "The node starts at most this many verifications per second: they fill the wide buckets of"
        " a new node in a minute, without a burst.",
    )
    candidate_lifetime_s: float = setting(
        600.0,
        within(0.01, 31_536_000),
        "An unverified contact that was not looked at for this many seconds is forgotten.",
    )
    recheck_candidate_s: float = setting(
        120.0,
        within(0.01, 31_536_000),
        "An endpoint that failed verification is not tried again for this many seconds.",
    )
    refresh_interval_s: float = setting(
        900.0,
        within(0.01, 31_536_000),
        "A bucket none of whose contacts answered for this many seconds is refreshed by the lookup"
        " of a random ID (BEP 5).",
    )
    own_lookup_interval_s: float = setting(
        1800.0,
        within(0.1, 31_536_000),
        "The own ID is looked up again after this many seconds.",
    )
    refresh_jitter: float = setting(
        0.2,
        SHARE,
        "The intervals of refreshes and of lookups of the own ID vary by this share, so that nodes"
        " that started together do not refresh together.",
    )
    offline_after_s: float = setting(
        20.0,
        within(0.01, 31_536_000),
        "The node may count as offline when nothing has answered it for this many seconds.",
    )
    offline_failures: int = setting(
        6,
        within(1, 1_000),
        "The node counts as offline only after this many contacts in a row, or all where there are"
        " fewer, left a query unanswered that had answered the one before.",
    )
