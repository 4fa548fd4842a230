"""How the facts of the machine are had, on files of the test's own and on loopback."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import trio

from kadisc.config import Config
from kadisc.doctor.contradictions import contradictions
from kadisc.doctor.gathering import chain as asking_chain
from kadisc.doctor.gathering import clock as asking_clock
from kadisc.doctor.gathering import machine as gathering
from kadisc.doctor.gathering.asking import ask, ping
from kadisc.doctor.gathering.chain import Spoken, chain_facts
from kadisc.doctor.gathering.clock import clock_facts, is_synchronised
from kadisc.doctor.gathering.files import (
    file_system_of,
    lock_facts,
    socket_facts,
    state_facts,
)
from kadisc.doctor.gathering.kernel import buffer_facts, conntrack_facts, drops
from kadisc.doctor.gathering.links import bind_facts, path_facts, resolver_facts, route_facts
from kadisc.doctor.gathering.machine import OFFLINE, Plan, gather_machine
from kadisc.doctor.gathering.processes import MAX_WORDS, UdpRow, holder
from kadisc.doctor.machine import (
    BindFacts,
    ClockFacts,
    ConfigFacts,
    LockFacts,
    ResolverFacts,
    SocketFileFacts,
    StateFacts,
    Unknown,
)
from kadisc.doctor.mtu import LONG, SHORT
from kadisc.doctor.setup import BufferSize
from kadisc.endpoints import Family, make_endpoint
from kadisc.net.state.identity_file import FILE_NAME as IDENTITY_NAME
from kadisc.wire import bencode

from .machine import HEALTHY, running, setup

PATIENCE_S = 60.0
"""In place of limits that a busy machine may reach."""


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name in (
        (asking_clock, "ASK_S"),
        (asking_chain, "CONNECT_S"),
        (gathering, "LIMIT_S"),
        (gathering, "NETWORK_S"),
    ):
        monkeypatch.setattr(module, name, PATIENCE_S)


linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux tells it in /proc")


# --- files ----------------------------------------------------------------------------------------


def looked_at(folder: Path, **changes: Any) -> StateFacts:
    found = state_facts(folder, **({"pid": 0, "group_allowed": False} | changes))
    assert isinstance(found, StateFacts)
    return found


def test_a_state_folder(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    assert not looked_at(folder).exists
    folder.mkdir(mode=0o700)
    known = looked_at(folder)
    assert known.exists
    assert known.owner == known.user == os.geteuid()
    assert (known.mode, known.refusal, known.unwritable, known.damaged) == (0o700, None, None, {})
    assert known.free_bytes is not None and known.free_bytes > 0
    assert list(folder.iterdir()) == []  # looking leaves nothing behind
    folder.chmod(0o777)
    assert "others may write" in (looked_at(folder).refusal or "")
    folder.chmod(0o700)
    (folder / IDENTITY_NAME).write_bytes(b"x" * 100)
    (folder / "state.sqlite3").write_bytes(b"x" * 100)
    (folder / "state.sqlite3.damaged-1").write_bytes(b"")
    known = looked_at(folder)
    assert [Path(each).name for each in known.damaged] == ["state.sqlite3", IDENTITY_NAME]
    assert [Path(each).name for each in known.set_aside] == ["state.sqlite3.damaged-1"]
    file = tmp_path / "file"
    file.touch()
    assert "is no folder" in (looked_at(file).refusal or "")


def test_the_folder_of_a_node_of_another_user_is_judged_by_that_user(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        known = looked_at(tmp_path, pid=os.getpid())
        assert known.user == 0
    else:
        known = looked_at(tmp_path, pid=1)
        assert (known.user, known.unwritable) == (0, None)  # this user could not tell


def test_the_file_system_of_a_folder(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
        "23 22 0:5 / /run rw shared:5 - tmpfs tmpfs rw\n"
        "24 22 0:6 / /with\\040blank rw - xfs /dev/x rw\n"
        "25 23 0:7 / /run/deep rw - btrfs /dev/y rw\n"
        "odd line\n"
    )
    for path, kind in (
        ("/var/lib", "ext4"),
        ("/run/kadisc", "tmpfs"),
        ("/running", "ext4"),
        ("/run/deep/er", "btrfs"),
        ("/with blank/x", "xfs"),
    ):
        assert file_system_of(Path(path), mounts) == kind
    assert file_system_of(Path("/"), tmp_path / "missing") is None


@linux
def test_who_holds_a_lock(tmp_path: Path) -> None:
    assert lock_facts(tmp_path) == LockFacts(str(tmp_path / "state.lock"), False)
    with (tmp_path / "state.lock").open("w") as file:
        assert lock_facts(tmp_path) == LockFacts(str(tmp_path / "state.lock"), False)
        fcntl.flock(file, fcntl.LOCK_EX)
        known = lock_facts(tmp_path)
        assert isinstance(known, LockFacts)
        assert known.is_held
        assert known.holder is not None
        assert known.holder.pid == os.getpid()
        assert "python" in known.holder.words or "pytest" in known.holder.words


@linux
def test_the_command_of_a_process_is_cut_and_printable() -> None:
    found = holder(os.getpid())
    assert 0 < len(found.words) <= MAX_WORDS
    assert holder(2**22 + 7).words == ""
    assert str(holder(2**22 + 7)) == f"process {2**22 + 7}"


def test_a_control_socket(tmp_path: Path) -> None:
    path = tmp_path / "s"
    known = socket_facts(path, 107)
    assert isinstance(known, SocketFileFacts)
    assert known.kind == "missing"
    path.touch(mode=0o600)
    assert getattr(socket_facts(path, 107), "kind", "") == "other"
    path.unlink()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        path.chmod(0o640)
        known = socket_facts(path, 107)
        assert isinstance(known, SocketFileFacts)
        assert (known.kind, known.mode, known.connects) == ("socket", 0o640, "refused")
        sock.listen()
        known = socket_facts(path, 107)
        assert isinstance(known, SocketFileFacts)
        assert known.connects == "yes"
        if sys.platform == "linux":
            assert known.process == os.getpid()
    long = socket_facts(path, len(str(path)) - 1)
    assert isinstance(long, SocketFileFacts)
    assert long.path_bytes > long.max_path_bytes


# --- the kernel -----------------------------------------------------------------------------------


@linux
def test_datagrams_that_were_dropped_for_want_of_room() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as full,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender,
    ):
        full.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        full.bind(("127.0.0.1", 0))
        host, port = full.getsockname()
        where = [f"{host}:{port}"]
        assert drops(where, os.getpid()) == 0
        for _ in range(64):
            sender.sendto(bytes(1000), (host, port))
        assert drops(where, os.getpid()) > 0
        assert drops([f"127.0.0.2:{port}"], 0) == 0


def test_a_row_of_the_table_of_sockets() -> None:
    line = (
        " 1: 0100007F:1AE1 00000000:0000 07 00000000:00000000 00:00000000 00000000  1000 0 "
        "4321 2 0000000000000000 17"
    )
    row = UdpRow(line)
    if sys.byteorder == "little":
        assert row.ip == bytes([127, 0, 0, 1])
    assert (row.port, row.inode, row.drops) == (6881, 4321, 17)
    for odd in ("", "a b c", line.replace("1AE1", "ZZZZ")):
        with pytest.raises(ValueError, match=r"."):
            UdpRow(odd)


def test_buffers() -> None:
    known = buffer_facts(setup(buffer_bytes=4096))
    assert known.given == {"a socket": 4096}
    small = running(buffers=[BufferSize("a", 7)])
    assert buffer_facts(small).given == {"a": 7}


def test_connections(tmp_path: Path) -> None:
    assert not conntrack_facts(tmp_path).is_there
    (tmp_path / "nf_conntrack_max").write_text("100\n")
    (tmp_path / "nf_conntrack_count").write_text("odd")
    (tmp_path / "nf_conntrack_udp_timeout").write_text("30\n")
    known = conntrack_facts(tmp_path)
    assert (known.most, known.entries, known.udp_timeout_s) == (100, None, 30)


# --- sockets and routes ---------------------------------------------------------------------------


@linux
def test_a_port_that_another_process_has() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        [known] = bind_facts(setup(bind=[address]))
        assert known.is_taken
        assert not known.is_fallback
        assert known.holder is not None
        assert known.holder.pid == os.getpid()
    assert bind_facts(setup(bind=[address])) == (BindFacts(address),)
    [known] = bind_facts(setup(bind=["192.0.2.77:1"]))
    assert known.problem is not None and not known.is_taken


def test_a_running_node_has_the_port_or_another() -> None:
    assert bind_facts(running(endpoints=["0.0.0.0:6881"])) == ()
    [known] = bind_facts(running(endpoints=["0.0.0.0:5000"]))
    assert known.is_fallback
    assert bind_facts(running(bind=["127.0.0.1:0"], endpoints=["127.0.0.1:5000"])) == ()


def test_routes_of_the_families_that_a_node_is_bound_in() -> None:
    [known] = route_facts(setup(bind=["127.0.0.1:0"]))
    assert (known.family, known.needs_none, known.is_explicit) == (Family.IPV4, True, True)
    assert [each.family for each in route_facts(setup(bind=[]))] == [Family.IPV4, Family.IPV6]
    [private] = route_facts(setup(bind=["10.0.0.1:1"], allow_private=True))
    assert private.needs_none
    assert not route_facts(setup(bind=["10.0.0.1:1"]))[0].needs_none


# --- others ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 60, 100, 101, 102, 103, 104, 105, SHORT, 999, 1000, LONG])
def test_a_ping_has_the_length_that_is_asked_for(length: int) -> None:
    query = ping(b"abcd", bytes(20), length)
    plain = len(ping(b"abcd", bytes(20)))
    assert len(query) == length or (len(query) > length and length < plain + 12)
    fields = bencode.decode(query)
    assert isinstance(fields, dict)
    assert (fields[b"q"], fields[b"t"], fields[b"ro"]) == (b"ping", b"abcd", 1)


async def answering(sock: trio.socket.SocketType, most: int) -> None:
    """Answers what is not longer than that."""
    while True:
        query, source = await sock.recvfrom(2048)
        tid = bencode.decode(query)[b"t"]  # type: ignore[index, call-overload]
        if len(query) <= most:
            await sock.sendto(bencode.encode({b"r": {}, b"t": tid, b"y": b"r"}), source)


async def test_the_longest_that_gets_through(autojump_clock: trio.testing.MockClock) -> None:
    autojump_clock.autojump_threshold = 0.05
    async with trio.open_nursery() as nursery:
        with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            await sock.bind(("127.0.0.1", 0))
            host, port = sock.getsockname()
            nursery.start_soon(answering, sock, 800)
            assert isinstance(await ask(make_endpoint(host, port)), float)
            known = await path_facts([f"{host}:{port}"])
            assert not isinstance(known, Unknown)
            assert dict(known.answered) == {500: 1, 750: 1, 1000: 0, 1232: 0}
            nursery.cancel_scope.cancel()
    assert isinstance(await path_facts([]), Unknown)


async def test_a_port_that_nobody_listens_at(autojump_clock: trio.testing.MockClock) -> None:
    autojump_clock.autojump_threshold = 0.01
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    assert not isinstance(await ask(make_endpoint("127.0.0.1", port)), float)


async def test_names_that_are_addresses_are_not_resolved() -> None:
    known = await resolver_facts(setup(hosts=["192.0.2.1:1", "[2001:db8::1]:2"]))
    assert [each.is_numeric for each in known.hosts] == [True, True]
    assert known.hosts[0].addresses == ("192.0.2.1:1",)


async def serve(stream: trio.SocketStream, answer: bytes) -> None:
    await stream.receive_some(4096)
    await stream.send_all(answer)
    await stream.aclose()


@pytest.mark.parametrize(
    ("answer", "ahead_s"),
    [
        (b"HTTP/1.1 405 No\r\nDate: Thu, 01 Jan 1970 00:16:40 GMT\r\n\r\n", 9_000.0),
        (b"HTTP/1.1 200 OK\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\nDate: soon\r\n\r\n", None),
        (b"", None),
        (b"x" * 40_000, None),
    ],
)
@pytest.mark.usefixtures("patient")
async def test_the_clock_of_an_http_server(answer: bytes, ahead_s: float | None) -> None:
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, lambda stream: serve(stream, answer), [listener])
        url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
        known = await clock_facts(setup(sequence_ms=9_000_000), [url], lambda: 10_000.0)
        nursery.cancel_scope.cancel()
    assert isinstance(known, ClockFacts)
    assert known.ahead_of_saved_s == 1_000.0
    if ahead_s is not None:
        [source] = known.sources
        assert (source.name, source.ahead_s) == (url, ahead_s)
    else:
        assert known.sources == ()
        assert known.failed[0][0] == url


@pytest.mark.usefixtures("patient")
async def test_clocks_that_cannot_be_asked() -> None:
    urls = ["ftp://127.0.0.1", "http://", "http://127.0.0.1:1"]
    known = await clock_facts(HEALTHY, urls, time.time)
    assert isinstance(known, ClockFacts)
    assert sorted(url for url, _ in known.failed) == sorted(urls)
    assert known.ahead_of_saved_s is None


@linux
def test_the_kernel_tells_of_its_time_daemon() -> None:
    assert is_synchronised() in (True, False)


@pytest.mark.usefixtures("patient")
async def test_the_port_of_a_chain_node() -> None:
    async def shake(host: str, port: int) -> Spoken:
        return Spoken("another chain's magic", "is odd", True)

    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        port = listener.socket.getsockname()[1]
        node = running(services={"p2p": str(port)}, endpoints=["127.0.0.1:6881"])
        [known] = await chain_facts(node, None)
        assert (known.problem, known.speaks) == (None, "accepts connections")
        [known] = await chain_facts(node, shake)
        assert known.is_other
    [known] = await chain_facts(node, shake)
    assert known.problem is not None and not known.is_other
    [known] = await chain_facts(running(services={"p2p": f"127.0.0.1:{port}"}), None)
    assert known.problem == f"127.0.0.1:{port} accepts no connection of this machine"


# --- all together ---------------------------------------------------------------------------------


def plan(tmp_path: Path, *names: str, **changes: Any) -> Plan:
    usual: dict[str, Any] = {"setup": setup(bind=["127.0.0.1:0"], hosts=[]), "wanted": names}
    usual |= {"folder": tmp_path, "socket": tmp_path / "s", "max_socket_bytes": 107}
    return Plan(**(usual | {"config": ConfigFacts(None)} | changes))


@pytest.mark.usefixtures("patient")
async def test_only_what_is_wanted_is_gathered(tmp_path: Path) -> None:
    facts = await gather_machine(plan(tmp_path, "lock", "config"))
    assert facts.lock == LockFacts(str(tmp_path / "state.lock"), False)
    assert facts.config == ConfigFacts(None)
    assert isinstance(facts.state, Unknown)
    assert isinstance(facts.path, Unknown)


@pytest.mark.usefixtures("patient")
async def test_the_network_of_a_node_elsewhere_is_not_judged_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "_is_elsewhere", lambda pid: True)
    here = running(hosts=["127.0.0.1:1"])
    facts = await gather_machine(
        plan(tmp_path, "routes", "bootstrap", "resolver", "lock", setup=here)
    )
    for fact in (facts.routes, facts.bootstrap):
        assert isinstance(fact, Unknown)
        assert "nsenter -n -t 77" in fact.reason
    assert isinstance(facts.resolver, ResolverFacts)
    assert isinstance(facts.lock, LockFacts)
    assert isinstance(facts.firewall, Unknown)
    assert "asked" in facts.firewall.reason


@pytest.mark.usefixtures("patient")
async def test_offline_nothing_is_sent(tmp_path: Path) -> None:
    names = ("resolver", "bootstrap", "path", "chain", "clock")
    facts = await gather_machine(
        plan(tmp_path, *names, is_offline=True, clocks=["http://127.0.0.1:1"])
    )
    assert [facts.resolver, facts.bootstrap, facts.path, facts.chain] == [OFFLINE] * 4
    assert isinstance(facts.clock, ClockFacts)
    assert facts.clock.failed == facts.clock.sources == ()


async def test_a_fact_that_hangs_or_fails_keeps_none_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, autojump_clock: trio.testing.MockClock
) -> None:
    async def hangs(*_: object) -> None:
        await trio.sleep_forever()

    async def fails(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(gathering, "firewall_facts", hangs)
    monkeypatch.setattr(gathering, "resolver_facts", hangs)
    monkeypatch.setattr(gathering, "clock_facts", fails)
    began = trio.current_time()
    facts = await gather_machine(plan(tmp_path, "firewall", "resolver", "clock", "chain"))
    assert trio.current_time() - began <= gathering.NETWORK_S
    assert facts.firewall == Unknown("it took longer than 5 s")
    assert facts.resolver == Unknown("it took longer than 12 s")
    assert facts.clock == Unknown("permission denied")
    assert facts.chain == ()


# --- contradictions -------------------------------------------------------------------------------


def words(**fields: Any) -> str:
    return " ".join(each.words for each in contradictions(Config(**fields)))


def test_what_a_configuration_hardly_means() -> None:
    assert words() == ""
    assert words(bind=("0.0.0.0:1",), bootstrap=("45.1.1.1:1",), ban=("10.0.0.0/8",)) == ""
    assert "45.1.1.1:1" in words(bootstrap=("45.1.1.1:1",), ban=("45.0.0.0/8",))
    assert "45.1.1.1:1" in words(peer=("45.1.1.1:1",), netrestrict=("10.0.0.0/8",))
    assert "advertises nothing" in words(read_only=True, service={"p2p": 1})
    assert "10.0.0.1" in words(external=("10.0.0.1",))
