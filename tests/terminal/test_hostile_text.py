"""Every command, as a process of its own, against a node that puts control sequences into whatever
it can say, and with control sequences in what is typed and in files: what comes out of stdout and
stderr is printable text in lines.
"""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bencodepy
import pytest

from kadisc.errors import KadiscError

from .commands import COMMAND, environment, next_event, running

EVIL = (
    "\x1b[2J\x1b]0;owned\x07\x9b31m\x85\r\nkadisc: all is well\x00\x7f\u202egnp\u2066\u2028\u2029"
    "\U000e0041\ufeff"
).encode() + b"\xed\xa0\x80\xff\x1b[31m"
NODE_ID = b"\x1b[2J\r\nkadisc: owned"
ITEM = bencodepy.encode(EVIL)
ITEMS = hashlib.sha1(ITEM).hexdigest()
INFO_HASH = "1b5b324a" * 5


def _error(query: dict[bytes, Any], source: bytes) -> dict[bytes, Any]:
    return {b"y": b"e", b"e": [201, EVIL]}


def _reply(query: dict[bytes, Any], source: bytes) -> dict[bytes, Any]:
    """Everything that a reply can hold. Endpoints are those of BEP 5: 4 bytes and a port."""
    body: dict[bytes, Any] = {
        b"id": NODE_ID,
        b"nodes": NODE_ID + b"\x1b[2J\x0a\x0d",
        b"nodes6": NODE_ID + b"\x1b[2J\x0a\x0d" * 3,
        b"values": [b"\x1b[2J\x0a\x0d", b"\x0d\x0a\x1b\x5b\x0a\x0d"],
        b"token": EVIL[:20],
        b"p": 0x1B5B,
        b"samples": b"\x1b[2J" * 5,
        b"num": 1,
        b"interval": 27,
        b"rec": {b"k": EVIL, b"svc": {EVIL: EVIL}},
        EVIL: EVIL,
    }
    if query.get(b"q") == b"get":
        body[b"v"] = EVIL
    return {b"y": b"r", b"r": body}


@contextmanager
def hostile(answer: Callable[[dict[bytes, Any], bytes], dict[bytes, Any]]) -> Iterator[str]:
    """A node that says hostile things; yields its ``HOST:PORT``."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.77.0.1", 0))
    ended = threading.Event()

    def serve() -> None:
        while not ended.is_set():
            payload, source = sock.recvfrom(4096)
            try:
                query = bencodepy.decode(payload)
            except bencodepy.BencodeDecodeError:
                continue
            if query.get(b"y") == b"q":
                where = socket.inet_aton(source[0]) + source[1].to_bytes(2, "big")
                more = {b"t": query[b"t"], b"v": EVIL[:6], b"ip": where, EVIL[:9]: EVIL}
                sock.sendto(bencodepy.encode(answer(query, where) | more), source)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield "{}:{}".format(*sock.getsockname())
    finally:
        ended.set()
        sock.sendto(b"", sock.getsockname())
        thread.join(5)
        sock.close()


def _commands(where: str, folder: Path) -> list[list[str]]:
    near = ["--bootstrap", where, "--allow-private", "--bind", "127.78.0.1:0"]
    near += ["--state-dir", str(folder)]
    return [
        ["ping", where, "--allow-private", "--bind", "127.78.0.1:0"],
        ["find", INFO_HASH, *near],
        ["peers", INFO_HASH, *near],
        ["peers", "testnet", *near],
        ["announce", INFO_HASH, "--port", "7", *near],
        ["put", "text", *near],
        ["put", "text", "--mutable", *near],
        ["get", ITEMS, *near],
        ["resolve", "1b" * 32, *near],
        ["conformance", where, "--rate", "10000", "--timeout", "0.05", "--case", "ping"],
    ]


def _check(words: list[str], out: bytes, err: bytes, *, errors: str = "strict") -> None:
    for stream in (out, err):
        for line in stream.decode("utf-8", errors).split("\n"):
            assert line.isprintable(), (words, line)
    for line in err.decode("utf-8").splitlines():
        assert line.startswith("kadisc"), (words, line)
        assert "Traceback" not in line
        assert len(line) <= 1100


def _run(words: list[str], **changes: str) -> None:
    done = subprocess.run(
        [*COMMAND, *words],
        capture_output=True,
        timeout=60,
        env=environment(**changes),
        stdin=subprocess.DEVNULL,
    )
    _check(words, done.stdout, done.stderr)
    assert done.returncode in (0, 1, 2, 4), (words, done.stderr)
    assert done.stdout or done.stderr


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(_error, id="errors"),
        pytest.param(_reply, id="replies", marks=pytest.mark.real),  # half a minute
    ],
)
def test_no_command_shows_what_a_node_says_as_it_is(
    answer: Callable[[dict[bytes, Any], bytes], dict[bytes, Any]], tmp_path: Path
) -> None:
    with hostile(answer) as where:
        every = _commands(where, tmp_path)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(_run, [*every, *([*words, "--json"] for words in every[:2])]))


def test_a_running_node_and_its_commands_show_nothing_of_it_either(tmp_path: Path) -> None:
    name = "my\u00a0net"  # a name that a person cannot tell from another one is refused, or shown
    with hostile(_reply) as where, hostile(_error) as other:
        words = ["run", "--no-dashboard", "--json", "--allow-private", "--bind", "127.78.0.2:0"]
        words += ["--bootstrap", where, "--bootstrap", other, "--network", "testnet"]
        words += ["--bootstrap", "\x1b[2J.invalid:1", "--state-dir", str(tmp_path)]
        with running(*words) as process:
            next_event(process, "listening")
            told = ["--state-dir", str(tmp_path)]
            for command in (
                ["status"],
                ["record"],
                ["book", "export"],
                ["why", where],
                ["ping", other, *told],
                ["put", "text", "--keep", *told],
                ["peers", name, *told],
            ):
                _run([*command, *(told if "--state-dir" not in command else [])])
            process.terminate()
            out, err = process.communicate(timeout=30)
        _check(words, out.encode(), err.encode())
        assert all(isinstance(json.loads(line), dict) for line in out.splitlines())


def test_what_is_typed_and_what_stands_in_files_is_not_shown_as_it_is(tmp_path: Path) -> None:
    typed = "\x1b[2J\x1b]0;x\x07\r\nkadisc: owned\u202e\udcff"
    config, book = tmp_path / "config.toml", tmp_path / "book"
    config.write_text('"\\u001b[2J\\u202e" = 1\n')
    broken = tmp_path / "broken.toml"
    broken.write_bytes(b"network = '\x1b[2J\xe2\x80\xae\n")
    book.write_text('{"kadisc-book": 1, "network": "n"}\n{"\\u001b[2J\\r\\n": 1}\n')
    every = (
        [typed],
        ["find", typed],
        ["find", "random", typed],
        ["find", "random", f"--{typed}"],
        ["ping", typed],
        ["ping", f"{typed}:1"],
        ["peers", typed],
        ["announce", typed, "--port", typed],
        ["get", typed],
        ["resolve", typed],
        ["put", "x", "--seq", typed],
        ["run", "--bootstrap", typed],
        ["run", "--network", typed],
        ["run", "--service", typed],
        ["run", "--bind", typed],
        ["run", "--config", typed],
        ["run", "--config", str(config)],
        ["run", "--config", str(broken)],
        ["status", "--state-dir", f"{tmp_path}/{typed}"],
        ["book", "import", str(book)],
        ["book", "import", typed],
        ["sim", "run", typed],
        ["sim", "report", typed],
        ["conformance", typed],
    )
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(_run, every))
    _run(["status"], XDG_STATE_HOME=f"{tmp_path}/\x1b[2J\u202e")


def test_the_error_of_a_node_is_one_line_of_an_application_too() -> None:
    with hostile(_error) as where:
        program = (
            "import trio, logging, kadisc\n"
            "from kadisc.config import Config, CoreConfig\n"
            "async def main():\n"
            "    config = Config(bind=('127.78.0.3:0',), core=CoreConfig(allow_private=True))\n"
            "    async with kadisc.open_node(config) as node:\n"
            "        try:\n"
            f"            await node.ping({where!r})\n"
            "        except kadisc.KadiscError as error:\n"
            "            logging.warning('failed: %s %s', error, error.text)\n"
            "            logging.exception('with its traceback')\n"
            "trio.run(main)\n"
        )
        done = subprocess.run([COMMAND[0], "-c", program], capture_output=True, timeout=60)
    lines = done.stderr.decode("utf-8").split("\n")
    assert lines[0].startswith("WARNING:root:failed: the other node answered with error 201")
    assert all(line.isprintable() for line in lines)
    assert not any(line.startswith("kadisc: all is well") for line in lines)
    assert KadiscError.__str__ is not Exception.__str__
