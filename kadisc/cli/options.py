"""The options that commands share, and the configuration that they and the file make."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Collection, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..config import Config
from ..config.declaration import Bounds, Commands, Heading, HoldsFor
from ..config.keys import KEYS

if TYPE_CHECKING:
    from ..net.config_file import GivenValues, Origin

APP_NAME = "kadisc"
_VARIABLES: Final = {"state_dir": "KADISC_STATE_DIR"}
"""The environment variables, by the names of their keys."""
MAX_DIGITS = 9
"""Of a number on the command line."""


def add_run_options(parser: argparse.ArgumentParser, *, keeps_state: bool = True) -> None:
    """Adds the options of a node that stays. ``keeps_state``: whether it is to keep state."""
    groups: dict[Heading, argparse._ActionsContainer] = {Heading.FIRST: parser}
    _add_options(parser, [each for each in Commands if each is not Commands.FEED], groups)
    if keeps_state:
        groups[Heading.FILES].add_argument(
            "--ephemeral",
            action="store_true",
            help="use a new key for this run alone: read and save no state, open no control socket",
        )
    _add_config_option(groups[Heading.FILES])


def add_node_options(parser: argparse.ArgumentParser, *, joins: bool = True) -> None:
    """Adds the options of every command that opens a node for a moment, or asks the running one.
    ``joins``: whether the node joins a DHT.
    """
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")
    parser.add_argument("-v", "--verbose", action="store_true", help="say which node is asked")
    node = parser.add_argument_group("node options")
    groups: dict[Heading, argparse._ActionsContainer] = {
        heading: node for heading in Heading if heading is not Heading.LAB
    }
    joining = (Commands.JOINING,) if joins else ()
    _add_options(parser, (*joining, Commands.OPENING_A_NODE, Commands.NAMING_A_NODE), groups)
    _add_config_option(node)


def add_folder_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say which running node is meant."""
    group = parser.add_argument_group("node options")
    _add_options(parser, (Commands.NAMING_A_NODE,), {Heading.FILES: group})
    _add_config_option(group)


def add_feed_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `kadisc feed` that the configuration has too."""
    _add_options(parser, (Commands.FEED, Commands.LOGGING), {Heading.FIRST: parser})


def _add_config_option(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--config",
        metavar="FILE",
        help="configuration in TOML"
        " (default: config.toml in the XDG configuration folder, if there is one)",
    )


def _add_options(
    parser: argparse.ArgumentParser,
    commands: Collection[Commands],
    groups: dict[Heading, argparse._ActionsContainer],
) -> None:
    """Adds an option for each key of the configuration that has one in these commands, below its
    heading. Headings that are not in ``groups`` yet are added.
    """
    headings = list(Heading)
    options = [
        (key, option)
        for key in KEYS.values()
        if (option := key.setting.option) is not None and option.commands in commands
    ]
    for key, option in sorted(options, key=lambda each: headings.index(each[1].heading)):
        if option.heading not in groups:
            groups[option.heading] = parser.add_argument_group(option.heading.value)
        group = groups[option.heading]
        help_text = option.help or _help_from(key.setting.description)
        if option.flags:
            exclusive = group.add_mutually_exclusive_group()
            for each in option.flags:
                exclusive.add_argument(
                    each.flag,
                    dest=key.name,
                    action="store_const",
                    const=each.value,
                    help=each.help,
                )
        elif key.kind == "bool":
            group.add_argument(
                flag_of(key.name), dest=key.name, action="store_true", help=help_text
            )
        elif key.kind.startswith("tuple"):
            group.add_argument(
                flag_of(key.name),
                dest=key.name,
                action="append",
                metavar=option.metavar,
                help=help_text,
            )
        else:
            bounds = key.setting.allowed  # all numbers that have an option are whole ones
            group.add_argument(
                flag_of(key.name),
                dest=key.name,
                type=whole_number(int(bounds.most)) if isinstance(bounds, Bounds) else str,
                metavar=option.metavar,
                help=help_text,
            )


def flag_of(name: str) -> str:
    """The option for the key of this name."""
    option = KEYS[name].setting.option
    return f"--{(option and option.name) or name.replace('_', '-')}"


def _help_from(description: str) -> str:
    """A sentence in the form of a help text; argparse would take a % for a format."""
    return f"{description[0].lower()}{description[1:].removesuffix('.')}".replace("%", "%%")


def configuration(
    options: argparse.Namespace, *, only_for: Collection[HoldsFor] | None = None
) -> Config:
    """The configuration that the file, the environment and the options make; an option wins over
    the environment, and that over the file. ``only_for``: which keys of the file and the
    environment to use; all by default. Raises UsageError that names the file, the variable or the
    option.
    """
    return configured(options, only_for=only_for).config


class Configured(NamedTuple):
    """What a command is configured by. ``path``: of the file, None where there is none. Values are
    by the names of their keys.
    """

    path: Path | None
    of_file: Mapping[str, Any]
    of_environment: Mapping[str, Any]
    of_options: Mapping[str, Any]
    config: Config


def configured(
    options: argparse.Namespace, *, only_for: Collection[HoldsFor] | None = None
) -> Configured:
    """As `configuration`, with what each source says."""
    from ..net.config_file import check_values, config_from, read_values

    path = Path(options.config) if options.config is not None else default_config_path()
    of_file = read_values(path) if path is not None else {}
    from_environment = _from_environment()
    check_values(from_environment, lambda key: _VARIABLES[key])
    values = _held(of_file | from_environment, only_for)
    given = given_options(options)
    check_values(given, flag_of)
    return Configured(path, of_file, from_environment, given, config_from(values | given))


def _held(values: Mapping[str, Any], only_for: Collection[HoldsFor] | None) -> dict[str, Any]:
    return {
        name: value
        for name, value in values.items()
        if only_for is None or KEYS[name].setting.holds_for in only_for
    }


def values_given(
    options: argparse.Namespace, *, only_for: Collection[HoldsFor] | None = None
) -> GivenValues:
    """As `configured`, as one value of each key, with what gave it."""
    from ..net.config_file import GivenValues

    told = configured(options, only_for=only_for)
    origins: dict[str, Origin] = dict.fromkeys(told.of_file, "file")
    origins |= dict.fromkeys(told.of_environment, "environment")
    origins |= dict.fromkeys(told.of_options, "option")
    values = _held({**told.of_file, **told.of_environment}, only_for)
    return GivenValues(values | dict(told.of_options), origins)


def values_given_again(options: argparse.Namespace) -> GivenValues:
    """As `values_given`, later: the file of the user may be there by then, or gone."""
    default_config_path.cache_clear()
    return values_given(options)


def variable_of(name: str) -> str:
    """The environment variable for the key of this name."""
    return _VARIABLES[name]


def sound_configuration(options: argparse.Namespace) -> tuple[Config, Path | None]:
    """As `configuration`, but without what is wrong in the file, and the file if there is one.
    Raises UsageError for a wrong option.
    """
    from ..net.config_file import check_values, config_from, sound_values

    path = Path(options.config) if options.config is not None else default_config_path()
    values = sound_values(path) if path is not None else {}
    from_environment = _from_environment()
    check_values(from_environment, lambda key: _VARIABLES[key])
    given = given_options(options)
    check_values(given, flag_of)
    return config_from(values | from_environment | given), path


def _from_environment() -> dict[str, Any]:
    """The values of the environment variables that are set, by the names of their keys."""
    return {key: value for key, name in _VARIABLES.items() if (value := os.environ.get(name))}


def given_options(options: argparse.Namespace) -> dict[str, Any]:
    """The values of the options that were given, by the names of their keys."""
    given: dict[str, Any] = {}
    for key in KEYS.values():
        if key.setting.option is None:
            continue
        value = getattr(options, key.name, None)
        if isinstance(value, list):
            value = tuple(value) or None
        if value is not None and value is not False:
            given[key.name] = value
    return given


def state_folder(config: Config) -> str | None:
    """The configured state folder, or the default one of the user; None for a user without a home,
    who has no default folder.
    """
    if config.state_dir is not None:
        if not config.state_dir.strip():
            from ..errors import UsageError

            raise UsageError("--state-dir: the name of a folder is expected, not an empty one")
        return config.state_dir
    import platformdirs

    return _of_a_home(platformdirs.user_state_dir)


def running_folder(config: Config) -> str:
    """The state folder of the running node that a command is for. Raises NotRunning for a user
    without a home.
    """
    folder = state_folder(config)
    if folder is None:
        from ..errors import NotRunning

        raise NotRunning("this user has no home folder: --state-dir names that of the running node")
    return folder


def _of_a_home(folder_of: Callable[[str], str]) -> str | None:
    """The user's folder of one kind; None for a user whose home the system does not know."""
    try:
        path = folder_of(APP_NAME)
    except RuntimeError:
        return None
    return None if path.startswith("~") else path  # so in older versions of platformdirs


@cache
def default_config_path() -> Path | None:
    """The file of the user, if there is one. One that cannot be looked at is none, and that is told
    once.
    """
    import platformdirs

    folder = _of_a_home(platformdirs.user_config_dir)
    if folder is None:
        return None
    path = Path(folder) / "config.toml"
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        from .output import say

        reason = (error.strerror or str(error)).lower()
        say(f"running without a configuration file: {path} cannot be read: {reason}")
        return None
    return path


def from_1_to(most: int) -> Callable[[str], int]:
    """For argparse: a whole number within these bounds."""
    return whole_number(most, least=1)


def whole_number(most: int, least: int = 0) -> Callable[[str], int]:
    """For argparse: a whole number within these bounds."""

    def read(text: str) -> int:
        is_number = text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS
        if not (is_number and least <= int(text) <= most):
            complaint = f"expected a number from {least} to {most}, not {text!r}"
            raise argparse.ArgumentTypeError(complaint)
        return int(text)

    return read


def info_hash(text: str) -> str:
    """In 40 lower-case hex digits. Raises UsageError."""
    return _hex_id(text, "an info-hash")


def target(text: str) -> str:
    """In 40 lower-case hex digits. Raises UsageError."""
    return _hex_id(text, "a target")


def _hex_id(text: str, what: str) -> str:
    from ..errors import UsageError
    from ..ids import format_id, parse_id

    try:
        return format_id(parse_id(text))
    except ValueError:
        raise UsageError(f"{what} has 40 hex digits, not {text!r}") from None
