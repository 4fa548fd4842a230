"""Real sockets on the loopback."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator

import pytest
import trio

from kadisc.endpoints import Endpoint, Family, format_endpoint, make_endpoint, port_of
from kadisc.errors import BindError, UsageError
from kadisc.net.transport.ports import Sent
from kadisc.net.transport.udp import UdpPort, bind_udp

MAX = 2048


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


def _open(host: str) -> UdpPort:
    return bind_udp(
        f"[{host}]:0" if ":" in host else f"{host}:0",
        max_datagram_bytes=MAX,
        socket_buffer_bytes=1 << 20,
    )


@pytest.fixture(
    params=[
        "127.0.0.1",
        pytest.param(
            "::1", marks=pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")
        ),
    ]
)
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[UdpPort, UdpPort]]:
    a, b = _open(request.param), _open(request.param)
    yield a, b
    a.close()
    b.close()


async def _next_batch(port: UdpPort, limit: int = 100) -> list[tuple[bytes, Endpoint]]:
    with trio.fail_after(5):
        await port.wait_readable()
    return port.drain(limit)


async def test_a_datagram_comes_with_the_endpoint_of_its_sender(
    pair: tuple[UdpPort, UdpPort],
) -> None:
    a, b = pair
    assert a.send((b"hello", b.local_endpoint)) is Sent.SENT
    assert await _next_batch(b) == [(b"hello", a.local_endpoint)]
    assert b.send((b"", a.local_endpoint)) is Sent.SENT
    assert await _next_batch(a) == [(b"", b.local_endpoint)]


async def test_a_batch_is_bounded_and_its_rest_stays(pair: tuple[UdpPort, UdpPort]) -> None:
    a, b = pair
    for number in range(10):
        a.send((bytes([number]), b.local_endpoint))
    first = await _next_batch(b, 4)
    assert [payload for payload, _ in first] == [b"\0", b"\1", b"\2", b"\3"]
    assert len(b.drain(100)) == 6
    assert b.drain(100) == []


async def test_a_datagram_that_is_too_long_is_recognised(pair: tuple[UdpPort, UdpPort]) -> None:
    a, b = pair
    for size in (MAX, MAX + 1, 9000):
        a.send((b"x" * size, b.local_endpoint))
        [(payload, _)] = await _next_batch(b)
        assert len(payload) == min(size, MAX + 1)


async def test_invalid_destinations_are_refused(pair: tuple[UdpPort, UdpPort]) -> None:
    a, _ = pair
    nowhere = Endpoint(a.local_endpoint[:-2] + b"\0\0")
    assert a.send((b"x", nowhere)) is Sent.REFUSED
    assert a.send((b"x" * 70_000, a.local_endpoint)) is Sent.REFUSED


async def test_the_sender_to_a_closed_port_goes_on(
    pair: tuple[UdpPort, UdpPort],
) -> None:
    a, b = pair
    gone = _open("::1" if a.family is Family.IPV6 else "127.0.0.1")
    gone.close()
    for _ in range(3):
        a.send((b"x", gone.local_endpoint))
    b.send((b"still here", a.local_endpoint))
    assert await _next_batch(a) == [(b"still here", b.local_endpoint)]


class FailingSocket:
    """Fails as a system under stress does."""

    family = socket.AF_INET

    def __init__(self, *failures: int) -> None:
        self._failures = list(failures)

    def getsockname(self) -> tuple[str, int]:
        return ("127.0.0.1", 1)

    def _fail(self) -> None:
        if self._failures:
            code = self._failures.pop(0)
            raise OSError(code, "as told")

    def recvfrom(self, size: int) -> tuple[bytes, tuple[str, int]]:
        self._fail()
        return b"x", ("127.0.0.1", 2)

    def sendto(self, payload: bytes, address: tuple[str, int]) -> None:
        self._fail()


def test_an_icmp_error_while_reading_is_counted_and_skipped() -> None:
    port = UdpPort(FailingSocket(errno.ECONNREFUSED, errno.EHOSTUNREACH), max_datagram_bytes=MAX)  # type: ignore[arg-type]
    assert len(port.drain(5)) == 3
    assert port.receive_errors == 2


def test_a_socket_that_always_fails_ends_the_batch() -> None:
    port = UdpPort(FailingSocket(*[errno.ENETDOWN] * 100), max_datagram_bytes=MAX)  # type: ignore[arg-type]
    assert port.drain(10) == []


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (errno.EAGAIN, Sent.DROPPED),
        (errno.ENOBUFS, Sent.DROPPED),
        (errno.ENETUNREACH, Sent.REFUSED),
        (errno.EHOSTUNREACH, Sent.REFUSED),
        (errno.ECONNREFUSED, Sent.REFUSED),
        (errno.EPERM, Sent.REFUSED),
        (errno.EMSGSIZE, Sent.REFUSED),
        (errno.EADDRNOTAVAIL, Sent.REFUSED),
    ],
)
def test_each_error_has_its_outcome(code: int, outcome: Sent) -> None:
    port = UdpPort(FailingSocket(code), max_datagram_bytes=MAX)  # type: ignore[arg-type]
    datagram = (b"x", make_endpoint("127.0.0.1", 5))
    assert port.send(datagram) is outcome
    assert port.send(datagram) is Sent.SENT


def test_the_buffers_are_larger_than_the_systems_default(
    pair: tuple[UdpPort, UdpPort],
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        assert pair[0]._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= plain.getsockopt(
            socket.SOL_SOCKET, socket.SO_RCVBUF
        )


@pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")
def test_both_families_may_have_the_same_port() -> None:
    four = bind_udp("0.0.0.0:0", max_datagram_bytes=MAX, socket_buffer_bytes=1 << 16)
    six = bind_udp(
        f"[::]:{port_of(four.local_endpoint)}", max_datagram_bytes=MAX, socket_buffer_bytes=1 << 16
    )
    assert (format_endpoint(four.local_endpoint)[:8], six.family) == ("0.0.0.0:", Family.IPV6)
    four.close()
    six.close()


def test_an_address_in_use_or_of_no_interface_is_a_bind_error() -> None:
    taken = _open("127.0.0.1")
    for address in (format_endpoint(taken.local_endpoint), "198.51.100.9:0"):
        with pytest.raises(BindError, match=f"cannot listen on {address}: "):
            bind_udp(address, max_datagram_bytes=MAX, socket_buffer_bytes=1 << 16)
    taken.close()


@pytest.mark.parametrize("address", ["localhost:1", "1.2.3.4", "1.2.3.4:99999", "::1:5", ""])
def test_an_address_that_cannot_be_read_is_a_usage_error(address: str) -> None:
    with pytest.raises(UsageError):
        bind_udp(address, max_datagram_bytes=MAX, socket_buffer_bytes=1 << 16)
