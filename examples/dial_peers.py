"""Takes peers that offer a service, dials each, and tells kadisc what came of it: a peer that is
judged bad is not given again for an hour.

python examples/dial_peers.py mychain p2p 127.0.0.1:6881
"""

import sys

import trio

import kadisc

WANTED = 8


async def dial(host: str, port: int) -> bool:
    """Here a chain node would shake hands: another chain is ``wrong-network``, a full one busy."""
    with trio.move_on_after(5):
        try:
            stream = await trio.open_tcp_stream(host, port)
        except OSError:
            return False
        await stream.aclose()
        return True
    return False


async def main(network: str, service: str, bootstrap: str) -> None:
    config = kadisc.Config(network=network, allow_private=True)  # loopback only: see print_peers.py
    async with kadisc.open_node(config, bootstrap=[bootstrap]) as node:
        connected = 0
        async for peer in node.peers(service=service):
            port = peer.services[service]
            verdict = "good" if await dial(peer.host, int(port)) else "bad"
            node.feedback(peer, verdict)
            print(f"{verdict} {peer.host}:{port}", flush=True)
            connected += verdict == "good"
            if connected == WANTED:
                break


trio.run(main, *sys.argv[1:])
