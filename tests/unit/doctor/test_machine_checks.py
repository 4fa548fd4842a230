"""The checks of the machine: each verdict of each, at its boundaries."""

from __future__ import annotations

from typing import Any

import pytest

from kadisc.doctor.bootstrap import BOOTSTRAP
from kadisc.doctor.buffers import BUFFERS
from kadisc.doctor.chain import CHAIN
from kadisc.doctor.checks import CHECKS
from kadisc.doctor.clock import CLOCK
from kadisc.doctor.config import CONFIG, MAX_TOLD
from kadisc.doctor.conntrack import CONNTRACK
from kadisc.doctor.firewall import FIREWALL
from kadisc.doctor.lock import LOCK
from kadisc.doctor.machine import (
    NOT_ASKED,
    AskedNode,
    BindFacts,
    BufferFacts,
    ChainPort,
    ClockFacts,
    ClockSource,
    ConfigFacts,
    ConntrackFacts,
    Contradiction,
    FileFault,
    FirewallFacts,
    FirewallRule,
    HoldingProcess,
    LockFacts,
    NamedHost,
    OverflowFacts,
    PathFacts,
    ResolverFacts,
    RouteFacts,
    SocketFileFacts,
    StateFacts,
)
from kadisc.doctor.mtu import MTU
from kadisc.doctor.overflows import OVERFLOWS
from kadisc.doctor.resolver import RESOLVER
from kadisc.doctor.route import ROUTE
from kadisc.doctor.setup import ELSEWHERE, NodeSetup
from kadisc.doctor.socket_file import SOCKET
from kadisc.doctor.sockets import SOCKETS
from kadisc.doctor.state import LEAST_FREE_BYTES, STATE
from kadisc.endpoints import Family

from .machine import HEALTHY, machine, one, running, setup, told

SHELL = HoldingProcess(42, "sleep 600")
FOLDER = "/var/lib/kadisc"


@pytest.mark.parametrize(
    "check", [each for each in CHECKS if each.look], ids=lambda each: each.name
)
def test_what_is_not_known_is_skipped(check: Any) -> None:
    assert {verdict for verdict, _ in told(check, machine())} == {"skipped"}
    assert all(getattr(machine(), name) is NOT_ASKED for name in check.needs)
    assert check.needs


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (ConfigFacts(None), "ok", "no configuration file"),
        (ConfigFacts("/etc/k.toml"), "ok", "/etc/k.toml can be used"),
        (ConfigFacts("/k", (FileFault("k: too large", 4),)), "failure", "line 4: k: too large"),
        (ConfigFacts("/k", (FileFault("is not TOML"),)), "failure", "is not TOML -> mend it in /k"),
        (ConfigFacts("/k", (), (Contradiction("both", "one"),)), "warning", "both -> one"),
    ],
)
def test_config(facts: ConfigFacts, verdict: str, words: str) -> None:
    found, text = one(CONFIG, machine(config=facts))
    assert found == verdict
    assert words in text


def test_many_faults_are_not_all_told() -> None:
    faults = tuple(FileFault(f"{number}") for number in range(MAX_TOLD + 3))
    found = told(CONFIG, machine(config=ConfigFacts("/k", faults)))
    assert len(found) == MAX_TOLD + 1
    assert "3 more of the kind" in found[-1][1]


def folder(**changes: Any) -> StateFacts:
    usual: dict[str, Any] = {"owner": 7, "user": 7, "free_bytes": 1 << 30, "file_system": "ext4"}
    return StateFacts(FOLDER, **(usual | changes))


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (folder(), "ok", "1024 MB free"),
        (folder(exists=False), "ok", "made at the first start"),
        (folder(exists=False, unwritable="may make none"), "failure", "may make none"),
        (folder(exists=False, free_bytes=0), "failure", "0 kB"),
        (folder(owner=0), "failure", "-> chown -R 7 /var/lib/kadisc"),
        (folder(mode=0o770), "failure", "-> chmod 0700 /var/lib/kadisc"),
        (folder(mode=0o702), "failure", "others may write"),
        (folder(mode=0o500), "failure", "may not write"),
        (folder(mode=0o755), "warning", "-> chmod 0700 /var/lib/kadisc"),
        (folder(mode=0o750), "warning", "others may look into"),
        (folder(mode=0o710, group_allowed=True), "ok", "alone"),
        (folder(mode=0o711, group_allowed=True), "warning", "chmod 0710"),
        (folder(refusal="others may replace it"), "failure", "others may replace it"),
        (folder(free_bytes=LEAST_FREE_BYTES), "ok", "50 MB free"),
        (folder(free_bytes=LEAST_FREE_BYTES - 1), "warning", "51199 kB of room"),
        (folder(free_bytes=1 << 20), "warning", "1024 kB of room"),
        (folder(free_bytes=(1 << 20) - 1), "failure", "1023 kB of room"),
        (folder(free_bytes=0, unwritable="no space left on device"), "failure", "0 kB of room"),
        (folder(unwritable="read-only file system"), "failure", "read-only file system"),
        (folder(file_system="tmpfs"), "warning", "in memory"),
        (folder(damaged={f"{FOLDER}/identity": "no bencode"}), "failure", "mv /var/lib/kadisc/id"),
        (folder(set_aside=(f"{FOLDER}/state.sqlite3.damaged-1",)), "warning", "1 damaged file"),
    ],
)
def test_state_folder(facts: StateFacts, verdict: str, words: str) -> None:
    found, text = one(STATE, machine(state=facts))
    assert found == verdict
    assert words in text


@pytest.mark.parametrize(
    ("node", "facts", "verdict", "words"),
    [
        (HEALTHY, LockFacts("/l", False), "ok", "no process holds /l"),
        (HEALTHY, LockFacts("/l", True, SHELL), "failure", "process 42 (sleep 600) holds /l"),
        (HEALTHY, LockFacts("/l", True, SHELL), "failure", "-> kill 42, or"),
        (HEALTHY, LockFacts("/l", True), "failure", "fuser -v /l"),
        (running(pid=42), LockFacts("/l", True, SHELL), "ok", "the running node holds it"),
        (running(pid=43), LockFacts("/l", True, SHELL), "failure", "not the running node 43"),
        (running(), LockFacts("/l", True), "ok", "held, as it must be"),
        (running(), LockFacts("/l", False), "failure", "restart the node"),
        (running(pid=ELSEWHERE), LockFacts("/l", False), "skipped", "PID namespace"),
    ],
)
def test_lock(node: NodeSetup, facts: LockFacts, verdict: str, words: str) -> None:
    found, text = one(LOCK, machine(node, lock=facts))
    assert found == verdict
    assert words in text


def test_a_node_that_hangs_is_told_of_by_the_socket_alone() -> None:
    hangs = socket_file(connects="nothing for 3 s", process=42)
    port = BindFacts("a:1", "in use", SHELL, True)
    facts = machine(lock=LockFacts("/l", True, SHELL), socket=hangs, binds=(port,))
    assert one(SOCKETS, facts)[0] == "skipped"
    assert one(LOCK, facts)[0] == "ok"
    assert one(SOCKET, facts) == (
        "failure",
        ": the node at /s does not answer: nothing for 3 s -> see what process 42 does, or restart "
        "it: kill -9 42",
    )


def socket_file(**changes: Any) -> SocketFileFacts:
    usual: dict[str, Any] = {"path": "/s", "path_bytes": 2, "max_path_bytes": 107}
    return SocketFileFacts(**(usual | changes))


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (socket_file(), "ok", "/s answers, with mode 0600"),
        (socket_file(path_bytes=107), "ok", "answers"),
        (socket_file(path_bytes=108), "failure", "use a shorter --state-dir"),
        (socket_file(kind="missing"), "ok", "no node runs"),
        (socket_file(kind="other"), "failure", "mv /s /s.old"),
        (socket_file(mode=0o666), "warning", "others may steer the node -> chmod 600 /s"),
        (socket_file(mode=0o640), "warning", "has mode 0640, not 0600 -> chmod 600"),
        (socket_file(mode=0o000, connects="denied"), "failure", "does not let user 0 in"),
        (socket_file(connects="refused"), "warning", "-> rm /s; the next node"),
        (socket_file(connects="no answer for 3 s"), "failure", "no answer for 3 s"),
    ],
)
def test_socket(facts: SocketFileFacts, verdict: str, words: str) -> None:
    found, text = one(SOCKET, machine(socket=facts))
    assert found == verdict
    assert words in text


def test_socket_of_a_group_and_one_that_is_gone() -> None:
    of_group = running(control_group="monitor")
    assert one(SOCKET, machine(of_group, socket=socket_file(mode=0o660)))[0] == "ok"
    assert "chmod 660" in one(SOCKET, machine(of_group, socket=socket_file()))[1]
    gone = machine(socket=socket_file(kind="missing"), lock=LockFacts("/l", True, SHELL))
    assert one(SOCKET, gone)[0] == "failure"


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (BindFacts("0.0.0.0:6881"), "ok", "can be listened at"),
        (BindFacts("1.2.3.4:1", "no interface has it"), "failure", "another --bind"),
        (BindFacts("a:1", "in use", SHELL, True), "failure", "-> kill 42, or choose"),
        (BindFacts("a:1", "in use", None, True), "failure", "as root"),
        (BindFacts("a:1", "in use", SHELL, True, True), "warning", "takes another port"),
        (BindFacts("a:1", "in use", None, True, True), "warning", "choose a port"),
    ],
)
def test_binds(facts: BindFacts, verdict: str, words: str) -> None:
    found, text = one(SOCKETS, machine(binds=(facts,)))
    assert found == verdict
    assert words in text


ASKED = 1 << 20


@pytest.mark.parametrize(
    ("given", "limit", "verdict", "words"),
    [
        (ASKED, 212992, "ok", "each socket has"),
        (ASKED - 1, 212992, "warning", "net.core.rmem_max is 212992: of 1048576 bytes asked for"),
        (212992, None, "warning", "-> sysctl -w net.core.rmem_max=1048576, on the host"),
        (212992, ASKED, "warning", "restart the node"),
    ],
)
def test_buffers(given: int, limit: int | None, verdict: str, words: str) -> None:
    found, text = one(BUFFERS, machine(buffers=BufferFacts(ASKED, {"a": given}, limit)))
    assert found == verdict
    assert words in text


def test_the_smallest_buffer_counts_and_a_running_node_must_restart() -> None:
    facts = BufferFacts(ASKED, {"a": ASKED, "b": 4096}, 4096)
    assert "4096 were given" in one(BUFFERS, machine(buffers=facts))[1]
    assert "then restart" in one(BUFFERS, machine(running(), buffers=facts))[1]


def test_overflows() -> None:
    assert one(OVERFLOWS, machine(overflows=OverflowFacts(0, 0, 2.0)))[0] == "ok"
    verdict, text = one(OVERFLOWS, machine(overflows=OverflowFacts(9, 0, 2.0)))
    assert verdict == "ok" and "9 since the node started" in text
    verdict, text = one(OVERFLOWS, machine(overflows=OverflowFacts(9, 1, 2.0)))
    assert verdict == "warning" and "dropped 1 datagram within 2.0 s" in text


def clocks(*ahead_s: float) -> tuple[ClockSource, ...]:
    return tuple(ClockSource(f"c{number}", each) for number, each in enumerate(ahead_s))


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (ClockFacts(), "skipped", "--rpc"),
        (ClockFacts(is_synchronised=True), "ok", "time daemon"),
        (ClockFacts(is_synchronised=False), "skipped", "--rpc"),
        (ClockFacts(clocks(300.0)), "ok", "within 300 s of c0"),
        (ClockFacts(clocks(300.1)), "failure", "5 min ahead of c0 -> timedatectl"),
        (ClockFacts(clocks(-300.1)), "failure", "5 min behind c0"),
        (ClockFacts(clocks(0.0, 0.0, 9e9)), "ok", "c0, c1, c2"),  # the median counts
        (ClockFacts(clocks(9e9, 0.0, 9e9)), "failure", "days ahead"),
        (ClockFacts((), (("http://a", "no answer"),)), "warning", "http://a told no time"),
        (ClockFacts(clocks(0.0), (("http://a", "no answer"),)), "ok", "c0"),
        (ClockFacts(is_synchronised=True, ahead_of_saved_s=-300.0), "ok", "daemon"),
        (ClockFacts(is_synchronised=True, ahead_of_saved_s=-300.1), "failure", "last record"),
        (ClockFacts(is_synchronised=True, ahead_of_saved_s=1e9), "ok", "daemon"),
    ],
)
def test_clock(facts: ClockFacts, verdict: str, words: str) -> None:
    found, text = one(CLOCK, machine(clock=facts))
    assert found == verdict
    assert words in text


LOST = NamedHost("dead.lab:1", problem="cannot be resolved")
FOUND = NamedHost("boot.lab:1", ("45.1.1.1:1",))
NUMERIC = NamedHost("45.1.1.1:1", ("45.1.1.1:1",), is_numeric=True)


@pytest.mark.parametrize(
    ("node", "hosts", "verdict", "words"),
    [
        (HEALTHY, (), "ok", "no name"),
        (HEALTHY, (NUMERIC,), "ok", "no name"),
        (HEALTHY, (FOUND,), "ok", "boot.lab:1 resolved"),
        (HEALTHY, (LOST,), "failure", "(name servers 10.0.0.1) -> name a server"),
        (HEALTHY, (LOST, FOUND), "warning", "dead.lab"),
        (HEALTHY, (LOST, NUMERIC), "warning", "--bootstrap IP:PORT"),
        (setup(knows_nodes=True), (LOST,), "warning", "dead.lab"),
    ],
)
def test_resolver(node: NodeSetup, hosts: tuple[NamedHost, ...], verdict: str, words: str) -> None:
    found, text = one(RESOLVER, machine(node, resolver=ResolverFacts(hosts, ("10.0.0.1",))))
    assert found == verdict
    assert words in text


ANSWERED = AskedNode("boot.lab:1", "45.1.1.1:1", 0.012)
SILENT = AskedNode("dead.lab:1", "45.1.1.2:1")
NO_ROUTE = AskedNode("dead.lab:1", "45.1.1.2:1", problem="network is unreachable")


@pytest.mark.parametrize(
    ("node", "asked", "verdict", "words"),
    [
        (HEALTHY, (), "skipped", "see resolver"),
        (setup(hosts=[]), (), "ok", "given none"),
        (HEALTHY, (ANSWERED,), "ok", "boot.lab:1 in 12 ms"),
        (HEALTHY, (ANSWERED, SILENT), "ok", "; 1 silent"),
        (HEALTHY, (SILENT,), "failure", "none answers: dead.lab:1 -> allow outgoing UDP"),
        (HEALTHY, (NO_ROUTE,), "failure", "(network is unreachable)"),
        (setup(knows_nodes=True), (SILENT,), "warning", "other contacts"),
        (running(), (SILENT,), "warning", "other contacts"),
    ],
)
def test_bootstrap(node: NodeSetup, asked: tuple[AskedNode, ...], verdict: str, words: str) -> None:
    found, text = one(BOOTSTRAP, machine(node, bootstrap=asked))
    assert found == verdict
    assert words in text


def route(source: str | None, family: Family = Family.IPV4, **changes: Any) -> RouteFacts:
    return RouteFacts(family, source, **({"bound": "0.0.0.0:6881"} | changes))


@pytest.mark.parametrize(
    ("routes", "verdicts", "words"),
    [
        ((), ["skipped"], "see sockets"),
        ((route("10.0.0.2", interface="eth0"),), ["ok"], "leaves from 10.0.0.2 by eth0"),
        ((route(None),), ["failure"], "ip route add default via ROUTER"),
        ((route(None, needs_none=True),), ["ok"], "needs no route"),
        ((route("10.0.0.2"), route(None, Family.IPV6)), ["ok", "ok"], "not used"),
        (
            (route("10.0.0.2"), route(None, Family.IPV6, is_explicit=True, bound="[::]:6881")),
            ["ok", "warning"],
            "leave out --bind [::]:6881, or ip -6 route add",
        ),
        ((route(None), route(None, Family.IPV6)), ["failure", "failure"], "IPv6"),
    ],
)
def test_route(routes: tuple[RouteFacts, ...], verdicts: list[str], words: str) -> None:
    found = told(ROUTE, machine(routes=routes))
    assert [verdict for verdict, _ in found] == verdicts
    assert words in " ".join(text for _, text in found)


@pytest.mark.parametrize(
    ("answered", "verdict", "words"),
    [
        ({500: 1, 750: 1, 1000: 1, 1232: 1}, "ok", "1232 bytes get through"),
        ({500: 2, 750: 1, 1000: 0, 1232: 0}, "warning", "-> ip link set dev eth0 mtu 798, or"),
        ({500: 1, 750: 0, 1000: 1, 1232: 0}, "warning", "mtu 1048"),
        ({500: 0, 750: 0, 1000: 0, 1232: 0}, "skipped", "nothing to tell"),
        ({500: 0, 750: 1, 1000: 1, 1232: 1}, "skipped", "nothing to tell"),
    ],
)
def test_mtu(answered: dict[int, int], verdict: str, words: str) -> None:
    found, text = one(MTU, machine(path=PathFacts(2, answered, "eth0", 1500)))
    assert found == verdict
    assert words in text


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (ConntrackFacts(False), "ok", "follows no connections"),
        (ConntrackFacts(True, 80, 100, 30, 120), "ok", "80 of 100"),
        (ConntrackFacts(True, 81, 100, 30, 120), "warning", "nf_conntrack_max=200"),
        (ConntrackFacts(True, 99, 100, 30, 120), "warning", "lost soon"),
        (ConntrackFacts(True, 100, 100, 30, 120), "failure", "are lost ->"),
        (ConntrackFacts(True, 0, 100, 29, 120), "warning", "udp_timeout=30"),
        (ConntrackFacts(True, 0, 100, 30, 29), "warning", "udp_timeout_stream=120"),
        (ConntrackFacts(True, None, None, None, None), "ok", "no limit"),
    ],
)
def test_conntrack(facts: ConntrackFacts, verdict: str, words: str) -> None:
    found, text = one(CONNTRACK, machine(conntrack=facts))
    assert found == verdict
    assert words in text


def test_firewall() -> None:
    assert "has no rules" in one(FIREWALL, machine(firewall=FirewallFacts("nft")))[1]
    assert "no rule of nft" in one(FIREWALL, machine(firewall=FirewallFacts("nft", (), 3)))[1]
    rules = tuple(FirewallRule(where, 6881, "drop", f"mend {where}") for where in ("in", "out"))
    found = told(FIREWALL, machine(firewall=FirewallFacts("nft", rules, 3)))
    assert [verdict for verdict, _ in found] == ["failure", "failure"]
    assert "drops UDP to port 6881: drop -> mend in" in found[0][1]
    assert "drops the UDP that the node sends: drop -> mend out" in found[1][1]


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (ChainPort("p2p", "9333"), "ok", "accepts connections"),
        (ChainPort("p2p", "9333", speaks="is /Core:1/"), "ok", "TCP port 9333 is /Core:1/"),
        (ChainPort("p2p", "9333", "it is closed"), "failure", "-> start the chain node"),
        (ChainPort("p2p", "9333", "other magic", is_other=True), "failure", "magic"),
    ],
)
def test_chain(facts: ChainPort, verdict: str, words: str) -> None:
    found, text = one(CHAIN, machine(chain=(facts,)))
    assert found == verdict
    assert words in text
    assert "advertises no port" in one(CHAIN, machine(chain=()))[1]
