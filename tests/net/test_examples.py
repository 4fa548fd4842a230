"""The programs in examples/, each run as a process against a devnet in this one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

import kadisc
from kadisc.control.server import open_control
from kadisc.endpoints import Family, format_endpoint
from kadisc.net.api.node import Node

EXAMPLES = Path(__file__).parents[2] / "examples"
PROGRAMS = sorted(path.name for path in EXAMPLES.glob("*.py"))
PATIENCE_S = 60


@asynccontextmanager
async def network(tmp_path: Path, listener_port: int) -> AsyncIterator[tuple[Sequence[Node], str]]:
    """A devnet of 8, whose first node offers a service that is there, and one more node, whose
    service is not; the nodes, and the endpoint of the first.
    """
    first = kadisc.Config(
        bind=("127.0.0.1:0",),
        network="mychain",
        service={"p2p": listener_port},
        state_dir=str(tmp_path / "node"),
    )
    other = kadisc.Config(
        bind=("127.0.77.1:0",), network="mychain", service={"p2p": 9}, allow_private=True
    )
    async with kadisc.open_devnet(8, first) as nodes:
        here = format_endpoint(nodes[0].local_endpoints[Family.IPV4])
        async with kadisc.open_node(other, bootstrap=[here]) as liar:
            for node in (*nodes, liar):
                await node.joined()
            yield nodes, here


async def output_of(program: str, *arguments: str) -> list[str]:
    done = await trio.run_process(
        [sys.executable, "-W", "error", str(EXAMPLES / program), *arguments],
        capture_stdout=True,
        capture_stderr=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    return done.stdout.decode().splitlines()


async def first_lines_of(program: str, count: int, *arguments: str) -> list[str]:
    """Of a program that does not end by itself."""
    process = await trio.lowlevel.open_process(
        [sys.executable, "-W", "error", str(EXAMPLES / program), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    read = b""
    try:
        async with process.stdout:
            while read.count(b"\n") < count and (chunk := await process.stdout.receive_some()):
                read += chunk
    finally:
        process.kill()
        await process.wait()
    return read.decode().splitlines()[:count]


async def test_all_programs_do_what_they_say(tmp_path: Path) -> None:
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    told: dict[str, list[str]] = {}

    async def tell(program: str, *arguments: str) -> None:
        told[program] = await output_of(program, *arguments)

    async def tell_first(program: str, count: int, *arguments: str) -> None:
        told[program] = await first_lines_of(program, count, *arguments)

    with trio.fail_after(PATIENCE_S):
        async with (
            listener,
            network(tmp_path, port) as (nodes, here),
            open_control(nodes[0], str(tmp_path / "node")),
        ):
            # Alone: the nodes of the other programs end while it stores its value.
            await tell("put_and_get.py", here, "Hello World!")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(tell, "print_peers.py", "mychain", here)
                nursery.start_soon(tell_first, "dial_peers.py", 2, "mychain", "p2p", here)
                nursery.start_soon(tell, "ask_from_asyncio.py", str(tmp_path / "node"), "mychain")

    peers = [line.split() for line in told["print_peers.py"]]
    assert len({(host, port) for host, port, *_ in peers}) == 8
    assert all(host.startswith("127.") and reachable == "yes" for host, _, reachable, *_ in peers)
    assert sorted(told["dial_peers.py"]) == ["bad 127.0.77.1:9", f"good 127.0.0.1:{port}"]
    assert told["put_and_get.py"] == [
        "e5f96f6f38320f0f33959cb4d3d656452117aadb is stored at 8 nodes",
        "Hello World!",
    ]
    *found, last = told["ask_from_asyncio.py"]
    assert len(found) == 8
    assert "127.0.77.1:9" in str(found)
    assert last == "all found"


async def test_the_bootstrap_node_is_joined_by_others(tmp_path: Path) -> None:
    text = (EXAMPLES / "bootstrap_node.py").read_text("utf-8")
    _, _, rest = text.partition("it can be\n")
    toml, _, _ = rest.partition("\npython examples/")
    toml = toml.replace("127.0.0.1:6881", "127.0.0.1:0")
    (tmp_path / "mine.toml").write_text(
        toml.replace('"bootstrap-node"', f'"{tmp_path / "bootstrap-node"}"')
    )
    process = await trio.lowlevel.open_process(
        [sys.executable, "-W", "error", str(EXAMPLES / "bootstrap_node.py"), "mine.toml"],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    assert process.stdout is not None
    read = b""
    try:
        with trio.fail_after(PATIENCE_S):
            while not read.endswith(b"\n"):
                read += await process.stdout.receive_some()
            words = read.decode().split()
            assert words[:2] == ["join", "by"]
            config = kadisc.Config(bind=("127.9.9.9:0",), network="mychain", allow_private=True)
            async with kadisc.open_node(config, bootstrap=[words[2]]) as node:
                await node.joined()
                while b"PeerVerified 127.9.9.9 (1 peers now)" not in read:
                    read += await process.stdout.receive_some()
    finally:
        process.kill()
        await process.wait()
        await process.stdout.aclose()
    assert (tmp_path / "bootstrap-node" / "identity").exists()


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_is_short_and_says_how_it_is_called(program: str) -> None:
    text = (EXAMPLES / program).read_text("utf-8")
    assert 20 <= len(text.splitlines()) <= 45
    assert f"\npython examples/{program} " in text
    assert f"]({program})" in (EXAMPLES / "README.md").read_text("utf-8")


def commands_that_follow(folder: Path) -> dict[str, list[str]]:
    """The programs that follow peers, in the languages that this machine has."""
    found = {"py": [sys.executable, "-W", "error", str(EXAMPLES / "follow_peers.py")]}
    if any(map(shutil.which, ("socat", "nc", "perl"))):
        found["sh"] = ["sh", str(EXAMPLES / "follow_peers.sh")]
    if (node := shutil.which("node")) is not None:
        found["mjs"] = [node, str(EXAMPLES / "follow_peers.mjs")]
    if (rustc := shutil.which("rustc")) is not None:
        program = folder / "follow_peers"
        source = str(EXAMPLES / "follow_peers.rs")
        done = subprocess.run(
            [rustc, "--edition=2021", "-o", str(program), source], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        found["rs"] = [str(program)]
    return found


@pytest.mark.real
async def test_programs_in_four_languages_follow_peers(tmp_path: Path) -> None:
    commands = commands_that_follow(tmp_path)
    told: dict[str, str] = {}
    config = kadisc.Config(
        bind=("127.0.0.1:0",), network="mychain", allow_private=True, state_dir=str(tmp_path / "n")
    )
    guest = kadisc.Config(
        bind=("127.0.77.1:0",), network="mychain", service={"p2p": 9}, allow_private=True
    )

    async def run(name: str, command: list[str], is_found: trio.Event) -> None:
        process = await trio.lowlevel.open_process(
            [*command, str(tmp_path / "n"), "p2p"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL
        )
        assert process.stdout is not None
        told[name] = ""
        try:
            async with process.stdout:
                while "goodbye" not in told[name] and (more := await process.stdout.receive_some()):
                    told[name] += more.decode()
                    if "127.0.77.1:9" in told[name]:
                        is_found.set()
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()

    with trio.fail_after(PATIENCE_S):
        async with kadisc.open_node(config) as node, open_control(node, str(tmp_path / "n")):
            here = format_endpoint(node.local_endpoints[Family.IPV4])
            async with trio.open_nursery() as nursery:
                events = {name: trio.Event() for name in commands}
                for name, command in commands.items():
                    nursery.start_soon(run, name, command, events[name])
                async with kadisc.open_node(guest, bootstrap=[here]):
                    for is_found in events.values():
                        await is_found.wait()
    for name, output in told.items():
        assert "127.0.77.1:9" in output, name
        assert output.index("127.0.77.1:9") < output.index("goodbye"), name
    assert told["py"].splitlines()[0] == "found 127.0.77.1:9"
    assert len(told) >= 2
