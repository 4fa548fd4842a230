"""Servers that do nothing but send back what comes: what a machine and its sockets allow. ``echo.py
trio|batch HOST:PORT``.

``trio`` reads as kadisc does: it waits until something can be read, and then reads until nothing is
left. ``batch`` reads and writes 64 datagrams with one system call: it shows how much the load
generator can carry.
"""

from __future__ import annotations

import select
import socket
import sys

import trio
from mmsg import Inbox

from kadisc.endpoints import split_host_port


async def echo_trio(sock: socket.socket) -> None:
    while True:
        await trio.lowlevel.wait_readable(sock)
        for _ in range(64):
            try:
                payload, source = sock.recvfrom(2048)
            except BlockingIOError:
                break
            sock.sendto(payload, source)


def echo_batch(sock: socket.socket) -> None:
    inbox = Inbox(sock)
    while True:
        select.select([sock], [], [])
        while count := inbox.receive():
            inbox.echo(count)


def main() -> None:
    kind, address = sys.argv[1:]
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, buffer, 1 << 20)
    sock.setblocking(False)
    sock.bind(split_host_port(address))
    print('{"event": "listening"}', flush=True)
    if kind == "trio":
        trio.run(echo_trio, sock)
    else:
        echo_batch(sock)


if __name__ == "__main__":
    main()
