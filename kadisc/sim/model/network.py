"""The network model: outbound NAT, MTU, loss, delay, duplication and partition of a packet. Inbound
NAT is applied on arrival (`world.py`).

A usual packet takes two random draws: one for its loss or duplication, one for its delay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Final, TypeAlias

from ...endpoints import Endpoint
from ..options import FaultOptions, NetworkOptions
from .host import Host
from .latency import FACTOR_BITS, LatencyModel
from .router import RoutedNat, Router

HEADER_BYTES: Final = 28
"""The IPv4 and UDP headers of a packet."""
Copy: TypeAlias = tuple[float, Host, Endpoint, bytes]
"""A copy of a packet that will arrive: delay, receiver, source as the receiver sees it, payload."""


class Network:
    """``send`` returns what will arrive: nothing, one copy, or two."""

    def __init__(
        self, options: NetworkOptions, faults: FaultOptions, latency: LatencyModel, rng: Random
    ) -> None:
        self.routes: dict[bytes, Host] = {}
        self.boxes: dict[bytes, Router] = {}
        """By address: the boxes with hosts behind them that they keep apart."""
        self.ever_used: set[bytes] = set()
        """The addresses at which a host is or was."""
        self.lost: Counter[str] = Counter()
        self.partitioned = False
        self._latency = latency
        self.rng = rng
        self._random = rng.random
        self._bits = rng.getrandbits
        self._factors = [factor / 2 for factor in latency.factors]
        self._max_payload = options.mtu_bytes - HEADER_BYTES
        loss = options.loss
        bad_share = loss.mean / loss.loss_in_burst
        self._burst_ends = 1.0 / loss.burst_packets
        # Mean lengths in packets: a burst 1 / burst_ends, a gap 1 / burst_starts - 1, as the packet
        # that starts a burst belongs to it.
        self._burst_starts = (
            1.0 / (1.0 + loss.burst_packets * (1.0 - bad_share) / bad_share) if bad_share else 0.0
        )
        self._loss_in_burst = loss.loss_in_burst
        self._copied_above = 1.0 - options.duplication
        self._faults = (
            faults if faults.drop or faults.duplicate or faults.reorder or faults.corrupt else None
        )

    def stop_faults(self) -> None:
        """From now on packets suffer what the model of the network does to them, and no more."""
        self._faults = None

    def attach(self, host: Host) -> None:
        ip = host.endpoint[:-2]
        self.ever_used.add(ip)
        if isinstance(host.nat, RoutedNat):
            self.boxes[ip] = host.nat.router
            host.nat.router.hosts.append(host)
        else:
            self.routes[ip] = host

    def detach(self, host: Host) -> None:
        ip = host.endpoint[:-2]
        if isinstance(host.nat, RoutedNat):
            hosts = host.nat.router.hosts
            if host in hosts:
                hosts.remove(host)
            if not hosts:
                self.boxes.pop(ip, None)
        elif self.routes.get(ip) is host:
            del self.routes[ip]

    def is_used(self, ip: bytes) -> bool:
        """Whether a host that is up has this address."""
        return ip in self.routes or ip in self.boxes

    def host_seen_at(self, endpoint: Endpoint) -> Host | None:
        """The host that others see at this endpoint; None for a wrong port too."""
        host = self.routes.get(endpoint[:-2])
        if host is not None:
            return host if endpoint == host.outside else None
        box = self.boxes.get(endpoint[:-2])
        return None if box is None else box.host_seen_at(endpoint)

    def send(
        self, sender: Host, payload: bytes, destination: Endpoint, now: float
    ) -> Sequence[Copy]:
        source = sender.endpoint
        if sender.nat is not None:
            outside = sender.nat.outbound(destination, now)
            if outside is None:
                self.lost["blocked"] += 1
                return ()
            source = outside
        receiver = self.routes.get(destination[:-2])
        if receiver is None:
            receiver = self._behind_box(sender, source, destination, now)
            if receiver is None:
                return ()
        if len(payload) > self._max_payload:
            self.lost["mtu"] += 1
            return ()
        if self.partitioned and sender.side != receiver.side:
            self.lost["partition"] += 1
            return ()
        fate = self._random()
        if (sender.in_burst or fate < self._burst_starts) and self._is_lost(sender):
            self.lost["loss"] += 1
            return ()
        rtt_s = self._latency.rtt_s(sender, receiver)
        if self._faults is not None:
            return self._faulty(self._faults, rtt_s, receiver, source, payload)
        copy = rtt_s * self._factors[self._bits(FACTOR_BITS)], receiver, source, payload
        if fate > self._copied_above:
            return copy, (rtt_s * self._factors[self._bits(FACTOR_BITS)], receiver, source, payload)
        return (copy,)

    def _behind_box(
        self, sender: Host, source: Endpoint, destination: Endpoint, now: float
    ) -> Host | None:
        """The host behind a box that the packet is for; None if it reaches none, which is
        counted.
        """
        box = self.boxes.get(destination[:-2])
        receiver = None if box is None else box.receiver(source, destination, now)
        if box is None or receiver is None:
            self.lost["no-host"] += 1
            return None
        if sender in box.hosts and not box.hairpin:
            self.lost["hairpin"] += 1
            return None
        return receiver

    def _is_lost(self, sender: Host) -> bool:
        """Whether a packet in a burst, or at the start of one, is lost."""
        sender.in_burst = self._random() >= self._burst_ends
        return self._random() < self._loss_in_burst

    def _faulty(
        self, faults: FaultOptions, rtt_s: float, receiver: Host, source: Endpoint, payload: bytes
    ) -> Sequence[Copy]:
        rng = self.rng
        if rng.random() < faults.drop:
            self.lost["fault"] += 1
            return ()
        copies: list[Copy] = []
        for _ in range(2 if rng.random() < faults.duplicate else 1):
            delay_s = rtt_s * self._factors[self._bits(FACTOR_BITS)]
            if rng.random() < faults.reorder:
                delay_s += rng.random() * faults.reorder_s
            arriving = corrupted(payload, rng) if rng.random() < faults.corrupt else payload
            copies.append((delay_s, receiver, source, arriving))
        return copies


def corrupted(payload: bytes, rng: Random) -> bytes:
    """The payload with one byte replaced, or with its end cut off."""
    if not payload:
        return payload
    at = rng.randrange(len(payload))
    if rng.random() < 0.3:
        return payload[:at]
    return payload[:at] + bytes((rng.randrange(256),)) + payload[at + 1 :]
