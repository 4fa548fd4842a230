"""The routing table of one address family and everything that keeps it true: buckets, diversity
caps, candidates, revalidation, refresh, contacts saved over a restart. It may import `contract`,
`addressing` and `limits`. Start with `routing_table.py`, then `bucket.py` and `candidates.py`.
"""
