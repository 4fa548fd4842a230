"""Everything that is decided by an address alone: scopes and subnets, BEP 42 node IDs, the node's
own external address, whether the node is online. It may import `contract`. Start with `policy.py`,
which says what an address is and who may name it.
"""
