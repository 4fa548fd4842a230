"""The simulator: thousands of nodes run the same core in virtual time, under a network model,
churn, faults and attacks.
"""
