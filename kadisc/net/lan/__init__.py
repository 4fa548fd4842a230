"""The LAN: beacons by which nodes on one link find each other without any server. It may import
the rooms `transport` and `link`. Start with `beacons.py`, the machine without I/O, then `lan.py`.
"""
