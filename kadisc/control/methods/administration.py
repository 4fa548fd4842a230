"""``peer_list``, ``peer_add``, ``peer_remove``, ``peer_ban``, ``peer_unban``: static peers and bans
of the running node.
"""

from __future__ import annotations

from typing import Literal

import msgspec
import trio

from ...endpoints import format_endpoint
from ...net.admin.administration import Banned
from ...observe.log_stamp import time_text_at
from ..call import Call, Method

Origin = Literal["command", "option", "file", "environment", "program"]
"""Which says so: a command, an option of the command line, the configuration file, an environment
variable, or the program that opened the node."""


class StaticPeerParams(msgspec.Struct, forbid_unknown_fields=True):
    """``peer``: HOST:PORT, a name or an address."""

    peer: str


class StaticPeerChanged(msgspec.Struct):
    """``unsaved``: why that does not hold in the next run; null where it does."""

    peer: str
    unsaved: str | None


class BanParams(msgspec.Struct, forbid_unknown_fields=True):
    """``network``: CIDR notation or an address. ``for_s``: seconds; null for good."""

    network: str
    for_s: float | None = None


class UnbanParams(msgspec.Struct, forbid_unknown_fields=True):
    """``network``: as it was banned."""

    network: str


class BanDocument(msgspec.Struct):
    """``network``: in CIDR notation. ``until``: when the ban ends; null for good, and once it is
    lifted. ``contacts``, ``peers``, ``booked``: how many contacts of the routing table, verified
    peers and entries of the address book were dropped. ``unsaved``: why it does not hold in the
    next run; null where it does.
    """

    network: str
    until: str | None
    contacts: int
    peers: int
    booked: int
    unsaved: str | None


class PeerListParams(msgspec.Struct, forbid_unknown_fields=True):
    """No params."""


class StaticPeerStatus(msgspec.Struct):
    """``endpoints``: where it is; empty while its name has no address. ``contact``: whether one of
    them is in the routing table, and answered last time.
    """

    peer: str
    origin: Origin
    endpoints: list[str]
    contact: bool


class BanStatus(msgspec.Struct):
    """``until``: null for good."""

    network: str
    origin: Origin
    until: str | None


class BanFileStatus(msgspec.Struct):
    """``networks``: how many are in the file."""

    path: str
    networks: int


class PeerListDocument(msgspec.Struct):
    """``restricted_to``: the only networks that the node talks to; empty where all are allowed."""

    peers: list[StaticPeerStatus]
    bans: list[BanStatus]
    ban_files: list[BanFileStatus]
    restricted_to: list[str]


async def _add(params: StaticPeerParams, call: Call) -> StaticPeerChanged:
    return StaticPeerChanged(params.peer, await call.node.administration.add_peer(params.peer))


async def _remove(params: StaticPeerParams, call: Call) -> StaticPeerChanged:
    return StaticPeerChanged(params.peer, await call.node.administration.remove_peer(params.peer))


async def _ban(params: BanParams, call: Call) -> BanDocument:
    return _document(await call.node.administration.ban(params.network, params.for_s))


async def _unban(params: UnbanParams, call: Call) -> BanDocument:
    return _document(await call.node.administration.unban(params.network))


async def _list(params: PeerListParams, call: Call) -> PeerListDocument:
    await trio.lowlevel.checkpoint()
    administration = call.node.administration
    bans, origin_of = administration.bans, administration.reloading.origin_of
    peers = [
        StaticPeerStatus(
            each.peer,
            "command" if each.by_command else origin_of("peer"),
            [format_endpoint(endpoint) for endpoint in each.endpoints],
            each.contact,
        )
        for each in administration.peers()
    ]
    of_config = [BanStatus(network, origin_of("ban"), None) for network in bans.of_config]
    by_command = [
        BanStatus(network, "command", _moment(until_s))
        for network, until_s in bans.by_command.items()
    ]
    return PeerListDocument(
        peers,
        [*of_config, *by_command],
        [BanFileStatus(path, len(networks)) for path, networks in bans.of_files.items()],
        list(bans.restricted_to),
    )


def _document(banned: Banned) -> BanDocument:
    return BanDocument(
        banned.network, _moment(banned.until_s), *banned.dropped, unsaved=banned.unsaved
    )


def _moment(wall_s: float | None) -> str | None:
    return None if wall_s is None else time_text_at(wall_s)


PEER_ADD = Method("peer_add", StaticPeerParams, StaticPeerChanged, _add, writes=True)
PEER_REMOVE = Method("peer_remove", StaticPeerParams, StaticPeerChanged, _remove, writes=True)
PEER_BAN = Method("peer_ban", BanParams, BanDocument, _ban, writes=True)
PEER_UNBAN = Method("peer_unban", UnbanParams, BanDocument, _unban, writes=True)
PEER_LIST = Method("peer_list", PeerListParams, PeerListDocument, _list)
