"""Limits on what hosts, subnets, netgroups and all sources together may cause: budgets for queries,
bytes and processor time. It may import `contract` and `addressing`. Start with `traffic.py`, which
the receiver and the sender ask for each datagram.
"""
