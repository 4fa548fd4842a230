"""Whether strangers reach the node: the test of its own endpoints, and the help that it gives to
other nodes with theirs. It may import `contract`, `addressing`, `limits`, `table`, `rpc`, `book`,
the module `dht` and `serving`. Start with `reachability.py`; `endpoint_test.py` is the state
machine of one endpoint, `helping.py` the side that helps.
"""
