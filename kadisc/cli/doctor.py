"""``kadisc doctor``: what is wrong with the node, and what to do about it."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from ..errors import NotRunning
from .exit_codes import DONE, FAILED
from .options import add_run_options, configuration, given_options, state_folder
from .output import ProgressLine, print_json, print_unsuccessful, say

if TYPE_CHECKING:
    from ..control.call import Tell
    from ..control.methods.doctor import DoctorDocument
    from ..net.api.node import Node

SUMMARY = "check whether the node works, and say what to do"
DESCRIPTION = (
    "Checks whether the node has joined, whether other hosts reach it, whether the router maps "
    "its ports, and whether its services accept connections, for 30 s at most. Each check says "
    "what is the case and what can be done about it. Asks the running node; if none runs with "
    "this state folder, or an option of a node is given, it opens one like that of kadisc run, "
    "with a key of its own. Exit code 1 if a check fails; warnings give 0."
)
EXAMPLES = """\
examples:
  kadisc doctor
  kadisc doctor --state-dir ./node-b --json
  kadisc doctor --map-port tcp:30303 --service eth=30303    before kadisc run"""

_NAME_THE_NODE = ("state_dir",)
"""The keys whose options say which running node is meant; all others ask for another node."""


def add_options(parser: argparse.ArgumentParser) -> None:
    add_run_options(parser, keeps_state=False)
    parser.add_argument("--json", action="store_true", help="print JSON on stdout and nothing else")


def execute(options: argparse.Namespace) -> int:
    from .tasks import run_until_signalled

    return run_until_signalled(lambda: _doctor(options))


async def _doctor(options: argparse.Namespace) -> int:
    from .doctor_report import print_report

    document = await _examined(options)
    failed = [each.check for each in document.checks if each.verdict == "failure"]
    problem = f"failed: {', '.join(failed)}" if failed else ""
    if not options.json:
        print_report(document)
    elif failed:
        print_unsuccessful(document, "checks_failed", problem)
    else:
        print_json(document)
    return FAILED if failed else DONE


async def _examined(options: argparse.Namespace) -> DoctorDocument:
    from ..control.call import Call
    from ..control.methods.doctor import DOCTOR, DoctorParams
    from .asking import ask_running

    params = DoctorParams(partial=True)
    configuration(options)
    with _progress() as told:
        if not set(given_options(options)) - set(_NAME_THE_NODE):
            try:
                return await ask_running(options, DOCTOR, params, tell=told)
            except NotRunning as error:
                say(str(error))
        say("testing with a node of this command's own, for 30 s at most")
        async with _own_node(options) as node:
            call = Call(node, told)
            call.stays = False
            return await DOCTOR.carry_out(params, call)


@contextmanager
def _progress() -> Iterator[Tell]:
    """A line on the terminal that says what is waited for, removed at the end."""
    line = ProgressLine()

    def told(value: Mapping[str, object]) -> None:
        waiting = value.get("waiting")
        if isinstance(waiting, dict):
            line.show(f"{waiting['elapsed_s']:.0f} s, waiting for {', '.join(waiting['for'])}")

    try:
        yield told
    finally:
        line.clear()


@asynccontextmanager
async def _own_node(options: argparse.Namespace) -> AsyncIterator[Node]:
    """A node as `kadisc run` would open it, with the saved contacts, but with a key of its own and
    without state, so that it can run beside another one and leaves nothing behind.
    """
    from dataclasses import replace
    from random import SystemRandom

    from ..net.api.open import NOTHING_SAVED, close_ports, make_node, open_ports, running
    from ..net.state.state_folder import read_saved_state
    from ..net.transport.clock import SystemClock
    from .launch import mapping_line

    config = configuration(options)
    folder = state_folder(config)
    saved = read_saved_state(folder, config.network) if folder is not None else NOTHING_SAVED
    config = replace(config, state_dir=None, publish_record=False)
    ports = open_ports(config)
    try:
        node = make_node(
            config, ports, options.bootstrap or (), SystemClock(), SystemRandom(), saved=saved
        )
        if (line := mapping_line(config, node.local_endpoints.values())) is not None:
            say(line)
        async with running([node]):
            yield node
    finally:
        close_ports(ports)
