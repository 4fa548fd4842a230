"""Attacks on a whole simulated network: addresses of attackers, eclipse attacks and gossip floods,
runs with each defence off. It may import the rooms that `probes` may, and `probes`. Start with
`eclipse.py`.
"""
