"""What a node takes as its address before the first query: configured, bound, remembered, or
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from kadisc.config import Config, CoreConfig
from kadisc.core.addressing.external_address import Confidence
from kadisc.core.contract.saved_state import SavedDht, SavedState
from kadisc.endpoints import Family, parse_endpoint
from kadisc.errors import UsageError
from kadisc.net.join.own_address import external_addresses, external_doubts, own_addresses
from kadisc.net.transport.memory import MemoryPort

from ..lab import network

V4, V6 = Family.IPV4, Family.IPV6
REMEMBERED = SavedState((SavedDht(V4, bytes((45, 9, 9, 9)), ()), SavedDht(V6, None, ())))


class Everywhere(MemoryPort):
    """Listens at the unspecified address, which the network in memory has no place for."""

    def __init__(self, family: Family) -> None:
        super().__init__(
            network(), parse_endpoint("1.1.1.1:1" if family is V4 else "[2001:db8::1]:1")
        )
        self.local_endpoint = type(self.local_endpoint)(
            bytes(4 if family is V4 else 16) + b"\x1a\xe1"
        )


def at(*addresses: str) -> list[MemoryPort]:
    net = network()
    return [net.port(address) for address in addresses]


@pytest.mark.parametrize(
    ("config", "ports", "saved", "ip", "port", "confidence"),
    [
        (
            Config(external=("45.1.2.3",)),
            at("44.5.6.7:1"),
            REMEMBERED,
            "45.1.2.3",
            None,
            Confidence.CONFIGURED,
        ),
        (
            Config(external=("45.1.2.3:7000",)),
            [Everywhere(V4)],
            REMEMBERED,
            "45.1.2.3",
            7000,
            Confidence.CONFIGURED,
        ),
        (Config(), at("44.5.6.7:6881"), REMEMBERED, "44.5.6.7", 6881, Confidence.CONFIGURED),
        (Config(), at("192.168.1.1:1"), REMEMBERED, "45.9.9.9", None, Confidence.REMEMBERED),
        (Config(), at("127.0.0.1:1"), REMEMBERED, "45.9.9.9", None, Confidence.REMEMBERED),
        (Config(), [Everywhere(V4)], REMEMBERED, "45.9.9.9", None, Confidence.REMEMBERED),
        (Config(), [Everywhere(V4)], SavedState(()), None, None, Confidence.UNKNOWN),
        (
            Config(core=CoreConfig(allow_private=True)),
            at("127.3.0.1:5"),
            SavedState(()),
            "127.3.0.1",
            5,
            Confidence.CONFIGURED,
        ),
        (
            Config(core=CoreConfig(netrestrict=("10.8.0.0/16",))),
            at("10.8.3.4:7"),
            SavedState(()),
            "10.8.3.4",
            7,
            Confidence.CONFIGURED,
        ),
        (
            Config(core=CoreConfig(netrestrict=("10.8.0.0/16",))),
            at("192.168.1.1:1"),
            SavedState(()),
            None,
            None,
            Confidence.UNKNOWN,
        ),
        (
            Config(core=CoreConfig(netrestrict=("10.8.0.0/16",))),
            [Everywhere(V4)],
            SavedState(()),
            None,
            None,
            Confidence.UNKNOWN,
        ),
    ],
)
def test_the_first_source_that_is_known_counts(
    config: Config,
    ports: Sequence[MemoryPort],
    saved: SavedState,
    ip: str | None,
    port: int | None,
    confidence: Confidence,
) -> None:
    [(family, address)] = own_addresses(config, ports, saved).items()
    assert family is V4
    assert address.ip == (bytes(map(int, ip.split("."))) if ip else None)
    assert address.port == (port.to_bytes(2, "big") if port else None)
    assert address.confidence is confidence


def test_a_saved_address_at_which_no_node_can_be_is_not_taken_up() -> None:
    nowhere = SavedState((SavedDht(V4, bytes(4), ()), SavedDht(V6, b"\xff" * 16, ())))
    addresses = own_addresses(Config(), [Everywhere(V4), Everywhere(V6)], nowhere)
    assert {(each.ip, each.confidence) for each in addresses.values()} == {
        (None, Confidence.UNKNOWN)
    }


def test_each_family_has_an_address_of_its_own() -> None:
    ports = [Everywhere(V4), Everywhere(V6)]
    addresses = own_addresses(Config(external=("2a01::5",)), ports, REMEMBERED)
    assert (addresses[V6].confidence, addresses[V4].confidence) == (
        Confidence.CONFIGURED,
        Confidence.REMEMBERED,
    )


@pytest.mark.parametrize(
    ("text", "port"), [("2a01::5", None), ("[2a01::5]", None), ("[2a01::5]:7", b"\0\x07")]
)
def test_ipv6_is_read_with_and_without_a_port(text: str, port: bytes | None) -> None:
    assert external_addresses([text])[V6][1] == port


@pytest.mark.parametrize(
    ("texts", "complaint"),
    [
        (["example.org"], "expected an address as IP or IP:PORT"),
        (["45.1.2.3:0"], "expected an address"),
        (["45.1.2.3:x"], "expected an address"),
        (["0.0.0.0"], "no node can be at 0.0.0.0"),
        (["224.0.0.1:6881"], "no node can be at 224.0.0.1:6881"),
        (["45.1.2.3", "45.1.2.4"], "two external addresses of one family"),
    ],
)
def test_an_invalid_address_is_refused(texts: list[str], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        external_addresses(texts)


@pytest.mark.parametrize(
    ("external", "what"),
    [
        ("10.0.0.1", "private"),
        ("192.168.1.1:6881", "private"),
        ("100.64.0.1", "private"),
        ("fd00::1", "private"),
        ("169.254.1.1", "link-local"),
        ("fe80::1", "link-local"),
        ("127.0.0.1", "a loopback address"),
        ("::1", "a loopback address"),
        ("192.0.2.1", "reserved for documentation and tests"),
        ("198.18.0.1", "reserved for documentation and tests"),
        ("2001:db8::1", "reserved for documentation and tests"),
    ],
)
def test_an_address_that_the_internet_cannot_reach_is_doubted(external: str, what: str) -> None:
    everywhere = {port.family: port.local_endpoint for port in (Everywhere(V4), Everywhere(V6))}
    [doubt] = external_doubts(Config(external=(external,)), everywhere)
    assert f" is {what}: no node of the internet can reach this node there" in doubt


def test_an_address_is_not_doubted_where_the_node_listens_on_its_scope() -> None:
    here = {V4: parse_endpoint("10.0.0.7:6881")}
    assert external_doubts(Config(external=("45.1.2.3", "2a01::5")), here) == []
    assert external_doubts(Config(external=("10.0.0.1",)), here) == []
    assert len(external_doubts(Config(external=("127.0.0.1",)), here)) == 1
    assert (
        external_doubts(Config(external=("10.0.0.1",), core=CoreConfig(allow_private=True)), {})
        == []
    )
    assert (
        external_doubts(Config(external=("127.0.0.1",), core=CoreConfig(allow_private=True)), {})
        == []
    )
    assert (
        len(
            external_doubts(
                Config(external=("192.0.2.1",), core=CoreConfig(allow_private=True)), {}
            )
        )
        == 1
    )


def test_an_address_of_a_family_without_a_socket_is_refused() -> None:
    with pytest.raises(UsageError, match="has no ipv6 socket"):
        own_addresses(Config(external=("2a01::5",)), at("44.5.6.7:1"), SavedState(()))
