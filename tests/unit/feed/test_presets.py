"""Presets are data: what each sends and reads, against answers as the chain nodes give them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from kadisc.cli.feed import PRESETS
from kadisc.endpoints import parse_endpoint
from kadisc.errors import UsageError
from kadisc.feed.chain_node import RpcTarget
from kadisc.feed.presets import magic_of, presets
from kadisc.feed.rpc import ChainRpc, RpcAccess, RpcError, RpcRefused, RpcUnreachable
from kadisc.feed.templates import LacksService, at, filled

from .peers import found

NODE_ID = "30" * 20
ENODE = "ab" * 64
PEER_ID = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp"
PEER = found(
    "45.1.0.1:30303",
    enode=f"0x{ENODE}",
    node=f"0x{NODE_ID}",
    peerid=f"0x{PEER_ID.encode().hex()}",
)


class Recorded(ChainRpc):
    """Answers by method; an exception is raised."""

    def __init__(self, answers: dict[str, Any]) -> None:
        super().__init__(RpcAccess("http://127.0.0.1:1"))
        self._answers = answers
        self.calls: list[tuple[str, Any]] = []

    async def call(self, method: str, params: Sequence[Any] | dict[str, Any]) -> Any:
        self.calls.append((method, params))
        answer = self._answers[method]
        if isinstance(answer, Exception):
            raise answer
        return answer


RECORDED: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[str, Any]]] = {
    "bitcoin": (
        {
            "getnetworkinfo": {"subversion": "/Satoshi:27.0.0/", "networkactive": True},
            "addnode": None,
        },
        {
            "getpeerinfo": [
                {"addr": "45.1.0.1:30303", "inbound": False},
                {"addr": "45.2.0.1:51234", "inbound": True},
                {"addr": "[2a00:1::1]:8333", "inbound": False},
                {"addr": "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333"},
            ]
        },
        ("addnode", ["45.1.0.1:30303", "onetry"]),
    ),
    "handshake": (
        {"getnetworkinfo": {"subversion": "/hsd:8.0.0/"}, "addnode": None},
        {
            "getpeerinfo": [
                {"addr": "45.1.0.1:30303", "inbound": False},
                {"addr": "45.2.0.1:54364", "inbound": True},
                {"addr": "45.3.0.1:14038", "inbound": False},
                {"addr": "45.4.0.1:14038", "inbound": False},
            ]
        },
        ("addnode", ["45.1.0.1:30303", "onetry"]),
    ),
    "ethereumjs": (
        {"web3_clientVersion": "EthereumJS/0.10.5/linux/node20.20.2", "admin_addPeer": True},
        {
            "admin_peers": [
                {
                    "protocols": {"eth": {"head": "0x", "version": version}},
                    "network": {"remoteAddress": f"45.{number}.0.1:30303"},
                }
                for number, version in ((1, 68), (2, 68), (3, 68), (5, None))
            ]
        },
        ("admin_addPeer", [{"address": "45.1.0.1", "tcpPort": 30303, "udpPort": 30303}]),
    ),
    "geth": (
        {"web3_clientVersion": "Geth/v1.14.0-stable/linux-amd64/go1.22", "admin_addPeer": True},
        {
            "admin_peers": [
                {"network": {"remoteAddress": "45.1.0.1:30303", "inbound": False}},
                {"network": {"remoteAddress": "45.2.0.1:33000", "inbound": True}},
                {"network": {"remoteAddress": "45.3.0.1:30303", "inbound": False}},
                {"network": {"remoteAddress": "[2a00:1::1]:30303", "inbound": False}},
            ]
        },
        ("admin_addPeer", [f"enode://{ENODE}@45.1.0.1:30303"]),
    ),
    "cometbft": (
        {"status": {"node_info": {"moniker": "mine"}}, "dial_peers": {"log": "Dialing"}},
        {
            "net_info": {
                "listening": True,
                "peers": [
                    {"node_info": {"id": NODE_ID}, "is_outbound": True, "remote_ip": "45.1.0.1"},
                    {"node_info": {"id": "31" * 20}, "is_outbound": False, "remote_ip": "45.2.0.1"},
                    {"node_info": {"id": "32" * 20}, "is_outbound": True, "remote_ip": "2a00:1::1"},
                    {"node_info": {"id": "33" * 20}, "is_outbound": True, "remote_ip": "45.3.0.1"},
                ],
            }
        },
        ("dial_peers", {"peers": [f"{NODE_ID}@45.1.0.1:30303"], "persistent": False}),
    ),
    "substrate": (
        {"system_version": "1.9.0-9a1b2c3", "system_addReservedPeer": None},
        {
            "system_peers": [
                {"peerId": PEER_ID, "roles": "FULL", "bestHash": "0x00", "bestNumber": 1},
                {"peerId": "12D3KooWother", "roles": "FULL", "bestHash": "0x00", "bestNumber": 1},
                {"peerId": "12D3KooWthird", "roles": "FULL", "bestHash": "0x00", "bestNumber": 1},
            ]
        },
        ("system_addReservedPeer", [f"/ip4/45.1.0.1/tcp/30303/p2p/{PEER_ID}"]),
    ),
}


def test_the_command_names_all_presets() -> None:
    assert tuple(presets()) == PRESETS == tuple(RECORDED)


@pytest.mark.parametrize("name", RECORDED)
async def test_what_a_preset_sends_and_reads(name: str) -> None:
    more, peers, sent = RECORDED[name]
    rpc = Recorded({**more, **peers})
    target = RpcTarget(name, presets()[name], rpc)
    look = await target.look()
    assert look.outbound == 3
    assert look.connected_to(PEER)
    assert not look.has(found("45.77.0.1:30303"))
    assert look.has_room
    assert look.words
    assert (await target.offer(PEER)).verdict is None
    assert rpc.calls[-1] == sent


async def test_one_that_connected_to_the_chain_node_is_known_by_its_host() -> None:
    more, peers, _ = RECORDED["bitcoin"]
    look = await RpcTarget("bitcoin", presets()["bitcoin"], Recorded({**more, **peers})).look()
    inbound = found("45.2.0.1:9333")
    assert look.has(inbound)
    assert not look.connected_to(inbound)


async def test_answers_of_any_shape_are_errors_or_nobody() -> None:
    for answer in (None, {}, "x", 7, [None, 3, "x", {}, {"addr": 5}, {"addr": "x"}, {"addr": []}]):
        rpc = Recorded({"getnetworkinfo": answer, "getpeerinfo": answer})
        target = RpcTarget("bitcoin", presets()["bitcoin"], rpc)
        if isinstance(answer, list):
            assert (await target.look()).addresses == frozenset()
        else:
            with pytest.raises(RpcRefused, match="has no list"):
                await target.look()


async def test_errors_of_the_chain_node() -> None:
    preset = presets()["bitcoin"]
    starting = RpcError(-28, "Loading block index")
    with pytest.raises(RpcUnreachable, match="Loading block index"):
        await RpcTarget("b", preset, Recorded({"getnetworkinfo": starting})).look()
    known = Recorded({"addnode": RpcError(-23, "Node already added")})
    assert (await RpcTarget("b", preset, known).offer(PEER)).verdict is None
    odd = Recorded({"addnode": RpcError(-8, "Invalid\x1b[2J address")})
    offered = await RpcTarget("b", preset, odd).offer(PEER)
    assert offered.verdict == "bad"
    assert offered.words == "the chain node refuses it: error -8: Invalid?[2J address"


async def test_a_peer_without_the_identity_that_an_offer_needs() -> None:
    target = RpcTarget("geth", presets()["geth"], Recorded({}))
    with pytest.raises(LacksService, match="no service enode"):
        await target.offer(found("45.1.0.1:30303"))


def test_templates_and_paths() -> None:
    six = found("[2a00:1::1]:9333")
    assert filled("http://{address}/{host}", six) == "http://[2a00:1::1]:9333/2a00:1::1"
    assert filled({"a": ["{port}", 1, None, "x{port}"]}, six) == {"a": [9333, 1, None, "x9333"]}
    assert filled("{key}", six) == six.key
    with pytest.raises(LacksService, match="no text"):
        filled("{fork.text}", found("45.1.0.1:1", fork="0x1b5b324a"))
    assert at({"a": [{"b": 5}]}, "a.0.b") == 5
    assert at({"a": [{"b": 5}]}, "a.1.b") is None
    assert at({"a": 5}, "a.b.c") is None
    assert at([1], "") == [1]


G = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
G_Y = "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8"
"""The base point of secp256k1."""


def test_a_compressed_public_key_is_written_whole() -> None:
    for sign, y in (("02", G_Y), ("03", f"{2**256 - 2**32 - 977 - int(G_Y, 16):064x}")):
        peer = found("45.1.0.1:1", enode=f"0x{sign}{G}")
        assert filled("enode://{enode.point}@{address}", peer) == f"enode://{G}{y}@45.1.0.1:1"
    assert filled("{enode.point}", found("45.1.0.1:1", enode=f"0x{G}{G_Y}")) == G + G_Y
    for wrong in (f"0x04{G}", f"0x02{'ff' * 32}", f"0x02{5:064x}", "0xab", 30303):
        with pytest.raises(LacksService, match="no public key"):
            filled("x{enode.point}", found("45.1.0.1:1", enode=wrong))


def test_magics() -> None:
    assert magic_of("ltc").hex() == "fbc0b6db"
    assert magic_of("0xFBC0B6DB").hex() == "fbc0b6db"
    for wrong in ("", "0x", "0xfbc0b6", "0xfbc0b6dbff", "0xzzzzzzzz", "nosuch"):
        with pytest.raises(UsageError, match="--chain"):
            magic_of(wrong)
    assert parse_endpoint("45.1.0.1:30303") == PEER.address
