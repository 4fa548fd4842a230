"""Errors of argparse in plain words, with the option or command that was probably meant."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence

_OF_ARGUMENT = re.compile(r"argument (?P<name>\S+): (?P<rest>.*)", re.DOTALL)
_INVALID_CHOICE = re.compile(r"invalid choice: (?P<value>'.*?'|\".*?\"|\S+) \(", re.DOTALL)
_EXCLUDES = re.compile(r"not allowed with argument (?P<other>\S+)")
_SUPERFLUOUS = re.compile(r"ignored explicit argument (?P<value>.*)", re.DOTALL)
_REQUIRED = "the following arguments are required: "
_MAX_NAMED = 40
"""At most this many choices are named in an error."""


def in_plain_words(message: str, actions: Sequence[argparse.Action]) -> str:
    """``message``: as argparse gives it to ``ArgumentParser.error``; ``actions``: of the parser."""
    if message.startswith(_REQUIRED):
        return _missing(message.removeprefix(_REQUIRED).split(", "), actions)
    of_argument = _OF_ARGUMENT.fullmatch(message)
    if of_argument is None:
        return message
    name, rest = of_argument["name"], of_argument["rest"]
    action = _named(name, actions)
    if (choice := _INVALID_CHOICE.match(rest)) is not None and action is not None:
        return _no_such_choice(choice["value"].strip("'\""), action)
    if rest == "expected one argument":
        return f"{_last(name)} needs a value: {_last(name)} {_value_name(action)}"
    if (superfluous := _SUPERFLUOUS.fullmatch(rest)) is not None:
        return f"{_last(name)} takes no value, and {superfluous['value']} was given"
    if (excludes := _EXCLUDES.fullmatch(rest)) is not None:
        return f"{_last(name)} and {_last(excludes['other'])} exclude each other: give one of them"
    return f"{_last(name)}: {rest}"


def not_understood(words: Sequence[str], actions: Sequence[argparse.Action]) -> str:
    """The error for words that no option and no argument of a command takes."""
    first = words[0]
    if not first.startswith("-"):
        return f"unexpected argument {first!r}"
    option = first.partition("=")[0]
    flags = [flag for action in actions for flag in action.option_strings]
    return f"unknown option {option}{probably(option, flags)}"


def probably(word: str, known: Iterable[str]) -> str:
    """``; did you mean --network?``, or nothing where no known word is like this one."""
    import difflib  # takes a millisecond to import

    close = difflib.get_close_matches(word.lower(), list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _no_such_choice(value: str, action: argparse.Action) -> str:
    choices = [str(choice) for choice in action.choices or ()]
    what = str(action.metavar or action.dest).lower()
    if action.option_strings:
        what = _last("/".join(action.option_strings))
    hint = probably(value, choices)
    if not hint and len(choices) <= _MAX_NAMED:
        hint = f"; there are {', '.join(choices[:-1])} and {choices[-1]}"
    return f"there is no {what} {value!r}{hint}"


def _missing(names: Sequence[str], actions: Sequence[argparse.Action]) -> str:
    *others, last = names
    words = f"{', '.join(others)} and {last} are missing" if others else f"{last} is missing"
    action = _named(names[0], actions)
    if action is not None and action.choices is not None:
        words += f": one of {', '.join(map(str, action.choices))}"
    elif action is not None and not others and action.option_strings:
        words += f": {last} {_value_name(action)}"
    return words


def _named(name: str, actions: Sequence[argparse.Action]) -> argparse.Action | None:
    for action in actions:
        if name in ("/".join(action.option_strings), action.metavar, action.dest):
            return action
    return None


def _value_name(action: argparse.Action | None) -> str:
    return str(action.metavar or action.dest.upper()) if action is not None else "VALUE"


def _last(name: str) -> str:
    """``-p/--port`` as ``--port``."""
    return name.rpartition("/")[2]
