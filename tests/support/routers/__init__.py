"""A small internet of network namespaces, with real routers: nft for the kinds of NAT, miniupnpd
for port mapping, and a process with many public kadisc nodes. No root is needed. A scenario builds
it in namespaces of its own (`namespaces.py`), and the kernel removes it when the scenario ends.

Start with `internet.py`, which has the map.
"""
