"""``kadisc resolve``: finds the node that owns a key."""

from __future__ import annotations

import argparse

from .descriptions import NODE_OF_A_LOOKUP
from .exit_codes import DONE, FAILED
from .options import add_node_options
from .output import print_json, print_unsuccessful, say, show

SUMMARY = "find a node by its public key"
DESCRIPTION = (
    "Looks up the peer record that the owner of a key published on the DHT for a network "
    "(--network, or else that of the running node), checks its signature, key and network, and "
    "prints the address and services of the node. Exit code 1 if there is no such record. "
    + NODE_OF_A_LOOKUP
)
EXAMPLES = """\
examples:
  kadisc resolve 64_HEX_DIGITS
  kadisc resolve 64_HEX_DIGITS --network testnet --json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "key", metavar="PUBLIC_KEY", help="64 hex digits, as kadisc record and status print them"
    )
    add_node_options(parser)


def execute(options: argparse.Namespace) -> int:
    from ..net.api.arguments import key_from
    from .tasks import run_until_signalled

    key = key_from(options.key).hex()
    return run_until_signalled(lambda: _resolve(options, key))


async def _resolve(options: argparse.Namespace, key: str) -> int:
    from ..control.methods.resolve import RESOLVE, ResolveParams
    from ..observe.services import services_words
    from .asking import ask_in_network

    record = await ask_in_network(
        options, RESOLVE, lambda network: ResolveParams(key, network, partial=True)
    )
    if record.found and options.json:
        print_json(record)
    elif record.found:
        show(f"record {record.sequence} for network {record.network}")
        show(f"  key       {record.key}")
        show(f"  address   {', '.join(record.endpoints) or 'not known'}")
        show(f"  services  {services_words(record.services)}")
    if record.found:
        return DONE
    problem = f"no valid record of this key for the network {record.network} was found"
    say(problem)
    if options.json:
        print_unsuccessful(record, "not_found", problem)
    return FAILED
