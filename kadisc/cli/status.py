"""``kadisc status``: shows the state of the running node."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from .descriptions import NEEDS_A_RUNNING_NODE
from .options import add_folder_options
from .output import print_json, show

if TYPE_CHECKING:
    from ..control.methods.status import (
        FamilyStatus,
        MappingStatus,
        PeersStatus,
        ServiceStatus,
        Status,
    )
    from ..observe.mappings import MappingSnapshot

SUMMARY = "show the state of the running node"
DESCRIPTION = (
    "Shows the ID, addresses, contacts and traffic of the node that runs with this state folder. "
    + NEEDS_A_RUNNING_NODE
)
EXAMPLES = """\
examples:
  kadisc status
  kadisc status --state-dir ./node-b --json
  kadisc status --quiet                        for a health check"""


_INDENT: Final = 11
"""The column at which texts begin."""
_MIN_TEXT: Final = 40
ANSWERS: Final = {
    "open": "open from outside",
    "closed": "closed from outside",
    "unsure": "not surely open from outside",
}
"""What other nodes found of the TCP port of a service."""


def add_options(parser: argparse.ArgumentParser) -> None:
    add_folder_options(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")
    form.add_argument(
        "--quiet",
        action="store_true",
        help="print nothing: the exit code is 0 if the node answers, 1 if none does",
    )


def execute(options: argparse.Namespace) -> int:
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _status(options))


async def _status(options: argparse.Namespace) -> int:
    from ..control.methods.status import STATUS, StatusParams
    from .asking import ask_running

    status = await ask_running(options, STATUS, StatusParams())
    if options.json:
        print_json(status)
    elif not options.quiet:
        print_status(status)
    return 0


def print_status(status: Status) -> None:
    """Prints the document as lines of text."""
    from ..observe.describe import count, words_for_crowded

    show(
        f"kadisc {status.version}, process {status.pid}, up {duration(status.uptime_s)}, "
        f"network {status.network}"
    )
    show(f"  key      {status.public_key}")
    for family in status.families:
        _print_family(family)
    _print_reach(status)
    if status.waits_for_contact:
        show("           waiting for another node to join by this one; to join a network, start")
        show("           with --bootstrap HOST:PORT of a node of it")
    counters = status.counters
    show(
        f"  traffic  {counters['received']} datagrams in, {counters['sent']} out; "
        f"{count(status.operations, 'operation')} in flight"
    )
    show(
        f"  serving  {count(status.peers_stored, 'announce')} "
        f"and {count(status.items_stored, 'item')} for others"
    )
    if status.peers is not None:
        _print_peers(status.peers)
    _print_lan(status)
    for each in status.crowded_subnets:
        words = words_for_crowded(each.subnet, each.peers, each.beyond_caps, each.per_subnet)
        show(f"  limits   {words}")


def _print_lan(status: Status) -> None:
    from ..observe.lan import LanInterfaceSnapshot, lan_words

    lan = status.lan
    for each in lan.interfaces:
        words = lan_words(LanInterfaceSnapshot(each.name, each.members, each.others))
        show(f"  {'lan':<8} {words}")
    if lan.state == "failing":
        show(f"  {'lan':<8} no beacons: {lan.reason}")


def _print_peers(peers: PeersStatus) -> None:
    held_back = f", {peers.held_back} of them held back by feedback" if peers.held_back else ""
    show(
        f"  peers    {peers.online} online{held_back}; address book {peers.book_verified} "
        f"verified, {peers.book_unverified} unverified"
    )


def _print_family(family: FamilyStatus) -> None:
    from ..observe.describe import count

    state = "joined" if family.joined else "joining"
    if family.joined and not family.online:
        state = "offline"
    address = family.address
    known = (
        f"not known yet, {address.voters} of {address.voters_needed} votes "
        "(--external tells the node)"
    )
    if address.host is not None:
        known = f"{address.host} ({address.confidence}, {count(address.voters, 'voter')})"
    show(f"  {family.family}     {family.endpoint} as {family.id}")
    show(
        f"           {state}, {count(family.contacts, 'contact')}, "
        f"{count(family.candidates, 'candidate')}"
    )
    show(f"           external address {known}")


def _print_reach(status: Status) -> None:
    """Whether strangers reach the node, its port mapping, and the ports of the application."""
    from ..endpoints import Family, parse_endpoint, port_of
    from ..observe.describe import family_name
    from ..observe.reachability import node_mapping_words, port_words, reach_words

    mappings = [mapping_of(each) for each in status.mappings]
    for family in status.families:
        if (words := _untested_words(family)) is not None:
            _show_field("reach", f"{family_name(Family(family.family))} not tested: {words}")
    own_ports = {each.family: port_of(parse_endpoint(each.endpoint)) for each in status.sockets}
    tested = [family for family in status.families if family.reach is not None]
    # On a machine without IPv6 there is nothing to say of it.
    tested = [family for family in tested if family.joined or family.contacts] or tested
    label = "reach"
    for family in tested:
        assert family.reach is not None
        name = family_name(Family(family.family))
        _show_field(label, f"{name} {reach_words(family.reach)}")
        for each in mappings:
            is_own = _is_own(each, own_ports) and each.family.value == family.family
            if is_own and (words := node_mapping_words(each)):
                _show_field("", words)
        label = ""
    services = dict(status.services)
    for each in mappings:
        if not _is_own(each, own_ports):
            _show_field("port", f"{port_words(each)}{_answer(services, each)}")
    for name, service in services.items():
        _show_field("port", f"tcp {service.port} ({name}): {_answer_words(service)}")


def _untested_words(family: FamilyStatus) -> str | None:
    """Why there is no verdict for a family in use; None where there is one, or nothing to say."""
    from ..endpoints import ip_of, make_endpoint
    from ..observe.reachability import untested_words

    host, is_in_use = family.address.host, family.joined or family.contacts
    if family.reach is not None or host is None or not is_in_use:
        return None
    return untested_words(ip_of(make_endpoint(host, 1)), lan_only=False)


def _show_field(label: str, text: str) -> None:
    """A label and its text, which goes on in the next line where the terminal is too narrow."""
    import textwrap

    from ..text import MAX_MESSAGE, one_line
    from .tables import terminal_width

    width = min(terminal_width(), MAX_MESSAGE)
    lines = textwrap.wrap(
        one_line(text, MAX_MESSAGE),
        max(_MIN_TEXT, width - _INDENT),
        break_long_words=False,
        break_on_hyphens=False,
    )
    for line in lines:
        show(f"  {label:<8} {line}")
        label = ""


def _is_own(mapping: MappingSnapshot, own_ports: Mapping[str, int]) -> bool:
    """Whether the mapping is that of the node's socket, and not of a port of the application."""
    return mapping.protocol == "udp" and own_ports.get(mapping.family.value) == mapping.internal


def _answer(services: dict[str, ServiceStatus], mapping: MappingSnapshot) -> str:
    """What other nodes found of the service at a mapped port, which it takes out of the dict."""
    from ..observe.mappings import external_port

    if mapping.protocol == "tcp":
        for name, service in services.items():
            if service.port in (mapping.internal, external_port(mapping)):
                del services[name]
                return f"; {name}: {_answer_words(service)}"
    return ""


def _answer_words(service: ServiceStatus) -> str:
    return f"{ANSWERS[service.answer]} ({service.accepted} of {service.asked})"


def mapping_of(status: MappingStatus) -> MappingSnapshot:
    """The mapping that a document of the control socket tells of."""
    from ..endpoints import Family, parse_endpoint
    from ..observe.mappings import MappingSnapshot

    return MappingSnapshot(
        status.protocol,
        Family(status.family),
        status.internal,
        parse_endpoint(status.external) if status.external is not None else None,
        status.method,
        status.gateway,
        status.until,
        status.state,
        status.reason,
    )


def duration(seconds: float) -> str:
    """``7 s``, ``3 min``, ``2 h 7 min``, ``12 d 3 h``."""
    minutes, hours, days = int(seconds) // 60, int(seconds) // 3600, int(seconds) // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds:.0f} s"
