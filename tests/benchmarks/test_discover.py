"""`benchmarks/discover.py`: the run with kadisc alone, and the parts of it that decide what is
counted.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.namespaces import UnavailableError, check_namespaces

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SIDES = ("kadisc-library", "kadisc-socket", "kadisc-follow", "kadisc-command")
OWN, OUTER, PEER = "192.168.77.10", "46.0.0.1", "45.1.0.1"


@pytest.fixture(autouse=True)
def _benchmarks_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def command(*arguments: str) -> list[str]:
    try:
        check_namespaces("ip link set lo up && ip tuntap add tun0 mode tun")
    except UnavailableError as why:
        pytest.skip(str(why))
    return [sys.executable, str(BENCHMARKS / "discover.py"), *arguments]


@pytest.mark.real
def test_newcomers_find_peers_by_library_socket_and_command(tmp_path: Path) -> None:
    out = tmp_path / "discover.json"
    size = ("--nodes", "8", "--count", "5", "--newcomers", "2", "--settle", "10")
    limits = ("--within", "15", "--limit", "60")
    done = subprocess.run(
        command("--only", "kadisc", *size, *limits, "--json", str(out)),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(out.read_text())["rows"]
    assert [row["side"] for row in rows] == list(SIDES)
    for row in rows:
        found = row["5_peers"]
        assert found["reached"] == row["newcomers"] == 2, (row, done.stderr)
        # A round trip takes 50 ms: to the bootstrap node, and to those that it names.
        assert 0.1 < found["median_s"] <= found["slowest_s"] <= 15
        # Whole packets both ways: no answer counts before a query was sent.
        assert 1_000 < found["sent_bytes"] < 200_000
        assert 1_000 < found["received_bytes"] < 400_000
        assert 0.05 < found["cpu_s"] < 15
        assert (row["dead"], row["others"]) == (0, 0)


@pytest.mark.real
def test_a_run_that_is_told_to_end_takes_all_processes_along(tmp_path: Path) -> None:
    mark = f"--seed={os.getpid()}"
    process = subprocess.Popen(
        command("--only", "kadisc", "--nodes", "6", mark),
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    assert process.stderr is not None
    while "has met" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 128 + signal.SIGTERM
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert mark not in listed
    assert list(tmp_path.iterdir()) == []
    process.stderr.close()


def test_a_side_that_does_not_exist_is_named() -> None:
    done = subprocess.run(
        [*command(), "--only", "kadisc,nothing"], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 1
    assert done.stderr.startswith("no side is called nothing; there are ")


# --- the figures ----------------------------------------------------------------------------------


def test_a_newcomer_that_found_too_few_counts_as_slower_than_all_others() -> None:
    from discovery.newcomer import Point  # type: ignore[import-not-found]
    from discovery.report import summary  # type: ignore[import-not-found]
    from discovery.world import Bytes  # type: ignore[import-not-found]

    one, other = Point(0.5, 0.1, Bytes(10, 20)), Point(0.3, 0.2, Bytes(30, 40))
    found = summary([one, None, other])
    assert (found["reached"], found["median_s"], found["slowest_s"]) == (2, 0.5, None)
    assert (found["sent_bytes"], found["received_bytes"]) == (20, 30)
    found = summary([one, None])
    assert found["median_s"] is None


def test_a_goal_is_to_be_fast_or_ahead_of_the_best_other_that_checks_its_peers() -> None:
    from discovery.report import goals

    def row(side: str, median_s: float | None, sent: int = 10) -> dict[str, Any]:
        part = {"median_s": median_s, "slowest_s": median_s, "sent_bytes": sent}
        marks = {"5_peers": part, "20_peers": part}
        return {"side": side, "newcomers": 3, "other_tree": side.startswith("old"), **marks}

    alone = goals([row("kadisc-library", 0.7)], is_shared=False)["kadisc-library"]
    assert alone == {
        "5 peers in 0.45 s": False,
        "5 at the slowest in 2 s": True,
        "20 peers in 0.8 s": True,
        "20 at the slowest in 2 s": True,
    }
    table = [row("kadisc-library", 0.7, 20), row("hyperswarm", 0.9), row("discv5", 4.0)]
    table += [row("libtorrent", 0.1), row("old-library", 0.2), {"side": "lattica", "left_out": "x"}]
    found = goals(table, is_shared=False)
    assert list(found) == ["kadisc-library"]
    assert found["kadisc-library"]["5 peers in 0.9 s"]
    assert not found["kadisc-library"]["sends no more than hyperswarm"]
    assert goals([row("kadisc-socket", None)], is_shared=True) == {
        "kadisc-socket": {"5 peers in 0.6 s": False}
    }


def test_nodes_that_ended_and_others_do_not_count(tmp_path: Path) -> None:
    from discovery.sides import Launch, Swarm  # type: ignore[import-not-found]
    from discovery.standing import Size, Standing  # type: ignore[import-not-found]
    from discovery.world import standing_host

    size = Size(nodes=20, own=10, dead=0.2)
    standing = Standing(Swarm("x", 7001, lambda path: Launch(())), size, tmp_path / "x")
    classes = [standing.classify(standing_host(number)) for number in range(20)]
    assert classes == ["member"] * 8 + ["dead"] * 2 + ["other"] * 10
    assert len(standing.dead_hosts) == 2 + 2
    sixteens = {standing_host(number).split(".")[1] for number in range(250)}
    assert len(sixteens) == 250


# --- the router -----------------------------------------------------------------------------------


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def udp_packet(source: str, destination: str, ports: tuple[int, int], payload: bytes) -> bytearray:
    """IPv4 and UDP with both checksums."""
    addresses = socket.inet_aton(source) + socket.inet_aton(destination)
    length = 8 + len(payload)
    udp = struct.pack("!4H", *ports, length, 0) + payload
    covered = addresses + struct.pack("!2H", socket.IPPROTO_UDP, length) + udp
    udp = udp[:6] + struct.pack("!H", checksum(covered)) + udp[8:]
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 1, 0, 64, socket.IPPROTO_UDP, 0)
    head += addresses
    return bytearray(head[:10] + struct.pack("!H", checksum(head)) + head[12:] + udp)


def test_the_router_rewrites_the_address_and_both_checksums() -> None:
    from discovery.relay import PortRestrictedNat  # type: ignore[import-not-found]

    nat = PortRestrictedNat(socket.inet_aton(OUTER))
    for payload in (b"", b"a", bytes(range(200)), b"\xff\xff" * 30):
        packet = udp_packet(OWN, PEER, (6881, 7001), payload)
        assert nat.outbound(packet)
        assert packet == udp_packet(OUTER, PEER, (6881, 7001), payload)
        packet = udp_packet(PEER, OUTER, (7001, 6881), payload)
        assert nat.inbound(packet)
        assert packet == udp_packet(PEER, OWN, (7001, 6881), payload)


def test_only_those_that_were_sent_to_get_in_and_only_from_that_port() -> None:
    from discovery.relay import PortRestrictedNat

    nat = PortRestrictedNat(socket.inet_aton(OUTER))
    assert nat.outbound(udp_packet(OWN, PEER, (6881, 7001), b"x"))
    assert not nat.inbound(udp_packet(PEER, OUTER, (7002, 6881), b"x"))
    assert not nat.inbound(udp_packet(PEER, OUTER, (7001, 6882), b"x"))
    assert not nat.inbound(udp_packet("45.2.0.1", OUTER, (7001, 6881), b"x"))
    assert nat.inbound(udp_packet(PEER, OUTER, (7001, 6881), b"x"))


def test_what_a_program_leaves_in_the_temporary_folder_goes_with_the_run(tmp_path: Path) -> None:
    """lattica leaves a key and a folder of its own for each node that ends."""
    from discovery.sides import Launch, environment

    program = "import tempfile; open(tempfile.mkstemp(suffix='.key')[0], 'w').close()"
    launch = Launch((sys.executable, "-c", program))
    inside = environment(launch, tmp_path, is_shared=False)
    subprocess.run(launch.command, env=inside, cwd=tmp_path, check=True)
    assert [each.suffix for each in tmp_path.iterdir()] == [".key"]
