"""How a field of the configuration is declared.

A field is declared once, with its type, its default, the values that it may have, and a
description. The configuration file, the command line, the reference page and the simulator's
``--set`` read this declaration. It lies in the metadata of the dataclass field, so the core reads
the value itself as a plain attribute of a frozen dataclass with slots.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import Field, dataclass, field
from typing import Any, Final, TypeVar

Value = TypeVar("Value")
_METADATA_KEY: Final = "setting"
MAX_NUMBERS: Final = 160
"""The most elements of a list of numbers: one for each bit of an ID."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The numbers that are allowed; each element of a list of numbers has to be one of them."""

    least: float
    most: float

    def __str__(self) -> str:
        return f"from {self.least} to {self.most}"

    def __contains__(self, number: float) -> bool:
        # Not a number is in no bounds.
        return self.least <= number <= self.most

    def complaint(self, value: Any) -> str | None:
        """What was expected instead of a number, or a tuple of numbers; None where it is fine."""
        if isinstance(value, tuple):
            is_fine = 0 < len(value) <= MAX_NUMBERS and all(number in self for number in value)
            words = f"expected a list of 1 to {MAX_NUMBERS} numbers {self}"
            return None if is_fine else words
        return None if value in self else f"expected a number {self}, not {value}"


SHARE: Final = Bounds(least=0, most=1)


@dataclass(frozen=True, slots=True)
class Choice:
    """The words that a text may be."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{', '.join(self.words[:-1])} or {self.words[-1]}"

    def complaint(self, value: Any) -> str | None:
        """What was expected instead of a text; None where it is fine."""
        return None if value in self.words else f"expected {self}, not {value!r}"


def one_of(*words: str) -> Choice:
    """These words and no others."""
    return Choice(words)


def within(least: float, most: float) -> Bounds:
    """The numbers from ``least`` to ``most``. Every number of the configuration has both: one that
    is too large takes all memory, and one that is too small all time.
    """
    return Bounds(least, most)


class Form(enum.Enum):
    """What a text, or each text of a list, has to look like; a switch has no text. The values of
    the enum are the words of the reference page.
    """

    SWITCH = ""
    LISTEN_ADDRESS = "a numeric address with a port, as in 0.0.0.0:6881 or [::]:6881"
    EXTERNAL_ADDRESS = "IP or IP:PORT"
    HOST = "HOST:PORT, where HOST is a name or an address"
    SUBNET = "CIDR notation, as in 10.0.0.0/8"
    SERVICE = "NAME=PORT, NAME=HOST:PORT or NAME=0xHEX"
    MAPPED_PORT = "tcp:PORT or udp:PORT, or with =EXTERNAL behind it"
    GATEWAY = "a numeric address, as in 192.168.1.1 or fe80::1%eth0"
    INTERFACE = "the system's name of an interface, as in eth0"
    NETWORK_NAME = "1 to 64 printable characters"
    HTTP_ADDRESS = "a numeric address with a port, as in 127.0.0.1:9464, or unix:PATH"
    GROUP = "the name or the number of a group of this system"
    FILE = "a path of a file"
    FOLDER = "a path of a folder"


class HoldsFor(enum.Enum):
    """The commands that a value of the configuration file holds for."""

    EVERY_COMMAND = enum.auto()
    """No command leaves it out."""
    NOT_A_DEVNET = enum.auto()
    """A devnet leaves it out: its nodes talk only to each other."""
    THE_LASTING_NODE = enum.auto()
    """`kadisc run` alone, without ``--devnet``: a command that opens a node of its own for a moment
    must not take the port, the address, the static peers or the services of the node that stays.
    """


class Commands(enum.Enum):
    """The commands that have an option for a field."""

    OPENING_A_NODE = enum.auto()
    """All commands that open a node."""
    NAMING_A_NODE = enum.auto()
    """All commands that open a node or ask the running one."""
    JOINING = enum.auto()
    """All commands that join a DHT."""
    RUN = enum.auto()
    """`kadisc run` alone."""
    LOGGING = enum.auto()
    """The commands that run for long: `kadisc run` and `kadisc feed`."""
    FEED = enum.auto()
    """`kadisc feed` alone."""


class Heading(enum.Enum):
    """The headings of the options of `kadisc run`. The other commands, which have fewer, put all
    but the last under one heading.
    """

    FIRST = "options"
    ADDRESS = "address options"
    PEERS = "peer options"
    FILES = "file options"
    METRICS = "metrics options"
    LOG = "log options"
    LAB = "lab options"


@dataclass(frozen=True, slots=True)
class ValueFlag:
    """An option without a value that stands for one value of a key."""

    flag: str
    value: str
    help: str


@dataclass(frozen=True, slots=True)
class Option:
    """The option of the command line. It is named like the key, with dashes, unless it has
    ``flags``: then there is one option for each of them, and at most one of these may be given.
    """

    commands: Commands
    metavar: str | None = None
    """The name of the value in the help text; None for a switch."""
    help: str | None = None
    """The help text, where the description of the field is too long for it."""
    heading: Heading = Heading.FIRST
    flags: tuple[ValueFlag, ...] = ()
    name: str | None = None
    """The name of the option without the leading dashes, where it is not that of the key."""


@dataclass(frozen=True, slots=True)
class Setting:
    """All that is declared of a field beside its type and its default."""

    allowed: Bounds | Form | Choice
    description: str
    file_default: Any = None
    """The default of the commands that read a configuration file, where it differs from that of the
    library.
    """
    option: Option | None = None
    holds_for: HoldsFor = HoldsFor.EVERY_COMMAND


def setting(
    default: Value,
    allowed: Bounds | Form | Choice,
    description: str,
    *,
    file_default: Value | None = None,
    option: Option | None = None,
    holds_for: HoldsFor = HoldsFor.EVERY_COMMAND,
) -> Value:
    """A field of a dataclass, declared with all that readers of the configuration want to know."""
    declared = Setting(allowed, description, file_default, option, holds_for)
    return field(default=default, metadata=metadata(declared))


def switch(
    default: bool,
    description: str,
    *,
    option: Option | None = None,
    holds_for: HoldsFor = HoldsFor.EVERY_COMMAND,
) -> bool:
    """A field that is true or false."""
    return setting(default, Form.SWITCH, description, option=option, holds_for=holds_for)


def from_the_node(default: Value) -> Value:
    """A field of `CoreConfig` without a key of its own: the field of that name in `Config` has the
    key and the description.
    """
    return field(default=default, metadata={_METADATA_KEY: None})


def has_no_key(declared_field: Field[Any]) -> bool:
    """Whether the field was made by `from_the_node`."""
    return _METADATA_KEY in declared_field.metadata and setting_of(declared_field) is None


def metadata(declared: Setting) -> Mapping[str, Setting]:
    """For ``dataclasses.field``."""
    return {_METADATA_KEY: declared}


def setting_of(declared_field: Field[Any]) -> Setting | None:
    """None for a field that holds a group of fields, or that was not declared."""
    found: Setting | None = declared_field.metadata.get(_METADATA_KEY)
    return found
