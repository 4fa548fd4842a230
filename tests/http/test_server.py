"""Metrics and health over HTTP, asked as Prometheus, a load balancer and an attacker would."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio

from kadisc.control.metric_facts import metric_facts
from kadisc.endpoints import format_endpoint
from kadisc.errors import BindError, UsageError
from kadisc.http.access import Access, read_token
from kadisc.http.requests import HEAD_BYTES
from kadisc.http.server import CLIENTS, open_http
from kadisc.net.api.node import Node
from kadisc.observe.metric_family import MAX_VALUES
from kadisc.observe.metrics import metric_families

from ..control.lab import open_lab

PATIENCE_S = 20.0


@dataclass
class Asked:
    status: int
    head: str
    body: str


class HttpLab:
    def __init__(self, node: Node, where: str) -> None:
        self.node = node
        host, _, port = where.rpartition(":")
        self.host, self.port = host, int(port)

    async def raw(self, request: bytes) -> bytes:
        """All that comes back, until the server closes or answers no more."""
        received = b""
        stream = await trio.open_tcp_stream(self.host, self.port)
        with trio.fail_after(PATIENCE_S):
            async with stream:
                await stream.send_all(request)
                await stream.send_eof()
                async for chunk in stream:
                    received += chunk
        return received

    async def get(self, path: str, *headers: str, method: str = "GET", host: str = "") -> Asked:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host or self.host}", *headers, "", ""]
        head, _, body = (await self.raw("\r\n".join(lines).encode())).partition(b"\r\n\r\n")
        return Asked(int(head.split(b" ")[1]), head.decode(), body.decode())


@asynccontextmanager
async def open_http_lab(
    folder: Path, *, others: int = 3, api: bool = False, token: str | None = None
) -> AsyncIterator[HttpLab]:
    token_file = None
    if token is not None:
        token_file = str(folder / "token")
        await trio.Path(token_file).write_text(token + "\n")
    async with (
        open_lab(folder / "state", others=others) as lab,
        open_http(lab.node, "127.0.0.1:0", has_api=api, token_file=token_file) as where,
    ):
        yield HttpLab(lab.node, where)


def series(text: str) -> dict[str, float]:
    """The values of a text in Prometheus' format by name and labels."""
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


async def test_metrics_are_those_of_the_node(tmp_path: Path) -> None:
    async with open_http_lab(tmp_path) as lab:
        answer = await lab.get("/metrics")
        assert answer.status == 200
        assert "text/plain; version=0.0.4" in answer.head
        values = series(answer.body)
        by_state = [
            values[f'kadisc_dht_contacts{{family="ipv4",state="{state}"}}']
            for state in ("proven", "inbound")
        ]
        assert by_state[0] >= 1
        assert sum(by_state) == 3  # one that contacted this node first is not proven at once
        assert values["kadisc_ready"] == 1
        assert values['kadisc_node_info{network="mainline"}'] == 1
        assert values["process_resident_memory_bytes"] > 1e6


async def test_what_is_received_is_accepted_or_dropped(tmp_path: Path) -> None:
    async with open_http_lab(tmp_path) as lab:
        port = lab.node.pump.ports[0]
        lab.node.pump.core.receive(b"no bencode", port.local_endpoint, lab.node.pump.now())
        values = series((await lab.get("/metrics")).body)
        ends = [
            value
            for name, value in values.items()
            if name.startswith(
                (
                    "kadisc_datagrams_dropped_total",
                    "kadisc_queries_received_total",
                    "kadisc_responses_received_total",
                )
            )
        ]
        assert sum(ends) == values["kadisc_datagrams_received_total"] > 0


async def test_no_label_has_an_address_a_key_or_an_id(tmp_path: Path) -> None:
    async with open_http_lab(tmp_path) as lab:
        text = (await lab.get("/metrics")).body
        labels = " ".join(re.findall(r'="([^"]*)"', text))
        snapshot = lab.node.snapshot()
        secrets = [lab.node.public_key.hex(), *(f"{dht.own_id:040x}" for dht in snapshot.dhts)]
        for dht in snapshot.dhts:
            for bucket in dht.buckets:
                secrets += [format_endpoint(each.contact.endpoint) for each in bucket.entries]
        assert len(secrets) >= 5
        assert not [each for each in secrets if each in labels or each.split(":")[0] in labels]
        assert not re.search(r"\d+\.\d+\.\d+\.\d+|[0-9a-f]{40}", labels)


async def test_openmetrics_is_given_to_those_that_ask(tmp_path: Path) -> None:
    async with open_http_lab(tmp_path) as lab:
        answer = await lab.get("/metrics", "Accept: application/openmetrics-text; version=1.0.0")
        assert "application/openmetrics-text" in answer.head
        assert answer.body.endswith("# EOF\n")


async def test_health_and_readiness(tmp_path: Path) -> None:
    async with open_http_lab(tmp_path) as lab:
        assert (await lab.get("/healthz")).body == "ok\n"
        answer = await lab.get("/readyz")
        assert (answer.status, json.loads(answer.body)) == (200, {"ready": True, "because": []})


async def test_a_node_that_has_not_joined_is_not_ready(tmp_path: Path) -> None:
    async with open_http_lab(tmp_path, others=0) as lab:
        answer = await lab.get("/readyz")
        assert answer.status == 503
        assert json.loads(answer.body) == {
            "ready": False,
            "because": ["ipv4: the node has not joined the DHT"],
        }
        assert (await lab.get("/healthz")).status == 200
        assert series((await lab.get("/metrics")).body)["kadisc_ready"] == 0


async def test_a_foreign_name_in_host_is_refused(tmp_path: Path) -> None:
    async with open_http_lab(tmp_path, api=True) as lab:
        for host in ("attacker.example", "attacker.example:9464", "127.0.0.1.attacker.example"):
            assert (await lab.get("/v1/status", host=host)).status == 421
        for host in ("localhost:9464", "127.0.0.1", "[::1]:9464", "LOCALHOST"):
            assert (await lab.get("/v1/status", host=host)).status == 200
        assert b" 400 " in await lab.raw(b"GET /metrics HTTP/1.1\r\n\r\n")


async def test_a_token_guards_all_but_health(tmp_path: Path) -> None:
    token = "0123456789abcdef-token"
    async with open_http_lab(tmp_path, api=True, token=token) as lab:
        for path in ("/metrics", "/v1/status", "/nothing"):
            assert (await lab.get(path)).status == 401
            assert (await lab.get(path, "Authorization: Bearer wrong")).status == 401
            assert (await lab.get(path, f"Authorization: Basic {token}")).status == 401
        assert (await lab.get("/metrics", f"Authorization: Bearer {token}")).status == 200
        assert (await lab.get("/healthz")).status == 200


async def test_only_get_and_head(tmp_path: Path) -> None:
    async with open_http_lab(tmp_path) as lab:
        assert (await lab.get("/metrics", method="POST")).status == 405
        answer = await lab.get("/metrics", method="HEAD")
        assert (answer.status, answer.body) == (200, "")
        assert (await lab.get("/v1/status")).status == 404


async def test_the_read_only_api(tmp_path: Path) -> None:
    async with open_http_lab(tmp_path, api=True) as lab:
        status = json.loads((await lab.get("/v1/status")).body)
        assert status["public_key"] == lab.node.public_key.hex()
        with trio.fail_after(PATIENCE_S):
            async for _ in lab.node.peers(count=1):
                pass
        peers = json.loads((await lab.get("/v1/peers?count=2")).body)["peers"]
        assert peers
        one = peers[0]["endpoint"]
        assert one in (await lab.get("/v1/peers?format=text")).body.splitlines()
        eth = peers[0]["addresses"]["eth"]
        assert eth in (await lab.get("/v1/peers?format=text&service=eth")).body.splitlines()
        assert (await lab.get("/v1/peers?format=text&service=none")).body == ""
        assert json.loads((await lab.get(f"/v1/why?peer={one}")).body)["peer"] == one
        assert (await lab.get("/v1/why?peer=9.9.9.9:9")).status == 404


@pytest.mark.parametrize(
    "path",
    [
        "/v1/peers?count=0",
        "/v1/peers?count=100000",
        "/v1/peers?count=x",
        "/v1/peers?colour=red",
        "/v1/peers?format=xml",
        "/v1/peers?network=another",
        "/v1/peers?where=fork%3D0xzz",
        "/v1/why",
        "/v1/why?peer=%00%ff",
        "/v1/peers?" + "&".join(["count=1"] * 40),
    ],
)
async def test_bad_parameters_are_told(tmp_path: Path, path: str) -> None:
    async with open_http_lab(tmp_path, others=0, api=True) as lab:
        answer = await lab.get(path)
        assert answer.status == 400
        assert answer.body.strip()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS hello
        b"GET /metrics HTTP/9.9\r\n\r\n",
        b"\r\n" * 10_000,
        b"GET /" + b"a" * (2 * HEAD_BYTES),
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"A: b\r\n" * 5000,
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999\r\n\r\n" + b"x" * 99_999,
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    ],
)
async def test_garbage_is_refused_and_the_next_client_served(
    tmp_path: Path, request_bytes: bytes
) -> None:
    async with open_http_lab(tmp_path, others=0) as lab:
        try:
            received = await lab.raw(request_bytes)
        except trio.BrokenResourceError:
            received = b""  # the server closed while the client still sent
        assert not received or b" 4" in received[:14], received[:40]
        assert (await lab.get("/healthz")).status == 200


async def test_silent_clients_neither_pile_up_nor_shut_others_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kadisc.http.requests.REQUEST_S", 0.5)
    async with open_http_lab(tmp_path, others=0) as lab:
        silent = [await trio.open_tcp_stream(lab.host, lab.port) for _ in range(CLIENTS)]
        answer = await lab.get("/healthz")
        assert (answer.status, "32 clients" in answer.body) == (503, True)
        with trio.fail_after(5 * PATIENCE_S):
            assert await silent[0].receive_some() == b""  # closed in time
        assert (await lab.get("/healthz")).status == 200
        for each in silent:
            await each.aclose()


def test_other_machines_need_a_token_or_the_operators_word() -> None:
    for listens_at in ("0.0.0.0:9464", "192.0.2.1:9464", "[::]:9464"):
        with pytest.raises(UsageError, match="--metrics-token"):
            Access(listens_at, token=None, is_open=False)
        Access(listens_at, token="x" * 16, is_open=False)
        Access(listens_at, token=None, is_open=True)
    Access("127.5.5.5:9464", token=None, is_open=False)
    Access("unix:/run/kadisc.sock", token=None, is_open=False)


@pytest.mark.parametrize("content", ["", "short", "x" * 257, "two words in this line", "ü" * 20])
def test_a_bad_token_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "token").write_text(content)
    with pytest.raises(UsageError, match="--metrics-token"):
        read_token(str(tmp_path / "token"))


async def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    async with open_http_lab(tmp_path, others=0) as lab:
        with pytest.raises(BindError, match="in use"):
            async with open_http(lab.node, f"127.0.0.1:{lab.port}"):
                pass


async def test_a_unix_socket_serves_and_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    async with (
        open_lab(tmp_path / "state") as lab,
        open_http(lab.node, f"unix:{path}") as where,
    ):
        assert where == f"unix:{path}"
        async with await trio.open_unix_socket(str(path)) as stream:
            await stream.send_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            with trio.fail_after(PATIENCE_S):
                assert b"200 OK" in b"".join([chunk async for chunk in stream])
    assert not path.exists()


async def test_labels_have_a_bounded_number_of_values(tmp_path: Path) -> None:
    async with open_lab(tmp_path / "state") as lab:
        facts = metric_facts(lab.node)
        counters = {**facts.counters, **{f"refused.r{n:04}": n for n in range(1000)}}
        [family] = [
            each
            for each in metric_families(type(facts)(**{**_fields(facts), "counters": counters}))
            if each.name == "kadisc_refused"
        ]
        assert len(family.samples) == MAX_VALUES + 1
        assert sum(float(each.value) for each in family.samples) == sum(  # type: ignore[arg-type]
            count for name, count in counters.items() if name.startswith("refused.")
        )


def _fields(facts: object) -> dict[str, object]:
    return {name: getattr(facts, name) for name in facts.__dataclass_fields__}  # type: ignore[attr-defined]


@pytest.mark.parametrize("target", ["//[", "//]", "http://[::1", "//[x]:y"])
async def test_a_target_that_is_no_url_is_not_found_and_ends_nothing(
    tmp_path: Path, target: str
) -> None:
    async with open_http_lab(tmp_path, others=0, api=True) as lab:
        assert (await lab.get(target)).status == 404
        assert (await lab.get("/healthz")).status == 200
