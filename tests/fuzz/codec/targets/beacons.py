"""LAN beacons: one datagram, and a stream of them with sources and times.

An input is a sequence of 28 bytes: a beacon of 24, two bytes of source, one of interface, one of
time in tenths of a second.
"""

from __future__ import annotations

from random import Random

from kadisc.errors import DecodeError
from kadisc.net.lan.beacons import MAX_ANSWERS, MAX_NODES, MAX_PER_S, MAX_USED, Beacons
from kadisc.wire.beacon import BEACON_BYTES, beacon_for, decode_beacon, encode_beacon

from ..target import Target, require

TAG = bytes(range(20))
PORT = 6881
STEP = BEACON_BYTES + 4
REASONS = ("beacon-length", "beacon-magic", "beacon-port")


def check(data: bytes) -> None:
    for payload in (data, data[:BEACON_BYTES]):
        try:
            beacon = decode_beacon(payload)
        except DecodeError as refusal:
            require(refusal.reason in REASONS, f"unknown reason {refusal.reason}")
        else:
            require(decode_beacon(encode_beacon(beacon)) == beacon, "it did not come back")
            beacon.is_of(TAG)
    for lifted in (False, True):
        _stream(data, lifted)


def _stream(data: bytes, lifted: bool) -> None:
    now, sent, taken_at = 0.0, 0, [0.0] * 0
    beacons = Beacons(TAG, PORT, 60.0, Random(5), now, lifted=lifted)
    for at in range(0, len(data), STEP):
        part = data[at : at + STEP].ljust(STEP, b"\0")
        number = int.from_bytes(part[24:26], "big")
        ip = b"\x0a\0" + part[24:26]
        now += part[27] / 10
        source = (f"10.0.{part[24]}.{part[25]}", 6771 + number % 3)
        taken = beacons.counters["taken"]
        beacons.received(part[:24], source, ip, f"eth{part[26] % 3}", now)
        if beacons.counters["taken"] > taken:
            taken_at.append(now)
        answers = [each for each in beacons.due(now) if each.to is not None]
        require(all(len(each.payload) == BEACON_BYTES for each in answers), "a long answer")
        sent += len(answers)
        beacons.expire(now)
        nodes = list(beacons.nodes)
        require(len(nodes) <= MAX_NODES, f"{len(nodes)} nodes")
        used = [node for node in nodes if node.is_used]
        require(lifted or len(used) <= MAX_USED, f"{len(used)} nodes are used")
        require(lifted or len({n.endpoint[:-2] for n in used}) == len(used), "two of an address")
        recent = [each for each in taken_at if each > now - 1.0]
        require(len(recent) <= 2 * MAX_PER_S, f"{len(recent)} beacons were read in a second")
        require(beacons.next_deadline() >= 0, "a deadline before the start")
    require(sent <= len(taken_at) and sent <= MAX_ANSWERS + len(data) // STEP, f"{sent} answers")
    lost = beacons.forget_all().lost
    require(len(lost) <= MAX_NODES, "more nodes are lost than were kept")


def seeds() -> list[bytes]:
    found = []
    for number in range(4):
        nonce = bytes([number]) * 8
        beacon = beacon_for(TAG, nonce, PORT + number, asks=number != 1, leaving=number == 3)
        found.append(encode_beacon(beacon) + bytes((1, number, 0, 5)))
    left = encode_beacon(beacon_for(TAG, bytes(8), PORT, leaving=True)) + bytes((1, 0, 0, 9))
    foreign = encode_beacon(beacon_for(bytes(20), b"x" * 8, PORT)) + bytes((2, 2, 1, 0))
    crowd = b"".join(
        encode_beacon(beacon_for(TAG, bytes([number]) * 8, PORT)) + bytes((3, number, 0, 0))
        for number in range(100)
    )
    return [crowd, *found, b"".join([*found, foreign, left]), b"".join(found) * 8, foreign * 30]


BEACONS = Target(
    "beacons",
    "DecodeError alone is raised; a beacon survives encoding; whatever comes, the nodes that are "
    "kept and used, the beacons that are read and those that are answered stay within their bounds",
    check,
    seeds,
    (b"KDl1", b"\x1a\xe1", b"\0\0", b"\x02\0"),
    max_bytes=STEP * 120,
    intended_s=0.03,
    guided_by=("kadisc.net.lan", "kadisc.wire.beacon"),
    quick_runs=300,
)
