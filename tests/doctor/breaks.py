"""One thing that is broken on a machine, and how an operator who follows the remedy mends it."""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from kadisc.control.socket_file import socket_path
from kadisc.endpoints import make_endpoint
from kadisc.feed.bitcoin_version import version_message

from .machines import BrokenMachine
from .services import NAME

PORT = 6881
CONFIGURATION = """
network = "lab"
no_routers = true
publish_record = false
port_mapping = "off"
lan = "off"
read_only = true
bind = ["0.0.0.0:6881"]
bootstrap = ["boot.lab:6881"]
"""
"""Whether strangers reach a node takes minutes to find out, and has scenarios of its own."""
OFFERING = CONFIGURATION.replace("read_only = true\n", "")
BAN = 'ban = ["45.70.0.0/16"]\n'
OTHER_MAGIC = bytes.fromhex("c0c0c0c0")
OTHER_CHAIN = version_message(
    OTHER_MAGIC, "/Other:1.0/", 1, 1_700_000_000, make_endpoint("127.0.0.1", 9334)
)
"""What a node of another chain than Litecoin says."""
WORLD = "45.63.0.1"
RIGHT_CLOCK, WRONG_CLOCK = f"http://{WORLD}:8001", f"http://{WORLD}:8002"
FIREWALL = """table inet lab {
  chain CHAIN { type filter hook HOOK priority 0; RULE }
}"""


@dataclass(frozen=True)
class Break:
    """``check`` fails or warns (``verdict``) because of ``breaks``. ``options``: of the command.
    ``mends``: follows the remedy, and returns the options of the second look.
    """

    check: str
    verdict: str
    breaks: Callable[[BrokenMachine], None] = lambda machine: None
    mends: Callable[[BrokenMachine, str], None] = lambda machine, remedy: None
    options: Sequence[str] = ()
    options_after: Sequence[str] | None = None
    runs: bool = False
    """Whether a node runs on the machine."""
    remains: Sequence[str] = field(default=("ok",))
    """The verdicts of the check that are right after it is mended."""
    has_node: bool = True
    """Whether there is a node that can tell of itself."""
    differs: Sequence[str] = ()
    """Other checks that say something else on this machine, for a reason of their own."""


def configured(machine: BrokenMachine, text: str = CONFIGURATION) -> None:
    (machine.folder / "config.toml").write_text(text)


def typed(machine: BrokenMachine, remedy: str) -> None:
    """The first command of a remedy, as it stands there."""
    machine.shell(re.split(r"[,;] ", remedy)[0])


def with_firewall(chain: str, hook: str, rule: str) -> Callable[[BrokenMachine], None]:
    rules = FIREWALL.replace("CHAIN", chain).replace("HOOK", hook).replace("RULE", rule)

    def breaks(machine: BrokenMachine) -> None:
        machine.host.run("nft", "-f", "-", given=rules)

    return breaks


def no_route(machine: BrokenMachine) -> None:
    machine.host.ip("route", "del", "default")


def no_route_6(machine: BrokenMachine) -> None:
    machine.host.ip("-6", "route", "del", "default")
    configured(machine, CONFIGURATION.replace('["0.0.0.0', '["[::]:6881", "0.0.0.0'))


def plug_in(machine: BrokenMachine) -> None:
    machine.host.ip("link", "set", "wan", "up")


def add_route(machine: BrokenMachine, remedy: str) -> None:
    [command] = re.findall(r"ip route add default via ROUTER", remedy)
    machine.shell(command.replace("ROUTER", f"45.{machine.number}.255.254"))


def small_mtu(machine: BrokenMachine) -> None:
    """Only on the other side: this one does not know."""
    from tests.support.routers.namespaces import run

    run("ip", "link", "set", f"v{machine.number}", "mtu", "1000")


def full_disk(machine: BrokenMachine) -> None:
    from tests.support.routers.namespaces import run

    machine.state.mkdir(mode=0o700)
    run("mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "none", str(machine.state))
    with (machine.state / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1024))


def larger_disk(machine: BrokenMachine, remedy: str) -> None:
    assert str(machine.state) in remedy
    (machine.state / "filler").unlink(missing_ok=True)
    machine.shell(f"mount -o remount,size=100m {machine.state}")


def stale_socket(machine: BrokenMachine) -> None:
    machine.state.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(socket_path(machine.state)))
    socket_path(machine.state).chmod(0o600)


def large_buffer(machine: BrokenMachine) -> None:
    """More than the system gives: its limit can be set on the host alone, not in a namespace."""
    configured(machine, f"socket_buffer_bytes = {1 << 28}\n{CONFIGURATION}")


def start_again(machine: BrokenMachine, remedy: str) -> None:
    configured(machine)


def long_path(machine: BrokenMachine) -> None:
    machine.keep_state_at(machine.folder / ("x" * 120))


BREAKS: dict[str, Break] = {
    "misspelt key": Break(
        "config",
        "failure",
        lambda machine: configured(machine, CONFIGURATION + "bootstarp = []\n"),
        start_again,
    ),
    "value out of bounds": Break(
        "config",
        "failure",
        lambda machine: configured(machine, CONFIGURATION + "[core.table]\nk = 99999999\n"),
        start_again,
    ),
    "folder for all": Break(
        "state",
        "failure",
        lambda machine: (machine.state.mkdir(), machine.state.chmod(0o777))[0],
        typed,
    ),
    "full disk": Break("state", "failure", full_disk, larger_disk, remains=("warning",)),
    "damaged key": Break(
        "state",
        "failure",
        lambda machine: (
            machine.state.mkdir(mode=0o700),
            (machine.state / "identity").write_bytes(b"x" * 200),
        )[0],
        lambda machine, remedy: machine.shell(re.findall(r"mv \S+ \S+", remedy)[0]),
    ),
    "foreign lock": Break(
        "lock",
        "failure",
        lambda machine: (machine.lock(machine.state / "state.lock"), None)[1],
        typed,
    ),
    "stale socket": Break("socket", "warning", stale_socket, typed),
    "socket for all": Break(
        "socket",
        "warning",
        lambda machine: socket_path(machine.state).chmod(0o666),
        typed,
        runs=True,
    ),
    "node that hangs": Break(
        "socket",
        "failure",
        lambda machine: machine.stop_node(),
        lambda machine, remedy: machine.shell(re.findall(r"kill -9 \d+", remedy)[0]),
        runs=True,
        has_node=False,
        remains=("warning",),
    ),
    "port taken": Break(
        "sockets",
        "failure",
        lambda machine: (machine.hold("SOCK_DGRAM", PORT), None)[1],
        typed,
        has_node=False,
    ),
    "small buffer": Break("buffers", "warning", large_buffer, start_again),
    "wrong clock": Break(
        "clock",
        "failure",
        options=("--rpc", WRONG_CLOCK),
        options_after=("--rpc", RIGHT_CLOCK),
    ),
    "no route in one family": Break(
        "route", "warning", no_route_6, lambda machine, remedy: configured(machine)
    ),
    "unplugged": Break(
        "route",
        "failure",
        lambda machine: (machine.host.ip("link", "set", "wan", "down"), None)[1],
        lambda machine, remedy: (plug_in(machine), add_route(machine, remedy))[1],
    ),
    "no route": Break("route", "failure", no_route, add_route),
    "drop rule in": Break(
        "firewall",
        "failure",
        with_firewall("guard", "input", f"udp dport {PORT} drop;"),
        typed,
    ),
    "drop rule out": Break(
        "firewall", "failure", with_firewall("out", "output", "meta l4proto udp drop;"), typed
    ),
    "policy": Break(
        "firewall",
        "failure",
        with_firewall("in", "input", "policy drop; ct state established accept;"),
        typed,
    ),
    "short conntrack": Break(
        "conntrack",
        "warning",
        lambda machine: machine.host.sysctl("net.netfilter.nf_conntrack_udp_timeout=5"),
        typed,
    ),
    "dead resolver": Break(
        "resolver",
        "failure",
        lambda machine: machine.resolve_by(f"45.{machine.number}.0.77"),
        lambda machine, remedy: machine.resolve_by(WORLD),
    ),
    "unknown name": Break(
        "resolver",
        "failure",
        lambda machine: configured(machine, CONFIGURATION.replace(NAME, "nowhere.lab")),
        start_again,
    ),
    "silent bootstrap": Break(
        "bootstrap",
        "failure",
        lambda machine: configured(machine, CONFIGURATION.replace(NAME, "45.64.200.200")),
        start_again,
    ),
    "small mtu": Break("mtu", "warning", small_mtu, typed),
    "another chain": Break(
        "chain",
        "failure",
        lambda machine: (
            configured(machine, OFFERING),
            machine.hold("SOCK_STREAM", 9334, OTHER_CHAIN),
        )[0],
        lambda machine, remedy: None,
        options=("--service", "p2p=9334", "--chain", "ltc"),
        options_after=("--service", "p2p=9334", "--chain", f"0x{OTHER_MAGIC.hex()}"),
        differs=("reachable", "services"),
    ),
    "barred bootstrap": Break(
        "config",
        "warning",
        lambda machine: configured(
            machine, CONFIGURATION.replace('"boot.lab', '"45.70.0.1:6881", "boot.lab') + BAN
        ),
        start_again,
    ),
    "path too long": Break(
        "socket",
        "failure",
        long_path,
        lambda machine, remedy: machine.keep_state_at(machine.folder / "state"),
    ),
    "chain port closed": Break(
        "chain",
        "failure",
        lambda machine: configured(machine, OFFERING),
        lambda machine, remedy: (machine.hold("SOCK_STREAM", 9333), None)[1],
        options=("--service", "p2p=9333"),
        differs=("reachable", "services"),
    ),
}
assert shutil.which("flock")
