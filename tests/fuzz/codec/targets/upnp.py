"""UPnP: answers to the search, what the process that speaks UPnP says, and what a router's web
server says to that process.

An input is the answer to the search, the answers to GET and to POST, and the line of the process,
with a line of four dashes between two of them.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from functools import cache
from random import Random
from urllib.parse import urlsplit

from kadisc.net.mapping import upnp_child
from kadisc.net.mapping.results import MAX_LEASE_S, Grant, MappingRequest, Refusal
from kadisc.net.mapping.upnp import location_in, outcome_of
from kadisc.net.mapping.upnp_child import RequestFailed

from ..mutation import mutate_json
from ..target import Target, require

SEPARATOR = b"\n----\n"
HOST = "127.0.0.1"
PORTS = [16881, 20001]
WAIT_S = 1.0


def check(data: bytes) -> None:
    search, get, post, line = (*data.split(SEPARATOR, 3), b"", b"", b"")[:4]
    _search(search)
    with contextlib.suppress(ValueError, RecursionError):
        document = json.loads(line)
        if isinstance(document, dict):
            _outcome(document | {"ports": PORTS})
    server = _server()
    if server is not None and get:
        _router(server, get, post)


def _search(payload: bytes) -> None:
    url = location_in(payload, HOST, HOST)
    if url is not None:
        is_there = urlsplit(url).hostname == HOST and url.startswith(f"http://{HOST}")
        require(is_there and url.isprintable(), f"{url!r} is not at the router")
    require(location_in(payload, "127.0.0.2", HOST) is None, "another host's answer is taken")


def _outcome(document: dict[str, object]) -> None:
    for lease_s in (3600, 0):
        outcome = outcome_of(document, MappingRequest("udp", 6881, 16881, lease_s))
        if isinstance(outcome, Refusal):
            require(outcome.reason.isprintable() and len(outcome.reason) < 300, f"{outcome}")
        else:
            require(isinstance(outcome, Grant) and outcome.external in PORTS, f"{outcome}")
            require(0 < outcome.lease_s <= MAX_LEASE_S, f"{outcome}")


class WebServer:
    """Answers every GET and every POST with the bytes that it holds, on loopback."""

    def __init__(self) -> None:
        self.get = self.post = b""
        self._listener = socket.create_server((HOST, 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            client, _ = self._listener.accept()
            with client, contextlib.suppress(OSError):
                client.settimeout(WAIT_S)
                head = b""
                while b"\r\n\r\n" not in head and (some := client.recv(4096)):
                    head += some
                client.sendall(self.get if head.startswith(b"GET") else self.post)
                client.shutdown(socket.SHUT_WR)
                while client.recv(4096):
                    pass


@cache
def _server() -> WebServer | None:
    """None where miniupnpc is not installed."""
    try:
        import miniupnpc  # noqa: F401
    except ImportError:
        return None
    return WebServer()


def _router(server: WebServer, get: bytes, post: bytes) -> None:
    server.get, server.post = get, post
    request = {
        "url": f"http://{HOST}:{server.port}/d.xml",
        "gateway": HOST,
        "protocol": "UDP",
        "internal": 6881,
        "ports": PORTS,
        "lease_s": 3600,
        "delete": False,
    }
    try:
        answer = upnp_child.answer_to(request)
    except RequestFailed as failed:
        word, reason = failed.args
        answer = {"error": word, "reason": reason}
    line = json.dumps(answer)
    require(len(line) < upnp_child.MAX_LINE_BYTES or "reason" in answer, "a long line")
    _outcome(json.loads(line) | {"ports": PORTS})


def _description(control: str) -> bytes:
    kind = "urn:schemas-upnp-org:service:WANIPConnection:1"
    inner = (
        f"<serviceList><service><serviceType>{kind}</serviceType><serviceId>x</serviceId>"
        f"<controlURL>{control}</controlURL><eventSubURL>/e</eventSubURL><SCPDURL>/s</SCPDURL>"
        "</service></serviceList>"
    )
    for name in ("WANConnectionDevice", "WANDevice", "InternetGatewayDevice"):
        inner = (
            f"<deviceList><device><deviceType>urn:schemas-upnp-org:device:{name}:1</deviceType>"
            f"{inner}</device></deviceList>"
        )
    return f'<?xml version="1.0"?><root>{inner}</root>'.encode()


def _http(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def seeds() -> list[bytes]:
    search = f"HTTP/1.1 200 OK\r\nST: x\r\nLOCATION: http://{HOST}:5000/d.xml\r\n\r\n".encode()
    granted = _http(b"<s:Envelope><s:Body><x></x></s:Body></s:Envelope>")
    fault = _http(b"<s:Fault><errorCode>725</errorCode></s:Fault>", "500 Internal Server Error")
    lines: list[dict[str, object]] = [
        {"external": 16881, "ip": "45.1.2.3", "lease_s": 3600},
        {"external": 20001, "ip": None, "lease_s": 0},
        {"error": "refused", "reason": "ConflictInMappingEntry\x1b"},
    ]
    chunked = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<root\r\n1\r\n>\r\n0\r\n\r\n"
    )
    sound = _http(_description("/ctl"))
    elsewhere = [
        search.replace(f"{HOST}:5000".encode(), host)
        for host in (b"127.0.0.2", b"127.0.0.1:5000@127.0.0.2", b"127.0.0.1.example.org")
    ]
    told = [SEPARATOR.join((search, b"", b"", json.dumps(line).encode())) for line in lines]
    return [
        *elsewhere,
        *told,
        SEPARATOR.join((b"", sound, granted, b"")),
        SEPARATOR.join((b"", sound, fault, b"")),
        SEPARATOR.join((b"", _http(_description("http://127.0.0.2:80/")), granted, b"")),
        SEPARATOR.join((b"", chunked, b"", b"")),
    ]


def mutate(data: bytes, rng: Random) -> bytes:
    parts = data.split(SEPARATOR)
    if len(parts) > 3:
        parts[3] = mutate_json(parts[3], rng)
    return SEPARATOR.join(parts)


UPNP = Target(
    "upnp",
    "RequestFailed alone is raised in the process that speaks to the router; only addresses at the "
    "router are asked, and only ports that were asked for count as mapped",
    check,
    seeds,
    (b"LOCATION: ", b"http://127.0.0.1", b"Content-Length: -1", b"<controlURL>", SEPARATOR, b"@"),
    mutate,
    max_bytes=2600,
    intended_s=0.02,
    guided_by=("kadisc.net.mapping",),
    quick_runs=100,
)
