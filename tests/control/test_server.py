"""The server with well-behaved clients: responses, errors and the end of requests."""

from __future__ import annotations

import stat
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import trio

from kadisc.control.methods import METHODS
from kadisc.control.protocol import (
    BUSY,
    CANCELLED,
    CLOSED,
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    NO_ANSWER,
    PARSE_ERROR,
)
from kadisc.endpoints import format_endpoint, parse_endpoint
from kadisc.net.transport.clock import TrioClock
from kadisc.observe.shell_events import NetworkChanged

from ..net.lab import address, open_at
from .lab import comes_true, open_lab

ID = "0123456789abcdef0123456789abcdef01234567"


async def test_status_names_the_node_and_its_endpoints(tmp_path: Path) -> None:
    async with open_lab(tmp_path, others=4) as lab, lab.client() as client:
        await client.ask("status")
        status = await client.result()
        assert (status["network"], status["public_key"], status["read_only"]) == (
            "mainline",
            lab.node.public_key.hex(),
            False,
        )
        [family] = status["families"]
        assert (family["family"], family["endpoint"], family["joined"], family["contacts"]) == (
            "ipv4",
            address(1),
            True,
            4,
        )
        assert family["id"] == f"{next(iter(lab.node.own_ids.values())):040x}"
        assert status["counters"]["received"] > 0
        assert status["uptime_s"] >= 0


async def test_find_announce_and_peers(tmp_path: Path) -> None:
    async with open_lab(tmp_path, others=5) as lab, lab.client() as client:
        await client.ask("find", target=ID, k=3)
        found = await client.result()
        assert list(found) == [
            "target",
            "nodes",
            "elapsed_s",
            "queries",
            "hops",
            "suspicious",
            "region",
        ]
        assert (found["target"], len(found["nodes"])) == (ID, 3)
        await client.ask("announce", infohash=ID, port=4444)
        stored = await client.result()
        assert (stored["port"], len(stored["stored"])) == (4444, 5)
        assert stored["queries"] >= 10  # one lookup and five announces
        await client.ask("peers", infohash=ID)
        peers = await client.result()
        host = address(1).partition(":")[0]
        assert peers["peers"] == [{"endpoint": f"{host}:4444", "host": host, "port": 4444}]
        assert 0 <= peers["first_peer_s"] <= peers["elapsed_s"]
        assert 5 <= peers["queries"] <= 10  # its own, and not those of the lookups before
        # What may still be under way are lookups for the table.
        assert all(each.target != int(ID, 16) for each in lab.node.operations())


async def test_peers_announced_to_the_node_itself_are_found(tmp_path: Path) -> None:
    async with open_lab(tmp_path, others=2) as lab, lab.client() as client:
        async with open_at(lab.net, 20, bootstrap=[address(1)], clock=TrioClock()) as other:
            await other.joined()
            await other.announce(ID, 7, seeds=[address(1)])
        lab.net.silent |= {parse_endpoint(address(number)) for number in (2, 3)}
        assert [format_endpoint(peer) for peer in lab.node.stored_peers(ID)] == [
            address(20).replace("6881", "7")
        ]
        lab.net.silent.clear()
        await client.ask("peers", infohash=ID)
        [peer] = (await client.result())["peers"]
        assert (peer["host"], peer["port"]) == (address(20).partition(":")[0], 7)


async def test_peers_are_sent_when_found_if_partial_is_set(tmp_path: Path) -> None:
    async with open_lab(tmp_path, others=4) as lab, lab.client() as client:
        for port in (1, 2):
            await client.ask("announce", infohash=ID, port=port)
            await client.result()
        await client.ask("peers", "watched", infohash=ID, partial=True)
        values: list[dict[str, Any]] = []
        while (message := await client.next()) is not None and message.get("method") == "$/partial":
            assert message["params"]["id"] == "watched"
            values.append(message["params"]["value"])
        assert message is not None
        assert [value["peer"] for value in values if "peer" in value] == message["result"]["peers"]
        assert len(message["result"]["peers"]) == 2
        progress = [value["progress"] for value in values if "progress" in value]
        assert progress
        assert all(
            list(each) == ["sent", "answered", "closest_bits", "elapsed_s"] for each in progress
        )


async def test_progress_counts_only_its_own_lookup(tmp_path: Path) -> None:
    async with open_lab(tmp_path, others=6) as lab, lab.client() as one, lab.client() as two:
        await one.ask("find", target=ID)
        await two.ask("find", target="f" * 40)
        first, second = await one.result(), await two.result()
        assert first["queries"] <= 12
        assert second["queries"] <= 12


async def test_a_ping_and_its_failures(tmp_path: Path) -> None:
    async with open_lab(tmp_path, others=1) as lab, lab.client() as client:
        await client.ask("ping", host=address(2))
        answer = await client.result()
        assert list(answer) == ["id", "client", "rtt_ms", "seen_as", "endpoint"]
        assert (answer["client"], answer["seen_as"], answer["endpoint"]) == (
            "KD 0.1",
            address(1),
            address(2),
        )
        for host, code in (("nonsense", INVALID_PARAMS), ("[2001:db8::1]:5", NO_ANSWER)):
            await client.ask("ping", host=host)
            assert await client.error() == (1, code)


async def test_events_are_sent_until_the_subscription_is_cancelled(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab, lab.client() as client:
        before = lab.subscribed
        await client.ask("subscribe", "s")
        await comes_true(lambda: lab.subscribed == before + 1)
        lab.node.pump.publish(NetworkChanged(5.0))
        message = await client.next()
        assert message is not None
        value = message["params"]["value"]
        assert datetime.fromisoformat(value.pop("time")).tzinfo is not None
        assert message["params"] == {
            "id": "s",
            "value": {
                "level": "info",
                "event": "network_changed",
                "cause": "suspended",
                "families": ["ipv4", "ipv6"],
                "slept_s": 5.0,
                "message": "this machine slept for 5 s; checking all contacts again",
            },
        }
        await client.send(b'{"jsonrpc": "2.0", "method": "$/cancel", "params": {"id": "s"}}')
        assert await client.error() == ("s", CANCELLED)
        assert lab.subscribed == before


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"hello", (None, PARSE_ERROR)),
        (b"[]", (None, INVALID_REQUEST)),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "nonsense"}', (1, METHOD_NOT_FOUND)),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "find"}', (1, INVALID_PARAMS)),
        (
            b'{"jsonrpc": "2.0", "id": 1, "method": "find", "params": {"target": "00"}}',
            (1, INVALID_PARAMS),
        ),
        (
            b'{"jsonrpc": "2.0", "id": 1, "method": "find", "params": {"target": "%b", "k": 0}}'
            % ID.encode(),
            (1, INVALID_PARAMS),
        ),
        (
            b'{"jsonrpc": "2.0", "id": 1, "method": "find", "params": {"target": "%b", "q": 0}}'
            % ID.encode(),
            (1, INVALID_PARAMS),
        ),
        (
            b'{"jsonrpc": "2.0", "id": 1, "method": "announce", '
            b'"params": {"infohash": "%b", "port": 0}}' % ID.encode(),
            (1, INVALID_PARAMS),
        ),
        (b'{"jsonrpc": "2.0", "id": 1, "method": "broken"}', (1, INTERNAL_ERROR)),
    ],
)
async def test_after_an_error_the_next_request_is_answered(
    tmp_path: Path, line: bytes, expected: tuple[object, int]
) -> None:
    async with open_lab(tmp_path) as lab, lab.client() as client:
        await client.send(line)
        assert await client.error() == expected
        await client.ask("status", 2)
        assert (await client.result())["network"] == "mainline"


async def test_requests_run_concurrently_and_each_can_be_cancelled(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab, lab.client() as client:
        await client.ask("slow", "a")
        await client.ask("slow", "b")
        await client.ask("status", "c")
        assert (await client.result())["network"] == "mainline"
        assert lab.slow.running == 2
        await client.ask("slow", "a")
        assert await client.error() == ("a", INVALID_REQUEST)  # it is in use
        for cancel in (b'{"id": "unknown"}', b"[]", b'{"id": "a"}'):
            await client.send(b'{"jsonrpc": "2.0", "method": "$/cancel", "params": %b}' % cancel)
        assert await client.error() == ("a", CANCELLED)
        assert lab.slow.running == 1


async def test_a_cancelled_request_ends_its_operation_in_the_node(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab, lab.client() as client:
        await client.ask("ping", "p", host=address(9))
        await comes_true(lambda: len(lab.node.operations()) == 1)
        await client.send(b'{"jsonrpc": "2.0", "method": "$/cancel", "params": {"id": "p"}}')
        assert await client.error() == ("p", CANCELLED)
        assert lab.node.operations() == ()


async def test_the_operations_of_a_disconnected_client_end(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        before = lab.subscribed
        async with lab.client() as client:
            await client.ask("ping", host=address(9))
            await client.ask("slow", 2)
            await client.ask("subscribe", 3)
            await comes_true(
                lambda: (
                    len(lab.node.operations()) == lab.slow.running == lab.subscribed - before == 1
                )
            )
        await comes_true(lambda: not lab.server.clients)
        assert (lab.node.operations(), lab.slow.running, lab.subscribed) == ((), 0, before)


async def test_a_half_closed_client_still_gets_its_response(tmp_path: Path) -> None:
    async with open_lab(tmp_path, others=3) as lab, lab.client() as client:
        await client.ask("find", target=ID)
        await client.stream.send_eof()
        assert len((await client.result())["nodes"]) == 3
        assert await client.next() is None
        await comes_true(lambda: not lab.server.clients)


async def test_a_request_without_an_id_gets_no_response(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab, lab.client() as client:
        await client.send(b'{"jsonrpc": "2.0", "method": "slow"}')
        await client.send(b'{"jsonrpc": "2.0", "method": "nonsense"}')
        await client.send(b'{"jsonrpc": "2.0", "method": "broken"}')
        await client.ask("status", "next")
        assert "network" in await client.result()
        assert lab.slow.running == 1


async def test_a_closing_node_answers_waiting_requests_with_an_error(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery:
        received: list[tuple[object, int]] = []
        connected = trio.Event()

        async def wait(stream: Any) -> None:
            async with stream as client:
                await client.ask("slow", "waiting")
                connected.set()
                received.append(await client.error())
                assert await client.next() is None

        async with open_lab(tmp_path) as lab:
            nursery.start_soon(wait, lab.client())
            await connected.wait()
            await comes_true(lambda: lab.slow.running == 1)
        assert not lab.path.exists()
    assert received == [("waiting", CLOSED)]


async def test_only_the_user_can_open_the_socket_and_any_end_of_the_node_removes_it(
    tmp_path: Path,
) -> None:
    with trio.CancelScope() as scope:
        async with open_lab(tmp_path) as lab:
            assert stat.S_IMODE(lab.path.stat().st_mode) == 0o600
            scope.cancel()
            await trio.lowlevel.checkpoint()
    assert not lab.path.exists()


async def test_too_many_requests_get_an_error(tmp_path: Path) -> None:
    async with (
        open_lab(tmp_path, requests_per_client=3) as lab,
        lab.client() as client,
        lab.client() as other,
    ):
        for number in range(5):
            await client.ask("slow", number)
        assert [await client.error(), await client.error()] == [(3, BUSY), (4, BUSY)]
        await other.ask("status")
        assert "network" in await other.result()


def test_every_method_documents_its_params_and_result() -> None:
    for name, method in METHODS.items():
        assert name == method.name
        assert method.params.__doc__
        assert method.result.__doc__
