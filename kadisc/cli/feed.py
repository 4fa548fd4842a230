"""``kadisc feed``: peers of the running node into a chain node."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import UsageError
from .descriptions import NEEDS_A_RUNNING_NODE
from .options import add_feed_options, add_folder_options
from .output import print_error, say

if TYPE_CHECKING:
    from ..feed.chain_node import ChainTarget
    from ..feed.handshake import Handshake
    from ..feed.loop import Feeder
    from ..feed.presets import Preset
    from ..feed.report import FeedReport
    from ..feed.settings import FeedSettings
    from .tasks import Hangups

SUMMARY = "give peers of the running node to a chain node"
DESCRIPTION = (
    "Stands between the running node and a chain node: takes peers as the running node finds "
    "them, connects to each in the chain's own language, offers the sound ones to the chain node "
    "while it has fewer than it wants, and tells the running node what became of them. Runs until "
    "Ctrl-C, and goes on by itself after either was restarted. It sends nothing on the DHT. At "
    "SIGHUP, and at kadisc reload, it reads feed.want and log.level of the configuration again. "
    "A host is connected to once in 30 minutes, 4 hosts at a time. "
    + NEEDS_A_RUNNING_NODE.replace("if no node runs", "with --once, if no node runs")
)
EXAMPLES = """\
examples:
  kadisc feed bitcoin --chain ltc --rpc http://127.0.0.1:9332 \\
      --rpc-cookie ~/.litecoin/.cookie --advertise p2p     Litecoin Core
  kadisc feed ethereumjs --rpc http://127.0.0.1:8545       the EthereumJS client
  kadisc feed exec -- /usr/local/bin/add-peer {host} {port}
  kadisc feed file --out peers.conf --format 'add-priority-node={address}' --once
  kadisc feed bitcoin --chain btc --rpc-cookie .cookie --dry-run   offers nothing

exit codes of the program of exec: 0 good, 1 bad, 3 of another network, 75 busy"""

PRESETS: Final = ("bitcoin", "handshake", "ethereumjs", "geth", "cometbft", "substrate")
"""Those of `feed/presets.toml`, which a help text need not read."""


def seconds_to(most: float) -> Callable[[str], float]:
    """For argparse: seconds from 1 on."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 1.0 <= value <= most:
            raise argparse.ArgumentTypeError(f"expected seconds from 1 to {most:g}, not {text!r}")
        return value

    return read


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "preset",
        metavar="PRESET",
        choices=(*PRESETS, "jsonrpc", "exec", "file"),
        help=f"{', '.join(PRESETS)}: kinds of chain nodes, by their RPC; jsonrpc: any other RPC; "
        "exec: a command for each peer, after --; file: a file with a line for each peer",
    )
    parser.add_argument("--network", metavar="NAME", help="must be that of the running node")
    parser.add_argument(
        "--service",
        dest="of_service",
        default="p2p",
        metavar="NAME",
        help="the service at whose port they are (p2p)",
    )
    parser.add_argument(
        "--where",
        action="append",
        metavar="NAME=VALUE",
        help="only peers that offer this too; may be given several times",
    )
    parser.add_argument(
        "--check",
        choices=("handshake", "tcp", "none"),
        help="what is tried before a peer is offered; by default as the preset says: handshake "
        "with --chain, else tcp",
    )
    parser.add_argument(
        "--chain",
        metavar="NAME",
        help="whose version handshake: btc, ltc, doge, bch, dash, with -testnet or -regtest, or "
        "the magic as 0x and 8 hex digits",
    )
    parser.add_argument(
        "--advertise",
        metavar="SERVICE[=PORT]",
        help="withdraw this service of the running node while the chain node is down",
    )
    parser.add_argument(
        "--look-every",
        type=seconds_to(60.0),
        default=15.0,
        metavar="S",
        help="seconds between two looks at the chain node (15)",
    )
    parser.add_argument(
        "--down-after",
        type=seconds_to(3600.0),
        default=60.0,
        metavar="S",
        help="seconds that the chain node is down before its service is withdrawn (60)",
    )
    rpc = parser.add_argument_group("the RPC of the chain node")
    rpc.add_argument("--rpc", metavar="URL", help="http://HOST:PORT")
    rpc.add_argument("--rpc-cookie", metavar="FILE", help="a file with USER:PASSWORD")
    rpc.add_argument("--rpc-user", metavar="NAME")
    rpc.add_argument("--rpc-password-file", metavar="FILE")
    rpc.add_argument("--method", help="jsonrpc: the method that connects to a peer")
    rpc.add_argument(
        "--params", metavar="JSON", help="jsonrpc: its params, with {host}, {port}, {address}"
    )
    rpc.add_argument("--peers-method", help="jsonrpc: the method that lists the peers")
    rpc.add_argument(
        "--peers-address", metavar="PATH", help="jsonrpc: where HOST:PORT is in each of these"
    )
    file = parser.add_argument_group("file")
    file.add_argument("--out", metavar="FILE", help="the file to write")
    file.add_argument(
        "--format",
        default="{address}",
        metavar="TEXT",
        help="a line, with {host}, {port}, {address}, {key} and {NAME}, the value of a service",
    )
    file.add_argument(
        "--then", metavar="COMMAND", help="run after the file has changed, at most each half hour"
    )
    metrics = parser.add_argument_group("metrics")
    metrics.add_argument(
        "--metrics",
        metavar="HOST:PORT",
        help="serve /metrics of the feed (Prometheus) and /healthz here, as in 127.0.0.1:9465, or "
        "at unix:PATH; needs the extra metrics",
    )
    metrics.add_argument(
        "--metrics-token",
        metavar="FILE",
        help="requests need the token in this file, as Authorization: Bearer; health needs none",
    )
    metrics.add_argument(
        "--metrics-open",
        action="store_true",
        help="let other machines ask without a token, as behind a firewall",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="offer nothing, and tell the running node nothing"
    )
    parser.add_argument(
        "--once",
        action="store_true",
        help="end when the chain node has the peers it wants, or after a minute: exit code 1 if it "
        "has none then",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON line for each event")
    add_feed_options(parser)
    add_folder_options(parser)


def execute(options: argparse.Namespace) -> int:
    from .tasks import Hangups, run_until_signalled

    hangups = Hangups()
    return run_until_signalled(lambda: _feed(options, hangups), hangups=hangups)


async def _feed(options: argparse.Namespace, hangups: Hangups) -> int:
    from ..control.socket_file import socket_path
    from ..feed.candidates import FeedLimits
    from ..feed.hooks import FileTarget
    from ..feed.loop import Feeder
    from ..feed.node_link import NodeLink
    from ..feed.report import FeedReport
    from ..net.config_file import config_from
    from ..net.transport.nurseries import open_flat_nursery
    from ..observe.services import parse_where, where_document
    from ..service.notify import Notifier
    from ..service.watchdog import told
    from .feed_reload import LEVEL, WANT, FeedReloading
    from .log_options import log_for
    from .options import running_folder, values_given

    given = values_given(options)
    config = config_from(given.values)
    log = log_for(options, config.log)
    folder = running_folder(config)
    where = where_document(parse_where(options.where or ()))
    node = NodeLink(socket_path(folder), options.network, options.of_service, where)
    report = FeedReport(log.tell)
    target, handshake = _target(options, config.feed.want, report), _handshake(options)
    settings = _settings(options, config.feed.want)
    if options.once:
        await node.status()  # raises NotRunning
    feeder = Feeder(node, target, handshake, report, settings, FeedLimits())
    notifier = Notifier.from_environment(say)

    def set_want(want: int) -> None:
        feeder.set_want(want)
        if isinstance(target, FileTarget):
            target.want = want

    reloading = FeedReloading(options, given, report, {WANT: set_want, LEVEL: log.set_level})
    async with (
        open_flat_nursery() as nursery,
        told(notifier, lambda: feeder.status_words, lambda: True),
        _measured(options, feeder),
    ):
        nursery.start_soon(log.keep)
        nursery.start_soon(reloading.keep, hangups, notifier)
        nursery.start_soon(reloading.follow, node, hangups)
        has_peers = await feeder.run()
        nursery.cancel_scope.cancel()
    log.tell_left_out(all_of_them=True)
    if has_peers:
        return 0
    say("the chain node has no peer")
    if options.json:
        print_error("too_few_peers", "the chain node has no peer")
    return 1


@asynccontextmanager
async def _measured(options: argparse.Namespace, feeder: Feeder) -> AsyncIterator[None]:
    """Serves the metrics of the feed, where that is wanted."""
    if options.metrics is None:
        for name in ("metrics_token", "metrics_open"):
            if getattr(options, name):
                raise UsageError(f"--{name.replace('_', '-')} needs --metrics HOST:PORT")
        yield
        return
    from ..net.config_file import check_http_address
    from ..observe.feed_metrics import feed_families
    from .metrics_server import needing_extra, say_where

    check_http_address(options.metrics)
    with needing_extra():
        from ..http.feed_routes import FeedRoutes
        from ..http.server import access_at, serving
    access = access_at(options.metrics, options.metrics_token, is_open=options.metrics_open)
    chain = options.chain or ""
    routes = FeedRoutes(access, lambda: feed_families(feeder.state(), feeder.counts, chain))
    async with serving(options.metrics, routes.answer) as where:
        say_where(where)
        yield


def _target(options: argparse.Namespace, want: int, report: FeedReport) -> ChainTarget:
    from ..feed.chain_node import RpcTarget
    from ..feed.hooks import CommandTarget, FileTarget
    from ..feed.rpc import ChainRpc, RpcAccess
    from ..service.credentials import RPC_PASSWORD, credential

    if (options.preset == "exec") != bool(options.program):
        raise UsageError("the command for each peer comes after exec and --, and only there")
    if (options.preset == "file") != (options.out is not None):
        raise UsageError("--out FILE belongs to file, which needs it")
    if options.preset == "exec":
        return CommandTarget(options.program, report)
    if options.preset == "file":
        then = options.then.split() if options.then else []
        return FileTarget(Path(options.out), options.format, want, then, report)
    password = _path(options.rpc_password_file)
    if options.rpc_user is not None and password is None:
        password = credential(RPC_PASSWORD)
    if (options.rpc_user is None) != (password is None):
        raise UsageError(
            "--rpc-user and --rpc-password-file are given together, or instead of the file the"
            f" credential {RPC_PASSWORD} of systemd"
        )
    preset = _preset(options)
    access = RpcAccess(
        options.rpc or preset.rpc,
        _path(options.rpc_cookie),
        options.rpc_user,
        password,
    )
    return RpcTarget(options.preset, preset, ChainRpc(access))


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser() if text is not None else None


def _preset(options: argparse.Namespace) -> Preset:
    import msgspec

    from ..feed.presets import OfferCall, PeersCall, Preset, presets

    if options.preset != "jsonrpc":
        return presets()[options.preset]
    for name in ("rpc", "method", "params", "peers_method", "peers_address"):
        if getattr(options, name) is None:
            raise UsageError(f"jsonrpc needs --{name.replace('_', '-')}")
    try:
        params = msgspec.json.decode(options.params)
    except msgspec.DecodeError as error:
        raise UsageError(f"--params: not JSON: {error}") from None
    if not isinstance(params, list | dict):
        raise UsageError("--params: a list or an object is expected")
    return Preset(
        about="",
        rpc=options.rpc,
        service=options.of_service,
        check="tcp",
        tested="",
        node=None,
        peers=PeersCall(options.peers_method, [], address=options.peers_address),
        offer=OfferCall(options.method, params),
    )


def _handshake(options: argparse.Namespace) -> Handshake:
    from ..feed.handshake import BitcoinHandshake, no_handshake, tcp_handshake
    from ..feed.presets import magic_of

    check = options.check
    if check is None:
        check = "handshake" if options.chain is not None or options.preset == "bitcoin" else "tcp"
    if check == "handshake":
        if options.chain is None:
            raise UsageError(
                "the handshake needs --chain, such as --chain ltc; or give --check tcp"
            )
        return BitcoinHandshake(magic_of(options.chain))
    return tcp_handshake if check == "tcp" else no_handshake


def _settings(options: argparse.Namespace, want: int) -> FeedSettings:
    from urllib.parse import urlsplit

    from ..feed.settings import FeedSettings

    name, port = None, None
    if options.advertise is not None:
        name, equals, number = options.advertise.partition("=")
        if equals and not (number.isascii() and number.isdigit() and 0 < int(number) < 65536):
            raise UsageError(
                f"--advertise: expected SERVICE or SERVICE=PORT, not {options.advertise}"
            )
        port = int(number) if equals else None
        if name != options.of_service:
            raise UsageError("--advertise names the service of --service")
    host = urlsplit(options.rpc).hostname if options.rpc else None
    return FeedSettings(
        want=want,
        preset=options.preset,
        advertise=name,
        port=port,
        rpc_host=host,
        dry_run=options.dry_run,
        once=options.once,
        look_s=options.look_every,
        down_s=options.down_after,
    )
