"""Gathers the facts of the machine: all at once, each with its own time limit and its own error, so
that one that hangs keeps none of the others.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import trio

from ...net.state.damage import reason_of
from ..machine import BindFacts, ConfigFacts, MachineFacts, OverflowFacts, ResolverFacts, Unknown
from ..setup import ELSEWHERE, NodeSetup
from .chain import ShakeHands, chain_facts
from .clock import clock_facts
from .files import lock_facts, socket_facts, state_facts
from .firewall import firewall_facts, probes_of
from .kernel import buffer_facts, conntrack_facts, drops, overflow_facts
from .links import (
    bind_facts,
    bootstrap_facts,
    path_facts,
    places,
    resolver_facts,
    route_facts,
)

LIMIT_S: Final = 5.0
"""Of one fact; those that ask others have limits of their own beneath it."""
NETWORK_S: Final = 12.0
"""Of names, bootstrap nodes and the path to them, which wait for each other."""
CHAIN_S: Final = 9.0
"""Of the chain node: a connection, and a handshake."""
WATCH_S: Final = 2.0
"""How long drops are counted."""
OFFLINE: Final = Unknown("--offline sends nothing")
OF_NETWORK: Final = ("binds", "routes", "firewall", "conntrack", "bootstrap", "path", "chain")
"""The facts that are of a network namespace."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to gather, and from where.

    Args:
        setup: The node that is meant.
        wanted: The names of the facts.
        folder: The state folder; None where there is none.
        socket: The path of the control socket.
        max_socket_bytes: The longest path that the system takes.
        config: The facts of the configuration, which was read already.
        is_offline: Whether to send nothing at all.
        clocks: URLs of HTTP servers that tell the time.
        shake_hands: With the chain node; None where its protocol is not known.
        wall_s: The clock of this machine.
        binds: Where it is known already; None to find out.
    """

    setup: NodeSetup
    wanted: Collection[str]
    folder: Path | None
    socket: Path | None
    max_socket_bytes: int
    config: ConfigFacts | Unknown
    is_offline: bool = False
    clocks: Sequence[str] = ()
    shake_hands: ShakeHands | None = None
    wall_s: Callable[[], float] = time.time
    binds: tuple[BindFacts, ...] | None = None
    pending: set[str] = field(default_factory=set)
    """The names of the facts that are not there yet."""


async def gather_machine(plan: Plan) -> MachineFacts:
    """All facts of the plan, after ``NETWORK_S`` seconds at most."""
    wanted = plan.wanted
    found: dict[str, Any] = {"config": plan.config}
    setup = plan.setup
    if _is_elsewhere(setup.pid):
        # The routes, rules and ports of this network are not those of the node.
        reason = f"the node has a network of its own: nsenter -n -t {setup.pid} kadisc doctor"
        found |= dict.fromkeys(OF_NETWORK, Unknown(reason))
        plan = replace(plan, wanted=frozenset(plan.wanted) - frozenset(OF_NETWORK))

    async def fact(name: str, limit_s: float, get: Callable[[], Awaitable[object]]) -> None:
        if name not in plan.wanted:
            return
        plan.pending.add(name)
        try:
            with trio.fail_after(limit_s):
                found[name] = await get()
        except trio.TooSlowError:
            found[name] = Unknown(f"it took longer than {limit_s:g} s")
        except (OSError, ValueError, RuntimeError, MemoryError) as error:
            found[name] = Unknown(reason_of(error))
        finally:
            plan.pending.discard(name)

    def blocking(get: Callable[[], T]) -> Callable[[], Awaitable[T]]:
        # A folder on a file system that hangs keeps its thread, and nothing else.
        return lambda: trio.to_thread.run_sync(get, abandon_on_cancel=True)

    async with trio.open_nursery() as nursery:

        def start(
            name: str, get: Callable[[], Awaitable[object]], limit_s: float = LIMIT_S
        ) -> None:
            nursery.start_soon(fact, name, limit_s, get)

        if plan.binds is not None:
            found["binds"] = plan.binds
        else:
            start("binds", blocking(lambda: bind_facts(setup)))
        if plan.folder is not None:
            folder = plan.folder
            group_allowed = setup.control_group is not None
            start(
                "state",
                blocking(lambda: state_facts(folder, pid=setup.pid, group_allowed=group_allowed)),
            )
            start("lock", blocking(lambda: lock_facts(folder)))
        else:
            found |= dict.fromkeys(("state", "lock", "socket"), Unknown("no state is kept"))
        if plan.socket is not None:
            path = plan.socket
            start("socket", blocking(lambda: socket_facts(path, plan.max_socket_bytes)))
        start("buffers", blocking(lambda: buffer_facts(setup)))
        start("overflows", lambda: _overflows(setup))
        start("routes", blocking(lambda: route_facts(setup)))
        start("conntrack", blocking(conntrack_facts))
        bound = [address for address, _ in places(setup)]
        start("firewall", lambda: firewall_facts(probes_of(setup, bound)))
        clocks = () if plan.is_offline else plan.clocks
        start("clock", lambda: clock_facts(setup, clocks, plan.wall_s))
        if plan.is_offline:
            found["chain"] = OFFLINE
        else:
            start("chain", lambda: chain_facts(setup, plan.shake_hands), CHAIN_S)
        nursery.start_soon(_ways_out, plan, found)
    return MachineFacts(setup, **{name: found[name] for name in wanted if name in found})


async def _overflows(setup: NodeSetup) -> OverflowFacts | Unknown:
    if not setup.is_running:
        await trio.lowlevel.checkpoint()
        return Unknown("no node runs")
    began = trio.current_time()
    before = drops(setup.endpoints, setup.pid)
    await trio.sleep(WATCH_S)
    return overflow_facts(before, drops(setup.endpoints, setup.pid), trio.current_time() - began)


def _is_elsewhere(pid: int) -> bool:
    """Whether a process has another network than this one; False where that is not told."""
    if pid == ELSEWHERE:
        return False
    try:
        return bool(pid) and not Path(f"/proc/{pid}/ns/net").samefile("/proc/self/ns/net")
    except OSError:
        return False


async def _ways_out(plan: Plan, found: dict[str, Any]) -> None:
    """Names, then the nodes that they are of, then long datagrams to those that answer."""
    names = ("resolver", "bootstrap", "path")
    chosen = [name for name in names if name in plan.wanted]
    if not chosen:
        return
    if plan.is_offline:
        found |= dict.fromkeys(chosen, OFFLINE)
        return
    late = Unknown(f"it took longer than {NETWORK_S:g} s")
    found |= dict.fromkeys(chosen, late)
    plan.pending.update(chosen)
    with trio.move_on_after(NETWORK_S):
        try:
            resolver: ResolverFacts = await resolver_facts(plan.setup)
            found["resolver"] = resolver
            plan.pending.discard("resolver")
            if not {"bootstrap", "path"} & set(chosen):
                return
            asked = await bootstrap_facts(plan.setup, resolver)
            if "bootstrap" in chosen:
                found["bootstrap"] = asked
            plan.pending.discard("bootstrap")
            if "path" in chosen:
                answered = [each.endpoint for each in asked if each.rtt_s is not None]
                found["path"] = await path_facts([*answered, *plan.setup.contacts])
        except (OSError, ValueError, RuntimeError) as error:
            for name in chosen:
                if found[name] is late:
                    found[name] = Unknown(reason_of(error))
    plan.pending.difference_update(names)
