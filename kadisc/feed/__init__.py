"""``kadisc feed``: takes peers from the running node, offers them to a chain node, and tells the
running node what became of them.

It knows the running node by its control socket alone (`node_link.py`), and the chain node by its
RPC, a command or a file (`chain_node.py`). Start with `loop.py`, which joins both; what it decides
without I/O is in `candidates.py` (whom to try, and when) and `availability.py` (whether the chain
node is there). It may import the control socket and what that imports.
"""
