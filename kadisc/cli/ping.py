"""``kadisc ping``: sends one ping."""

from __future__ import annotations

import argparse

from .descriptions import NODE_OF_A_PING

SUMMARY = "ping one node"
DESCRIPTION = (
    "Sends one ping to a node and prints its ID, its client version, the round-trip time and your "
    "external address as that node sees it. All addresses of a name are tried at once; the first "
    "answer counts. " + NODE_OF_A_PING
)
EXAMPLES = """\
examples:
  kadisc ping 192.0.2.1:6881
  kadisc ping dht.libtorrent.org:25401 --json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    from .options import add_node_options

    parser.add_argument(
        "host",
        metavar="HOST:PORT",
        help="a name or an address; IPv6 in brackets, as in [2001:db8::1]:6881",
    )
    add_node_options(parser, joins=False)


def execute(options: argparse.Namespace) -> int:
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _ping(options))


async def _ping(options: argparse.Namespace) -> int:
    from ..control.methods.ping import PING, PingParams
    from .asking import ask
    from .output import print_json, show

    answer = await ask(options, PING, PingParams(options.host), needs_contacts=False)
    if options.json:
        print_json(
            {
                "id": answer.id,
                "client": answer.client,
                "rtt_ms": answer.rtt_ms,
                "seen_as": answer.seen_as,
            }
        )
        return 0
    show(f"{answer.endpoint} answered in {answer.rtt_ms:.1f} ms")
    show(f"  id       {answer.id}")
    show(f"  client   {answer.client or 'not sent'}")
    show(f"  seen as  {answer.seen_as or 'not sent'}")
    return 0
