"""What the application reads of a peer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kadisc.endpoints import parse_endpoint

from ....support.peers import peer


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("45.10.0.1:7001", "45.10.0.1", 7001), ("[2001:db8::1]:6881", "2001:db8::1", 6881)],
)
def test_a_peer_tells_its_host_and_port(text: str, host: str, port: int) -> None:
    one = peer(1, parse_endpoint(text), services={"p2p": 9333})
    assert (one.host, one.port, one.services) == (host, port, {"p2p": 9333})
    assert one.endpoints == (one.endpoint,)
    assert one.reachable == "yes"
    assert not one.is_beyond_caps


def test_what_is_told_to_the_application_makes_no_other_peer_of_it() -> None:
    one, other = peer(1), parse_endpoint("[2001:db8::1]:6881")
    told = replace(one, other_endpoints=(other,), is_reachable=False, is_beyond_caps=True)
    assert told.endpoints == (one.endpoint, other)
    assert told.reachable == "unknown"
    assert told == one
    assert hash(told) == hash(one)
