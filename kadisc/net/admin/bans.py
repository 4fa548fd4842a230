"""Which addresses the operator excludes, and where each ban is from: no I/O and no clock."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Final

from ...config import Config
from ...endpoints import make_endpoint
from ...errors import Busy, NotFound, UsageError
from ...networks import NetworkSet, network_of
from ..state.administration_file import MAX_BANS, SavedBan

_IPV4_MAPPED_BITS: Final = 96


class Bans:
    """Of the configuration, of the ban files that it names, and of commands."""

    def __init__(
        self, config: Config, files: Mapping[str, NetworkSet], saved: tuple[SavedBan, ...] = ()
    ) -> None:
        self.by_command: dict[str, float | None] = {each.network: each.until_s for each in saved}
        """Until when, in seconds since 1970 (None: for good), by network."""
        self.configure(config, files)

    def configure(self, config: Config, files: Mapping[str, NetworkSet]) -> None:
        """The bans of another configuration; those of commands stay."""
        self.of_config = tuple(dict.fromkeys(str(network_of(each)) for each in config.core.ban))
        self.restricted_to = tuple(
            dict.fromkeys(str(network_of(each)) for each in config.core.netrestrict)
        )
        self.of_files = dict(files)
        self._lasting = NetworkSet.union(NetworkSet(self.of_config), *files.values())

    def banned(self) -> NetworkSet:
        """All that is banned."""
        return NetworkSet.union(self._lasting, NetworkSet(self.by_command))

    def allowed(self) -> NetworkSet:
        """All that is allowed; empty where nothing is restricted."""
        return NetworkSet(self.restricted_to)

    def ban(self, text: str, until_s: float | None) -> str:
        """Adds a ban by command, or changes how long it lasts. Returns the network in CIDR
        notation. Raises UsageError for what is no network, or every address there is, and Busy
        where there are too many bans.
        """
        network = _network(text)
        if not ipaddress.ip_network(network).prefixlen:
            raise UsageError(
                f"{network} is every address of its family, so that the node would have nobody to "
                "talk to; kadisc stop ends it"
            )
        if network not in self.by_command and len(self.by_command) >= MAX_BANS:
            raise Busy(
                f"{MAX_BANS} networks are banned by command already: put them into a file, and "
                "name it with --ban-file"
            )
        self.by_command[network] = until_s
        return network

    def unban(self, text: str) -> str:
        """Lifts a ban by command. Returns the network. Raises NotFound that says what else bans it,
        and UsageError for what is no network.
        """
        network = _network(text)
        if network not in self.by_command:
            raise NotFound(self._why_not(network))
        del self.by_command[network]
        return network

    def expire(self, wall_s: float) -> list[str]:
        """Lifts the bans by command whose time is over; returns their networks."""
        over = [
            network
            for network, until_s in self.by_command.items()
            if until_s is not None and until_s <= wall_s
        ]
        for network in over:
            del self.by_command[network]
        return over

    def next_end_s(self) -> float | None:
        """When the next one is over; None where none ends."""
        return min((each for each in self.by_command.values() if each is not None), default=None)

    def saved(self) -> tuple[SavedBan, ...]:
        return tuple(SavedBan(*each) for each in self.by_command.items())

    def _why_not(self, network: str) -> str:
        wanted = ipaddress.ip_network(network)
        first = make_endpoint(str(wanted.network_address), 1)
        for other in self.by_command:
            around = ipaddress.ip_network(other)
            if first in NetworkSet([other]) and around.prefixlen <= wanted.prefixlen:
                return f"{network} is banned as a part of {other}: unban that"
        if any(wanted == ipaddress.ip_network(each) for each in self.of_config):
            return (
                f"{network} is banned by the configuration: take it out of ban there and call "
                "kadisc reload, or start the node without that --ban"
            )
        for path, networks in self.of_files.items():
            if first in networks:
                return f"{network} is banned by {path}: take it out there, and call kadisc reload"
        for other in self.of_config:
            if first in NetworkSet([other]):
                return f"{network} is banned as a part of {other}, by the configuration"
        return f"{network} is not banned; see kadisc peer list"


def _network(text: str) -> str:
    """In CIDR notation; an IPv4 address within IPv6 is the IPv4 address. Raises UsageError."""
    try:
        network = network_of(text.strip())
    except ValueError as error:
        hint = ""
        if _has_port(text):
            hint = "; a ban is of an address, whatever the port"
        raise UsageError(f"{error}{hint}") from None
    if network.version == 6 and network.prefixlen >= _IPV4_MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            bits = network.prefixlen - _IPV4_MAPPED_BITS
            return str(ipaddress.ip_network(f"{mapped}/{bits}", strict=False))
    return str(network)


def _has_port(text: str) -> bool:
    host, colon, port = text.rpartition(":")
    return bool(colon) and port.isdigit() and (host.count(".") == 3 or host.endswith("]"))
