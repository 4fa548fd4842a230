"""Standing nodes and newcomers of libtorrent's DHT for `discover.py`.

    libtorrent_nodes.py nodes FILE                    settings, as `sides.py` tells
    libtorrent_nodes.py newcomer NETWORK HOST:PORT   prints {"peer": HOST} for each peer

What it finds is unverified: addresses that nodes announced under the info-hash of the network.
libtorrent queries none of them. The standing nodes are one session that listens at
all hosts, with a DHT node at each; they announce themselves. Prints {"met": n} when it has changed:
the number of peers that a lookup by the session itself found, less one.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

import libtorrent

OUT_OF_THE_WAY = 500_000_000
"""Of a limit: the standing nodes share one session."""
AGAIN_S = 1.0
"""Between two announces, or lookups, of the standing nodes until all are found."""
LOOK_AGAIN_S = 0.05
"""A lookup that is begun before the bootstrap node is known ends at once and says nothing, so a
newcomer begins one again until peers are named.
"""
QUIET = {
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "alert_mask": libtorrent.alert.category_t.status_notification
    | libtorrent.alert.category_t.dht_operation_notification,
}


def say(**value: Any) -> None:
    print(json.dumps(value), flush=True)


def info_hash_of(network: str) -> Any:
    return libtorrent.sha1_hash(hashlib.sha1(network.encode()).digest())


def packed(host: str, port: int) -> bytes:
    return ipaddress.ip_address(host).packed + port.to_bytes(2, "big")


def listening(session: Any, count: int) -> None:
    """Waits for the sockets; turned on before, the DHT would forget the nodes given to it."""
    opened = 0
    while opened < count:
        session.wait_for_alert(1000)
        for alert in session.pop_alerts():
            if isinstance(alert, libtorrent.listen_failed_alert):
                sys.exit(f"libtorrent cannot listen: {alert.message()}")
            opened += (
                isinstance(alert, libtorrent.listen_succeeded_alert)
                and alert.socket_type == libtorrent.socket_type_t.utp
            )
    session.apply_settings({"enable_dht": True})


def named(session: Any) -> set[str]:
    """The peers named since the last call."""
    return {
        host
        for alert in session.pop_alerts()
        if isinstance(alert, libtorrent.dht_get_peers_reply_alert)
        for host, _ in alert.peers()
    }


def nodes(settings: dict[str, Any]) -> None:
    hosts, port = settings["hosts"], settings["port"]
    known = [packed(host, port) for host in hosts]
    if settings.get("bootstrap"):
        host, _, its_port = settings["bootstrap"].rpartition(":")
        known.append(packed(host, int(its_port)))
    state = {b"dht state": {b"nodes": known}}
    params = libtorrent.read_session_params(libtorrent.bencode(state))
    params.settings = QUIET | {
        "listen_interfaces": ",".join(f"{host}:{port}" for host in hosts),
        "dht_block_ratelimit": OUT_OF_THE_WAY,
        "dht_upload_rate_limit": OUT_OF_THE_WAY,
    }
    session = libtorrent.session(params)
    listening(session, len(hosts))
    info_hash, found = info_hash_of(settings["network"]), set[str]()
    count = len(settings["all"][settings["network"]])
    while True:
        if len(found) < count:
            session.dht_announce(info_hash, port, 0)
            session.dht_get_peers(info_hash)
        time.sleep(AGAIN_S)
        if new := named(session) - found:
            found |= new
            say(met=len(found) - 1)


def newcomer(network: str, bootstrap: str) -> None:
    params = libtorrent.session_params()
    params.settings = QUIET | {
        "listen_interfaces": "0.0.0.0:6881",
        "dht_bootstrap_nodes": bootstrap,
    }
    session = libtorrent.session(params)
    listening(session, 1)
    info_hash, found = info_hash_of(network), set[str]()
    while True:
        if not found:
            session.dht_get_peers(info_hash)
        session.wait_for_alert(round(1000 * LOOK_AGAIN_S))
        for host in named(session) - found:
            found.add(host)
            say(peer=host)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if sys.argv[1] == "nodes":
        nodes(json.loads(Path(sys.argv[2]).read_text()))
    else:
        newcomer(*sys.argv[2:])
