"""Keeps tests from addressing the router and the links of the machine that they run on.

`tests/conftest.py` installs it in its own process and puts this folder on PYTHONPATH, so that each
Python that a test starts installs it too. An audit hook sees every datagram and every connection at
the lowest place that Python has. What it forbids raises an error there, and is noted in a file, so
that the test fails even where the error is caught. In another network namespace than that of the
tests everything is allowed. It needs nothing but Python's library, and `python -I` leaves it out.
"""

import os
import sys
from pathlib import Path

PORTS = {
    1900: "SSDP (UPnP)",
    5350: "notices of a router",
    5351: "PCP and NAT-PMP",
    17468: "beacons of the LAN",
}
LOG_VARIABLE = "KADISC_TEST_GUARD_LOG"
NAMESPACE_VARIABLE = "KADISC_TEST_GUARD_NAMESPACE"
_EVENTS = frozenset({"socket.sendto", "socket.sendmsg", "socket.connect"})


class ForbiddenDestination(RuntimeError):
    """A test outside of a network namespace addressed a port of routers or of beacons."""


def network_namespace() -> str:
    """The number of the network namespace of this process; empty where the system has none."""
    try:
        return str(Path("/proc/self/ns/net").stat().st_ino)
    except OSError:
        return ""


def hook(event: str, arguments: tuple[object, ...]) -> None:
    if event not in _EVENTS:
        return
    address = arguments[1]
    if not isinstance(address, tuple) or len(address) < 2 or address[1] not in PORTS:
        return
    if network_namespace() != os.environ.get(NAMESPACE_VARIABLE):
        return
    what = f"{event} to {address[0]} port {address[1]}, {PORTS[address[1]]}"
    with Path(os.environ[LOG_VARIABLE]).open("a") as log:
        log.write(what + "\n")
    raise ForbiddenDestination(what)


def install() -> None:
    sys.addaudithook(hook)


if __name__ == "sitecustomize" and LOG_VARIABLE in os.environ:
    install()
