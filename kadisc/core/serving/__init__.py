"""Answers to the queries of other nodes: contacts, stored peers (BEP 5), items (BEP 44), samples of
info-hashes (BEP 51), tokens. This room may import every room before it in the order of
`tests/test_layers.py`, of which it uses `table`. Start with `responder.py`.
"""
