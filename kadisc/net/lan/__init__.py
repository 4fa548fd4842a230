"""The LAN: beacons by which nodes on one link find each other without any server. It may import
the rooms `transport`, `link` and `join`. Start with `beacons.py`, which has no I/O, then `lan.py`.
"""
