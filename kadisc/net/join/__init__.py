"""Joining the DHT: bootstrap hosts, name resolution, static peers, the own address before the first
query. It may import the rooms `transport` and `state`. Start with `bootstrap.py`.
"""
