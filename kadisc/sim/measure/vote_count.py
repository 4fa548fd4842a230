"""The vote on our own address alone, without a network: how often do liars win? Counted over many
trials, and computed.

The computation walks over all (lies, truths) that a count can come to, with the rules of
`core/external_address.py` stated once more, so that each checks the other. Voters are drawn one by
one from so many networks that a share of ``liars`` stays what it is; all liars say the same.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ...config import AddressConfig
from ...core.addressing.external_address import Confidence, ExternalAddress

TRUTH, LIE, PORT = b"\x01\x01\x01\x01", b"\x02\x02\x02\x02", b"\x1a\xe1"
MOST_VOTES = 200
"""No count goes on for longer: by then hardly any is undecided."""
WRONG, RIGHT, OPEN = "wrong", "right", "open"


def first_decisions(
    config: AddressConfig, liars: float, trials: int, rng: Random
) -> tuple[int, int]:
    """How many of so many fresh nodes decide for the lie, and how many come to no decision in
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
    """Of so many recounts, each opened by a lie at a node that knows its address: how many end with
    the lie.
    """
    wrong = 0
    for _ in range(trials):
        address = ExternalAddress(config, TRUTH, None, Confidence.VOTED)
        address.vote(b"", LIE, PORT, 0.0)
        for voter in range(
            2 * config.change_voters
        ):  # all at one moment: once a recount is closed no other is opened
            if address.vote(
                voter.to_bytes(2, "big"), LIE if rng.random() < liars else TRUTH, PORT, 0.0
            ).changed:
                break
        wrong += address.ip == LIE
    return wrong


def wrong_first_probability(config: AddressConfig, liars: float) -> float:
    def outcome(lies: int, truths: int) -> str:
        votes = lies + truths
        if votes < config.first_voters:
            return OPEN
        if lies >= config.agreement * votes:
            return WRONG
        return RIGHT if truths >= config.agreement * votes else OPEN

    return _probability(outcome, liars, start=(0, 0))


def wrong_recount_probability(config: AddressConfig, liars: float) -> float:
    """Of one recount that a lie has opened."""

    def outcome(lies: int, truths: int) -> str:
        votes = lies + truths
        if votes >= config.change_voters and lies >= config.agreement * votes:
            return WRONG
        if votes >= min(config.probes, config.change_voters) and 2 * lies < votes:
            return RIGHT
        return RIGHT if votes >= 2 * config.change_voters else OPEN

    return _probability(outcome, liars, start=(1, 0))


def _probability(outcome: Callable[[int, int], str], liars: float, start: tuple[int, int]) -> float:
    """That a count which begins so ends wrong."""
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
