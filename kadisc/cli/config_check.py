"""``kadisc config check``: all that is wrong in a configuration file."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from .exit_codes import WRONG_USAGE
from .options import default_config_path
from .output import error_document, print_json, say, show

if TYPE_CHECKING:
    from ..config import Config
    from ..net.config_faults import ConfigFault

SUMMARY = "tell all that is wrong in a configuration file"
DESCRIPTION = (
    "Reads a configuration file as kadisc run would, and prints every fault with its line: keys "
    "that do not exist, values of the wrong type or out of bounds, values that contradict each "
    "other, and what this system does not have (files, groups). Exit code 2 if there is any. "
    "Without FILE it is the one that the commands read."
)
EXAMPLES = """\
examples:
  kadisc config check
  kadisc config check /etc/kadisc/ltc.toml && systemctl restart kadisc@ltc
  kadisc config check config.toml --json"""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", metavar="FILE", nargs="?", help="the file (default: config.toml of the user)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")


def execute(options: argparse.Namespace) -> int:
    from ..net.config_faults import MAX_FAULTS, faults_in
    from ..observe.describe import count

    path = Path(options.file) if options.file is not None else default_config_path()
    if path is None:
        if options.json:
            print_json({"file": None, "keys": 0, "faults": [], "more": False})
        else:
            say("there is no configuration file; kadisc config init prints one")
        return 0
    faults, has_more = faults_in(path)
    keys = 0
    if not faults:
        keys, faults = _read(path)
    number = f"more than {MAX_FAULTS} faults" if has_more else count(len(faults), "fault")
    if options.json:
        document = {
            "file": str(path),
            "keys": keys,
            "faults": [{"line": f.line, "key": f.key, "message": f.message} for f in faults],
            "more": has_more,
        }
        failure = error_document("wrong_usage", f"{path}: {number}") if faults else {}
        print_json(document | failure)
    else:
        for fault in faults:
            place = f"{path}:{fault.line}" if fault.line is not None else str(path)
            show(f"{place}: {fault.message}")
        say(f"{path}: {number}" if faults else f"{path}: no faults, {count(keys, 'key')} set")
    return WRONG_USAGE if faults else 0


def _read(path: Path) -> tuple[int, list[ConfigFault]]:
    """How many keys a file without other faults sets, and what of it this system cannot do."""
    from ..net.config_faults import ConfigFault
    from ..net.config_file import config_from, read_values
    from ..net.toml_lines import line_of, lines_in

    try:
        values = read_values(path)
        config = config_from(values)
    except UsageError as error:
        return 0, [ConfigFault(str(error).removeprefix(f"{path}: "))]
    lines = lines_in(path)
    return len(values), [
        ConfigFault(f"{key}: {words}", line_of(key, lines), key)
        for key, words in _of_system(config)
    ]


def _of_system(config: Config) -> Iterator[tuple[str, str]]:
    """The keys that name what this system does not have, or what its user may not read, and those
    that `kadisc run` would refuse for another value of the same file.
    """
    metrics, control = config.metrics, config.control
    if config.asmap is not None:
        from ..net.as_map_file import as_map_in

        try:
            as_map_in(config.asmap)
        except UsageError as error:
            yield "asmap", str(error)
    token = None
    if metrics.token_file is not None:
        from ..http.access import read_token

        try:
            token = read_token(metrics.token_file)
        except UsageError as error:
            yield "metrics.token_file", str(error)
            token = ""
    if metrics.listen is None:
        for name in ("api", "open"):
            if getattr(metrics, name):
                yield f"metrics.{name}", "nothing is served without metrics.listen"
    else:
        from ..http.access import Access

        try:
            Access(metrics.listen, token=token, is_open=metrics.open)
        except UsageError as error:
            yield "metrics.listen", str(error)
    if control.group_writes and control.group is None:
        yield "control.group_writes", "it is for control.group, which is not set"
    if control.group is not None:
        from ..control.socket_file import group_id

        try:
            group_id(control.group)
        except UsageError as error:
            yield "control.group", str(error)
