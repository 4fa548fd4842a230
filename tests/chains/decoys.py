"""TCP servers that are no chain nodes: python -m tests.chains.decoys KIND@HOST:PORT... prints a
JSON line for each connection.

``http``: Python's web server. ``silent`` accepts and says nothing. ``closing`` accepts and closes
at once, like a full Bitcoin Core. ``babbling`` sends bytes of chance without end.
"""

import http.server
import json
import os
import secrets
import socket
import sys
import threading


def note(kind: str, source: tuple[str, int]) -> None:
    print(json.dumps({"event": "connection", "kind": kind, "source": source[0]}), flush=True)


class CountingHttpServer(http.server.ThreadingHTTPServer):
    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, source = super().get_request()
        note("http", source)
        return connection, source


def serve(kind: str, host: str, port: int) -> None:
    if kind == "http":
        CountingHttpServer((host, port), http.server.SimpleHTTPRequestHandler).serve_forever()
    listener = socket.create_server((host, port))
    held = []
    while True:
        connection, source = listener.accept()
        note(kind, source)
        if kind == "closing":
            connection.close()
            continue
        held.append(connection)
        if kind == "babbling":
            threading.Thread(target=babble, args=(connection,), daemon=True).start()


def babble(connection: socket.socket) -> None:
    try:
        while True:
            connection.sendall(secrets.token_bytes(65536))
    except OSError:
        connection.close()


def main() -> None:
    threads = []
    for word in sys.argv[1:]:
        kind, _, address = word.partition("@")
        host, _, port = address.partition(":")
        threads.append(threading.Thread(target=serve, args=(kind, host, int(port)), daemon=True))
        threads[-1].start()
    print(json.dumps({"event": "listening"}), flush=True)
    sys.stdin.read()
    for thread in threads:
        thread.join()
    os._exit(0)


if __name__ == "__main__":
    main()
