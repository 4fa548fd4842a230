"""Text of a stranger on the operator's terminal: a node answers every query with an error (BEP 5)
whose text holds control sequences, and with replies that hold them wherever a text can stand. Each
command is run against it as a process of its own, and its stdout and stderr are read as bytes.

Printed are the commands whose output holds a character that is not printable, and the lines on
stderr that a command did not write itself.
"""

from __future__ import annotations

import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from harness import Address, Message, Peer, arguments, command, honest, report, serve_for

CONTROLS = (
    "\x1b[2J\x1b]0;owned\x07\x9b31m\x85\r\nkadisc: all is well\x00\x7f"
    "\u202egnp\u2066\u2028\u2029\U000e0041"
)
TEXT = CONTROLS.encode() + b"\xed\xa0\x80\xff" + b"x" * 700
INFO_HASH = "1b5b324a" * 5
HOST = "127.77.0.7"


def error(peer: Peer, message: Message, source: Address) -> Message:
    return {b"t": message[b"t"], b"y": b"e", b"e": [201, TEXT], b"v": b"\x1b[2J"}


def reply(peer: Peer, message: Message, source: Address) -> Message | None:
    """Refuses what asks for a store, after it has given a token."""
    if message.get(b"q") in (b"put", b"announce_peer"):
        return error(peer, message, source)
    answer = honest(peer, message, source)
    if answer is not None:
        answer[b"v"] = b"\x1b[2J"
        answer[b"r"] |= {b"v": TEXT[:900], b"values": [b"\x1b[2J\r\n"], b"x": TEXT[:60]}
    return answer


def commands(where: str, folder: str) -> list[list[str]]:
    own = ["--allow-private", "--bind", "127.77.0.8:0", "--state-dir", folder]
    near = ["--bootstrap", where, *own]
    return [
        ["ping", where, *own],
        ["ping", where, *own, "--json"],
        ["find", INFO_HASH, *near],
        ["peers", INFO_HASH, *near],
        ["announce", INFO_HASH, "--port", "7", *near],
        ["put", "text", *near],
        ["put", "text", *near, "--json"],
        ["get", INFO_HASH, *near],
    ]


def run(words: list[str], tree: Path, found: dict[str, list[str]]) -> None:
    start, environment = command(tree)
    try:
        done = subprocess.run(
            [*start, *words], cwd=tree, env=environment, capture_output=True, timeout=60
        )
    except subprocess.TimeoutExpired:
        found["timed out"].append(words[0])
        return
    shown = (done.stdout + b"\n" + done.stderr).decode("utf-8", "surrogateescape")
    if any(not line.isprintable() for line in shown.split("\n")):
        found["not printable"].append(" ".join([words[0], *words[-1:]]))
    lines = done.stderr.decode("utf-8", "replace").splitlines()
    found["forged"] += [line for line in lines if line.startswith("kadisc: all is well")]
    found["longest"].append(str(max(map(len, lines), default=0)))


def main() -> None:
    options = arguments(__doc__ or "").parse_args()
    found: dict[str, list[str]] = {
        name: [] for name in ("not printable", "forged", "longest", "timed out")
    }
    ran = 0
    with tempfile.TemporaryDirectory(prefix="kadisc-attack-") as folder:
        for answer in (error, reply):
            peer = Peer(HOST)
            peer.answer = answer
            where = f"{HOST}:{peer.port}"
            with ThreadPoolExecutor(3) as pool:
                runs = [
                    pool.submit(run, words, options.tree, found)
                    for words in commands(where, folder)
                ]
                while not all(each.done() for each in runs):
                    serve_for([peer], 0.1)
            peer.close()
            ran += len(runs)
    figures: dict[str, Any] = {
        "commands": ran,
        "commands that wrote control characters": len(found["not printable"]),
        "forged lines on stderr": len(found["forged"]),
        "longest line on stderr": max(map(int, found["longest"]), default=0),
        "commands that did not end": len(found["timed out"]),
    }
    report(figures, options.json)


if __name__ == "__main__":
    main()
