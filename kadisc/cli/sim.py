"""``kadisc sim``: runs the real nodes in virtual time."""

from __future__ import annotations

import argparse

from . import sim_calibrate, sim_hunt, sim_list, sim_report, sim_run, sim_sweep
from .parser import add_commands

SUMMARY = "simulate thousands of real nodes in virtual time"
DESCRIPTION = (
    "Runs networks of real nodes in virtual time, with a model of delays, loss and NAT, with "
    "churn, faults and attacks. The same seed gives the same run, datagram by datagram."
)
EXAMPLES = """\
examples:
  kadisc sim list
  kadisc sim run lookup --nodes 1000 --minutes 5
  kadisc sim run crash --seed 7 --set crash=0.3 --json
  kadisc sim sweep churn --vary churn.profile=ipfs,bittorrent --seeds 10
  kadisc sim report churn.jsonl --out churn.html
  kadisc sim hunt --seeds 500
  kadisc sim calibrate"""

_COMMANDS = {
    "run": sim_run,
    "list": sim_list,
    "sweep": sim_sweep,
    "hunt": sim_hunt,
    "report": sim_report,
    "calibrate": sim_calibrate,
}


def add_options(parser: argparse.ArgumentParser) -> None:
    add_commands(parser, _COMMANDS, "execute_sim")


def execute(options: argparse.Namespace) -> int:
    from .tasks import interrupted_by_signals

    with interrupted_by_signals():
        return int(options.execute_sim(options))
