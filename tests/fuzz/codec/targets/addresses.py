"""Addresses as texts, and as bytes that other nodes name."""

from __future__ import annotations

import contextlib

from kadisc.core.addressing.bep42 import derive_node_id
from kadisc.endpoints import (
    Endpoint,
    Scope,
    family_of,
    format_endpoint,
    format_subnet,
    host_of,
    host_prefix,
    is_nat64,
    netgroup_prefix,
    parse_endpoint,
    port_of,
    scope_of,
    split_host_port,
    subnet_prefix,
    tunnelled_ipv4,
)
from kadisc.errors import UsageError
from kadisc.net.join.resolve import parse_host
from kadisc.wire.compact import endpoint_from

from ..target import Target, require


def check(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    try:
        endpoint = parse_endpoint(text)
    except ValueError as error:
        require(bool(str(error)), "an error without a text")
    else:
        _holds(endpoint)
    with contextlib.suppress(ValueError):
        split_host_port(text)
    try:
        found = parse_host(text)
    except UsageError:
        pass
    else:
        require(found is None or port_of(found) > 0, f"{text!r} has port 0")
    for size in (6, 18):
        named = endpoint_from(data[:size])
        if named is not None and len(named) == size:
            _holds(named)


def _holds(endpoint: Endpoint) -> None:
    written = format_endpoint(endpoint)
    again = parse_endpoint(written)
    mapped = endpoint.startswith(bytes(10) + b"\xff\xff") and len(endpoint) == 18
    require(again == endpoint or mapped, f"{endpoint!r} came back as {again!r}")
    require(isinstance(scope_of(endpoint), Scope), "no scope")
    if mapped:
        require(scope_of(endpoint) is Scope.INVALID, "a mapped address is one of IPv6")
    prefixes = [host_prefix(endpoint), subnet_prefix(endpoint), netgroup_prefix(endpoint)]
    for wide, narrow in zip(prefixes[1:], prefixes, strict=False):
        require(len(wide) <= len(narrow), f"prefixes of {written}: {prefixes}")
    for prefix in prefixes:
        format_subnet(prefix)
    is_nat64(endpoint)
    require(len(tunnelled_ipv4(endpoint)) in (0, 4), "an IPv4 address of another length")
    require(family_of(endpoint).value in ("ipv4", "ipv6") and bool(host_of(endpoint)), "no family")
    require(0 <= derive_node_id(b"\x07" * 32, endpoint[:-2]) < 1 << 160, "an ID of other length")


def seeds() -> list[bytes]:
    return [
        *(b"45.1.2.3:6881", b"[2001:db8::1]:6881", b"router.example.org:6881", b"[::]:0"),
        *(b"[fe80::1%eth0]:1", b"[::ffff:1.2.3.4]:1", b"01.2.3.4:5", b"1.2.3.4:+5", b"0.0.0.0:1"),
        *(b"\x2d\1\2\3\x1a\xe1", b"\x20\x02\x2d\1\2\3" + bytes(10) + b"\x1a\xe1"),
        *(b"\x20\x01\0\0" + b"\x01" * 12 + b"\0\1", b"\0\x64\xff\x9b" + bytes(12) + b"\0\1"),
    ]


ADDRESSES = Target(
    "addresses",
    "ValueError and UsageError alone are raised; an endpoint is written as a text that reads the "
    "same; prefixes nest, and every address has a scope",
    check,
    seeds,
    (b"[", b"]:", b"::ffff:", b"%", b":65536", b"\x20\x01\0\0", b"\0\x64\xff\x9b"),
    max_bytes=80,
    intended_s=0.002,
    guided_by=("kadisc.endpoints", "kadisc.net.join", "kadisc.core.addressing"),
    quick_runs=1500,
)
