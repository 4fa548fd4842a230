"""Whether strangers reach the node: the document of programs, and the words for people."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from ..core.contract.reach_verdict import MAPPED
from ..core.reach.reach_snapshot import ReachSnapshot
from ..endpoints import Endpoint, Scope, format_endpoint, format_ip, scope_of
from .mappings import METHODS, MappingSnapshot, external_port

NOT_LET_IN: Final = {
    "none": "a firewall lets in only hosts that this node has contacted",
    "restricted": "a router or firewall lets in only hosts that this node has contacted",
    "dependent": "the router uses another port towards each host (symmetric NAT)",
    "double": "two routers translate addresses (double NAT, or that of the provider)",
}
"""Why strangers do not get in, by the kind of NAT."""


class ReachDocument(msgspec.Struct):
    """``verdict``: ``yes``, ``likely``, ``no`` or ``unknown``. ``endpoint``: where strangers reach
    the node, or where it is tested; null while no port is decided. ``how``: ``direct``, or
    ``mapped`` by a router; null while it is not reached. ``nat``: ``none``, ``open``,
    ``restricted``, ``dependent``, ``double`` or ``unknown``. ``proven_s_ago``: since a stranger got
    in last, null if none did. ``one_way``: strangers get in, but answers to them do not arrive.
    ``helpers``: the netgroups of peers that can help with a test, of which a no needs
    ``helpers_needed``. ``testing``: a test is under way.
    """

    verdict: str
    endpoint: str | None
    how: str | None
    nat: str
    proven_s_ago: float | None
    one_way: bool
    helpers: int
    helpers_needed: int
    testing: bool


def untested_words(ip: bytes | None, *, lan_only: bool) -> str | None:
    """Why nobody tests whether strangers reach a node with this own address; None if it is tested.
    ``lan_only``: whether the node meets those of its links alone.
    """
    if ip is not None and scope_of(Endpoint(ip + b"\0\1")) is Scope.PRIVATE:
        return f"{format_ip(ip)} is a private address, so that no stranger can reach this node"
    if lan_only and ip is None:
        return "with --lan-only the node meets those of its links alone, and no stranger"
    return None


def reach_document(reach: ReachSnapshot) -> ReachDocument:
    return ReachDocument(
        reach.verdict.value,
        format_endpoint(reach.endpoint) if reach.endpoint is not None else None,
        reach.how,
        reach.nat,
        round(reach.proven_s_ago, 1) if reach.proven_s_ago is not None else None,
        reach.one_way,
        reach.helpers,
        reach.helpers_needed,
        reach.is_testing,
    )


def reach_words(reach: ReachDocument) -> str:
    """The verdict and its reason in one line."""
    words = _verdict_words(reach)
    if reach.one_way:
        words += "; datagrams of strangers arrive, but answers to them do not get back"
    if reach.testing and reach.verdict != "unknown":
        words += "; testing again"
    return words


def _verdict_words(reach: ReachDocument) -> str:
    where = f", at {reach.endpoint}" if reach.endpoint is not None else ""
    last = (
        f": a stranger got in {ago(reach.proven_s_ago)} ago"
        if reach.proven_s_ago is not None
        else ""
    )
    match reach.verdict:
        case "yes":
            return f"yes{where}{last}"
        case "likely":
            return f"likely{where}{last}; not proven yet"
        case "no":
            return f"no: {NOT_LET_IN.get(reach.nat, 'no stranger gets in')}"
    return f"unknown: {unknown_words(reach)}"


def unknown_words(reach: ReachDocument) -> str:
    """Why there is no verdict."""
    if reach.nat == "dependent":
        return f"{NOT_LET_IN['dependent']}, so there is no port to test"
    if reach.endpoint is None:
        return "the external address and port are not known yet"
    networks = "1 network" if reach.helpers == 1 else f"{reach.helpers} networks"
    helpers = f"helpers in {networks}, {reach.helpers_needed} needed for a no"
    if reach.testing:
        return f"testing; {helpers}"
    if reach.proven_s_ago is not None:
        return f"{helpers}; no stranger got in for {ago(reach.proven_s_ago)}"
    return f"{helpers}; no stranger got in so far"


def reach_phrase(reach: ReachDocument, method: str | None) -> tuple[str, str]:
    """The verdict in three words at most, and a style: ``good``, ``fair``, ``poor`` or ``bad``.
    ``method``: by what a router forwards the port, if one does.
    """
    match reach.verdict:
        case "yes":
            return "reachable" + (f" ({method})" if method and reach.how == MAPPED else ""), "good"
        case "likely":
            return "likely reachable", "fair"
        case "no":
            return "not reachable", "bad"
    return ("testing", "fair") if reach.testing else ("reachability unknown", "poor")


def node_mapping_words(mapping: MappingSnapshot) -> str:
    """What the router does for the port of the node itself; empty if it is not asked."""
    match mapping.state:
        case "mapped":
            return (
                f"port {external_port(mapping)} mapped by {_grant_words(mapping)}"
                f"{f' ({mapping.reason})' if mapping.reason else ''}"
            )
        case "asking":
            return f"asking {mapping.gateway} for a port mapping" if mapping.gateway else ""
        case "paused":
            by = f" by {mapping.gateway}" if mapping.gateway else ""
            return f"no port mapping{by}{f': {mapping.reason}' if mapping.reason else ''}"
    return ""


def _grant_words(mapping: MappingSnapshot) -> str:
    """By what, on which router, and until when a port is mapped."""
    method = METHODS.get(mapping.method or "", mapping.method or "")
    until = (
        f" until {datetime.fromtimestamp(mapping.until_wall_s).astimezone():%H:%M}"
        if mapping.until_wall_s is not None
        else ""
    )
    return f"{method} on {mapping.gateway}{until}"


def port_words(mapping: MappingSnapshot) -> str:
    """What the router does for a port of the application."""
    port = f"{mapping.protocol} {mapping.internal}"
    match mapping.state:
        case "mapped":
            odd = f" ({mapping.reason})" if mapping.reason else ""
            return f"{port} -> {external_port(mapping)} by {_grant_words(mapping)}{odd}"
        case "asking":
            return f"{port}: asking the router to map it"
        case "paused":
            return f"{port}: not mapped{f': {mapping.reason}' if mapping.reason else ''}"
    return f"{port}: not mapped: port mapping is off"


def ago(seconds: float) -> str:
    """``12 s``, ``3 min``, ``2 h``, ``5 d``."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0.0, seconds):.0f} s"
