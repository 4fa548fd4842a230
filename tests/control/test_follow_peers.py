"""``follow_peers`` and ``set_service`` over the control socket."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio

from kadisc.net.oneshot import port_check

from .lab import PATIENCE_S, RawClient, open_lab


async def partial(client: RawClient) -> dict[str, Any]:
    message = await client.next()
    assert message is not None
    assert message["method"] == "$/partial", message
    value: dict[str, Any] = message["params"]["value"]
    assert len(value) == 1
    return value


async def test_peers_are_told_as_they_come_and_go(tmp_path: Path) -> None:
    async with (
        open_lab(tmp_path, others=3, name="testnet") as lab,
        lab.client() as client,
        lab.client() as second,
    ):
        await client.ask("follow_peers", 7, service="eth")
        found = [(await partial(client))["peer"] for _ in range(3)]
        assert {each["endpoint"] for each in found} == {
            "13.2.7.9:6881",
            "14.3.7.9:6881",
            "15.4.7.9:6881",
        }
        assert all(each["addresses"]["eth"].endswith(":30303") for each in found)
        await second.ask("feedback", peer=found[0]["key"], verdict="bad")
        assert (await second.result())["verdict"] == "bad"
        assert await partial(client) == {
            "lost": {
                "key": found[0]["key"],
                "endpoint": found[0]["endpoint"],
                "reason": "feedback",
            }
        }
        await client.send(b'{"jsonrpc": "2.0", "method": "$/cancel", "params": {"id": 7}}')
        assert await client.error() == (7, -32004)


async def test_only_peers_whose_port_accepts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def accepts(host: str, port: int) -> bool:
        tried.append((host, port))
        await trio.lowlevel.checkpoint()
        return host == "14.3.7.9"

    tried: list[tuple[str, int]] = []
    monkeypatch.setattr(port_check, "accepts", accepts)  # the addresses are public ones
    async with open_lab(tmp_path, others=3, name="testnet") as lab, lab.client() as client:
        await client.ask("follow_peers", service="eth", check=True)
        assert (await partial(client))["peer"]["host"] == "14.3.7.9"
        with trio.move_on_after(0.5) as waited:
            await client.next()
        assert waited.cancelled_caught
        assert sorted(tried) == [(f"{11 + n}.{n}.7.9", 30303) for n in (2, 3, 4)]


async def test_other_params_are_refused(tmp_path: Path) -> None:
    async with open_lab(tmp_path, name="testnet") as lab, lab.client() as client:
        for params in (
            {"network": "other"},
            {"window": 0},
            {"window": 1001},
            {"again_after_s": 0.5},
            {"where": {"a b": None}},
            {"count": 5},
        ):
            await client.ask("follow_peers", 1, **params)
            assert await client.error() == (1, -32602), params
        for params in (
            {"name": "eth"},
            {"name": "a b", "value": 1},
            {"name": "eth", "value": 70000},
            {"name": "eth", "value": "0x"},
            {"name": "eth", "value": "words"},
            {"name": "eth", "value": 1.5},
        ):
            await client.ask("set_service", 2, **params)
            assert await client.error() == (2, -32602), params


async def test_a_service_is_withdrawn_and_renewed(tmp_path: Path) -> None:
    async with open_lab(tmp_path, name="testnet") as lab, lab.client() as client:
        seen = []
        for value in (None, None, 30303, "0xabcd"):
            await client.ask("set_service", name="eth", value=value)
            seen.append(await client.result())
        assert [each["services"] for each in seen] == [
            {},
            {},
            {"eth": 30303},
            {"eth": "0xabcd"},
        ]
        sequences = [each["sequence"] for each in seen]
        assert sequences[0] == sequences[1] < sequences[2] < sequences[3]
        await client.ask("record")
        record = await client.result()
        assert (record["sequence"], record["services"]) == (sequences[3], {"eth": "0xabcd"})


async def test_a_client_that_goes_ends_it(tmp_path: Path) -> None:
    async with open_lab(tmp_path, name="testnet") as lab:
        async with lab.client() as client:
            await client.ask("follow_peers")
            with trio.fail_after(PATIENCE_S):
                while not lab.server.clients or lab.server.clients[0].is_idle:  # noqa: ASYNC110
                    await trio.sleep(0.01)
        with trio.fail_after(PATIENCE_S):
            while lab.server.clients:  # noqa: ASYNC110
                await trio.sleep(0.01)
