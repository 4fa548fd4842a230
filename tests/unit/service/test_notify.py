"""What the service manager is told, at a socket of the test's own."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing

from kadisc.service.notify import MAX_STATUS, Notifier
from kadisc.service.watchdog import STATUS_S, told


class Manager:
    """The socket of a service manager."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)

    def read(self) -> list[str]:
        """The messages since the last call."""
        found = []
        while True:
            try:
                found.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return found


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    if request.param == "abstract":
        address = f"@kadisc-test-{os.getpid()}-{time.monotonic_ns()}"
    else:
        address = str(tmp_path / "notify")
    manager = Manager(address)
    yield manager
    manager.socket.close()


def test_it_is_told_of_each_state(manager: Manager) -> None:
    notifier = Notifier(manager.address)
    notifier.ready()
    notifier.status("joined, 3 contacts")
    notifier.status("joined, 3 contacts")
    notifier.alive()
    notifier.stopping()
    notifier.stopping()
    assert manager.read() == [
        "READY=1\n",
        "STATUS=joined, 3 contacts\n",
        "WATCHDOG=1\n",
        "STOPPING=1\nSTATUS=stopping\n",
    ]


def test_a_reload_has_the_time_of_its_begin(manager: Manager) -> None:
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    notifier = Notifier(manager.address)
    notifier.reloading()
    notifier.ready()
    reloading, ready = manager.read()
    first, second = reloading.splitlines()
    assert (first, ready) == ("RELOADING=1", "READY=1\n")
    assert second.startswith("MONOTONIC_USEC=")
    after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert before <= int(second.partition("=")[2]) <= after


def test_a_status_is_one_printable_line(manager: Manager) -> None:
    Notifier(manager.address).status("a\nREADY=1\x1b[2J" + "b" * 500)
    [message] = manager.read()
    assert message.startswith("STATUS=a?READY=1?[2Jbb")
    assert len(message) == len("STATUS=\n") + MAX_STATUS


@pytest.mark.parametrize(
    "address", ["relative", "@", "/nonexistent/notify", "/" + 200 * "x", "vsock:2:1", "\0x", "/\0"]
)
def test_a_socket_that_cannot_be_reached_is_told_once(address: str) -> None:
    warnings: list[str] = []
    notifier = Notifier(address, 1.0, warnings.append)
    notifier.ready()
    notifier.status("joined")
    notifier.alive()
    notifier.stopping()
    assert len(warnings) == 1
    assert "the service manager cannot be told" in warnings[0]


def test_what_was_lost_is_sent_when_the_socket_is_back(tmp_path: Path) -> None:
    warnings: list[str] = []
    path = tmp_path / "notify"
    notifier = Notifier(str(path), 1.0, warnings.append)
    notifier.ready()
    notifier.alive()
    first = Manager(str(path))
    notifier.status("joining")
    assert first.read() == ["READY=1\nSTATUS=joining\n"]
    first.socket.close()
    path.unlink()
    notifier.status("joined")
    second = Manager(str(path))
    notifier.alive()
    assert second.read() == ["STATUS=joined\nWATCHDOG=1\n"]
    second.socket.close()
    assert len(warnings) == 2


def test_a_manager_that_does_not_read_delays_nothing(tmp_path: Path) -> None:
    manager = Manager(str(tmp_path / "notify"))
    notifier = Notifier(manager.address, 1.0)
    began = time.monotonic()
    for number in range(10_000):
        notifier.status(f"{number} contacts")
    assert time.monotonic() - began < 30
    assert len(manager.read()) < 10_000
    notifier.status("9999 contacts")
    assert manager.read() == ["STATUS=9999 contacts\n"]
    manager.socket.close()


@pytest.mark.parametrize(
    ("usec", "pid", "watchdog_s"),
    [
        ("30000000", None, 30.0),
        ("30000000", str(os.getpid()), 30.0),
        ("30000000", "1", None),
        ("0", None, None),
        ("-5", None, None),
        ("x", None, None),
        ("\u0663", None, None),
        ("9" * 5000, None, None),
        (None, None, None),
    ],
)
def test_the_environment_is_read_and_not_inherited(
    usec: str | None, pid: str | None, watchdog_s: float | None
) -> None:
    named = {
        "NOTIFY_SOCKET": "/run/notify",
        "WATCHDOG_USEC": usec,
        "WATCHDOG_PID": pid,
        "HOME": "/",
    }
    variables = {name: value for name, value in named.items() if value is not None}
    notifier = Notifier.from_environment(lambda words: None, variables)
    assert (notifier.is_wanted, notifier.watchdog_s) == (True, watchdog_s)
    assert variables == {"HOME": "/"}
    assert not Notifier.from_environment(lambda words: None, variables).is_wanted


async def test_the_watchdog_is_fed_at_half_of_its_time_while_the_node_works(
    manager: Manager, autojump_clock: trio.testing.MockClock
) -> None:
    works = True
    async with told(Notifier(manager.address, 30.0), lambda: "joined", lambda: works):
        await trio.sleep(1)
        first, *others = manager.read()
        assert (first, sorted(others)) == ("READY=1\n", ["STATUS=joined\n", "WATCHDOG=1\n"])
        await trio.sleep(60)
        assert manager.read() == 4 * ["WATCHDOG=1\n"]
        works = False
        await trio.sleep(100)
        assert manager.read() == []
        works = True
        await trio.sleep(2)
        assert manager.read() == ["WATCHDOG=1\n"]
    assert manager.read() == ["STOPPING=1\nSTATUS=stopping\n"]


async def test_a_loop_that_stands_still_sends_nothing(manager: Manager) -> None:
    async with told(Notifier(manager.address, 0.01), lambda: "joined", lambda: True):
        await trio.sleep(0.1)
        assert "WATCHDOG=1\n" in manager.read()
        time.sleep(0.2)  # noqa: ASYNC251
        assert manager.read() == []


async def test_the_status_is_told_when_it_changes(
    manager: Manager, autojump_clock: trio.testing.MockClock
) -> None:
    words = "joining, 0 contacts"
    with trio.CancelScope() as scope:
        async with told(Notifier(manager.address), lambda: words, lambda: True):
            await trio.sleep(5 * STATUS_S)
            words = "joined, 12 contacts"
            await trio.sleep(5 * STATUS_S)
            scope.cancel()
            await trio.sleep_forever()
    assert manager.read() == [
        "READY=1\n",
        "STATUS=joining, 0 contacts\n",
        "STATUS=joined, 12 contacts\n",
        "STOPPING=1\nSTATUS=stopping\n",
    ]


async def test_an_error_in_the_block_comes_out_as_it_is(manager: Manager) -> None:
    with pytest.raises(KeyError):
        async with told(Notifier(manager.address, 30.0), lambda: "", lambda: True):
            raise KeyError
    assert manager.read()[-1] == "STOPPING=1\nSTATUS=stopping\n"
