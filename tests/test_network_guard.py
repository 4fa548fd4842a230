"""No test addresses the router of the machine: the guard of `conftest.py` sees every send."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest

from kadisc import Config, open_node
from kadisc.net.environment import may_map, may_watch

from .support import network_guard
from .support.guard.sitecustomize import ForbiddenDestination


def send_datagram(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"", ("127.0.0.1", port))


def send_message(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendmsg([b""], (), 0, ("127.0.0.1", port))


def connect(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))


@pytest.mark.parametrize("port", [1900, 5350, 5351])
@pytest.mark.parametrize("send", [send_datagram, send_message, connect])
def test_a_send_to_a_port_of_routers_is_an_error_and_noted(
    send: Callable[[int], None], port: int
) -> None:
    with pytest.raises(ForbiddenDestination):
        send(port)
    [noted] = network_guard.take_noted()
    assert f"127.0.0.1 port {port}" in noted
    send(9)


def test_a_send_by_a_process_is_noted_even_where_it_catches_the_error() -> None:
    program = (
        "import socket\n"
        "try: socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('127.0.0.1', 5351))\n"
        "except Exception as error: print(type(error).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "ForbiddenDestination\n", done.stderr
    assert len(network_guard.take_noted()) == 1


async def test_a_node_with_the_default_configuration_leaves_the_network_of_the_machine_alone() -> (
    None
):
    assert not may_map() and not may_watch()
    async with open_node(Config(port_mapping="upnp")) as node:
        assert [mapping.state for mapping in node.mappings()] == ["off"]


def test_processes_of_tests_are_told_the_same() -> None:
    assert all(os.environ[name] == "off" for name in network_guard.SWITCHES)


def test_in_namespaces_nodes_may_map() -> None:
    from .support.namespaces import ENVIRONMENT

    assert not set(network_guard.SWITCHES) & set(ENVIRONMENT)
