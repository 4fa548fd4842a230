"""A KRPC client of one socket and no memory: asks one node one thing and returns the reply as plain
data.

Stands alone on purpose, with a bencode of its own: what it sees of kadisc must not depend on
kadisc's code. Queries carry `ro` = 1 (BEP 43). libtorrent then leaves the sender out of its table;
Transmission does not know the flag and remembers whoever asks, which is why a probe keeps one ID
and one port for all its questions.

    python krpc_probe.py find_node 45.1.2.3:6881 [--source 45.4.5.6:0] [--target 40 HEX DIGITS]
"""

import argparse
import ipaddress
import json
import os
import socket
import sys
import time
from typing import Any

Endpoint = tuple[str, int]


class NotBencode(ValueError):
    pass


def encode(value: Any) -> bytes:
    match value:
        case int():
            return b"i%de" % value
        case bytes():
            return b"%d:%s" % (len(value), value)
        case list():
            return b"l" + b"".join(map(encode, value)) + b"e"
        case dict():
            return b"d" + b"".join(encode(key) + encode(value[key]) for key in sorted(value)) + b"e"
    raise TypeError(f"{type(value).__name__} cannot be bencoded")


def decode(data: bytes) -> Any:
    try:
        value, end = _decode_at(data, 0)
    except (IndexError, ValueError) as error:
        raise NotBencode(repr(data[:64])) from error
    if end != len(data):
        raise NotBencode(f"{len(data) - end} bytes too many")
    return value


def _decode_at(data: bytes, at: int) -> tuple[Any, int]:
    match data[at : at + 1]:
        case b"i":
            end = data.index(b"e", at)
            return int(data[at + 1 : end]), end + 1
        case b"l" | b"d" as kind:
            items = []
            at += 1
            while data[at] != ord("e"):
                item, at = _decode_at(data, at)
                items.append(item)
            return (
                items if kind == b"l" else dict(zip(items[::2], items[1::2], strict=True))
            ), at + 1
    colon = data.index(b":", at)
    length = int(data[at:colon])
    if length < 0 or colon + 1 + length > len(data):
        raise ValueError("a string beyond the end")
    return data[colon + 1 : colon + 1 + length], colon + 1 + length


def parse_endpoint(compact: bytes) -> Endpoint:
    return str(ipaddress.ip_address(compact[:-2])), int.from_bytes(compact[-2:], "big")


def parse_nodes(compact: bytes, size: int) -> list[dict[str, Any]]:
    """26 or 38 bytes a node -> {"id", "host", "port"}."""
    nodes = []
    for at in range(0, len(compact) - size + 1, size):
        host, port = parse_endpoint(compact[at + 20 : at + size])
        nodes.append({"id": compact[at : at + 20].hex(), "host": host, "port": port})
    return nodes


def readable(reply: dict[bytes, Any]) -> dict[str, Any]:
    """The parts of a reply that tests look at, ready for JSON."""
    body = reply.get(b"r", {})
    version = reply.get(b"v")
    return {
        "id": body[b"id"].hex() if b"id" in body else None,
        "client": version.hex() if version is not None else None,
        "nodes": parse_nodes(body.get(b"nodes", b""), 26)
        + parse_nodes(body.get(b"nodes6", b""), 38),
        "values": [parse_endpoint(peer) for peer in body.get(b"values", [])],
        "token": body[b"token"].hex() if b"token" in body else None,
        "has_item": b"v" in body,
        "seen_as": parse_endpoint(reply[b"ip"]) if b"ip" in reply else None,
        "error": [reply[b"e"][0], reply[b"e"][1].decode("latin-1")] if b"e" in reply else None,
    }


class Probe:
    """A bound socket and one node ID; `ask` waits for the matching reply, or returns None."""

    def __init__(self, source: Endpoint, node_id: bytes | None = None) -> None:
        self._socket = socket.socket(
            socket.AF_INET6 if ":" in source[0] else socket.AF_INET, socket.SOCK_DGRAM
        )
        self._socket.bind(source)
        self._id = node_id or os.urandom(20)

    def __enter__(self) -> "Probe":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def ask(
        self, method: str, destination: Endpoint, timeout_s: float = 2.0, **arguments: Any
    ) -> dict[str, Any] | None:
        transaction = os.urandom(4)
        body = {b"id": self._id} | {name.encode(): value for name, value in arguments.items()}
        self._socket.sendto(
            encode({b"t": transaction, b"y": b"q", b"q": method.encode(), b"ro": 1, b"a": body}),
            destination,
        )
        deadline = time.monotonic() + timeout_s
        while (left_s := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left_s)
            try:
                data, source = self._socket.recvfrom(4096)
                reply = decode(data)
            except (TimeoutError, NotBencode, ConnectionError):
                continue
            if (
                source[:2] == destination
                and isinstance(reply, dict)
                and reply.get(b"t") == transaction
                and reply.get(b"y") != b"q"
            ):
                return readable(reply)
        return None

    def ping(self, destination: Endpoint) -> dict[str, Any] | None:
        return self.ask("ping", destination)

    def find_node(self, destination: Endpoint, target_id: str) -> dict[str, Any] | None:
        return self.ask(
            "find_node",
            destination,
            target=bytes.fromhex(target_id),
            want=[b"n6" if ":" in destination[0] else b"n4"],
        )

    def get_peers(self, destination: Endpoint, info_hash: str) -> dict[str, Any] | None:
        return self.ask("get_peers", destination, info_hash=bytes.fromhex(info_hash))


def main() -> None:
    def endpoint(text: str) -> Endpoint:
        host, _, port = text.rpartition(":")
        return host.strip("[]"), int(port)

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("method", choices=["ping", "find_node", "get_peers"])
    parser.add_argument("destination", type=endpoint, metavar="HOST:PORT")
    parser.add_argument("--source", type=endpoint, metavar="HOST:PORT")
    parser.add_argument(
        "--target",
        default=os.urandom(20).hex(),
        metavar="HEX",
        help="node ID or info-hash; random if none is given",
    )
    arguments = parser.parse_args()
    source = arguments.source or ("::" if ":" in arguments.destination[0] else "0.0.0.0", 0)
    with Probe(source) as probe:
        if arguments.method == "ping":
            reply = probe.ping(arguments.destination)
        else:
            reply = getattr(probe, arguments.method)(arguments.destination, arguments.target)
    if reply is None:
        sys.exit("no reply")
    print(json.dumps(reply, indent=2))


if __name__ == "__main__":
    main()
