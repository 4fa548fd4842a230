"""The entry point: selects the command, and turns each error into an exit code and at most one
line, or one JSON document with ``--json``. The codes are in `exit_codes`.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from ..errors import KadiscError, UsageError
from ..text import one_line
from ..version import COMPILED, __version__
from .exit_codes import DONE, FAILED, INTERRUPTED, WRONG_USAGE, failure_of
from .output import print_error, say_error
from .parser import CommandParser

COMMANDS: Final = (
    *("run", "find", "peers", "announce", "put", "get", "resolve", "ping", "status", "watch"),
    *("doctor", "record", "why", "feedback", "feed", "book", "peer", "reload", "stop", "metrics"),
    *("conformance", "sim", "key", "config", "completion"),
)
"""The modules of this folder that are commands, in the order of the help."""

_EXAMPLES = """\
examples:
  kadisc --devnet 60                            60 nodes on this machine
  kadisc --network mychain --service p2p=9333   beside a node of your chain
  kadisc find random                            the nodes closest to a random ID
  kadisc peers testnet --service eth            peers of your network
  kadisc put "Hello World!"                     store a value for two hours
  kadisc ping 192.0.2.1:6881                    ID, client and RTT of a node

kadisc COMMAND --help describes each command."""


def main(arguments: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if arguments is None else arguments)
    _open_closed_streams()
    _escape_what_is_not_in_the_encoding()
    try:
        code = _run(words, as_json=_asks_for_json(words))
        sys.stdout.flush()  # here, where a failure can still be reported
        return code
    except BrokenPipeError:
        # The reader of stdout has closed it, as in `kadisc ... | head`.
        _drop_output()
        return DONE
    except OSError as error:
        # Other modules handle the errors of their files and sockets. What is left is an error of
        # stdout, such as a full disk.
        _drop_output()
        what = error.filename or "the output"
        say_error(f"{what} cannot be written: {(error.strerror or str(error)).lower()}")
        return FAILED


def _run(words: list[str], *, as_json: bool) -> int:
    """Runs the command. With ``as_json``, every failure ends with an error document on stdout."""
    try:
        options = _parse(words)
        code = int(options.execute(options))
    except KadiscError as error:
        say_error(str(error))
        failure = failure_of(error)
        if as_json:
            print_error(failure.code, str(error))
        return failure.exit_code
    except UnicodeEncodeError as error:
        # The bytes of an argument that are no UTF-8: Python keeps them as surrogates, which no
        # message can hold.
        message = f"an argument is no text in UTF-8: {one_line(ascii(error.object))}"
        say_error(message)
        if as_json:
            print_error("wrong_usage", message)
        return WRONG_USAGE
    except KeyboardInterrupt:
        code = INTERRUPTED
    except OSError:
        raise
    except Exception as error:
        if as_json:
            print_error("internal_error", f"{type(error).__name__}: {error}")
        raise
    if code == INTERRUPTED and as_json:
        print_error("interrupted", "a signal ended the command before it was done")
    return code


def _asks_for_json(words: Sequence[str]) -> bool:
    """Found without the parser, whose errors are documents too."""
    end = words.index("--") if "--" in words else len(words)
    return "--json" in words[:end]


def _open_closed_streams() -> None:
    """Opens the standard streams that are closed, as after ``>&-``: otherwise the next file or
    socket would get their descriptors. They stay open until the process ends.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, closefd=False))


def _escape_what_is_not_in_the_encoding() -> None:
    """Texts of others, names and arguments may have characters that the terminal or the file has
    no bytes for (ASCII, Latin-1), and arguments bytes that are no text: both are written as
    ``\\u0442``, where Python would raise an error.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """Discards the rest of the buffer, which Python would try to write again at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parse(words: list[str]) -> argparse.Namespace:
    # Without a command, kadisc runs a node, so the options of `run` may come first. The three
    # options below are those of the program itself.
    if not words or (words[0].startswith("-") and words[0] not in ("-h", "--help", "--version")):
        words = ["run", *words]
    words, program = _without_program(words)
    # The modules of all others are imported only for the help, and for what is no command.
    parser = build_parser([words[0]] if words[0] in COMMANDS else COMMANDS)
    options, left_over = parser.parse_known_args(words)
    options.program = program
    if left_over and left_over[0] in COMMANDS:
        raise UsageError(
            f"the command comes first, as in kadisc {left_over[0]} --bootstrap HOST:PORT"
        )
    if left_over:
        options.parser.refuse(left_over)
    return options


def _without_program(words: list[str]) -> tuple[list[str], list[str]]:
    """The words of the command, and those of another program that it is to run."""
    if words[0] == "feed" and "--" in words:
        end = words.index("--")
        return words[:end], words[end + 1 :]
    return words, []


def build_parser(names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser of the command line, with the commands of these names."""
    parser = CommandParser(
        prog="kadisc",
        description=(
            "A Kademlia peer-discovery node for BitTorrent's Mainline DHT. Without a command it "
            "runs a node: see kadisc run --help."
        ),
        epilog=_EXAMPLES,
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"kadisc {__version__}{' (compiled)' if COMPILED else ''}",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    for name in names:
        command = import_module(f".{name}", __package__)
        sub = commands.add_parser(
            name, help=command.SUMMARY, description=command.DESCRIPTION, epilog=command.EXAMPLES
        )
        command.add_options(sub)
        sub.set_defaults(execute=command.execute, parser=sub)
    return parser
