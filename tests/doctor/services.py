"""What the machines ask: a name server that knows one name, and HTTP servers with clocks."""

from __future__ import annotations

import http.server
import socket
import struct
import threading
import time

NAME = "boot.lab"


def serve_names(host: str, address: str) -> None:
    """A name server: ``NAME`` is at ``address``, all others do not exist."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, 53))

    def serve() -> None:
        while True:
            query, source = sock.recvfrom(512)
            sock.sendto(_answer(query, address), source)

    threading.Thread(target=serve, daemon=True).start()


def _answer(query: bytes, address: str) -> bytes:
    end = query.index(b"\0", 12) + 5
    question, kind = query[12:end], query[end - 4 : end - 2]
    is_known = question[:-5] == b"".join(
        bytes([len(label)]) + label.encode() for label in NAME.split(".")
    )
    found = is_known and kind == b"\0\1"
    flags = 0x8180 if is_known else 0x8183
    head = query[:2] + struct.pack(">5H", flags, 1, int(found), 0, 0)
    answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(address) if found else b""
    return head + question + answer


def serve_clock(host: str, port: int, ahead_s: float) -> None:
    """An HTTP server whose clock is so many seconds ahead."""

    class Clock(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(405)
            self.end_headers()

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(int(time.time() + ahead_s))

        def log_message(self, *words: object) -> None:
            pass

    server = http.server.HTTPServer((host, port), Clock)
    threading.Thread(target=server.serve_forever, daemon=True).start()
