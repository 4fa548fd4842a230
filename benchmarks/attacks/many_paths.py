"""Programs at the control socket ask for lookups along many disjoint paths, many at once: 16
clients with 16 requests each. Meanwhile a neighbour pings the node every 10 ms.

Prints how long the node stood still at most (the longest that a ping waited), and its memory before
and after.
"""

from __future__ import annotations

import json
import select
import socket
import time
from collections import Counter

from harness import Peer, Target, arguments, crowd, report, running, serve_for

TARGET_ID = "0123456789abcdef0123456789abcdef01234567"


def clients(target: Target, count: int, requests: int, paths: int, k: int) -> list[socket.socket]:
    opened = []
    for _ in range(count):
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(target.folder / "control.sock"))
        lines = [
            {
                "jsonrpc": "2.0",
                "id": number,
                "method": "find",
                "params": {"target": TARGET_ID, "paths": paths, "k": k},
            }
            for number in range(requests)
        ]
        client.sendall(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
        client.setblocking(False)
        opened.append(client)
    return opened


def longest_wait(
    target: Target, pinger: Peer, peers: list[Peer], seconds: float, opened: list[socket.socket]
) -> tuple[float, Counter[str]]:
    """Pings every 10 ms, and reads what the clients are answered."""
    waiting: dict[bytes, float] = {}
    longest = 0.0
    answers: Counter[str] = Counter()
    rest = dict.fromkeys(opened, b"")
    sockets = {peer.socket: peer for peer in [*peers, pinger]}
    began = next_ping = time.monotonic()
    while (now := time.monotonic()) < began + seconds or (waiting and now < began + seconds + 15):
        if now >= next_ping and now < began + seconds:
            next_ping = now + 0.01
            waiting[pinger.query("ping", target.address)] = now
        ready, _, _ = select.select([*sockets, *rest], [], [], 0.01)
        for each in ready:
            if each in rest:
                try:
                    chunk = each.recv(1 << 16)
                except BlockingIOError:
                    continue
                if not chunk:
                    del rest[each]
                    continue
                *lines, rest[each] = (rest[each] + chunk).split(b"\n")
                for line in lines:
                    answers["error" if b'"error"' in line[:200] else "result"] += 1
                continue
            for message, _ in sockets[each].serve():
                since = waiting.pop(message.get(b"t", b""), None)
                if since is not None:
                    longest = max(longest, time.monotonic() - since)
    return longest, answers


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--paths", type=int, default=2000)
    parser.add_argument("--k", type=int, default=8)
    parser.add_argument("--clients", type=int, default=16)
    options = parser.parse_args()
    neighbours = crowd(40)
    pinger = neighbours[0]
    with running(options.tree, bootstrap=[each.address for each in neighbours[:8]]) as target:
        serve_for(neighbours, 3.0)
        before_mb = target.rss_mb()
        usual, _ = longest_wait(target, pinger, neighbours, 2.0, [])
        opened = clients(target, options.clients, 16, options.paths, options.k)
        longest, answers = longest_wait(target, pinger, neighbours, 6.0, opened)
        figures = {
            "paths": options.paths,
            "k": options.k,
            "requests": options.clients * 16,
            "longest wait before, ms": 1000 * usual,
            "longest wait, ms": 1000 * longest,
            "RSS before, MB": before_mb,
            "RSS after, MB": target.rss_mb(),
            "answered with an error": answers["error"],
            "answered with a result": answers["result"],
        }
        for client in opened:
            client.close()
    report(figures, options.json)


if __name__ == "__main__":
    main()
