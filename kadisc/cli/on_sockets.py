"""Runs a network of `sim/calibration` on real sockets of this machine: with the pumps and UDP ports
of the shell, and with the delays and losses of the simulator.

This module is in the command line because neither the shell nor the simulator imports the other.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Sequence
from random import Random

import trio

from ..config import Config
from ..core.contract.events import Datagram, LookupFinished
from ..endpoints import Endpoint, Family, format_endpoint
from ..errors import BindError
from ..net.api.open import close_ports, open_port
from ..net.transport.clock import SystemClock
from ..net.transport.delay import DelayedPort, DelayLine
from ..net.transport.nurseries import open_flat_nursery
from ..net.transport.ports import Port
from ..net.transport.pump import Pump
from ..sim.calibration.calibration import CalibrationRound, Observed, PlannedLookup, counts
from ..sim.model.host import Host
from ..sim.model.latency import latency_model
from ..sim.model.network import Network


class ClockFromZero:
    """The machine's clock, minus its value when this object was created: the tables of a
    calibration are filled for a clock that begins at 0.
    """

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._zero = self._clock.now()

    def now(self) -> float:
        return self._clock.now() - self._zero

    def slept_s(self) -> float:
        return self._clock.slept_s()

    def wall_s(self) -> float:
        return self._clock.wall_s()

    def trio_deadline(self, deadline: float) -> float:
        return self._clock.trio_deadline(deadline + self._zero)


async def run_on_sockets(
    round_: CalibrationRound,
    config: Config,
    observed: Observed,
    late_s: list[float],
    progress: Callable[[float], None],
) -> list[Endpoint]:
    """Runs the network. Adds its counts to ``observed``, and to ``late_s`` the delay that this
    process added to each datagram. Returns the endpoints of the nodes. Calls ``progress`` with the
    seconds since the start. The sockets of dead nodes stay open and are not read. Raises BindError.
    """
    ports: list[Port] = []
    try:
        for spot in round_.spots:
            ports.append(
                _bound(format_endpoint(spot.residence.endpoint).rpartition(":")[0], config)
            )
        endpoints = [port.local_endpoint for port in ports]
        await _run(round_, round_.hosts(endpoints), ports, observed, late_s, progress)
    finally:
        close_ports(ports)
    return endpoints


async def _run(
    round_: CalibrationRound,
    hosts: Sequence[Host],
    ports: Sequence[Port],
    observed: Observed,
    late_s: list[float],
    progress: Callable[[float], None],
) -> None:
    options, line = round_.options, DelayLine()
    network = Network(
        options.network,
        options.faults,
        latency_model(options.network.latency),
        Random(f"network {options.seed}"),
    )
    for host in hosts:
        network.attach(host)
    clock = ClockFromZero()
    pumps = {
        index: Pump(host.node, [DelayedPort(port, _delays(host, network, clock), line)], clock)
        for index, (host, port) in enumerate(zip(hosts, ports, strict=True))
        if host.up
    }

    async def run_lookup(lookup: PlannedLookup) -> None:
        pump = pumps[lookup.asker]
        with pump.operation(
            lambda now: pump.core.start_lookup(lookup.target, now, family=Family.IPV4)
        ) as waiter:
            finished = await waiter.wait()
        assert isinstance(finished, LookupFinished)
        observed.ended(lookup, finished.result)

    async with open_flat_nursery() as nursery:
        try:
            nursery.start_soon(line.carry)
            began = trio.current_time() + options.warmup_s
            for index in sorted(pumps, key=lambda index: round_.spots[index].starts_at):
                await trio.sleep_until(began - options.warmup_s + round_.spots[index].starts_at)
                pumps[index].start(nursery)
            await trio.sleep_until(began)
            before = counts(hosts)
            line.late_s.clear()
            for lookup in round_.lookups:
                await trio.sleep_until(began + lookup.at_s)
                nursery.start_soon(run_lookup, lookup)
                progress(clock.now())
            await trio.sleep_until(began + round_.measured_s)
            observed.counted(len(round_.lookups), before, counts(hosts))
            late_s += line.late_s
        finally:
            nursery.cancel_scope.cancel()
    for pump in pumps.values():
        pump.close()


def _delays(
    host: Host, network: Network, clock: ClockFromZero
) -> Callable[[Datagram], list[tuple[float, bytes]]]:
    def delays(datagram: Datagram) -> list[tuple[float, bytes]]:
        copies = network.send(host, *datagram, clock.now())
        return [(delay_s, payload) for delay_s, _, _, payload in copies]

    return delays


def _bound(ip: str, config: Config) -> Port:
    try:
        return open_port(f"{ip}:0", config)
    except BindError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.EADDRNOTAVAIL:
            raise BindError(
                f"this needs addresses such as {ip}, which this machine does not have: only Linux "
                "has all of 127/8"
            ) from error
        raise
