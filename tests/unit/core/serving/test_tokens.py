"""Tokens prove that a node receives at its endpoint, for one purpose and one key, for five to ten
minutes.
"""

from __future__ import annotations

import random

from kadisc.core.serving.tokens import TOKEN_BYTES, TokenIssuer
from kadisc.endpoints import Endpoint
from tests.support.contacts import address6
from tests.support.world import address

ROTATION_S = 300.0
THERE, KEY = address(1), 77


def issuer(seed: int = 1) -> TokenIssuer:
    return TokenIssuer(random.Random(seed), ROTATION_S, 0.0)


def test_a_token_is_valid_for_its_purpose_address_and_key_alone() -> None:
    tokens = issuer()
    token = tokens.make(b"announce", THERE, KEY, 0)
    assert len(token) == TOKEN_BYTES
    assert tokens.accepts(token, b"announce", THERE, KEY, 1)
    assert not tokens.accepts(token, b"put", THERE, KEY, 1)
    assert not tokens.accepts(token, b"announce", address(2), KEY, 1)
    assert not tokens.accepts(token, b"announce", address6(1), KEY, 1)
    assert not tokens.accepts(token, b"announce", THERE, KEY + 1, 1)
    assert not issuer(seed=2).accepts(token, b"announce", THERE, KEY, 1), "a token of another node"


def test_a_token_is_invalid_for_another_port_of_the_address() -> None:
    tokens = issuer()
    token = tokens.make(b"announce", THERE, KEY, 0)
    assert not tokens.accepts(token, b"announce", address(1, port=9), KEY, 1)


def test_other_bytes_are_not_accepted() -> None:
    tokens = issuer()
    token = tokens.make(b"announce", THERE, KEY, 0)
    for bad in (
        b"",
        bytes(TOKEN_BYTES),
        token[:-1],
        token + b"\0",
        bytes(128),
        bytes(b ^ 1 for b in token),
    ):
        assert not tokens.accepts(bad, b"announce", THERE, KEY, 0)


def test_a_token_is_valid_for_one_to_two_rotations() -> None:
    for made_at in (0.0, 1.0, 299.0, 300.0, 450.0):
        tokens = issuer()
        token = tokens.make(b"announce", THERE, KEY, made_at)
        assert tokens.accepts(token, b"announce", THERE, KEY, made_at + ROTATION_S - 0.1)
        for now in range(0, int(2 * ROTATION_S), 60):
            tokens.make(b"announce", THERE, KEY, made_at + now)
        assert not tokens.accepts(token, b"announce", THERE, KEY, made_at + 2 * ROTATION_S)


def test_after_a_long_pause_nothing_old_is_accepted() -> None:
    """Without a query for an hour no secret rotated: the previous one is as old as the pause."""
    tokens = issuer()
    token = tokens.make(b"announce", THERE, KEY, 0)
    assert not tokens.accepts(token, b"announce", THERE, KEY, 3600)
    fresh = tokens.make(b"announce", THERE, KEY, 3600)
    assert tokens.accepts(fresh, b"announce", THERE, KEY, 3600 + ROTATION_S)


def test_a_token_for_an_ipv4_address_is_invalid_for_its_mapped_ipv6_address() -> None:
    tokens = issuer()
    mapped = Endpoint(bytes(10) + b"\xff\xff" + THERE)
    assert not tokens.accepts(tokens.make(b"announce", THERE, KEY, 0), b"announce", mapped, KEY, 0)
