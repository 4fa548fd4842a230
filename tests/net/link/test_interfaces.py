"""What is read of the interfaces of this machine; nothing is sent."""

from __future__ import annotations

import socket
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from kadisc.endpoints import Endpoint, Family, parse_endpoint
from kadisc.net.link.interfaces import (
    InterfaceAddress,
    LinkUnreadable,
    is_own_address,
    read_links,
    source_address,
)

V4, V6 = Family.IPV4, Family.IPV6


def test_loopback_is_read_and_is_not_usable() -> None:
    links = read_links((V4, V6))
    assert set(links) == {V4, V6}
    [loopback] = [each for each in links[V4].addresses if each.ip == "127.0.0.1"]
    assert (loopback.prefix_bits, loopback.is_up, loopback.is_usable) == (8, True, False)
    assert loopback not in links[V4].usable
    for family, link in links.items():
        assert link.source is None or link.source in [each.ip for each in link.addresses]
        assert link.difference(read_links((family,))[family]) is None


def row(family: int, address: Any, netmask: Any) -> SimpleNamespace:
    return SimpleNamespace(family=family, address=address, netmask=netmask)


def test_rows_that_make_no_sense_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {
        "eth0": [
            row(socket.AF_INET, "10.1.2.3", "255.255.255.0"),
            row(socket.AF_INET, "10.1.2.4", None),
            row(socket.AF_INET, "nonsense", "255.0.0.0"),
            row(socket.AF_INET, None, None),
            row(socket.AF_INET6, "fe80::1%eth0", "ffff:ffff:ffff:ffff::"),
            row(socket.AF_INET6, "2a00:1::5", "ffff:ffff:ffff:ffff::"),
            row(socket.AF_INET6, "10.1.2.3", "ffff::"),
            row(17, "02:00:00:00:00:01", None),
        ],
        "gone": [row(socket.AF_INET, "10.9.9.9", "255.255.0.0")],
    }
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: rows)
    monkeypatch.setattr(psutil, "net_if_stats", lambda: {"eth0": SimpleNamespace(isup=True)})
    links = read_links((V4, V6))
    assert links[V4].addresses == (
        InterfaceAddress("10.1.2.3", 24, "eth0", is_up=True),
        InterfaceAddress("10.9.9.9", 16, "gone", is_up=False),
    )
    assert [each.ip for each in links[V4].usable] == ["10.1.2.3"]
    assert [each.ip for each in links[V6].addresses] == ["2a00:1::5", "fe80::1"]
    assert [each.ip for each in links[V6].usable] == ["2a00:1::5"]


@pytest.mark.parametrize(
    "error", [PermissionError(13, "no"), psutil.AccessDenied(), NotImplementedError()]
)
def test_a_system_that_does_not_tell(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(psutil, "net_if_stats", fail)
    with pytest.raises(LinkUnreadable):
        read_links((V4,))


def test_the_source_address_is_one_of_this_machine() -> None:
    source = source_address(V4)
    assert source is None or is_own_address(parse_endpoint(f"{source}:1"))


@pytest.mark.parametrize(
    ("where", "is_own"), [("127.0.0.1:1", True), ("127.8.9.10:1", True), ("192.0.2.77:1", False)]
)
def test_whether_an_address_is_here(where: str, is_own: bool) -> None:
    assert is_own_address(Endpoint(parse_endpoint(where))) is is_own


def test_the_library_is_imported_by_nodes_that_watch_and_by_nothing_else() -> None:
    program = (
        "import sys, kadisc.cli.main, kadisc.net.api.open as _; sys.exit('psutil' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
