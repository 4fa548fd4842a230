"""A node that others join by: a fixed address, a key that stays, no other node needed. The file has
the keys of docs/reference/configuration.md; for this machine alone it can be

    bind = ["127.0.0.1:6881"]
    routers = []            # no public routers: a network of one's own
    network = "mychain"
    allow_private = true    # only for loopback and private addresses
    state_dir = "bootstrap-node"

python examples/bootstrap_node.py bootstrap.toml
"""

import sys

import trio

import kadisc


async def main(path: str) -> None:
    async with (
        kadisc.open_node(kadisc.load_config(path)) as node,
        node.subscribe(kadisc.PeerVerified, kadisc.PeerLost) as events,
    ):
        for endpoint in node.local_endpoints.values():
            print("join by", kadisc.format_endpoint(endpoint), flush=True)
        async for event in events:
            known = node.snapshot().peer_network.verified
            print(type(event).__name__, event.peer.host, f"({known} peers now)", flush=True)


trio.run(main, *sys.argv[1:])
