"""``kadisc ping``: one ping."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..endpoints import Endpoint
    from ..net.node import LiveNode, Pong

SUMMARY = "ask one node who it is"
DESCRIPTION = (
    "Sends one ping to a node and prints its ID, its client version, the round-trip time and our own address as that node sees it. "
    "A name is tried at all of its addresses at once; the first answer counts."
)
EXAMPLES = """\
examples:
  kadisc ping 192.0.2.1:6881
  kadisc ping dht.libtorrent.org:25401 --json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    from .options import add_node_options

    parser.add_argument("host", metavar="HOST:PORT", help="a name or an address; IPv6 in brackets, as in [2001:db8::1]:6881")
    add_node_options(parser)


def execute(options: argparse.Namespace) -> int:
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _ping(options))


async def _ping(options: argparse.Namespace) -> int:
    from ..endpoints import format_endpoint
    from ..ids import format_id
    from ..net.resolve import resolve
    from ..observe.clients import describe_client
    from .one_shot import open_one_shot
    from .output import milliseconds, print_json

    async with open_one_shot(options, needs_way_in=False) as one_shot:
        endpoints = await resolve(options.host, one_shot.config.resolve_timeout_s)
        pong = await _first_answer(one_shot.node, endpoints)
    contact = pong.contact
    seen_as = format_endpoint(pong.seen_as) if pong.seen_as is not None else None
    client = describe_client(pong.client)
    if options.json:
        print_json({"id": format_id(contact.id), "client": client, "rtt_ms": milliseconds(pong.rtt_s), "seen_as": seen_as})
        return 0
    print(f"{format_endpoint(contact.endpoint)} answered in {pong.rtt_s * 1000:.1f} ms")
    print(f"  id       {format_id(contact.id)}")
    print(f"  client   {client or 'not told'}")
    print(f"  sees us  {seen_as or 'not told'}")
    return 0


async def _first_answer(node: LiveNode, endpoints: Sequence[Endpoint]) -> Pong:
    import trio

    from ..endpoints import family_of, format_endpoint
    from ..errors import NoAnswer, QueryFailed
    from ..net.nurseries import open_flat_nursery

    usable = [endpoint for endpoint in endpoints if family_of(endpoint) in node.own_ids]
    if not usable:
        raise NoAnswer(f"{format_endpoint(endpoints[0])} is of a family that this node has no socket for")
    pongs: list[Pong] = []
    failures: list[QueryFailed] = []

    async def ask(endpoint: Endpoint, scope: trio.CancelScope) -> None:
        try:
            pongs.append(await node.ping_details(endpoint))
            scope.cancel()
        except QueryFailed as error:
            failures.append(error)

    async with open_flat_nursery() as nursery:
        for endpoint in usable:
            nursery.start_soon(ask, endpoint, nursery.cancel_scope)
    if not pongs:
        raise failures[0]
    return pongs[0]
