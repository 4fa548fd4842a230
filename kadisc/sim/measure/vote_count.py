"""The vote on the own address alone, without a network: how often do liars win? Counted over many
trials, and computed.

The computation goes over all pairs (lies, truths) that a count can reach. It states the rules of
`core/addressing/external_address.py` a second time, so that each checks the other. Voters are drawn
one by one from so many networks that the share of ``liars`` stays constant; all liars report the
same address.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ...config import AddressConfig
from ...core.addressing.external_address import Confidence, ExternalAddress

TRUTH, LIE, PORT = b"\x01\x01\x01\x01", b"\x02\x02\x02\x02", b"\x1a\xe1"
MOST_VOTES = 200
"""The limit of a count: by then hardly any is undecided."""
WRONG, RIGHT, OPEN = "wrong", "right", "open"


def first_decisions(
    config: AddressConfig, liars: float, trials: int, rng: Random
) -> tuple[int, int]:
    """Of ``trials`` new nodes: how many decide for the lie, and how many are undecided after
    `MOST_VOTES`.
    """
    wrong = undecided = 0
    for _ in range(trials):
        address = ExternalAddress(config, None, None, Confidence.UNKNOWN)
        for voter in range(MOST_VOTES):
            if address.vote(
                voter.to_bytes(2, "big"), LIE if rng.random() < liars else TRUTH, PORT, 0.0
            ).changed:
                break
        wrong += address.ip == LIE
        undecided += address.ip is None
    return wrong, undecided


def wrong_recounts(config: AddressConfig, liars: float, trials: int, rng: Random) -> int:
    """Of ``trials`` recounts, each opened by a lie at a node that knows its address: how many end
    with the lie.
    """
    wrong = 0
    for _ in range(trials):
        address = ExternalAddress(config, TRUTH, None, Confidence.VOTED)
        address.vote(b"", LIE, PORT, 0.0)
        # All votes at one moment: once a recount is closed no other is opened.
        for voter in range(2 * config.change_voters):
            if address.vote(
                voter.to_bytes(2, "big"), LIE if rng.random() < liars else TRUTH, PORT, 0.0
            ).changed:
                break
        wrong += address.ip == LIE
    return wrong


def wrong_first_probability(config: AddressConfig, liars: float) -> float:
    """The probability that a new node decides for the lie."""

    def outcome(lies: int, truths: int) -> str:
        votes = lies + truths
        if votes < config.first_voters:
            return OPEN
        if lies >= config.agreement * votes:
            return WRONG
        return RIGHT if truths >= config.agreement * votes else OPEN

    return _probability(outcome, liars, start=(0, 0))


def wrong_recount_probability(config: AddressConfig, liars: float) -> float:
    """The probability that a recount opened by a lie ends with the lie."""

    def outcome(lies: int, truths: int) -> str:
        votes = lies + truths
        if votes >= config.change_voters and lies >= config.agreement * votes:
            return WRONG
        if votes >= min(config.probes, config.change_voters) and 2 * lies < votes:
            return RIGHT
        return RIGHT if votes >= 2 * config.change_voters else OPEN

    return _probability(outcome, liars, start=(1, 0))


def wrong_moves(
    config: AddressConfig, liars: float, trials: int, rng: Random, *, every_s: float
) -> int:
    """Of ``trials`` hours in which the own network seems to change every ``every_s`` seconds, at a
    node that does not move: how many have the lie as the address at any moment. When the node asks
    for votes, those of as many netgroups come in as can be needed.
    """
    wrong = 0
    for _ in range(trials):
        address = ExternalAddress(config, TRUTH, None, Confidence.VOTED)
        for change in range(int(3600.0 / every_s)):
            now = change * every_s
            asks = address.network_changed(now)
            for voter in range(2 * config.first_voters if asks else 0):
                choice = LIE if rng.random() < liars else TRUTH
                address.vote(voter.to_bytes(2, "big"), choice, PORT, now)
                if address.ip == LIE:
                    break
            if address.ip == LIE:
                wrong += 1
                break
    return wrong


def wrong_move_probability(config: AddressConfig, liars: float) -> float:
    """The probability that one change of the own network, at a node that does not move, ends with
    the lie as its address.
    """

    def outcome(lies: int, truths: int) -> str:
        votes = lies + truths
        if votes >= config.first_voters and lies >= config.agreement * votes:
            return WRONG
        if votes >= min(config.probes, config.first_voters) and 2 * lies < votes:
            return RIGHT
        return RIGHT if votes >= 2 * config.first_voters else OPEN

    return _probability(outcome, liars, start=(0, 0))


def _probability(outcome: Callable[[int, int], str], liars: float, start: tuple[int, int]) -> float:
    """The probability that a count which begins with ``start`` ends wrong."""
    wrong, states = 0.0, {start: 1.0}
    for _ in range(MOST_VOTES):
        following: dict[tuple[int, int], float] = {}
        for (lies, truths), probability in states.items():
            for state, chance in (((lies + 1, truths), liars), ((lies, truths + 1), 1.0 - liars)):
                result = outcome(*state)
                if result == WRONG:
                    wrong += probability * chance
                elif result == OPEN:
                    following[state] = following.get(state, 0.0) + probability * chance
        states = following
    return wrong
