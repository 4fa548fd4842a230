"""Reachability: the test of the own endpoints, and the help that the node gives to other tests."""

from __future__ import annotations

from dataclasses import dataclass

from .declaration import setting, within


@dataclass(frozen=True, slots=True)
class ReachConfig:
    """A host is an IPv4 address or an IPv6 /64, a subnet a /24 (IPv6 /48). The asker wants to know
    whether strangers reach it, the helper draws a witness for it, and the witness pings it. A
    budget per hour can be spent at once after an hour's pause.
    """

    stranger_s: float = setting(
        330.0,
        within(1, 86_400),
        "A host counts as a stranger when nothing was sent to it, and nothing came from it, for"
        " this many seconds: more than the 300 seconds that most NATs keep an unused UDP mapping.",
    )
    contacted_bits: int = setting(
        17,
        within(4, 24),
        "The hosts that this node had to do with lately are noted in two to the power of this many"
        " cells of one byte for each address family. Hosts that share a cell only hide evidence.",
    )
    reserve_share: float = setting(
        0.25,
        within(0, 0.5),
        "While the first tests of a new node run, the upkeep of its routing table and gossip leave"
        " this share of all hosts alone, and 2.5 times of it while few contacts are known. So there"
        " are strangers among the witnesses also in a network that the node would contact as a"
        " whole within seconds.",
    )
    reserve_s: float = setting(
        120.0,
        within(0, 86_400),
        "After so many seconds no host is left alone any longer, with or without a verdict.",
    )
    probes_at_once: int = setting(
        4,
        within(1, 16),
        "A round of a test begins with this many probes, and as many again after 2 seconds.",
    )
    proofs: int = setting(
        2,
        within(1, 16),
        "This many strangers that got in, through helpers in distinct netgroups, make an endpoint"
        " proven.",
    )
    misses: int = setting(
        8,
        within(1, 16),
        "This many netgroups of helpers whose strangers did not get in, in each of two rounds"
        " without one success, make an endpoint count as closed.",
    )
    round_probes: int = setting(
        16,
        within(1, 64),
        "A round of a test has at most this many probes.",
    )
    round_s: float = setting(
        30.0,
        within(1, 600),
        "A round of a test ends after at most this many seconds.",
    )
    round_pause_s: float = setting(
        20.0,
        within(0, 600),
        "The second round of a test, which a closed endpoint takes, begins this many seconds after"
        " the first.",
    )
    refresh_s: float = setting(
        60.0,
        within(1, 86_400),
        "A proven endpoint is probed again after this many seconds without any stranger that got"
        " in.",
    )
    failed_fast_s: float = setting(
        30.0,
        within(1, 86_400),
        "After a change, a closed endpoint is probed again every so many seconds.",
    )
    failed_fast_for_s: float = setting(
        600.0,
        within(0, 86_400),
        "For this many seconds after a change of the network, of a mapping or of the verdict a"
        " closed endpoint is probed at the faster pace.",
    )
    failed_slow_s: float = setting(
        300.0,
        within(1, 86_400),
        "Without any change, a closed endpoint is probed again every so many seconds.",
    )
    retry_s: float = setting(
        60.0,
        within(1, 86_400),
        "A test that decided nothing, for want of helpers or of answers, begins again after this"
        " many seconds; the pause doubles up to ``max_retry_s``.",
    )
    max_retry_s: float = setting(
        600.0,
        within(1, 86_400),
        "A test that decided nothing begins again after at most this many seconds.",
    )
    empty_rounds: int = setting(
        4,
        within(1, 1000),
        "After this many rounds in a row in which no witness was a stranger, the next one comes"
        " after ``empty_retry_s``, and has half as many probes.",
    )
    empty_retry_s: float = setting(
        3600.0,
        within(1, 86_400),
        "The pause after ``empty_rounds`` rounds in which no witness was a stranger, as in a"
        " network so small that all nodes know each other.",
    )
    new_helpers: int = setting(
        8,
        within(1, 1000),
        "This many helpers that were found during that pause end it.",
    )
    guard_entries: int = setting(
        64,
        within(1, 100_000),
        "A closed node marks itself as read-only, and stops to announce itself, only while its"
        " routing table has at least this many contacts: smaller networks cannot spare a node.",
    )
    guard_s: float = setting(
        300.0,
        within(0, 86_400),
        "A closed node marks itself as read-only only when the network has been large enough for"
        " this many seconds.",
    )
    services_s: float = setting(
        3600.0,
        within(60, 86_400),
        "The TCP ports of the services are checked from outside every so many seconds, and after a"
        " change of the own address or of a mapping.",
    )
    witness_wait_s: float = setting(
        2.0,
        within(0.1, 60),
        "A witness waits this many seconds for the answer to its ping.",
    )
    witness_timeout_s: float = setting(
        3.0,
        within(0.1, 60),
        "A helper takes another witness when one has not replied for this many seconds.",
    )
    help_s: float = setting(
        8.0,
        within(0.1, 60),
        "A helper answers that it is busy when no witness has replied within this many seconds.",
    )
    max_asks: int = setting(
        64,
        within(1, 4096),
        "A helper serves at most this many askers at once.",
    )
    max_pings: int = setting(
        32,
        within(1, 4096),
        "A witness waits for the answers to at most this many pings at once.",
    )
    host_ask_burst: float = setting(
        8.0,
        within(1, 100_000),
        "A helper serves at most this many requests of one host at once, after a pause.",
    )
    host_asks_per_h: float = setting(
        120.0,
        within(0.1, 1_000_000),
        "A helper serves at most this many requests of one host per hour, sustained.",
    )
    subnet_ask_burst: float = setting(
        32.0,
        within(1, 100_000),
        "A helper serves at most this many requests of one subnet at once, after a pause.",
    )
    subnet_asks_per_h: float = setting(
        64.0,
        within(0.1, 1_000_000),
        "A helper serves at most this many requests of one subnet per hour, sustained.",
    )
    total_ask_burst: float = setting(
        20.0,
        within(1, 100_000),
        "A helper serves at most this many requests at once, after a pause.",
    )
    total_asks_per_s: float = setting(
        2.0,
        within(0.001, 100_000),
        "A helper serves at most this many requests per second, sustained.",
    )
    host_dial_burst: float = setting(
        2.0,
        within(1, 100_000),
        "A helper opens at most this many TCP connections to one asker at once, after a pause.",
    )
    host_dials_per_h: float = setting(
        12.0,
        within(0.1, 1_000_000),
        "A helper opens at most this many TCP connections to one asker per hour, sustained.",
    )
    subnet_dials_per_h: float = setting(
        8.0,
        within(1, 1_000_000),
        "A helper opens at most this many TCP connections to one subnet per hour.",
    )
    total_dial_burst: float = setting(
        4.0,
        within(1, 100_000),
        "A helper opens at most this many TCP connections at once, after a pause.",
    )
    total_dials_per_s: float = setting(
        0.2,
        within(0.001, 100_000),
        "A helper opens at most this many TCP connections per second, sustained.",
    )
    host_knocks_per_h: float = setting(
        30.0,
        within(1, 1_000_000),
        "A witness pings at most this many times per hour in the name of one helper's host.",
    )
    subnet_knocks_per_h: float = setting(
        60.0,
        within(1, 1_000_000),
        "A witness pings at most this many times per hour in the name of one helper's subnet.",
    )
    host_pings_per_h: float = setting(
        6.0,
        within(1, 1_000_000),
        "A witness pings one host at most this many times per hour, whichever helpers ask for it.",
    )
    subnet_pings_per_h: float = setting(
        24.0,
        within(1, 1_000_000),
        "A witness pings one subnet at most this many times per hour, whichever helpers ask for"
        " it.",
    )
    total_ping_burst: float = setting(
        10.0,
        within(1, 100_000),
        "A witness pings at most this many times at once, after a pause.",
    )
    total_pings_per_s: float = setting(
        0.5,
        within(0.001, 100_000),
        "A witness pings at most this many times per second, sustained.",
    )
    pairs_per_h: float = setting(
        2.0,
        within(1, 1_000_000),
        "A witness pings one host at most this many times per hour in the name of helpers of one"
        " netgroup (/16, IPv6 /32).",
    )
