"""The same core in virtual time: thousands of nodes on a heap, under a network model, churn, faults
and attack.
"""
