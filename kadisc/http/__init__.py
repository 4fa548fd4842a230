"""Metrics and health over HTTP, for Prometheus, load balancers and scripts: read-only, bounded, and
closed to other hosts unless they are let in. May import the layers up to the control socket, never
the core's rooms. Start reading with ``server.py``.
"""
