"""feedback and why by key, by UDP endpoint and by the endpoint of a service."""

from __future__ import annotations

from pathlib import Path

import pytest

from kadisc.endpoints import format_endpoint, parse_endpoint

from ..net.lab import address
from .lab import Lab, RawClient, comes_true, open_lab

INVALID_PARAMS, NOT_KNOWN = -32602, -32006
SERVICE = address(2).replace(":6881", ":30303")


async def key_of(lab: Lab) -> str:
    where = parse_endpoint(address(2))
    await comes_true(lambda: (why := lab.node.why(where)) is not None and why.verified_in_run)
    why = lab.node.why(where)
    assert why is not None
    assert why.key is not None
    return why.key.hex()


async def suppressed_s(client: RawClient, who: str) -> float:
    await client.ask("why", peer=who)
    return float((await client.result())["suppressed_s"])


async def test_a_verdict_is_noted_however_the_peer_is_named(tmp_path: Path) -> None:
    async with open_lab(tmp_path, others=2, name="testnet") as lab, lab.client() as client:
        key = await key_of(lab)
        named = ((SERVICE, "service", "busy"), (address(2), "endpoint", "bad"))
        for who, by, verdict in (*named, (key, "key", "wrong-network")):
            await client.ask("feedback", peer=who, verdict=verdict)
            assert await client.result() == {
                "peer": who,
                "verdict": verdict,
                "matched_by": by,
                "peers": [{"key": key, "endpoint": address(2), "proven": True}],
                "key": key,
            }
            await client.ask("why", peer=who)
            why = await client.result()
            assert (why["peer"], why["verdict"], why["matched_by"], why["also_at"]) == (
                address(2),
                verdict,
                by,
                [],
            )
        assert await suppressed_s(client, SERVICE) > 86_000
        await client.ask("feedback", key=key, verdict="good")  # as clients of earlier versions do
        assert (await client.result())["key"] == key
        assert {format_endpoint(peer.endpoint) for peer in lab.node.feedback(SERVICE, "bad")} == {
            address(2)
        }


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"peer": "13.2.7.9:1"}, NOT_KNOWN),
        ({"peer": "ff" * 32}, NOT_KNOWN),
        ({"peer": "nonsense"}, INVALID_PARAMS),
        ({"peer": "ff" * 31}, INVALID_PARAMS),
        ({"peer": "g" * 64}, INVALID_PARAMS),
        ({}, INVALID_PARAMS),
        ({"peer": "13.2.7.9:6881", "key": "ff" * 32}, INVALID_PARAMS),
    ],
)
async def test_a_peer_that_is_not_known_is_an_error(
    tmp_path: Path, params: dict[str, str], code: int
) -> None:
    async with open_lab(tmp_path, name="testnet") as lab, lab.client() as client:
        await client.ask("feedback", verdict="bad", **params)
        assert await client.error() == (1, code)
