"""The configuration file: the options of ``kadisc run`` under the names that they have there, and
the numbers behind them.

Everything that is wrong in it is one line that names the file, the key and what was expected. A key
that does not exist is wrong too: a misspelt limit that is silently ignored is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

from ..config import (
    DEFAULT_NETWORK,
    PUBLIC_ROUTERS,
    AddressConfig,
    BookConfig,
    Config,
    CoreConfig,
    Defences,
    GossipConfig,
    LimitsConfig,
    LookupConfig,
    MaintenanceConfig,
    QueryConfig,
    RendezvousConfig,
    ServingConfig,
    StoreConfig,
    TableConfig,
)
from ..config_rules import complaints
from ..endpoints import make_endpoint, split_host_port
from ..errors import UsageError
from ..networks import NetworkSet
from ..observe.services import parse_service, parse_services
from .join.own_address import external_addresses
from .join.resolve import parse_host

MAX_NETWORK_NAME = 64
MAX_FILE_BYTES = 1 << 20
_CONFIG = Config()


@dataclass(frozen=True, slots=True)
class CoreTables:
    """The tables ``[core.*]``: the numbers of the protocol."""

    table: TableConfig = field(default_factory=TableConfig)
    query: QueryConfig = field(default_factory=QueryConfig)
    lookup: LookupConfig = field(default_factory=LookupConfig)
    maintenance: MaintenanceConfig = field(default_factory=MaintenanceConfig)
    serving: ServingConfig = field(default_factory=ServingConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    address: AddressConfig = field(default_factory=AddressConfig)
    gossip: GossipConfig = field(default_factory=GossipConfig)
    book: BookConfig = field(default_factory=BookConfig)
    rendezvous: RendezvousConfig = field(default_factory=RendezvousConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    defences: Defences = field(default_factory=Defences)
    max_datagram_bytes: int = 2048
    """Longer datagrams are dropped unread."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the file may say."""

    bind: tuple[str, ...] = ()
    """One HOST:PORT per address family to listen at; port 0 lets the system choose. None: port 6881
    in every family, or any free one.
    """
    external: tuple[str, ...] = ()
    """One IP or IP:PORT per address family: our address as others see it. None: others are asked,
    and vote.
    """
    bootstrap: tuple[str, ...] = ()
    """HOST:PORT, names or addresses, of nodes to join by."""
    routers: tuple[str, ...] = PUBLIC_ROUTERS
    """HOST:PORT of nodes to join by where the ones before lead nowhere within a second; [] for a
    network that is not Mainline.
    """
    peer: tuple[str, ...] = ()
    """HOST:PORT of nodes that are always kept, also while they are silent."""
    network: str = DEFAULT_NETWORK
    """The name of the network: who has the same is looked for, gossiped with and kept under it."""
    service: tuple[str, ...] = ()
    """What we offer to peers of the network: NAME=PORT, or NAME=0xHEX for a few bytes."""
    netrestrict: tuple[str, ...] = ()
    """Networks in CIDR notation: if given, the only ones that are answered and contacted."""
    ban: tuple[str, ...] = ()
    """Networks in CIDR notation that are neither answered nor contacted."""
    asmap: str | None = None
    """The file of a map from addresses to autonomous systems, in the format of Bitcoin Core: with
    one, operators are told apart by it, not by /16.
    """
    state_dir: str | None = None
    """The folder for key, own address and contacts. None: the XDG state folder."""
    allow_private: bool = False
    """Treat private and loopback addresses as public ones in every way."""
    no_caps: bool = False
    """Lift the limits on nodes per address range, for labs inside one network."""
    unlimited: bool = False
    """Lift the rate limits, for labs and benchmarks; the accounting still runs."""
    read_only: bool = False
    """Ask, never answer (BEP 43); nobody keeps us in a table."""
    bootstrap_retry_s: float = _CONFIG.bootstrap_retry_s
    """The first pause before bootstrap is tried again; it doubles, jittered, up to the next value.
    """
    bootstrap_retry_max_s: float = _CONFIG.bootstrap_retry_max_s
    """The longest pause between two tries."""
    resolve_timeout_s: float = _CONFIG.resolve_timeout_s
    """How long name servers are waited for."""
    publish_record: bool = _CONFIG.publish_record
    """Our own peer record is put on the DHT, so that whoever knows our key finds us (``kadisc
    resolve``).
    """
    publish_interval_s: float = _CONFIG.publish_interval_s
    """What this node keeps published is put again this often, jittered; others forget it after 2
    hours (BEP 44).
    """
    publish_delay_s: float = _CONFIG.publish_delay_s
    """A new record is published so much later, jittered."""
    max_published: int = _CONFIG.max_published
    """Items that this node keeps published at a time."""
    save_interval_s: float = _CONFIG.save_interval_s
    """What changed is saved at most so much later."""
    subscriber_queue: int = _CONFIG.subscriber_queue
    """Events kept for a slow subscriber; further ones are dropped and counted."""
    socket_buffer_bytes: int = _CONFIG.socket_buffer_bytes
    """Asked of the system for each socket, in and out."""
    core: CoreTables = field(default_factory=CoreTables)

    def config(self) -> Config:
        """As ``open_node`` takes it; ``bind`` is empty where none was given."""
        tables = {each.name: getattr(self.core, each.name) for each in fields(self.core)}
        core = CoreConfig(
            read_only=self.read_only,
            allow_private=self.allow_private,
            banned=self.ban,
            restricted_to=self.netrestrict,
            unlimited=self.unlimited,
            **tables,
        )
        if self.no_caps:
            core = replace(
                core,
                defences=replace(
                    core.defences,
                    diversity_caps=False,
                    lookup_caps=False,
                    book_groups=False,
                    store_shares=False,
                ),
            )
        renamed = {"peers": self.peer, "services": parse_services(self.service), "core": core}
        same = {
            each.name: getattr(self, each.name)
            for each in fields(self)
            if each.name in Config.__dataclass_fields__ and each.name != "core"
        }
        return Config(**(same | renamed))


def read_settings(path: Path) -> Settings:
    """Raises UsageError."""
    import tomllib  # only where there is a file: these two take as long to import as a ping takes

    import msgspec

    try:
        document = tomllib.loads(_text_of(path))
        _refuse_unknown(document, Settings)
        settings = msgspec.convert(document, Settings)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {(error.strerror or str(error)).lower()}"
        ) from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not a text in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {_in_words(str(error))}") from None
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from None
    check_settings(settings, lambda key: f"{path}: {key}")
    return settings


def _text_of(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if (
        len(content) > MAX_FILE_BYTES
    ):  # a device, or the wrong file: reading on would fill the memory
        raise UsageError(
            f"a configuration has at most {MAX_FILE_BYTES >> 10} KiB, and this is longer"
        )
    return content.decode("utf-8")


# --- keys and types -------------------------------------------------------------------------------


def _refuse_unknown(document: Mapping[str, Any], kind: type, above: str = "") -> None:
    # msgspec would pass over them: it is strict with structs alone.
    kinds = get_type_hints(kind)
    for key, value in document.items():
        if key not in kinds:
            raise UsageError(f"there is no key {above}{key}{_suggestion(key, kinds, above)}")
        if is_dataclass(kinds[key]) and isinstance(value, dict):
            _refuse_unknown(value, kinds[key], f"{above}{key}.")


def _suggestion(key: str, known: Mapping[str, object], above: str) -> str:
    import difflib

    [*close] = difflib.get_close_matches(key.lower(), known, n=1)
    return f"; did you mean {above}{close[0]}?" if close else ""


_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text in quotes",
    "str | null": "a text in quotes",
    "bool": "true or false",
    "array": "a list in brackets",
    "object": "a table",
}


def _in_words(message: str) -> str:
    """msgspec's ``Expected `int`, got `float` - at `$.core.table.k``` as ``core.table.k: expected a
    whole number, not a number``.
    """
    found = re.fullmatch(r"Expected `(.+)`, got `(.+)` - at `\$\.?(.*)`", message)
    if found is None:
        return message
    expected, got, key = found.groups()
    return f"{key}: expected {_WORDS.get(expected, expected)}, not {_WORDS.get(got, got)}"


# --- values ---------------------------------------------------------------------------------------


def check_settings(
    settings: Settings, name_of: Callable[[str], str], only: frozenset[str] | None = None
) -> None:
    """Raises UsageError for the first value that cannot be used; ``name_of(key)`` is what its user
    calls it. ``only``: which keys to look at.
    """
    for key, check in _CHECKS.items():
        if only is None or key in only:
            for text in getattr(settings, key):
                try:
                    check(text)
                except (ValueError, UsageError) as error:
                    raise UsageError(f"{name_of(key)}: {error}") from None
    if not 0 < len(settings.network) <= MAX_NETWORK_NAME or not settings.network.isprintable():
        raise UsageError(
            f"{name_of('network')}: expected a name of 1 to {MAX_NETWORK_NAME} printable characters, not {settings.network!r}"
        )
    if only is None:
        for key, complaint in complaints(settings):
            raise UsageError(f"{name_of(key)}: {complaint}")


def _check_bind(text: str) -> None:
    try:
        host, port = split_host_port(text)
        make_endpoint(host, port or 1)
    except ValueError as error:
        raise UsageError(f"cannot listen on {text}: {error}") from None


_CHECKS: dict[str, Callable[[str], object]] = {
    "bind": _check_bind,
    "external": lambda text: external_addresses([text]),
    "bootstrap": parse_host,
    "routers": parse_host,
    "peer": parse_host,
    "netrestrict": lambda text: NetworkSet([text]),
    "ban": lambda text: NetworkSet([text]),
    "service": parse_service,
}
