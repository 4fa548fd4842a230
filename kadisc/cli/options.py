"""The options that several commands share, and the configuration made from them and the file."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..net.config_file import Settings

APP_NAME = "kadisc"
_LISTS = ("bind", "external", "bootstrap", "peer", "netrestrict", "ban", "service")
_SWITCHES = ("allow_private", "no_caps", "unlimited", "read_only")
_TEXTS = ("network", "state_dir", "asmap")
OF_ONE_NODE = ("bind", "external", "peer", "service")
"""The keys of the file that are for the user's node alone: a temporary node must not use them."""
OF_ONE_PLACE = (*OF_ONE_NODE, "bootstrap", "routers", "state_dir", "asmap")
"""The keys of the file that a devnet must not use, because it is a network of its own."""


def add_node_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of every command that opens a node."""
    group = parser.add_argument_group("node")
    group.add_argument(
        "--bind",
        action="append",
        metavar="HOST:PORT",
        help=(
            "listen at this numeric address; once per family, as in 0.0.0.0:6881 or [::]:6881; "
            "port 0 lets the system choose"
        ),
    )
    group.add_argument(
        "--network",
        metavar="NAME",
        help="name of your network; nodes with the same name find each other (default: mainline)",
    )
    group.add_argument(
        "--allow-private",
        action="store_true",
        help="treat private and loopback addresses as public ones (labs, devnets)",
    )
    group.add_argument(
        "--no-caps",
        action="store_true",
        help="no limits on nodes per subnet, for labs inside one subnet",
    )
    group.add_argument(
        "--unlimited", action="store_true", help="no rate limits, for labs and benchmarks"
    )
    add_folder_options(group)
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")


def add_folder_options(group: argparse._ArgumentGroup) -> None:
    """Adds the options that identify the running node."""
    group.add_argument(
        "--state-dir",
        metavar="DIR",
        help=(
            "folder for key, own address, contacts and control socket (default: the XDG "
            "state folder)"
        ),
    )
    group.add_argument(
        "--config",
        metavar="FILE",
        help="configuration in TOML (default: config.toml in the XDG configuration folder)",
    )


def add_place_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of a node that keeps running."""
    parser.add_argument(
        "--external",
        action="append",
        metavar="IP[:PORT]",
        help="external address of this node; once per family (default: learned from other nodes)",
    )
    parser.add_argument(
        "--peer",
        action="append",
        metavar="HOST:PORT",
        help="static peer: kept also while it does not answer; repeatable",
    )
    parser.add_argument(
        "--service",
        action="append",
        metavar="NAME=PORT|0xHEX",
        help="a service of this node for peers of its network, as in eth=30303; repeatable",
    )
    parser.add_argument(
        "--netrestrict",
        action="append",
        metavar="CIDR",
        help="only communicate with nodes in this subnet, as in 10.0.0.0/8; repeatable",
    )
    parser.add_argument(
        "--ban",
        action="append",
        metavar="CIDR",
        help="never communicate with nodes in this subnet; repeatable",
    )
    parser.add_argument(
        "--asmap",
        metavar="FILE",
        help=(
            "a map of autonomous systems in the format of Bitcoin Core (asmap): contacts are "
            "limited per autonomous system instead of per /16"
        ),
    )
    parser.add_argument(
        "--read-only",
        action="store_true",
        help="send queries, never answer; other nodes do not add it to their tables (BEP 43)",
    )


def add_bootstrap_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--bootstrap",
        action="append",
        metavar="HOST:PORT",
        help=(
            "a node to join through, a name or an address; repeatable, all are tried at once "
            "(default: Mainline's public routers)"
        ),
    )


def settings_from(options: argparse.Namespace, *, but_not: Sequence[str] = ()) -> Settings:
    """The settings of the file, without the keys ``but_not``, overridden by the options. Raises
    UsageError, which names the option or the key in the file.
    """
    from ..net.config_file import Settings, check_settings, read_settings

    path = _config_path(options.config)
    settings = read_settings(path) if path is not None else Settings()
    defaults = Settings()
    settings = dataclasses.replace(settings, **{key: getattr(defaults, key) for key in but_not})
    given: dict[str, object] = {
        key: tuple(value) for key in _LISTS if (value := getattr(options, key, None))
    }
    given |= {key: value for key in _TEXTS if (value := getattr(options, key, None)) is not None}
    given |= {key: True for key in _SWITCHES if getattr(options, key, False)}
    settings = dataclasses.replace(settings, **given)  # type: ignore[arg-type]
    check_settings(settings, lambda key: f"--{key}", only=frozenset(given))
    return settings


def state_folder(settings: Settings) -> str:
    """The folder of the settings, or the default one of the user."""
    if settings.state_dir is not None:
        if not settings.state_dir.strip():
            from ..errors import UsageError

            raise UsageError("--state-dir: expected the name of a folder, not an empty text")
        return settings.state_dir
    import platformdirs

    return platformdirs.user_state_dir(APP_NAME)


def _config_path(given: str | None) -> Path | None:
    if given is not None:
        return Path(given)
    import platformdirs

    path = platformdirs.user_config_path(APP_NAME) / "config.toml"
    return path if path.exists() else None


def positive(text: str) -> int:
    """A number from 1 to 10000, for argparse."""
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 10_000):
        raise argparse.ArgumentTypeError(f"expected a number from 1 to 10000, not {text!r}")
    return int(text)


def info_hash(text: str) -> str:
    """The ID as 40 lower-case hex digits. Raises UsageError."""
    return _hex_id(text, "an info-hash")


def target(text: str) -> str:
    """The ID as 40 lower-case hex digits. Raises UsageError."""
    return _hex_id(text, "a target")


def _hex_id(text: str, what: str) -> str:
    from ..errors import UsageError
    from ..ids import format_id, parse_id

    try:
        return format_id(parse_id(text))
    except ValueError:
        raise UsageError(f"{what} has 40 hex digits, not {text!r}") from None
