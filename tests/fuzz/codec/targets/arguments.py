"""Texts that a person or a program gives a command: services, filters, ports, routers, IDs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kadisc.cli.peer_format import PeerFormat
from kadisc.errors import UsageError
from kadisc.ids import format_id, parse_id
from kadisc.net.join.own_address import external_addresses
from kadisc.net.mapping.arguments import configured_gateways, mapped_ports
from kadisc.networks import NetworkSet
from kadisc.observe.services import (
    parse_services,
    parse_where,
    services_document,
    where_document,
    where_from,
)
from kadisc.text import one_line

from ..target import Target, require


def _none_of(text: str, read: Callable[[str], Any], errors: type[Exception]) -> Any:
    """What a reader makes of the text; None where it raises one of its declared errors."""
    try:
        return read(text)
    except errors as error:
        require(bool(str(error)), "an error without a text")
        return None


def check(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    words = text.split("\n")
    services = _none_of(text, lambda _: parse_services(words), UsageError)
    if services is not None:
        document = services_document(services)
        again = parse_services(f"{name}={value}" for name, value in document.items())
        require(again == services, f"{services} came back as {again}")
    where = _none_of(text, lambda _: parse_where(words), UsageError)
    if where is not None:
        again = where_from(where_document(where))
        require(again == where, f"{where} came back as {again}")
    ports = _none_of(text, lambda _: mapped_ports(words), UsageError)
    if ports is not None:
        texts = [f"{each.protocol}:{each.internal}={each.external}" for each in ports]
        require(mapped_ports(texts) == ports, f"{ports} did not come back")
    _none_of(text, lambda _: configured_gateways(words), UsageError)
    _none_of(text, lambda _: external_addresses(words), UsageError)
    _none_of(text, lambda _: NetworkSet(words), ValueError)
    node_id = _none_of(text, parse_id, ValueError)
    if node_id is not None:
        require(format_id(node_id) == text.lower(), f"{text} is {format_id(node_id)}")
    _none_of(
        text, lambda each: PeerFormat(each, "eth", ("eth", "fork"), is_member=True), UsageError
    )
    line = one_line(text)
    require("\n" not in line and line.isprintable(), f"{line!r} is not one printable line")
    require(one_line(line) == line, f"{line!r} is changed when it is shown again")


def seeds() -> list[bytes]:
    return [
        b"eth=30303\nfork=0xabcd",
        b"eth\nfork=0xabcd\nname=text",
        b"tcp:30303\nudp:6881=16881",
        b"192.168.1.1\nfe80::1",
        b"45.1.2.3:6881\n[2a00:1::1]:6881",
        b"10.0.0.0/8\n2001:db8::/32",
        b"ab" * 20,
        b"enode://{key}@{host}:{eth} {{x}} {address}",
        b"\x1b[2J\xe2\x80\xae\xf0\x9f\x98\x80\x9b\xff",
    ]


ARGUMENTS = Target(
    "arguments",
    "UsageError (for IDs and subnets ValueError) alone is raised; what was read is written as a "
    "text that reads the same; a text is shown on one line without control characters",
    check,
    seeds,
    (b"=0x", b"tcp:", b"udp:", b"/128", b"[::ffff:", b"{host}", b"{{", b"\xed\xa0\x80", b"%eth0"),
    max_bytes=400,
    intended_s=0.003,
    guided_by=(
        "kadisc.observe",
        "kadisc.net.join",
        "kadisc.net.mapping.arguments",
        "kadisc.networks",
    ),
    quick_runs=1500,
)
