"""What a feeder tells of its chain node: kept while it is connected, bounded, and only shown. And
the past that subscribers get.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kadisc.control.protocol import BUSY, INVALID_PARAMS, MAX_REQUEST_BYTES, encode_request
from kadisc.observe.feed_states import (
    MAX_CHAIN_PEERS,
    MAX_FEEDS,
    MAX_STEPS,
    MAX_TEXT,
    ChainPeerRow,
    FeedState,
    FeedStates,
    FeedStep,
)
from kadisc.observe.shell_events import StateSaved, StateUnsaved

from .lab import comes_true, open_lab

UP = {"name": "exec", "condition": "up", "want": 8, "started_s_ago": 1.0, "outbound": 2}


def request(number: int, **params: Any) -> bytes:
    line = {"jsonrpc": "2.0", "id": number, "method": "feed_state", "params": UP | params}
    return json.dumps(line).encode()


async def test_a_state_is_forgotten_when_its_feeder_disconnects(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        async with lab.client() as client, lab.client() as other:
            await client.send(request(1))
            assert await client.next() == {"jsonrpc": "2.0", "id": 1, "result": {"feeds": 1}}
            await client.send(request(2, outbound=3))
            await client.next()
            await other.send(request(1, name="bitcoin"))
            assert await other.next() == {"jsonrpc": "2.0", "id": 1, "result": {"feeds": 2}}
            first, second = lab.node.observations(lab.node.snapshot()).feeds
            assert (first.name, first.outbound, second.name) == ("exec", 3, "bitcoin")
        await comes_true(lambda: len(lab.node.feeds) == 0)


async def test_there_is_room_for_some_feeders(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        clients = [lab.client() for _ in range(MAX_FEEDS + 1)]
        opened = [await each.__aenter__() for each in clients]
        for each in opened[:-1]:
            await each.send(request(1))
            assert "result" in (await each.next() or {})
        await opened[-1].send(request(1))
        assert (await opened[-1].next() or {})["error"]["code"] == BUSY
        await opened[0].send(request(2))
        assert (await opened[0].next() or {})["result"] == {"feeds": MAX_FEEDS}
        for client in clients:
            await client.__aexit__(None, None, None)


STEP = {"s_ago": 1, "event": "lost", "words": ""}


@pytest.mark.parametrize(
    "wrong",
    [
        {"condition": "fine"},
        {"want": -1},
        {"started_s_ago": -1},
        {"chain": "x" * (MAX_TEXT + 1)},
        {"steps": [STEP] * (MAX_STEPS + 1)},
        {"steps": [STEP | {"more": 1}]},
        {"peers": [{"address": "a", "direction": "out", "offered": True}] * (MAX_CHAIN_PEERS + 1)},
        {"events": {f"event-{number}": 1 for number in range(33)}},
        {"unknown": 1},
    ],
)
async def test_a_state_that_is_too_large_or_wrong_is_refused(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    async with open_lab(tmp_path) as lab, lab.client() as client:
        await client.send(request(1, **wrong))
        assert (await client.next() or {})["error"]["code"] == INVALID_PARAMS
        assert len(lab.node.feeds) == 0


def test_the_largest_state_fits_into_a_request() -> None:
    text = "\u2028" * MAX_TEXT
    largest = FeedState(
        name="n" * 64,
        condition="down",
        want=2**53,
        started_s_ago=1e9,
        chain=text,
        trouble=text,
        events={f"{number:064}": 2**53 for number in range(32)},
        steps=(FeedStep(1e9, "e" * 64, text, "p" * 60, "wrong-network"),) * MAX_STEPS,
        peers=(ChainPeerRow(f"[{'f' * 39}]:65535", "out", True),) * MAX_CHAIN_PEERS,
    )
    assert len(encode_request(1, "feed_state", largest)) < MAX_REQUEST_BYTES


def test_ages_grow_while_nothing_is_told() -> None:
    states = FeedStates()
    state = msgspec.convert(UP | {"looked_s_ago": 2.0, "steps": [STEP]}, FeedState)
    assert states.told("connection", state, 100.0)
    (told,) = states.states(130.0)
    assert (told.started_s_ago, told.looked_s_ago, told.steps[0].s_ago) == (31.0, 32.0, 31.0)
    states.gone("connection")
    states.gone("connection")
    assert states.states(130.0) == ()


async def test_subscribers_get_the_past_first(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab, lab.client() as client:
        publish = lab.node.pump.publish
        publish(StateUnsaved("one"))
        publish(StateUnsaved("two"))
        publish(StateSaved())
        await client.ask("subscribe", past=2, types=["state_unsaved", "state_saved"])
        past = [(await client.next() or {})["params"]["value"] for _ in range(2)]
        assert [each.get("reason") for each in past] == ["two", None]
        await client.ask("subscribe", 2, past=1, follow=False, types=["state_saved"])
        only = await client.next() or {}
        assert (only["params"]["id"], only["params"]["value"]["event"]) == (2, "state_saved")
        assert await client.next() == {"jsonrpc": "2.0", "id": 2, "result": {}}
        publish(StateUnsaved("three"))
        assert (await client.next() or {})["params"]["value"]["reason"] == "three"
