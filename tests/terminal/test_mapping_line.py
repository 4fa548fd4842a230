"""The line of `kadisc run` about port mapping."""

from __future__ import annotations

import pytest

from kadisc.cli.launch import mapping_line
from kadisc.config import Config
from kadisc.endpoints import parse_endpoint
from kadisc.net.environment import MAPPING_VARIABLE, OFF

ANY, ANY6 = parse_endpoint("0.0.0.0:6881"), parse_endpoint("[::]:6881")
LOOPBACK = parse_endpoint("127.0.0.1:6881")


@pytest.fixture(autouse=True)
def _as_outside_of_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """No node is opened here, so no router is asked."""
    monkeypatch.delenv(MAPPING_VARIABLE)


def test_it_says_what_is_asked_and_how_to_switch_it_off() -> None:
    assert mapping_line(Config(), [ANY, ANY6]) == (
        "asking the router, if there is one, to forward UDP port 6881 by PCP and NAT-PMP "
        "(--no-map: do not)"
    )
    line = mapping_line(Config(port_mapping="upnp", map_port=("tcp:30303",)), [ANY])
    assert line is not None
    assert "UDP port 6881, tcp 30303 by PCP, NAT-PMP and UPnP" in line


def test_there_is_none_where_no_router_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert mapping_line(Config(port_mapping="off"), [ANY]) is None
    assert mapping_line(Config(read_only=True), [ANY]) is None
    assert mapping_line(Config(), [LOOPBACK]) is None
    monkeypatch.setenv(MAPPING_VARIABLE, OFF)
    assert mapping_line(Config(), [ANY]) is None
