"""What two values of one configuration file say that cannot both hold.

A value that another one makes useless is an error, as a misspelt key is: the operator meant
something that the node would not do. Only the file is looked at. An option of the command line may
overrule a part of it, as --no-routers does, and contradicts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from ..config.keys import KEYS
from ..endpoints import family_of, make_endpoint, split_host_port
from ..errors import UsageError
from .join.own_address import external_addresses

ORDERED: Final = (
    ("bootstrap_retry_s", "bootstrap_retry_max_s"),
    ("core.query.min_stall_s", "core.query.max_stall_s"),
)
"""Pairs of keys, of which the first is at most the second."""


def contradictions(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The key that is to be changed, and what contradicts it. ``values``: of one file, each sound
    by itself, by the dotted names of their keys.
    """
    for least, most in ORDERED:
        if least in values or most in values:
            low, high = (values.get(name, KEYS[name].default) for name in (least, most))
            if low > high:
                key = least if least in values else most
                yield key, f"{least} is {low}, and {most} is {high}: it must not be less"
    for rule in _RULES:
        yield from rule(values)


def _routers(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if values.get("routers") and values.get("no_routers"):
        yield "routers", "no_routers is true, so none of them would be asked: leave one of both out"


def _lan_only(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if values.get("lan") != "only":
        return
    if values.get("routers"):
        yield "routers", 'lan is "only", so none of them would be asked'
    if values.get("port_mapping", "off") != "off" or values.get("map_port"):
        key = "map_port" if values.get("map_port") else "port_mapping"
        yield key, 'lan is "only", so no port would be forwarded'


def _port_mapping(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if values.get("port_mapping") == "off" and values.get("lan") != "only":
        for key in ("map_port", "gateway"):
            if values.get(key):
                yield key, 'port_mapping is "off", so no router would be asked'


def _one_address_per_family(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    families = [_family(text) for text in values.get("bind", ())]
    if len(set(families)) < len(families):
        yield "bind", "it takes one address per address family: one IPv4, one IPv6"
    try:
        external = external_addresses(values.get("external", ()))
    except UsageError as error:
        yield "external", str(error)
        return
    for family in external:
        if families and family.value not in families:
            yield "external", f"it has an {family.value} address, and bind has none"


def _family(text: str) -> str:
    host, port = split_host_port(text)
    return family_of(make_endpoint(host, port or 1)).value


def _subnets(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    allowed, banned = values.get("netrestrict", ()), values.get("ban", ())
    if allowed and set(allowed) <= set(banned):
        yield "netrestrict", "ban has all of these subnets, so no node at all could be asked"


def _read_only(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if values.get("read_only") and values.get("reachable") == "yes":
        yield "reachable", "read_only is true: such a node never answers strangers"


_RULES: Final[tuple[Callable[[Mapping[str, Any]], Iterator[tuple[str, str]]], ...]] = (
    _routers,
    _lan_only,
    _port_mapping,
    _one_address_per_family,
    _subnets,
    _read_only,
)
