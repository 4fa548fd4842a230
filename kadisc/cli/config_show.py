"""``kadisc config show``: each value in force, and where it is from."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ..errors import KadiscError, NotRunning
from .options import add_run_options, configured, flag_of, state_folder, variable_of
from .output import print_json, say

if TYPE_CHECKING:
    from ..config.document import ConfigValue
    from .options import Configured

SUMMARY = "show each value in force, and where it is from"
DESCRIPTION = (
    "Shows every key of the configuration with the value that kadisc run would use, and where it "
    "is from: a line of the file, the environment, an option, or the default. It takes the options "
    "of run. Where a node runs with this state folder, it also tells what that node runs with "
    "otherwise."
)
EXAMPLES = """\
examples:
  kadisc config show
  kadisc config show --changed
  kadisc config show --config ltc.toml --network ltc --json"""

DEFAULT: Final = "default"
_PATIENCE_S: Final = 5.0


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--changed", action="store_true", help="only values that are not from the defaults"
    )
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")
    add_run_options(parser, keeps_state=False)


def execute(options: argparse.Namespace) -> int:
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _show(options))


async def _show(options: argparse.Namespace) -> int:
    from ..config.document import values_document

    found = configured(options)
    values = values_document(found.config)
    folder = state_folder(found.config)
    values["state_dir"] = folder
    sources = _sources(found)
    running = await _running_values(folder)
    others = {
        name: running[name]
        for name in values
        if running is not None and name in running and running[name] != values[name]
    }
    shown = [
        name for name in values if not options.changed or sources[name] != DEFAULT or name in others
    ]
    if options.json:
        documents = {
            name: {"value": values[name], "source": sources[name]}
            | ({"running": others[name]} if name in others else {})
            for name in shown
        }
        path = str(found.path) if found.path is not None else None
        print_json({"file": path, "running": running is not None, "values": documents})
    else:
        _print([(name, values[name], sources[name]) for name in shown], others)
        if running is not None:
            say(_about_running(others))
    return 0


def _about_running(others: Mapping[str, ConfigValue]) -> str:
    from ..observe.describe import count

    if not others:
        return "the running node has these values"
    return f"the running node has {count(len(others), 'other value')}"


def _print(rows: Sequence[tuple[str, ConfigValue, str]], others: Mapping[str, ConfigValue]) -> None:
    from .config_template import in_toml
    from .tables import TableColumn, print_table

    def words(value: ConfigValue) -> str:
        return "-" if value is None else in_toml(value)

    names = ("key", "value", "source", *(("running node",) if others else ()))
    print_table(
        [TableColumn(name) for name in names],
        [
            (name, words(value), source)
            + ((words(others[name]) if name in others else "",) if others else ())
            for name, value, source in rows
        ],
    )


def _sources(found: Configured) -> dict[str, str]:
    """Where each value in force is from, by the name of its key."""
    from ..config.document import value_of
    from ..config.keys import KEYS
    from ..net.toml_lines import line_of, lines_in

    lines = lines_in(found.path) if found.path is not None else {}
    given = {**found.of_file, **found.of_environment, **found.of_options}
    sources = {}
    for name, key in KEYS.items():
        if name in found.of_options:
            sources[name] = f"option {_flag_for(name, found.of_options[name])}"
        elif name in found.of_environment:
            sources[name] = f"environment {variable_of(name)}"
        elif name in found.of_file:
            line = line_of(name, lines)
            sources[name] = f"file {found.path}" + (f":{line}" if line is not None else "")
        else:
            sources[name] = DEFAULT
        said = given.get(name, key.default)
        if name != "service" and value_of(found.config, name) != said:
            sources[name] = f"follows from {_decider(given, name, said)}"
    return sources


def _flag_for(name: str, value: Any) -> str:
    """The option that stands for this value of a key."""
    from ..config.keys import KEYS

    option = KEYS[name].setting.option
    flags = [each.flag for each in option.flags if each.value == value] if option else []
    return flags[0] if flags else flag_of(name)


def _decider(given: Mapping[str, Any], name: str, said: Any) -> str:
    """The key without which another one would have the value that was given for it."""
    from ..config.document import value_of
    from ..net.config_file import config_from

    for each in given:
        without = {key: value for key, value in given.items() if key != each}
        if each != name and value_of(config_from(without), name) == said:
            return each
    return "other keys"


async def _running_values(folder: str | None) -> Mapping[str, ConfigValue] | None:
    """What the node runs with; None where none runs with this state folder, or it does not tell."""
    from ..control.client import open_client
    from ..control.methods.config import CONFIG, ConfigParams
    from ..control.socket_file import socket_path

    if folder is None:
        return None
    try:
        async with open_client(socket_path(folder)) as client:
            return (await client.call(CONFIG, ConfigParams(), silence_s=_PATIENCE_S)).values
    except NotRunning:
        return None
    except KadiscError as error:
        say(f"the running node does not tell its configuration: {error}")
        return None
