"""Sockets at each address of a host, on the many addresses of the loopback interface."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from kadisc.endpoints import Endpoint, format_endpoint, make_endpoint
from kadisc.errors import AddressInUse, BindError
from kadisc.net.transport.local_sockets import GENERATION, LocalSockets
from kadisc.net.transport.ports import Sent
from kadisc.net.transport.udp import UdpPort, bind_udp
from kadisc.wire import krpc
from kadisc.wire.messages import Error, Ping, Reply

ONE, TWO, THREE = (make_endpoint(f"127.0.0.{number}", 1)[:4] for number in (11, 12, 13))
ANSWER = krpc.encode(Reply(b"t", 1))
QUERY = krpc.encode(Ping(b"t", 1))


def port_at(address: str) -> UdpPort:
    return bind_udp(address, max_datagram_bytes=2048, socket_buffer_bytes=65_536)


@pytest.fixture
def sockets() -> Iterator[LocalSockets]:
    """Of a host with three addresses, two of them with a socket of their own."""
    made = LocalSockets(port_at("0.0.0.0:0"))
    for ip in (ONE, TWO):
        made.open(ip)
    yield made
    for port in (*made.ports.values(), made.common):
        port.close()


@pytest.fixture
def other() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.99", 0))
        made.settimeout(5)
        yield made


def endpoint_of(sock: socket.socket) -> Endpoint:
    return make_endpoint(*sock.getsockname())


def asked_at(sockets: LocalSockets, other: socket.socket, ip: bytes) -> None:
    """The other asks at one address, and the socket that has it is read."""
    port = int.from_bytes(sockets.common.local_endpoint[-2:], "big")
    other.sendto(QUERY, (socket.inet_ntoa(ip), port))
    taken = [
        batch for each in (*sockets.ports.values(), sockets.common) if (batch := each.drain(64))
    ]
    assert taken == [[(QUERY, endpoint_of(other))]]


def answered_from(sockets: LocalSockets, other: socket.socket, payload: bytes) -> str:
    assert sockets.send((payload, endpoint_of(other))) is Sent.SENT
    received, (host, port) = other.recvfrom(2048)
    assert received == payload
    assert port == int.from_bytes(sockets.common.local_endpoint[-2:], "big")
    return str(host)


def test_without_them_the_answer_leaves_from_another_address(other: socket.socket) -> None:
    """The fault: on loopback the route prefers 127.0.0.1."""
    alone = port_at("0.0.0.0:0")
    where = int.from_bytes(alone.local_endpoint[-2:], "big")
    other.sendto(QUERY, ("127.0.0.11", where))
    assert alone.drain(64)
    alone.send((ANSWER, endpoint_of(other)))
    assert other.recvfrom(2048)[1][0] != "127.0.0.11"
    alone.close()


def test_each_address_answers_from_itself(sockets: LocalSockets, other: socket.socket) -> None:
    refusal = krpc.encode(Error(b"t", 204, "no"))
    for ip, host in ((ONE, "127.0.0.11"), (TWO, "127.0.0.12"), (ONE, "127.0.0.11")):
        asked_at(sockets, other, ip)
        assert answered_from(sockets, other, ANSWER) == host
        assert answered_from(sockets, other, refusal) == host
    # An address without a socket of its own: as before, the route decides.
    asked_at(sockets, other, THREE)
    assert answered_from(sockets, other, ANSWER) not in ("127.0.0.11", "127.0.0.12")


def test_queries_leave_where_the_route_says(sockets: LocalSockets, other: socket.socket) -> None:
    asked_at(sockets, other, TWO)
    assert answered_from(sockets, other, QUERY) not in ("127.0.0.11", "127.0.0.12")


def test_an_address_that_goes_is_no_longer_answered_from(
    sockets: LocalSockets, other: socket.socket
) -> None:
    asked_at(sockets, other, TWO)
    sockets.remove(TWO).close()
    assert answered_from(sockets, other, ANSWER) not in ("127.0.0.11", "127.0.0.12")
    sockets.open(TWO)
    asked_at(sockets, other, TWO)
    assert answered_from(sockets, other, ANSWER) == "127.0.0.12"


def test_what_is_remembered_is_bounded_and_the_last_are_kept(sockets: LocalSockets) -> None:
    [one, _] = sockets.ports.values()
    assert one.heard is not None
    sources = [make_endpoint(f"45.1.{n >> 8}.{n & 255}", 6881) for n in range(5 * GENERATION)]
    for start in range(0, len(sources), 64):
        one.heard([(b"x", source) for source in sources[start : start + 64]], one)
    kept = [each for each in sources if sockets.port_for(each) is one]
    assert GENERATION <= len(kept) <= 2 * GENERATION + 64
    assert kept == sources[-len(kept) :]


def test_no_other_program_gets_in_afterwards(sockets: LocalSockets) -> None:
    port = int.from_bytes(sockets.common.local_endpoint[-2:], "big")
    for host in ("0.0.0.0", "127.0.0.11", "127.0.0.77"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as intruder:
            intruder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with pytest.raises(OSError, match="in use"):
                intruder.bind((host, port))


def test_a_port_that_another_program_has_at_one_address() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first:
        first.bind(("127.0.0.14", 0))
        taken = first.getsockname()[1]
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wide:
            wide.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            wide.bind(("0.0.0.0", taken))
            first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
            common = UdpPort(wide, max_datagram_bytes=2048)
            sockets = LocalSockets(common)
            with pytest.raises(AddressInUse):
                sockets.open(make_endpoint("127.0.0.14", 1)[:4])
            with pytest.raises(BindError):
                sockets.open(make_endpoint("192.0.2.77", 1)[:4])
            assert sockets.ports == {}
            assert format_endpoint(common.local_endpoint) == f"0.0.0.0:{taken}"
