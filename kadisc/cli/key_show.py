"""``kadisc key show``: the public key and the node IDs of a state folder."""

from __future__ import annotations

import argparse
from typing import Final

from ..errors import KadiscError, UsageError
from .options import add_folder_options, configuration, state_folder
from .output import print_json, say, show

SUMMARY = "show the public key and the node IDs"
DESCRIPTION = (
    "Shows the public key in the state folder, by which other nodes know this one, and the node "
    "ID of each address family, which follows from the key and the external address. No node "
    "needs to run; where one does, its IDs are shown. The secret is never shown."
)
EXAMPLES = """\
examples:
  kadisc key show
  kadisc key show --state-dir ./node-b --json"""

_PATIENCE_S: Final = 5.0


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")
    add_folder_options(parser)


def execute(options: argparse.Namespace) -> int:
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _show(options))


def folder_of(options: argparse.Namespace) -> str:
    """The state folder that is meant. Raises UsageError where there is none."""
    folder = state_folder(configuration(options))
    if folder is None:
        raise UsageError("this user has no home folder: --state-dir names the state folder")
    return folder


async def _show(options: argparse.Namespace) -> int:
    from ..core.addressing.bep42 import derive_node_id
    from ..endpoints import format_ip
    from ..ids import format_id
    from ..net.state.key_store import read_key

    folder = folder_of(options)
    found = read_key(folder)
    key = found.identity.public_key
    ids = [
        {"family": family.value, "id": format_id(derive_node_id(key, ip)), "address": format_ip(ip)}
        for family, ip in sorted(found.addresses.items(), key=lambda each: each[0].value)
    ]
    running = await _ids_of_running(folder, key)
    if options.json:
        print_json(
            {
                "public_key": key.hex(),
                "state_dir": folder,
                "running": running is not None,
                "ids": running if running is not None else ids,
            }
        )
        return 0
    show(f"key     {key.hex()}")
    for each in ids if running is None else running:
        place = f"at {each['address']}" if each["address"] else "until its address is known"
        show(f"{each['family']}    {each['id']} {place}")
    if running is None and not ids:
        show("ids     follow from the external address, which is not known yet")
    return 0


async def _ids_of_running(folder: str, key: bytes) -> list[dict[str, str | None]] | None:
    """The IDs that the running node has now; None where none runs."""
    from ..control.client import open_client
    from ..control.methods.status import STATUS, StatusParams
    from ..control.socket_file import socket_path
    from ..errors import NotRunning

    try:
        async with open_client(socket_path(folder)) as client:
            status = await client.call(STATUS, StatusParams(), silence_s=_PATIENCE_S)
    except NotRunning:
        return None
    except KadiscError as error:
        say(f"the running node does not answer: {error}")
        return None
    if status.public_key != key.hex():
        say(f"warning: the running node has another key, {status.public_key}")
    return [
        {"family": family.family, "id": family.id, "address": family.address.host}
        for family in status.families
    ]
