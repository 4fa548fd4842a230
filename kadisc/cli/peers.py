"""``kadisc peers``: finds the peers of a network, or the peers announced under an info-hash."""

from __future__ import annotations

import argparse
import string
from collections.abc import Callable, Mapping

from ..config.request_bounds import MAX_COUNT
from .descriptions import NODE_OF_A_LOOKUP
from .options import add_node_options, from_1_to
from .output import print_json, say, show

LIKE_AN_INFO_HASH = 30
"""A name of at least this many hex digits and nothing else is most likely a truncated info-hash."""
SUMMARY = "find peers of a network, or those announced under an info-hash"
DESCRIPTION = (
    "Finds peers of a network by its name. The node exchanges signed records with each peer, "
    "which proves that the peer is online and belongs to the network. For an info-hash (40 hex "
    "digits), finds the peers announced under it (BEP 5), which are not verified. Ends at "
    "--count peers, when no new peer comes, or after 30 s. Exit code 1 if there is none. "
    + NODE_OF_A_LOOKUP
)
EXAMPLES = """\
examples:
  kadisc peers testnet --service eth --count 20     peers with this service
  kadisc peers testnet --check --json               with an open TCP port
  kadisc peers 0123456789abcdef0123456789abcdef01234567 --count 5"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "wanted",
        metavar="NETWORK|INFOHASH",
        nargs="?",
        help="a network name, or 40 hex digits (default: the network of the running"
        " node, or else the configured one)",
    )
    parser.add_argument(
        "--service", metavar="NAME", help="only peers of the network with this service"
    )
    parser.add_argument(
        "--count",
        type=from_1_to(MAX_COUNT),
        default=50,
        metavar="N",
        help="end after N peers (default: 50)",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="only peers of the network whose advertised TCP port accepts connections",
    )
    add_node_options(parser)


def execute(options: argparse.Namespace) -> int:
    target = _info_hash(options)
    if target is None:
        _choose_network(options)
    from .tasks import run_until_signalled

    return run_until_signalled(
        lambda: _announced(options, target) if target is not None else _of_network(options)
    )


def _info_hash(options: argparse.Namespace) -> str | None:
    """The info-hash as 40 lower-case hex digits; None for a network. Raises UsageError."""
    from ..errors import UsageError
    from ..ids import format_id, parse_id

    wanted = options.wanted or ""
    try:
        target = format_id(parse_id(wanted))
    except ValueError:
        if len(wanted) >= LIKE_AN_INFO_HASH and not set(wanted.lower()) - set(string.hexdigits):
            raise UsageError(
                f"an info-hash has 40 hex digits, not {len(wanted)}: {wanted!r}"
            ) from None
        return None
    if options.service is not None or options.check:
        raise UsageError(
            "--service and --check are for peers of a network: peers announced under an info-hash "
            "have no known services"
        )
    return target


def _choose_network(options: argparse.Namespace) -> None:
    from ..errors import UsageError
    from .options import configuration

    if options.wanted is not None:
        if options.network not in (None, options.wanted):
            raise UsageError(
                f"two networks are named: {options.wanted} and --network {options.network}"
            )
        options.network = options.wanted
    # Here --service names the service to find; as a configuration key it is NAME=PORT.
    options.wanted_service, options.service = options.service, None
    configuration(options)  # it may be wrong, which is told before anything is asked


async def _announced(options: argparse.Namespace, target: str) -> int:
    from ..control.methods.peers import PEERS, PeersParams
    from .asking import ask

    found = await ask(
        options, PEERS, PeersParams(target, options.count, partial=True), tell=_teller(options)
    )
    if options.json:
        print_json(found)
    else:
        _print_summary(len(found.peers), found.elapsed_s, found.queries)
    return 0 if found.peers else 1


async def _of_network(options: argparse.Namespace) -> int:
    from ..control.methods.network_peers import NETWORK_PEERS, NetworkPeersParams
    from ..observe.describe import count
    from .asking import ask_in_network

    def params_for(network: str) -> NetworkPeersParams:
        return NetworkPeersParams(
            network, options.wanted_service, options.count, options.check, partial=True
        )

    found = await ask_in_network(
        options, NETWORK_PEERS, params_for, tell=_teller(options), by_member=True
    )
    if options.json:
        print_json(found)
    else:
        _print_summary(len(found.peers), found.elapsed_s, found.queries)
        if found.unreachable:
            say(f"{count(found.unreachable, 'peer')} left out: TCP port not reachable")
    return 0 if found.peers else 1


def _teller(options: argparse.Namespace) -> Callable[[Mapping[str, object]], None]:
    from ..observe.services import services_words

    def tell(value: Mapping[str, object]) -> None:
        peer = value.get("peer")
        if isinstance(peer, Mapping) and not options.json:
            services = services_words(peer["services"]) if "services" in peer else ""
            show(f"{peer['endpoint']:<24} {services}".rstrip())

    return tell


def _print_summary(peers: int, elapsed_s: float, queries: int) -> None:
    from ..observe.describe import count

    say(f"{count(peers, 'peer')} in {elapsed_s:.2f} s, {count(queries, 'datagram')} sent")
