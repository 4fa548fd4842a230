"""From what an operator typed to endpoints."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from kadisc.endpoints import format_endpoint
from kadisc.errors import UsageError
from kadisc.net.join.resolve import Unresolved, parse_host, resolve


class OneName(trio.abc.HostnameResolver):
    def __init__(self, *addresses: str, delay_s: float = 0.0) -> None:
        self._addresses = addresses
        self._delay_s = delay_s

    async def getaddrinfo(
        self, host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> list[Any]:
        await trio.sleep(self._delay_s)
        if not self._addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(0, type, 17, "", (address, port)) for address in self._addresses]

    async def getnameinfo(self, sockaddr: Any, flags: int) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("192.0.2.1:6881", "192.0.2.1:6881"),
        ("[2001:db8::1]:1", "[2001:db8::1]:1"),
        ("[::ffff:192.0.2.1]:1", "192.0.2.1:1"),
        ("0.0.0.0:6881", "127.0.0.1:6881"),
        ("[::]:6881", "[::1]:6881"),
    ],
)
def test_a_numeric_address_is_an_endpoint(text: str, endpoint: str) -> None:
    found = parse_host(text)
    assert found is not None
    assert format_endpoint(found) == endpoint


@pytest.mark.parametrize(
    "text",
    ["", "host", "host:", ":1", "host:70000", "host:0", "1.2.3.4:0", "2001:db8::1:5", "host:port"],
)
def test_an_unreadable_host_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        parse_host(text)


async def test_a_name_has_all_its_addresses_once() -> None:
    trio.socket.set_custom_hostname_resolver(
        OneName("192.0.2.2", "2001:db8::2", "192.0.2.1", "192.0.2.2")
    )
    found = await resolve("name.example:7", 5)
    assert [format_endpoint(endpoint) for endpoint in found] == [
        "192.0.2.2:7",
        "[2001:db8::2]:7",
        "192.0.2.1:7",
    ]


async def test_a_numeric_address_needs_no_resolver() -> None:
    trio.socket.set_custom_hostname_resolver(OneName())
    assert len(await resolve("192.0.2.1:5", 5)) == 1


async def test_an_unknown_name_is_described_in_words() -> None:
    trio.socket.set_custom_hostname_resolver(OneName())
    with pytest.raises(
        Unresolved, match=r"the name gone\.example cannot be resolved \(name or service not known\)"
    ):
        await resolve("gone.example:1", 5)


async def test_an_unresponsive_name_server_is_not_waited_for(autojump_clock: MockClock) -> None:
    trio.socket.set_custom_hostname_resolver(OneName("192.0.2.1", delay_s=1000))
    started = trio.current_time()
    with pytest.raises(Unresolved, match="within 5 s"):
        await resolve("slow.example:1", 5)
    assert trio.current_time() - started == 5


@pytest.mark.parametrize("name", ["a..b", "x" * 70])
async def test_an_invalid_name_is_only_unresolved(name: str) -> None:
    with pytest.raises(Unresolved):
        await resolve(f"{name}:1", 5)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("can't start new thread"), "can't start new thread"),
        (MemoryError(), "MemoryError"),
        (OSError(24, "Too many open files"), "too many open files"),
        (UnicodeError("label too long"), "not a valid name"),
        (ValueError("embedded null character"), "not a valid name"),
    ],
)
async def test_whatever_the_resolver_raises_the_name_is_unresolved(
    error: Exception, words: str
) -> None:
    """trio resolves names in a thread; a name that cannot be resolved ends no node."""

    class Failing(OneName):
        async def getaddrinfo(self, *_: Any, **__: Any) -> list[Any]:
            raise error

    trio.socket.set_custom_hostname_resolver(Failing())
    with pytest.raises(Unresolved, match=words):
        await resolve("some.host:6881", 5.0)


async def test_addresses_that_have_no_compact_form_are_left_out() -> None:
    trio.socket.set_custom_hostname_resolver(OneName("not-an-address", "192.0.2.1"))
    assert [format_endpoint(each) for each in await resolve("some.host:6881", 5.0)] == [
        "192.0.2.1:6881"
    ]
    trio.socket.set_custom_hostname_resolver(OneName("not-an-address"))
    with pytest.raises(Unresolved, match="no address"):
        await resolve("some.host:6881", 5.0)
