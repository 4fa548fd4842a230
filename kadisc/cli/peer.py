"""``kadisc peer``: static peers and bans of the running node."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from ..errors import UsageError
from .descriptions import NEEDS_A_RUNNING_NODE
from .options import add_folder_options
from .output import print_json, say, show

if TYPE_CHECKING:
    from ..control.methods.administration import BanDocument, PeerListDocument, StaticPeerChanged

SUMMARY = "add static peers to the running node, ban networks, list both"
DESCRIPTION = (
    "add: the running node keeps HOST:PORT as a contact, also while it does not answer, as with "
    "--peer. ban: it neither contacts nor answers addresses in NETWORK, and forgets at once what "
    "it knows of them. remove and unban take that back. list: the static peers and bans in force, "
    "and where each is from. All takes effect at once, and is saved in the state folder: it holds "
    "after a restart too. What the configuration says (--peer, --ban) is changed there: see "
    "kadisc reload. " + NEEDS_A_RUNNING_NODE
)
EXAMPLES = """\
examples:
  kadisc peer add 192.0.2.7:6881
  kadisc peer ban 198.51.100.0/24 --for 2h
  kadisc peer ban 2001:db8::/32
  kadisc peer unban 198.51.100.0/24
  kadisc peer list --json"""

ACTIONS: Final = ("add", "remove", "ban", "unban", "list")
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_MAX_DIGITS: Final = 9


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "action", metavar="ACTION", choices=ACTIONS, help="add, remove, ban, unban or list"
    )
    parser.add_argument(
        "subject",
        metavar="PEER|NETWORK",
        nargs="?",
        help="add, remove: HOST:PORT. ban, unban: an address, or a network as in 192.0.2.0/24",
    )
    parser.add_argument(
        "--for",
        dest="for_s",
        metavar="TIME",
        type=duration_s,
        help="ban: for so long, as in 90s, 10m, 2h or 7d (default: until unban)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")
    add_folder_options(parser)


def duration_s(text: str) -> float:
    """For argparse: the seconds in ``90``, ``90s``, ``10m``, ``2h``, ``7d``, ``2w``."""
    number, unit = (text[:-1], text[-1:]) if text[-1:] in _UNITS_S else (text, "s")
    is_number = number.isascii() and number.isdigit() and len(number) <= _MAX_DIGITS
    if not is_number or not int(number):
        raise argparse.ArgumentTypeError(
            f"expected a time such as 90s, 10m, 2h or 7d, not {text!r}"
        )
    return float(int(number) * _UNITS_S[unit])


def execute(options: argparse.Namespace) -> int:
    from .tasks import run_until_signalled

    if options.action == "list":
        if options.subject is not None:
            raise UsageError("peer list takes no argument")
    elif options.subject is None:
        what = "HOST:PORT" if options.action in ("add", "remove") else "NETWORK"
        raise UsageError(f"peer {options.action} needs a {what}; see kadisc peer --help")
    if options.for_s is not None and options.action != "ban":
        raise UsageError("--for belongs to peer ban")
    return run_until_signalled(lambda: _execute(options))


async def _execute(options: argparse.Namespace) -> int:
    from ..control.methods import administration as methods
    from .asking import ask_running

    if options.action == "list":
        listed = await ask_running(options, methods.PEER_LIST, methods.PeerListParams())
        print_json(listed) if options.json else _print_list(listed)
    elif options.action == "ban":
        ban = methods.BanParams(options.subject, options.for_s)
        banned = await ask_running(options, methods.PEER_BAN, ban)
        print_json(banned) if options.json else _print_ban(banned)
        _warn(banned.unsaved)
    elif options.action == "unban":
        lifted = await ask_running(
            options, methods.PEER_UNBAN, methods.UnbanParams(options.subject)
        )
        print_json(lifted) if options.json else show(f"{lifted.network} is banned no longer")
        _warn(lifted.unsaved)
    else:
        method = methods.PEER_ADD if options.action == "add" else methods.PEER_REMOVE
        params = methods.StaticPeerParams(options.subject)
        changed = await ask_running(options, method, params)
        print_json(changed) if options.json else _print_peer(options.action, changed)
        _warn(changed.unsaved)
    return 0


def _print_peer(action: str, changed: StaticPeerChanged) -> None:
    if action == "add":
        show(f"{changed.peer} is a static peer now: kept as a contact, also while it is silent")
    else:
        show(f"{changed.peer} is a static peer no longer")


def _print_ban(banned: BanDocument) -> None:
    from ..observe.admin_events import dropped_words

    until = "for good" if banned.until is None else f"until {banned.until}"
    dropped = dropped_words(banned.contacts, banned.peers, banned.booked)
    show(f"{banned.network} is banned {until}; {dropped}")


def _warn(unsaved: str | None) -> None:
    if unsaved is not None:
        say(f"warning: this holds until the node stops: {unsaved}")


_ORIGINS: Final = {
    "command": "by command",
    "option": "by an option of kadisc run",
    "file": "by the configuration file",
    "environment": "by an environment variable",
    "program": "by the program that runs the node",
}


def _print_list(listed: PeerListDocument) -> None:
    for peer in listed.peers:
        state = "a contact" if peer.contact else "does not answer"
        if not peer.endpoints:
            state = "its name has no address yet"
        elif peer.endpoints != [peer.peer]:
            state = f"at {', '.join(peer.endpoints)}: {state}"
        show(f"  peer  {peer.peer}  {_ORIGINS[peer.origin]}; {state}")
    for ban in listed.bans:
        until = f" until {ban.until}" if ban.until is not None else ""
        show(f"  ban   {ban.network}  {_ORIGINS[ban.origin]}{until}")
    for file in listed.ban_files:
        networks = "1 network" if file.networks == 1 else f"{file.networks} networks"
        show(f"  ban   {networks} of the file {file.path}")
    if listed.restricted_to:
        show(f"  only  {', '.join(listed.restricted_to)} (netrestrict)")
    if not (listed.peers or listed.bans or listed.ban_files or listed.restricted_to):
        show("no static peers, and no bans")
