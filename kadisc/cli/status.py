"""``kadisc status``: shows the state of the running node."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .descriptions import NEEDS_A_RUNNING_NODE
from .options import add_folder_options
from .output import print_json, show

if TYPE_CHECKING:
    from ..control.methods.status import FamilyStatus, PeersStatus, Status

SUMMARY = "show the state of the running node"
DESCRIPTION = (
    "Shows the ID, addresses, contacts and traffic of the node that runs with this state folder. "
    + NEEDS_A_RUNNING_NODE
)
EXAMPLES = """\
examples:
  kadisc status
  kadisc status --state-dir ./node-b --json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    add_folder_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")


def execute(options: argparse.Namespace) -> int:
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _status(options))


async def _status(options: argparse.Namespace) -> int:
    from ..control.methods.status import STATUS, StatusParams
    from .asking import ask_running

    status = await ask_running(options, STATUS, StatusParams())
    if options.json:
        print_json(status)
    else:
        _print(status)
    return 0


def _print(status: Status) -> None:
    from ..observe.describe import count, words_for_crowded

    show(
        f"kadisc {status.version}, process {status.pid}, up {duration(status.uptime_s)}, "
        f"network {status.network}"
    )
    show(f"  key      {status.public_key}")
    for family in status.families:
        _print_family(family)
    if status.waits_for_contact:
        show(
            "           waiting for another node to join by this one; to join a network, start\n"
            "           with --bootstrap HOST:PORT of a node of it"
        )
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
    for each in status.crowded_subnets:
        words = words_for_crowded(each.subnet, each.peers, each.beyond_caps, each.per_subnet)
        show(f"  limits   {words}")


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


def duration(seconds: float) -> str:
    """``7 s``, ``3 min``, ``2 h 7 min``, ``12 d 3 h``."""
    minutes, hours, days = int(seconds) // 60, int(seconds) // 3600, int(seconds) // 86400
    if days:
        return f"{days} d {hours % 24} h"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds:.0f} s"
