"""Standing nodes and newcomers of lattica (rust-libp2p) for `discover.py`.

    lattica_nodes.py nodes FILE                   settings, as `sides.py` tells
    lattica_nodes.py newcomer NETWORK MULTIADDR   prints {"peer": ID} for each peer

A peer is one that the newcomer is connected to, whose key the handshake has proved. All nodes share
one DHT. With KADISC_DISCOVER_SHARED in the environment, others than those of the network are in it:
then a peer must also be a provider of the network's key, which the nodes of the network are.

Prints {"bootstrap": MULTIADDR, "names": {ID: HOST}}, and {"met": n} when it has changed: the number
of connections of the node that has fewest.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from lattica import Lattica

SHARED = "KADISC_DISCOVER_SHARED"
POLL_S = 0.01
"""There are no events: programs poll the list of peers."""
ASK_PROVIDERS_S = 0.2


def say(**value: Any) -> None:
    print(json.dumps(value), flush=True)


def builder() -> Any:
    """All defaults, without multicast and UPnP: no other host is in the local network."""
    return Lattica.builder().with_mdns(False).with_upnp(False)


def nodes(settings: dict[str, Any]) -> None:
    bootstrap, opened, names = settings.get("bootstrap", ""), [], {}
    for host in settings["hosts"]:
        listen = f"/ip4/{host}/tcp/{settings['port']}"
        made = builder().with_listen_addrs([listen]).with_external_addrs([listen])
        node = (made.with_bootstraps([bootstrap]) if bootstrap else made).build()
        names[node.peer_id()] = host
        bootstrap = bootstrap or f"{listen}/p2p/{node.peer_id()}"
        opened.append(node)
    say(bootstrap=bootstrap, names=names)
    providing = list(opened) if SHARED in os.environ else []
    told = -1
    while True:
        while providing:
            try:
                providing[-1].start_providing(settings["network"])
                providing.pop()
            except RuntimeError as error:  # a time-out, while it knows no other node
                print(str(error).splitlines()[0], file=sys.stderr)
                break
        if not providing and (met := min(len(node.get_all_peers()) for node in opened)) != told:
            told = met
            say(met=met)
        time.sleep(0.5)


def newcomer(network: str, bootstrap: str) -> None:
    node = builder().with_bootstraps([bootstrap]).build()
    providers: set[str] | None = set() if SHARED in os.environ else None
    if providers is not None:
        threading.Thread(target=ask, args=(node, network, providers), daemon=True).start()
    told: set[str] = set()
    while True:
        for peer in node.get_all_peers():
            if peer not in told and (providers is None or peer in providers):
                told.add(peer)
                say(peer=peer)
        time.sleep(POLL_S)


def ask(node: Any, network: str, providers: set[str]) -> None:
    while True:
        try:
            providers.update(node.get_providers(network))
        except RuntimeError as error:  # while it knows no other node
            print(error, file=sys.stderr)
        time.sleep(ASK_PROVIDERS_S)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    if sys.argv[1] == "nodes":
        nodes(json.loads(Path(sys.argv[2]).read_text()))
    else:
        newcomer(*sys.argv[2:])
