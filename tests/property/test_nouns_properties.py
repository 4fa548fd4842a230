"""Round trips of IDs and endpoints in text and bytes; scopes compared with the module
`ipaddress`.
"""

from __future__ import annotations

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from kadisc.endpoints import (
    Endpoint,
    Scope,
    format_endpoint,
    host_of,
    make_endpoint,
    parse_endpoint,
    port_of,
    scope_of,
)
from kadisc.ids import format_id, id_from_bytes, id_to_bytes, parse_id, shared_prefix_bits

ids = st.integers(0, 2**160 - 1)
ports = st.integers(1, 65535)

SCOPES_BY_NETWORK = [
    (Scope.LOOPBACK, "127.0.0.0/8"),
    *(
        (Scope.PRIVATE, network)
        for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
    ),
    (Scope.LINK_LOCAL, "169.254.0.0/16"),
    *(
        (Scope.SPECIAL, network)
        for network in (
            "192.0.0.0/24",
            "192.0.2.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
        )
    ),
    *((Scope.INVALID, network) for network in ("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4")),
]
NETWORKS = [(scope, ipaddress.IPv4Network(text)) for scope, text in SCOPES_BY_NETWORK]
edges = st.sampled_from(
    [
        int(edge) + command
        for _, network in NETWORKS
        for edge in (network[0], network[-1])
        for command in (-1, 0, 1)
    ]
)


@given(ids)
def test_ids_survive_bytes_and_text(node_id: int) -> None:
    assert (
        id_from_bytes(id_to_bytes(node_id))
        == parse_id(format_id(node_id))
        == parse_id(format_id(node_id).upper())
        == node_id
    )


@given(ids, ids)
def test_shared_prefix_bits_are_those_of_the_binary_text(a: int, b: int) -> None:
    left, right = f"{a:0160b}", f"{b:0160b}"
    assert shared_prefix_bits(a, b) == next(
        (index for index in range(160) if left[index] != right[index]), 160
    )


@given(st.ip_addresses(), ports)
def test_endpoints_survive_text(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> None:
    endpoint = make_endpoint(str(address), port)
    assert parse_endpoint(format_endpoint(endpoint)) == endpoint
    assert port_of(endpoint) == port
    mapped = getattr(address, "ipv4_mapped", None)
    assert ipaddress.ip_address(host_of(endpoint)) == (mapped or address)


@given(st.integers(0, 2**32 - 1) | edges.map(lambda number: number % 2**32), ports)
def test_ipv4_scopes_are_those_of_the_networks(number: int, port: int) -> None:
    address = ipaddress.IPv4Address(number)
    book = next((scope for scope, network in NETWORKS if address in network), Scope.PUBLIC)
    assert scope_of(make_endpoint(str(address), port)) is book


@given(st.binary(min_size=16, max_size=16), ports)
def test_a_public_ipv6_address_is_globally_routable(ip: bytes, port: int) -> None:
    if scope_of(Endpoint(ip + port.to_bytes(2, "big"))) is Scope.PUBLIC:
        assert ipaddress.IPv6Address(ip) in ipaddress.IPv6Network("2000::/3")
