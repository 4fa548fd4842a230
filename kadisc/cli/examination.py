"""How ``kadisc doctor`` finds out: by the running node, or by one of its own, and by what it
gathers of the machine meanwhile.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import SystemRandom
from typing import Final

import msgspec
import trio

from ..config import Config
from ..control.call import Call, Tell
from ..control.client import open_client
from ..control.methods.doctor import (
    DOCTOR,
    CheckDocument,
    DoctorParams,
    documents_of,
    results_of,
)
from ..control.socket_file import MAX_PATH_BYTES, socket_path
from ..core.contract.saved_state import SavedState
from ..doctor.checks import asks_node, examine_machine, facts_for, merged, needs_node
from ..doctor.contradictions import contradictions
from ..doctor.finding import CheckResult, worst_of
from ..doctor.gathering.chain import ShakeHands, Spoken
from ..doctor.gathering.links import bind_facts, has_way_out
from ..doctor.gathering.machine import Plan, gather_machine
from ..doctor.machine import ConfigFacts, FileFault, MachineFacts, SocketFileFacts
from ..doctor.names import MAX_WAIT_S, NAMES
from ..doctor.setup import ELSEWHERE, NodeSetup, setup_from
from ..errors import KadiscError, NotRunning, UsageError
from ..net.api.node import Node
from ..net.api.open import NOTHING_SAVED, close_ports, make_node, open_ports, running
from ..net.config_faults import faults_in
from ..net.state.state_folder import read_saved_state
from ..net.transport.clock import SystemClock
from ..net.transport.nurseries import open_flat_nursery
from .launch import mapping_line
from .options import given_options, sound_configuration, state_folder
from .output import ProgressLine, say

_NAME_THE_NODE: Final = ("state_dir",)
"""The keys whose options say which running node is meant; all others ask for another node."""
_LOOK_S: Final = 5.0
"""How long the running node may take to say how it is set up."""
_SILENCE_S: Final = 10.0
_NO_WAY_S: Final = 2.0
"""How long a node is waited for on a machine without any route."""
_TELL_S: Final = 0.5


class DoctorReport(msgspec.Struct):
    """``verdict``: the worst of all checks. ``node``: ``running``, ``temporary`` for one that the
    command opened, or ``none``. ``is_lasting``: whether it is the running one.
    """

    verdict: str
    node: str
    is_lasting: bool
    checks: list[CheckDocument]
    elapsed_s: float


class _Examination:
    """What the examination of one command is about."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Raises UsageError."""
        self.options = options
        self.only: Sequence[str] = tuple(options.only or NAMES)
        self.offline: bool = options.offline
        self.config, path = sound_configuration(options)
        faults, _ = faults_in(path) if path is not None else ((), False)
        self.config_facts = ConfigFacts(
            str(path) if path is not None else None,
            tuple(FileFault(each.message, each.line) for each in faults),
            contradictions(self.config),
        )
        folder = state_folder(self.config)
        self.socket = socket_path(folder) if folder is not None else None
        self.folder: Path | None = self.socket.parent if self.socket is not None else None
        self.shake_hands = _shake_hands(options.chain)
        self.of_node: list[CheckResult] | str = "nothing of a node was asked for"
        self.node = "none"
        self.silence: str | None = None
        """Why the running node, which there is, has not said how it is set up."""
        self.waits_for: list[str] = []


async def examined(options: argparse.Namespace) -> DoctorReport:
    """Raises UsageError."""
    began = trio.current_time()
    examination = _Examination(options)
    setup = await _setup_of_running(examination)
    is_own = setup is None
    if setup is None:
        setup = _setup_of_own(examination)
    binds = None
    if is_own and "sockets" in examination.only:
        # Before a node of this command's own has the ports.
        binds = await trio.to_thread.run_sync(bind_facts, setup, abandon_on_cancel=True)
    plan = Plan(
        setup,
        facts_for(examination.only),
        examination.folder,
        examination.socket,
        MAX_PATH_BYTES,
        examination.config_facts,
        is_offline=examination.offline,
        clocks=options.rpc or (),
        shake_hands=examination.shake_hands,
        binds=binds,
    )
    machine: list[MachineFacts] = []

    async def look() -> None:
        machine.append(await gather_machine(plan))

    line = ProgressLine()
    try:
        async with open_flat_nursery() as outer:
            outer.start_soon(_tell, examination, plan, began, line)
            async with open_flat_nursery() as nursery:
                nursery.start_soon(look)
                if (needs_node if is_own else asks_node)(examination.only):
                    await _ask_node(examination, setup, is_own=is_own)
            outer.cancel_scope.cancel()
    finally:
        line.clear()
    facts = _with_silence(machine[0], examination.silence)
    results = merged(
        examination.of_node, examine_machine(facts, examination.only), examination.only
    )
    return DoctorReport(
        worst_of(result.verdict for result in results).value,
        examination.node,
        examination.node == "running",
        documents_of(results),
        round(trio.current_time() - began, 1),
    )


def _with_silence(facts: MachineFacts, silence: str | None) -> MachineFacts:
    """A socket that accepts, and whose node then says nothing, does not answer."""
    known = facts.socket
    if silence is None or not isinstance(known, SocketFileFacts) or known.connects != "yes":
        return facts
    return replace(facts, socket=replace(known, connects=silence))


# --- the node -------------------------------------------------------------------------------------


async def _setup_of_running(examination: _Examination) -> NodeSetup | None:
    """How the running node is set up; None where none is meant, or none answers."""
    if set(given_options(examination.options)) - set(_NAME_THE_NODE):
        return None
    if examination.socket is None:
        return None
    params = DoctorParams(wait_s=0.0, only=["state"])
    try:
        async with open_client(examination.socket) as client:
            try:
                setup = (await client.call(DOCTOR, params, silence_s=_LOOK_S)).setup
                # In another container the node knows its process by another number.
                pid = client.process or ELSEWHERE
                if setup is None or sys.platform != "linux":
                    return setup
                return msgspec.structs.replace(setup, pid=pid)
            except NotRunning:
                examination.silence = f"nothing for {_LOOK_S:g} s"
            except KadiscError as error:
                examination.silence = str(error)
            return None
    except NotRunning as error:
        if not examination.offline and needs_node(examination.only):
            say(str(error))
        return None


def _saved(examination: _Examination) -> SavedState:
    if examination.folder is None:
        return NOTHING_SAVED
    return read_saved_state(examination.folder, examination.config.network)


def _setup_of_own(examination: _Examination) -> NodeSetup:
    saved = _saved(examination)
    return setup_from(
        examination.config,
        examination.options.bootstrap or (),
        sequence_ms=saved.peer_network.sequence if saved.peer_network is not None else 0,
        knows_nodes=any(dht.contacts for dht in saved.dhts),
    )


async def _ask_node(examination: _Examination, setup: NodeSetup, *, is_own: bool) -> None:
    only = list(examination.only)
    waits_s = 0.0 if examination.offline else MAX_WAIT_S
    if not is_own:
        assert examination.socket is not None
        params = DoctorParams(wait_s=waits_s, partial=True, only=only)
        try:
            async with open_client(examination.socket) as client:
                document = await client.call(
                    DOCTOR, params, tell=_noting(examination), silence_s=_SILENCE_S
                )
            examination.of_node = results_of(document.checks)
        except (KadiscError, ValueError) as error:
            examination.of_node = str(error)
        else:
            examination.node = "running"
        return
    if examination.offline:
        examination.of_node = "no node runs, and --offline opens none"
        return
    if examination.silence is not None:
        examination.of_node = "the running node does not answer, see socket"
        return
    say(f"testing with a node of this command's own, for {MAX_WAIT_S:g} s at most")
    try:
        async with _own_node(examination) as node:
            call = Call(node, _noting(examination))
            call.stays = False
            if not has_way_out(setup):
                waits_s = _NO_WAY_S
            document = await DOCTOR.carry_out(
                DoctorParams(wait_s=waits_s, partial=True, only=only), call
            )
            examination.of_node = results_of(document.checks)
            examination.node = "temporary"
    except UsageError as error:
        if not examination.config_facts.faults:
            raise  # of the options
        examination.of_node = f"no node could be opened: {error}"
    except KadiscError as error:
        examination.of_node = f"no node could be opened: {error}"


@asynccontextmanager
async def _own_node(examination: _Examination) -> AsyncIterator[Node]:
    """A node as `kadisc run` would open it, with the saved contacts, but with a key of its own and
    without state, so that it can run beside another one and leaves nothing behind.
    """
    config: Config = replace(examination.config, state_dir=None, publish_record=False)
    ports = open_ports(config)
    try:
        node = make_node(
            config,
            ports,
            examination.options.bootstrap or (),
            SystemClock(),
            SystemRandom(),
            saved=_saved(examination),
        )
        if (line := mapping_line(config, node.local_endpoints.values())) is not None:
            say(line)
        async with running([node]):
            yield node
    finally:
        close_ports(ports)


# --- what the options say -------------------------------------------------------------------------


def _shake_hands(chain: str | None) -> ShakeHands | None:
    """The handshake of a chain. Raises UsageError."""
    if chain is None:
        return None
    from ..feed.handshake import BitcoinHandshake
    from ..feed.presets import magic_of

    handshake = BitcoinHandshake(magic_of(chain))

    async def shake(host: str, port: int) -> Spoken:
        outcome = await handshake(host, port)
        problem = None if outcome.is_sound else outcome.words
        return Spoken(problem, f"is {outcome.words}", outcome.verdict == "wrong-network")

    return shake


# --- progress -------------------------------------------------------------------------------------


def _noting(examination: _Examination) -> Tell:
    def told(value: Mapping[str, object]) -> None:
        waiting = value.get("waiting")
        if isinstance(waiting, dict):
            examination.waits_for = [str(each) for each in waiting.get("for", ())]

    return told


async def _tell(examination: _Examination, plan: Plan, began: float, line: ProgressLine) -> None:
    """Says on the terminal what is waited for."""
    while True:
        await trio.sleep(_TELL_S)
        elapsed_s = trio.current_time() - began
        what = ", ".join([*sorted(plan.pending), *examination.waits_for]) or "the node"
        line.show(f"{elapsed_s:.0f} s, waiting for {what}")
