"""``kadisc peers``: finds the peers of a network, or the peers announced under an info-hash."""

from __future__ import annotations

import argparse
import string
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..config.request_bounds import MAX_COUNT
from .descriptions import NODE_OF_A_LOOKUP
from .exit_codes import DONE, FAILED
from .options import add_node_options, from_1_to
from .output import print_json, print_unsuccessful, say, show, show_text

if TYPE_CHECKING:
    from .peer_format import PeerFormat

LIKE_AN_INFO_HASH = 30
"""A name of at least this many hex digits and nothing else is most likely a truncated info-hash."""
DEFAULT_COUNT = 50
SUMMARY = "find peers of a network, or those announced under an info-hash"
DESCRIPTION = (
    "Finds peers of a network by its name. The node exchanges signed records with each peer, "
    "which proves that the peer is online and belongs to the network. For an info-hash (40 hex "
    "digits), finds the peers announced under it (BEP 5), which are not verified. Ends at "
    "--count peers, when no new peer comes, or after 30 s. Exit code 1 if there is none. With "
    "--wait it waits until there are --count peers; exit code 1 if there are fewer at the end. "
    + NODE_OF_A_LOOKUP
)
EXAMPLES = """\
examples:
  kadisc peers testnet --service eth --count 20     peers with this service
  kadisc peers testnet --check --json               with an open TCP port
  kadisc peers testnet --where fork=0xabcd          with this value of a service
  kadisc peers --follow --service p2p               as they come and go
  kadisc peers ltc --service p2p --wait 60 --format 'addnode={address}'
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
        "--where",
        action="append",
        metavar="NAME[=VALUE]",
        help="only peers of the network with this value of a service, a number, 0xHEX or a text; "
        "without VALUE, with any; repeatable",
    )
    parser.add_argument(
        "--count",
        type=from_1_to(MAX_COUNT),
        metavar="N",
        help=f"end after N peers (default: {DEFAULT_COUNT})",
    )
    parser.add_argument(
        "--wait",
        type=_wait_s,
        metavar="S",
        help="wait up to S seconds until there are --count peers of the network (default with "
        "--wait: at least one)",
    )
    parser.add_argument(
        "--follow",
        action="store_true",
        help="do not end: print each peer of the running node's network when it is found, and when "
        "it is lost; with --json a line for each",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="only peers of the network whose advertised TCP port accepts connections",
    )
    parser.add_argument(
        "--format",
        metavar="TEXT",
        help="print TEXT for each peer, with {host}, {port} and {address} (HOST:PORT) of the "
        "service of --service, or else of its node over UDP, {key}, and {NAME} for the value of a "
        "service named by --service or --where",
    )
    add_node_options(parser)


def _wait_s(text: str) -> float:
    from ..config.request_bounds import MAX_WAIT_S

    try:
        seconds = float(text) if text.isascii() else -1.0
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MAX_WAIT_S:
        raise argparse.ArgumentTypeError(f"expected 0 to {MAX_WAIT_S} seconds, not {text!r}")
    return seconds


def execute(options: argparse.Namespace) -> int:
    target = _info_hash(options)
    if target is None:
        _choose_network(options)
    # Here --service names the service to find; as a configuration key it is NAME=PORT.
    service, options.service = options.service, None
    search = PeersCommand(options, service, is_member=target is None)
    from .tasks import run_until_signalled

    if options.follow:
        search.check_follow(target)
        return run_until_signalled(search.follow)
    return run_until_signalled(
        lambda: search.announced(target) if target is not None else search.of_network()
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
    if options.service is not None or options.check or options.where or options.wait is not None:
        raise UsageError(
            "--service, --where, --check and --wait are for peers of a network: peers announced "
            "under an info-hash have no known services, and are not verified"
        )
    return target


def _choose_network(options: argparse.Namespace) -> None:
    from ..errors import UsageError

    if options.wanted is not None:
        if options.network not in (None, options.wanted):
            raise UsageError(
                f"two networks are named: {options.wanted} and --network {options.network}"
            )
        options.network = options.wanted


class PeersCommand:
    """One run of the command. Whatever is wrong with the options is told before anything is asked:
    raises UsageError.
    """

    def __init__(
        self, options: argparse.Namespace, service: str | None, *, is_member: bool
    ) -> None:
        from ..errors import UsageError
        from ..observe.services import parse_where
        from .options import configuration

        self._options = options
        self._service = service
        try:
            self._where = parse_where(options.where or ())
        except UsageError as error:
            raise UsageError(f"--where: {error}") from None
        self._format = self._format_from(options, is_member=is_member)
        self._left_out = 0
        self._any_service = False
        configuration(options)

    def _format_from(self, options: argparse.Namespace, *, is_member: bool) -> PeerFormat | None:
        from ..errors import UsageError
        from .peer_format import PeerFormat

        if options.format is None:
            return None
        if options.json:
            raise UsageError("--format and --json exclude each other")
        services = {*self._where, *([self._service] if self._service is not None else [])}
        return PeerFormat(options.format, self._service, services, is_member=is_member)

    async def announced(self, target: str) -> int:
        from ..control.methods.peers import PEERS, PeersParams
        from .asking import ask

        params = PeersParams(target, self._options.count or DEFAULT_COUNT, partial=True)
        found = await ask(self._options, PEERS, params, tell=self._tell)
        return self._ended(found, len(found.peers), found.elapsed_s, found.queries)

    async def of_network(self) -> int:
        import trio

        from ..control.methods.network_peers import NETWORK_PEERS, NetworkPeersParams
        from ..observe.describe import count
        from ..observe.services import where_document
        from .asking import ask_in_network

        wait_s, began = self._options.wait or 0.0, trio.current_time()

        def params_for(network: str) -> NetworkPeersParams:
            return NetworkPeersParams(
                network=network,
                service=self._service,
                where=where_document(self._where),
                count=self._options.count or DEFAULT_COUNT,
                check=self._options.check,
                wait_s=max(0.0, wait_s - (trio.current_time() - began)),
                at_least=self._at_least,
                partial=True,
            )

        found = await ask_in_network(
            self._options,
            NETWORK_PEERS,
            params_for,
            tell=self._tell,
            by_member=True,
            patience_s=wait_s,
        )
        code = self._ended(found, len(found.peers), found.elapsed_s, found.queries)
        if found.unreachable and not self._options.json:
            say(f"{count(found.unreachable, 'peer')} left out: TCP port not reachable")
        return code

    def check_follow(self, target: str | None) -> None:
        """Raises UsageError for options that say when to end, and for an info-hash."""
        from ..errors import UsageError

        if target is not None:
            raise UsageError("--follow is for peers of a network")
        for name in ("count", "wait"):
            if getattr(self._options, name) is not None:
                raise UsageError(f"--follow does not end, so that it takes no --{name}")

    async def follow(self) -> int:
        """Prints what the running node tells, until it ends or the command is told to."""
        import math

        from ..control.methods.follow_peers import FOLLOW_PEERS, FollowPeersParams
        from ..observe.services import where_document
        from .asking import ask_running

        params = FollowPeersParams(
            network=self._options.network,
            service=self._service,
            where=where_document(self._where),
            check=self._options.check,
            window=MAX_COUNT,
        )
        await ask_running(
            self._options, FOLLOW_PEERS, params, tell=self._tell_news, silence_s=math.inf
        )
        return DONE

    def _tell_news(self, value: Mapping[str, object]) -> None:
        from ..observe.describe import reason_words

        lost = value.get("lost")
        if self._options.json:
            print_json(value)
        elif not isinstance(lost, Mapping):
            self._tell(value)
        elif self._format is None:
            show(f"{lost['endpoint']:<24} lost: {reason_words(str(lost['reason']))}")

    @property
    def _at_least(self) -> int:
        """With fewer peers the command has failed."""
        return 1 if self._options.wait is None else self._options.count or 1

    def _tell(self, value: Mapping[str, object]) -> None:
        """Shows a peer when it is found."""
        peer = value.get("peer")
        if not isinstance(peer, Mapping) or self._options.json:
            return
        if self._format is None:
            show(self._line(peer))
        elif (line := self._format.line(peer)) is None:
            self._left_out += 1
        else:
            show_text(line)

    def _line(self, peer: Mapping[str, object]) -> str:
        """``ENDPOINT  services``, with the endpoint of the node over UDP; with --service, if that
        is a port, its address and then the endpoint.
        """
        from ..observe.services import services_words

        services = peer.get("services")
        if not isinstance(services, Mapping):
            return str(peer["endpoint"])
        addresses = peer["addresses"]
        assert isinstance(addresses, Mapping)
        endpoint, first = peer["endpoint"], addresses.get(self._service)
        if first is None:
            self._any_service = self._any_service or bool(addresses)
        marks = [] if peer["reachable"] == "yes" else ["reachability unknown"]
        marks += ["beyond the limits of its subnet"] if peer["beyond_caps"] else []
        note = f"  ({', '.join(marks)})" if marks else ""
        where = f"{endpoint:<24}" if first is None else f"{first:<24} udp={endpoint:<24}"
        return f"{where} {services_words(services)}{note}"

    def _ended(self, found: object, peers: int, elapsed_s: float, queries: int) -> int:
        """Prints the document or the summary, and returns the exit code."""
        from ..observe.describe import count

        problem, peers = "", peers - self._left_out
        if peers < self._at_least:
            problem = "no peer was found"
            if self._options.wait is not None:
                wanted, waited = self._at_least, self._options.wait
                problem = f"{peers} of {count(wanted, 'wanted peer')} within {waited:g} s"
        if self._options.json and problem:
            print_unsuccessful(found, "not_found" if not peers else "too_few_peers", problem)
        elif self._options.json:
            print_json(found)
        else:
            say(f"{count(peers, 'peer')} in {elapsed_s:.2f} s, {count(queries, 'datagram')} sent")
            self._explain(problem if self._options.wait is not None else "")
        return FAILED if problem else DONE

    def _explain(self, problem: str) -> None:
        from ..observe.describe import count

        if problem:
            say(problem)
        if self._left_out:
            say(f"{count(self._left_out, 'peer')} left out: {self._service} is no port there")
        if self._any_service:
            say("the endpoints are those over UDP; --service NAME shows the address of a service")
