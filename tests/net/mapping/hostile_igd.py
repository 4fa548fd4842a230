"""Routers whose UPnP descriptions are hostile, and what becomes of a node that asks them. Part of
`inside.py`; needs miniupnpc.
"""

from __future__ import annotations

import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from random import Random
from typing import Any

import trio

from kadisc.endpoints import Family
from kadisc.net.mapping import upnp
from kadisc.net.mapping.results import Grant
from kadisc.net.mapping.router_access import Location
from kadisc.net.mapping.upnp import UpnpRouter

from .scripted_router import UDP

TYPE = "urn:schemas-upnp-org:service:WANIPConnection:1"


def description(control: str, base: str = "") -> bytes:
    """Of a gateway with one service."""
    devices = "InternetGatewayDevice", "WANDevice", "WANConnectionDevice"
    inner = (
        f"<serviceList><service><serviceType>{TYPE}</serviceType><serviceId>x</serviceId>"
        f"<controlURL>{control}</controlURL><eventSubURL>/e</eventSubURL><SCPDURL>/s</SCPDURL>"
        "</service></serviceList>"
    )
    for device in reversed(devices):
        kind = f"urn:schemas-upnp-org:device:{device}:1"
        inner = f"<device><deviceType>{kind}</deviceType>{inner}</device>"
        if device != devices[0]:
            inner = f"<deviceList>{inner}</deviceList>"
    base = f"<URLBase>{base}</URLBase>" if base else ""
    return f'<?xml version="1.0"?><root>{base}{inner}</root>'.encode()


def soap_error(code: int) -> bytes:
    return (
        "<s:Envelope><s:Body><s:Fault><detail><UPnPError>"
        f"<errorCode>{code}</errorCode></UPnPError></detail></s:Fault></s:Body></s:Envelope>"
    ).encode()


def answer(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@asynccontextmanager
async def web_server(
    host: str, get: bytes, post: bytes, requests: list[str], *, is_slow: bool = False
) -> AsyncIterator[None]:
    """Answers every GET and every POST alike. ``requests``: their first lines."""

    async def serve(stream: trio.SocketStream) -> None:
        async with stream:
            try:
                head = b""
                while b"\r\n\r\n" not in head:
                    some = await stream.receive_some(4096)
                    if not some:
                        return
                    head += some
                requests.append(head.split(b"\r\n")[0].decode("ascii", "replace"))
                reply = get if head.startswith(b"GET") else post
                if not is_slow:
                    await stream.send_all(reply)
                    return
                for at in range(len(reply)):
                    await stream.send_all(reply[at : at + 1])
                    await trio.sleep(0.5)
            except trio.BrokenResourceError:
                return

    listeners = await trio.open_tcp_listeners(5000, host=host)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(trio.serve_listeners, serve, listeners))
        yield
        nursery.cancel_scope.cancel()


async def hostile(router: str, own: str, other: str) -> dict[str, Any]:
    """What each description comes to, how long it took, and what the other host was asked."""
    ok = answer(b"<s:Envelope></s:Envelope>")
    sound = description("/ctl")
    gets = {
        "sound": answer(sound),
        "control-elsewhere": answer(description(f"http://{other}:5000/ctl")),
        "base-elsewhere": answer(description("/ctl", f"http://{other}:5000/")),
        "user-in-url": answer(description(f"http://{router}:5000@{other}:5000/ctl")),
        "garbage": answer(bytes(range(256)) * 64),
        "deep": answer(b"<root>" + b"<device>" * 200_000),
        "large": answer(b"<root>" + b"x" * (20 << 20)),
        "long-name": answer(b"<" + b"a" * 1_000_000 + b">"),
        "endless": b"HTTP/1.1 200 OK\r\nContent-Length: 2000000000\r\n\r\n" + sound,
        "slow": answer(sound),
        "redirect": (
            f"HTTP/1.1 302 Found\r\nLocation: http://{other}:5000/x\r\nContent-Length: 0\r\n\r\n"
        ).encode(),
        "no-permission": answer(sound),
        "permanent-alone": answer(sound),
    }
    posts = {
        "no-permission": answer(soap_error(606), "500 Internal Server Error"),
        "permanent-alone": answer(soap_error(725), "500 Internal Server Error"),
    }
    found = {}
    place = Location(Family.IPV4, router, socket.inet_aton(own))

    async def search(location: Location) -> str:
        return f"http://{router}:5000/rootDesc.xml"

    upnp.search = search  # type: ignore[assignment]
    for name, get in gets.items():
        asked: list[str] = []
        elsewhere: list[str] = []
        started = time.monotonic()
        async with (
            web_server(router, get, posts.get(name, ok), asked, is_slow=name == "slow"),
            web_server(other, answer(sound), ok, elsewhere),
        ):
            outcome = await UpnpRouter(Random(1)).ask(place, UDP)
        found[name] = {
            "outcome": "grant" if isinstance(outcome, Grant) else outcome.code,
            "took_s": round(time.monotonic() - started, 1),
            "elsewhere": elsewhere,
            "posts": sum(line.startswith("POST") for line in asked),
        }
    return found
