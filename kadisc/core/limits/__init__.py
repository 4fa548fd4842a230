"""Limits on the traffic that hosts, subnets and all sources together may cause: budgets for queries
and for bytes. It may import `contract` and `addressing`. Start with `traffic.py`, which the
receiver and the sender ask for each datagram.
"""
