"""Getting into the network: bootstrap hosts, name resolution, static peers, the first guess of the
own address. It may import `transport` and `state`. Start with `bootstrap.py`.
"""
