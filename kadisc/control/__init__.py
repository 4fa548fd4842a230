"""The control socket: local programs query a running node by JSON-RPC 2.0 over a Unix socket in its
state folder.
"""
