"""Measurements that run inside a lab: lookups, lookups under attack, samples of gossip, nodes whose
address changes. It may import `model`, `measure`, `adversaries` and `lab`. Start with
`lookup_probe.py`.
"""
