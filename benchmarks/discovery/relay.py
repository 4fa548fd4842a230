"""The link between the world and the newcomer of `discover.py`: holds each packet for half of the
round-trip time, loses some, counts the bytes of all, and can translate addresses as a router does.

It runs in the world's network namespace, opens a TUN there, makes a namespace for the newcomers and
opens a TUN in that as well. Standard library only. Commands are JSON lines:

    {"ask": "newcomer", "address": "46.0.0.1"}   the next newcomer has this address; packets of the
                                                 one before it are lost from now on
    {"ask": "silence", "hosts": [...]}           packets from and to these hosts are lost

Bytes are those of whole IP packets: sent ones are counted as they leave the newcomer, whether they
are lost later or not; received ones as they reach it. The counters are in a file that the other
side maps into memory, numbers of 64 bits: bytes sent and received by the present newcomer; of all
newcomers, the packets that were passed on, and the microseconds by which they were late in sum.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import ipaddress
import json
import mmap
import os
import random
import select
import struct
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
CLONE_NEWNET = 0x40000000
COUNTERS = struct.Struct("=4Q")
TUN_NAME = "tun0"
INNER_ADDRESS = "192.168.77.10"
"""Of a newcomer behind a NAT."""
MTU = 1500
TCP, UDP = 6, 17
CHECKSUM_AT = {TCP: 16, UDP: 6}
"""The offset of the checksum in the header of the protocol, which covers the addresses too."""
SOURCE_AT, DESTINATION_AT = 12, 16
"""The offsets of the addresses in the header of IPv4."""
READ_AT_ONCE = 256


def open_tun() -> int:
    """A TUN in the namespace of this process, without an address."""
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", TUN_NAME.encode(), IFF_TUN | IFF_NO_PI))
    ip("link", "set", TUN_NAME, "up", "mtu", str(MTU))
    return tun


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def enter_new_network() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "no network namespace for the newcomers")
    ip("link", "set", "lo", "up")


def add_16(first: int, second: int) -> int:
    """The sum in ones' complement."""
    total = first + second
    return (total & 0xFFFF) + (total >> 16)


def replaced(checksum: int, old: bytes, new: bytes) -> int:
    """The checksum after four bytes were replaced (RFC 1624, equation 3)."""
    total = ~checksum & 0xFFFF
    for was, now in zip(struct.unpack("!2H", old), struct.unpack("!2H", new), strict=True):
        total = add_16(add_16(total, ~was & 0xFFFF), now)
    return ~total & 0xFFFF


def rewrite(packet: bytearray, at: int, address: bytes) -> None:
    """Replaces an address and keeps the checksums right."""
    old, protocol = bytes(packet[at : at + 4]), packet[9]
    packet[at : at + 4] = address
    offsets = [10]
    if protocol in CHECKSUM_AT:
        offsets.append(4 * (packet[0] & 0xF) + CHECKSUM_AT[protocol])
    for offset in offsets:
        (checksum,) = struct.unpack_from("!H", packet, offset)
        if offset != 10 and protocol == UDP and checksum == 0:
            continue  # none was computed
        struct.pack_into("!H", packet, offset, replaced(checksum, old, address))


class PortRestrictedNat:
    """Endpoint-independent mapping with the port kept, filtering by address and port (RFC 4787):
    only those that the inner host has sent to can reach it, from exactly there.
    """

    def __init__(self, outer: bytes) -> None:
        self._outer = outer
        self._inner = ipaddress.ip_address(INNER_ADDRESS).packed
        self._sent_to: set[tuple[int, int, bytes, int]] = set()

    def outbound(self, packet: bytearray) -> bool:
        """Whether the packet goes on; it is rewritten then."""
        protocol, (own, other) = packet[9], self._ports(packet)
        if protocol not in CHECKSUM_AT:
            return False
        self._sent_to.add(
            (protocol, own, bytes(packet[DESTINATION_AT : DESTINATION_AT + 4]), other)
        )
        rewrite(packet, SOURCE_AT, self._outer)
        return True

    def inbound(self, packet: bytearray) -> bool:
        protocol, (other, own) = packet[9], self._ports(packet)
        source = bytes(packet[SOURCE_AT : SOURCE_AT + 4])
        if (protocol, own, source, other) not in self._sent_to:
            return False
        rewrite(packet, DESTINATION_AT, self._inner)
        return True

    def _ports(self, packet: bytearray) -> tuple[int, int]:
        first, second = struct.unpack_from("!2H", packet, 4 * (packet[0] & 0xF))
        return first, second


class Relay:
    def __init__(self, rtt_s: float, loss: float, nat: str, seed: int, counters: mmap.mmap) -> None:
        self._delay_s = rtt_s / 2
        self._loss = loss
        self._has_nat = nat == "port-restricted"
        self._nat: PortRestrictedNat | None = None
        self._rng = random.Random(seed)
        self._counters = counters
        self._counted = [0, 0, 0, 0]
        self._address = b""
        self._silent: set[bytes] = set()
        self._world = open_tun()
        ip("route", "add", "default", "dev", TUN_NAME)
        enter_new_network()
        self._newcomer = open_tun()
        self._held: deque[tuple[float, int, bytes]] = deque()

    def run(self) -> None:
        """Until standard input ends."""
        while True:
            wait_s = max(0.0, self._held[0][0] - time.monotonic()) if self._held else None
            ready, _, _ = select.select([self._world, self._newcomer, sys.stdin], [], [], wait_s)
            if self._newcomer in ready:
                self._take(self._newcomer, self._outbound)
            if self._world in ready:
                self._take(self._world, self._inbound)
            while self._held and self._held[0][0] <= time.monotonic():
                due, towards, packet = self._held.popleft()
                self._counted[2] += 1
                self._counted[3] += round(1e6 * (time.monotonic() - due))
                self._deliver(towards, packet)
            if sys.stdin in ready:
                if not (line := sys.stdin.readline()):
                    return
                self._carry_out(json.loads(line))
                print(json.dumps({"event": "done"}), flush=True)

    def _take(self, tun: int, step: object) -> None:
        for _ in range(READ_AT_ONCE):
            try:
                packet = bytearray(os.read(tun, 65535))
            except BlockingIOError:
                return
            if packet[0] >> 4 == 4:
                step(packet)  # type: ignore[operator]

    def _outbound(self, packet: bytearray) -> None:
        self._count(0, len(packet))
        if bytes(packet[DESTINATION_AT : DESTINATION_AT + 4]) in self._silent:
            return
        if self._nat is not None and not self._nat.outbound(packet):
            return
        self._hold(self._world, packet)

    def _inbound(self, packet: bytearray) -> None:
        if bytes(packet[DESTINATION_AT : DESTINATION_AT + 4]) != self._address:
            return  # for a newcomer that is gone
        if bytes(packet[SOURCE_AT : SOURCE_AT + 4]) in self._silent:
            return
        self._hold(self._newcomer, packet)

    def _hold(self, towards: int, packet: bytearray) -> None:
        if self._loss and self._rng.random() < self._loss:
            return
        self._held.append((time.monotonic() + self._delay_s, towards, bytes(packet)))

    def _deliver(self, towards: int, packet: bytes) -> None:
        if towards == self._newcomer:
            # The router is beside the newcomer: what that sends meanwhile opens its port.
            whole = bytearray(packet)
            if packet[DESTINATION_AT : DESTINATION_AT + 4] != self._address:
                return
            if self._nat is not None and not self._nat.inbound(whole):
                return
            packet = bytes(whole)
            self._count(1, len(packet))
        try:
            os.write(towards, packet)
        except (BlockingIOError, OSError):
            return  # a full queue loses packets, as anywhere

    def _count(self, which: int, length: int) -> None:
        self._counted[which] += length
        COUNTERS.pack_into(self._counters, 0, *self._counted)

    def _carry_out(self, command: dict[str, object]) -> None:
        if command["ask"] == "silence":
            hosts = command["hosts"]
            assert isinstance(hosts, list)
            self._silent = {ipaddress.ip_address(host).packed for host in hosts}
            return
        address = str(command["address"])
        self._address = ipaddress.ip_address(address).packed
        self._nat = PortRestrictedNat(self._address) if self._has_nat else None
        ip("address", "flush", "dev", TUN_NAME)
        ip("address", "add", f"{INNER_ADDRESS if self._has_nat else address}/32", "dev", TUN_NAME)
        ip("route", "replace", "default", "dev", TUN_NAME)
        self._held.clear()
        self._counted[:2] = 0, 0
        COUNTERS.pack_into(self._counters, 0, *self._counted)


def main() -> None:
    parser = argparse.ArgumentParser(description="A link with delay, loss and NAT.")
    parser.add_argument("--rtt", type=float, required=True, metavar="SECONDS")
    parser.add_argument("--loss", type=float, default=0.0, metavar="SHARE")
    parser.add_argument("--nat", choices=("none", "port-restricted"), default="none")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--counters", type=Path, required=True, metavar="FILE")
    arguments = parser.parse_args()
    with arguments.counters.open("r+b") as file:
        counters = mmap.mmap(file.fileno(), COUNTERS.size)
    relay = Relay(arguments.rtt, arguments.loss, arguments.nat, arguments.seed, counters)
    print(json.dumps({"event": "ready"}), flush=True)
    relay.run()


if __name__ == "__main__":
    main()
