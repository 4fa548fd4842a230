"""The control socket: what programs on this machine ask of a running node, by JSON-RPC 2.0 over a
Unix socket in its state folder.
"""
